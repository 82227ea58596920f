"""Masks as one palette picture: 0 background, 1.. the classes in the order of classes.py.

Where planes overlap, the class of the higher drawing priority is kept.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import BY_NAME, PALETTE, PALETTE_INDEX


def palette_indices(masks: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.uint8]:
    """Planes (H, W), by class name, to one plane of palette indices (H, W)."""
    if not masks:
        raise ValueError("no masks to write: a palette mask needs at least one plane to know its size")
    indices = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for name in sorted(masks, key=lambda name: BY_NAME[name].priority):
        indices[masks[name]] = PALETTE_INDEX[name]
    return indices


def palette_image(masks: Mapping[str, NDArray[np.bool_]]) -> Image.Image:
    """Planes (H, W), by class name, as a palette picture in the classes' own colours."""
    return indexed_image(palette_indices(masks))


def indexed_image(indices: NDArray[np.uint8]) -> Image.Image:
    """Palette indices (H, W) as a picture in the classes' own colours."""
    image = Image.fromarray(indices)
    image.putpalette(PALETTE)
    return image
