"""The outlines of a phantom as curves, its masks and the measures that follow from the curves.

Everything is seen from the catheter, which stands in the middle of the frame: lengths in mm, angles in radians, 0
towards +col and growing towards +row. An outline is its radius at N_ANGLES directions, evenly spaced from 0. The scan's
angle error is in the outlines, so what is measured on them is what the frame shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from octseg.phantom.spec import (
    CATHETER_DIAMETER_MM,
    Calcium,
    LipidPool,
    Macrophages,
    Microvessel,
    PhantomSpec,
    SideBranch,
)

Curve = NDArray[np.float64]  # (N_ANGLES,)
Mask = NDArray[np.bool_]
Part = LipidPool | Calcium | Macrophages
Outline = Callable[[Curve], tuple[Curve, Curve]]  # depth under the lumen -> radius and contour parameter

N_ANGLES = 4096
TURN = 2.0 * np.pi
N_RAYS = 1440  # from the lumen's centroid
BRANCH_EDGE = np.radians(2.0)  # over which a side branch opens
MIN_DEPTH_MM = 0.1  # of lipid along a ray that counts towards the arc
MAX_GAP_DEG = 5.0  # in an arc
END_TRIM_DEG = 5.0  # a cap's thickness is not measured at the last degrees of its arc


@dataclass(frozen=True, kw_only=True)
class Region:
    """What lies between two outlines where `inside`. All (N_ANGLES,)."""

    inner_mm: Curve
    outer_mm: Curve
    inside: Mask
    across: Curve  # -1 to 1 from one end of the arc to the other, where inside


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """A microvessel: |angle / half_angle|^2 + |radius / half_height|^2 < 1 about its centre."""

    angle: float
    radius_mm: float
    half_angle: float
    half_height_mm: float


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """All outlines of a vessel. `pools`, `calcium`: regions as made; the layers of the wall end at the three radii."""

    lumen_mm: Curve
    intima_mm: Curve
    media_mm: Curve
    adventitia_mm: Curve
    pools: tuple[Region, ...]
    calcium: tuple[Region, ...]
    macrophages: tuple[Region, ...]
    microvessels: tuple[Ellipse, ...]


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


def angles() -> Curve:
    """The N_ANGLES directions of an outline, in radians."""
    return np.arange(N_ANGLES, dtype=np.float64) * (TURN / N_ANGLES)


def scan_angle(spec: PhantomSpec, shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """The direction the catheter really looked in, for the direction at which the frame shows it (radians)."""
    if spec.nurd_deg == 0.0:
        return shown
    rng = np.random.default_rng([spec.seed, 1])
    share = rng.dirichlet(np.ones(3))
    phase = rng.uniform(0, TURN, 3)
    error = sum(share[k] * np.sin((k + 1) * shown + phase[k]) for k in range(3))
    return np.asarray(shown + np.radians(spec.nurd_deg) * error)


def anatomy(spec: PhantomSpec, shown: bool = True) -> Anatomy:
    """The vessel's outlines, as the frame shows them or (shown = False) as they really are, before the scan's error."""
    lumen_xy, normal = _lumen_contour(spec)
    phi = angles()
    view = scan_angle(spec, angles()) if shown else angles()

    def outline(depth_mm: Curve) -> tuple[Curve, Curve]:
        """Radius and contour parameter of the curve that lies `depth_mm` under the lumen, at the viewing angles."""
        return _seen_from_catheter(lumen_xy + depth_mm[:, None] * normal, phi, view)

    lumen = outline(np.zeros(N_ANGLES))[0]
    if lumen.min() < CATHETER_DIAMETER_MM / 2:
        raise ValueError(f"the lumen's wall lies {lumen.min():.2f} mm from the catheter's axis, inside the catheter")
    if spec.side_branch is not None:
        lumen = lumen + _opening_mm(view, spec.side_branch)

    def region(part: Part, front: Curve, back: Curve) -> Region:
        """What lies between two depths under the lumen, in the arc of `part`; a side branch cuts it off."""
        inner, phi_at = outline(front)
        inner = np.maximum(inner, lumen)
        across = _across(phi_at % TURN, part)
        outer = np.maximum(outline(back)[0], inner)
        return Region(inner_mm=inner, outer_mm=outer, inside=np.abs(across) <= 1.0, across=across)

    wall = spec.wall
    bump = 0.5 * (1.0 + np.cos(phi - np.radians(wall.plaque_deg)))
    intima = 1e-3 * (wall.intima_um + wall.plaque_um * bump**1.5)
    pools = []
    for place, pool in enumerate(spec.lipid_pools):
        across = _across(phi, pool)
        inside = np.abs(across) <= 1.0
        front = _cap_thickness_mm(pool, across) + 1e-3 * pool.unevenness_um * _waves(phi, spec.seed, place)
        back = front + 1e-3 * pool.thickness_um * _lens(across, pool.arc_deg)
        intima = np.where(inside, np.maximum(intima, back), intima)
        pools.append(region(pool, front, back))
    plates = []
    for plate in spec.calcium:
        front, back = _plate_depths_mm(phi, plate)
        intima = np.where(np.abs(_across(phi, plate)) <= 1.0, np.maximum(intima, back), intima)
        plates.append(region(plate, front, back))
    intima = _smooth(intima)
    media = intima + 1e-3 * wall.media_um
    return Anatomy(
        lumen_mm=lumen,
        intima_mm=np.maximum(outline(intima)[0], lumen),
        media_mm=np.maximum(outline(media)[0], lumen),
        adventitia_mm=np.maximum(outline(media + 1e-3 * wall.adventitia_um)[0], lumen),
        pools=tuple(pools),
        calcium=tuple(plates),
        macrophages=tuple(region(band, *_plate_depths_mm(phi, band)) for band in spec.macrophages),
        microvessels=tuple(_ellipse(outline, view, hole) for hole in spec.microvessels),
    )


def drawn_lipid(spec: PhantomSpec, region: Region) -> Region:
    """The pool as its mask shows it: to its bottom, or to the rim of the disc."""
    rim = np.full(N_ANGLES, spec.field_mm / 2)
    outer = np.minimum(region.outer_mm, rim) if spec.lipid_mask_depth == "pool" else rim
    return Region(inner_mm=np.minimum(region.inner_mm, rim), outer_mm=outer, inside=region.inside, across=region.across)


def masks(spec: PhantomSpec, vessel: Anatomy) -> dict[str, Mask]:
    """One (H, W) plane per class; a pixel belongs to what its centre lies in."""
    direction, radius_px = polar_grid(spec.size_px)
    radius = radius_px * np.float32(spec.pixel_spacing_mm)
    disc = radius <= np.float32(spec.field_mm / 2)
    lumen_at = vessel.lumen_mm.astype(np.float32)[direction]
    lumen = radius < lumen_at
    cap = np.zeros_like(lumen)
    lipid = np.zeros_like(lumen)
    for pool in vessel.pools:
        drawn = drawn_lipid(spec, pool)
        inside = drawn.inside[direction]
        front = drawn.inner_mm.astype(np.float32)[direction]
        cap |= inside & ~lumen & (radius < front)
        lipid |= inside & (radius >= front) & (radius < drawn.outer_mm.astype(np.float32)[direction])
    vasa = np.zeros_like(lumen)
    for hole in vessel.microvessels:
        vasa |= _in_ellipse(direction, radius, hole)
    return {"lumen": lumen & disc, "fibrous_cap": cap & disc, "lipid_core": lipid & disc, "vasa_vasorum": vasa & disc}


def _ellipse(outline: Outline, view: Curve, hole: Microvessel) -> Ellipse:
    """Where a microvessel comes to lie, when ray k looks along `view[k]` (radians)."""
    radius, phi = outline(np.full(N_ANGLES, 1e-3 * hole.depth_um))
    index = int(np.argmin(np.abs((phi - np.radians(hole.centre_deg) + np.pi) % TURN - np.pi)))
    stretch = float((view[(index + 1) % N_ANGLES] - view[index - 1] + np.pi) % TURN - np.pi) / (2 * TURN / N_ANGLES)
    return Ellipse(
        angle=index * TURN / N_ANGLES,
        radius_mm=float(radius[index]),
        half_angle=0.5e-3 * hole.width_um / float(radius[index]) / stretch,
        half_height_mm=0.5e-3 * hole.height_um,
    )


def _in_ellipse(direction: NDArray[np.uint16], radius_mm: NDArray[np.float32], hole: Ellipse) -> Mask:
    turn = (direction.astype(np.float32) * np.float32(TURN / N_ANGLES) - hole.angle + np.pi) % TURN - np.pi
    across = (radius_mm - hole.radius_mm) / hole.half_height_mm
    return np.asarray((turn / hole.half_angle) ** 2 + across**2 < 1.0)


def truth(spec: PhantomSpec, vessel: Anatomy) -> Truth:
    """Measure the outlines themselves, without any pixel."""
    rim = spec.field_mm / 2
    lumen_xy = _points(np.minimum(vessel.lumen_mm, rim), angles())
    area, centroid = _area_and_centroid(lumen_xy)
    chords = _chords(lumen_xy - centroid) if spec.side_branch is None else None
    drawn = [drawn_lipid(spec, pool) for pool in vessel.pools]
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


@lru_cache(maxsize=4)
def polar_grid(size_px: int) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Of each pixel of a square frame: the index of its direction among `angles()`, and its radius in pixels."""
    offset = np.arange(size_px, dtype=np.float64) - (size_px - 1) / 2
    angle = np.arctan2(offset[:, None], offset[None, :])
    direction = np.rint(angle * (N_ANGLES / TURN)).astype(np.int64) % N_ANGLES
    radius = np.hypot(offset[:, None], offset[None, :])
    return direction.astype(np.uint16), radius.astype(np.float32)


def _lumen_contour(spec: PhantomSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (N_ANGLES, 2) as (x, y) in mm and outward unit normals of the lumen's contour."""
    phi = angles()
    ripple = [(2, spec.lumen_ellipticity, 2 * np.radians(spec.lumen_ellipse_deg))]
    ripple += [(h.order, h.amplitude, np.radians(h.phase_deg)) for h in spec.lumen_harmonics]
    radius = spec.lumen_radius_mm * (1 + sum(a * np.cos(k * phi - p) for k, a, p in ripple))
    slope = spec.lumen_radius_mm * sum(-k * a * np.sin(k * phi - p) for k, a, p in ripple)
    ray = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    along = np.stack([-np.sin(phi), np.cos(phi)], axis=1)
    normal = radius[:, None] * ray - slope[:, None] * along
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    turn = np.radians(spec.lumen_offset_deg)
    centre = spec.lumen_offset_mm * np.array([np.cos(turn), np.sin(turn)])
    return centre + radius[:, None] * ray, normal


def _seen_from_catheter(points: NDArray[np.float64], phi: Curve, view: Curve) -> tuple[Curve, Curve]:
    """Radius and parameter of a closed curve (N, 2) where the rays at `view` (radians) meet it."""
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    angle = np.maximum.accumulate(angle)  # a fold of a deep outline is cut off
    radius = np.hypot(points[:, 0], points[:, 1])
    start = angle[0]
    wanted = start + (view - start) % TURN
    angle = np.append(angle, start + TURN)
    return (
        np.interp(wanted, angle, np.append(radius, radius[0])),
        np.interp(wanted, angle, np.append(phi, phi[0] + TURN)),
    )


def _across(phi: Curve, part: Part) -> Curve:
    """-1 to 1 within the arc of `part`, beyond outside it."""
    turn = (phi - np.radians(part.centre_deg) + np.pi) % TURN - np.pi
    return np.asarray(turn / np.radians(min(part.arc_deg, 360.0) / 2))


def _plate_depths_mm(phi: Curve, part: Calcium | Macrophages) -> tuple[Curve, Curve]:
    """Depth of the front and of the back of a plate or band under the lumen."""
    front = np.full(N_ANGLES, 1e-3 * part.depth_um)
    return front, front + 1e-3 * part.thickness_um * _lens(_across(phi, part), part.arc_deg)


def _opening_mm(view: Curve, branch: SideBranch) -> Curve:
    """How much farther the lumen reaches along each ray because of a side branch."""
    turn = np.abs((view - np.radians(branch.centre_deg) + np.pi) % TURN - np.pi)
    return np.asarray(branch.depth_mm * np.clip((np.radians(branch.width_deg / 2) - turn) / BRANCH_EDGE, 0.0, 1.0))


def _cap_thickness_mm(pool: LipidPool, across: Curve) -> Curve:
    rise = 0.5 * (1 - np.cos(np.pi * np.clip(across, -1, 1)))
    return np.asarray(1e-3 * (pool.cap_min_um + (pool.cap_max_um - pool.cap_min_um) * rise))


def _waves(phi: Curve, seed: int, place: int) -> Curve:
    """0 to 1 around, in waves of irregular length."""
    phase = np.random.default_rng([seed, 3, place]).uniform(0, TURN, 3)
    total = sum(np.cos(order * phi + phase[k]) for k, order in enumerate((7, 13, 22)))
    return np.asarray(0.5 + total / 6.0)


def _lens(across: Curve, arc_deg: float) -> Curve:
    """Thickness over the arc, 1 in the middle and 0 at the ends; a full ring has no ends."""
    if arc_deg >= 359.5:
        return np.ones_like(across)
    return np.asarray(np.sqrt(np.clip(1 - across**4, 0, 1)))


def _smooth(depth: Curve) -> Curve:
    """Round off corners over about 6 degrees, never below the given depth by more than that rounding."""
    width = N_ANGLES // 60
    kernel = np.ones(width) / width
    return np.convolve(np.concatenate([depth[-width:], depth, depth[:width]]), kernel, mode="same")[width:-width]


def _points(radius: Curve, angle: Curve) -> NDArray[np.float64]:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _area_and_centroid(points: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Of a closed polygon (N, 2), by the shoelace formula."""
    following = np.roll(points, -1, axis=0)
    cross = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
    area = cross.sum() / 2
    return float(area), ((points + following) * cross[:, None]).sum(axis=0) / (6 * area)


def _chords(points: NDArray[np.float64]) -> Curve:
    """All chords through the origin of a closed curve (N, 2) around it, over half a turn."""
    radius = _seen_from_catheter(points, angles(), angles())[0]
    return np.asarray(radius[: N_ANGLES // 2] + radius[N_ANGLES // 2 :])


def _cap_thickness_um(
    lumen_xy: NDArray[np.float64], centroid: NDArray[np.float64], arc: Mask, pools: list[Region], rim_mm: float
) -> tuple[float, float] | tuple[None, None]:
    """Minimum and mean distance (um) of the lumen's contour (N, 2) to the pools' fronts; `arc` (N_RAYS,) is theirs."""
    kept = _eroded(arc, round(END_TRIM_DEG / 360 * N_RAYS))[_ray(lumen_xy - centroid)]
    if not kept.any():
        return None, None
    fronts = [_points(pool.inner_mm, angles())[pool.inside & (pool.inner_mm < rim_mm)] for pool in pools]
    length = np.linalg.norm(np.roll(lumen_xy, -1, axis=0) - np.roll(lumen_xy, 1, axis=0), axis=1)[kept]
    thickness = 1e3 * cKDTree(np.concatenate(fronts)).query(lumen_xy[kept])[0]
    return float(thickness.min()), float(np.average(thickness, weights=length))


def _ray(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which of the N_RAYS sectors around the origin each point (N, 2) lies in."""
    return np.asarray(np.floor(np.arctan2(points[:, 1], points[:, 0]) * (N_RAYS / TURN)).astype(np.intp) % N_RAYS)


def _eroded(inside: Mask, steps: int) -> Mask:
    """True where all directions within `steps` are inside; a full ring stays one."""
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
    sides = [_points(radius, angles())[inside] for radius in (region.inner_mm, region.outer_mm)]
    for end in np.flatnonzero(inside & ~(np.roll(inside, 1) & np.roll(inside, -1))):
        side = np.linspace(region.inner_mm[end], region.outer_mm[end], 512)
        sides.append(_points(side, np.full(512, angles()[end])))
    return np.concatenate(sides)
