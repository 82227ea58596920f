"""Outlines as GeoJSON, as shapely opens them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import shape
from shapely.geometry.polygon import orient

from octseg.export.contours.geojson import write_geojson
from octseg.export.contours.polygons import polygons_of
from tests.fakes.exported import MODEL, masks_of, segmented


def written(folder: Path, **more: Any) -> dict[str, Any]:
    (name,) = write_geojson(segmented(**more), folder, "run")
    assert name == "run.geojson"
    content: dict[str, Any] = json.loads((folder / name).read_text())
    return content


def test_shapely_has_valid_shapes_with_the_area_and_the_place_of_each_mask(tmp_path: Path) -> None:
    for feature in written(tmp_path, count=4)["features"]:
        properties = feature["properties"]
        mask = masks_of(properties["frame"])[properties["tissue"]]
        found = shape(feature["geometry"])
        assert found.is_valid
        cut_corners = 0.125 * 8 * mask.sum() ** 0.5
        assert abs(found.area - mask.sum()) < cut_corners
        row, col = (axis.mean() + 0.5 for axis in np.nonzero(mask))
        assert abs(found.centroid.x - col) < 0.1
        assert abs(found.centroid.y - row) < 0.1


def test_a_cap_around_the_lumen_has_a_hole(tmp_path: Path) -> None:
    caps = [each for each in written(tmp_path, count=1)["features"] if each["properties"]["tissue"] == "fibrous_cap"]
    (polygon,) = shape(caps[0]["geometry"]).geoms
    assert len(polygon.interiors) == 1


def test_rings_go_as_rfc_7946_has_them_and_end_where_they_begin(tmp_path: Path) -> None:
    for feature in written(tmp_path, count=3)["features"]:
        for polygon, rings in zip(shape(feature["geometry"]).geoms, feature["geometry"]["coordinates"], strict=True):
            assert orient(polygon, 1.0).equals_exact(polygon, 0)
            assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in rings)


def test_it_says_that_coordinates_are_pixels_and_where_it_comes_from(tmp_path: Path) -> None:
    content = written(tmp_path, count=2)
    assert content["type"] == "FeatureCollection"
    assert "not longitude and latitude" in content["coordinates"]
    assert content["octseg"]["model"]["sha256"] == MODEL.sha256
    assert [each["geometry"]["plane"]["z"] for each in content["features"]] == [0] * 4 + [1] * 3
    assert content["features"][0]["properties"]["pixel_spacing_source"] == "dicom"


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 16), st.integers(1, 16))))
def test_any_mask_has_valid_polygons(mask: np.ndarray) -> None:
    for polygon in polygons_of(mask):
        found = shape(
            {"type": "Polygon", "coordinates": [polygon.outer.tolist(), *map(np.ndarray.tolist, polygon.holes)]}
        )
        assert found.is_valid
        assert orient(found, 1.0).equals_exact(found, 0)
