"""What each tissue of a frame gives, as fields of FrameMeasures: a function a tissue, in pixels until `Units` adds mm.

Maps are (H, W) at the frame's own resolution, points (row, col) in pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.cores import Cores, bridged_arcs, find_cores
from octseg.measurement.depth import limit_depth, lipid_depth_px
from octseg.measurement.geometry import Tissue, find_tissue, piece_areas_px, smooth, without
from octseg.measurement.limits import depth_warnings, lipid_warnings, lumen_warnings, reaches_edge
from octseg.measurement.lipid import Arc, min_depth_px, see_cores
from octseg.measurement.lumen import Lumen, chords_px, find_lumen
from octseg.measurement.units import Units

Fields = dict[str, Any]  # of FrameMeasures


@dataclass(frozen=True, eq=False)
class Given:
    """One frame's tissues and what else is known of it.

    tissues: of each class that was looked for, None where none of it was found. size: (height, width). side_px: the
    frame's shorter side. catheter: (row, col), None where nothing tells it. shadow: of the guide wire.
    """

    tissues: Mapping[str, Tissue | None]
    size: tuple[int, int]
    side_px: float
    units: Units
    disc: NDArray[np.bool_] | None
    catheter: tuple[float, float] | None
    shadow: Tissue | None

    @property
    def least_px(self) -> float:
        """How long a ray must run in lipid to meet it."""
        return min_depth_px(self.units.pixel_spacing_mm, self.side_px)

    @property
    def lipid_depth_px(self) -> float:
        """How deep behind the lumen lipid counts."""
        return lipid_depth_px(self.units.pixel_spacing_mm, self.side_px)


@dataclass(frozen=True)
class OfTissue:
    """What is measured of one tissue, as fields of FrameMeasures, and what there is to say of it."""

    fields: Fields
    warnings: Sequence[str] = ()


def given_of(
    maps: Mapping[str, NDArray[np.generic]],
    pixel_spacing_mm: float | None,
    thresholds: Mapping[str, float],
    disc: NDArray[np.bool_] | None,
    catheter_centre: tuple[float, float] | None,
    guide_wire_shadow: NDArray[np.bool_] | None,
    frame_side_px: float | None = None,
) -> Given:
    """The tissues in maps (H, W) that were checked; see `measure`."""
    maps = {name: map_.astype(bool) if np.issubdtype(map_.dtype, np.integer) else map_ for name, map_ in maps.items()}
    height, width = next(iter(maps.values())).shape
    return Given(
        tissues={name: find_tissue(map_, thresholds.get(name, 0.5)) for name, map_ in maps.items()},
        size=(height, width),
        side_px=min(height, width) if frame_side_px is None else frame_side_px,
        units=Units(pixel_spacing_mm),
        disc=disc,
        catheter=_middle(disc) if catheter_centre is None else catheter_centre,
        shadow=None if guide_wire_shadow is None else find_tissue(guide_wire_shadow, 0.5),
    )


def measure_lumen(given: Given) -> tuple[Lumen | None, OfTissue]:
    """The lumen, from which lipid and cap are seen, and its measures."""
    if "lumen" not in given.tissues:
        return None, OfTissue({})
    found = given.tissues["lumen"]
    lumen = None if found is None else find_lumen(found)
    chords = None if lumen is None else chords_px(lumen)
    cut = lumen is not None and reaches_edge(lumen.filled, given.size, given.disc)
    warnings = lumen_warnings(found, lumen, cut, chords is None, given.catheter)
    return lumen, OfTissue(_lumen_fields(lumen, chords, given.units), warnings)


def measure_lipid(given: Given, lumen: Lumen | None) -> tuple[Cores | None, OfTissue]:
    """The cores as the lumen sees them, and the measures of lipid core as far as it counts."""
    if "lipid_core" not in given.tissues:
        return None, OfTissue({})
    lipid, units = given.tissues["lipid_core"], given.units
    if lumen is not None and lipid is not None:
        lipid = limit_depth(lipid, lumen.surface, given.lipid_depth_px)
    surface = None if lipid is None else _outside(lipid, lumen)
    cores = None if lumen is None else find_cores(lipid, surface, lumen, given.least_px, given.shadow, units)
    fields = _lipid_fields(lipid, given.disc, units) | _core_fields(cores, units)
    if given.catheter is not None:
        arcs = _arcs_about(given.catheter, surface, given.least_px, given.shadow)
        fields["lipid_arc_catheter_deg"] = _total_deg(arcs)
    if lipid is None:
        return cores, OfTissue(fields)
    of_depth = depth_warnings("lumen" in given.tissues, lumen is not None, units.pixel_spacing_mm)
    cut = reaches_edge(lipid, given.size, given.disc)
    return cores, OfTissue(fields, [*of_depth, *_lipid_warnings(cores, cut, units)])


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
    """Of lipid core that was looked for, as far as it counts; disc: (H, W)."""
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


def _core_fields(cores: Cores | None, units: Units) -> Fields:
    """Of lipid core that was looked for, seen from the lumen."""
    if cores is None:
        return {}
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


def cap_fields(cap: Tissue | None, cores: Cores | None, units: Units) -> Fields:
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


def vasa_vasorum_fields(given: Given) -> Fields:
    """Of vasa vasorum, where they were looked for."""
    if "vasa_vasorum" not in given.tissues:
        return {}
    pieces_px, units = _pieces_px(given.tissues["vasa_vasorum"]), given.units
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
