"""Masks as polygons: outlines half way between pixels in and out, which fill to the very mask again.

Points are (x, y): x to the right, y down, in pixels; (0, 0) is the upper left corner of the first pixel, (0.5, 0.5) its
middle. A ring ends at the point where it begins. Outer rings have a positive area by the shoelace formula (on screen
clockwise), holes a negative one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]  # (points, 2), the first and the last the same
LEVEL, ABOVE = 0.5, 2.0


@dataclass(frozen=True)
class Polygon:
    """One piece of a mask, with its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


def polygons_of(mask: NDArray[np.bool_]) -> list[Polygon]:
    """The pieces of a mask (H, W); pixels that touch by a corner alone are of one piece or of two."""
    from contourpy import FillType, contour_generator

    rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return []
    top, left = rows[0], cols[0]
    part = np.pad(mask[top : rows[-1] + 1, left : cols[-1] + 1], 1).astype(np.float32)
    found = contour_generator(z=part, name="serial", fill_type=FillType.OuterOffset).filled(LEVEL, ABOVE)
    shift = np.array([left, top], np.float64) - 1 + 0.5
    return [_polygon(points + shift, offsets) for points, offsets in zip(*found, strict=True)]


def _polygon(points: Ring, offsets: NDArray[np.uint32]) -> Polygon:
    rings = [points[begin:end] for begin, end in pairwise(offsets)]
    return Polygon(rings[0], tuple(rings[1:]))
