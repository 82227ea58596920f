"""Grey levels of a frame without what is not tissue: burned-in marks painted out, black where nothing is imaged."""

import cv2
import numpy as np
from numpy.typing import NDArray

DARKEST_SHARE = 0.001  # of the disc's pixels: in frames 0 to 8 on black
LIFTED_BLACK = 20  # grey level: models are trained with a black of up to 25


def on_black(grey: NDArray[np.uint8], imaged: NDArray[np.bool_], *, is_cut_out: bool = False) -> NDArray[np.uint8]:
    """Grey levels (H, W) black where not `imaged` (H, W), and those of a frame whose black is lifted brought down.

    The darkest of what is imaged says how far, unless black lies beside the disc. is_cut_out: of a page, so that what
    lies there says nothing.
    """
    beside = grey[~imaged]
    if imaged.any() and (is_cut_out or beside.size == 0 or np.median(beside) > LIFTED_BLACK):
        black = int(np.quantile(grey[imaged], DARKEST_SHARE))
        if black > LIFTED_BLACK:
            levels = np.clip((np.arange(256) - black) * (255.0 / (255 - black)), 0, 255)
            grey = np.asarray(cv2.LUT(grey, np.rint(levels).astype(np.uint8)), np.uint8)
    return np.multiply(grey, imaged, out=grey)


def paint_out(grey: NDArray[np.uint8], marks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Grey levels (H, W) with the marked pixels copied from unmarked tissue a few pixels away.

    A copy keeps the speckle; a blurred patch would be a mark of its own.
    """
    height, width = grey.shape
    marked, levels, painted = marks.ravel(), grey.ravel(), grey.copy()
    left = np.flatnonzero(marked)
    rows, cols = np.divmod(left, width)
    for distance in (4, 6, 9, 13, 18, 25):
        for step_row, step_col in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            if left.size == 0:
                return painted
            from_row = np.clip(rows + distance * step_row, 0, height - 1) if step_row else rows
            from_col = np.clip(cols + distance * step_col, 0, width - 1) if step_col else cols
            source = from_row * width + from_col
            still = marked.take(source)
            painted.put(left[~still], levels.take(source[~still]))
            left, rows, cols = left[still], rows[still], cols[still]
    painted.put(left, 0)
    return painted
