"""Where two readings of a frame differ, as pictures: both outlines on the frame, or the pixels of both masks alone."""

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
from PIL import Image

from octseg.comparison.overlap import Mask
from octseg.comparison.reading import Masks
from octseg.drawing.strokes import Stroke, dashes, draw_strokes, outlines
from octseg.pullback import Frame

BOTH, FOUND, REFERENCE = (200, 200, 200), (86, 180, 233), (240, 150, 40)
EDGE = (0, 0, 0)
MARGIN = 0.15
SIDE_PX = 600  # to which what is shown of a frame is enlarged at least: a cap of six pixels is to be seen
MOST_TIMES = 4
LINE, DASH, GAP = 1 / 350, 1 / 60, 1 / 80  # parts of the picture's side


def outlines_picture(frame: Frame, found: Masks, reference: Masks, classes: Sequence[str]) -> Image.Image:
    """A frame (H, W, 3), cut to what is outlined, with the first reading's outlines solid and the second's dashed."""
    box = _box(np.logical_or.reduce([masks[name] for masks in (found, reference) for name in classes]))
    cut = frame[box]
    times = min(MOST_TIMES, ceil(SIDE_PX / max(cut.shape[:2])))
    enlarged = cv2.resize(cut, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    picture = np.ascontiguousarray(enlarged, np.uint8)
    side = max(picture.shape[:2])
    for name in classes:
        for masks, colour, gap in ((found, FOUND, 0.0), (reference, REFERENCE, GAP)):
            lines = [d for line in _strokes(masks[name][box], times) for d in dashes(line, DASH * side, gap * side)]
            draw_strokes(picture, lines, colour, EDGE, max(2, round(LINE * side)))
    return Image.fromarray(picture)


def agreement_picture(found: Mask, reference: Mask) -> Image.Image:
    """Where two masks (H, W) agree, cut to what they cover and a margin."""
    indices = np.where(found & reference, 1, np.where(found, 2, np.where(reference, 3, 0))).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(indices[_box(indices > 0)]))
    picture.putpalette(bytes((0, 0, 0, *BOTH, *FOUND, *REFERENCE)))
    return picture


def _box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of what a mask covers, and a margin; all of it where there is nothing."""
    if not mask.any():
        return np.s_[:, :]
    rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    margin = 4 + round(MARGIN * max(rows[-1] - rows[0], cols[-1] - cols[0]))
    return np.s_[max(0, rows[0] - margin) : rows[-1] + margin, max(0, cols[0] - margin) : cols[-1] + margin]


def _strokes(mask: Mask, times: int) -> list[Stroke]:
    """Outlines of a mask in a picture that shows each pixel `times` times as large."""
    return [times * line + np.float32((times - 1) / 2) for line in outlines(mask)]
