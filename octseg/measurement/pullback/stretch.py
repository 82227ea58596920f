"""All that is measured of a stretch of a pullback: the whole, a range of frames, or one plaque."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from octseg.measurement.clima import Clima
from octseg.measurement.intervals import Interval
from octseg.measurement.pullback.cap import CandidateRun, candidate_runs, in_order, thinnest_cap
from octseg.measurement.pullback.enface import map_percent, worst_window
from octseg.measurement.pullback.frames import Along
from octseg.measurement.pullback.lumen import reference, smallest, stenosis_percent, whole_lumens
from octseg.measurement.pullback.plaques import gap_frames, joined
from octseg.measurement.rays import REASONS
from octseg.measurement.tcfa import ARC_DEG

CARDIAC_MOTION_MM = 1.5  # axial, 1.50 +- 0.80 in 46 vessels (Arbab-Zadeh et al. 1999, Am Heart J 138:865)


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """Percent of a stretch's rays, 360 a frame, that could not be judged, and why.

    no_wall: blood, or an opening. withdrawn: of frames of which nothing is said, or that were not given.
    """

    percent: float
    guide_wire_percent: float
    no_wall_percent: float
    out_of_disc_percent: float
    withdrawn_percent: float

    @classmethod
    def of(cls, along: Along) -> "Unjudged":
        """Over all frames."""
        parts = {f"{reason}_percent": 100 * float((along.unjudged == n).mean()) for n, reason in enumerate(REASONS, 1)}
        return cls(percent=100 * float((~along.in_sight).mean()), **parts)


@dataclass(frozen=True, kw_only=True)
class StretchMeasures:
    """Every number of one stretch; the unit is the end of the name, None what cannot be measured.

    first_frame, last_frame: numbers, both included. *_frame, *_position_mm: where; positions from frame 1
        of the pullback on. withdrawn_frame_count: frames of which nothing is said, or that were not given.
    minimum_lumen_area_*: of lumens seen whole. lumen_area_reference_*: the largest within 10 mm of it.
    lipid_frame_count: frames in which lipid spans an arc. lipid_length_mm: frames with lipid, gaps of up to 1 mm
        joined; `_margin_` is what the heart moves a vessel along the catheter.
    lipid_volume_mm3: visible lipid, of the frames that were judged. lipid_arc_mean_deg: over frames with lipid.
    lipid_map_percent: of the rays that can be judged, those that meet lipid; `_index_4mm`: 1000 x that part in the
        worst 4 mm.
    fibrous_cap_thickness_min_um: smallest median over 100 um of arc and three frames in a row;
        `_frame_min_um` the smallest of any frame by itself.
    *_unjudged_percent: of the rays of those frames that decided.
    tcfa_candidates: None where cores are wide enough and the cap of none of them is known.
    clima: of a plaque. plaques: of the whole or a range, the longest first.
    intervals_95: measure -> (low, high), every frame taken at its low and at its high end; None without intervals.
    """

    first_frame: int
    last_frame: int
    frame_count: int
    withdrawn_frame_count: int
    length_mm: float | None = None
    minimum_lumen_area_px: float | None = None
    minimum_lumen_area_mm2: float | None = None
    minimum_lumen_area_frame: int | None = None
    minimum_lumen_area_position_mm: float | None = None
    minimum_lumen_area_unjudged_percent: float | None = None
    lumen_area_reference_mm2: float | None = None
    lumen_area_reference_frame: int | None = None
    lumen_area_stenosis_percent: float | None = None
    lipid_frame_count: int | None = None
    lipid_length_mm: float | None = None
    lipid_length_margin_mm: float | None = None
    lipid_volume_mm3: float | None = None
    lipid_arc_mean_deg: float | None = None
    lipid_arc_max_deg: float | None = None
    lipid_arc_max_frame: int | None = None
    lipid_index_mm_deg: float | None = None
    lipid_map_percent: float | None = None
    lipid_map_index_4mm: float | None = None
    lipid_map_index_4mm_first_frame: int | None = None
    lipid_map_index_4mm_last_frame: int | None = None
    lipid_map_index_4mm_unjudged_percent: float | None = None
    fibrous_cap_thickness_min_um: float | None = None
    fibrous_cap_thickness_min_frame: int | None = None
    fibrous_cap_thickness_min_position_mm: float | None = None
    fibrous_cap_thickness_min_direction_deg: int | None = None
    fibrous_cap_thickness_min_unjudged_percent: float | None = None
    fibrous_cap_thickness_frame_min_um: float | None = None
    fibrous_cap_absent_frame_count: int = 0
    tcfa_candidates: tuple[CandidateRun, ...] | None = None
    clima: Clima | None = None
    unjudged: Unjudged
    intervals_95: Mapping[str, Interval | None] | None = None
    plaques: tuple["StretchMeasures", ...] = ()


FIELDS = tuple(field.name for field in fields(StretchMeasures))


@dataclass(frozen=True, kw_only=True)
class RangeMeasures(StretchMeasures):
    """Those of a range of frames. warnings: what limits these numbers, one sentence each."""

    warnings: tuple[str, ...] = ()


Fields = dict[str, object]


def measure_stretch(along: Along, whole: Along, window_in: Along) -> Fields:
    """The fields of a stretch that are told by its frames alone.

    whole: all frames there are, for the reference. window_in: in which the worst 4 mm are looked for:
    the stretch itself, or of a plaque all frames with its own lipid alone.
    """
    return {
        "first_frame": along.first,
        "last_frame": along.last,
        "frame_count": len(along),
        "withdrawn_frame_count": int((~along.judged).sum()),
        "length_mm": None if along.spacing_mm is None else len(along) * along.spacing_mm,
        "unjudged": Unjudged.of(along),
        **lumen_fields(along, whole),
        **lipid_fields(along),
        **_map_fields(along, window_in),
        **cap_fields(along),
    }


def lumen_fields(along: Along, whole: Along) -> Fields:
    """Smallest lumen and stenosis."""
    scaled = bool(np.isfinite(along.lumen_mm2[along.judged]).all())
    areas = whole_lumens(along, along.lumen_mm2 if scaled else along.lumen_px)
    row = smallest(areas)
    if row is None:
        return {}
    found: Fields = {
        "minimum_lumen_area_px": float(along.lumen_px[row]),
        "minimum_lumen_area_mm2": float(areas[row]) if scaled else None,
        "minimum_lumen_area_frame": along.first + row,
        "minimum_lumen_area_position_mm": position_mm(along, row),
        "minimum_lumen_area_unjudged_percent": unseen_percent(along, row, row),
    }
    around = whole_lumens(whole, whole.lumen_mm2)
    if scaled and along.spacing_mm is not None:
        at = reference(around, along.first + row - whole.first, along.spacing_mm)
        found["lumen_area_reference_mm2"] = float(around[at])
        found["lumen_area_reference_frame"] = whole.first + at
        found["lumen_area_stenosis_percent"] = stenosis_percent(float(areas[row]), float(around[at]))
    return found


def lipid_fields(along: Along) -> Fields:
    """Length, volume, arcs and index of the lipid."""
    known = along.judged & np.isfinite(along.arc_deg)
    if not known.any():
        return {}
    present, dz = along.has_lipid, along.spacing_mm
    arcs = along.arc_deg[present]
    length = None if dz is None else float(joined(present, gap_frames(dz)).sum() * dz)
    mean = float(arcs.mean()) if arcs.size else 0.0
    areas = along.lipid_mm2[known]
    return {
        "lipid_frame_count": int(present.sum()),
        "lipid_length_mm": length,
        "lipid_length_margin_mm": None if length is None else CARDIAC_MOTION_MM,
        "lipid_volume_mm3": None if dz is None or not np.isfinite(areas).all() else float(areas.sum() * dz),
        "lipid_arc_mean_deg": mean,
        "lipid_arc_max_deg": float(arcs.max()) if arcs.size else 0.0,
        "lipid_arc_max_frame": along.first + int(np.nanargmax(along.arc_deg)) if arcs.size else None,
        "lipid_index_mm_deg": None if length is None else mean * length,
    }


def _map_fields(along: Along, window_in: Along) -> Fields:
    """Of the unrolled wall."""
    if not np.isfinite(along.arc_deg).any():
        return {}
    worst = worst_window(window_in)
    found: Fields = {"lipid_map_percent": map_percent(along)}
    if worst is not None:
        found["lipid_map_index_4mm"] = worst.index
        found["lipid_map_index_4mm_first_frame"] = window_in.first + worst.first
        found["lipid_map_index_4mm_last_frame"] = window_in.first + worst.last
        found["lipid_map_index_4mm_unjudged_percent"] = unseen_percent(window_in, worst.first, worst.last)
    return found


def cap_fields(along: Along) -> Fields:
    """The thinnest cap, over three frames and of any one."""
    of_frames = [core.fibrous_cap_thickness_min_um for cores in along.cores for core in cores]
    known = [cap for cap in of_frames if cap is not None]
    found: Fields = {
        "fibrous_cap_thickness_frame_min_um": min(known, default=None),
        "fibrous_cap_absent_frame_count": int((along.cap_absent & along.has_lipid).sum()),
    }
    thinnest = thinnest_cap(along)
    if thinnest is not None:
        row = thinnest.row
        found["fibrous_cap_thickness_min_um"] = thinnest.um
        found["fibrous_cap_thickness_min_frame"] = along.first + row
        found["fibrous_cap_thickness_min_position_mm"] = position_mm(along, row)
        found["fibrous_cap_thickness_min_direction_deg"] = thinnest.ray
        found["fibrous_cap_thickness_min_unjudged_percent"] = unseen_percent(along, row - 1, row + 1)
    return found


def candidates(along: Along, plaques: Sequence[Along]) -> tuple[CandidateRun, ...] | None:
    """Of all plaques of a stretch, along the vessel; None where no frame's criteria could be judged."""
    wide = [core for plaque in plaques for cores in plaque.cores for core in cores if core.arc_deg > ARC_DEG]
    unknown = bool(wide) and all(core.meets_tcfa_criteria is None for core in wide)
    if unknown or not np.isfinite(along.arc_deg[along.judged]).any():
        return None
    return in_order([run for plaque in plaques for run in candidate_runs(plaque)])


def position_mm(along: Along, row: int) -> float | None:
    """Where a row of a stretch lies, from frame 1 of the pullback on, whether that was given or not."""
    return None if along.spacing_mm is None else (along.first + row - 1) * along.spacing_mm


def unseen_percent(along: Along, first: int, last: int) -> float:
    """Of the rays of these rows that could not be judged."""
    return 100 * float((~along.in_sight[first : last + 1]).mean())
