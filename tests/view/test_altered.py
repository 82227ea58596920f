"""Sepia frames whose brightness, contrast or saturation a viewer changed: levels are put back and that is said."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from octseg.phantom import make_phantom, random_spec, render
from octseg.pullback import Frame
from octseg.view.along import AlongPullback
from octseg.view.altered import ALTERED, as_the_console_shows
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame

WITH_RULER = (5, 9, 11)  # sepia phantoms
Change = Callable[[Frame], Frame]


def stretched(factor: float, offset: float) -> Change:
    return lambda frame: np.clip(np.rint(frame.astype(float) * factor + offset), 0, 255).astype(np.uint8)


def enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance], factor: float) -> Change:
    return lambda frame: np.asarray(kind(Image.fromarray(frame)).enhance(factor))


def as_jpeg(frame: Frame, quality: int) -> Frame:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


CHANGES = {
    "brighter": stretched(1, 40),
    "brighter by a factor": stretched(1.25, 0),
    "darker": enhanced(ImageEnhance.Brightness, 0.7),
    "more contrast": stretched(1.3, -25),
    "less contrast": enhanced(ImageEnhance.Contrast, 0.7),
    "paler": enhanced(ImageEnhance.Color, 0.7),
    "nearly grey": enhanced(ImageEnhance.Color, 0.3),
    "more colour": enhanced(ImageEnhance.Color, 1.4),
    "brighter with more contrast": stretched(1.2, 20),
    "paler and brighter": lambda frame: stretched(1, 30)(enhanced(ImageEnhance.Color, 0.7)(frame)),
    "paler and brighter by a factor": lambda frame: stretched(1.2, 0)(enhanced(ImageEnhance.Color, 0.7)(frame)),
    "more colour and brighter": lambda frame: stretched(1, 30)(enhanced(ImageEnhance.Color, 1.3)(frame)),
}


def phantom(seed: int) -> Frame:
    return np.asarray(render(random_spec(seed)).frame)


def apart(seen: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Mean distance of grey levels where these are neither cut off nor next to black."""
    where = (true > 60) & (true < 190)
    return float(cv2.absdiff(seen, true)[where].mean())


@pytest.mark.parametrize("name", CHANGES)
def test_levels_that_a_viewer_changed_are_put_back(name: str) -> None:
    """To those that the very phantom has without the change, by the console's table from its colours."""
    for seed in WITH_RULER:
        frame = phantom(seed)
        changed = CHANGES[name](frame)
        true, found = sepia_to_grey(frame), as_the_console_shows(changed)
        assert found is not None
        assert apart(sepia_to_grey(found), true) < 4


@pytest.mark.parametrize("name", ["brighter", "brighter by a factor", "paler"])
def test_the_view_of_a_changed_frame_has_ruler_and_levels_and_says_so(name: str) -> None:
    frame = phantom(WITH_RULER[0])
    as_it_was, seen = view_frame(frame), view_frame(CHANGES[name](frame))
    assert as_it_was.ruler is not None
    assert seen.ruler is not None
    assert seen.ruler.pitch_px == pytest.approx(as_it_was.ruler.pitch_px, rel=0.005)
    assert apart(seen.grey, as_it_was.grey) < 3
    assert ALTERED in seen.warnings
    assert ALTERED not in as_it_was.warnings


def traced(frame: Frame) -> Frame:
    """With a contour of one grey level and a wide white one."""
    drawn = cv2.ellipse(frame.copy(), (350, 350), (200, 160), 0, 0, 360, (200, 200, 200), 2)
    return np.asarray(cv2.ellipse(drawn, (350, 350), (280, 240), 0, 0, 360, (255, 255, 255), 5), np.uint8)


@pytest.mark.parametrize("name", ["darker", "less contrast", "paler", "nearly grey"])
def test_lines_over_a_frame_hide_no_change(name: str) -> None:
    """Drawn before it, so that they are changed as well, or after; without a change they look like none."""
    for seed in WITH_RULER:
        frame = phantom(seed)
        true = sepia_to_grey(frame)
        for changed in (CHANGES[name](traced(frame)), traced(CHANGES[name](frame))):
            found = as_the_console_shows(changed)
            assert found is not None
            assert np.median(cv2.absdiff(sepia_to_grey(found), true)[(true > 60) & (true < 190)]) < 4
        assert as_the_console_shows(traced(frame)) is None


@pytest.mark.parametrize("name", ["brighter", "darker", "paler"])
def test_in_a_pullback_each_frame_that_was_changed_is_put_back(name: str) -> None:
    """Also behind unchanged ones, by which the disc is known, and where lines over a frame hide the curve."""
    frame = phantom(WITH_RULER[0])
    traced = cv2.ellipse(CHANGES[name](frame).copy(), (350, 350), (200, 160), 0, 0, 360, (255, 255, 255), 9)
    frames = [frame, CHANGES[name](frame), CHANGES[name](frame), np.asarray(traced, np.uint8), frame]
    along = AlongPullback()
    views = [along.view(each)[0] for each in frames]
    assert [ALTERED in view.warnings for view in views] == [False, True, True, True, False]
    for view in views[1:3]:
        assert apart(view.grey, views[0].grey) < 3
        assert view.ruler is not None


@pytest.mark.parametrize("then", [stretched(1, 60), stretched(0.8, 0)], ids=["more of it", "the other way"])
def test_where_a_pullback_is_changed_otherwise_from_a_frame_on_that_is_put_back(then: Change) -> None:
    """What was done to the frame before brings it nearer, but not there."""
    frame = phantom(WITH_RULER[0])
    along = AlongPullback()
    right, _, view = (along.view(each)[0] for each in (frame, stretched(1, 40)(frame), then(frame)))
    assert apart(view.grey, right.grey) < 3


def test_levels_are_put_back_once() -> None:
    """Another frame behind one that is only brighter, paler as well: with that undone it would look changed still."""
    along = AlongPullback()
    frames = stretched(1.25, 0)(phantom(WITH_RULER[0])), stretched(1, 40)(CHANGES["paler"](phantom(WITH_RULER[1])))
    assert [along.view(frame)[0].warnings.count(ALTERED) for frame in frames] == [1, 1]


def test_grey_frames_with_a_tint_are_left_as_they_are() -> None:
    grey = sepia_to_grey(phantom(WITH_RULER[0]))[..., None]
    for tint in ((1, 0.97, 0.9), (1, 0.9, 0.8), (1, 0.8, 0.6), (1, 0.95, 0.7)):
        assert as_the_console_shows(np.rint(grey * np.array(tint)).astype(np.uint8)) is None


@pytest.mark.parametrize("level", [40, 60, 90])
def test_a_grey_ground_about_a_frame_is_no_changed_black(level: int) -> None:
    ground = np.full((1000, 1600, 3), level, np.uint8)
    ground[150:854, 450:1154] = phantom(WITH_RULER[0])
    assert as_the_console_shows(ground) is None


def test_what_nobody_changed_is_left_as_it_is() -> None:
    for seed in range(12):  # sepia and grey
        frame = make_phantom(seed).frame
        assert as_the_console_shows(frame) is None
        assert as_the_console_shows(as_jpeg(frame, 30)) is None


def test_pictures_whose_colours_are_no_sepia_are_left_as_they_are() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    rng = np.random.default_rng(0)
    photograph = cv2.GaussianBlur(rng.integers(0, 256, (256, 256, 3), np.uint8), (0, 0), 6)
    for picture in (np.dstack([ramp] * 3), cv2.applyColorMap(ramp, cv2.COLORMAP_HOT)[..., ::-1], photograph):
        assert as_the_console_shows(np.ascontiguousarray(picture)) is None
