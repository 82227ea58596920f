"""The vessel's wall unrolled: which rays meet lipid in which frame, and the worst 4 mm of it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.pullback.frames import Along

WINDOW_MM = 4.0
LEAST_IN_SIGHT = 0.5  # of a window's rays
ROUNDING = 1e-6


@dataclass(frozen=True)
class WorstWindow:
    """1000 x the part of the judged rays that meet lipid; first, last: rows of the map."""

    index: float
    first: int
    last: int


def map_percent(along: Along) -> float | None:
    """Of the rays that can be judged, those that meet lipid."""
    seen = along.in_sight
    return float(100 * along.lipid[seen].mean()) if seen.any() else None


def worst_window(along: Along) -> WorstWindow | None:
    """The 4 mm with most lipid, the least number of frames that reach it; None where fewer are shown, or nowhere half
    of the rays can be judged.
    """
    if along.spacing_mm is None:
        return None
    count = math.ceil(WINDOW_MM / along.spacing_mm - ROUNDING)
    if count > len(along):
        return None
    lipid, seen = (_sums(flags.sum(axis=1), count) for flags in (along.lipid & along.in_sight, along.in_sight))
    enough = seen >= LEAST_IN_SIGHT * count * along.lipid.shape[1]
    if not enough.any():
        return None
    parts = np.where(enough, lipid / np.maximum(seen, 1), -1.0)
    first = int(parts.argmax())
    return WorstWindow(float(1000 * parts[first]), first, first + count - 1)


def _sums(values: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """(F - count + 1,) sums of `count` values in a row."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[count:] - total[:-count])
