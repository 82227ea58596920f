"""What is known of a frame before a network sees it: its disc, catheter, ruler, bar, scale and grey levels.

preprocessing.py makes the network's input of it, and takes planes back to the frame.
"""

from octseg.view.bar import Bar, find_bars
from octseg.view.catheter import Catheter, find_catheter
from octseg.view.grey import sepia_to_grey
from octseg.view.ruler import Ruler, find_ruler, ruler_marks
from octseg.view.scale import PRESETS, find_pixel_scale

__all__ = [
    "PRESETS",
    "Bar",
    "Catheter",
    "Ruler",
    "find_bars",
    "find_catheter",
    "find_pixel_scale",
    "find_ruler",
    "ruler_marks",
    "sepia_to_grey",
]
