"""What is handed over to be segmented, as a pullback: a file, a picture, an array, or frames that were read before."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.pullback import Pullback
from octseg.reading.files import read_frame_array, read_pullback
from octseg.reading.given import FileSource, name_of

Source: TypeAlias = FileSource | Image.Image | NDArray[Any] | Pullback
ARRAY_NAME = "frame"


def as_pullback(source: Source) -> Pullback:
    """Its frames; of a picture or an array (H, W) or (H, W, 3) uint8 the only one.

    Raises:
        ReadError: nothing that can be read. ValueError: of another type or shape.
    """
    if isinstance(source, Pullback):
        return source
    if isinstance(source, (Image.Image, np.ndarray)):
        frame = read_frame_array(source)
        return Pullback(name=ARRAY_NAME, frame_count=1, read_frames=lambda: iter([frame]))
    return read_pullback(source)


def file_of(source: Source, pullback: Pullback) -> str:
    """The file's name without its folder; the pullback's name where there was no file."""
    name = name_of(source)
    return pullback.name if name is None else Path(name).name
