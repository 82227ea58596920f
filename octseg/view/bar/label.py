"""The length that stands beside a scale bar, as "1 mm", "0.5 mm" or "500 um", whichever way the picture is turned.

A label is read as a whole or not at all: a sign too many, a number that no scale bar bears, or two readings that differ
give None. A picture may be upside down or mirrored: the unit stands behind the number, and its m tells up from down.
Boxes are (top, left, bottom, right) in pixels of the picture of the label, the last two exclusive.
"""

import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.bar.glyphs import DIGITS, Ink, signs_in

Boxes = NDArray[np.intp]  # (n, 4)

MM_OF = {"mm": 1.0, "MM": 1.0, "um": 1e-3, "µm": 1e-3}
LENGTHS_MM = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0)  # 10 may be a 1.0 whose point was lost
MAX_SIGNS = 8
MOST_BOXES = 120  # specks that a picture may have; over tissue nothing is read
LEAST_DIGIT_WIDTH = 0.4  # of its height, so that a sign may be two
LEAST_AREA = 4  # pixels of a sign
LEAST_LETTER = 0.5  # height of an m by that of a digit
LEVELS = (0.5, 0.35, 0.65)  # of the ink from which a pixel is part of a sign
SMALLEST_SIGN = 0.45  # of the tallest of its line; what is smaller is a point
GAP = 1.1  # of the height of signs, to the next one of the line
LEVEL = 0.3  # of a sign's height that it shares with its line; most of a comma hangs below
CLEAR = 0.7  # the same, free of anything else before and behind a label


def read_label(ink: Ink, height_px: tuple[float, float]) -> list[tuple[float, tuple[float, float, float, float]]]:
    """The lengths in mm that are written in a picture (h, w), each with its box; none or a few.

    ink: 0 the ground, 1 the bar's own level. height_px: how low and how high digits may be.
    """
    for level in LEVELS:
        found = [(mm, box) for line in (False, True) for mm, box in _read_at(ink, level, height_px, line)]
        if found:
            return found
    return []


def _read_at(
    ink: Ink, level: float, height_px: tuple[float, float], along_columns: bool
) -> list[tuple[float, tuple[float, float, float, float]]]:
    """As `read_label`, for lines of signs that run along the rows or the columns of the picture."""
    picture = np.ascontiguousarray(ink.T) if along_columns else ink
    boxes = _specks((picture > level).astype(np.uint8))
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    sign = (height <= height_px[1]) & (width <= 2 * height_px[1]) & (np.maximum(height, width) >= 0.1 * height_px[0])
    boxes = boxes[sign]
    if len(boxes) > MOST_BOXES:
        return []
    found = []
    for line in _lines(boxes, height_px[0]):
        values = {mm for flip in itertools.product((False, True), repeat=2) if (mm := _parsed(picture, line, *flip))}
        if len(values) == 1 and _stands_alone(line, boxes, picture.shape):
            top, left, bottom, right = line[:, 0].min(), line[:, 1].min(), line[:, 2].max(), line[:, 3].max()
            box = (left, top, right, bottom) if along_columns else (top, left, bottom, right)
            found.append((values.pop(), (float(box[0]), float(box[1]), float(box[2]), float(box[3]))))
    return found


def _specks(inked: NDArray[np.uint8]) -> Boxes:
    """The boxes of all that hangs together in a picture (h, w), in any direction, and has LEAST_AREA pixels or more.

    By their outlines, which takes a tenth of the time of labelling all pixels.
    """
    outlines, places = cv2.findContours(inked, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = [
        line for line, (_, _, _, around) in zip(outlines, places[0] if outlines else [], strict=True) if around < 0
    ]
    sides = [cv2.boundingRect(line) for line in outer if _has_area(line)]
    left, top, width, height = np.array(sides, np.intp).reshape(-1, 4).T
    return np.stack([top, left, top + height, left + width], axis=1)


def _has_area(outline: NDArray[Any]) -> bool:
    """Whether an outline (n, 1, 2) is one of LEAST_AREA pixels: walked around, fewer are passed at most so often."""
    return len(outline) > LEAST_AREA or len(np.unique(outline[:, 0], axis=0)) == LEAST_AREA


class _Line:
    """Signs that stand in one line, from left to right, each (top, left, bottom, right)."""

    def __init__(self, box: list[int]) -> None:
        self.boxes = [box]
        self._top, _, self._bottom, self._right = box
        self._height = self._bottom - self._top

    def takes(self, box: list[int]) -> bool:
        """Whether a sign goes on with it, and then adds it."""
        top, left, bottom, right = box
        height = max(self._height, bottom - top)
        if left - self._right > GAP * height:
            return False
        if min(bottom, self._bottom) - max(top, self._top) < LEVEL * min(bottom - top, height):
            return False
        self._right = max(right, self.boxes[-1][3])
        self.boxes.append(box)
        self._height, self._top, self._bottom = height, min(self._top, top), max(self._bottom, bottom)
        return True


def _lines(boxes: Boxes, least_px: float) -> list[Boxes]:
    """Boxes grouped into lines of text, each from left to right; a line's tallest sign is `least_px` high or more."""
    lines: list[_Line] = []
    for box in boxes[np.lexsort((boxes[:, 0], boxes[:, 1]))].tolist():
        if not any(line.takes(box) for line in lines):
            lines.append(_Line(box))
    signs = [np.array(line.boxes) for line in lines if 2 <= len(line.boxes) <= MAX_SIGNS]
    return [line for line in signs if _of_one_size(line[:, 2] - line[:, 0], least_px)]


def _of_one_size(height: NDArray[np.intp], least_px: float) -> bool:
    """Whether heights (n,) are those of digits, an m and points."""
    tallest = height.max()
    between = (height >= SMALLEST_SIGN * tallest) & (height < LEAST_LETTER * tallest)
    return bool(tallest >= least_px and not between.any())


def _parsed(picture: Ink, line: Boxes, mirrored: bool, upside_down: bool) -> float | None:
    """The length in mm that a line of signs in a picture (h, w) gives when turned back; None where it gives none."""
    order = line[::-1] if mirrored else line
    step = -1 if mirrored else 1, -1 if upside_down else 1
    height = (order[:, 2] - order[:, 0]).max()
    signs = [picture[top:bottom, left:right][:: step[1], :: step[0]] for top, left, bottom, right in order]
    points = order[:, 2] - order[:, 0] < SMALLEST_SIGN * height
    if points.sum() > 1 or points[-2:].any():
        return None
    for unit in (2, 1):  # the two letters of the unit apart, or run into one
        letters = _unit(signs[-unit:])
        if letters is None or len(signs) <= unit:
            continue
        low = order[points, 0] if upside_down else order[points, 2]  # the point stands on the line
        base = order[~points, 0].min() if upside_down else order[~points, 2].max()
        if points.any() and abs(int(low[0]) - int(base)) > 0.3 * height:
            return None
        return _number(signs[:-unit], points[:-unit], MM_OF[letters])
    return None


def _unit(signs: list[Ink]) -> str | None:
    """The unit that one or two pictures of signs show, or None."""
    read = signs_in(_parted(signs[0], 2) if len(signs) == 1 else signs, "muµM")
    unit = "".join(sign or "?" for sign in read)
    return unit if unit in MM_OF else None


def _parted(sign: Ink, count: int) -> list[Ink]:
    """The signs that have run into one, of about the same width, cut apart where there is least ink; [] where not."""
    width = sign.shape[1] / count
    cuts = [0]
    for place in range(1, count):
        first, last = round((place - 0.2) * width), round((place + 0.2) * width) + 1
        cuts.append(first + int(sign[:, first:last].sum(axis=0).argmin()))
    cuts.append(sign.shape[1])
    parts = [_tight(sign[:, start:end]) for start, end in itertools.pairwise(cuts)]
    return parts if all(part.size for part in parts) else []


def _tight(sign: Ink) -> Ink:
    """A picture cut to what is inked."""
    rows, cols = np.nonzero(sign > LEVELS[0])
    return sign[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1] if rows.size else sign[:0]


def _number(signs: list[Ink], points: NDArray[np.bool_], unit_mm: float) -> float | None:
    """The length in mm, one of LENGTHS_MM, that a number's signs give; None where one is not read or it is another."""
    text = "".join("." if point else _digits(sign) for sign, point in zip(signs, points, strict=True))
    if "?" in text or not text.strip(".") or (text.startswith("0") and not text.startswith("0.")):
        return None
    length = float(text) * unit_mm
    return next((mm for mm in LENGTHS_MM if abs(mm - length) < 1e-6), None)


def _digits(sign: Ink) -> str:
    """The digit that a picture shows, or two or three that have run into one; "?" where it shows none."""
    for count in range(1, 4):
        read = signs_in(_parted(sign, count), DIGITS)
        if read and None not in read:
            return "".join(digit or "" for digit in read)
        if sign.shape[1] < LEAST_DIGIT_WIDTH * (count + 1) * sign.shape[0]:
            break
    return "?"


def _stands_alone(line: Boxes, boxes: Boxes, size: tuple[int, ...]) -> bool:
    """Whether a line of signs is whole, and nothing stands close before or behind it in its row, as in "1 mm/s".

    size: of the picture.
    """
    top, bottom = line[:, 0].min(), line[:, 2].max()
    room = CLEAR * (bottom - top)
    first, last = line[:, 1].min(), line[:, 3].max()
    at_edge = first == 0 or top == 0 or bottom == size[0] or last == size[1]  # and may be cut off there
    level = (boxes[:, 0] < bottom) & (boxes[:, 2] > top)
    before = level & (boxes[:, 3] > first - room) & (boxes[:, 1] < first)
    behind = level & (boxes[:, 1] < last + room) & (boxes[:, 3] > last)
    return not at_edge and not (before | behind).any()
