"""Frames that a program saved in grey: the levels behind the sepia are found again by the two colours of the ruler."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.phantom import make_phantom, random_spec, render
from octseg.pullback import Frame
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame

Grey = NDArray[np.uint8]
WITH_RULER = (5, 9, 11)  # sepia phantoms


def by_weights(red: float, green: float, blue: float) -> Callable[[Frame], Grey]:
    return lambda frame: np.rint(frame @ np.array([red, green, blue])).astype(np.uint8)


def lightness(frame: Frame) -> Grey:
    return ((frame.min(axis=2).astype(int) + frame.max(axis=2) + 1) // 2).astype(np.uint8)


def in_grey(grey: Grey) -> Frame:
    return np.asarray(cv2.merge([grey] * 3), np.uint8)


@pytest.mark.parametrize(
    ("save", "off"),
    [
        (by_weights(0.299, 0.587, 0.114), 1.0),
        (by_weights(0.2126, 0.7152, 0.0722), 2.0),
        (by_weights(1 / 3, 1 / 3, 1 / 3), 2.0),
        (lightness, 2.0),
    ],
    ids=["Rec. 601", "Rec. 709", "mean", "lightness"],
)
@pytest.mark.parametrize("seed", WITH_RULER)
def test_a_sepia_frame_saved_in_grey_shows_the_network_the_levels_it_had(
    seed: int, save: Callable[[Frame], Grey], off: float
) -> None:
    """But for the rounding of dark levels, of which sepia's grey has a third as many."""
    frame = make_phantom(seed).frame
    right, seen = view_frame(frame).grey.astype(int), view_frame(in_grey(save(frame)))
    assert np.abs(right - seen.grey).mean() < off
    assert any("grey copy of a sepia one" in warning for warning in seen.warnings)
    assert np.abs(right - save(frame)).mean() > 8


def test_a_frame_of_which_but_little_is_dark_is_told_by_how_often_its_dark_levels_occur() -> None:
    """Half of its disc is bright tissue, so that the darkest quarter says nothing."""
    frame = make_phantom(8).frame
    right, seen = view_frame(frame).grey.astype(int), view_frame(in_grey(by_weights(0.299, 0.587, 0.114)(frame)))
    assert any("grey copy of a sepia one" in warning for warning in seen.warnings)
    assert np.abs(right - seen.grey).mean() < 1.0


@pytest.mark.parametrize("seed", WITH_RULER)
def test_levels_that_are_right_stay_as_they_are(seed: int) -> None:
    """Those behind the sepia, and the red channel, which holds them."""
    frame = make_phantom(seed).frame
    for grey in (sepia_to_grey(frame), np.ascontiguousarray(frame[..., 0])):
        view = view_frame(in_grey(grey))
        assert view.ruler is not None
        assert view.warnings == ()
        unmarked = view.grey == grey
        assert unmarked[grey > 0].mean() > 0.9


@pytest.mark.parametrize("number", [0, 1, 30, 35])
def test_a_grey_frame_with_a_coloured_ruler_saved_in_grey_keeps_its_tissue(number: int) -> None:
    frame = render(random_spec(500000 + number, ruler=True, colouring="grey")).frame
    saved = by_weights(0.299, 0.587, 0.114)(frame)
    grey = view_frame(in_grey(saved)).grey
    assert (grey == saved)[saved > 0].mean() > 0.9


def test_the_green_of_a_real_sepia_frame_alone_shows_the_network_the_levels_it_had(real_frames: Path) -> None:
    for number in (2, 3, 4):
        frame = np.asarray(Image.open(real_frames / "train" / "img" / f"001_1_{number:03d}.png").convert("RGB"))
        right, green = view_frame(frame).grey.astype(int), frame[..., 1].copy()
        seen, tissue = view_frame(in_grey(green)), right > 60
        assert any("grey copy of a sepia one" in warning for warning in seen.warnings)
        assert np.abs(right - seen.grey)[tissue].mean() < 4
        assert np.abs(right - green)[tissue].mean() > 60
