"""Whether one reading lies mirrored or turned on the other, or a frame beside it.

Masks from volumes often do, and where one program counts frames from 0 and another from 1; nothing there says so.
"""

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
# Neighbours are alike, so what counts is how much of what is amiss is left. A model's lumens on runs of 14 frames of a
# real vessel: 0.2 to 0.5 where they are a frame off, 0.8 to 0.9 in one run; 1.1 to 4.6 where they are not.
LEFT_AMISS, MOST_FRAMES, FEWEST_FRAMES = 0.6, 0.75, 5


def lies_otherwise(pairs: Sequence[tuple[Mask, Mask]]) -> str | None:
    """How the second of each pair of masks (H, W) would fit the first much better; None where it fits as it is."""
    there = [(found, true) for found, true in pairs if found.any() and true.any()]
    if not there:
        return None
    as_it_is = _dice(there, _as_it_is)
    fits = [(_dice(there, way), name) for name, way in WAYS]
    best, name = max(fits)
    return name if best > GOOD and best > as_it_is + BETTER else None


def lies_beside(frames: Sequence[tuple[Mask, Sequence[Mask]]]) -> str | None:
    """Which neighbour in the other reading fits much better, "before" or "behind"; None where frames fit their own.

    frames: of each looked at, its mask (H, W), and three of the other reading: before it, its own, behind it.
    """
    there = [(one, others) for one, others in frames if one.any() and all(each.any() for each in others)]
    if len(there) < FEWEST_FRAMES:
        return None
    before, own, behind = (
        np.array([1 - _dice([(one, others[which])], _as_it_is) for one, others in there]) for which in range(3)
    )
    amiss, where = min((before, "before"), (behind, "behind"), key=lambda each: each[0].sum())
    is_told = amiss.sum() < LEFT_AMISS * own.sum() and (amiss < own).mean() >= MOST_FRAMES
    return where if is_told else None


def _as_it_is(mask: Mask) -> Mask:
    return mask


def _dice(pairs: Sequence[tuple[Mask, Mask]], way: Callable[[Mask], Mask]) -> float:
    """Dice over all pixels; 0 where a mask no longer has the other's size."""
    laid = [(found, way(true)) for found, true in pairs]
    if any(found.shape != true.shape for found, true in laid):
        return 0.0
    return pooled([Overlap.of(found, true) for found, true in laid]).dice or 0.0
