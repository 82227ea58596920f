"""A scale bar as it was found, and the bright straight strokes among which it is looked for.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from dataclasses import dataclass, replace

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
STUB_PART = 0.3  # of the bar's contrast, two rows beyond it
TICK_PART = 0.4  # of the bar's contrast, that a tick has
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
    ground = float(np.median(np.concatenate([around[:1], around[-1:]])))
    level = body.max(axis=0)
    contrast = float(np.median(level)) - ground
    if contrast < LEAST_CONTRAST or level.std() > MOST_UNEVEN * contrast:
        return None
    rows = np.flatnonzero(np.median(body, axis=1) - ground > 0.5 * contrast)
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

    None where it has a tick at one end alone, as a bar that was cut.
    """
    ticks = [_tick(grey, stroke, column) for column in (stroke.left, stroke.right)]
    if ticks[0] is not None and ticks[1] is not None:
        return ticks[0], ticks[1]
    if ticks[0] is not None or ticks[1] is not None or _has_stubs(grey, stroke):
        return None
    reach = 3 + stroke.thickness
    first = max(0, stroke.left - reach)
    profile = grey[stroke.top : stroke.bottom + 1, first : stroke.right + reach + 1].astype(np.float64).mean(axis=0)
    share = (profile - stroke.ground) / np.median(profile[2 * reach : -2 * reach] - stroke.ground)
    inside = np.flatnonzero(share >= 0.5)
    if inside[0] == 0 or inside[-1] == share.size - 1:
        return None
    left = inside[0] - (share[inside[0]] - 0.5) / max(1e-6, share[inside[0]] - share[inside[0] - 1])
    right = inside[-1] + (share[inside[-1]] - 0.5) / max(1e-6, share[inside[-1]] - share[inside[-1] + 1])
    return float(first + left), float(first + right)


def _has_stubs(grey: Grey, stroke: Stroke) -> bool:
    """Whether a stroke is thicker at its ends: ticks too short to be measured."""
    rows = [max(0, stroke.top - 2), min(grey.shape[0] - 1, stroke.bottom + 2)]
    beside = grey[rows, max(0, stroke.left - 1) : stroke.right + 2].astype(np.float64) - stroke.ground
    end = max(2, stroke.thickness)
    ends = np.maximum(beside[:, :end].max(axis=1), beside[:, -end:].max(axis=1))
    return bool((ends - np.median(beside, axis=1) > STUB_PART * stroke.contrast).any())


def _tick(grey: Grey, stroke: Stroke, column: int) -> float | None:
    """The middle of the tick that stands on a stroke near one of its ends, as a column; None where there is none."""
    reach = 3 + 2 * stroke.thickness
    first = max(0, column - reach)
    beside = max(2, stroke.thickness // 3)  # so many rows beyond the stroke's blur
    middles = []
    for rows in (
        slice(max(0, stroke.top - 2 - beside), max(0, stroke.top - 2)),
        slice(stroke.bottom + 3, stroke.bottom + 3 + beside),
    ):
        part = grey[rows, first : column + reach + 1].astype(np.float64) - stroke.ground
        if part.shape[0] < beside:
            continue
        profile = np.median(part, axis=0).clip(0)
        profile[profile < 0.15 * profile.max()] = 0
        if profile.max() >= TICK_PART * stroke.contrast and profile[0] == profile[-1] == 0:
            middles.append(first + float(np.average(np.arange(profile.size), weights=profile)))
    return float(np.mean(middles)) if middles else None
