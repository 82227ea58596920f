"""The scale bar that many exports bear in a corner: a bright straight stroke, with its length written beside it.

Consoles draw it a pixel or two thick with ticks at its ends, and "1 mm" above it; others leave the ticks out, draw it
upright, or write 0.5 mm or 500 um. It is looked for in the whole frame, however that is turned or mirrored.
"""

from octseg.view.bar.finding import bar_marks, find_bars
from octseg.view.bar.memory import LabelMemory
from octseg.view.bar.shape import Bar

__all__ = ["Bar", "LabelMemory", "bar_marks", "find_bars"]
