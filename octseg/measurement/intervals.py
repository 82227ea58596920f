"""95 % intervals of the measures of a frame, from signs of how sure its outlines are.

The signs of a measure, in its own unit: how far variants of the frame spread from its value, and how far it drops and
rises when every probability is taken to be lower and higher. An interval reaches

    spread * (spread over variants) + share * value + shift * (drop below, rise above) + floor

below and above the value. The four coefficients of each end are the model's, fitted where the truth is known so that
95 % of true values lie inside; where nothing was found (an area or arc of 0) there is one end, with coefficients of its
own. Without any an interval reaches 1.96 times the variants' spread: their disagreement alone.

An area has one interval, whatever its unit: that in mm2, in pixels and percent of the disc too. Without a scale it is
that of a frame which shows FIELD_MM, as all lengths are then (octseg/measurement/depth.py). Nor has a margin one of its
own where it is that of the frame's thinnest cap or widest arc: it is that measure's, less the threshold.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from typing_extensions import Self

from octseg.classes import CLASS_NAMES
from octseg.measurement.depth import length_px
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.tcfa import ARC_DEG, CAP_UM

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
MARGINS = {
    "tcfa_cap_margin_um": ("fibrous_cap_thickness_min_um", CAP_UM),
    "tcfa_arc_margin_deg": ("lipid_arc_widest_deg", ARC_DEG),
}
FULL_TURN_DEG, NORMAL_FACTOR = 360.0, 1.96
SAME = 1e-6  # um or degrees
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Of the frame that was measured: its shorter side, and the imaged disc's area, None where no disc was found."""

    side_px: float
    disc_px: float | None = None

    def pixel_mm2(self, pixel_spacing_mm: float | None) -> float:
        """The area of a pixel; without a scale that of a frame whose shorter side shows FIELD_MM."""
        return 1.0 / length_px(1.0, pixel_spacing_mm, self.side_px) ** 2


@dataclass(frozen=True)
class Signs:
    """Of one measure of one frame, each at least 0 and in the measure's unit.

    spread: root mean square distance of the variants. drop, rise: to the least and the greatest at shifted probability.
    """

    spread: float
    drop: float = 0.0
    rise: float = 0.0

    def times(self, factor: float) -> Self:
        """In a unit of which there are `factor` to the present one."""
        return type(self)(self.spread * factor, self.drop * factor, self.rise * factor)


@dataclass(frozen=True)
class Reach:
    """How far one end lies from the value; the floor has the measure's unit."""

    spread: float = 0.0
    share: float = 0.0
    shift: float = 0.0
    floor: float = 0.0

    def of(self, spread: float, value: float, shifted: float) -> float:
        """The distance; `shifted` is the drop for a lower end, the rise for an upper one."""
        return self.spread * spread + self.share * abs(value) + self.shift * shifted + self.floor


@dataclass(frozen=True, kw_only=True)
class Width:
    """The two ends of one measure's intervals, and the upper end where the value is 0."""

    low: Reach = Reach(spread=NORMAL_FACTOR)
    high: Reach = Reach(spread=NORMAL_FACTOR)
    none: Reach = Reach(spread=NORMAL_FACTOR)

    @classmethod
    def symmetrical(cls, factor: float, share: float, floor: float) -> Self:
        """factor * (spread + share * value + floor) to either side."""
        reach = Reach(spread=factor, share=factor * share, floor=factor * floor)
        return cls(low=reach, high=reach, none=reach)

    def interval(self, value: float, signs: Signs) -> Interval:
        """Low and high; never with the value outside."""
        high = (self.high if value else self.none).of(signs.spread, value, signs.rise)
        return value - self.low.of(signs.spread, value, signs.drop), value + high


def reading(measures: FrameMeasures, name: str, classes: Collection[str]) -> float | None:
    """One measure as it is compared: the area of a class that was looked for and not found is 0."""
    value: float | None = getattr(measures, name)
    has_unit = not name.endswith("_mm2") or measures.pixel_spacing_mm is not None
    return 0.0 if value is None and has_unit and AREAS.get(name) in classes else value


def find_signs(
    measures: FrameMeasures,
    variants: Sequence[FrameMeasures],
    shifted: Sequence[FrameMeasures],
    classes: Collection[str],
) -> dict[str, Signs | None]:
    """The signs of each of INTERVAL_MEASURES; None for what was not measured.

    variants: of the frame. shifted: its own measures at lower and at higher probability. classes: those that were
        looked for.
    """
    signs: dict[str, Signs | None] = {}
    for name in INTERVAL_MEASURES:
        value = reading(measures, name, classes)
        signs[name] = None
        if value is not None:
            others, at_shift = ([reading(each, name, classes) for each in held] for held in (variants, shifted))
            off = [each - value for each in at_shift if each is not None]
            signs[name] = Signs(_spread(value, others), max(0.0, *(-each for each in off), 0.0), max(0.0, *off, 0.0))
    return signs


def find_intervals(
    measures: FrameMeasures,
    signs: Mapping[str, Signs | None],
    classes: Collection[str],
    widths: Mapping[str, Width],
    extent: Extent,
) -> dict[str, Interval | None]:
    """The 95 % interval of each of INTERVAL_MEASURES; None for what was not measured.

    signs: from `find_signs`. widths: the model's, by measure; what it lacks has no interval, but where it holds nothing
        at all `Width()` stands for each. Of areas those in mm2 count.
    """
    found: dict[str, Interval | None] = dict.fromkeys(INTERVAL_MEASURES)
    for name, of_measure in signs.items():
        width, value = widths.get(name) if widths else Width(), reading(measures, name, classes)
        if name not in AREAS and width is not None and value is not None and of_measure is not None:
            found[name] = _within(width.interval(value, of_measure), _range(name))
    for of in CLASS_NAMES:
        width, of_area = widths.get(f"{of}_area_mm2") if widths else Width(), signs.get(f"{of}_area_px")
        if width is not None and of_area is not None:
            ends = _areas(of, reading(measures, f"{of}_area_px", classes) or 0.0, of_area, width, measures, extent)
            for name, (low, high) in ends.items():  # from one unit to another a last bit may be lost
                value = reading(measures, name, classes) or 0.0
                found[name] = min(low, value), max(high, value)
    return found | _margins(measures, found)


def _margins(measures: FrameMeasures, found: Mapping[str, Interval | None]) -> dict[str, Interval]:
    """Those of margins whose measure is of the judged core, as its value tells."""
    given: dict[str, Interval] = {}
    for name, (of, threshold) in MARGINS.items():
        margin, value, ends = getattr(measures, name), getattr(measures, of), found[of]
        if ends is not None and margin is not None and math.isclose(margin, value - threshold, abs_tol=SAME):
            given[name] = min(ends[0] - threshold, margin), max(ends[1] - threshold, margin)
    return given


def _areas(
    of: str, value_px: float, signs_px: Signs, width: Width, measures: FrameMeasures, extent: Extent
) -> dict[str, Interval]:
    """The interval of a class's area in each unit that there is; none reaches beyond the imaged disc."""
    mm2 = extent.pixel_mm2(measures.pixel_spacing_mm)
    greatest = math.inf if extent.disc_px is None else extent.disc_px * mm2
    low, high = _within(width.interval(value_px * mm2, signs_px.times(mm2)), (0.0, greatest))
    found = {f"{of}_area_px": (low / mm2, high / mm2)}
    if measures.pixel_spacing_mm is not None:
        found[f"{of}_area_mm2"] = low, high
    percent = f"{of}_percent_of_disc"
    if percent in AREAS and extent.disc_px:
        found[percent] = 100 * low / greatest, 100 * high / greatest
    return found


def _within(interval: Interval, limits: Interval) -> Interval:
    return max(interval[0], limits[0]), min(interval[1], limits[1])


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
    endings = {"_deg": FULL_TURN_DEG, "_eccentricity": 1.0}
    return 0.0, next((greatest for ending, greatest in endings.items() if name.endswith(ending)), math.inf)
