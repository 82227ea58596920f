"""What looks like a scale bar and is none, and ticks that are too short to tell where a bar ends."""

import numpy as np
import pytest

from octseg.phantom import ScaleBar
from octseg.pullback import Frame
from octseg.view import find_bars, find_pixel_scale
from octseg.view.bar.shape import Stroke, ends_of
from tests.view.test_bar import lengths, screen, with_bar

WHITE = (240, 240, 240)


def paint(frame: Frame, rows: tuple[int, int], cols: tuple[int, int]) -> None:
    """White from the first row and column up to the last, exclusive."""
    frame[slice(*rows), slice(*cols)] = WHITE


def plain_bar(px_per_mm: float = 120.0, **given: object) -> tuple[Frame, int, int, int]:
    """A bar 2 px thick without ticks in the lower right corner: its top row, its first column and the one behind it."""
    bar = ScaleBar(ticks="none", thickness_px=2, margin_px=40.5, **given)  # type: ignore[arg-type]
    frame = with_bar(px_per_mm, bar)
    row = frame.shape[0] - 41
    cols = np.flatnonzero(frame[row + 1, -300:, 0] > 200) + frame.shape[1] - 300
    return frame, row, int(cols[0]), int(cols[-1]) + 1


@pytest.mark.parametrize("height", [1, 2])
def test_ticks_too_short_to_be_measured_are_not_taken_for_the_bar_itself(height: int) -> None:
    """They reach 2 px beyond the bar: by its outermost columns it would be 4 px too long."""
    frame, row, first, last = plain_bar()
    for left in (first - 2, last - 2):
        paint(frame, (row - height, row + 2), (left, left + 4))
    assert lengths(frame) == []


def test_noise_beside_a_tick_does_not_move_it() -> None:
    frame = with_bar(120.0, ScaleBar(ticks="both", thickness_px=1))
    row, col = np.argwhere(frame[:, :, 0] > 200)[-1]
    frame[row - 8 : row + 9, col + 4 : col + 7] = 60
    assert lengths(frame) == [(1.0, pytest.approx(120.0, abs=0.3))]


@pytest.mark.parametrize("part", [0.2, 0.5])
def test_the_line_that_tells_what_was_played_is_no_bar(part: float) -> None:
    frame, row, first, last = plain_bar()
    handle = round(first + part * (last - first))
    paint(frame, (row - 5, row + 7), (handle - 3, handle + 3))
    assert lengths(frame) == []


def test_even_ticks_between_the_ends_are_those_of_a_ruler() -> None:
    frame, row, first, last = plain_bar()
    for place in range(11):
        left = first + place * (last - first) // 10
        paint(frame, (row - 6, row + 2), (left - 1, left + 1))
    assert lengths(frame) == [(1.0, pytest.approx(last - first, abs=0.3))]


def test_the_lines_of_a_box_are_no_bars() -> None:
    frame, row, first, last = plain_bar()
    paint(frame, (row - 60, row - 58), (first, last))
    assert lengths(frame) == []


def test_what_underlines_a_label_is_no_bar() -> None:
    frame, row, _, _ = plain_bar()
    paint(frame, (row, row + 2), (frame.shape[1] - 300, frame.shape[1]))
    frame[row : row + 2] = 0
    rows, cols = np.nonzero(frame[row - 60 : row, :, 0] > 200)
    below = row - 60 + int(rows.max()) + 4
    paint(frame, (below, below + 1), (int(cols.min()), int(cols.max()) + 1))
    assert lengths(frame) == []


def test_a_distance_measured_within_the_vessel_gives_no_scale() -> None:
    """It is as long as somebody drew it, and its number is rounded."""
    frame = screen(800, 1024, radius=380)
    measured = with_bar(104.0, frame=np.zeros((300, 400, 3), np.uint8))
    part = frame[300:500, 420:700]
    part[:] = np.maximum(part // 8, measured[-200:, -280:])
    assert [bar.length_mm for bar in find_bars(frame)] == [1.0]
    assert find_pixel_scale(frame).pixel_spacing_mm is None


def test_a_stroke_that_is_dark_in_its_middle_has_no_ends() -> None:
    grey = np.zeros((40, 200), np.uint8)
    grey[20, 50:150] = 200
    stroke = Stroke(top=20, bottom=20, left=50, right=149, contrast=200.0, ground=0.0)
    assert ends_of(grey, stroke) == (49.5, 149.5)
    grey[20, 97:104] = 0
    assert ends_of(grey, stroke) is None
