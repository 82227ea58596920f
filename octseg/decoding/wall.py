"""What lies behind a lumen's outline, and how far behind: worked out once, for the borders and for the planes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.decoding.rays import Floats, Radii, RayGrid, Window
from octseg.measurement.depth import behind_lumen_px, lipid_depth_px

MARGIN_PX = 8  # beyond the greatest depth, so that all at the window's edge lies too deep


@dataclass(frozen=True, eq=False)
class Wall:
    """Behind one lumen, in the part of the frame in which lipid can count.

    beyond: of each pixel (h, w), how far beyond the lumen's end along its ray, negative within, in pixels.
    depth: from the nearest point of the lumen's outline, in pixels, 0 within.
    holds_lipid: (N_RAYS, places), True behind the lumen, no deeper than lipid counts, without a break.
    """

    window: Window
    beyond: Floats
    depth: Floats
    holds_lipid: NDArray[np.bool_]


def walls_behind(lumens: Sequence[Radii], grid: RayGrid, pixel_spacing_mm: float | None) -> list[Wall]:
    """The wall behind each variant's lumen (N_RAYS,), all in one window."""
    limit = lipid_depth_px(pixel_spacing_mm, grid.side_px)
    window = grid.window(max(float(lumen.max()) for lumen in lumens) + limit + MARGIN_PX)
    return [_wall(lumen, window, grid, limit) for lumen in lumens]


def _wall(lumen: Radii, window: Window, grid: RayGrid, limit_px: float) -> Wall:
    """What lies behind one lumen (N_RAYS,), and holds lipid to `limit_px` from its outline."""
    beyond = window.radius - window.around(lumen)
    depth = behind_lumen_px(beyond < 0)
    along = grid.read(depth, (window.part[0].start, window.part[1].start))
    behind = (np.arange(grid.places) + 0.5) * grid.step_px > lumen[:, None]
    too_deep = behind & (along > limit_px)
    holds_lipid = behind & ~np.logical_or.accumulate(too_deep, axis=1)
    return Wall(window, beyond, depth, np.asarray(holds_lipid))
