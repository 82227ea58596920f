"""Scale bars in a frame: even strokes that have a length written beside them.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view.bar.glyphs import Ink
from octseg.view.bar.label import read_label
from octseg.view.bar.memory import Label, LabelMemory
from octseg.view.bar.shape import Bar, Grey, Stroke, ends_of, is_plain, is_side_of_box, strokes_along_rows

SEARCH_SIDE_PX = 1600  # a larger frame is searched at this size
THICKEST = 0.009  # of the frame's longer side
LIGHT = 128  # a ground from this level on bears dark bars
DIGIT_HEIGHT = (0.007, 0.045)  # of the frame's longer side
LEAST_DIGIT_PX = 6
ENLARGED = 3  # times, for the label to be read
REACH = 2.6  # of the highest digit: how far a label is looked for beside the bar
NEAR = 1.5  # times the label's height, from the bar
SAME_PX = 4.0
UNDERLINE_GAP = 0.4  # of the label's height
UNDERLINE_PX = 2.0  # at both ends, from the ends of what is underlined
MARKED_PART = 0.3  # of what stands out most in a bar's box


def find_bars(frame: Frame, memory: LabelMemory | None = None) -> tuple[Bar, ...]:
    """The scale bars of a frame (H, W, 3) whose labels can be read, horizontal ones first.

    memory: of the pullback's earlier frames.
    """
    memory = LabelMemory() if memory is None else memory
    red, green, blue = cv2.split(frame)
    grey = np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
    if np.median(grey[:: max(1, len(grey) // 64)]) >= LIGHT:
        grey = 255 - grey
    shrink = max(1.0, max(grey.shape) / SEARCH_SIDE_PX)
    if shrink > 1:
        size = (round(grey.shape[1] / shrink), round(grey.shape[0] / shrink))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    across = _bars_along_rows(grey, memory, upright=False)
    turned = np.asarray(cv2.transpose(grey), np.uint8)  # a third of the time that NumPy takes
    upright = [_transposed(bar) for bar in _bars_along_rows(turned, memory, upright=True)]
    scale = (frame.shape[0] / grey.shape[0], frame.shape[1] / grey.shape[1])
    return tuple(_enlarged(bar, scale) for bar in (*across, *upright))


def bar_marks(frame: Frame, bars: Sequence[Bar]) -> NDArray[np.bool_]:
    """The pixels (H, W) that bars and their labels cover in a frame (H, W, 3): what is bright in their boxes."""
    marks = np.zeros(frame.shape[:2], np.uint8)
    for bar in bars:
        top, left, bottom, right = (round(side) for side in bar.box)
        part = (slice(max(0, top - 3), bottom + 4), slice(max(0, left - 3), right + 4))
        level = frame[part].max(axis=2)
        ground = float(np.median(level))
        away = np.abs(level - ground)
        marks[part] = away > MARKED_PART * float(away.max())
    return np.asarray(cv2.dilate(marks, np.ones((5, 5), np.uint8)), dtype=bool)


def _bars_along_rows(grey: Grey, memory: LabelMemory, *, upright: bool) -> list[Bar]:
    """The bars that lie along the rows of a frame (H, W) with a bright bar on a dark ground."""
    bars = []
    strokes = strokes_along_rows(grey, max(3, round(THICKEST * max(grey.shape))))
    for stroke in strokes:
        ends = ends_of(grey, stroke)
        if ends is None or not is_plain(grey, stroke) or is_side_of_box(stroke, strokes):
            continue
        label = memory.label_of(grey, stroke, upright, _label_of)
        if label is None or _underlines(stroke, label[1]):
            continue
        length_mm, box = label
        row = (stroke.top + stroke.bottom) / 2
        top, left = min(box[0], stroke.top), min(box[1], stroke.left)
        bottom, right = max(box[2], stroke.bottom), max(box[3], stroke.right)
        bars.append(Bar(ends=((row, ends[0]), (row, ends[1])), box=(top, left, bottom, right), length_mm=length_mm))
    return bars


def _label_of(grey: Grey, stroke: Stroke) -> Label | None:
    """The length in mm written next to a stroke in a frame (H, W), and its box there; None where there is none."""
    lowest, highest = (max(LEAST_DIGIT_PX, part * max(grey.shape)) for part in DIGIT_HEIGHT)
    length, reach = stroke.right - stroke.left, round(REACH * highest)
    top, bottom = max(0, stroke.top - reach), min(grey.shape[0], stroke.bottom + reach)
    beside = max(reach, length // 2) + reach
    left, right = max(0, stroke.left - beside), min(grey.shape[1], stroke.right + beside)
    ink = ((grey[top:bottom, left:right].astype(np.float32) - stroke.ground) / stroke.contrast).clip(0, 1)
    _without(ink, replace(stroke, top=stroke.top - top, bottom=stroke.bottom - top, left=stroke.left - left), length)
    enlarged = np.asarray(cv2.resize(ink, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC), np.float32)
    labels = []
    for length_mm, (first_row, first_col, last_row, last_col) in read_label(
        enlarged, (ENLARGED * lowest, ENLARGED * highest)
    ):
        box = (
            top + first_row / ENLARGED,
            left + first_col / ENLARGED,
            top + last_row / ENLARGED,
            left + last_col / ENLARGED,
        )
        gap = _gap(box, stroke)
        if gap <= NEAR * min(box[2] - box[0], box[3] - box[1]):
            labels.append((gap, length_mm, box))
    if not labels:
        return None
    labels.sort()
    near = [label for label in labels if label[0] < 1.5 * labels[0][0] + SAME_PX]
    return (near[0][1], near[0][2]) if len({length_mm for _, length_mm, _ in near}) == 1 else None


def _underlines(stroke: Stroke, box: tuple[float, float, float, float]) -> bool:
    """Whether a stroke is as long as what is written close above it in a box, and just there."""
    is_above = 0 <= stroke.top - box[2] <= UNDERLINE_GAP * (box[2] - box[0])
    return is_above and abs(box[1] - stroke.left) <= UNDERLINE_PX and abs(box[3] - 1 - stroke.right) <= UNDERLINE_PX


def _without(ink: Ink, stroke: Stroke, length: int) -> None:
    """Take the bar, with the ticks that stand on it, out of a picture of ink (h, w), in place."""
    inked = (ink > 0.15).astype(np.uint8)
    _, parts = cv2.connectedComponents(inked, connectivity=8)
    of_bar = parts[stroke.top : stroke.bottom + 1, stroke.left : stroke.left + length + 1]
    ink[np.isin(parts, np.unique(of_bar[of_bar > 0]))] = 0


def _gap(box: tuple[float, float, float, float], stroke: Stroke) -> float:
    """Pixels between a box and a stroke; 0 where they touch."""
    rows = max(0.0, box[0] - stroke.bottom, stroke.top - box[2])
    cols = max(0.0, box[1] - stroke.right, stroke.left - box[3])
    return float(np.hypot(rows, cols))


def _transposed(bar: Bar) -> Bar:
    """A bar found along the columns, with its rows and columns exchanged back."""
    (row, col), (other_row, other_col) = bar.ends
    top, left, bottom, right = bar.box
    return replace(bar, ends=((col, row), (other_col, other_row)), box=(left, top, right, bottom))


def _enlarged(bar: Bar, scale: tuple[float, float]) -> Bar:
    """A bar found in a smaller frame, in pixels of the frame itself."""

    def there(row: float, col: float) -> tuple[float, float]:
        return (row + 0.5) * scale[0] - 0.5, (col + 0.5) * scale[1] - 0.5

    top, left = there(*bar.box[:2])
    bottom, right = there(*bar.box[2:])
    return replace(bar, ends=(there(*bar.ends[0]), there(*bar.ends[1])), box=(top, left, bottom, right))
