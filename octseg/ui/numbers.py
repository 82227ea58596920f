"""The numbers on the right: what each measure is called, its unit and what it means. No arithmetic lives here.

Of an example on the page the true values are known: `true` holds them, by measure, and is None for any other frame.
"""

from collections.abc import Mapping

from octseg.measurement.frame import FrameMeasures
from octseg.measurement.intervals import as_wide_as_value
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.measurement.wording import TABLE, TO_DEPTH, VISIBLE_AREA, WITHOUT_SCALE, Row, meaning_of
from octseg.result import FrameResult
from octseg.ui.cores import cores_html, tcfa_html
from octseg.ui.how import named
from octseg.ui.markup import NOT_MEASURED, Intervals, interval_html, number, sentences, text
from octseg.ui.places import shown

TrueValues = Mapping[str, float | None]  # measure: what a perfect measurement gives, None for nothing to measure

UNSURE = "as uncertain as it is large: do not rely on it"

TILES = (
    Row("lipid_core_area_mm2", VISIBLE_AREA, "mm²", 2, TO_DEPTH),
    Row("lipid_arc_deg", "Lipid arc", "°", 0, f"over {ARC_DEG:.0f}° is lipid rich"),
    Row("fibrous_cap_thickness_min_um", "Thinnest cap", "µm", 0, f"under {CAP_UM:.0f} µm is thin"),
    Row("lumen_area_mm2", "Lumen area", "mm²", 2, "catheter included"),
)
PIXEL_TILES = {"lipid_core_area_mm2": "lipid_core_area_px", "lumen_area_mm2": "lumen_area_px"}


def summary_html(result: FrameResult, true: TrueValues | None = None) -> str:
    """The leading numbers, what to be careful about, the cores and the TCFA criteria; nothing where it is withdrawn."""
    if result.withdrawn is not None:
        return _nothing_html() + warnings_html(result.warnings)
    measures = result.measures
    return (
        tiles_html(measures, result.intervals_95, true)
        + warnings_html(result.warnings)
        + cores_html(measures)
        + tcfa_html(measures, result.intervals_95)
    )


def _nothing_html() -> str:
    """What stands where the numbers would be."""
    return (
        '<section class="oct-card oct-nothing"><h3>No numbers</h3><p>No area, no arc, no thickness and no '
        "verdict on thin-cap fibroatheroma. The files say why, and hold no outlines.</p></section>"
    )


def tiles_html(measures: FrameMeasures, intervals: Intervals | None = None, true: TrueValues | None = None) -> str:
    """The four leading numbers, with their intervals where there are some; areas in pixels where there is no scale."""
    return f'<div class="oct-tiles">{"".join(_tile(measures, row, intervals, true) for row in TILES)}</div>'


def _tile(measures: FrameMeasures, row: Row, intervals: Intervals | None, true: TrueValues | None) -> str:
    value, unit, digits, field = getattr(measures, row.field), row.unit, row.digits, row.field
    if value is None and row.field in PIXEL_TILES:
        in_pixels = getattr(measures, PIXEL_TILES[row.field])
        if in_pixels is not None:
            value, unit, digits, field = in_pixels, "px", 0, PIXEL_TILES[row.field]
    interval = (intervals or {}).get(field)
    unsure = interval is not None and as_wide_as_value(value, interval)
    note = f"{_note(measures, row)}; {UNSURE}" if unsure else _note(measures, row)
    told = shown(field, value, _with_unit(value, digits, f"<small>{unit}</small>"))
    return (
        f'<div class="oct-tile{" oct-unsure" if unsure else ""}" data-tile="{row.field}">'
        f'<div class="oct-tile-label">{named(row.field, row.label)}</div><span class="oct-tile-value">{told}</span>'
        f"{_true_html(true, row)}{interval_html(intervals, field, digits)}"
        f'<span class="oct-tile-note">{note}</span></div>'
    )


def _note(measures: FrameMeasures, row: Row) -> str:
    """What a tile's number means; of an arc, what it is the sum of; of lipid without a scale, how deep it counts."""
    is_of_frame = measures != FrameMeasures()
    if row.meaning == TO_DEPTH and is_of_frame and measures.pixel_spacing_mm is None:
        return WITHOUT_SCALE
    cores = measures.lipid_cores or ()
    if row.field == "lipid_arc_deg" and len(cores) > 1 and measures.lipid_arc_widest_deg is not None:
        return f"{len(cores)} cores, widest {number(measures.lipid_arc_widest_deg, 0)}°"
    return row.meaning


def _with_unit(value: float | None, digits: int, unit: str) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{number(value, digits)}{'' if '°' in unit else ' '}{unit}"


def _true_html(true: TrueValues | None, row: Row) -> str:
    """What is true of an example, beside what was found; nothing of any other frame."""
    if true is None or row.field not in true:
        return ""
    value = true[row.field]
    said = "none" if value is None else _with_unit(value, row.digits, row.unit)
    return f'<span class="oct-true" data-true="{row.field}">true: {said}</span>'


def warnings_html(warnings: tuple[str, ...]) -> str:
    """What limits these numbers; nothing where nothing does."""
    return f'<ul class="oct-warnings">{sentences(warnings)}</ul>' if warnings else ""


def table_html(measures: FrameMeasures, intervals: Intervals | None = None, true: TrueValues | None = None) -> str:
    """Every measure with its unit and meaning; `data-measure` names the field, `data-value` holds it in full."""
    groups = "".join(
        f'<tbody><tr class="oct-group"><th colspan="3" scope="rowgroup">{text(title)}</th></tr>'
        + "".join(_table_row(measures, row, intervals, true) for row in rows)
        + "</tbody>"
        for title, rows in TABLE
        if any(getattr(measures, row.field) is not None for row in rows)
    )
    return f'<table class="oct-table"><caption>All measures of this frame</caption>{groups}</table>'


def _table_row(measures: FrameMeasures, row: Row, intervals: Intervals | None, true: TrueValues | None) -> str:
    value = getattr(measures, row.field)
    full = "" if value is None else f' data-value="{value!r}"'
    absent = '<abbr title="not measured">–</abbr>'
    told = absent if value is None else shown(row.field, value, number(value, row.digits))
    return (
        f'<tr><th scope="row">{text(row.label)}<small>{text(meaning_of(row, intervals))}</small></th>'
        f'<td data-measure="{row.field}"{full}>{told}'
        f"{_true_html(true, row)}{interval_html(intervals, row.field, row.digits)}</td>"
        f"<td>{row.unit if value is not None else ''}</td></tr>"
    )
