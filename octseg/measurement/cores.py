"""The lipid cores of a frame one by one: a core is an arc about the lumen's centroid, with all lipid on its rays.

Points are (row, col) in pixels. Angles are degrees in [0, 360), 0 towards +col and growing towards +row, so clockwise
on screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.cap import CapRays, Thickness, cap_rays, thickness
from octseg.measurement.geometry import Outline, Tissue, smooth, twice_signed_area
from octseg.measurement.lipid import N_RAYS, Arc, SeenCores, find_arcs, rays_meeting, see_cores
from octseg.measurement.lumen import Lumen
from octseg.measurement.tcfa import Criteria, frame_criteria
from octseg.measurement.units import Units


@dataclass(frozen=True, kw_only=True)
class CoreMeasures:
    """Every number of one lipid core; the unit is the end of the name, None what cannot be measured.

    start_deg, arc_deg: its first ray from the lumen's centroid and how far it spans from there, clockwise.
    area_*: of all lipid on its rays; specks are no core's. Lipid too thin for an arc is the nearest core's.
    fibrous_cap_thickness_*: from the lumen to the nearest lipid, along this arc alone.
    meets_tcfa_criteria: this core spans over 90 degrees under a cap thinner than 65 um; `tcfa_*_margin_*` are its
        values minus these thresholds.
    """

    start_deg: float
    arc_deg: float
    area_px: float
    area_mm2: float | None = None
    fibrous_cap_thickness_min_um: float | None = None
    fibrous_cap_thickness_mean_um: float | None = None
    meets_tcfa_criteria: bool | None = None
    tcfa_cap_margin_um: float | None = None
    tcfa_arc_margin_deg: float


@dataclass(frozen=True)
class Cores:
    """Lipid core as seen from the lumen's centroid.

    arcs: of the cores, widest first. areas_px, caps: of each, a cap nearest-point and radial, None where there is none.
    cap: over all arcs. rays: None where no core spans an arc. outline: of the smooth cores.
    """

    arcs: tuple[Arc, ...] = ()
    areas_px: tuple[float, ...] = ()
    caps: tuple[tuple[Thickness, Thickness] | None, ...] = ()
    cap: tuple[Thickness, Thickness] | None = None
    rays: CapRays | None = None
    outline: Outline | None = None

    @property
    def criteria(self) -> Criteria:
        """Whether one of the cores meets those of a thin-cap fibroatheroma."""
        return frame_criteria([arc.extent_deg for arc in self.arcs], [_min_um(cap) for cap in self.caps])

    def measures(self, units: Units) -> tuple[CoreMeasures, ...]:
        """The table of the cores."""
        return tuple(_core(*each, units) for each in zip(self.arcs, self.areas_px, self.caps, strict=True))


def find_cores(
    lipid: Tissue | None,
    surface: Tissue | None,
    lumen: Lumen,
    depth_px: float,
    shadow: Tissue | None,
    units: Units,
) -> Cores:
    """Look at the lipid core, as found and as its smooth `surface` outside the lumen, from the lumen's centroid.

    depth_px: how long a ray must run in lipid to meet it. shadow: of the guide wire.
    """
    if lipid is None or surface is None:
        return Cores()
    seen = see_cores(surface.outline, lumen.centre, depth_px)
    arcs = bridged_arcs(seen, lumen.centre, depth_px, shadow)
    if not arcs:
        return Cores()
    rays = cap_rays(lumen.outline, seen.cores, lumen.centre, depth_px)
    each = [[arc] for arc in arcs] if len(arcs) > 1 else []
    cap, *caps = (_thickness(rays, chosen, units) for chosen in (arcs, *each))
    areas = core_areas_px(lipid, pieces_holding(lipid, surface, seen.is_core), arcs, lumen.centre)
    return Cores(arcs, tuple(areas), tuple(caps or [cap]), cap, rays, seen.cores)


def bridged_arcs(
    seen: SeenCores, centre: tuple[float, float], depth_px: float, shadow: Tissue | None
) -> tuple[Arc, ...]:
    """Arcs of the cores seen from `centre`, those on both sides of the guide wire's shadow joined."""
    shadowed = None if shadow is None else rays_meeting(smooth(shadow).outline, centre, depth_px)
    return find_arcs(seen.meets, shadowed)


def _thickness(rays: CapRays, arcs: Sequence[Arc], units: Units) -> tuple[Thickness, Thickness] | None:
    """Nearest-point and radial thickness over the arcs; None without a scale or without a cap."""
    return None if units.pixel_spacing_mm is None else thickness(rays, arcs, units.pixel_spacing_mm)


def _min_um(cap: tuple[Thickness, Thickness] | None) -> float | None:
    return None if cap is None else cap[0].min_um


def _core(arc: Arc, area_px: float, cap: tuple[Thickness, Thickness] | None, units: Units) -> CoreMeasures:
    criteria = frame_criteria([arc.extent_deg], [_min_um(cap)])
    return CoreMeasures(
        start_deg=float(arc.start_deg),
        arc_deg=float(arc.extent_deg),
        area_px=area_px,
        area_mm2=units.mm2(area_px),
        fibrous_cap_thickness_min_um=_min_um(cap),
        fibrous_cap_thickness_mean_um=cap[0].mean_um if cap else None,
        meets_tcfa_criteria=criteria.met,
        tcfa_cap_margin_um=criteria.cap_margin_um,
        tcfa_arc_margin_deg=criteria.arc_margin_deg,
    )


def core_areas_px(
    lipid: Tissue, is_core: NDArray[np.bool_], arcs: Sequence[Arc], centre: tuple[float, float]
) -> list[float]:
    """Area of the lipid of each arc: pixels of a mask, else the area inside the iso-contour.

    is_core: by number in `lipid.pieces`, which of its connected pieces are more than specks.
    """
    if lipid.is_mask and len(arcs) == 1:
        return [float(lipid.pieces[1][is_core[1:]].sum())]  # the same, at once
    if lipid.is_mask:
        points = np.argwhere(is_core[lipid.pieces[0]]).astype(np.float64) + lipid.corner
        areas = np.ones(len(points))
    else:  # of the triangles between the centre and the outline, negative where the lipid lies behind it
        outline = lipid.outline.part(is_core[lipid.outline.piece])
        points = (outline.start + outline.end) / 2
        areas = twice_signed_area(outline, centre) / 2
    row, col = (points - centre).T
    ray = np.rint(np.degrees(np.arctan2(row, col)) * N_RAYS / 360).astype(np.intp) % N_RAYS
    return [float(area) for area in np.bincount(_nearest_arc(arcs)[ray], areas, len(arcs))]


def pieces_holding(lipid: Tissue, surface: Tissue, is_core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By number in `lipid.pieces`, which hold a piece of its smooth `surface` that `is_core`."""
    labels, pixels = lipid.pieces
    if pixels.size == 1:
        return np.array([False, is_core.any()])
    holding = np.zeros(pixels.size + 1, bool)
    holding[labels[is_core[surface.pieces[0]]]] = True
    holding[0] = False
    return holding


def _nearest_arc(arcs: Sequence[Arc]) -> NDArray[np.intp]:
    """(N_RAYS,) which arc each ray lies in, or else is nearest to."""
    middle, half = np.array([(arc.start_deg + (arc.extent_deg - 1) / 2, arc.extent_deg / 2) for arc in arcs]).T
    turn = np.abs((np.arange(N_RAYS)[:, None] - middle + 180) % 360 - 180)
    return np.asarray(np.argmin(turn - half, axis=1), np.intp)
