"""Path or bytes to a pullback."""

from importlib import import_module
from typing import Any

from octseg.reading.files import read_frame_array, read_pullback, read_pullbacks
from octseg.reading.given import FileSource
from octseg.reading.limits import Limits

__all__ = ["FileSource", "Limits", "read_frame_array", "read_pullback", "read_pullbacks"]

# Names that were in this room before there was octseg.view; scripts of others import them from here.
_IN_VIEW = (
    *("PRESETS", "Catheter", "Ruler", "find_catheter", "find_pixel_scale", "find_ruler", "ruler_marks"),
    "sepia_to_grey",
)


def __getattr__(name: str) -> Any:
    if name in _IN_VIEW:
        return getattr(import_module("octseg.view"), name)
    raise AttributeError(f"module 'octseg.reading' has no attribute {name!r}")
