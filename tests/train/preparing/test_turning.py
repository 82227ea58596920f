"""Frames that their file asks to be turned: the mask is turned with them, or both are refused."""

import io
from functools import lru_cache

import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.drawing.palette import palette_indices
from octseg.errors import ReadError
from tests.fakes.prepared import box, disc, item, phantom, png, record_mask
from train.preparing.masks import MaskRule
from train.preparing.processing import Processing, process

SEED = 3
# How an upright picture is stored by a camera that was held so: what EXIF's orientation undoes.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
FOUR = Processing(classes=CLASS_NAMES, size=256)
ONE = Processing(size=256)


def stored(samples: np.ndarray, orientation: int) -> np.ndarray:
    return np.asarray(Image.fromarray(samples).transpose(STORED[orientation]))


def tagged(samples: np.ndarray, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    return stream.getvalue()


@lru_cache
def turned_frame(orientation: int) -> bytes:
    return tagged(stored(phantom(SEED).frame, orientation), "JPEG", orientation)


def planes(orientation: int | None = None) -> bytes:
    """The four planes, as drawn on the picture as shown, or as it is stored."""
    masks = phantom(SEED).masks
    if orientation is None:
        return record_mask(masks)
    return record_mask({name: stored(plane.astype(np.uint8), orientation) > 0 for name, plane in masks.items()})


def core() -> np.ndarray:
    return phantom(SEED).masks["lipid_core"].astype(np.uint8) * 255


def agreement(image: bytes, mask: bytes, processing: Processing) -> float:
    """Share of pixels of the mask that come out as those of the phantom, shrunk alike."""
    made = np.asarray(Image.open(io.BytesIO(process(item(image, mask), processing).mask)))
    drawn = {name: phantom(SEED).masks[name] for name in processing.classes}
    true = Image.fromarray(palette_indices(drawn)).resize((256, 256), Image.Resampling.NEAREST)
    return float((made == np.asarray(true)).mean())


@pytest.mark.parametrize("orientation", STORED)
def test_a_mask_with_the_frames_own_tag_is_turned_with_it(orientation: int) -> None:
    mask = tagged(stored(core(), orientation), "PNG", orientation)
    assert agreement(turned_frame(orientation), mask, ONE) > 0.98


def test_a_tiff_mask_with_that_tag_is_turned_too() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, stored(core(), 6), extratags=[(274, "H", 1, 6, True)])
    assert agreement(turned_frame(6), stream.getvalue(), ONE) > 0.98


@pytest.mark.parametrize("orientation", STORED)
def test_without_a_tag_the_lumens_edge_tells_where_the_mask_belongs(orientation: int) -> None:
    assert agreement(turned_frame(orientation), planes(orientation), FOUR) > 0.97
    assert agreement(turned_frame(orientation), planes(), FOUR) > 0.97


@pytest.mark.parametrize("orientation", [2, 6])
def test_where_nothing_tells_both_are_refused(orientation: int) -> None:
    with pytest.raises(ReadError, match=f"frame is stored turned .EXIF orientation {orientation}.*save frames upright"):
        process(item(turned_frame(orientation), png(stored(core(), orientation))), ONE)
    with pytest.raises(ReadError, match="mask is stored turned"):
        process(item(png(phantom(SEED).frame), tagged(stored(core(), orientation), "PNG", orientation)), ONE)


def test_an_empty_mask_is_the_same_however_it_is_turned() -> None:
    assert process(item(turned_frame(6), png(core() * 0)), ONE).row["lipid_core_area_px"] == 0


def test_two_different_tags_are_refused() -> None:
    with pytest.raises(ReadError, match=r"orientation 6\) and its mask in another \(3\)"):
        process(item(turned_frame(6), tagged(stored(core(), 3), "PNG", 3)), ONE)


@pytest.mark.parametrize("as_stored", [True, False])
def test_a_frame_that_is_not_square_tells_by_its_size(as_stored: bool) -> None:
    upright, drawn = disc(0, 128, 160), box(40, 60, 20, 10, (128, 160)).astype(np.uint8) * 255
    mask = png(stored(drawn, 6) if as_stored else drawn)
    made = process(item(tagged(stored(upright, 6), "PNG", 6), mask), Processing(size=160, masks=MaskRule()))
    indices = np.asarray(Image.open(io.BytesIO(made.mask)))
    np.testing.assert_array_equal(indices[16:144] == PALETTE_INDEX["lipid_core"], drawn > 0)
