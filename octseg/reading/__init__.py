"""Path or bytes to a pullback, and the scale of its frames."""

from octseg.reading.catheter import Catheter, find_catheter
from octseg.reading.grey import sepia_to_grey
from octseg.reading.ruler import Ruler, find_ruler, ruler_marks

__all__ = ["Catheter", "Ruler", "find_catheter", "find_ruler", "ruler_marks", "sepia_to_grey"]
