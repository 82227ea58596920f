"""Which rays of a frame cannot be judged: shadow of the guide wire, no wall in sight, out of the disc.

Looked at along lines from the catheter, for shadows run along its light. Points are (row, col) in pixels.

* out of the disc: the lumen's outline lies so near the rim, or the picture's edge, that no wall is seen behind it.
* guide wire: nothing but noise comes back from the wall, over a sector that something bright in the lumen begins.
* no wall: nothing but noise comes back from the wall, or it does not outshine the lumen before it, and no wire is seen:
  blood, or an opening.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.measurement.lipid import N_RAYS
from octseg.measurement.rays import GUIDE_WIRE, JUDGED, NO_WALL, OUT_OF_DISC

STEP_MM = 0.015  # between samples of a line
SHEATH_MM, WIRE_MM = 0.5, 0.455  # from the catheter's centre: its rings are no lumen; a wire may touch it
BEHIND_MM = 0.4  # of the lumen's outline: where a wall shines, also under a cap alone
BRIGHT_MM = 0.06  # of a line, over which the wall's brightest is taken
LEAST_WALL_MM = 0.15  # of wall between the outline and the disc's rim or the picture's edge
DEEP_MM = 1.0  # of wall by which lipid is found: 98 % of its rays, 60 % with 0.4 mm, 30 % with 0.2 mm
CUT_CLEARLY = 0.02  # of the disc's radius, by which the picture's edge lies within the rim
BEFORE_MM = 0.06  # of the outline, where the lumen ends for what lies in it
DARK = 0.25  # from the lumen's level to the wall's: below it a wall is not seen
BLOODY = 1.1  # times the lumen's own level before it, which a wall outshines
WIRE_LEVEL = 0.6  # from the lumen's level to the wall's: as bright is the guide wire's face
WIRE_PART = 0.3  # of a shadow's rays begin in something bright
WIDEST_WIRE_DEG = 90
PENUMBRA_DEG = 2
LEAST_OPEN_DEG = 10  # of directions beside each other in which no wall is seen: an opening, or blood
CLOSED_DEG = 4  # gaps in a shadow, and shadows, that are no wider are noise


@dataclass(frozen=True)
class Sight:
    """A frame as it is looked at.

    grey: (H, W) uint8, black out of the disc. catheter, disc_centre: (row, col). disc_radius_px: None without a disc.
    mm: pixels to a mm. shown: the first and the last (row, col) that show the disc; None where all of the picture may.
    """

    grey: NDArray[np.uint8]
    catheter: tuple[float, float]
    disc_centre: tuple[float, float]
    disc_radius_px: float | None
    mm: float
    shown: tuple[tuple[float, float], tuple[float, float]] | None = None


def unjudged_rays(sight: Sight, centre: tuple[float, float], wall: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N_RAYS,) JUDGED or why not, of the rays from the lumen's centroid.

    centre: the centroid. wall: (N_RAYS,) pixels from there to the lumen's outline, NaN where it has none.
    """
    codes = np.full(N_RAYS, JUDGED, np.uint8)
    known = np.isfinite(wall)
    angle = 2 * np.pi * np.arange(N_RAYS) / N_RAYS
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    points = np.add(centre, np.where(known, wall, 0)[:, None] * unit)
    seen = _look(sight, points)
    dark = seen.wall < seen.floor + DARK * (seen.level - seen.floor)
    bloody = seen.wall < BLOODY * seen.before
    shadow = _tidied(dark)
    shines = seen.brightest >= seen.floor + WIRE_LEVEL * (seen.level - seen.floor)
    codes[_tidied(dark | bloody)] = NO_WALL
    for rays in _sectors(shadow):
        if len(rays) <= WIDEST_WIRE_DEG and np.mean(shines[rays]) >= WIRE_PART:
            beside = np.arange(rays[0] - PENUMBRA_DEG, rays[0] + len(rays) + PENUMBRA_DEG) % N_RAYS
            codes[beside] = GUIDE_WIRE
    codes[~known] = NO_WALL
    codes[known & (_to_edge(sight, points, unit) < LEAST_WALL_MM * sight.mm)] = OUT_OF_DISC
    if sight.disc_radius_px is not None:
        from_rim = sight.disc_radius_px - np.hypot(*(points - sight.disc_centre).T)
        codes[known & (from_rim < LEAST_WALL_MM * sight.mm)] = OUT_OF_DISC
    return codes


def open_deg(unjudged: NDArray[np.uint8]) -> int:
    """Over how many degrees no wall is seen, in sectors of LEAST_OPEN_DEG and more; unjudged: (N_RAYS,)."""
    sectors = [len(rays) * 360 / N_RAYS for rays in _sectors(unjudged == NO_WALL)]
    return round(sum(deg for deg in sectors if deg >= LEAST_OPEN_DEG))


def cut_deg(sight: Sight, centre: tuple[float, float], wall: NDArray[np.float64]) -> int:
    """Over how many degrees the picture ends less than DEEP_MM behind the lumen's outline, though the disc goes on.

    centre, wall: as for `unjudged_rays`.
    """
    angle = 2 * np.pi * np.arange(N_RAYS) / N_RAYS
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    points = np.add(centre, np.nan_to_num(wall)[:, None] * unit)
    to_edge = _to_edge(sight, points, unit)
    is_cut = np.isfinite(wall) & (to_edge < DEEP_MM * sight.mm)
    if sight.disc_radius_px is not None:
        ends = points + np.maximum(to_edge, 0)[:, None] * unit
        within = sight.disc_radius_px - np.hypot(*(ends - sight.disc_centre).T)
        is_cut &= within > CUT_CLEARLY * sight.disc_radius_px
    return round(360 / N_RAYS * int(is_cut.sum()))


def _to_edge(sight: Sight, points: NDArray[np.float64], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N_RAYS,) pixels from points (N_RAYS, 2) along unit vectors (N_RAYS, 2) to the edge of the picture."""
    height, width = sight.grey.shape
    first, last = ((0, 0), (height - 1, width - 1)) if sight.shown is None else sight.shown
    to_side = np.where(unit > 0, np.add(last, 0.5) - points, points - np.subtract(first, 0.5))
    return np.asarray((to_side / np.maximum(np.abs(unit), 1e-9)).min(axis=1), np.float64)


@dataclass(frozen=True, eq=False)
class _Seen:
    """(N_RAYS,) grey levels each: the wall's, that of the lumen before it, and the brightest in or at the lumen.

    floor: of the lumen. level: of the wall. Both over the median ray.
    """

    wall: NDArray[np.float32]
    before: NDArray[np.float32]
    brightest: NDArray[np.float32]
    floor: float
    level: float


def _look(sight: Sight, points: NDArray[np.float64]) -> _Seen:
    """Grey levels along lines from the catheter through points (N_RAYS, 2) of the lumen's outline."""
    step = max(1.0, STEP_MM * sight.mm)
    offset = points - sight.catheter
    distance = np.maximum(np.hypot(*offset.T), 1e-6)
    count = int((distance.max() + BEHIND_MM * sight.mm) / step) + 2
    along = (np.arange(count, dtype=np.float32) * np.float32(step))[None]
    row, col = (
        np.float32(at) + (way / distance).astype(np.float32)[:, None] * along
        for at, way in zip(sight.catheter, offset.T, strict=True)
    )
    grey = np.asarray(cv2.remap(sight.grey, col, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)
    place = along - distance.astype(np.float32)[:, None]  # from the outline, in pixels
    brightness = cv2.blur(grey, (max(1, round(BRIGHT_MM * sight.mm / step)), 3), borderType=cv2.BORDER_REPLICATE)
    behind = (place > 0) & (place < BEHIND_MM * sight.mm)
    lumen = (along > SHEATH_MM * sight.mm) & (place < -BEFORE_MM * sight.mm)
    near = lumen & (place > -0.3 * sight.mm)
    wall = np.where(behind, brightness, 0).max(axis=1)
    before = (grey * near).sum(axis=1) / np.maximum(near.sum(axis=1), 1)
    at_or_in = (along > WIRE_MM * sight.mm) & (place < BEFORE_MM * sight.mm)
    floor = float(np.median(grey[lumen])) if lumen.any() else 0.0
    return _Seen(wall, before, np.where(at_or_in, grey, 0).max(axis=1), floor, float(np.median(wall)))


def _tidied(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flags (N_RAYS,) without gaps of CLOSED_DEG or less, and then without runs as short."""
    row = np.tile(flags, 3).astype(np.uint8)[None]
    kernel = np.ones((1, CLOSED_DEG + 1), np.uint8)
    closed = cv2.morphologyEx(row, cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)[0, N_RAYS : 2 * N_RAYS] > 0)


def _sectors(flags: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The rays of each run of True around the circle (N_RAYS,), clockwise."""
    if flags.all() or not flags.any():
        return [np.flatnonzero(flags)] if flags.any() else []
    starts = np.flatnonzero(flags & ~np.roll(flags, 1))
    return [(start + np.arange(int(np.argmin(np.roll(flags, -start))))) % N_RAYS for start in starts]
