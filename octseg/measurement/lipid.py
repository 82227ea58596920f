"""How much of the vessel's circumference the lipid core takes up.

Points are (row, col) in pixels, pixel centres at whole numbers. Angles are degrees in [0, 360), 0 towards +col and
growing towards +row, so clockwise on screen. Ray k of N_RAYS points to k degrees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.depth import length_px
from octseg.measurement.geometry import Crossings, Outline, ray_crossings

N_RAYS = 360
MIN_DEPTH_MM = 0.1  # a ray meets lipid over at least this
MAX_GAP_DEG = 5


@dataclass(frozen=True)
class Arc:
    """One core as seen from the centre: its first ray and how many degrees it spans, clockwise."""

    start_deg: int
    extent_deg: int


def min_depth_px(pixel_spacing_mm: float | None, frame_side_px: float) -> float:
    """How long a ray must run in lipid to meet it."""
    return length_px(MIN_DEPTH_MM, pixel_spacing_mm, frame_side_px)


def depths_px(crossings: Crossings, n_rays: int) -> NDArray[np.float64]:
    """(n_rays,) length of each ray inside the tissue crossed."""
    signed = np.where(crossings.leaving, crossings.radius, -crossings.radius)
    return np.bincount(crossings.ray, signed, n_rays).astype(np.float64)


@dataclass(frozen=True)
class SeenCores:
    """Lipid core as seen from one point.

    cores: outline of those pieces that some ray meets over the least depth; the others are specks.
    is_core: by number of a piece, from 0 for no piece: whether it is one of these.
    meets: (N_RAYS,) True for the rays that run in these cores over at least that depth.
    """

    cores: Outline
    is_core: NDArray[np.bool_]
    meets: NDArray[np.bool_]


def see_cores(lipid: Outline, centre: tuple[float, float], depth_px: float) -> SeenCores:
    """Look at the lipid core from `centre` (row, col); `depth_px` is the least depth."""
    crossings = ray_crossings(lipid, centre, N_RAYS)
    signed = np.where(crossings.leaving, crossings.radius, -crossings.radius)
    n_pieces = int(lipid.piece.max(initial=0)) + 1
    depths = np.bincount(crossings.piece * N_RAYS + crossings.ray, signed, n_pieces * N_RAYS).reshape(n_pieces, N_RAYS)
    deep = depths.max(axis=1) >= depth_px
    return SeenCores(lipid.part(deep[lipid.piece]), deep, depths[deep].sum(axis=0) >= depth_px)


def rays_meeting(tissue: Outline, centre: tuple[float, float], depth_px: float) -> NDArray[np.bool_]:
    """(N_RAYS,) True for the rays from `centre` that run in the tissue over at least `depth_px`."""
    return depths_px(ray_crossings(tissue, centre, N_RAYS), N_RAYS) >= depth_px


def find_arcs(meets: NDArray[np.bool_], shadowed: NDArray[np.bool_] | None = None) -> tuple[Arc, ...]:
    """Arcs in which rays meet lipid, widest first.

    A gap is closed where no more than MAX_GAP_DEG of it is in sight: neither lipid nor in the guide wire's shadow.

    Args:
        meets: (N_RAYS,) from `see_cores`.
        shadowed: (N_RAYS,) True for the rays that run into the guide wire's shadow.
    """
    if not meets.any():
        return ()
    in_sight = np.ones(N_RAYS, bool) if shadowed is None else ~shadowed
    closed = meets.copy()
    for start, extent in _runs(~meets):
        gap = (start + np.arange(extent)) % N_RAYS
        closed[gap] = np.count_nonzero(in_sight[gap]) <= MAX_GAP_DEG
    return tuple(sorted((Arc(*run) for run in _runs(closed)), key=lambda arc: -arc.extent_deg))


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, length) of each run of True around a circle."""
    if flags.all():
        return [(0, flags.size)]
    starts = np.flatnonzero(flags & ~np.roll(flags, 1))
    stops = np.flatnonzero(~flags & np.roll(flags, 1))
    return [(int(start), int(((stops - start) % flags.size).min())) for start in starts]
