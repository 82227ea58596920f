"""Which frames a reader should look at first, each with why: by what was saved of them, without the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from octseg.correction.numbers import Record
from octseg.correction.saved import SavedCase
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.view.drawn_over import OF_COLOURS

NEAR_CAP_UM, NEAR_ARC_DEG = 15.0, 10.0  # of a threshold: what two readers differ by
FLICKER_DEG = 45.0  # of arc, by which a frame differs from both of its neighbours
WIDE = 0.5  # of a value, that its interval is wide
SCALES, UNLIKE = "disagree", "unlike"  # what warnings of scales, and of frames that no training saw, say
Reason = tuple[float, str]  # how much, and why
INTERVALS = ("lumen_area_mm2", "lipid_core_area_mm2", "lipid_arc_deg", "fibrous_cap_thickness_min_um")


@dataclass(frozen=True)
class Doubt:
    """A frame by its stem, how much is in doubt, and what, a sentence each."""

    stem: str
    score: float
    why: tuple[str, ...]


def doubts(case: SavedCase) -> list[Doubt]:
    """Frames of which something is in doubt, the most doubtful first."""
    found, stems = [], list(case.stems)
    for place, stem in enumerate(stems):
        reasons = _reasons(case.record(stem))
        if flicker := _flicker(case, stems[max(0, place - 1) : place + 2]):
            reasons.append((2.0, flicker))
        if reasons:
            found.append(Doubt(stem, sum(score for score, _ in reasons), tuple(why for _, why in reasons)))
    return sorted(found, key=lambda each: -each.score)


def _reasons(record: Record) -> list[Reason]:
    if record["withdrawn"] is not None:
        return [(3.0, f"withdrawn: {record['withdrawn']}")]
    return [*_of_thresholds(record), *_of_intervals(record), *_of_warnings(record)]


def _of_thresholds(record: Record) -> list[Reason]:
    cap, arc = _number(record, "tcfa_cap_margin_um"), _number(record, "tcfa_arc_margin_deg")
    found = []
    if cap is not None and abs(cap) < NEAR_CAP_UM:
        found.append((2 - abs(cap) / NEAR_CAP_UM, f"the cap is {abs(cap):.0f} µm from the limit of {CAP_UM:.0f} µm"))
    if arc is not None and abs(arc) < NEAR_ARC_DEG:
        found.append((2 - abs(arc) / NEAR_ARC_DEG, f"the arc is {abs(arc):.0f}° from the limit of {ARC_DEG:.0f}°"))
    return found


def _of_intervals(record: Record) -> list[Reason]:
    intervals: Mapping[str, Any] = record.get("intervals_95") or {}
    wide = []
    for name in INTERVALS:
        value, ends = _number(record, name), intervals.get(name)
        if value and ends and (ends[1] - ends[0]) > WIDE * value:
            wide.append((ends[1] - ends[0]) / value)
    return [(min(2.0, max(wide)), "an interval is wide against its value")] if wide else []


def _of_warnings(record: Record) -> list[Reason]:
    return [(2.0, each) for each in record["warnings"] if SCALES in each or UNLIKE in each or each in OF_COLOURS]


def _flicker(case: SavedCase, stems: Sequence[str]) -> str:
    """What is said of the middle one of three frames where its arc is neither of its neighbours' in the vessel."""
    near, vessels = [case.record(stem) for stem in stems], {case.vessel(stem) for stem in stems}
    if len(near) < 3 or None in vessels or len(vessels) > 1 or any(each["withdrawn"] is not None for each in near):
        return ""
    if [each["frame"] - near[1]["frame"] for each in near] != [-1, 0, 1]:
        return ""
    before, here, after = (_number(each, "lipid_arc_deg") for each in near)
    if before is None or here is None or after is None:
        return ""
    off = np.array([here - before, here - after])
    if np.abs(off).min() < FLICKER_DEG or off[0] * off[1] < 0:
        return ""
    return f"the arc is {here:.0f}°, in the frames beside it {before:.0f}° and {after:.0f}°"


def _number(record: Record, name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
