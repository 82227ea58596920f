"""All measures of one frame, from its probability maps or masks: what `octseg.measure` returns.

Maps are (H, W) at the frame's own resolution. A field is None where it cannot be measured: its class was not looked
for or not found, there is no lumen to look from, or (every field in mm, mm2 or um) there is no scale. An arc and a
count are 0 where their class was looked for and is absent. docs/measures.md says what each means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.measurement.checks import check_centre, check_given, check_pixel_spacing, check_side
from octseg.measurement.cores import CoreMeasures
from octseg.measurement.depth import length_px
from octseg.measurement.geometry import find_tissue_in
from octseg.measurement.judging import DEEP_MM, Sight, cut_deg, open_deg, unjudged_rays
from octseg.measurement.limits import cut_warnings, open_warnings
from octseg.measurement.places import FramePlaces, frame_places
from octseg.measurement.rays import FrameRays, frame_rays
from octseg.measurement.tissues import Given, cap_fields, given_of, measure_lipid, measure_lumen, vasa_vasorum_fields
from octseg.measurement.units import Units
from octseg.values import spacing_mm

if TYPE_CHECKING:  # it loads torch, which a measure needs not
    from octseg.view.preprocessing import FrameView

FIELDS_MM = (10.5, 5.0)  # that consoles show


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


class Measured(NamedTuple):
    """Of one frame: its numbers, what its rays meet and where it was measured; both None without a lumen."""

    measures: FrameMeasures
    rays: FrameRays | None
    places: FramePlaces | None


def measure(
    maps: Mapping[str, NDArray[np.generic]],
    pixel_spacing_mm: float | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
    disc: NDArray[np.bool_] | None = None,
    catheter_centre: tuple[float, float] | None = None,
    guide_wire_shadow: NDArray[np.bool_] | None = None,
    frame_side_px: float | None = None,
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
        frame_side_px: the frame's shorter side where maps are of a part of it; without a scale lengths follow it.

    Raises:
        ValueError: maps that are no such maps.
        MeasurementError: a pixel spacing that no OCT frame has.
    """
    spacing = spacing_mm(pixel_spacing_mm, "pixel_spacing_mm")
    thresholds = {} if thresholds is None else thresholds
    check_given(maps, spacing, thresholds, {"disc": disc, "guide_wire_shadow": guide_wire_shadow})
    check_centre(catheter_centre)
    check_side(frame_side_px)
    given = given_of(maps, spacing, thresholds, disc, catheter_centre, guide_wire_shadow, frame_side_px)
    return _measured(given, None).measures


def measure_seen(
    planes: Mapping[str, BoxedMap],
    pixel_spacing_mm: float | None,
    view: "FrameView",
    *,
    disc: NDArray[np.bool_] | None,
    frame_side_px: float,
) -> Measured:
    """Measure outlines of this program's own, tissue where 0.5 and more, as `measure` does; and their rays and places.

    view: of the frame, by which it is judged what of each ray can be seen; planes and `disc` (H, W) are over it.
    """
    check_pixel_spacing(pixel_spacing_mm)
    given = Given(
        tissues={name: find_tissue_in(plane, 0.5) for name, plane in planes.items()},
        size=next(iter(planes.values())).shape,
        side_px=frame_side_px,
        units=Units(pixel_spacing_mm),
        disc=disc,
        catheter=view.catheter_centre,
        shadow=None,
    )
    rim = None if view.disc is None else view.disc.radius_px
    mm = _mm_of_sight(pixel_spacing_mm, view.mm_by_catheter_px, given.side_px)
    shown = view.circle.shown(*view.grey.shape)
    return _measured(given, Sight(view.grey, view.catheter_centre, view.circle.centre, rim, mm, shown))


def _mm_of_sight(pixel_spacing_mm: float | None, by_catheter_px: float | None, side_px: float) -> float:
    """Pixels to a mm, for what of a frame can be seen; without a scale by its catheter, as far as consoles zoom."""
    if pixel_spacing_mm is not None or by_catheter_px is None:
        return length_px(1.0, pixel_spacing_mm, side_px)
    least, most = (side_px / field_mm for field_mm in FIELDS_MM)
    return min(max(by_catheter_px, least), most)


def _measured(given: Given, sight: Sight | None) -> Measured:
    """The measures of one frame's tissues, its rays and places; without a sight of the frame all rays can be judged."""
    lumen, of_lumen = measure_lumen(given)
    cores, of_lipid = measure_lipid(given, lumen)
    of_cap = cap_fields(given.tissues.get("fibrous_cap"), cores, given.units)
    of_vessels = vasa_vasorum_fields(given)
    measures = FrameMeasures(
        pixel_spacing_mm=given.units.pixel_spacing_mm,
        **of_lumen.fields,
        **of_lipid.fields,
        **of_cap,
        **of_vessels,
        warnings=(*of_lumen.warnings, *of_lipid.warnings),
    )
    if lumen is None:
        return Measured(measures, None, None)
    unjudged = None
    if sight is not None:
        unjudged = unjudged_rays(sight, lumen.centre, lumen.wall_px)
        cut = cut_warnings(cut_deg(sight, lumen.centre, lumen.wall_px), DEEP_MM)
        measures = replace(measures, warnings=(*measures.warnings, *open_warnings(open_deg(unjudged)), *cut))
    rays = frame_rays(cores, lumen.wall_px, unjudged, given.units.pixel_spacing_mm)
    return Measured(measures, rays, frame_places(lumen, cores))


def of_whole_frame(measures: FrameMeasures, factor: int) -> FrameMeasures:
    """Measures of a frame seen smaller, `factor` of its pixels to one along either side, in the frame's own pixels."""
    if factor == 1:
        return measures
    areas: dict[str, Any] = {
        field.name: _times(getattr(measures, field.name), factor**2)
        for field in fields(measures)
        if field.name.endswith(("_area_px", "_areas_px"))
    }
    cores, spacing_mm = measures.lipid_cores, measures.pixel_spacing_mm
    return replace(
        measures,
        **areas,
        pixel_spacing_mm=None if spacing_mm is None else spacing_mm / factor,
        lipid_cores=None if cores is None else tuple(replace(c, area_px=c.area_px * factor**2) for c in cores),
    )


def _times(area_px: float | tuple[float, ...] | None, factor: int) -> float | tuple[float, ...] | None:
    """An area, or several, or none, so many times."""
    if area_px is None:
        return None
    return tuple(each * factor for each in area_px) if isinstance(area_px, tuple) else area_px * factor
