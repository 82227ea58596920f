"""All measures of one frame, from its probability maps or masks: what `octseg.measure` returns.

Maps are (H, W) at the frame's own resolution. A field is None where it cannot be measured: its class was not looked
for or not found, there is no lumen to look from, or (every field in mm, mm2 or um) there is no scale. An arc and a
count are 0 where their class was looked for and is absent. docs/measures.md says what each means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.cap import CapRays, Thickness, cap_rays, thickness
from octseg.measurement.checks import check_maps, check_pixel_spacing, check_same_frame, check_thresholds
from octseg.measurement.cores import CoreMeasures, core_areas_px, pieces_holding
from octseg.measurement.depth import limit_depth, lipid_depth_px
from octseg.measurement.geometry import Outline, Tissue, find_tissue, piece_areas_px, smooth, without
from octseg.measurement.limits import NO_LUMEN_PLANE, lipid_warnings, lumen_warnings, reaches_edge
from octseg.measurement.lipid import Arc, SeenCores, find_arcs, min_depth_px, rays_meeting, see_cores
from octseg.measurement.lumen import Lumen, chords_px, find_lumen
from octseg.measurement.tcfa import frame_criteria


@dataclass(frozen=True, kw_only=True)
class FrameMeasures:
    """Every number of one frame; the unit is the end of the name.

    lipid_core_areas_*: each core's own area, largest first; () where none was found.
    lipid_arc_deg: about the lumen's centroid, summed over cores; `_widest_` is the widest core, `lipid_arcs_deg` each,
        widest first. lipid_arc_catheter_deg: the same sum seen from the catheter.
    fibrous_cap_thickness_*: from the lumen to the nearest lipid core; `_radial_`: along the ray from the centroid.
    fibrous_cap_absent_deg: part of the arc where lipid core reaches the lumen, which has no thickness.
    meets_tcfa_criteria: one core spans over 90 degrees under a cap thinner than 65 um in this frame.
    tcfa_*_margin_*: that core's value minus the threshold; a cap margin below 0 and an arc margin above 0 meet them.
    tcfa_core: which of `lipid_cores` that is, from 0.
    lipid_cores: each core by itself, widest arc first; () where none spans an arc. Their arcs add up to
        `lipid_arc_deg`, their areas to `lipid_core_area_*` less specks.
    warnings: what limits these numbers, one sentence each.
    """

    pixel_spacing_mm: float | None = None
    lumen_area_px: float | None = None
    lumen_area_mm2: float | None = None
    lumen_diameter_min_mm: float | None = None
    lumen_diameter_max_mm: float | None = None
    lumen_diameter_mean_mm: float | None = None
    lumen_diameter_equivalent_mm: float | None = None
    lumen_eccentricity: float | None = None
    lipid_core_area_px: float | None = None
    lipid_core_area_mm2: float | None = None
    lipid_core_percent_of_disc: float | None = None
    lipid_core_areas_px: tuple[float, ...] | None = None
    lipid_core_areas_mm2: tuple[float, ...] | None = None
    lipid_arc_deg: float | None = None
    lipid_arc_widest_deg: float | None = None
    lipid_arcs_deg: tuple[float, ...] | None = None
    lipid_arc_catheter_deg: float | None = None
    fibrous_cap_area_px: float | None = None
    fibrous_cap_area_mm2: float | None = None
    fibrous_cap_thickness_min_um: float | None = None
    fibrous_cap_thickness_p5_um: float | None = None
    fibrous_cap_thickness_mean_um: float | None = None
    fibrous_cap_thickness_radial_min_um: float | None = None
    fibrous_cap_thickness_radial_p5_um: float | None = None
    fibrous_cap_thickness_radial_mean_um: float | None = None
    fibrous_cap_absent_deg: float | None = None
    vasa_vasorum_area_px: float | None = None
    vasa_vasorum_area_mm2: float | None = None
    vasa_vasorum_count: int | None = None
    meets_tcfa_criteria: bool | None = None
    tcfa_cap_margin_um: float | None = None
    tcfa_arc_margin_deg: float | None = None
    tcfa_core: int | None = None
    lipid_cores: tuple[CoreMeasures, ...] | None = None
    warnings: tuple[str, ...] = ()


def measure(
    maps: Mapping[str, NDArray[np.generic]],
    pixel_spacing_mm: float | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
    disc: NDArray[np.bool_] | None = None,
    catheter_centre: tuple[float, float] | None = None,
    guide_wire_shadow: NDArray[np.bool_] | None = None,
) -> FrameMeasures:
    """Measure one frame.

    Args:
        maps: class name (octseg/classes.py) to its (H, W) map: bool or whole numbers 0 and 1, or probability in [0, 1]
            as float.
        pixel_spacing_mm: mm per pixel, the same along rows and columns; None gives pixels and degrees only.
        thresholds: probability at which a class begins; 0.5 for a class not named.
        disc: (H, W), True where the frame is imaged; None leaves `lipid_core_percent_of_disc` None.
        catheter_centre: (row, col) in pixels; None takes the middle of `disc`, about which a display is drawn.
        guide_wire_shadow: (H, W), True in the shadow; lipid core on both sides of it is taken to go on behind it.

    Raises:
        ValueError: maps that are no such maps.
        MeasurementError: a pixel spacing that no OCT frame has.
    """
    check_maps(maps)
    maps = {name: map_.astype(bool) if np.issubdtype(map_.dtype, np.integer) else map_ for name, map_ in maps.items()}
    size = next(iter(maps.values())).shape
    check_same_frame("disc", disc, size)
    check_same_frame("guide_wire_shadow", guide_wire_shadow, size)
    check_thresholds(thresholds or {})
    check_pixel_spacing(pixel_spacing_mm)

    tissues = {name: find_tissue(map_, (thresholds or {}).get(name, 0.5)) for name, map_ in maps.items()}
    lumen_found, lipid_found = tissues.get("lumen"), tissues.get("lipid_core")
    lumen = None if lumen_found is None else find_lumen(lumen_found)
    if lumen is not None and lipid_found is not None:
        lipid_found = limit_depth(lipid_found, lumen.surface, lipid_depth_px(pixel_spacing_mm, min(size)))
        tissues["lipid_core"] = lipid_found
    pieces_px = {name: _pieces_px(tissue) for name, tissue in tissues.items()}
    areas_px = {name: sum(pieces) or None for name, pieces in pieces_px.items()}
    chords = None if lumen is None else chords_px(lumen)
    surface = None if lipid_found is None else _outside(lipid_found, lumen)
    lipid = None if surface is None else surface.outline
    shadow = None if guide_wire_shadow is None else find_tissue(guide_wire_shadow, 0.5)
    catheter = _middle(disc) if catheter_centre is None else catheter_centre
    depth_px = min_depth_px(pixel_spacing_mm, min(size))

    arcs = catheter_arcs = rays = cap = criteria = None
    cores: tuple[CoreMeasures, ...] | None = None
    if "lipid_core" in maps and catheter is not None:
        catheter_arcs = _arcs(_see(lipid, catheter, depth_px), catheter, depth_px, shadow)
    if "lipid_core" in maps and lumen is not None:
        seen = _see(lipid, lumen.centre, depth_px)
        arcs = _arcs(seen, lumen.centre, depth_px, shadow)
        rays = None if seen is None or not arcs else cap_rays(lumen.outline, seen.cores, lumen.centre, depth_px)
        cap = _thickness(rays, arcs, pixel_spacing_mm)
        caps = [cap] if len(arcs) == 1 else [_thickness(rays, [arc], pixel_spacing_mm) for arc in arcs]
        criteria = frame_criteria([arc.extent_deg for arc in arcs], [of[0].min_um if of else None for of in caps])
        cores = ()
        if lipid_found is not None and surface is not None and seen is not None and arcs:
            is_core = pieces_holding(lipid_found, surface, seen.is_core)
            areas = core_areas_px(lipid_found, is_core, arcs, lumen.centre)
            cores = tuple(
                _core(*each, pixel_spacing_mm) for each in zip(arcs, areas, [of and of[0] for of in caps], strict=True)
            )

    warnings = []
    if "lumen" in maps:
        cut = lumen is not None and reaches_edge(lumen.filled, size, disc)
        warnings += lumen_warnings(lumen_found, lumen, cut, chords is None, catheter)
    elif lipid_found is not None:
        warnings.append(NO_LUMEN_PLANE)
    if lipid_found is not None:
        no_thickness = cap is None and pixel_spacing_mm is not None
        warnings += lipid_warnings(arcs, rays, reaches_edge(lipid_found, size, disc), no_thickness)

    def mm(length_px: float | None) -> float | None:
        return None if length_px is None or pixel_spacing_mm is None else float(length_px) * pixel_spacing_mm

    def mm2(area_px: float | None) -> float | None:
        return None if area_px is None or pixel_spacing_mm is None else area_px * pixel_spacing_mm**2

    lumen_area_px = None if lumen is None else lumen.area_px
    lipid_area_px, lipid_areas_px = areas_px.get("lipid_core"), pieces_px.get("lipid_core")
    nearest, radial = cap or (None, None)
    return FrameMeasures(
        pixel_spacing_mm=pixel_spacing_mm,
        lumen_area_px=lumen_area_px,
        lumen_area_mm2=mm2(lumen_area_px),
        lumen_diameter_min_mm=None if chords is None else mm(chords.min()),
        lumen_diameter_max_mm=None if chords is None else mm(chords.max()),
        lumen_diameter_mean_mm=None if chords is None else mm(chords.mean()),
        lumen_diameter_equivalent_mm=None if lumen_area_px is None else mm(2 * (lumen_area_px / np.pi) ** 0.5),
        lumen_eccentricity=None if chords is None else float(1 - chords.min() / chords.max()),
        lipid_core_area_px=lipid_area_px,
        lipid_core_area_mm2=mm2(lipid_area_px),
        lipid_core_percent_of_disc=_percent_of(disc, lipid_area_px),
        lipid_core_areas_px=lipid_areas_px,
        lipid_core_areas_mm2=_areas_mm2(lipid_areas_px, pixel_spacing_mm),
        lipid_arc_deg=_total_deg(arcs),
        lipid_arc_widest_deg=None if arcs is None else max((float(arc.extent_deg) for arc in arcs), default=0.0),
        lipid_arcs_deg=None if arcs is None else tuple(float(arc.extent_deg) for arc in arcs),
        lipid_arc_catheter_deg=_total_deg(catheter_arcs),
        fibrous_cap_area_px=areas_px.get("fibrous_cap"),
        fibrous_cap_area_mm2=mm2(areas_px.get("fibrous_cap")),
        fibrous_cap_thickness_min_um=nearest.min_um if nearest else None,
        fibrous_cap_thickness_p5_um=nearest.p5_um if nearest else None,
        fibrous_cap_thickness_mean_um=nearest.mean_um if nearest else None,
        fibrous_cap_thickness_radial_min_um=radial.min_um if radial else None,
        fibrous_cap_thickness_radial_p5_um=radial.p5_um if radial else None,
        fibrous_cap_thickness_radial_mean_um=radial.mean_um if radial else None,
        fibrous_cap_absent_deg=rays.touching_deg if rays else None,
        vasa_vasorum_area_px=areas_px.get("vasa_vasorum"),
        vasa_vasorum_area_mm2=mm2(areas_px.get("vasa_vasorum")),
        vasa_vasorum_count=len(pieces_px["vasa_vasorum"]) if "vasa_vasorum" in maps else None,
        meets_tcfa_criteria=criteria.met if criteria else None,
        tcfa_cap_margin_um=criteria.cap_margin_um if criteria else None,
        tcfa_arc_margin_deg=criteria.arc_margin_deg if criteria else None,
        tcfa_core=criteria.core if criteria else None,
        lipid_cores=cores,
        warnings=tuple(warnings),
    )


def _core(arc: Arc, area_px: float, cap: Thickness | None, pixel_spacing_mm: float | None) -> CoreMeasures:
    criteria = frame_criteria([arc.extent_deg], [cap.min_um if cap else None])
    return CoreMeasures(
        start_deg=float(arc.start_deg),
        arc_deg=float(arc.extent_deg),
        area_px=area_px,
        area_mm2=None if pixel_spacing_mm is None else area_px * pixel_spacing_mm**2,
        fibrous_cap_thickness_min_um=cap.min_um if cap else None,
        fibrous_cap_thickness_mean_um=cap.mean_um if cap else None,
        meets_tcfa_criteria=criteria.met,
        tcfa_cap_margin_um=criteria.cap_margin_um,
        tcfa_arc_margin_deg=criteria.arc_margin_deg,
    )


def _pieces_px(tissue: Tissue | None) -> tuple[float, ...]:
    """Area of each connected piece, largest first."""
    return () if tissue is None else tuple(piece_areas_px(tissue).tolist())


def _areas_mm2(areas_px: tuple[float, ...] | None, pixel_spacing_mm: float | None) -> tuple[float, ...] | None:
    if areas_px is None or pixel_spacing_mm is None:
        return None
    return tuple(area_px * pixel_spacing_mm**2 for area_px in areas_px)


def _total_deg(arcs: Sequence[Arc] | None) -> float | None:
    return None if arcs is None else float(sum(arc.extent_deg for arc in arcs))


def _middle(disc: NDArray[np.bool_] | None) -> tuple[float, float] | None:
    """Middle of the disc's bounding box, (row, col) in pixels."""
    if disc is None:
        return None
    rows, cols = np.flatnonzero(disc.any(axis=1)), np.flatnonzero(disc.any(axis=0))
    return float(rows[0] + rows[-1]) / 2, float(cols[0] + cols[-1]) / 2


def _outside(lipid: Tissue, lumen: Lumen | None) -> Tissue:
    """The smooth lipid core outside the lumen: the planes are independent and overlap a little."""
    surface = smooth(lipid)
    return surface if lumen is None else without(surface, lumen.surface)


def _see(lipid: Outline | None, centre: tuple[float, float], depth_px: float) -> SeenCores | None:
    return None if lipid is None else see_cores(lipid, centre, depth_px)


def _arcs(
    seen: SeenCores | None, centre: tuple[float, float], depth_px: float, shadow: Tissue | None
) -> tuple[Arc, ...]:
    """Arcs of lipid core about `centre`; none where there is no lipid core."""
    if seen is None:
        return ()
    shadowed = None if shadow is None else rays_meeting(smooth(shadow).outline, centre, depth_px)
    return find_arcs(seen.meets, shadowed)


def _thickness(
    rays: CapRays | None, arcs: Sequence[Arc], pixel_spacing_mm: float | None
) -> tuple[Thickness, Thickness] | None:
    """Nearest-point and radial thickness over the arcs; None without a scale or without a cap."""
    return None if rays is None or pixel_spacing_mm is None else thickness(rays, arcs, pixel_spacing_mm)


def _percent_of(disc: NDArray[np.bool_] | None, area_px: float | None) -> float | None:
    return None if area_px is None or disc is None else float(100 * area_px / disc.sum())
