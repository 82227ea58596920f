"""Grey frames that a program made of the console's sepia ones without knowing of it: told by their ruler, and undone.

A viewer's luminance of the sepia, or the mean of its channels, is no grey level: what was 128 becomes 70 or 61. The
dots of the ruler have two colours, so that the two greys which they became tell by which formula. Whether the tissue
was sepia, the darkest quarter of the disc says: noise, for which sepia has next to no green and blue.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.grey import SEPIA, Grey

if TYPE_CHECKING:
    from octseg.view.disc import Disc
    from octseg.view.ruler import Ruler

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
TABLES = [
    np.rint(np.interp(np.arange(256), of_sepia, np.arange(256))).astype(np.uint8)
    for of_sepia in _formulas(SEPIA.astype(np.float64))
]


def as_it_was(grey: Grey, ruler: "Ruler", disc: "Disc | None") -> Grey | None:
    """The grey levels (H, W) behind a frame saved in grey, whose ruler was found by its shape; None where right."""
    which = _formula_of(grey, ruler)
    if which is None or disc is None or np.quantile(grey[disc.mask(*grey.shape)], 0.25) > MOST_FLOOR:
        return None
    return np.asarray(cv2.LUT(grey, TABLES[which]), np.uint8)


def _formula_of(grey: Grey, ruler: "Ruler") -> int | None:
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
