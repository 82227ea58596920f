"""The ruler that an OCT console burns into a frame: a cut line through the catheter with dots 1 mm apart.

The line is yellow on one side of the catheter and cyan on the other, and four cyan arcs mark the catheter's rim.
"""

from octseg.pullback import Frame
from octseg.view.ruler.coloured import find_coloured_ruler
from octseg.view.ruler.marks import ruler_marks
from octseg.view.ruler.shape import MM_PER_DOT, RING_MM, Ruler

__all__ = ["MM_PER_DOT", "RING_MM", "Ruler", "find_ruler", "ruler_marks"]


def find_ruler(frame: Frame) -> Ruler | None:
    """The ruler burned into a frame (H, W, 3), or None where there is none that fits in every respect."""
    return find_coloured_ruler(frame)
