"""Whether one reading lies mirrored or turned on the other: masks from volumes often do, and nothing there says so."""

from collections.abc import Callable, Sequence

import numpy as np

from octseg.comparison.overlap import Mask, Overlap, pooled

WAYS: tuple[tuple[str, Callable[[Mask], Mask]], ...] = (
    ("mirrored left to right", np.fliplr),
    ("mirrored top to bottom", np.flipud),
    ("turned by 180 degrees", lambda mask: np.rot90(mask, 2)),
    ("with rows and columns exchanged", np.transpose),
    ("turned by 90 degrees", lambda mask: np.rot90(mask, -1)),
    ("turned by 90 degrees the other way", np.rot90),
    ("with inside and outside exchanged", np.logical_not),
    ("with rows and columns exchanged, and turned by 180 degrees", lambda mask: np.rot90(np.transpose(mask), 2)),
)
BETTER, GOOD = 0.05, 0.8  # Dice by which another way must fit better, and how well


def lies_otherwise(pairs: Sequence[tuple[Mask, Mask]]) -> str | None:
    """How the second of each pair of masks (H, W) would fit the first much better; None where it fits as it is."""
    there = [(found, true) for found, true in pairs if found.any() and true.any()]
    if not there:
        return None
    as_it_is = _dice(there, lambda mask: mask)
    fits = [(_dice(there, way), name) for name, way in WAYS]
    best, name = max(fits)
    return name if best > GOOD and best > as_it_is + BETTER else None


def _dice(pairs: Sequence[tuple[Mask, Mask]], way: Callable[[Mask], Mask]) -> float:
    """Dice over all pixels; 0 where a mask no longer has the other's size."""
    laid = [(found, way(true)) for found, true in pairs]
    if any(found.shape != true.shape for found, true in laid):
        return 0.0
    return pooled([Overlap.of(found, true) for found, true in laid]).dice or 0.0
