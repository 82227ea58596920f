"""Doubt as a layer that is laid on its frame: one colour that no tissue has, the denser the more looks disagree."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.drawing.screen import sized_for_screen

INK = (230, 60, 165)  # sRGB
LEAST, MOST = 70, 215  # of 255: how dense it is where the fewest looks disagree, and where all do
DENSITY = bytes([0, *(LEAST + (MOST - LEAST) * share // 255 for share in range(1, 256))])
QUICK = 1  # zlib's level


def inked_png(doubt: NDArray[np.uint8]) -> bytes:
    """A share (H, W), 255 for all looks, as a PNG to lay on the frame; nothing is seen where none disagrees."""
    picture = Image.fromarray(sized_for_screen(doubt))
    picture.putpalette(bytes(INK) * 256)
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=DENSITY, compress_level=QUICK)
    return stream.getvalue()
