"""Thickness of the fibrous cap: from the lumen's contour to the luminal contour of the lipid core, along its arc.

Points are (row, col) in pixels; thicknesses are pixels inside this module's samples and um in what it returns. Rays
leave the lumen's centroid, four to a degree. Lipid core is what lies outside the lumen, specks left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from octseg.measurement.geometry import Outline, Points, distance_px, ray_crossings
from octseg.measurement.lipid import Arc, depths_px

RAYS_PER_DEG = 4
N_RAYS = 360 * RAYS_PER_DEG
TRIM_DEG = 5  # dropped at each end of an arc, where the core's side and not its luminal border is nearest
WINDOW_UM = 100.0  # of the lumen's contour, over which the minimum takes a median
STEP_UM = 5.0  # between samples along the lumen's contour
TOUCH_PX = 0.5  # a gap below this cannot be told from none


@dataclass(frozen=True)
class Thickness:
    """Of one way to measure, in um, over all samples along the arc.

    min_at: (row, col) in pixels, the point on the lumen's contour that the minimum is of.
    """

    min_um: float
    p5_um: float
    mean_um: float
    min_at: tuple[float, float]


@dataclass(frozen=True)
class CapRays:
    """Per ray from the lumen's centroid, (N_RAYS,) each in pixels, NaN where there is nothing to measure.

    wall: (N_RAYS, 2) points on the lumen's contour. nearest, radial: from there to the lipid core.
    touching: True where lipid core reaches the lumen, so that no cap is outlined.
    """

    wall: Points
    nearest: NDArray[np.float64]
    radial: NDArray[np.float64]
    touching: NDArray[np.bool_]

    @property
    def touching_deg(self) -> float:
        """Degrees over which lipid core reaches the lumen."""
        return float(np.count_nonzero(self.touching)) / RAYS_PER_DEG


def cap_rays(lumen: Outline, lipid: Outline, centre: tuple[float, float], depth_px: float) -> CapRays:
    """Cap along every ray that runs in lipid core over at least `depth_px`."""
    lipid_edges = ray_crossings(lipid, centre, N_RAYS)
    lipid_at = np.full(N_RAYS, np.inf)
    np.minimum.at(lipid_at, lipid_edges.ray[~lipid_edges.leaving], lipid_edges.radius[~lipid_edges.leaving])
    meets = (depths_px(lipid_edges, N_RAYS) >= depth_px) & np.isfinite(lipid_at)

    # A ray can leave a folded lumen several times: the wall is what it crosses last before the lipid.
    lumen_edges = ray_crossings(lumen, centre, N_RAYS)
    before = lumen_edges.radius <= lipid_at[lumen_edges.ray] + TOUCH_PX
    wall_at = np.full(N_RAYS, -np.inf)
    np.maximum.at(wall_at, lumen_edges.ray[before], lumen_edges.radius[before])
    meets &= np.isfinite(wall_at)

    radial = np.where(meets, lipid_at - np.where(meets, wall_at, 0), np.nan)
    touching = meets & ~(radial >= TOUCH_PX)
    radial[touching] = np.nan
    angle = 2 * np.pi * np.arange(N_RAYS) / N_RAYS
    wall = centre + np.where(meets, wall_at, np.nan)[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    nearest = np.full(N_RAYS, np.nan)
    capped = np.isfinite(radial)
    if capped.any():
        nearest[capped] = distance_px(wall[capped], lipid)
    return CapRays(wall, nearest, radial, touching)


def trimmed(arc: Arc) -> NDArray[np.intp]:
    """Indices (n,) of an arc's rays without those near its ends, clockwise; an arc all around has no ends."""
    if arc.extent_deg == 360:
        return np.arange(N_RAYS)
    extent = max(0, (arc.extent_deg - 2 * TRIM_DEG) * RAYS_PER_DEG)
    return ((arc.start_deg + TRIM_DEG) * RAYS_PER_DEG + np.arange(extent)) % N_RAYS


def thickness(rays: CapRays, arcs: Sequence[Arc], pixel_spacing_mm: float) -> tuple[Thickness, Thickness] | None:
    """Nearest-point and radial thickness over the trimmed arcs; None where nothing of them is left to measure."""
    um_per_px = pixel_spacing_mm * 1000
    along = np.column_stack([rays.nearest, rays.radial, rays.wall]) * um_per_px  # (N_RAYS, 4)
    stretches = [_even(along[stretch]) for arc in arcs for stretch in _unbroken(trimmed(arc), np.isfinite(rays.radial))]
    if not stretches:
        return None
    closed = bool(np.isfinite(rays.radial).all())
    nearest, radial = (
        _summary([stretch[:, (way, 2, 3)] for stretch in stretches], closed, um_per_px) for way in (0, 1)
    )
    return nearest, radial


def _unbroken(index: NDArray[np.intp], measured: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Split an arc's rays into stretches that are measured throughout, `measured` being (N_RAYS,)."""
    if index.size == N_RAYS:  # all around: begin at a ray without thickness, if there is one
        index = np.roll(index, -int(np.argmin(measured)))
    breaks = np.flatnonzero(np.diff(measured[index].astype(int))) + 1
    return [part for part in np.split(index, breaks) if part.size and measured[part[0]]]


def _even(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples (n, k) in um at rays, the last two of each the point on the wall -> (m, k) at even steps along it."""
    steps = np.linalg.norm(np.diff(along[:, -2:], axis=0), axis=1)
    place = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, place[-1] + STEP_UM / 2, STEP_UM)
    return np.stack([np.interp(at, place, column) for column in along.T], axis=1)


def _summary(stretches: list[NDArray[np.float64]], closed: bool, um_per_px: float) -> Thickness:
    """Minimum of medians over the window, 5th percentile and mean, in um.

    stretches: (m, 3) samples each: thickness and point on the wall, in um. A stretch shorter than the window has no say
    in the minimum unless all are. closed: the one stretch goes all around, so windows run on past its end.
    """
    every = np.concatenate(stretches)
    window = round(WINDOW_UM / STEP_UM) + 1
    if closed:
        stretches = [np.concatenate([every, every[:window]])]
    long_enough = [stretch for stretch in stretches if len(stretch) >= window] or [every]
    minimum, row_um, col_um = min((_least(stretch, window) for stretch in long_enough), key=lambda least: least[0])
    thickness_um = every[:, 0]
    return Thickness(
        minimum,
        float(np.percentile(thickness_um, 5)),
        float(thickness_um.mean()),
        (row_um / um_per_px, col_um / um_per_px),
    )


def _least(stretch: NDArray[np.float64], window: int) -> tuple[float, float, float]:
    """Least median over the window of samples (m, 3), and the point of the one in that window that has it."""
    held = sliding_window_view(stretch[:, 0], min(window, len(stretch)))
    medians = np.median(held, axis=1)
    first = int(medians.argmin())
    middle = np.abs(np.arange(held.shape[1]) - held.shape[1] // 2)
    place = first + np.lexsort((middle, np.abs(held[first] - medians[first])))[0]
    return float(medians[first]), float(stretch[place, 1]), float(stretch[place, 2])
