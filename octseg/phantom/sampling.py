"""Vessels drawn at random, as varied as coronary arteries are; docs/phantom.md says what is drawn how often."""

from dataclasses import replace

import numpy as np

from octseg.phantom.spec import (
    GUIDE_WIRE_DIAMETER_MM,
    Calcium,
    Colouring,
    GuideWire,
    Harmonic,
    LipidMaskDepth,
    LipidPool,
    Macrophages,
    Microvessel,
    Optics,
    PhantomSpec,
    Sheath,
    SideBranch,
    Wall,
    turn_deg,
)
from octseg.view.catheter import CATHETER_DIAMETER_MM

FIELDS_MM = (5.01, 7.01, 10.03)  # diameter of the disc at the three zooms that consoles export
SIZES_PX = (704, 750, 1024)
SHADOW_HALF_DEG = 25.0  # kept clear of lipid to either side of the wire's shadow, seen from the lumen's centre


def random_spec(
    seed: int,
    *,
    size_px: int | None = None,
    field_mm: float | None = None,
    lipid: bool | None = None,
    lipid_mask_depth: LipidMaskDepth = "visible",
    ruler: bool | None = None,
    colouring: Colouring | None = None,
) -> PhantomSpec:
    """Draw a vessel: normal, fibrous, calcified or with one to three lipid pools; what is given is kept.

    About 55 % of the vessels bear lipid, three in four of them pools so thick that they swallow the light. How deep the
    mask goes changes nothing else.
    """
    rng = np.random.default_rng([seed, 0x0C7])
    size = size_px or int(rng.choice(SIZES_PX))
    field = field_mm or float(rng.choice(FIELDS_MM, p=(0.3, 0.55, 0.15)))
    with_lipid = bool(rng.random() < 0.55) if lipid is None else lipid
    thick = bool(rng.random() < 0.75)
    radius = float(rng.uniform(0.95, min(2.1, 0.62 * field / 2)))
    wall = _random_wall(rng, with_lipid)
    pools = _random_pools(rng, thick, wall) if with_lipid else ()
    calcium = _random_calcium(rng, pools) if rng.random() < (0.15 if with_lipid else 0.35) else ()
    ellipticity, harmonics, offset, offset_deg = _random_lumen(rng, radius, field)
    wire = _random_guide_wire(rng, radius, offset, offset_deg, pools)
    hidden = [(pool.centre_deg, pool.arc_deg / 2 + 10) for pool in pools]
    if wire is not None:
        hidden.append((_wall_angle_deg(wire.centre_deg, radius, offset, offset_deg), SHADOW_HALF_DEG))
    branch = _random_side_branch(rng, radius, offset, offset_deg, hidden) if rng.random() < 0.1 else None
    if branch is not None:
        hidden.append((_wall_angle_deg(branch.centre_deg, radius, offset, offset_deg), branch.width_deg))
    return PhantomSpec(
        seed=seed,
        size_px=size,
        field_mm=field,
        lumen_radius_mm=radius,
        lumen_ellipticity=ellipticity,
        lumen_ellipse_deg=float(rng.uniform(0, 180)),
        lumen_harmonics=harmonics,
        lumen_offset_mm=offset,
        lumen_offset_deg=offset_deg,
        wall=replace(wall, plaque_deg=pools[0].centre_deg) if pools else wall,
        lipid_pools=pools,
        lipid_mask_depth=lipid_mask_depth,
        calcium=calcium,
        microvessels=_random_microvessels(rng, hidden),
        macrophages=_random_macrophages(rng),
        side_branch=branch,
        guide_wire=wire,
        blood=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.25 else 0.0,
        nurd_deg=float(rng.uniform(0, 4)),
        sheath=_random_sheath(rng),
        optics=_random_optics(rng),
        ruler=bool(rng.random() < 0.85) if ruler is None else ruler,
        ruler_deg=float(rng.uniform(0, 360)),
        colouring=colouring or ("sepia" if rng.random() < 0.85 else "grey"),
    )


def _clipped_normal(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, spread), low, high))


def _random_lumen(
    rng: np.random.Generator, radius_mm: float, field_mm: float
) -> tuple[float, tuple[Harmonic, ...], float, float]:
    """Ellipticity, ripples, and offset (mm and degrees) of a lumen that holds the catheter and fits the field."""
    ellipticity = float(rng.uniform(0.0, 0.14))
    harmonics = tuple(
        Harmonic(order=order, amplitude=float(rng.uniform(0, 0.09) / (order - 1)), phase_deg=float(rng.uniform(0, 360)))
        for order in range(3, 12)
    )
    narrowest = radius_mm * (1.0 - ellipticity - sum(harmonic.amplitude for harmonic in harmonics))
    room = max(0.0, min(narrowest - 0.46, 0.86 * field_mm / 2 - radius_mm))  # the catheter stays inside the lumen
    offset = float(rng.uniform(0.0, 1.0)) * room
    return ellipticity, harmonics, offset, float(rng.uniform(0, 360))


def _random_pools(rng: np.random.Generator, thick: bool, wall: Wall) -> tuple[LipidPool, ...]:
    count = int(rng.choice((1, 2, 3), p=(0.72, 0.22, 0.06)))
    start = float(rng.uniform(0, 360))
    pools: list[LipidPool] = []
    for place in range(count):
        share = 360.0 / count
        wide = rng.random() < 0.12
        arc = float(rng.uniform(180, 360)) if wide else _clipped_normal(rng, 103, 49, 30, 240)
        if count > 1:
            arc = min(arc, share - 25.0)
        cap = float(np.exp(rng.uniform(np.log(50), np.log(400))))
        pools.append(
            LipidPool(
                centre_deg=(start + share * place + float(rng.uniform(-5, 5))) % 360.0,
                arc_deg=arc,
                cap_min_um=cap,
                cap_max_um=min(cap * float(rng.uniform(1.0, 2.2)) + float(rng.uniform(0, 60)), 600.0),
                thickness_um=float(rng.uniform(600, 1800)) if thick else float(rng.uniform(250, 800)),
                attenuation_per_mm=_clipped_normal(rng, 13.7, 4.5, 8.0, 24.0)
                if rng.random() < 0.38
                else _clipped_normal(rng, 6.0, 2.0, 3.0, 10.0),
                backscatter_per_mm=wall.intima_backscatter_per_mm * float(np.exp(-rng.uniform(0.7, 2.7))),
                border_um=float(rng.uniform(30, 200)),
                unevenness_um=float(rng.uniform(0, 0.35)) * cap,
            )
        )
    return tuple(pools)


def _random_calcium(rng: np.random.Generator, pools: tuple[LipidPool, ...]) -> tuple[Calcium, ...]:
    arc = float(rng.uniform(25, 130))
    taken = [(pool.centre_deg, pool.arc_deg) for pool in pools]
    for _ in range(20):
        centre = float(rng.uniform(0, 360))
        if all(abs(turn_deg(centre - other)) > (arc + other_arc) / 2 + 8 for other, other_arc in taken):
            return (
                Calcium(
                    centre_deg=centre,
                    arc_deg=arc,
                    depth_um=float(rng.uniform(60, 350)),
                    thickness_um=float(rng.uniform(200, 900)),
                    attenuation_per_mm=_clipped_normal(rng, 5.7, 1.4, 2.5, 9.0),
                    backscatter_per_mm=_clipped_normal(rng, 1.5, 0.8, 0.4, 4.0),
                ),
            )
    return ()


def _random_wall(rng: np.random.Generator, with_lipid: bool) -> Wall:
    """Three clear layers in half of the vessels without lipid, else a thick intima and faint layers."""
    layered = not with_lipid and rng.random() < 0.5
    thickened = with_lipid or rng.random() < (0.25 if layered else 0.8)
    return Wall(
        intima_um=float(rng.uniform(50, 220) if layered else rng.uniform(100, 400)),
        media_um=float(rng.uniform(100, 300)),
        adventitia_um=float(rng.uniform(150, 500)),
        plaque_um=float(rng.uniform(150, 900)) if thickened else 0.0,
        plaque_deg=float(rng.uniform(0, 360)),
        intima_attenuation_per_mm=_clipped_normal(rng, 3.2, 1.2, 1.5, 7.0),
        media_attenuation_per_mm=float(rng.uniform(2, 5) if layered else rng.uniform(4, 7)),
        adventitia_attenuation_per_mm=float(rng.uniform(6.5, 10.0)),
        intima_backscatter_per_mm=_clipped_normal(rng, 18, 6, 9, 34),
        media_backscatter_per_mm=float(rng.uniform(2, 6) if layered else rng.uniform(4, 12)),
        adventitia_backscatter_per_mm=float(rng.uniform(9, 22) if layered else rng.uniform(5, 14)),
        layering=float(rng.uniform(0.15, 0.5)),
        patchiness=float(rng.uniform(0.1, 0.6)),
    )


def _random_microvessels(rng: np.random.Generator, hidden: list[tuple[float, float]]) -> tuple[Microvessel, ...]:
    """None in most vessels; never within `hidden` (centre and half width in degrees), where nobody could see one."""
    count = int(rng.choice((0, 1, 2, 3), p=(0.65, 0.2, 0.1, 0.05)))
    holes = [
        Microvessel(
            centre_deg=float(rng.uniform(0, 360)),
            depth_um=float(rng.uniform(200, 600)),
            width_um=float(rng.uniform(70, 320)),
            height_um=float(rng.uniform(60, 130)),
        )
        for _ in range(count)
    ]
    return tuple(hole for hole in holes if all(abs(turn_deg(hole.centre_deg - at)) > half for at, half in hidden))


def _random_macrophages(rng: np.random.Generator) -> tuple[Macrophages, ...]:
    count = int(rng.choice((0, 1, 2, 4), p=(0.55, 0.2, 0.15, 0.1)))
    return tuple(
        Macrophages(
            centre_deg=float(rng.uniform(0, 360)),
            arc_deg=float(rng.uniform(2, 16)),
            depth_um=float(rng.uniform(15, 150)),
            attenuation_per_mm=float(rng.uniform(12, 40)),
            backscatter_per_mm=float(rng.uniform(20, 60)),
        )
        for _ in range(count)
    )


def _random_side_branch(
    rng: np.random.Generator, radius: float, offset: float, offset_deg: float, taken: list[tuple[float, float]]
) -> SideBranch | None:
    """A branch clear of lipid and of the wire's shadow; None where the wall has no room for it."""
    width = float(rng.uniform(18, 50))
    for _ in range(20):
        centre = float(rng.uniform(0, 360))
        seen = _wall_angle_deg(centre, radius, offset, offset_deg)
        if all(abs(turn_deg(seen - at)) > half + width for at, half in taken):
            return SideBranch(centre_deg=centre, width_deg=width, depth_mm=float(rng.uniform(1.5, 5.0)))
    return None


def _random_guide_wire(
    rng: np.random.Generator, radius: float, offset: float, offset_deg: float, pools: tuple[LipidPool, ...]
) -> GuideWire | None:
    """A place in the lumen, clear of catheter and wall, its shadow away from the pools where that can be had."""
    if rng.random() < 0.08:
        return None
    half = GUIDE_WIRE_DIAMETER_MM / 2
    best: GuideWire | None = None
    for _ in range(40):
        wire = GuideWire(
            centre_deg=float(rng.uniform(0, 360)),
            distance_mm=CATHETER_DIAMETER_MM / 2 + half + 0.01 + float(rng.exponential(0.15)),
        )
        turn = np.radians(wire.centre_deg - offset_deg)
        from_centre = np.sqrt(wire.distance_mm**2 + offset**2 - 2 * wire.distance_mm * offset * np.cos(turn))
        if from_centre + half > 0.85 * radius:
            continue
        shadow = _wall_angle_deg(wire.centre_deg, radius, offset, offset_deg)
        if all(abs(turn_deg(shadow - pool.centre_deg)) > pool.arc_deg / 2 + SHADOW_HALF_DEG for pool in pools):
            return wire
        best = best or wire
    return best


def _wall_angle_deg(ray_deg: float, radius: float, offset: float, offset_deg: float) -> float:
    """Where a ray from the catheter meets a round lumen, as the lumen's centre sees it."""
    ray = np.array([np.cos(np.radians(ray_deg)), np.sin(np.radians(ray_deg))])
    centre = offset * np.array([np.cos(np.radians(offset_deg)), np.sin(np.radians(offset_deg))])
    along = float(ray @ centre)
    x, y = (along + np.sqrt(along**2 - offset**2 + radius**2)) * ray - centre
    return float(np.degrees(np.arctan2(y, x)))


def _random_sheath(rng: np.random.Generator) -> Sheath:
    bright = rng.random() < 0.4
    start = float(rng.uniform(0.29, 0.33))
    return Sheath(
        inner_radius_mm=float(rng.uniform(0.235, 0.265)),
        band_from_mm=start,
        band_to_mm=float(rng.uniform(0.37, 0.39)) if bright else 0.44,
        inner_grey=float(rng.uniform(60, 120)),
        band_grey=float(rng.uniform(150, 205)) if bright else float(rng.uniform(60, 110)),
        outer_grey=float(rng.uniform(40, 130)),
    )


def _random_optics(rng: np.random.Generator) -> Optics:
    return Optics(
        axial_resolution_um=float(rng.uniform(10, 14.5)),
        lateral_resolution_um=float(rng.uniform(10.5, 13)),
        focus_mm=float(rng.uniform(1.0, 1.8)),
        rayleigh_mm=float(rng.uniform(1.0, 2.2)),
        blur_px=float(rng.uniform(0.35, 0.65)),
        speckle_shape=float(rng.uniform(18, 60)),
        forward_scattering=float(np.exp(rng.uniform(np.log(0.03), np.log(0.2)))),
        gain=4000.0 * float(np.exp(rng.normal(0, 0.45))),
        noise=float(rng.uniform(0.9, 1.6)),
        grey_per_neper=float(rng.uniform(16.3, 18.3)),
    )
