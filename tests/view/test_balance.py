"""Sepia frames that a warm white balance took green and blue from: these are put back where that brings the ruler."""

import numpy as np
import pytest

from octseg.phantom import make_phantom, random_spec, render
from octseg.pullback import Frame
from octseg.view.along import AlongPullback
from octseg.view.altered import ALTERED
from octseg.view.balance import WARMED, without_warmth
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame
from tests.fakes.captures import in_window

WITH_RULER = (5, 9, 11)  # sepia phantoms
WARM = ((1, 0.88, 0.74), (1, 0.85, 0.6), (1, 0.76, 0.5))


def phantom(seed: int) -> Frame:
    return np.asarray(render(random_spec(seed)).frame)


def warmed(frame: Frame, parts: tuple[float, float, float]) -> Frame:
    """With so much left of red, green and blue."""
    return np.asarray(frame * np.array(parts), np.uint8)


@pytest.mark.parametrize("parts", WARM)
@pytest.mark.parametrize("seed", WITH_RULER)
def test_a_warmed_frame_has_its_ruler_and_its_levels_and_says_so(seed: int, parts: tuple[float, float, float]) -> None:
    frame = phantom(seed)
    as_it_was, seen = view_frame(frame), view_frame(warmed(frame, parts))
    assert as_it_was.ruler is not None
    assert seen.ruler is not None
    assert seen.ruler.pitch_px == pytest.approx(as_it_was.ruler.pitch_px, rel=0.005)
    tissue = (as_it_was.grey > 60) & (as_it_was.grey < 190)
    assert np.abs(seen.grey.astype(int) - as_it_was.grey)[tissue].mean() < 2
    assert WARMED in seen.warnings
    assert ALTERED not in seen.warnings
    assert WARMED not in as_it_was.warnings


def test_so_has_one_on_a_screen_that_was_warmed_with_it() -> None:
    view = view_frame(warmed(in_window(phantom(WITH_RULER[0]), 236, 1.0, "top").picture, WARM[1]))
    assert view.ruler is not None
    assert WARMED in view.warnings


@pytest.mark.parametrize("parts", WARM)
def test_in_a_pullback_each_warmed_frame_is_put_back(parts: tuple[float, float, float]) -> None:
    along = AlongPullback()
    views = [along.view(warmed(phantom(WITH_RULER[0]), parts))[0] for _ in range(3)]
    assert [(WARMED in view.warnings, ALTERED in view.warnings) for view in views] == [(True, False)] * 3


def test_without_a_ruler_nothing_tells_a_warmed_frame_from_a_bright_one() -> None:
    frame = np.asarray(render(random_spec(WITH_RULER[0], ruler=False, colouring="sepia")).frame)
    assert WARMED not in view_frame(warmed(frame, WARM[0])).warnings


def test_frames_as_a_console_makes_them_lack_no_green() -> None:
    for seed in range(12):  # sepia and grey
        assert without_warmth(make_phantom(seed).frame) is None
    grey = sepia_to_grey(phantom(WITH_RULER[0]))[..., None]
    assert without_warmth(warmed(np.repeat(grey, 3, axis=2), WARM[0])) is None
