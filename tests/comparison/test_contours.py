"""Outlines of other programs: filled as they were drawn, or one sentence; nothing is dropped without a word."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from octseg.comparison.comparing import compare
from octseg.comparison.formats import open_reading
from octseg.errors import ReadError

SIDE = 12
SQUARES = [[1, 1, 4, 1, 4, 4, 1, 4], [6, 6, 10, 6, 10, 10, 6, 10]]


def coco_file(folder: Path, *annotations: dict[str, Any], **image: Any) -> Path:
    told = {
        "images": [{"id": 1, "file_name": "x_7.png", "height": SIDE, "width": SIDE, **image}],
        "categories": [{"id": 1, "name": "Lipid core"}, {"id": 2, "name": "calcium"}],
        "annotations": [{"image_id": 1, "category_id": 1, **each} for each in annotations],
    }
    path = folder / "coco.json"
    path.write_text(json.dumps(told))
    return path


def labelme_file(folder: Path, *shapes: Any, **told: Any) -> Path:
    path = folder / "x_7.json"
    path.write_text(json.dumps({"shapes": shapes, "imageHeight": SIDE, "imageWidth": SIDE, **told}), "utf-8-sig")
    return path


def squares() -> np.ndarray:
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[1:4, 1:4] = drawn[6:10, 6:10] = True
    return drawn


def test_coco_outlines_of_several_pieces_and_both_kinds_of_runs(tmp_path: Path) -> None:
    packed = coco.encode(np.asfortranarray(squares(), np.uint8))
    counts = packed["counts"].decode()
    edges = np.flatnonzero(np.diff(squares().T.ravel().astype(int), prepend=0, append=0))
    loose = [int(each) for each in np.diff([0, *edges, SIDE * SIDE])]
    kinds = [
        {"segmentation": SQUARES},
        {"segmentation": {"size": [SIDE, SIDE], "counts": counts}, "iscrowd": 1},
        {"segmentation": {"size": [SIDE, SIDE], "counts": loose}, "iscrowd": 1},
    ]
    for each in kinds:
        (frame,) = open_reading(coco_file(tmp_path, each)).frames
        assert np.array_equal(frame.read()["lipid_core"], squares())


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ({"segmentation": [[1, 1, 5, 5]]}, "fewer than 3 points"),
        ({"segmentation": [SQUARES[0], [6, 6, 8, 6]]}, "fewer than 3 points"),
        ({"segmentation": [], "bbox": [1, 1, 3, 3]}, "box without an outline"),
        ({"bbox": [1, 1, 3, 3]}, "box without an outline"),
        ({"segmentation": {"size": [6, 24], "counts": [10, 134]}}, "image of"),
        ({"segmentation": {"size": [SIDE, SIDE], "counts": [10, 20]}}, "cannot be filled"),
        ({"segmentation": {"counts": [144]}}, "cannot be filled"),
        ({"segmentation": {"size": [SIDE, SIDE], "counts": [-10, 154]}}, "cannot be filled"),
        ({"segmentation": {"size": [SIDE, SIDE], "counts": "o3"}}, "cannot be filled"),
        ({"segmentation": {"size": [SIDE, SIDE], "counts": "PPPPPPPPPPPPPP0"}}, "cannot be filled"),
        ({"segmentation": {"size": [SIDE, SIDE], "counts": "\u00e9"}}, "cannot be filled"),
        ({"segmentation": [["a", 1, 4, 1, 4, 4]]}, "cannot be filled"),
        ({"segmentation": [[1, 1, 4, 1, 4, 4, 5]]}, "cannot be filled"),
        ({"segmentation": SQUARES, "category_id": 9}, "no whole COCO file"),
    ],
)
def test_what_no_area_is_known_of_in_coco_is_refused(tmp_path: Path, annotation: dict[str, Any], said: str) -> None:
    with pytest.raises(ReadError, match=said):
        open_reading(coco_file(tmp_path, annotation)).frames[0].read()


def test_packed_run_lengths_are_those_of_pycocotools(tmp_path: Path) -> None:
    """Of masks of every kind: long runs take several letters, and numbers may fall."""
    rng = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        drawn = np.repeat(np.repeat(rng.random((40, 30)) < share, 9, 0), 7, 1)
        height, width = drawn.shape
        held = {"size": [height, width], "counts": coco.encode(np.asfortranarray(drawn, np.uint8))["counts"].decode()}
        reading = open_reading(coco_file(tmp_path, {"segmentation": held, "iscrowd": 1}, height=height, width=width))
        assert np.array_equal(reading.frames[0].read()["lipid_core"], drawn)


@pytest.mark.parametrize(
    "segmentation", [SQUARES[0], [[1, 1], [4, 1], [4, 4], [1, 4]], [[[1, 1], [4, 1], [4, 4], [1, 4]]]]
)
def test_a_polygon_as_some_programs_write_it(tmp_path: Path, segmentation: Any) -> None:
    (frame,) = open_reading(coco_file(tmp_path, {"segmentation": segmentation})).frames
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[1:4, 1:4] = True
    assert np.array_equal(frame.read()["lipid_core"], drawn)


def test_a_hole_that_coco_fills_is_told(tmp_path: Path) -> None:
    ring = [[1, 1, 10, 1, 10, 10, 1, 10], [4, 4, 4, 7, 7, 7, 7, 4]]
    reading = open_reading(coco_file(tmp_path, {"segmentation": ring}))
    assert reading.frames[0].read()["lipid_core"][5, 5]
    said = "has 1 outlines with pieces within others: COCO's polygons have no holes"
    assert any(said in each for each in compare(reading, reading).warnings)
    plain = open_reading(coco_file(tmp_path, {"segmentation": SQUARES}, {"segmentation": ring, "category_id": 2}))
    assert plain.notes == ()


@pytest.mark.parametrize(
    ("kind", "points", "drawn"),
    [
        ("rectangle", [[2, 3], [6, 5]], np.s_[3:6, 2:7]),
        ("rectangle", [[6, 5], [2, 3]], np.s_[3:6, 2:7]),
        ("rectangle", [[2, 3], [6, 3], [6, 5], [2, 5]], np.s_[3:6, 2:7]),
        ("rotation", [[2, 3], [6, 3], [6, 5], [2, 5]], np.s_[3:6, 2:7]),
    ],
)
def test_labelme_rectangles_take_in_their_edges(tmp_path: Path, kind: str, points: Any, drawn: Any) -> None:
    (frame,) = open_reading(labelme_file(tmp_path, {"label": "lumen", "points": points, "shape_type": kind})).frames
    expected = np.zeros((SIDE, SIDE), bool)
    expected[drawn] = True
    assert np.array_equal(frame.read()["lumen"], expected)


def test_a_labelme_circle_is_that_of_its_middle_and_a_point_of_it(tmp_path: Path) -> None:
    shape = {"label": "lumen", "points": [[100, 90], [130, 130]], "shape_type": "circle"}
    (frame,) = open_reading(labelme_file(tmp_path, shape, imageHeight=200, imageWidth=220)).frames
    drawn = frame.read()["lumen"]
    rows, cols = np.nonzero(drawn)
    assert (rows.mean(), cols.mean()) == pytest.approx((90, 100), abs=0.1)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (40, 140, 50, 150)
    assert drawn.sum() == pytest.approx(np.pi * 50.5**2, rel=0.01)


@pytest.mark.parametrize("spacing", ["0.01", -1, 0, [1]])
def test_a_scale_that_is_none_is_not_taken(tmp_path: Path, spacing: Any) -> None:
    reading = open_reading(coco_file(tmp_path, {"segmentation": SQUARES}, pixel_spacing_mm=spacing))
    assert reading.frames[0].pixel_spacing_mm is None


def test_labels_that_are_no_class_are_told(tmp_path: Path) -> None:
    drawn = {"segmentation": SQUARES}
    read = open_reading(coco_file(tmp_path, drawn, {**drawn, "category_id": 2}))
    square = {"points": [[1, 1], [4, 1], [4, 4]]}
    shapes = ({"label": "lipid core", **square}, {"label": "lipd core", **square})
    told = compare(read, open_reading(labelme_file(tmp_path, *shapes))).warnings
    assert any("coco.json outlines calcium, of which nothing is a class" in each for each in told)
    assert any("x_7.json outlines lipd core, of which nothing is a class" in each for each in told)


@pytest.mark.parametrize("kind", ["linestrip", "line", "point", "points", "cuboid"])
def test_labelme_shapes_without_a_known_area_are_named(tmp_path: Path, kind: str) -> None:
    shape = {"label": "lipid_core", "points": [[1, 1], [4, 4]], "shape_type": kind}
    with pytest.raises(ReadError, match=f"lipid_core is a shape of the kind {kind}"):
        open_reading(labelme_file(tmp_path, shape)).frames[0].read()


def test_labelme_files_of_the_wrong_make_get_a_sentence(tmp_path: Path) -> None:
    wrong: list[Any] = [
        3,
        {"label": "lumen"},
        {"label": "lumen", "points": 3},
        {"label": "lumen", "shape_type": "mask"},
    ]
    for shape in wrong:
        lumen = {"label": "lumen", "points": [[1, 1], [4, 1], [4, 4]]}
        (frame,) = open_reading(labelme_file(tmp_path, lumen, shape, flags=[1], octseg=[2])).frames
        with pytest.raises(ReadError, match="cannot be filled"):
            frame.read()


def test_two_lone_frames_of_other_names_are_taken_for_one_with_a_word(tmp_path: Path) -> None:
    square = {"label": "lipid core", "points": [[1, 1], [4, 1], [4, 4]]}
    ours = open_reading(coco_file(tmp_path, {"segmentation": SQUARES}, file_name="other_9.png"))
    assert any(
        "taken for the same frame" in each
        for each in compare(ours, open_reading(labelme_file(tmp_path, square))).warnings
    )
    ours = open_reading(coco_file(tmp_path, {"segmentation": SQUARES}))
    assert not any(
        "same frame" in each for each in compare(ours, open_reading(labelme_file(tmp_path, square))).warnings
    )
