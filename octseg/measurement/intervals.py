"""95 % intervals of the measures of a frame, from how much they differ between variants of it.

An interval reaches factor * (spread + share * value + floor) to either side of the frame's own value. The spread is the
root mean square of the variants' distances from that value. The other three are the model's, fitted where the truth is
known so that 95 % of true values lie inside. Without them the factor is 1.96 and the others 0: the variants'
disagreement alone.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from octseg.classes import CLASS_NAMES
from octseg.measurement.frame import FrameMeasures

NO_INTERVAL = (
    "pixel_spacing_mm",
    "lipid_core_areas_px",
    "lipid_core_areas_mm2",
    "lipid_arcs_deg",
    "meets_tcfa_criteria",
    "tcfa_core",
    "lipid_cores",
    "warnings",
)
INTERVAL_MEASURES = tuple(field.name for field in fields(FrameMeasures) if field.name not in NO_INTERVAL)
AREAS = {
    name: of for name in INTERVAL_MEASURES for of in CLASS_NAMES if name.startswith((f"{of}_area", f"{of}_percent"))
}
FULL_TURN_DEG, NORMAL_FACTOR = 360.0, 1.96
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Width:
    """How wide the interval of one measure is; the floor has the measure's unit."""

    factor: float = NORMAL_FACTOR
    share: float = 0.0
    floor: float = 0.0

    def half(self, spread: float, value: float) -> float:
        """How far the interval reaches to either side."""
        return self.factor * (spread + self.share * abs(value) + self.floor)


def reading(measures: FrameMeasures, name: str, classes: Collection[str]) -> float | None:
    """One measure as it is compared: the area of a class that was looked for and not found is 0."""
    value: float | None = getattr(measures, name)
    has_unit = not name.endswith("_mm2") or measures.pixel_spacing_mm is not None
    return 0.0 if value is None and has_unit and AREAS.get(name) in classes else value


def find_spreads(
    measures: FrameMeasures, variants: Sequence[FrameMeasures], classes: Collection[str]
) -> dict[str, float | None]:
    """Of each of INTERVAL_MEASURES the spread over variants of the frame; None for what was not measured.

    classes: those that were looked for.
    """
    spreads = {}
    for name in INTERVAL_MEASURES:
        value, others = reading(measures, name, classes), [reading(each, name, classes) for each in variants]
        spreads[name] = None if value is None else _spread(value, others)
    return spreads


def find_intervals(
    measures: FrameMeasures,
    spreads: Mapping[str, float | None],
    classes: Collection[str],
    widths: Mapping[str, Width],
) -> dict[str, Interval | None]:
    """The 95 % interval of each of INTERVAL_MEASURES; None for what was not measured.

    spreads: from `find_spreads`. widths: the model's, by measure; what it lacks has no interval, but where it holds
        nothing at all `Width()` stands for each.
    """
    found: dict[str, Interval | None] = dict.fromkeys(INTERVAL_MEASURES)
    for name, spread in spreads.items():
        width, value = widths.get(name) if widths else Width(), reading(measures, name, classes)
        if width is not None and value is not None and spread is not None:
            half, (least, greatest) = width.half(spread, value), _range(name)
            found[name] = max(value - half, least), min(value + half, greatest)
    spacing_mm = measures.pixel_spacing_mm
    for name in INTERVAL_MEASURES:
        area_mm2 = found.get(f"{name.removesuffix('_px')}_mm2") if name.endswith("_px") else None
        if area_mm2 is not None and spacing_mm is not None:  # one area has one interval, whatever its unit
            found[name] = area_mm2[0] / spacing_mm**2, area_mm2[1] / spacing_mm**2
    return found


def as_wide_as_value(value: float | None, interval: Interval) -> bool:
    """Whether an interval reaches as far as its value is large, so that the value says little.

    value: None for the area of a class that was looked for and not found, which is compared as 0.
    """
    known, (low, high) = value or 0.0, interval
    half = max(known - low, high - known)
    return half > 0 and half >= abs(known)


def _spread(value: float, others: Sequence[float | None]) -> float:
    """Root mean square distance of those that have a value."""
    off = [(other - value) ** 2 for other in others if other is not None]
    return math.sqrt(sum(off) / len(off)) if off else 0.0


def _range(name: str) -> Interval:
    """What values a measure can have."""
    if "margin" in name:
        return -math.inf, math.inf
    endings = {"_deg": FULL_TURN_DEG, "_eccentricity": 1.0, "_percent_of_disc": 100.0}
    return 0.0, next((greatest for ending, greatest in endings.items() if name.endswith(ending)), math.inf)
