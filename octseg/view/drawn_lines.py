"""Lines that a viewer drew over a frame: crosshairs, callipers, contours.

In a colour they are known by it (octseg/view/drawn_over.py). White on a grey frame they are known by their one level,
which tissue does not keep: across the disc along its rows or columns in any colour, for those cross a ruler, else white
ones, however they bend, by how far they reach without a gap. A ruler's line on a grey frame is not white.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.disc import Disc
from octseg.view.grey import Grey

BESIDE_PX = 6  # from a row's line, that shows what lies beside it
BRIGHTER = 12  # grey levels by which a pixel of a line stands out from those beside it
LEVELS = 24  # that a line's pixels span, JPEG or not
SIDE_PX = 3  # by which lines are widened: their edges are blended with what lies beneath

STANDS_OUT = 20.0  # grey levels of the mean over a row: at most 16 in real frames without a line, 10 in phantoms
LEAST_CHORD = 0.5  # of the radius, on which a row or column is looked at
LEAST_LEVEL = 80
LEAST_OF_ROW = 0.4  # of a row that stands out at one level: at most 0.25 and 0.19; of a dashed line 0.5

LEAST_WHITE = 220
LEAST_RAISED = 30  # grey levels above what lies about it; speckle is, too, but in specks
WIDE_PX = 11  # what is wider is no line
LEAST_REACH = 0.4  # of the radius, from corner to corner: specks of one level 0.1 in real frames, 0.29 in phantoms
LEAST_OF_LINE = 0.9  # of its pixels that have one level: of larger specks at most 0.66

Points = NDArray[np.int16]


def drawn_lines(grey: Grey, disc: Disc, *, white: bool) -> NDArray[np.bool_] | None:
    """(H, W) True on lines over the disc of a frame's grey levels (H, W); None where there are none.

    white: whether white ones are looked for as well that follow neither rows nor columns.
    """
    imaged = disc.mask(*grey.shape)
    shown = np.multiply(grey, imaged)
    found = np.zeros(grey.shape, np.uint8)
    for row in _standing_out(shown, imaged, disc, 1):
        found[row] |= _line_at(row, shown, imaged)
    for col in _standing_out(shown, imaged, disc, 0):
        found[:, col] |= _line_at(col, shown.T, imaged.T)
    if white:
        found |= _white(shown, disc)
    return np.asarray(cv2.dilate(found, np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0) if found.any() else None


def _standing_out(shown: Grey, imaged: NDArray[np.bool_], disc: Disc, along: int) -> NDArray[np.intp]:
    """Rows (along 1) or columns (along 0) that are brighter in the mean than those beside them."""
    chord, total = (
        cv2.reduce(each, along, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for each in (imaged.view(np.uint8), shown)
    )
    mean = total / np.maximum(chord, 1)
    beside = np.maximum(np.roll(mean, BESIDE_PX), np.roll(mean, -BESIDE_PX))
    return np.flatnonzero((mean > beside + STANDS_OUT) & (chord >= LEAST_CHORD * disc.radius_px))


def _line_at(row: int, shown: Grey, imaged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(W,) True on pixels of a row that have the one level of a line; nowhere where it has no such line."""
    rows = [min(max(row + by, 0), len(shown) - 1) for by in (0, -BESIDE_PX, BESIDE_PX)]
    levels, before, behind = shown[rows].astype(np.int16)
    level, share = _one_level(levels[imaged[row]], np.maximum(before, behind)[imaged[row]], LEAST_LEVEL)
    return np.asarray((levels >= level) & (levels < level + LEVELS) & imaged[row] & (share >= LEAST_OF_ROW))


def _one_level(levels: Points, beside: Points, least: int) -> tuple[int, float]:
    """From which level on most of those that stand out from what is beside them lie, and their share of all (n,)."""
    brighter = (levels >= least) & (levels > beside + BRIGHTER)
    counts = np.convolve(np.bincount(levels[brighter], minlength=256), np.ones(LEVELS, np.intp))[LEVELS - 1 :]
    level = int(counts.argmax())
    return level, float(counts[level] / max(1, len(levels)))


def _white(shown: Grey, disc: Disc) -> NDArray[np.uint8]:
    """(H, W) 1 on thin white lines that reach far, straight or not."""
    raised = cv2.morphologyEx(shown, cv2.MORPH_TOPHAT, np.ones((WIDE_PX, WIDE_PX), np.uint8))
    white = ((shown >= LEAST_WHITE) & (raised > LEAST_RAISED)).view(np.uint8)
    found = np.zeros_like(white)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(white, connectivity=8)
    reach = np.hypot(boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT])
    for label in 1 + np.flatnonzero(reach >= LEAST_REACH * disc.radius_px):
        levels = shown[labels == label].astype(np.int16)
        if _one_level(levels, np.zeros_like(levels), LEAST_WHITE)[1] >= LEAST_OF_LINE:
            found |= (labels == label).view(np.uint8)
    return found
