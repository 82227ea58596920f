"""One frame made ready: areas and scale survive, palettes keep the classes, private frames lose all but tissue."""

import io
import json
import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import PALETTE_INDEX
from octseg.dataset.publishing import PRIVATE_TEXT, is_marked_private
from octseg.errors import ConfigError, DatasetError, ReadError
from tests.fakes.prepared import (
    box,
    disc,
    encoded,
    item,
    phantom,
    png,
    record_mask,
)
from train.preparing.masks import MaskRule
from train.preparing.processing import Processed, Processing, process

ALL = ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum")
CANARY = "Ines-Baumgartner"


def made(frame: NDArray[np.uint8], masks: dict[str, NDArray[np.bool_]], **options: object) -> Processed:
    return process(item(png(frame), record_mask(masks)), Processing(**options))  # type: ignore[arg-type]


def pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def chunks(content: bytes) -> list[bytes]:
    """Kinds of the chunks of a PNG, in order."""
    kinds, place = [], 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kinds.append(content[place + 4 : place + 8])
        place += length + 12
    return kinds


def test_a_square_lipid_core_keeps_its_area_when_the_frame_is_halved() -> None:
    one = made(disc(0), {"lipid_core": box(30, 40, 20, 20)}, size=64)
    assert one.row["lipid_core_area_px"] == 100
    np.testing.assert_array_equal(pixels(one.mask) == PALETTE_INDEX["lipid_core"], box(15, 20, 10, 10, (64, 64)))


@pytest.mark.parametrize("size", [64, 100, 128, 300, 512])
def test_a_square_lipid_core_keeps_its_share_of_the_frame_at_any_size(size: int) -> None:
    """Rounding moves each of its four edges by half a pixel at most."""
    one = made(disc(0), {"lipid_core": box(31, 40, 40, 40)}, size=size)
    side = 40 * size / 128
    assert (side - 1) ** 2 <= one.row["lipid_core_area_px"] <= (side + 1) ** 2


def test_a_phantoms_lipid_core_keeps_its_area_from_750_to_512() -> None:
    source = phantom(0)
    one = made(source.frame, source.masks)
    expected = source.masks["lipid_core"].sum() * (512 / 750) ** 2
    assert one.row["lipid_core_area_px"] == pytest.approx(expected, rel=0.005)


def test_the_spacing_at_512_is_the_native_one_times_750_over_512() -> None:
    source = phantom(0)
    row = made(source.frame, source.masks).row
    assert row["pixel_spacing_source"] == "ruler"
    assert row["native_pixel_spacing_mm"] == pytest.approx(source.pixel_spacing_mm, rel=0.002)
    assert row["pixel_spacing_mm"] == pytest.approx(source.pixel_spacing_mm * 750 / 512, rel=0.002)
    assert (row["native_height"], row["native_width"]) == (750, 750)


def test_an_area_in_mm2_is_the_phantoms_own() -> None:
    source = phantom(0)
    expected = source.masks["lipid_core"].sum() * source.pixel_spacing_mm**2
    assert made(source.frame, source.masks).row["lipid_core_area_mm2"] == pytest.approx(expected, rel=0.01)


def test_a_frame_without_a_ruler_has_no_scale_and_no_area_in_mm2() -> None:
    source = phantom(0, ruler=False)
    row = made(source.frame, source.masks).row
    scales = ("pixel_spacing_mm", "pixel_spacing_source", "native_pixel_spacing_mm", "lipid_core_area_mm2")
    assert [row[key] for key in scales] == [None] * 4
    assert row["lipid_core_area_px"] > 0


def test_a_frame_that_is_not_square_is_filled_up_and_not_stretched() -> None:
    shape = (128, 192)
    one = made(disc(0, *shape), {"lipid_core": box(40, 60, 20, 20, shape)}, size=96)
    np.testing.assert_array_equal(pixels(one.mask) > 0, box(36, 30, 10, 10, (96, 96)))
    frame = pixels(one.image)
    assert frame.shape == (96, 96, 3)
    assert frame[:16].max() == frame[-16:].max() == 0
    assert frame[18:78].max() > 0


def test_a_frame_that_is_not_square_has_one_scale() -> None:
    source = phantom(0)
    wide = np.pad(source.frame, ((0, 0), (100, 50), (0, 0)))
    row = made(wide, {name: np.pad(plane, ((0, 0), (100, 50))) for name, plane in source.masks.items()}).row
    assert row["pixel_spacing_mm"] == pytest.approx(source.pixel_spacing_mm * 900 / 512, rel=0.002)
    expected = source.masks["lipid_core"].sum() * source.pixel_spacing_mm**2
    assert row["lipid_core_area_mm2"] == pytest.approx(expected, rel=0.01)


def test_a_frame_of_the_wanted_size_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(pixels(made(disc(3), {"lumen": box(0, 0, 1, 1)}, size=128).image), disc(3))


def test_masks_keep_the_lipid_core_alone_at_its_own_palette_index() -> None:
    masks = {"lumen": box(60, 60, 10, 10), "fibrous_cap": box(20, 20, 4, 20), "lipid_core": box(30, 30, 10, 10)}
    picture = Image.open(io.BytesIO(made(disc(0), masks, size=128).mask))
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), 3 * masks["lipid_core"])


def test_all_classes_get_the_index_of_their_place() -> None:
    masks = {name: box(10 + 25 * place, 20, 10, 10) for place, name in enumerate(ALL)}
    one = made(disc(0), masks, size=128, classes=ALL)
    expected = sum((place + 1) * masks[name].astype(int) for place, name in enumerate(ALL))
    np.testing.assert_array_equal(pixels(one.mask), expected)
    assert one.row["overlap_px"] == 0


def test_where_classes_overlap_the_higher_drawing_priority_is_kept_and_the_overlap_told() -> None:
    """Lumen under fibrous cap under lipid core under vasa vasorum, each 10 px further to the right."""
    masks = {name: box(20, 20 + 10 * place, 10, 20) for place, name in enumerate(ALL)}
    one = made(disc(0), masks, size=128, classes=ALL)
    assert pixels(one.mask)[25, [22, 32, 42, 52, 62]].tolist() == [1, 2, 3, 4, 4]
    assert one.row["overlap_px"] == 3 * 10 * 10
    assert [one.row[f"{name}_area_px"] for name in ALL] == [100, 100, 100, 200]


def test_a_frame_without_the_class_is_kept_as_a_negative() -> None:
    one = made(disc(0), {"lumen": box(60, 60, 10, 10)}, size=64)
    assert one.row["lipid_core_area_px"] == 0
    assert pixels(one.mask).max() == 0


def test_the_columns_of_a_row_are_those_of_its_classes() -> None:
    row = made(disc(0), {"lumen": box(60, 60, 10, 10)}, size=64, classes=("lumen",)).row
    assert {key for key in row if "area" in key} == {"lumen_area_px", "lumen_area_mm2"}


@pytest.mark.parametrize("size", [0, 63, 2049])
def test_a_size_that_no_network_is_fed_with_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=f"between 64 and 2048 pixels, not {size}"):
        Processing(size=size)


def test_a_frame_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ReadError):
        process(item(b"no picture", record_mask({"lumen": box(0, 0, 1, 1)})), Processing(size=64))


def test_several_frames_in_one_file_are_refused() -> None:
    second = Image.fromarray(disc(1))
    content = encoded(disc(0), "TIFF", save_all=True, append_images=[second])
    with pytest.raises(ReadError, match="2 frames; one with one mask is expected"):
        process(item(content, record_mask({"lumen": box(0, 0, 1, 1)})), Processing(size=64))


@pytest.mark.parametrize(("kind", "told"), [("GIF", "a GIF"), ("DICOM", "a DICOM file")])
def test_a_frame_that_is_no_picture_is_named_with_what_to_do(kind: str, told: str) -> None:
    content = bytes(128) + b"DICM" + bytes(400) if kind == "DICOM" else encoded(disc(0), kind)
    with pytest.raises(
        ReadError, match=f"^the frame is {told}.*; frames to train on are pictures: save each of them as PNG$"
    ):
        process(item(content, record_mask({"lumen": box(0, 0, 1, 1)})), Processing(size=64))


def with_name_burned_in() -> NDArray[np.uint8]:
    """A disc of radius 80 px in 200 x 200, and a bright name in a corner."""
    frame = disc(5, 200, 200, radius_px=80.0)
    return np.ascontiguousarray(cv2.putText(frame, CANARY[:8], (2, 16), cv2.FONT_HERSHEY_PLAIN, 1.0, (255,) * 3))


def distance_from_middle(side: int) -> NDArray[np.float64]:
    row, col = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(row, col)


def test_a_private_frame_is_black_outside_of_its_disc_and_untouched_inside() -> None:
    masks = {"lipid_core": box(90, 120, 20, 20, (200, 200))}
    frame = with_name_burned_in()
    private = pixels(made(frame, masks, size=200, private=True).image)
    away = distance_from_middle(200)
    assert frame[away > 83].max() == 255
    assert private[away > 83].max() == 0
    np.testing.assert_array_equal(private[away < 77], frame[away < 77])


def test_a_private_frame_whose_disc_is_not_found_is_refused() -> None:
    with pytest.raises(ReadError, match="no imaged disc was found"):
        made(np.zeros((128, 128, 3), np.uint8), {"lumen": box(0, 0, 1, 1)}, private=True)


def test_private_frames_and_masks_bear_the_mark_and_public_ones_do_not() -> None:
    masks = {"lipid_core": box(30, 30, 10, 10)}
    private, public = made(disc(0), masks, size=64, private=True), made(disc(0), masks, size=64)
    assert is_marked_private(io.BytesIO(private.image))
    assert is_marked_private(io.BytesIO(private.mask))
    assert PRIVATE_TEXT.encode() not in public.image + public.mask
    assert Image.open(io.BytesIO(private.image)).info == {"Rights": "Private: not to be published"}


@pytest.mark.parametrize("private", [False, True])
def test_nothing_that_a_source_file_says_beside_its_pixels_comes_through(private: bool) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = CANARY, CANARY  # description, artist
    info = {"PatientName": CANARY, "Comment": f"seen by {CANARY}"}
    frame = encoded(disc(0), "PNG", exif=exif, icc_profile=CANARY.encode(), compress_level=1)
    texts = png(disc(0), info)
    mask = encoded(np.dstack([box(30, 30, 9, 9) * np.uint8(255)] * 4), "TIFF", tiffinfo={270: CANARY})
    assert CANARY.encode() in frame
    assert CANARY.encode() in texts
    assert CANARY.encode() in mask
    for image in (frame, texts):
        one = process(item(image, mask), Processing(size=64, private=private))
        assert CANARY.encode() not in one.image + one.mask + json.dumps(one.row).encode()
        allowed = {b"IHDR", b"PLTE", b"IDAT", b"IEND"} | ({b"tEXt"} if private else set())
        assert {*chunks(one.image), *chunks(one.mask)} <= allowed


def test_a_private_frame_is_no_public_source() -> None:
    masks = {"lipid_core": box(30, 30, 10, 10)}
    private = made(disc(0), masks, size=128, private=True)
    again = item(private.image, record_mask(masks))
    with pytest.raises(DatasetError, match="bears the mark of private data; prepare it with --private"):
        process(again, Processing(size=64))
    assert process(again, Processing(size=64, private=True)).row["lipid_core_area_px"] == 25


def test_a_palette_mask_made_here_can_be_prepared_again() -> None:
    masks = {"lumen": box(60, 60, 10, 10), "lipid_core": box(30, 30, 10, 10)}
    first = made(disc(0), masks, size=128, classes=("lumen", "lipid_core"))
    rule = MaskRule(class_map={1: "lumen", 3: "lipid_core"})
    again = process(item(first.image, first.mask), Processing(size=128, classes=("lumen", "lipid_core"), masks=rule))
    assert (again.image, again.mask) == (first.image, first.mask)
