"""All measures of one frame, from its probability maps or masks: what `octseg.measure` returns.

Maps are (H, W) at the frame's own resolution. A field is None where it cannot be measured: its class was not looked
for or not found, there is no lumen to look from, or (every field in mm, mm2 or um) there is no scale. An arc and a
count are 0 where their class was looked for and is absent. docs/measures.md says what each means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.checks import check_given
from octseg.measurement.cores import CoreMeasures, Cores, bridged_arcs, find_cores
from octseg.measurement.depth import limit_depth, lipid_depth_px
from octseg.measurement.geometry import Tissue, find_tissue, piece_areas_px, smooth, without
from octseg.measurement.limits import NO_LUMEN_PLANE, lipid_warnings, lumen_warnings, reaches_edge
from octseg.measurement.lipid import Arc, min_depth_px, see_cores
from octseg.measurement.lumen import Lumen, chords_px, find_lumen
from octseg.measurement.units import Units

Fields = dict[str, Any]  # of FrameMeasures


@dataclass(frozen=True, kw_only=True)
class FrameMeasures:
    """Every number of one frame; the unit is the end of the name.

    lipid_core_*: of lipid within LIPID_DEPTH_MM of the lumen's outline; of all lipid where there is no lumen.
    lipid_core_areas_*: each connected piece's own area, largest first; () where none was found.
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
    check_given(maps, pixel_spacing_mm, thresholds or {}, {"disc": disc, "guide_wire_shadow": guide_wire_shadow})
    maps = {name: map_.astype(bool) if np.issubdtype(map_.dtype, np.integer) else map_ for name, map_ in maps.items()}
    size, units = next(iter(maps.values())).shape, Units(pixel_spacing_mm)
    catheter = _middle(disc) if catheter_centre is None else catheter_centre
    shadow = None if guide_wire_shadow is None else find_tissue(guide_wire_shadow, 0.5)
    least_px = min_depth_px(pixel_spacing_mm, min(size))

    tissues = {name: find_tissue(map_, (thresholds or {}).get(name, 0.5)) for name, map_ in maps.items()}
    lumen_found, lipid = tissues.get("lumen"), tissues.get("lipid_core")
    lumen = None if lumen_found is None else find_lumen(lumen_found)
    chords = None if lumen is None else chords_px(lumen)
    if lumen is not None and lipid is not None:
        lipid = limit_depth(lipid, lumen.surface, lipid_depth_px(pixel_spacing_mm, min(size)))
    cores = catheter_arcs = None
    if "lipid_core" in maps:
        surface = None if lipid is None else _outside(lipid, lumen)
        cores = None if lumen is None else find_cores(lipid, surface, lumen, least_px, shadow, units)
        catheter_arcs = None if catheter is None else _arcs_about(catheter, surface, least_px, shadow)

    warnings = []
    if "lumen" in maps:
        cut = lumen is not None and reaches_edge(lumen.filled, size, disc)
        warnings += lumen_warnings(lumen_found, lumen, cut, chords is None, catheter)
    if lipid is not None:
        warnings += [] if "lumen" in maps else [NO_LUMEN_PLANE]
        warnings += _lipid_warnings(cores, reaches_edge(lipid, size, disc), units)
    return FrameMeasures(
        pixel_spacing_mm=pixel_spacing_mm,
        **_lumen_fields(lumen, chords, units),
        **(_lipid_fields(lipid, disc, units) if "lipid_core" in maps else {}),
        **({} if cores is None else _core_fields(cores, units)),
        lipid_arc_catheter_deg=None if catheter_arcs is None else _total_deg(catheter_arcs),
        **_cap_fields(tissues.get("fibrous_cap"), cores, units),
        **(_vasa_vasorum_fields(tissues["vasa_vasorum"], units) if "vasa_vasorum" in maps else {}),
        warnings=tuple(warnings),
    )


def _lumen_fields(lumen: Lumen | None, chords: NDArray[np.float64] | None, units: Units) -> Fields:
    """chords: (180,) in pixels, None where the lumen has none."""
    if lumen is None:
        return {}
    equivalent_px = 2 * (lumen.area_px / np.pi) ** 0.5
    fields: Fields = {
        "lumen_area_px": lumen.area_px,
        "lumen_area_mm2": units.mm2(lumen.area_px),
        "lumen_diameter_equivalent_mm": units.mm(equivalent_px),
    }
    if chords is not None:
        shortest, longest, mean = float(chords.min()), float(chords.max()), float(chords.mean())
        fields |= {
            "lumen_diameter_min_mm": units.mm(shortest),
            "lumen_diameter_max_mm": units.mm(longest),
            "lumen_diameter_mean_mm": units.mm(mean),
            "lumen_eccentricity": 1 - shortest / longest,
        }
    return fields


def _lipid_fields(lipid: Tissue | None, disc: NDArray[np.bool_] | None, units: Units) -> Fields:
    """Of lipid core that was looked for, as far as it counts."""
    pieces_px = _pieces_px(lipid)
    area_px = sum(pieces_px) or None
    in_mm2 = None if units.pixel_spacing_mm is None else tuple(units.mm2(piece_px) for piece_px in pieces_px)
    return {
        "lipid_core_area_px": area_px,
        "lipid_core_area_mm2": units.mm2(area_px),
        "lipid_core_percent_of_disc": None if area_px is None or disc is None else float(100 * area_px / disc.sum()),
        "lipid_core_areas_px": pieces_px,
        "lipid_core_areas_mm2": in_mm2,
    }


def _core_fields(cores: Cores, units: Units) -> Fields:
    """Of lipid core that was looked for, seen from the lumen."""
    arcs_deg, criteria = tuple(float(arc.extent_deg) for arc in cores.arcs), cores.criteria
    return {
        "lipid_arc_deg": _total_deg(cores.arcs),
        "lipid_arc_widest_deg": max(arcs_deg, default=0.0),
        "lipid_arcs_deg": arcs_deg,
        "meets_tcfa_criteria": criteria.met,
        "tcfa_cap_margin_um": criteria.cap_margin_um,
        "tcfa_arc_margin_deg": criteria.arc_margin_deg,
        "tcfa_core": criteria.core,
        "lipid_cores": cores.measures(units),
    }


def _cap_fields(cap: Tissue | None, cores: Cores | None, units: Units) -> Fields:
    """The area of the cap's own plane, and its thickness, which is taken between lumen and lipid core."""
    area_px = sum(_pieces_px(cap)) or None
    fields: Fields = {"fibrous_cap_area_px": area_px, "fibrous_cap_area_mm2": units.mm2(area_px)}
    if cores is not None and cores.rays is not None:
        fields["fibrous_cap_absent_deg"] = cores.rays.touching_deg
    if cores is not None and cores.cap is not None:
        for way, thickness in zip(("", "_radial"), cores.cap, strict=True):
            fields[f"fibrous_cap_thickness{way}_min_um"] = thickness.min_um
            fields[f"fibrous_cap_thickness{way}_p5_um"] = thickness.p5_um
            fields[f"fibrous_cap_thickness{way}_mean_um"] = thickness.mean_um
    return fields


def _vasa_vasorum_fields(vessels: Tissue | None, units: Units) -> Fields:
    """Of vasa vasorum that were looked for."""
    pieces_px = _pieces_px(vessels)
    area_px = sum(pieces_px) or None
    return {
        "vasa_vasorum_area_px": area_px,
        "vasa_vasorum_area_mm2": units.mm2(area_px),
        "vasa_vasorum_count": len(pieces_px),
    }


def _lipid_warnings(cores: Cores | None, cut: bool, units: Units) -> list[str]:
    """cut: whether an edge cuts the lipid core."""
    if cores is None:
        return lipid_warnings(None, None, cut, no_thickness=False)
    no_thickness = cores.cap is None and units.pixel_spacing_mm is not None
    return lipid_warnings(cores.arcs, cores.rays, cut, no_thickness)


def _pieces_px(tissue: Tissue | None) -> tuple[float, ...]:
    """Area of each connected piece, largest first."""
    return () if tissue is None else tuple(piece_areas_px(tissue).tolist())


def _total_deg(arcs: Sequence[Arc]) -> float:
    return float(sum(arc.extent_deg for arc in arcs))


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


def _arcs_about(
    point: tuple[float, float], surface: Tissue | None, least_px: float, shadow: Tissue | None
) -> tuple[Arc, ...]:
    """Arcs of the smooth lipid core as seen from any point; none where there is no lipid core."""
    return () if surface is None else bridged_arcs(see_cores(surface.outline, point, least_px), point, least_px, shadow)
