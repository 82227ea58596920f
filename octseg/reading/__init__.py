"""Path or bytes to a pullback."""

from octseg.reading.files import read_frame_array, read_pullback
from octseg.reading.given import FileSource
from octseg.reading.limits import Limits

__all__ = ["FileSource", "Limits", "read_frame_array", "read_pullback"]
