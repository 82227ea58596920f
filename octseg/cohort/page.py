"""cohort.html: a cohort on one page that loads nothing, with links to the pictures of what lies far out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from octseg.cohort.measures import ALONG, WITH_LIPID, WITH_TCFA, Measure, Row, groups_of
from octseg.cohort.plots import STYLE as PLOT_STYLE
from octseg.cohort.plots import Strip, spread_html
from octseg.cohort.summing import (
    LEAST_PATIENTS,
    RESAMPLES,
    Sample,
    difference_interval,
    median_interval,
    outliers,
    quartiles,
    share_interval,
)
from octseg.cohort.table_one import Group, table_html, table_one_html
from octseg.cohort.tables import TWICE, Tables, frames_of
from octseg.comparison.plots import STYLE as PLOTS
from octseg.export.files import write_file
from octseg.export.report.page import facts_list, model_facts, page, warnings_list

NAME = "cohort.html"
MOST_OUTLIERS = 40  # in the table
ALL, NO_GROUP = "All", "no group"
STYLE = """
td, th { font-size: .92rem; } th.number { text-align: right; }
td.number { white-space: normal; } table.one td.number { white-space: nowrap; } a { color: #0067a3; }
@media (prefers-color-scheme: dark) { a { color: #7cc4f5; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; background: none; }
  h2 { break-after: avoid; } tr, figure { break-inside: avoid; } a { color: inherit; }
  .plots { grid-template-columns: 1fr 1fr; } table.one td.number { white-space: normal; }
}
"""


@dataclass(frozen=True)
class _Outlier:
    """A row whose value of a measure lies far from its group's. distance: in quartile distances, with a sign."""

    measure: Measure
    row: Row
    value: float
    distance: float


def write_page(tables: Tables, root: Path) -> None:
    """Into the folder of the cohort."""
    write_file(root / NAME, cohort_html(tables, root).encode())


def cohort_html(tables: Tables, root: Path) -> str:
    """The page of a cohort in a folder."""
    of_all = list(tables.rows("pullbacks"))
    measured = [row for row in of_all if row["state"] == "measured"]
    groups = groups_of(measured)
    whole = Group(measured, list(tables.rows("plaques")))
    columns = {ALL: whole}
    if len(groups) > 1:
        columns |= {name or NO_GROUP: whole.of(name) for name in groups}
    far = _far_out(groups)
    links = {(each.measure.column, id(each.row)): _picture(each.row, each.measure, root) for each in far}
    body = (
        f"<p>{_told(of_all, measured, tables.without_patient)}</p>"
        + warnings_list(_warnings(measured))
        + f"<h2>Table 1</h2>{table_one_html(columns)}<p><small>{ONE}</small></p>"
        + _medians(groups, measured)
        + _spreads(groups, far, links)
        + _outliers_table(far, links)
        + _without(of_all, list(tables.rows("failed")))
        + f"<h2>How this was made</h2>{facts_list(_facts(tables.run))}"
    )
    return page("A cohort of pullbacks", PLOTS + PLOT_STYLE + STYLE, body)


ONE = (
    "Median [first to third quartile], by linear interpolation, or n (%). n = where it is of fewer than all: the "
    "others have no such value, for want of a scale, or of lipid. Candidates and criteria are no diagnosis."
)


def _told(of_all: Sequence[Row], measured: Sequence[Row], without_patient: set[str]) -> str:
    cases, patients = ({row[name] for row in measured} for name in ("case", "patient"))
    whole = len({row["case"] for row in of_all})
    parts = [f"{len(measured)} pullbacks of {len(cases)} of {whole} cases and {len(patients)} patients."]
    alone = cases & without_patient
    if len(alone) > 1:
        which = "Each case counts" if alone == cases else f"{len(alone)} cases for which none is given count"
        parts.append(
            f"{which} as a patient of its own: if that is not so, give the patients in the list, for intervals are "
            "too narrow otherwise."
        )
    parts.append(
        "Tables with all values lie beside this page, and their columns are explained in cohort_dictionary.csv."
    )
    return " ".join(parts)


def _warnings(measured: Sequence[Row]) -> list[str]:
    found = []
    if count := sum(row["pixel_spacing_mm"] is None for row in measured):
        found.append(f"{count} of {len(measured)} pullbacks have no scale, so nothing of them is given in mm.")
    sources = Counter(str(row["pixel_spacing_source"]) for row in measured if row["pixel_spacing_mm"] is not None)
    if len(sources) > 1:
        told = ", ".join(f"{source} {count}" for source, count in sorted(sources.items()))
        found.append(f"The scales of the pullbacks come from different sources: {told}.")
    if count := sum(bool(row["reason"]) for row in measured):
        found.append(
            f"{count} of {len(measured)} pullbacks could be read in part alone, or lack results that were removed; the "
            "last table says what is missing."
        )
    found += sorted({f"{row['case']}: {said}." for row in measured for said in row["warnings"] if TWICE in said})
    return found


def _medians(groups: Mapping[str, Sequence[Row]], measured: Sequence[Row]) -> str:
    """Each measure's median in each group with its interval, and the difference of two."""
    if not measured:
        return ""
    shown = {ALL: measured} if len(groups) < 2 else {name or NO_GROUP: rows for name, rows in groups.items()}
    pair = list(shown) if len(shown) == 2 else []
    head = "<th></th>" + "".join(f'<th class="number">{escape(name)}</th>' for name in shown)
    head += f'<th class="number">{escape(pair[1])} - {escape(pair[0])}</th>' if pair else ""
    body = ""
    for measure in ALONG:
        cells = [_median_cell(measure, rows) for rows in shown.values()]
        if pair:
            cells.append(_difference_cell(measure, *shown.values()))
        body += f"<tr><th>{escape(f'{measure.label}, {measure.unit}')}</th>"
        body += "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells) + "</tr>"
    for share in (WITH_LIPID, WITH_TCFA):
        body += f"<tr><th>{share.label}, %</th>"
        body += "".join(f'<td class="number">{_share_cell(share.column, rows)}</td>' for rows in shown.values())
        body += "<td></td></tr>" if pair else "</tr>"
    said = (
        f"Median or share, and in brackets its 95 % interval by bootstrap: {RESAMPLES} times, as many patients as "
        "there are were drawn with replacement, each with all its pullbacks, and the 2.5th and 97.5th percentile taken "
        f"of what that gave. Of fewer than {LEAST_PATIENTS} patients there is none: not even their smallest and "
        "largest value would hold the median with 95 %."
    )
    return (
        f"<h2>Medians and how sure they are</h2>{table_html('Medians', head, body, 'one')}<p><small>{said}</small></p>"
    )


def _median_cell(measure: Measure, rows: Sequence[Row]) -> str:
    sample = measure.sample(rows)
    told = quartiles(sample.values)
    if told is None:
        return "-"
    ends = median_interval(sample)
    return measure.words(told.median) + _brackets(measure, ends, sample.patient_count)


def _share_cell(column: str, rows: Sequence[Row]) -> str:
    known = [row for row in rows if row.get(column) is not None]
    if not known:
        return "-"
    sample = Sample([float(row[column] > 0) for row in known], [str(row["patient"]) for row in known])
    ends, share = share_interval(sample), 100 * sum(sample.values) / len(known)
    of = "" if len(known) == len(rows) else f", n = {len(known)}"
    if ends is None or share in (0, 100):
        return f"{share:.0f}{_brackets(ALONG[0], None, sample.patient_count)}{of}"
    return f"{share:.0f} ({100 * ends[0]:.0f} to {100 * ends[1]:.0f}){of}"


def _difference_cell(measure: Measure, first: Sequence[Row], second: Sequence[Row]) -> str:
    samples = [measure.sample(rows) for rows in (first, second)]
    told = [quartiles(sample.values) for sample in samples]
    if told[0] is None or told[1] is None:
        return "-"
    ends = difference_interval(*samples)
    count = min(sample.patient_count for sample in samples)
    difference = told[1].median - told[0].median
    return ("+" if difference > 0 else "") + measure.words(difference) + _brackets(measure, ends, count)


def _brackets(measure: Measure, ends: tuple[float, float] | None, patients: int) -> str:
    if ends is None:
        return f" ({patients} patients)" if patients != 1 else " (1 patient)"
    return f" ({measure.words(ends[0])} to {measure.words(ends[1])})"


def _spreads(groups: Mapping[str, Sequence[Row]], far: Sequence[_Outlier], links: Mapping[tuple[str, int], str]) -> str:
    figures = ""
    distances = {(each.measure.column, id(each.row)): each for each in far}
    for measure in ALONG:
        strips = []
        for name, rows in groups.items():
            known = [row for row in rows if measure.value(row) is not None]
            sample = measure.sample(known)
            leads = {
                place: (links[key], _said(distances[key]))
                for place, row in enumerate(known)
                if links.get(key := (measure.column, id(row)))
            }
            label = name or (NO_GROUP if len(groups) > 1 else ALL)
            strips.append(Strip(label, sample.values, median_interval(sample), leads))
        if any(strip.values for strip in strips):
            figures += spread_html(measure.label, measure.unit, strips)
    said = (
        "Each dot is a pullback, or each bar how many there are; below, the quartiles, their median and in orange its "
        "95 % interval. Orange dots lie far from their group's and lead to their pictures."
    )
    return f'<h2>Distributions</h2><p>{said}</p><div class="plots">{figures}</div>' if figures else ""


def _far_out(groups: Mapping[str, Sequence[Row]]) -> list[_Outlier]:
    """Of each measure and group, the farthest first."""
    found = []
    for measure in ALONG:
        for rows in groups.values():
            known = [(row, value) for row in rows if (value := measure.value(row)) is not None]
            for place, distance in outliers([value for _, value in known]).items():
                found.append(_Outlier(measure, *known[place], distance))
    return sorted(found, key=lambda each: -abs(each.distance))


def _outliers_table(far: Sequence[_Outlier], links: Mapping[tuple[str, int], str]) -> str:
    if not far:
        return "<h2>Outliers</h2><p>No value lies far from those of its group.</p>"
    rows = ""
    for each in far[:MOST_OUTLIERS]:
        measure, link = each.measure, links[each.measure.column, id(each.row)]
        where = f"{each.row['case']}, {each.row['pullback']}"
        frame = each.row.get(measure.frame) if measure.frame else None
        words = f"{where}, frame {frame}" if frame is not None else where
        rows += (
            f"<tr><td>{escape(measure.label)}</td>"
            f'<td class="number">{measure.words(each.value)} {escape(measure.unit)}</td>'
            f'<td class="number">{each.distance:+.1f}</td><td><a href="{escape(link)}">{escape(words)}</a></td></tr>'
        )
    head = '<th>Measure</th><th class="number">Value</th><th class="number">Distance</th><th>Pullback</th>'
    more = f" The {MOST_OUTLIERS} farthest of {len(far)} are shown." if len(far) > MOST_OUTLIERS else ""
    said = (
        "More than 1.5 quartile distances beyond a quartile of its group (Tukey); the distance is in these. Look at "
        f"the picture first: a value far out may be a vessel, or an error.{more}"
    )
    return f"<h2>Outliers</h2><p>{said}</p>{table_html('Outliers', head, rows)}"


def _without(of_all: Sequence[Row], failed: Sequence[Row]) -> str:
    """Cases that failed, were read in part, or have no measures along a vessel."""
    rows = [*failed, *(row for row in of_all if row["state"] == "frames only")]
    if not rows:
        return "<h2>What failed</h2><p>Nothing: each case has its measures, and all of it was read.</p>"
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(str(row[name]))}</td>" for name in ("case", "group", "state", "reason"))
        + "</tr>"
        for row in rows
    )
    head = "<th>Case</th><th>Group</th><th>State</th><th>Why</th>"
    return f"<h2>What failed, or is no pullback</h2>{table_html('What failed', head, body)}"


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    flags = run.get("flags", {})
    asked = [name for name in ("uncertainty", "smooth") if flags.get(name)]
    return {**model_facts(run), "Options": ", ".join(asked), "Preset": flags.get("preset")}


def _said(each: _Outlier) -> str:
    return f"{each.row['case']}: {each.measure.words(each.value)} {each.measure.unit}"


def _picture(row: Row, measure: Measure, root: Path) -> str:
    """Where the picture of the frame that decides lies, from the page on; the report of the case, or its folder."""
    folder = str(row["results_folder"])
    number = row.get(measure.frame) if measure.frame else row.get("lipid_arc_max_frame")
    for frame in frames_of(root / folder, row["pullback"]):
        if frame["frame"] == number:
            return quote(f"{folder}/{frame.get('overlay_file') or frame['mask_file']}")
    reports = sorted((root / folder).glob("*_report.html"))
    return quote(f"{folder}/{reports[0].name}" if reports else f"{folder}/")
