"""What each measure is called, its unit, and what it means, as people read it: on the page and in the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octseg.measurement.clima import CLIMA_ARC_DEG, CLIMA_CAP_UM
from octseg.measurement.depth import FIELD_MM, LIPID_DEPTH_MM
from octseg.measurement.tcfa import ARC_DEG, CAP_UM, holds_limit

VISIBLE_AREA = "Visible plaque area"
TO_DEPTH = f"to {LIPID_DEPTH_MM:g} mm behind the lumen"
WITHOUT_SCALE = f"to the depth that {LIPID_DEPTH_MM:g} mm has at {FIELD_MM:g} mm zoom"
NO_SCALE_DEPTH = f"The scale is not known, so lipid counts {WITHOUT_SCALE}: give the scale."
CAP_OVER_FRAMES = "Thinnest cap over 3 frames"  # along a vessel: a median, so that a frame's own may be thinner
BOTH_MET = "meets both frame criteria"
OTHER_CORE, OTHER_CORES = "; the other core does not meet both", "; no other core meets both"
HOLDS_LIMIT = "the 95 % interval holds the limit"
NOTICE = "Research use only, not a medical device"
NOTHING_SAID = "Nothing is said of this frame"
OF_INTERVAL = {  # field of a measure: what is to be known of its 95 % interval
    "lipid_arc_widest_deg": (
        "Its 95 % interval is not that of the arc above, also where one core was found: cores that were missed would "
        "add to that one alone."
    )
}


@dataclass(frozen=True)
class Row:
    """One line of the table: a field of FrameMeasures, its name, unit, decimals and meaning."""

    field: str
    label: str
    unit: str
    digits: int
    meaning: str


def cap_margin_words(margin_um: float) -> str:
    """How far a cap is from the limit of a thin one: "26 µm thinner than the limit of 65 µm"."""
    return _margin_words(margin_um, " µm", CAP_UM, below="thinner", above="thicker")


def arc_margin_words(margin_deg: float) -> str:
    """How far an arc is from the limit of a wide one: "12° wider than the limit of 90°"."""
    return _margin_words(margin_deg, "°", ARC_DEG, below="narrower", above="wider")


def verdict_words(
    core: int | None, count: int, cap_margin_um: float | None, arc_margin_deg: float | None, *, undecided: bool = False
) -> str:
    """Whether the core judged meets the frame criteria, and that no other does where it does not.

    core: which of `count` cores is judged, from 0, as `FrameMeasures.tcfa_core`; None where there is none. The margins
    are that core's. undecided: by their 95 % intervals, as `tcfa.is_undecided`.
    """
    if core is None or arc_margin_deg is None:
        return "No lipid core spans an arc, so the frame criteria are not met"
    met = _met_words(cap_margin_um, arc_margin_deg)
    others = "" if met == BOTH_MET or count == 1 else OTHER_CORE if count == 2 else OTHER_CORES
    open_ = f"; undecided: {HOLDS_LIMIT}" if undecided else ""
    return f"{core_words(core, count)} {met}{others}{open_}"


def _met_words(cap_margin_um: float | None, arc_margin_deg: float) -> str:
    """How many of both criteria a core meets; of one whose cap could not be measured, that it does not meet both."""
    if cap_margin_um is None:
        return "does not meet both frame criteria"
    met = (cap_margin_um < 0) + (arc_margin_deg > 0)
    return ("meets neither frame criterion", "meets one of the two frame criteria", BOTH_MET)[met]


def within_limit_words(margin: str, interval: Sequence[float] | None) -> str:
    """Words of a margin, and that its 95 % interval holds the limit where it does."""
    return f"{margin}; {HOLDS_LIMIT}" if holds_limit(interval) else margin


def meaning_of(row: Row, intervals: Mapping[str, object] | None) -> str:
    """What a line of the table means, and where there are 95 % intervals what one says that could surprise."""
    return f"{row.meaning} {OF_INTERVAL[row.field]}" if intervals and row.field in OF_INTERVAL else row.meaning


def core_words(core: int, count: int) -> str:
    """One of `count` cores, from 0: "Core 1 of 2", or "The lipid core" where it is the only one."""
    return f"Core {core + 1} of {count}" if count > 1 else "The lipid core"


def _margin_words(margin: float, unit: str, limit: float, *, below: str, above: str) -> str:
    if margin == 0:
        return f"exactly at the limit of {limit:g}{unit}"
    amount = f"{abs(margin):.0f}{unit}" if abs(margin) >= 1 else f"less than 1{unit}"
    return f"{amount} {below if margin < 0 else above} than the limit of {limit:g}{unit}"


TABLE: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "Lipid core",
        (
            Row(
                "lipid_core_area_mm2",
                VISIBLE_AREA,
                "mm²",
                3,
                f"Of lipid core {TO_DEPTH}: its deep border is diffuse, and light reaches no farther.",
            ),
            Row(
                "lipid_core_area_px",
                VISIBLE_AREA,
                "px",
                0,
                f"In pixels. It hangs on the scale too, which tells how many of them {LIPID_DEPTH_MM:g} mm are; "
                f"without one it counts {WITHOUT_SCALE}.",
            ),
            Row("lipid_core_percent_of_disc", "Part of the disc", "%", 1, "Of the round field of view."),
            Row(
                "lipid_arc_deg",
                "Arc",
                "°",
                0,
                f"Rays from the lumen's centre that meet lipid; all cores together. Over {ARC_DEG:.0f}° lipid rich.",
            ),
            Row(
                "lipid_arc_widest_deg",
                "Widest core",
                "°",
                0,
                f"The arc of the widest single core. Over {CLIMA_ARC_DEG:g}° high risk (CLIMA).",
            ),
            Row("lipid_arc_catheter_deg", "Arc from the catheter", "°", 0, "The same arc seen from the catheter."),
        ),
    ),
    (
        "Fibrous cap",
        (
            Row(
                "fibrous_cap_thickness_min_um",
                "Thinnest",
                "µm",
                0,
                f"Smallest median over 100 µm of arc. Under {CAP_UM:.0f} µm thin (TCFA), "
                f"under {CLIMA_CAP_UM:g} µm high risk (CLIMA). Readers differ by about 20 µm.",
            ),
            Row("fibrous_cap_thickness_p5_um", "5th percentile", "µm", 0, "Thinner on 5 % of the arc."),
            Row("fibrous_cap_thickness_mean_um", "Mean", "µm", 0, "Over the whole arc, its ends left out."),
            Row("fibrous_cap_absent_deg", "No cap seen", "°", 0, "Part of the arc where lipid reaches the lumen."),
        ),
    ),
    (
        "Lumen",
        (
            Row("lumen_area_mm2", "Area", "mm²", 3, "The largest open area, catheter included."),
            Row("lumen_area_px", "Area", "px", 0, "The same in pixels."),
            Row("lumen_diameter_min_mm", "Shortest diameter", "mm", 2, "Through the lumen's centre."),
            Row("lumen_diameter_max_mm", "Longest diameter", "mm", 2, "Through the lumen's centre."),
            Row("lumen_diameter_mean_mm", "Mean diameter", "mm", 2, "Over all directions."),
            Row("lumen_eccentricity", "Eccentricity", "", 2, "(longest − shortest) / longest; 0 is round."),
        ),
    ),
    (
        "Vasa vasorum",
        (
            Row("vasa_vasorum_count", "Count", "", 0, "Separate dark channels in the wall."),
            Row("vasa_vasorum_area_mm2", "Area", "mm²", 3, "All of them together."),
            Row("vasa_vasorum_area_px", "Area", "px", 0, "The same in pixels."),
        ),
    ),
)


def no_plaque_words(lipid_frame_count: int | None, where: str = "") -> str:
    """What is said where there is no plaque; lipid_frame_count: None where lipid was judged in no frame.

    where: " in the range", " so far" and the like.
    """
    if lipid_frame_count is None:
        return f"Lipid was judged in no frame{where}: whether there is a plaque is not known."
    return f"No lipid plaque was found{where}."


def frames_words(first: int, last: int) -> str:
    """Which frames a stretch has, by their numbers."""
    return f"{first}" if first == last else f"{first} to {last}"
