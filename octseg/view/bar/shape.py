"""A scale bar as it was found, and the bright straight strokes among which it is looked for.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

LEAST_LENGTH_PX = 20
LEAST_OF_FRAME = 0.03  # of the frame's longer side; shorter strokes are those of letters
MOST_OF_FRAME = 0.6  # of the frame's side; longer strokes are borders and axes
LEAST_CONTRAST = 30  # grey levels over the ground on both sides
LEAST_SLIM = 4.0  # length by thickness
MOST_UNEVEN = 0.15  # standard deviation along the stroke by its contrast; tissue is less even
STUB_PART = 0.3  # of the bar's contrast, so many rows beyond it
BESIDE_ROWS = 3
TICK_PART = 0.4  # of the bar's contrast, that a tick has
WIDEST_TICK = 2  # times the bar's thickness
UNEVEN_TICKS = 0.25  # of the mean gap, by which gaps of a ruler's ticks may differ
SAME_COLUMN_PX = 3
TICK_BESIDE_PX = 1.6  # that a tick may begin before or behind the end of its bar
MAX_STROKES = 12


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A burned-in scale bar.

    ends: the middles of its end ticks, or its two ends where it has none. box: (top, left, bottom, right) of bar and
    label together. length_mm: as its label reads.
    """

    ends: tuple[tuple[float, float], tuple[float, float]]
    box: tuple[float, float, float, float]
    length_mm: float

    def moved(self, rows: int, cols: int) -> "Bar":
        """The bar in a picture that it lies so many pixels farther down and to the right in."""
        (row, col), (other_row, other_col) = self.ends
        top, left, bottom, right = self.box
        return replace(
            self,
            ends=((row + rows, col + cols), (other_row + rows, other_col + cols)),
            box=(top + rows, left + cols, bottom + rows, right + cols),
        )

    @property
    def length_px(self) -> float:
        """Pixels from end to end."""
        (row, col), (other_row, other_col) = self.ends
        return float(np.hypot(other_row - row, other_col - col))

    @property
    def px_per_mm(self) -> float:
        """Pixels to the mm."""
        return self.length_px / self.length_mm


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """An even straight stroke along a row: rows first to last, columns first to last, inclusive; contrast in levels."""

    top: int
    bottom: int
    left: int
    right: int
    contrast: float
    ground: float

    @property
    def thickness(self) -> int:
        """Rows that it covers."""
        return self.bottom - self.top + 1


def median_level(levels: NDArray[Any], axis: int | None = None) -> NDArray[np.float64]:
    """np.median of levels, none of them NaN, in a fifth of its time where they are a few hundred; NaN of no level."""
    if levels.size == 0:
        return np.asarray(np.nan)
    ordered = np.sort(levels, axis=axis)
    along = 0 if axis is None else axis
    below, above = ((ordered.shape[along] - 1) // 2, ordered.shape[along] // 2)
    return np.asarray(0.5 * ordered.take(below, axis=along) + 0.5 * ordered.take(above, axis=along), np.float64)


def boxes_in(inked: Grey) -> NDArray[np.int32]:
    """(left, top, width, height) of all that hangs together in a picture (H, W), in OpenCV's order.

    Pairs of rows that show nothing are left out but for one between others, which takes a tenth of the time: OpenCV
    goes from pair to pair, and meets the rest as it would in the whole picture.
    """
    pairs = np.logical_or.reduceat(inked.any(axis=1), np.arange(0, len(inked), 2))
    pairs[1:] |= pairs[:-1].copy()
    rows = np.flatnonzero(pairs.repeat(2)[: len(inked)])
    if rows.size == 0:
        return np.empty((0, 4), np.int32)
    _, _, stats, _ = cv2.connectedComponentsWithStats(inked[rows], connectivity=8)
    stats[1:, 1] = rows[stats[1:, 1]]
    return np.asarray(stats[1:, :4], np.int32)


def strokes_along_rows(grey: Grey, most_thick: int) -> list[Stroke]:
    """Bright even strokes along the rows of a frame (H, W), the longest first; `most_thick` pixels thick at most."""
    height, width = grey.shape
    tall = np.ones((2 * most_thick + 3, 1), np.uint8)
    above = cv2.subtract(grey, cv2.morphologyEx(grey, cv2.MORPH_OPEN, tall))
    bright = cv2.threshold(above, LEAST_CONTRAST, 255, cv2.THRESH_BINARY)[1]
    least = max(LEAST_LENGTH_PX, round(LEAST_OF_FRAME * max(height, width)))
    long = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((1, least), np.uint8))
    boxes = boxes_in(np.asarray(long, np.uint8))
    found = []
    for left, top, wide, high in boxes[np.argsort(-boxes[:, 2])]:
        slim = high <= most_thick + 2 and wide >= LEAST_SLIM * high
        inside = left > 1 and top > 1 and left + wide < width - 1 and top + high < height - 1
        if slim and inside and wide <= MOST_OF_FRAME * max(grey.shape):
            stroke = _stroke(grey, top, left, high, wide)
            if stroke is not None:
                found.append(stroke)
    return found[:MAX_STROKES]


def _stroke(grey: Grey, top: int, left: int, high: int, wide: int) -> Stroke | None:
    """The stroke in a box of a frame (H, W), or None where its level is as uneven as tissue's."""
    ends = max(2, wide // 20)
    body = grey[top : top + high, left + ends : left + wide - ends].astype(np.float32)
    around = grey[max(0, top - 3) : top + high + 3, left + ends : left + wide - ends]
    ground = float(median_level(np.concatenate([around[:1], around[-1:]])))
    level = body.max(axis=0)
    contrast = float(median_level(level)) - ground
    if contrast < LEAST_CONTRAST or level.std() > MOST_UNEVEN * contrast:
        return None
    rows = np.flatnonzero(median_level(body, axis=1) - ground > 0.5 * contrast)
    if rows.size == 0:
        return None
    return Stroke(
        top=top + int(rows[0]),
        bottom=top + int(rows[-1]),
        left=left,
        right=left + wide - 1,
        contrast=contrast,
        ground=ground,
    )


def ends_of(grey: Grey, stroke: Stroke) -> tuple[float, float] | None:
    """Columns of a stroke's two ends in a frame (H, W): its ticks' middles, or its own ends where it has no ticks.

    None where it has a tick at one end alone, as a bar that was cut, and where what stands on it is no plain tick.
    """
    edges = _edges(grey, stroke)
    if edges is None:
        return None
    left, right = (_tick(grey, stroke, edge, inwards) for edge, inwards in zip(edges, (1, -1), strict=True))
    if left is not None and right is not None:
        return left, right
    return None if left is not None or right is not None or _has_stubs(grey, stroke, edges) else edges


def is_plain(grey: Grey, stroke: Stroke) -> bool:
    """Whether nothing stands on a stroke in a frame (H, W) between its ends but even ticks, as of a ruler.

    The line that tells how far a pullback was played has a handle on it.
    """
    sides = [grey[max(0, stroke.top - BESIDE_ROWS) : stroke.top], grey[stroke.bottom + 1 :][:BESIDE_ROWS]]
    end = 3 + 2 * stroke.thickness
    first, last = stroke.left + end, stroke.right + 1 - end
    lowest = [side[:, first:last].min(axis=0) for side in sides if len(side) == BESIDE_ROWS]
    if not lowest or last <= first:
        return True
    stands = np.max(lowest, axis=0).astype(np.float64) - stroke.ground > TICK_PART * stroke.contrast
    steps = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]]))).reshape(-1, 2)
    if not len(steps):
        return True
    gaps = np.diff([stroke.left, *(first + steps.sum(axis=1) / 2), stroke.right])
    if np.diff(steps, axis=1).max() > WIDEST_TICK * stroke.thickness + 1:
        return False
    return bool(np.ptp(gaps) <= max(2 * TICK_BESIDE_PX, UNEVEN_TICKS * gaps.mean()))


def is_side_of_box(stroke: Stroke, strokes: Sequence[Stroke]) -> bool:
    """Whether another stroke begins and ends in the same columns, as the lines of a box or a table do."""
    return any(
        other is not stroke
        and abs(other.left - stroke.left) <= SAME_COLUMN_PX
        and abs(other.right - stroke.right) <= SAME_COLUMN_PX
        for other in strokes
    )


def _edges(grey: Grey, stroke: Stroke) -> tuple[float, float] | None:
    """Columns at which a stroke in a frame (H, W) is half as bright as within; None where an end is not seen."""
    reach = 3 + stroke.thickness
    first = max(0, stroke.left - reach)
    profile = grey[stroke.top : stroke.bottom + 1, first : stroke.right + reach + 1].astype(np.float64).mean(axis=0)
    share = (profile - stroke.ground) / median_level(profile[2 * reach : -2 * reach] - stroke.ground)
    dark = np.flatnonzero(share < 0.5)
    middle = share.size // 2
    if share[middle] < 0.5 or not (dark < middle).any() or not (dark > middle).any():
        return None
    inside = int(dark[dark < middle][-1]) + 1, int(dark[dark > middle][0]) - 1
    left = inside[0] - (share[inside[0]] - 0.5) / max(1e-6, share[inside[0]] - share[inside[0] - 1])
    right = inside[1] + (share[inside[1]] - 0.5) / max(1e-6, share[inside[1]] - share[inside[1] + 1])
    return float(first + left), float(first + right)


def _has_stubs(grey: Grey, stroke: Stroke, edges: tuple[float, float]) -> bool:
    """Whether anything stands on a stroke in a frame (H, W) near its ends: ticks too short to be measured."""
    rows = [
        row
        for away in range(1, BESIDE_ROWS + 1)
        for row in (stroke.top - away, stroke.bottom + away)
        if 0 <= row < grey.shape[0]
    ]
    first, last = max(0, round(edges[0]) - 1), round(edges[1]) + 1
    beside = grey[rows, first : last + 1].astype(np.float64)
    end = 3 + 2 * stroke.thickness
    ends = np.maximum(beside[:, :end].max(axis=1), beside[:, -end:].max(axis=1))
    return bool((ends - median_level(beside, axis=1) > STUB_PART * stroke.contrast).any())


def _tick(grey: Grey, stroke: Stroke, edge: float, inwards: int) -> float | None:
    """The middle of the tick that stands on a stroke in a frame (H, W) at one of its ends, as a column.

    edge: where the stroke ends, and its tick too; inwards: 1 where the stroke lies to the right of it, else -1. None
    where there is no tick, or something wider.
    """
    reach = 3 + 2 * stroke.thickness
    first = max(0, round(edge) - reach)
    beside = max(2, stroke.thickness // 3)  # so many rows beyond the stroke's blur
    middles = []
    for rows in (
        slice(max(0, stroke.top - 2 - beside), max(0, stroke.top - 2)),
        slice(stroke.bottom + 3, stroke.bottom + 3 + beside),
    ):
        part = grey[rows, first : round(edge) + reach + 1].astype(np.float64) - stroke.ground
        if part.shape[0] < beside:
            continue
        profile = median_level(part, axis=0).clip(0)
        middle = _middle(profile, edge - first, inwards, stroke)
        if middle is not None:
            middles.append(first + middle)
    return float(np.mean(middles)) if middles else None


def _middle(profile: NDArray[np.float64], edge: float, inwards: int, stroke: Stroke) -> float | None:
    """The middle of the tick in levels (n,) along a row beside a stroke, which ends at the place `edge` of them."""
    within = np.clip(round(edge) + inwards * np.arange(-1, stroke.thickness + 1), 1, profile.size - 2)
    peak = int(within[profile[within].argmax()])
    if profile[peak] < TICK_PART * stroke.contrast:
        return None
    first = last = peak
    while first > 1 and profile[first - 1] >= 0.5 * profile[peak]:
        first -= 1
    while last < profile.size - 2 and profile[last + 1] >= 0.5 * profile[peak]:
        last += 1
    weights = profile[first - 1 : last + 2].copy()
    for side, beyond in ((0, max(0, first - 2)), (-1, min(profile.size - 1, last + 2))):
        weights[side] = max(0.0, weights[side] - profile[beyond])
    middle = float(np.average(np.arange(first - 1, last + 2), weights=weights))
    width = float(weights.sum() / profile[peak])
    starts = middle - inwards * width / 2
    return middle if width <= WIDEST_TICK * stroke.thickness + 2 and abs(starts - edge) <= TICK_BESIDE_PX else None
