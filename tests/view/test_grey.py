"""Sepia frames and grey frames carry the same levels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from octseg.pullback import Frame
from octseg.view.grey import grey_to_sepia, is_sepia, put_back, sepia_to_grey
from tests.fakes.pictures import swapped, through_jpeg

LEVELS = np.tile(np.arange(240, dtype=np.uint8), (64, 1))  # (64, 240), every level from 0 to 239


@pytest.mark.parametrize(
    ("red", "green", "blue"),
    [(64, 13, 0), (96, 31, 0), (128, 54, 0), (160, 87, 7), (192, 126, 21), (224, 169, 46)],
)
def test_the_published_sepia_colours_give_their_red_back_as_grey(red: int, green: int, blue: int) -> None:
    frame = np.full((32, 32, 3), (red, green, blue), dtype=np.uint8)
    assert abs(int(sepia_to_grey(frame)[0, 0]) - red) <= 1


def test_a_sepia_frame_gives_back_the_grey_levels_it_was_made_of() -> None:
    difference = sepia_to_grey(grey_to_sepia(LEVELS)).astype(int) - LEVELS
    assert np.abs(difference).max() <= 2


def test_a_grey_frame_keeps_its_levels() -> None:
    assert np.array_equal(sepia_to_grey(np.repeat(LEVELS[:, :, None], 3, axis=2)), LEVELS)


def test_jpeg_with_blurred_colour_loses_no_more_than_the_grey_frame_would() -> None:
    rng = np.random.default_rng(0)
    speckle = np.clip(cv2.GaussianBlur(rng.exponential(60.0, (256, 256)), (0, 0), 1.5) * 1.5, 0, 230).astype(np.uint8)

    def through_jpeg(frame: Frame) -> Frame:
        _, coded = cv2.imencode(".jpg", np.ascontiguousarray(frame[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
        return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1])

    def error(frame: Frame) -> float:
        return float(np.sqrt(np.mean((sepia_to_grey(frame).astype(float) - speckle) ** 2)))

    grey = np.repeat(speckle[:, :, None], 3, axis=2)
    assert error(through_jpeg(grey_to_sepia(speckle))) < 2 * error(through_jpeg(grey))


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("quality", [None, 80])
def test_a_frame_in_one_channel_alone_has_that_channel_s_levels(channel: int, quality: int | None) -> None:
    """As where the red of a sepia frame was kept: its luminance made 200 a 60."""
    blocks = np.kron(np.random.default_rng(0).integers(0, 240, (16, 16)), np.ones((16, 16))).astype(np.uint8)
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[..., channel] = blocks
    if quality is not None:
        frame = through_jpeg(frame, quality)
    assert np.abs(sepia_to_grey(frame).astype(int) - blocks).mean() < (1 if quality is None else 6)


def test_red_and_blue_of_a_sepia_frame_are_put_back_where_they_are_exchanged() -> None:
    sepia = grey_to_sepia(LEVELS)
    assert np.array_equal(sepia_to_grey(swapped(sepia)), sepia_to_grey(sepia))
    frame, exchanged = put_back(swapped(sepia))
    assert exchanged
    assert np.array_equal(frame, sepia)
    grey = np.repeat(LEVELS[:, :, None], 3, axis=2)
    for right in (sepia, grey, np.zeros_like(sepia)):
        assert not put_back(right)[1]


def test_black_and_other_colours_are_not_sepia() -> None:
    assert not is_sepia(np.zeros((64, 64, 3), dtype=np.uint8))
    assert not is_sepia(cv2.applyColorMap(LEVELS, cv2.COLORMAP_JET))


def test_real_frames_are_sepia(real_frames: Path) -> None:
    for path in sorted((real_frames / "test" / "img").glob("*.png")):
        assert is_sepia(np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]))
