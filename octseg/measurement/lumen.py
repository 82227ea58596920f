"""Lumen: its outline, area and diameters.

Points are (row, col) in pixels, lengths in pixels until they are named otherwise. The largest connected piece is the
lumen and its holes are filled: the catheter, a guide wire or blood in it count as lumen.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.geometry import (
    Outline,
    Tissue,
    centroid,
    enclosed_area_px,
    largest_filled,
    piece_areas_px,
    ray_crossings,
    smooth,
)

N_RAYS = 360


@dataclass(frozen=True)
class Lumen:
    """One lumen, as found (`filled`) and smooth (`surface`).

    centre: centroid (row, col), the point that arcs are seen from.
    """

    filled: Tissue
    surface: Tissue
    area_px: float
    centre: tuple[float, float]

    @property
    def outline(self) -> Outline:
        """Contour of the smooth lumen."""
        return self.surface.outline

    @cached_property
    def wall_px(self) -> NDArray[np.float64]:
        """(N_RAYS,) from the centre to the outline, where a ray first leaves it; NaN where none does."""
        crossings = ray_crossings(self.outline, self.centre, N_RAYS)
        first = np.full(N_RAYS, np.inf)
        np.minimum.at(first, crossings.ray[crossings.leaving], crossings.radius[crossings.leaving])
        return np.where(np.isfinite(first), first, np.nan)

    def wall_at(self, ray: int) -> tuple[float, float]:
        """Where a ray leaves the lumen, (row, col); NaN where it does not."""
        angle, radius = 2 * np.pi * ray / N_RAYS, float(self.wall_px[ray % N_RAYS])
        return self.centre[0] + radius * float(np.sin(angle)), self.centre[1] + radius * float(np.cos(angle))

    def holds(self, point: tuple[float, float]) -> bool:
        """Whether the pixel at (row, col) is lumen."""
        row, col = round(point[0]) - self.filled.corner[0], round(point[1]) - self.filled.corner[1]
        height, width = self.filled.value.shape
        return 0 <= row < height and 0 <= col < width and bool(self.filled.inside[row, col])


def find_lumen(tissue: Tissue) -> Lumen | None:
    """The lumen in a map; None where what was found is too small to have an outline."""
    filled = largest_filled(tissue)
    surface = smooth(filled)
    if enclosed_area_px(surface.outline) < 1:
        return None
    return Lumen(filled, surface, float(piece_areas_px(filled)[0]), centroid(surface.outline))


def chords_px(lumen: Lumen) -> NDArray[np.float64] | None:
    """(180,) chords through the centre at 0 to 179 degrees; None where the centre is not in the lumen."""
    exits = lumen.wall_px
    if not lumen.holds(lumen.centre) or np.isnan(exits).any():  # it may lie in a pixel of lumen, beside the outline
        return None
    return np.asarray(exits[: N_RAYS // 2] + exits[N_RAYS // 2 :], np.float64)
