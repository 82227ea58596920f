"""What is found once for the frames of a pullback, and frames that do not show it where it was."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from octseg import Segmenter
from octseg.phantom import random_spec, render
from octseg.pipeline.frames import seen_along
from octseg.pullback import Frame, Pullback
from octseg.view import find_pixel_scale
from octseg.view.along import STRETCH, AlongPullback, is_drawn_otherwise, start_of_stretch
from octseg.view.preprocessing import view_frame


@cache
def frame(seed: int, field_mm: float = 7.01, ruler_deg: float = 20.0, ruler: bool = True) -> Frame:
    spec = random_spec(seed, field_mm=field_mm)
    return render(replace(spec, colouring="sepia", size_px=704, ruler=ruler, ruler_deg=ruler_deg)).frame


def pullback(frames: Sequence[Frame]) -> Pullback:
    return Pullback(name="run", frame_count=len(frames), read_frames=lambda: iter(frames))


def test_a_frame_like_the_one_before_is_checked_and_not_searched() -> None:
    along = AlongPullback()
    first, none = frame(1), along.view(frame(1))[1]
    view, known = along.view(frame(2))
    assert none is not None
    assert known is none
    alone = view_frame(frame(2))
    assert view.disc is not None
    assert alone.disc is not None
    assert view.disc.radius_px == pytest.approx(alone.disc.radius_px, abs=1)
    assert np.mean(np.abs(view.grey.astype(int) - alone.grey) > 8) < 0.01
    assert first.shape == frame(2).shape


@pytest.mark.parametrize("other", [frame(2, 5.01), frame(2, 10.5), frame(2, ruler_deg=70.0), frame(2, ruler=False)])
def test_a_frame_that_contradicts_is_looked_at_anew(other: Frame) -> None:
    along = AlongPullback()
    along.view(frame(1))
    view, _ = along.view(other)
    np.testing.assert_array_equal(view.grey, view_frame(other).grey)
    assert (view.ruler is None) == (view_frame(other).ruler is None)


def test_a_ruler_that_appears_is_found_and_painted_out() -> None:
    along = AlongPullback()
    along.view(frame(1, ruler=False))
    assert along.view(frame(2))[0].ruler is not None


def test_frames_that_share_nothing_are_segmented_as_alone(segmenter: Segmenter) -> None:
    frames = [frame(1), frame(2, 5.01), frame(3, 10.03)]
    results = list(segmenter.segment_pullback(pullback(frames)))
    assert [result.frame_number for result in results] == [1, 2, 3]
    for result, each in zip(results, frames, strict=True):
        alone = segmenter.segment(each)
        assert result.pixel_spacing_mm == find_pixel_scale(each).pixel_spacing_mm
        for name, mask in alone.masks.items():
            np.testing.assert_array_equal(result.masks[name], mask)


def test_half_the_zoom_whose_dots_lie_upon_those_known_is_told() -> None:
    along = AlongPullback()
    along.view(frame(2, 5.01))
    ruler = along.view(frame(3, 10.02))[0].ruler
    assert ruler is not None
    assert ruler.pitch_px == pytest.approx(704 / 10.02, rel=0.01)


def test_a_digit_that_changes_beside_a_bar_is_seen() -> None:
    """The bar itself is most of what is drawn there."""
    bars = []
    for digit in "12":
        drawn = np.zeros((40, 200), np.uint8)
        cv2.rectangle(drawn, (20, 30), (170, 31), 255, cv2.FILLED)
        bars.append(
            np.asarray(cv2.putText(drawn, f"{digit} mm", (70, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255), np.uint8)
        )
    noisy = np.asarray(cv2.add(bars[0], np.random.default_rng(0).integers(0, 60, bars[0].shape, np.uint8)), np.uint8)
    assert is_drawn_otherwise(bars[0], bars[1])
    assert not is_drawn_otherwise(bars[0], noisy)


def test_where_the_zoom_changes_each_frame_has_its_own_scale() -> None:
    given = pullback([frame(1), frame(2, 5.01), frame(3, 5.01)])
    found = [seen.scale.pixel_spacing_mm for seen in seen_along(enumerate(given, 1), given, None, None)]
    assert found == [pytest.approx(field / 704, rel=0.01) for field in (7.01, 5.01, 5.01)]


@pytest.mark.parametrize(
    ("frames", "is_told"),
    [
        ([frame(1), frame(2), frame(2), frame(3)], True),
        ([frame(1), frame(2), frame(2) ^ 1, frame(3)], True),  # coded anew
        ([frame(1), frame(2), frame(3), frame(2)], False),
        ([frame(1), *[np.zeros_like(frame(1))] * 3, frame(2)], False),
    ],
    ids=["twice", "coded twice", "not in a row", "black"],
)
def test_a_frame_that_is_the_one_before_it_is_told(frames: list[Frame], is_told: bool) -> None:
    given = pullback(frames)
    assert len(list(seen_along(enumerate(given, 1), given, None, None))) == len(frames)
    assert any("the very frames before them" in each for each in given.late_warnings) is is_told


def test_what_is_known_ends_with_a_stretch_so_that_reading_may_begin_there() -> None:
    along = AlongPullback()
    known = [along.view(frame(1))[1] for _ in range(STRETCH + 1)]
    assert len({id(each) for each in known}) == 2
    assert known[-1] is not known[-2]
    assert start_of_stretch(STRETCH - 1) == 0
    assert start_of_stretch(STRETCH) == STRETCH
