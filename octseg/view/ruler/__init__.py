"""The ruler that an OCT console burns into a frame: a cut line through the catheter with dots 1 mm apart.

The line is yellow on one side of the catheter and cyan on the other, and four cyan arcs mark the catheter's rim.
Frames saved in grey keep its shape.
"""

from typing import Literal

import numpy as np

from octseg.pullback import Frame
from octseg.view.disc import Disc, find_disc
from octseg.view.grey import sepia_to_grey
from octseg.view.ruler.coloured import CYAN_EXCESS, cyan_count, cyan_pixels, dots_at, find_coloured_ruler
from octseg.view.ruler.grey import find_grey_ruler
from octseg.view.ruler.marks import RulerPlace, place_of, ruler_marks
from octseg.view.ruler.ring import ring_about
from octseg.view.ruler.shape import MM_PER_DOT, RING_MM, Ruler, ends_within

__all__ = [
    "CYAN_EXCESS",
    "MM_PER_DOT",
    "RING_MM",
    "Ruler",
    "RulerPlace",
    "cyan_count",
    "dots_at",
    "ends_within",
    "find_ring",
    "find_ruler",
    "place_of",
    "ruler_marks",
]

MOST_CYAN = 40  # pixels in a disc; half a cut line has some hundred


def find_ruler(frame: Frame, disc: Disc | Literal["find"] | None = "find") -> Ruler | None:
    """The ruler burned into a frame (H, W, 3), or None where there is none that fits in every respect.

    disc: as found in the frame, or None; where the ruler's colours are lost it is looked for about the disc's middle.
    """
    ruler = find_coloured_ruler(frame)
    if ruler is not None:
        return ruler
    if disc == "find":
        disc = find_disc(sepia_to_grey(frame))
    if disc is None or _cyan_in(frame, disc) > MOST_CYAN:  # with its colours it was looked at, and is none
        return None
    return find_grey_ruler(frame, disc)


def find_ring(frame: Frame, disc: Disc) -> float | None:
    """Diameter in pixels of the dashed ring about the catheter in a frame (H, W, 3) without a ruler; None without."""
    return ring_about(cyan_pixels(frame), disc.centre, disc.radius_px)


def _cyan_in(frame: Frame, disc: Disc) -> int:
    """How many pixels of a disc are bluer than tissue can be."""
    row, col = cyan_pixels(frame).T
    return int((np.hypot(row - disc.centre[0], col - disc.centre[1]) < 0.9 * disc.radius_px).sum())
