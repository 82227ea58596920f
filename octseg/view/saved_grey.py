"""Grey frames that a program made of the console's sepia ones without knowing of it: told by their ruler, and undone.

A viewer's luminance of the sepia, or the mean of its channels, is no grey level: what was 128 becomes 70 or 61. The
dots of the ruler have two colours, so that the two greys which they became tell by which formula. Whether the tissue
was sepia, its dark levels say: sepia has next to no green and blue there, and several of them become one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.disc import Disc
from octseg.view.grey import SEPIA, Grey
from octseg.view.ruler import Ruler, place_of

UNDONE = "This picture is a grey copy of a sepia one, which darkens tissue; it was measured with the levels put back."
YELLOW_DOT, CYAN_DOT = (241, 217, 101), (161, 201, 238)  # medians over real frames, each within 5
RIGHT = ((254.0, 241.0), (241.0, 238.0), (241.0, 161.0))  # both dots of frames whose levels are right: sepia undone,
# the brightest channel, the red one
MOST_OFF = 4.0  # grey levels of either dot; 2 in frames that were saved as JPEG of quality 75
LEAST_DOT_PX = 3.0  # radius; the middle of smaller ones is blurred
CORE_PX = 3  # side of a dot's middle
MOST_FLOOR = 8  # grey level of the disc's darkest quarter: up to 8 where sepia became grey, 9 and more in right levels


def _formulas(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grey (5, n) of colours (n, 3): luminance by Rec. 601 and by Rec. 709, mean, green alone, middle of extremes."""
    weights = np.array([[0.299, 0.587, 0.114], [0.2126, 0.7152, 0.0722], [1 / 3, 1 / 3, 1 / 3], [0, 1, 0]])
    return np.concatenate([weights @ colours.T, [(colours.min(axis=1) + colours.max(axis=1)) / 2]])


DOTS = _formulas(np.array([YELLOW_DOT, CYAN_DOT], np.float64))  # (5, 2)
OF_SEPIA = _formulas(SEPIA.astype(np.float64))  # (5, 256)
WHITE = OF_SEPIA[:, -1]
TABLES = [np.rint(np.interp(np.arange(256), of_sepia, np.arange(256))).astype(np.uint8) for of_sepia in OF_SEPIA]


# How far the counts of dark levels jump, as a part of them: 0.4 to 0.8 where lossless sepia became grey by a luminance
# (0.2 by the mean), 0.18 to 0.23 in real frames, which were lossy once; up to 0.05 in grey tissue, 0.16 in real frames.
SMOOTH, ROUGH = 0.055, 0.3
WEIGHTED = 3  # the first formulas, which make one level of several dark ones; in green all of these are 0
DARK_LEVELS = 30
ABOVE_WHITE = 4  # grey levels above what a formula makes of white sepia, as the rings of lossy coding reach


def as_it_was(grey: Grey, ruler: Ruler, disc: Disc | None) -> Grey | None:
    """The grey levels (H, W) behind a frame saved in grey, whose ruler was found by its shape; None where right."""
    which = _formula_of(grey, ruler)
    if which is None or disc is None:
        return None
    height, width = grey.shape
    marks = cv2.dilate(place_of(ruler, (height, width)).drawn, np.ones((5, 5), np.uint8)) > 0
    if not _was_sepia(grey[disc.mask(height, width) & ~marks], which):
        return None
    return np.asarray(cv2.LUT(grey, TABLES[which]), np.uint8)


def _was_sepia(tissue: NDArray[np.uint8], which: int) -> bool:
    """Whether the grey levels (n,) of a disc can be what a formula made of sepia.

    Then its darkest quarter is darker than noise is. Some formulas also make one level of several dark ones, so that
    the counts of these jump, and no level is brighter than what became of white.
    """
    is_dark = bool(np.quantile(tissue, 0.25) <= MOST_FLOOR)
    if which >= WEIGHTED:
        return is_dark
    counts = np.bincount(tissue, minlength=256)[: DARK_LEVELS + 1].astype(float)
    roughness = np.abs(counts[2:-1] - (counts[1:-2] + counts[3:]) / 2).sum() / max(1.0, counts[2:-1].sum())
    if is_dark:
        return bool(roughness > SMOOTH or np.quantile(tissue, 0.9999) <= WHITE[which] + ABOVE_WHITE)
    return bool(roughness > ROUGH)


def _formula_of(grey: Grey, ruler: Ruler) -> int | None:
    """By which of the formulas the dots of a ruler became what they are in grey levels (H, W); None where by none."""
    if ruler.dot_radius_px < LEAST_DOT_PX:
        return None
    cores = np.array(
        [cv2.getRectSubPix(grey, (CORE_PX, CORE_PX), (float(col), float(row))).mean() for row, col in ruler.dots_px]
    )
    along = (ruler.dots_px - np.array(ruler.centre)) @ np.array(ruler.direction)
    halves = [cores[side * along > 0.5 * ruler.pitch_px] for side in (-1, 1)]
    if not all(half.size for half in halves):
        return None
    seen = np.array([np.median(half) for half in halves])
    known = np.concatenate([DOTS, RIGHT])
    off = np.minimum(*(np.abs(known - each).max(axis=1) for each in (seen, seen[::-1])))
    best = int(off.argmin())
    return best if off[best] <= MOST_OFF and best < len(DOTS) else None
