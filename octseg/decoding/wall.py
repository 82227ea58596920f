"""What lies behind a lumen's outline, and how far behind: worked out once, for the borders and for the planes.

How far behind is worked out where it is asked for: without lipid nobody does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from octseg.decoding.rays import Floats, Radii, RayGrid, Window
from octseg.measurement.depth import behind_lumen_px, lipid_depth_px

MARGIN_PX = (
    16  # beyond the greatest depth: all at the window's edge lies too deep, and measures look at what is beside lipid
)


@dataclass(frozen=True, eq=False)
class Wall:
    """Behind one lumen, in the part of the frame in which lipid can count.

    beyond: of each pixel (h, w), how far beyond the lumen's end along its ray, negative within, in pixels.
    lumen: where that is, (N_RAYS,) in pixels. limit_px: how deep behind its outline lipid counts.
    """

    window: Window
    beyond: Floats
    grid: RayGrid
    lumen: Radii
    limit_px: float

    @cached_property
    def depth(self) -> Floats:
        """Of each pixel (h, w) from the nearest point of the lumen's outline, in pixels, 0 within."""
        return behind_lumen_px(self.beyond < 0)

    @cached_property
    def holds_lipid(self) -> NDArray[np.bool_]:
        """(N_RAYS, places), True behind the lumen, no deeper than lipid counts, without a break."""
        grid, corner = self.grid, (self.window.part[0].start, self.window.part[1].start)
        behind = (np.arange(grid.places) + 0.5) * grid.step_px > self.lumen[:, None]
        too_deep = behind & (grid.read(self.depth, corner) > self.limit_px)
        return np.asarray(behind & ~np.logical_or.accumulate(too_deep, axis=1))


def walls_behind(lumens: Sequence[Radii], grid: RayGrid, pixel_spacing_mm: float | None) -> list[Wall]:
    """The wall behind each variant's lumen (N_RAYS,), all in one window."""
    limit = lipid_depth_px(pixel_spacing_mm, grid.side_px)
    window = grid.window(max(float(lumen.max()) for lumen in lumens) + limit + MARGIN_PX)
    return [Wall(window, window.radius - window.around(lumen), grid, lumen, limit) for lumen in lumens]
