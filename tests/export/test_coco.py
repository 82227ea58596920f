"""Outlines as COCO, as pycocotools opens them."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from octseg.export.contours.coco import run_lengths, write_coco
from octseg.export.contours.polygons import polygons_of
from tests.fakes.exported import MODEL, REASON, masks_of, segmented


def opened(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_has_the_very_masks_from_it(tmp_path: Path) -> None:
    write_coco(segmented(count=5), tmp_path, "run")
    coco = opened(tmp_path / "run_coco.json")
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert names == {1: "lumen", 2: "fibrous_cap", 3: "lipid_core", 4: "vasa_vasorum"}
    seen = 0
    for image in coco.loadImgs(coco.getImgIds()):
        masks = masks_of(image["frame"])
        found = {names[each["category_id"]]: each for each in coco.loadAnns(coco.getAnnIds(image["id"]))}
        assert set(found) == {name for name, mask in masks.items() if mask.any()}
        for name, annotation in found.items():
            seen += 1
            assert np.array_equal(coco.annToMask(annotation), masks[name]), (image, name)
            assert annotation["area"] == masks[name].sum()
            box = coco_masks.toBbox(coco.annToRLE(annotation)).tolist()
            assert annotation["bbox"] == box
    assert seen == 5 * 3 + 3


def test_a_ring_is_run_lengths_and_what_has_no_holes_is_polygons(tmp_path: Path) -> None:
    write_coco(segmented(count=1), tmp_path, "run")
    lumen, cap, core, vasa = json.loads((tmp_path / "run_coco.json").read_text())["annotations"]
    assert isinstance(cap["segmentation"], dict)
    assert [len(each["segmentation"]) for each in (lumen, core)] == [1, 1]
    assert len(vasa["segmentation"]) in (1, 2)


def test_it_says_where_it_comes_from_and_what_is_withdrawn(tmp_path: Path) -> None:
    write_coco(segmented(count=3, withdrawn=(2,)), tmp_path, "run")
    content = json.loads((tmp_path / "run_coco.json").read_text())
    assert content["info"]["model"]["sha256"] == MODEL.sha256
    assert content["info"]["model"]["revision"] == MODEL.revision
    assert [image["withdrawn"] for image in content["images"]] == [None, REASON, None]
    assert [image["pixel_spacing_source"] for image in content["images"]] == ["dicom"] * 3
    assert {each["image_id"] for each in content["annotations"]} == {1, 3}


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_any_mask_comes_back_from_polygons_or_run_lengths(mask: np.ndarray) -> None:
    size = mask.shape
    by_runs = coco_masks.decode(coco_masks.frPyObjects(run_lengths(mask), *size))
    assert np.array_equal(by_runs, mask)
    polygons = polygons_of(mask)
    if polygons and not any(polygon.holes for polygon in polygons):
        flat = [polygon.outer[:-1].ravel().tolist() for polygon in polygons]
        assert np.array_equal(coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(flat, *size))), mask)
