"""Masks as bytes: a bit a pixel for each class, so that overlaps are kept, and little of them on disk.

What exports are made of is written as a frame is done, for then its masks are gone.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Masks = dict[str, NDArray[np.bool_]]  # class name -> (H, W)
QUICK = 1  # zlib's level: of areas in one colour hardly anything is left by any


def pack(masks: Mapping[str, NDArray[np.bool_]]) -> bytes:
    """Masks (H, W) in their order."""
    return zlib.compress(b"".join(np.packbits(mask).tobytes() for mask in masks.values()), QUICK)


def unpack(content: bytes, classes: Sequence[str], shape: tuple[int, int]) -> Masks:
    """The masks (H, W) of which `pack` gave the bytes."""
    size = -(-shape[0] * shape[1] // 8)
    bits = np.frombuffer(zlib.decompress(content), np.uint8).reshape(len(classes), size)
    return {
        name: np.unpackbits(row, count=shape[0] * shape[1]).view(bool).reshape(shape)
        for name, row in zip(classes, bits, strict=True)
    }
