from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from octseg.errors import MeasurementError
from octseg.measurement import measure
from octseg.measurement.depth import lipid_depth_px, visible_lipid
from tests.fakes.results import withdrawn_result
from tests.fakes.vessel import SPACING_MM, Maps


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40)])
@pytest.mark.parametrize("value", [0.0, 0.5, 0.6, 1.0])
def test_the_smallest_maps_are_measured_without_a_fault(size: tuple[int, int], value: float) -> None:
    map_ = np.full(size, value, np.float32)
    found = measure({"lumen": map_, "lipid_core": map_}, SPACING_MM, disc=np.ones(size, bool))
    assert 0 <= (found.lipid_core_area_px or 0) <= size[0] * size[1]
    assert (found.lipid_core_area_px is None) or value > 0
    assert all(area > 0 for area in found.lipid_core_areas_px or ())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 9]), st.booleans())
def test_any_maps_give_numbers_that_can_be_true(seed: int, grain: int, as_masks: bool) -> None:
    rng = np.random.default_rng(seed)
    maps = {
        name: np.kron(rng.random((72 // grain, 72 // grain)), np.ones((grain, grain))).astype(np.float32)
        for name in ("lumen", "lipid_core", "vasa_vasorum")
    }
    if as_masks:
        maps = {name: map_ > 0.5 for name, map_ in maps.items()}
    found = measure(maps, 0.05, disc=np.ones(maps["lumen"].shape, bool))
    assert found.lipid_core_area_px is not None
    assert 0 < found.lipid_core_area_px <= 72 * 72
    assert found.lipid_arc_deg is not None
    assert 0 <= found.lipid_arc_deg <= 360
    assert found.lipid_cores is not None
    assert sum(core.arc_deg for core in found.lipid_cores) == found.lipid_arc_deg
    assert sum(core.area_px for core in found.lipid_cores) <= found.lipid_core_area_px * (1 + 1e-6)
    for name in (field.name for field in fields(found) if "thickness" in field.name):
        assert getattr(found, name) is None or getattr(found, name) >= 0


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({}, "maps is empty"),
        ({"calcium": np.zeros((4, 4))}, "unknown class 'calcium'; the classes are lumen, fibrous_cap"),
        ({"lumen": np.zeros((4, 4)), "lipid_core": np.zeros((4, 5))}, r"share one shape, got lumen \(4, 4\)"),
        ({"lumen": np.zeros((4, 4, 3))}, r"must be \(H, W\), got shape \(4, 4, 3\)"),
        ({"lumen": np.zeros((0, 4))}, r"must be \(H, W\), got shape \(0, 4\)"),
        (
            {"lumen": np.full((4, 4), 255, np.uint8)},
            "is uint8 with values from 255 to 255; give a mask of 0 and 1, such as mask > 0",
        ),
        ({"lumen": np.full((4, 4), 1.5)}, "got values from 1.5 to 1.5"),
        ({"lumen": np.full((4, 4), np.nan)}, "got values from nan to nan"),
    ],
)
def test_maps_that_are_none_are_refused_in_a_sentence(maps: Maps, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measure(maps, SPACING_MM)


LABELS = np.repeat(np.arange(4, dtype=np.uint8), 4).reshape(4, 4)
MASK = LABELS == 1


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (LABELS, r"not one array of shape \(4, 4\); of a label image give each class its own mask"),
        (
            {"lumen": LABELS},
            "values from 0 to 3; give a mask of 0 and 1, of a label image such as labels == 3 for each",
        ),
        ([MASK], "maps must be a dict of class name to map, not list"),
        (None, "maps must be a dict of class name to map, not NoneType"),
        (withdrawn_result(), "not FrameResult; give its .masks or .probabilities"),
        ({"lumen": MASK.tolist()}, r"the map of lumen must be a NumPy array \(H, W\), not list"),
        ({"lumen": None}, "must be a NumPy array"),
        ({"lumen": MASK.astype(complex)}, "must hold bools or numbers, not values of type complex128"),
        ({"lumen": MASK.astype(str)}, "must hold bools or numbers"),
        ({"lumen": MASK.astype(object)}, "must hold bools or numbers"),
    ],
)
def test_what_holds_no_maps_is_refused_in_a_sentence(maps: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measure(maps, SPACING_MM)  # type: ignore[arg-type]


@pytest.mark.parametrize("spacing", ["0.01", "abc", (0.01, 0.01), [0.01], np.array([0.01, 0.01]), 0.01j, {"mm": 0.01}])
def test_a_spacing_that_is_no_number_is_refused_in_a_sentence(spacing: object) -> None:
    with pytest.raises(ValueError, match=r"pixel_spacing_mm must be (a|one) number of mm, such as 0.00996"):
        measure({"lumen": MASK}, spacing)  # type: ignore[arg-type]


@pytest.mark.parametrize("spacing", [np.float32(0.01), np.array(0.01), Fraction(1, 100)])
def test_a_spacing_is_a_number_of_any_kind(spacing: float) -> None:
    assert measure({"lumen": MASK}, spacing).pixel_spacing_mm == pytest.approx(0.01)


@pytest.mark.parametrize("centre", ["x", (1, 2, 3), (float("nan"), 2), ("1", "2"), 5])
def test_a_catheter_that_is_nowhere_is_refused_in_a_sentence(centre: object) -> None:
    with pytest.raises(ValueError, match=r"catheter_centre.* \(row, col\) in pixels"):
        measure({"lumen": MASK}, catheter_centre=centre)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["750", [750], 0, -750, float("nan"), float("inf")])
def test_a_frames_side_that_is_no_length_is_refused_in_a_sentence(side: object) -> None:
    with pytest.raises(ValueError, match="frame_side_px must be "):
        measure({"lumen": MASK, "lipid_core": MASK}, frame_side_px=side)  # type: ignore[arg-type]


def test_other_arguments_that_do_not_fit_are_refused_in_a_sentence() -> None:
    maps = {"lumen": np.zeros((4, 4), bool)}
    with pytest.raises(ValueError, match=r"disc must be a bool mask of shape \(4, 4\) like the maps"):
        measure(maps, disc=np.ones((5, 4), bool))
    with pytest.raises(ValueError, match="disc is empty"):
        measure(maps, disc=np.zeros((4, 4), bool))
    with pytest.raises(ValueError, match=r"disc must be a NumPy array \(H, W\), not list"):
        measure(maps, disc=[[True]])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"thresholds must be a dict such as .* not float"):
        measure(maps, thresholds=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"the threshold of lumen must be a number, not '0.5'"):
        measure(maps, thresholds={"lumen": "0.5"})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="threshold for unknown class 'calcium'"):
        measure(maps, thresholds={"calcium": 0.5})
    with pytest.raises(ValueError, match="threshold of lumen must lie between 0 and 1, got 1"):
        measure(maps, thresholds={"lumen": 1.0})


@pytest.mark.parametrize("spacing_mm", [0.0, -0.01, float("nan"), float("inf"), 9.957])
def test_a_pixel_spacing_that_no_frame_has_is_refused(spacing_mm: float) -> None:
    with pytest.raises(MeasurementError, match=r"is outside 0\.0001 to 0\.1 mm"):
        measure({"lumen": np.zeros((4, 4), bool)}, spacing_mm)


def test_real_masks_have_numbers_that_fit_a_coronary_artery(real_frames: Path) -> None:
    for path in sorted((real_frames / "test" / "mask").glob("*.tiff")):
        planes = tifffile.imread(path) > 0
        found = measure({"lumen": planes[..., 0], "lipid_core": planes[..., 2]}, 0.00668, catheter_centre=(375, 375))
        assert found.lumen_area_px == pytest.approx(np.count_nonzero(planes[..., 0]), rel=0.02)
        visible = visible_lipid(planes[..., 2], planes[..., 0], lipid_depth_px(0.00668, 750))
        assert found.lipid_core_area_px == pytest.approx(np.count_nonzero(visible), rel=0.005)
        assert found.lumen_area_mm2 is not None
        assert 1 < found.lumen_area_mm2 < 25
        assert found.fibrous_cap_thickness_mean_um is not None
        assert 20 < found.fibrous_cap_thickness_mean_um < 600


def test_a_mask_of_zeros_and_ones_measures_as_the_same_mask_of_bool() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:40, 20:50] = True
    as_bool, as_ints = (measure({"lumen": map_}, 0.01) for map_ in (mask, mask.astype(np.uint8)))
    assert as_ints == as_bool
    assert as_ints.lumen_area_px == 900
