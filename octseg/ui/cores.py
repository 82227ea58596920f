"""The lipid cores one by one, and the thin-cap fibroatheroma criteria of the one that is judged."""

from collections.abc import Mapping

from octseg.measurement.cores import CoreMeasures
from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import Interval
from octseg.measurement.tcfa import ARC_DEG, CAP_UM, is_undecided
from octseg.measurement.wording import (
    VISIBLE_AREA,
    arc_margin_words,
    cap_margin_words,
    verdict_words,
    within_limit_words,
)
from octseg.ui.markup import number
from octseg.ui.places import SHOW

MET = {True: "yes", False: "no", None: "not known"}


def cores_html(measures: FrameMeasures) -> str:
    """A line for each core, widest first; the one that the criteria are judged by is marked. Nothing without cores."""
    cores = measures.lipid_cores or ()
    if not cores:
        return ""
    rows = "".join(_core_row(place, core, judged=place == measures.tcfa_core) for place, core in enumerate(cores))
    heads = ("Core", "Arc", VISIBLE_AREA, "Thinnest cap", "Meets criteria")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<section class="oct-card oct-cores"><h3>Lipid core{"s" if len(cores) > 1 else ""}</h3><table><thead><tr>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _core_row(place: int, core: CoreMeasures, *, judged: bool) -> str:
    area = f"{number(core.area_px, 0)} px" if core.area_mm2 is None else f"{number(core.area_mm2, 2)} mm²"
    cap_um = core.fibrous_cap_thickness_min_um
    cells = (
        f"{number(core.arc_deg, 0)}°",
        area,
        number(cap_um, 0) + ("" if cap_um is None else " µm"),
        MET[core.meets_tcfa_criteria],
    )
    leads = f' data-place="core-{place + 1}"' if 0 < core.arc_deg < 360 else ""  # an arc all around has no ends
    head = f'<button type="button" class="oct-place" title="{SHOW}">{place + 1}</button>' if leads else f"{place + 1}"
    return (
        f'<tr data-core="{place + 1}"{leads}{" class=oct-judged" if judged else ""}><th scope="row">{head}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def tcfa_html(measures: FrameMeasures, intervals: Mapping[str, Interval | None] | None = None) -> str:
    """The two criteria of a thin-cap fibroatheroma in one frame: which core they judge, and how far it is from each.

    intervals: of the measures, at 95 %; a margin whose interval holds the limit says so, and so does the verdict.
    """
    meets, cores = measures.meets_tcfa_criteria, measures.lipid_cores or ()
    if meets is None:
        return (
            '<section class="oct-tcfa"><h3>Thin-cap fibroatheroma</h3><p>Cannot be judged here: it takes a lipid '
            "core, its cap and a scale.</p></section>"
        )
    cap, arc = (intervals or {}).get("tcfa_cap_margin_um"), (intervals or {}).get("tcfa_arc_margin_deg")
    judged = measures.tcfa_core
    core = None if judged is None else cores[judged]
    undecided = core is not None and is_undecided(meets, cap, arc)
    margins = (None, None) if core is None else (core.tcfa_cap_margin_um, core.tcfa_arc_margin_deg)
    verdict = verdict_words(judged, len(cores), *margins, undecided=undecided)
    return (
        f'<section class="oct-tcfa" data-meets="{str(meets).lower()}"{" data-undecided" if undecided else ""}>'
        "<h3>Thin-cap fibroatheroma</h3>"
        f'<p class="oct-verdict">{verdict}</p>'
        + (_criteria(core, cap, arc) if core is not None else "")
        + "<p>One frame is a hint, not a diagnosis: a candidate takes three frames in a row, and readers agree "
        "poorly (kappa 0.23).</p></section>"
    )


def _criteria(core: CoreMeasures, cap_interval: Interval | None, arc_interval: Interval | None) -> str:
    """Both criteria of the judged core; the intervals are those of its margins."""
    cap, arc = core.tcfa_cap_margin_um, core.tcfa_arc_margin_deg
    return (
        "<dl>"
        + _criterion(
            "cap",
            f"Cap under {CAP_UM:.0f} µm",
            cap is not None and cap < 0,
            None if cap is None else within_limit_words(cap_margin_words(cap), cap_interval),
        )
        + _criterion(
            "arc", f"Arc over {ARC_DEG:.0f}°", arc > 0, within_limit_words(arc_margin_words(arc), arc_interval)
        )
        + "</dl>"
    )


def _criterion(name: str, label: str, met: bool, margin: str | None) -> str:
    if margin is None:
        return f"<dt>{label}</dt><dd>not measured</dd>"
    return f'<dt>{label}</dt><dd data-margin="{name}"><b>{"✓ met" if met else "✗ not met"}</b>: {margin}</dd>'
