"""Colours are those that were seen, whatever header and stream say of them: rulers are cyan and yellow."""

import io
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from tests.fakes.dicom_files import jpeg, palette_elements, pullback_file, ybr, ybr_422
from tests.reading.dicom.scene import colour_frames, furthest, grey_frames, read, said

FRAMES = colour_frames()
NEAR = 30  # levels that JPEG of quality 95 may be off at an edge of a mark


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("as_rgb", [False, True])
@pytest.mark.parametrize("markers", [False, True])
def test_a_jpeg_has_its_own_colours_whatever_the_header_says(photometric: str, as_rgb: bool, markers: bool) -> None:
    streams = [jpeg(frame, as_rgb=as_rgb, markers=markers) for frame in FRAMES]
    frames, _ = read(pullback_file(FRAMES, syntax="jpeg", photometric=photometric, streams=streams))
    assert furthest(frames, FRAMES) <= NEAR


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_with_smaller_colour_planes_is_ycbcr(photometric: str) -> None:
    streams = [jpeg(frame, subsampling=1, markers=False) for frame in FRAMES]
    frames, _ = read(pullback_file(FRAMES, syntax="jpeg", photometric=photometric, streams=streams))
    expected = [np.asarray(Image.open(io.BytesIO(stream)).convert("RGB")) for stream in streams]
    assert furthest(frames, expected) <= 2


@pytest.mark.parametrize("syntax", ["explicit", "rle", "jpeg_ls"])
def test_planes_of_ycbcr_become_rgb(syntax: Literal["explicit", "rle", "jpeg_ls"]) -> None:
    planes = [ybr(frame) for frame in FRAMES]
    frames, pullback = read(pullback_file(planes, syntax=syntax, photometric="YBR_FULL"))
    assert furthest(frames, FRAMES) <= 3
    assert "taken so" not in said(pullback)


@pytest.mark.parametrize("syntax", ["explicit", "rle", "jpeg_ls"])
def test_a_header_that_lies_about_planes_is_found_out_by_the_dark_ground(
    syntax: Literal["explicit", "rle", "jpeg_ls"],
) -> None:
    frames, pullback = read(pullback_file(FRAMES, syntax=syntax, photometric="YBR_FULL"))
    assert furthest(frames, FRAMES) == 0
    assert "the header says YBR_FULL, and by their dark ground its frames are RGB" in said(pullback)
    frames, pullback = read(pullback_file([ybr(frame) for frame in FRAMES], syntax=syntax))
    assert furthest(frames, FRAMES) <= 3
    assert "are YCbCr" in said(pullback)


def test_native_frames_with_half_the_colours_do_not_mix() -> None:
    smooth = [np.repeat(frame[:, ::2], 2, axis=1) for frame in FRAMES]
    stored = b"".join(ybr_422(frame) for frame in smooth)
    frames, _ = read(pullback_file(smooth, photometric="YBR_FULL_422", pixel_data=stored))
    assert furthest(frames, smooth) <= 3


def test_native_frames_that_only_claim_half_the_colours_are_read_whole() -> None:
    planes = [ybr(frame) for frame in FRAMES]
    frames, _ = read(pullback_file(planes, photometric="YBR_FULL_422"))
    assert furthest(frames, FRAMES) <= 3


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("syntax", ["explicit", "rle"])
def test_a_palette_is_applied(bits: Literal[8, 16], syntax: Literal["explicit", "rle"]) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    numbers = grey_frames()
    data = pullback_file(numbers, syntax=syntax, photometric="PALETTE COLOR", **palette_elements(colours, bits))
    frames, _ = read(data)
    assert furthest(frames, [colours[frame] for frame in numbers]) == 0
