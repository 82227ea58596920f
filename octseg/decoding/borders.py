"""Borders along rays under the anatomy that a catheter sees: on each ray lumen, then cap, then lipid core.

Of each border the most likely closed path is taken (paths.py) and smoothed around the circle. Lengths are mm; without a
scale they are the same share of the frame as in octseg.measurement.depth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.decoding.paths import best_places, best_stretches
from octseg.decoding.rays import N_RAYS, Floats, Radii, RayGrid, imaged_along, smoothed
from octseg.decoding.wall import Wall, walls_behind
from octseg.measurement.depth import length_px
from octseg.view.disc import Disc

CATHETER_RADIUS_MM = 0.45  # what lies within it is the lumen's
WALL_MM = 0.3  # of wall along a ray, behind which another lumen is not this one
SURE = 4.0  # logits are cut off here: no place outweighs many
# Gains are logits times mm along a ray, costs are in the same unit.
STEP_COST, GREATEST_COST = 1.5, 3.0  # of a mm's difference between neighbouring rays; of any difference
END_COST = 4.0  # of each end of a stretch of lipid
CAP_WEIGHT = 1.0  # of what the cap's own map says
LATE = 0.001  # logits: where neither cap nor lipid is likely, lipid begins as late as can be
LEAST_LIPID_MM = 0.1  # along a ray
LEAST_ARC_DEG = 10.0
LUMEN_SMOOTHING, FRONT_SMOOTHING, BACK_SMOOTHING = 1.0, 1.0, 2.0  # rays


@dataclass(frozen=True)
class Levels:
    """From which probability on a class is likelier than not, and how sure a whole core must be.

    core: least mean of a core's logits over that of lipid's threshold; what is less sure is no core.
    """

    thresholds: Mapping[str, float]
    core: float = 0.0


@dataclass(frozen=True, eq=False)
class Borders:
    """Of one frame, (N_RAYS,) each, in pixels from the centre.

    lumen: None where there is no such plane, and then wall too. front, back: of lipid core, where `lipid`; None where
    there is no plane.
    """

    lumen: Radii | None
    wall: Wall | None
    front: Radii | None
    back: Radii | None
    lipid: NDArray[np.bool_]


def find_borders(
    probabilities: Sequence[Mapping[str, BoxedMap]],
    levels: Levels,
    grid: RayGrid,
    disc: Disc | None,
    pixel_spacing_mm: float | None,
) -> list[Borders]:
    """The borders along rays, (N_RAYS,), of each variant of a frame's maps; see `octseg.decoding.decode`."""
    mm = length_px(1.0, pixel_spacing_mm, grid.side_px) / grid.step_px  # places
    imaged = imaged_along(grid, disc)

    def logits(name: str) -> Floats:
        """(N_RAYS, N, places), 0 at the threshold; never likely where nothing is imaged."""
        read = np.stack([grid.read(maps[name].values, maps[name].corner) for maps in probabilities], axis=1)
        return np.where(imaged[:, None], logits_over(read, levels.thresholds[name]), np.float32(-SURE))

    lumens: Sequence[Radii | None] = [None] * len(probabilities)
    walls: Sequence[Wall | None] = [None] * len(probabilities)
    if "lumen" in probabilities[0]:
        found_lumens = _lumens(logits("lumen"), grid, mm)
        lumens, walls = found_lumens, walls_behind(found_lumens, grid, pixel_spacing_mm)
    lipid = logits("lipid_core") if "lipid_core" in probabilities[0] else None
    if lipid is None or lipid.max() < levels.core:  # then no core can be as sure as that on average
        return [Borders(*each, None, None, np.zeros(N_RAYS, bool)) for each in zip(lumens, walls, strict=True)]
    cap = logits("fibrous_cap") if "fibrous_cap" in probabilities[0] else None
    allowed = np.stack([imaged if wall is None else wall.holds_lipid & imaged for wall in walls], axis=1)
    found = _with_lipid(lipid, cap, allowed, levels.core, grid, mm)
    return [
        Borders(lumen, wall, front if lumen is None else np.maximum(front, lumen), back, lipid)
        for lumen, wall, (front, back, lipid) in zip(lumens, walls, found, strict=True)
    ]


def least_that_tells(threshold: float) -> float:
    """The probability up to which all is the same to `logits_over`, a little less for what rounding adds."""
    odds = threshold / (1 - threshold) * np.exp(-SURE)
    return float(0.98 * odds / (1 + odds))


def logits_over(probability: Floats, threshold: float) -> Floats:
    """Logits less that of the threshold, cut off at SURE; (...) of any shape -> (...)."""
    inside = np.clip(probability, 1e-4, 1 - 1e-4)
    logits = np.log(inside / (1 - inside)) - np.float32(np.log(threshold / (1 - threshold)))
    return np.asarray(np.clip(logits, -SURE, SURE), np.float32)


def _before(logits: Floats, mm: float) -> Floats:
    """Gain of all places before each, and before the end: (..., places) -> (..., places + 1), logits times mm."""
    sums = np.cumsum(logits, axis=-1, dtype=np.float32) / np.float32(mm)
    return np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)


def _lumens(logits: Floats, grid: RayGrid, mm: float) -> list[Radii]:
    """Where the lumen ends on each ray, (N_RAYS,) in pixels, for each variant of the logits (N_RAYS, N, places).

    Changes the logits: what the catheter takes up is set to be the lumen's.
    """
    catheter = min(grid.places - 1, round(CATHETER_RADIUS_MM * mm))
    logits[..., :catheter] = SURE
    behind = _behind_wall(logits < 0, max(1, round(WALL_MM * mm)))
    logits = np.where(behind, np.float32(-SURE), logits)
    gain = _before(logits, mm)
    gain[..., :catheter] = -np.inf
    # Behind the wall on every ray each place gains less than the one before, so no best path goes there.
    gain[..., 1 + max(catheter, int(np.count_nonzero(~behind.all(axis=(0, 1))))) :] = -np.inf
    ends = best_places(gain, STEP_COST / mm, GREATEST_COST)  # (N_RAYS, N)
    return [smoothed(_crossing(logits[:, n], ends[:, n]) * grid.step_px, LUMEN_SMOOTHING) for n in range(ends.shape[1])]


def _behind_wall(wall: NDArray[np.bool_], thick: int) -> NDArray[np.bool_]:
    """(..., places) from where `thick` places in a row were wall."""
    count = np.cumsum(wall, axis=-1)
    unbroken: NDArray[np.intp] = count - np.maximum.accumulate(np.where(wall, 0, count), axis=-1)
    return np.asarray(np.logical_or.accumulate(unbroken >= thick, axis=-1))


def _crossing(logits: Floats, ends: NDArray[np.intp]) -> Radii:
    """Where the logit (rays, places) falls through 0 beside the place at which each ray ends (rays,), in places."""
    ray = np.arange(len(ends))
    inside, outside = logits[ray, np.maximum(ends - 1, 0)], logits[ray, np.minimum(ends, logits.shape[1] - 1)]
    falls = (inside > 0) & (outside < 0)
    part = np.divide(inside, inside - outside, out=np.full(len(ends), 0.5, np.float32), where=falls)
    return np.asarray(ends - 0.5 + np.where(falls, part, 0.5), np.float64)


def _with_lipid(
    lipid: Floats,
    cap: Floats | None,
    allowed: NDArray[np.bool_],
    sure: float,
    grid: RayGrid,
    mm: float,
) -> list[tuple[Radii, Radii, NDArray[np.bool_]]]:
    """Front, back and presence of lipid on each ray for each variant; lipid, cap: logits (N_RAYS, N, places)."""
    least = min(max(1, round(LEAST_LIPID_MM * mm)), lipid.shape[-1])  # a scale that cannot be right makes it longer
    filled = _before(np.where(allowed, lipid, 0), mm)
    may_end = np.concatenate([np.zeros_like(allowed[..., :1]), allowed], axis=-1)
    may_begin = np.concatenate([allowed, np.zeros_like(allowed[..., :1])], axis=-1)
    to_end = np.where(may_end, filled, -np.inf)
    best_end = np.maximum.accumulate(to_end[..., ::-1], axis=-1)[..., ::-1]
    best_end = np.concatenate([best_end[..., least:], np.full((*best_end.shape[:-1], least), -np.inf)], axis=-1)
    front_gain = best_end - filled
    if cap is not None:
        front_gain = front_gain + _before(np.where(allowed, np.float32(CAP_WEIGHT) * cap + np.float32(LATE), 0), mm)
    front_gain = np.where(may_begin, front_gain, -np.inf).astype(np.float32)
    fronts, there = best_stretches(front_gain, STEP_COST / mm, GREATEST_COST, END_COST)
    place = np.arange(filled.shape[-1])
    back_gain = np.where(place >= (fronts + least)[..., None], to_end, -np.inf)
    anywhere = np.where(may_end.any(axis=(0, 1)), 0, -np.inf)
    back_gain = np.where(there[..., None] & np.isfinite(back_gain).any(axis=-1, keepdims=True), back_gain, anywhere)
    backs = best_places(back_gain.astype(np.float32), STEP_COST / mm, GREATEST_COST)
    found = []
    for n in range(lipid.shape[1]):
        core = (place[:-1] >= fronts[:, n, None]) & (place[:-1] < backs[:, n, None])
        lipid_there = _cores(there[:, n], np.where(core, lipid[:, n], np.nan), sure)
        front = _smooth_where(np.asarray(fronts[:, n] * grid.step_px, np.float64), lipid_there, FRONT_SMOOTHING)
        back = _smooth_where(np.asarray(backs[:, n] * grid.step_px, np.float64), lipid_there, BACK_SMOOTHING)
        found.append((front, back, lipid_there))
    return found


def _cores(there: NDArray[np.bool_], lipid: Floats, sure: float) -> NDArray[np.bool_]:
    """Rays of stretches (N_RAYS,) that span LEAST_ARC_DEG or more and whose logits are `sure` on average.

    lipid: (N_RAYS, places), NaN outside the cores.
    """
    kept = there.copy()
    for stretch in _stretches(there):
        too_narrow = len(stretch) * 360.0 / N_RAYS < LEAST_ARC_DEG
        if too_narrow or not np.nanmean(lipid[stretch]) >= sure:
            kept[stretch] = False
    return kept


def _stretches(there: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The rays of each unbroken stretch of True around the circle (N_RAYS,)."""
    if there.all() or not there.any():
        return [np.flatnonzero(there)] if there.any() else []
    begins = np.flatnonzero(there & ~np.roll(there, 1))
    lengths = [int(np.argmin(np.roll(there, -begin))) for begin in begins]
    return [(begin + np.arange(length)) % N_RAYS for begin, length in zip(begins, lengths, strict=True)]


def _smooth_where(values: Radii, there: NDArray[np.bool_], rays: float) -> Radii:
    """Values (N_RAYS,) smoothed along each stretch; beyond a stretch its last value holds."""
    if not there.any():
        return values
    ray, known = np.arange(N_RAYS), np.flatnonzero(there)
    filled = np.interp(ray, known, values[known], period=N_RAYS)
    away = np.abs((ray[:, None] - known[None] + N_RAYS // 2) % N_RAYS - N_RAYS // 2)
    filled = np.where(there, values, values[known[away.argmin(axis=1)]])
    return smoothed(filled, rays)
