"""Agreement with an expert's masks. Masks are (H, W) bool; a figure is in [0, 1], or None where it is not defined."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]  # found, truth
N_RAYS = 360
RAY_STEP_PX = 0.5


def dice(pairs: Sequence[Pair]) -> float | None:
    """2 |A and B| / (|A| + |B|) over the pixels of all pairs together; None where all are empty on both sides."""
    overlap = sum(int((found & truth).sum()) for found, truth in pairs)
    total = sum(int(found.sum()) + int(truth.sum()) for found, truth in pairs)
    return 2.0 * overlap / total if total else None


def rays_that_meet(mask: Mask, centre: tuple[float, float]) -> Mask:
    """(360,) True for each ray from `centre` (row, col) that crosses the mask."""
    height, width = mask.shape
    angle = np.radians(np.arange(N_RAYS))[:, None]
    radius = np.arange(0.0, np.hypot(height, width), RAY_STEP_PX)
    row = np.rint(centre[0] + radius * np.sin(angle)).astype(int)
    col = np.rint(centre[1] + radius * np.cos(angle)).astype(int)
    inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    met = np.zeros_like(inside)
    met[inside] = mask[row[inside], col[inside]]
    crossed: Mask = met.any(axis=1)
    return crossed
