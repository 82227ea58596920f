"""The numbers on the right: what each measure is called, its unit and what it means. No arithmetic lives here."""

from collections.abc import Mapping

from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import Interval
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.measurement.wording import TABLE, Row
from octseg.ui.markup import NOT_MEASURED, number, sentences, signed, text

Intervals = Mapping[str, Interval | None]  # measure: its 95 % interval

TILES = (
    Row("lipid_core_area_mm2", "Plaque area", "mm²", 2, "visible lipid core"),
    Row("lipid_arc_deg", "Lipid arc", "°", 0, f"over {ARC_DEG:.0f}° is lipid rich"),
    Row("fibrous_cap_thickness_min_um", "Thinnest cap", "µm", 0, f"under {CAP_UM:.0f} µm is thin"),
    Row("lumen_area_mm2", "Lumen area", "mm²", 2, "catheter included"),
)
PIXEL_TILES = {"lipid_core_area_mm2": "lipid_core_area_px", "lumen_area_mm2": "lumen_area_px"}


def summary_html(measures: FrameMeasures, warnings: tuple[str, ...], intervals: Intervals | None) -> str:
    """The leading numbers, what to be careful about, and the TCFA criteria."""
    return tiles_html(measures, intervals) + warnings_html(warnings) + tcfa_html(measures)


def tiles_html(measures: FrameMeasures, intervals: Intervals | None = None) -> str:
    """The four leading numbers, with their intervals where there are some; areas in pixels where there is no scale."""
    return f'<div class="oct-tiles">{"".join(_tile(measures, row, intervals) for row in TILES)}</div>'


def _tile(measures: FrameMeasures, row: Row, intervals: Intervals | None) -> str:
    value, unit, digits, field = getattr(measures, row.field), row.unit, row.digits, row.field
    if value is None and row.field in PIXEL_TILES:
        in_pixels = getattr(measures, PIXEL_TILES[row.field])
        if in_pixels is not None:
            value, unit, digits, field = in_pixels, "px", 0, PIXEL_TILES[row.field]
    gap = "" if unit == "°" else " "
    shown = f"{number(value, digits)}{gap}<small>{unit}</small>" if value is not None else NOT_MEASURED
    return (
        f'<div class="oct-tile" data-tile="{row.field}"><span class="oct-tile-label">{row.label}</span>'
        f'<span class="oct-tile-value">{shown}</span>{_interval_html(intervals, field, digits)}'
        f'<span class="oct-tile-note">{row.meaning}</span></div>'
    )


def _interval_html(intervals: Intervals | None, field: str, digits: int) -> str:
    """The 95 % interval of a measure; nothing where there is none."""
    interval = (intervals or {}).get(field)
    if interval is None:
        return ""
    low, high = (number(end, digits) for end in interval)
    return f'<span class="oct-interval" data-interval="{field}">95 %: {low} to {high}</span>'


def warnings_html(warnings: tuple[str, ...]) -> str:
    """What limits these numbers; nothing where nothing does."""
    return f'<ul class="oct-warnings" role="note">{sentences(warnings)}</ul>' if warnings else ""


def tcfa_html(measures: FrameMeasures) -> str:
    """The two criteria of a thin-cap fibroatheroma in one frame, each with its distance from the threshold."""
    if measures.meets_tcfa_criteria is None:
        return (
            '<section class="oct-tcfa"><h3>Thin-cap fibroatheroma</h3><p>Cannot be judged here: it takes a lipid '
            "core, its cap and a scale.</p></section>"
        )
    meets = measures.meets_tcfa_criteria
    verdict = "This frame meets both frame criteria" if meets else "This frame does not meet both frame criteria"
    return (
        f'<section class="oct-tcfa" data-meets="{str(meets).lower()}"><h3>Thin-cap fibroatheroma</h3>'
        f'<p class="oct-verdict">{verdict}</p><dl>'
        + _criterion("cap", f"Cap under {CAP_UM:.0f} µm", measures.tcfa_cap_margin_um, "µm", below=True)
        + _criterion("arc", f"Arc over {ARC_DEG:.0f}°", measures.tcfa_arc_margin_deg, "°", below=False)
        + "</dl><p>One frame is a hint, not a diagnosis: a candidate takes three frames in a row, and readers agree "
        "poorly (kappa 0.23).</p></section>"
    )


def _criterion(name: str, label: str, margin: float | None, unit: str, *, below: bool) -> str:
    if margin is None:
        return f"<dt>{label}</dt><dd>not measured</dd>"
    met = margin < 0 if below else margin > 0
    mark = "✓ met" if met else "✗ not met"
    return (
        f'<dt>{label}</dt><dd data-margin="{name}"><b>{mark}</b> by a margin of {signed(margin, 0)}'
        f"{'' if unit == '°' else '&nbsp;'}{unit}</dd>"
    )


def table_html(measures: FrameMeasures, intervals: Intervals | None = None) -> str:
    """Every measure with its unit and meaning; `data-measure` names the field, `data-value` holds it in full."""
    groups = "".join(
        f'<tbody><tr class="oct-group"><th colspan="3" scope="rowgroup">{text(title)}</th></tr>'
        + "".join(_table_row(measures, row, intervals) for row in rows)
        + "</tbody>"
        for title, rows in TABLE
        if any(getattr(measures, row.field) is not None for row in rows)
    )
    return f'<table class="oct-table"><caption>All measures of this frame</caption>{groups}</table>'


def _table_row(measures: FrameMeasures, row: Row, intervals: Intervals | None) -> str:
    value = getattr(measures, row.field)
    full = "" if value is None else f' data-value="{value!r}"'
    absent = '<abbr title="not measured">–</abbr>'
    return (
        f'<tr><th scope="row">{text(row.label)}<small>{text(row.meaning)}</small></th>'
        f'<td data-measure="{row.field}"{full}>{absent if value is None else number(value, row.digits)}'
        f"{_interval_html(intervals, row.field, row.digits)}</td>"
        f"<td>{row.unit if value is not None else ''}</td></tr>"
    )
