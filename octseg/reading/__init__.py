"""Path or bytes to a pullback, and the scale of its frames."""

from octseg.reading.catheter import Catheter, find_catheter
from octseg.reading.files import read_frame_array, read_pullback
from octseg.reading.grey import sepia_to_grey
from octseg.reading.limits import Limits
from octseg.reading.ruler import Ruler, find_ruler, ruler_marks
from octseg.reading.scale import PRESETS, find_pixel_scale

__all__ = [
    "PRESETS",
    "Catheter",
    "Limits",
    "Ruler",
    "find_catheter",
    "find_pixel_scale",
    "find_ruler",
    "read_frame_array",
    "read_pullback",
    "ruler_marks",
    "sepia_to_grey",
]
