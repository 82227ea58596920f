"""The outlines of a phantom as curves, and its masks.

Everything is seen from the catheter, which stands in the middle of the frame: lengths in mm, angles in radians, 0
towards +col and growing towards +row. An outline is its radius at N_ANGLES directions, evenly spaced from 0. The scan's
angle error is in the outlines, so what is measured on them is what the frame shows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from octseg.measurement.depth import LIPID_DEPTH_MM
from octseg.phantom.spec import (
    Calcium,
    LipidPool,
    Macrophages,
    Microvessel,
    PhantomSpec,
    SideBranch,
)
from octseg.view.catheter import CATHETER_DIAMETER_MM

Curve = NDArray[np.float64]  # (N_ANGLES,)
Mask = NDArray[np.bool_]
Part = LipidPool | Calcium | Macrophages
Outline = Callable[[Curve], tuple[Curve, Curve]]  # depth under the lumen -> radius and contour parameter

N_ANGLES = 4096
TURN = 2.0 * np.pi
BRANCH_EDGE = np.radians(2.0)  # over which a side branch opens


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
        return seen_from(lumen_xy + depth_mm[:, None] * normal, phi, view)

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


def drawn_lipid(spec: PhantomSpec, vessel: Anatomy, pool: Region) -> Region:
    """A pool as its mask shows it: as far as it counts, to its bottom, or to the rim of the disc."""
    rim = np.full(N_ANGLES, spec.field_mm / 2)
    inner = np.minimum(pool.inner_mm, rim)
    outer = rim if spec.lipid_mask_depth == "rim" else np.minimum(pool.outer_mm, rim)
    if spec.lipid_mask_depth == "visible":
        outer = np.maximum(_within_depth(np.minimum(vessel.lumen_mm, rim), outer, pool.inside), inner)
    return replace(pool, inner_mm=inner, outer_mm=outer)


def _within_depth(lumen_mm: Curve, outer_mm: Curve, inside: Mask) -> Curve:
    """`outer_mm`, but where `inside` no farther than LIPID_DEPTH_MM from the lumen's outline."""
    outline = cKDTree(points_at(lumen_mm, angles()))
    radius = lumen_mm + LIPID_DEPTH_MM  # so far at least, since each ray leaves the lumen itself
    going = np.flatnonzero(inside & (radius < outer_mm))
    while going.size:
        room = LIPID_DEPTH_MM - outline.query(points_at(radius[going], angles()[going]))[0]
        radius[going] += room  # a step of that length cannot leave the depth
        going = going[(room > 1e-4) & (radius[going] < outer_mm[going])]
    return np.where(inside, np.minimum(outer_mm, radius), outer_mm)


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
        drawn = drawn_lipid(spec, vessel, pool)
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


@lru_cache(maxsize=4)
def polar_grid(size_px: int) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Of each pixel (H, W) of a square frame: the index of its direction among `angles()`, and its radius in pixels."""
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


def seen_from(points: NDArray[np.float64], phi: Curve, view: Curve) -> tuple[Curve, Curve]:
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


def points_at(radius: Curve, angle: Curve) -> NDArray[np.float64]:
    """Radii at angles as points (N, 2), (x, y) in mm."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
