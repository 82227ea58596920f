"""The smallest lumen of a stretch, and how much smaller it is than the largest nearby."""

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.pullback.frames import Along, Numbers
from octseg.measurement.rays import OUT_OF_DISC

REFERENCE_MM = 10.0  # to either side, within which the largest lumen is the reference
ROUNDING = 1e-6


def whole_lumens(along: Along, areas: Numbers) -> Numbers:
    """Areas (F,) of lumens that are seen whole; NaN where the disc's rim cuts one off."""
    return np.where((along.unjudged == OUT_OF_DISC).any(axis=1), np.nan, areas)


def smallest(areas: Numbers) -> int | None:
    """The row of the smallest area (F,); None where none is known."""
    return int(np.nanargmin(areas)) if np.isfinite(areas).any() else None


def reference(areas: Numbers, row: int, spacing_mm: float) -> int:
    """The row of the largest area (F,) within REFERENCE_MM of a row."""
    reach = int(REFERENCE_MM / spacing_mm + ROUNDING)
    near: NDArray[np.float64] = areas[max(0, row - reach) : row + reach + 1]
    return max(0, row - reach) + int(np.nanargmax(near))


def stenosis_percent(area: float, reference_area: float) -> float:
    """(reference - area) / reference; 0 where the reference is the area itself."""
    return 100 * (reference_area - area) / reference_area if reference_area > 0 else 0.0
