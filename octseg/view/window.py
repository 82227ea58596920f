"""Where the window of a viewer cuts an imaged disc off, though the picture goes on: behind the cut lies flat ground.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.disc import LEAST_CUT, Disc
from octseg.view.grey import Grey

ALONG = 256  # so many pixels of a line through the disc tell what it is; all lines are looked at
GROUND_LEVELS = 1  # by which ground differs from its commonest level
STAINED = 0.1  # of the step from disc to ground: by so much it differs beside a cut, in lossy coding
# Of a disc's outermost lines and of what lies beside them, that is of one level: the darkest in JPEG of quality 10 have
# 0.88 at most, of another level than what lies beside the disc; a pointer leaves more of a ground.
GROUND_SHARE = 0.9
# Of the lines behind a cut: where the noise in a frame's depth is cut off to black, ground goes over into it by and by.
MOST_BEHIND = 0.3
LINES = 0.02  # of the radius, that are taken together
LEAST_DEPTH = 1.5 * LEAST_CUT  # of the radius, that is ground: a rim may be found a little too far out


def with_window(disc: Disc, grey: Grey) -> Disc:
    """The disc in a picture (H, W) with the window that shows it, where that ends within both."""
    height, width = grey.shape
    (row, col), radius = disc.centre, disc.radius_px
    top, left = max(0, round(row - radius)), max(0, round(col - radius))
    bottom, right = min(height, round(row + radius) + 1), min(width, round(col + radius) + 1)
    is_cut = False
    while min(bottom - top, right - left) > radius:
        square = grey[top:bottom, left:right]
        imaged = replace(disc, centre=(row - top, col - left)).mask(*square.shape)
        depths = [_ground_lines(np.rot90(square, k), np.rot90(imaged, k), radius) for k in range(4)]
        depth = max(depths)
        if depth <= LEAST_DEPTH * radius:
            break
        is_cut = True
        side = depths.index(depth)  # by quarter turns to the left: top, right, bottom, left
        top, bottom = top + depth * (side == 0), bottom - depth * (side == 2)
        left, right = left + depth * (side == 3), right - depth * (side == 1)
    return replace(disc, window=(top, left, bottom - 1, right - 1)) if is_cut else disc


def _ground_lines(square: Grey, imaged: NDArray[np.bool_], radius_px: float) -> int:
    """How many of the first rows of a square (n, m) show ground alone where the disc is `imaged` (n, m)."""
    every = max(1, square.shape[1] // ALONG)
    square, imaged = square[:, ::every], imaged[:, ::every]
    outermost = slice(round(LEAST_DEPTH * radius_px) + 1)
    within, beside = square[outermost][imaged[outermost]], square[outermost][~imaged[outermost]]
    level = int(np.bincount(within).argmax()) if within.size else 0
    if within.size == 0 or any(_share_of(level, each) < GROUND_SHARE for each in (within, beside)):
        return 0
    off = cv2.absdiff(square, np.full_like(square, level))
    step = abs(level - float(np.median(square[imaged])))
    ground, stained = (
        ((off <= most) & imaged).sum(axis=1, dtype=np.float32)
        for most in (GROUND_LEVELS, GROUND_LEVELS + STAINED * step)
    )
    count, lines = imaged.sum(axis=1, dtype=np.float32), round(LINES * radius_px)
    of_ground, of_all = (np.convolve(each, np.ones(lines))[lines - 1 :] for each in (ground, count))
    first = int(np.argmin(np.append(of_ground >= GROUND_SHARE * of_all, False)))
    alone = np.flatnonzero(stained[: first + lines] >= GROUND_SHARE * count[: first + lines])
    depth = int(alone[-1]) + 1 if alone.size else 0
    behind = slice(depth, depth + lines)
    return depth if ground[behind].sum() <= MOST_BEHIND * count[behind].sum() else 0


def _share_of(level: int, levels: NDArray[np.uint8]) -> float:
    """How much of levels (n,) is the ground's; 1 where there are none."""
    return float(np.mean(np.abs(levels.astype(np.int16) - level) <= GROUND_LEVELS)) if levels.size else 1.0
