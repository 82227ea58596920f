"""What a perfect measurement of a phantom would give, taken from its outlines by the definitions of docs/measures.md.

Points are (x, y) in mm from the catheter, angles radians, 0 towards +col and growing towards +row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from octseg.phantom.geometry import (
    N_ANGLES,
    TURN,
    Anatomy,
    Curve,
    Mask,
    Region,
    angles,
    drawn_lipid,
    points_at,
    seen_from,
)
from octseg.phantom.spec import PhantomSpec

N_RAYS = 1440  # from the lumen's centroid
MIN_DEPTH_MM = 0.1  # of lipid along a ray that counts towards the arc
MAX_GAP_DEG = 5.0  # in an arc
END_TRIM_DEG = 5.0  # a cap's thickness is not measured at the last degrees of its arc


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a perfect measurement of the frame would give. None where there is nothing to measure.

    lumen_diameter_*: chords through the centroid, None where a side branch opens; `equivalent`: of the circle of
        the same area.
    lipid_arc_deg: rays from the centroid of the lumen that run in lipid over at least 0.1 mm, gaps of up to 5 degrees
        closed; lipid_arc_catheter_deg: the same from the catheter; 0.0 without lipid.
    fibrous_cap_thickness_*: from the lumen's contour to the nearest point of a pool's front, over those arcs without
        5 degrees at each end; the mean is over the contour's length.
    *_area_mm2: of the masks as drawn, so `lipid_core_area_mm2` depends on `lipid_mask_depth`.
    """

    lumen_area_mm2: float
    lumen_centroid: tuple[float, float]  # (row, col) in pixels
    lumen_diameter_min_mm: float | None
    lumen_diameter_max_mm: float | None
    lumen_diameter_mean_mm: float | None
    lumen_diameter_equivalent_mm: float
    lipid_pool_count: int
    lipid_core_area_mm2: float
    lipid_arc_deg: float
    lipid_arc_catheter_deg: float
    fibrous_cap_area_mm2: float
    fibrous_cap_thickness_min_um: float | None
    fibrous_cap_thickness_mean_um: float | None
    vasa_vasorum_area_mm2: float


def truth(spec: PhantomSpec, vessel: Anatomy) -> Truth:
    """Measure the outlines themselves, without any pixel."""
    rim = spec.field_mm / 2
    lumen_xy = points_at(np.minimum(vessel.lumen_mm, rim), angles())
    area, centroid = _area_and_centroid(lumen_xy)
    chords = _chords(lumen_xy - centroid) if spec.side_branch is None else None
    drawn = [drawn_lipid(spec, vessel, pool) for pool in vessel.pools]
    arc = _lipid_rays(drawn, centroid)
    thinnest, mean = _cap_thickness_um(lumen_xy, centroid, arc, drawn, rim)
    middle = (spec.size_px - 1) / 2
    spacing = spec.pixel_spacing_mm
    return Truth(
        lumen_area_mm2=area,
        lumen_centroid=(middle + float(centroid[1]) / spacing, middle + float(centroid[0]) / spacing),
        lumen_diameter_min_mm=None if chords is None else float(chords.min()),
        lumen_diameter_max_mm=None if chords is None else float(chords.max()),
        lumen_diameter_mean_mm=None if chords is None else float(chords.mean()),
        lumen_diameter_equivalent_mm=float(2 * np.sqrt(area / np.pi)),
        lipid_pool_count=len(drawn),
        lipid_core_area_mm2=_union_area(drawn),
        lipid_arc_deg=float(arc.mean() * 360.0),
        lipid_arc_catheter_deg=float(_lipid_rays(drawn, np.zeros(2)).mean() * 360.0),
        fibrous_cap_area_mm2=_union_area(
            [
                Region(inner_mm=vessel.lumen_mm, outer_mm=pool.inner_mm, inside=pool.inside, across=pool.across)
                for pool in drawn
            ]
        ),
        fibrous_cap_thickness_min_um=thinnest,
        fibrous_cap_thickness_mean_um=mean,
        vasa_vasorum_area_mm2=float(
            sum(np.pi * hole.half_angle * hole.radius_mm * hole.half_height_mm for hole in vessel.microvessels)
        ),
    )


def _area_and_centroid(points: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Of a closed polygon (N, 2), by the shoelace formula."""
    following = np.roll(points, -1, axis=0)
    cross = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
    area = cross.sum() / 2
    return float(area), ((points + following) * cross[:, None]).sum(axis=0) / (6 * area)


def _chords(points: NDArray[np.float64]) -> Curve:
    """All chords through the origin of a closed curve (N, 2) around it, over half a turn."""
    radius = seen_from(points, angles(), angles())[0]
    return np.asarray(radius[: N_ANGLES // 2] + radius[N_ANGLES // 2 :])


def _cap_thickness_um(
    lumen_xy: NDArray[np.float64], centroid: NDArray[np.float64], arc: Mask, pools: list[Region], rim_mm: float
) -> tuple[float, float] | tuple[None, None]:
    """Minimum and mean distance (um) of the lumen's contour (N, 2) to the pools' fronts; `arc` (N_RAYS,) is theirs."""
    kept = _eroded(arc, round(END_TRIM_DEG / 360 * N_RAYS))[_ray(lumen_xy - centroid)]
    if not kept.any():
        return None, None
    fronts = [points_at(pool.inner_mm, angles())[pool.inside & (pool.inner_mm < rim_mm)] for pool in pools]
    length = np.linalg.norm(np.roll(lumen_xy, -1, axis=0) - np.roll(lumen_xy, 1, axis=0), axis=1)[kept]
    thickness = 1e3 * cKDTree(np.concatenate(fronts)).query(lumen_xy[kept])[0]
    return float(thickness.min()), float(np.average(thickness, weights=length))


def _ray(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which of the N_RAYS sectors around the origin each point (N, 2) lies in."""
    return np.asarray(np.floor(np.arctan2(points[:, 1], points[:, 0]) * (N_RAYS / TURN)).astype(np.intp) % N_RAYS)


def _eroded(inside: Mask, steps: int) -> Mask:
    """(directions,) True where all within `steps` are inside; a full ring stays one."""
    reach = np.concatenate([inside[-steps:], inside, inside[:steps]]).astype(np.int64)
    total = np.concatenate([[0], np.cumsum(reach)])
    return np.asarray(total[2 * steps + 1 :] - total[: -(2 * steps + 1)] == 2 * steps + 1)


def _union_area(regions: list[Region]) -> float:
    """Area in mm2; the arcs of a vessel's pools do not overlap."""
    return float(
        sum(
            0.5 * (r.outer_mm[r.inside] ** 2 - r.inner_mm[r.inside] ** 2).clip(0).sum() * TURN / N_ANGLES
            for r in regions
        )
    )


def _lipid_rays(regions: list[Region], origin: NDArray[np.float64]) -> Mask:
    """Which rays (N_RAYS,) from `origin` (x, y in mm) run in a region over MIN_DEPTH_MM, gaps closed."""
    met = np.zeros(N_RAYS, dtype=bool)
    for region in regions:
        border = _border(region) - origin
        ray, distance = _ray(border), np.hypot(border[:, 0], border[:, 1])
        first, last = np.full(N_RAYS, np.inf), np.zeros(N_RAYS)
        np.minimum.at(first, ray, distance)
        np.maximum.at(last, ray, distance)
        met |= last - first >= MIN_DEPTH_MM
    steps = round(MAX_GAP_DEG / 360 * N_RAYS / 2)
    grown = ~_eroded(~met, steps)
    return _eroded(grown, steps)


def _border(region: Region) -> NDArray[np.float64]:
    """Points (N, 2) all around a region: its front, its back and the two ends of its arc."""
    inside = region.inside
    sides = [points_at(radius, angles())[inside] for radius in (region.inner_mm, region.outer_mm)]
    for end in np.flatnonzero(inside & ~(np.roll(inside, 1) & np.roll(inside, -1))):
        side = np.linspace(region.inner_mm[end], region.outer_mm[end], 512)
        sides.append(points_at(side, np.full(512, angles()[end])))
    return np.concatenate(sides)
