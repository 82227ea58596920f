"""Outlines as LabelMe has them: its reader's rules, and what it makes of polygons, which PIL draws for it."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from octseg.export.contours import labelme
from octseg.export.kinds import write_exports
from octseg.reading import read_pullback
from tests.fakes.exported import HEIGHT, MODEL, WIDTH, frame_of, masks_of, result_of, segmented


def files(folder: Path, **more: Any) -> list[Path]:
    exported = write_exports(["labelme"], segmented(**more), folder, "run")
    assert exported.refused == []
    return sorted(folder / name for name in exported.files if name.endswith(".json"))


def as_labelme_draws(shapes: list[dict[str, Any]], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """As labelme.utils.shapes_to_label does: of polygons by PIL with their outlines, of masks by their boxes."""
    drawn: dict[str, np.ndarray] = {}
    for shape in shapes:
        mask = drawn.setdefault(shape["label"], np.zeros(size, bool))
        if shape["shape_type"] == "mask":
            (left, top), (right, bottom) = shape["points"]
            part = Image.open(io.BytesIO(base64.b64decode(shape["mask"])))
            mask[top : bottom + 1, left : right + 1] |= np.asarray(part).astype(bool)
        else:
            picture = Image.fromarray(np.zeros(size, np.uint8))
            ImageDraw.Draw(picture).polygon([tuple(point) for point in shape["points"]], outline=1, fill=1)
            mask |= np.asarray(picture).astype(bool)
    return drawn


def test_labelme_makes_the_very_masks_of_it(tmp_path: Path) -> None:
    for number, path in enumerate(files(tmp_path, count=4), start=1):
        content = json.loads(path.read_text())
        masks = {name: mask for name, mask in masks_of(number).items() if mask.any()}
        drawn = as_labelme_draws(content["shapes"], (HEIGHT, WIDTH))
        assert set(drawn) == set(masks)
        assert all(np.array_equal(drawn[name], masks[name]) for name in masks)
        kinds = {shape["label"]: shape["shape_type"] for shape in content["shapes"]}
        assert (kinds["lumen"], kinds["fibrous_cap"]) == ("polygon", "mask")


def test_each_file_has_what_its_reader_asks_for_and_lies_beside_the_frame(tmp_path: Path) -> None:
    for number, path in enumerate(files(tmp_path, count=3), start=1):
        content = json.loads(path.read_text())
        assert content["imageData"] is None
        assert content["imagePath"] == f"IMG001_000{number}.png"
        picture = np.asarray(Image.open(path.parent / content["imagePath"]))
        assert np.array_equal(picture, frame_of(number))
        assert (content["imageHeight"], content["imageWidth"]) == (HEIGHT, WIDTH)
        assert content["octseg"]["model"]["sha256"] == MODEL.sha256
        for shape in content["shapes"]:
            assert {"label", "points", "shape_type", "flags", "group_id"} <= set(shape)
            assert all(len(point) == 2 for point in shape["points"])


def test_labelme_itself_opens_it(tmp_path: Path) -> None:
    reader = pytest.importorskip("labelme._label_file", reason="LabelMe brings Qt: pip install labelme")
    path = files(tmp_path, count=1)[0]
    read = reader.read_label_file(str(path))
    assert sorted({shape["label"] for shape in read.shapes}) == ["fibrous_cap", "lipid_core", "lumen", "vasa_vasorum"]
    assert read.image_path == "IMG001_0001.png"


def test_a_withdrawn_frame_has_no_outline_and_is_flagged(tmp_path: Path) -> None:
    contents = [json.loads(path.read_text()) for path in files(tmp_path, count=3, withdrawn=(2,))]
    assert [content["flags"]["withdrawn"] for content in contents] == [False, True, False]
    assert contents[1]["shapes"] == []


def test_the_frame_that_was_written_is_read_again_as_it_is(tmp_path: Path) -> None:
    path = files(tmp_path, count=1)[0].with_suffix(".png")
    (frame,) = read_pullback(path)
    assert np.array_equal(frame, result_of(1).frame)


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_any_mask_comes_back(mask: np.ndarray) -> None:
    shapes = [{"label": "tissue", **shape} for shape in labelme._shapes(mask)]
    drawn = as_labelme_draws(shapes, (mask.shape[0], mask.shape[1]))
    assert np.array_equal(drawn.get("tissue", np.zeros_like(mask)), mask)
