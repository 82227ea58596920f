"""One frame's result as a single HTML file: pictures inside, measures with units, scale, model, warnings."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

from octseg.export.report.page import facts_list, figure, model_facts, page, scale_of, warnings_list
from octseg.measurement.tcfa import is_undecided
from octseg.measurement.wording import (
    NOTHING_SAID,
    TABLE,
    VISIBLE_AREA,
    Row,
    arc_margin_words,
    cap_margin_words,
    meaning_of,
    verdict_words,
    within_limit_words,
)

PRINT_STYLE = """
@media print {
  /* One page of A4 or Letter: numbers in two columns, and the pictures take what room is left. */
  @page { margin: 9mm; }
  :root { color-scheme: light; --line: #c4cad1; --quiet: #444c57; --warn: #6e4800; --soft: #fff6e0; }
  body { max-width: none; padding: 0; height: 99vh; display: flex; flex-direction: column;
    font: 7.6pt/1.3 system-ui, sans-serif; color: #000; background: #fff; }
  body > * { flex: none; }
  h1 { font-size: 11pt; }
  h2 { font-size: 8.6pt; margin: 5pt 0 2pt; break-after: avoid; }
  .notice { margin: 0 0 4pt; }
  .pictures { flex: 1 1 0; min-height: 30mm; max-height: calc(198mm / var(--count) * var(--tall) + 1mm);
    display: flex; gap: 3mm; }
  figure { flex: 1 1 0; min-width: 0; display: flex; flex-direction: column; }
  img { flex: 1 1 0; min-height: 0; object-fit: contain; object-position: top left; background: none;
    border-radius: 0; }
  figcaption, small { font-size: 6.6pt; line-height: 1.2; }
  .measures { columns: 2; column-gap: 6mm; }
  .tissue { padding: 5pt 3pt 2pt; font-size: 8.6pt; }
  tr, p, thead { break-inside: avoid; }
  th, td { padding: 1.2pt 3pt; }
  p { margin: 0 0 2pt; }
  ul.warnings { margin: 0; padding: 2pt 6pt 2pt 14pt; border: .5pt solid var(--warn); font-size: 7pt;
    line-height: 1.2; }
  dl { gap: 1pt 8pt; }
}
"""


def report_html(
    title: str,
    run: Mapping[str, Any],
    record: Mapping[str, Any],
    pictures: Mapping[str, Image.Image],
    attribution: str = "",
) -> str:
    """The report of one frame.

    run: the head of measures.json. record: the frame's entry in it. pictures: caption -> picture.
    attribution: where the frame comes from and under which licence, where that is to be said.
    """
    figures = "".join(figure(caption, picture) for caption, picture in pictures.items())
    tall = max((picture.height / picture.width for picture in pictures.values()), default=0)
    shape = f"--count: {max(1, len(pictures))}; --tall: {tall:.3f}"
    withdrawn = record.get("withdrawn")
    measures = "" if withdrawn else f'<div class="measures">{_tables(record)}{_cores(record)}{_criteria(record)}</div>'
    facts = {
        "Scale": scale_of(record),
        "Frame": f"{record['height']} x {record['width']} pixels, sha256 {record['frame_sha256']}",
        **model_facts(run),
        "Outlines": record.get("outlines"),
        "Source": attribution,
    }
    body = (
        f'{_nothing_said(withdrawn)}<div class="pictures" style="{shape}">{figures}</div>\n'
        f"{warnings_list(record['warnings'])}{measures}<h2>Where it comes from</h2>\n{facts_list(facts)}"
    )
    return page(title, PRINT_STYLE, body)


def _nothing_said(withdrawn: str | None) -> str:
    """Why there are neither outlines nor numbers; nothing where there are."""
    if not withdrawn:
        return ""
    return f'<div class="withdrawn" role="alert"><h2>{NOTHING_SAID}</h2><p>{escape(withdrawn)}</p></div>\n'


def _tables(record: Mapping[str, Any]) -> str:
    """A table for each tissue; where one goes on in the next column of a printed page, its head is repeated there."""
    return "".join(
        f'<table><thead><tr><th colspan="2" class="tissue">{escape(title)}</th></tr></thead>'
        f"<tbody>{''.join(_rows(record, rows))}</tbody></table>\n"
        for title, rows in TABLE
    )


def _rows(record: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    intervals = record.get("intervals_95") or {}
    for row in rows:
        yield (
            f'<tr><th scope="row">{escape(row.label)}<small>{escape(meaning_of(row, intervals))}</small></th>'
            f'<td class="number" data-measure="{row.field}">{_measured(record.get(row.field), row)}'
            f"{_interval(intervals.get(row.field), row)}</td></tr>"
        )


def _cores(record: Mapping[str, Any]) -> str:
    """A line for each lipid core, widest first; nothing where there is none."""
    rows = "".join(
        f'<tr><th scope="row">{place}</th>'
        + "".join(f'<td class="number">{cell}</td>' for cell in _core_cells(core))
        + "</tr>"
        for place, core in enumerate(record.get("lipid_cores") or (), start=1)
    )
    heads = ("Core", "Arc", VISIBLE_AREA, "Thinnest cap", "Meets the frame criteria")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>Lipid cores</h2>\n{table}</section>\n" if rows else ""


def _core_cells(core: Mapping[str, Any]) -> tuple[str, ...]:
    in_mm2, cap_um = core["area_mm2"], core["fibrous_cap_thickness_min_um"]
    return (
        f"{core['arc_deg']:.0f}°",
        f"{core['area_px']:.0f} px" if in_mm2 is None else f"{in_mm2:.3f} mm²",
        "not measured" if cap_um is None else f"{cap_um:.0f} µm",
        {True: "yes", False: "no", None: "not known"}[core["meets_tcfa_criteria"]],
    )


def _criteria(record: Mapping[str, Any]) -> str:
    """Whether the frame meets the criteria of a thin-cap fibroatheroma, by which core and by how much."""
    meets, cores, judged = record.get("meets_tcfa_criteria"), record.get("lipid_cores"), record.get("tcfa_core")
    if meets is None or cores is None:
        return ""
    names = ("tcfa_cap_margin_um", "tcfa_arc_margin_deg")
    of_cap, of_arc = ((record.get("intervals_95") or {}).get(name) for name in names)
    if judged is None:
        said = f"<p><b>{verdict_words(None, 0, None, None)}.</b></p>"
    else:
        cap, arc = (cores[judged][name] for name in names)
        undecided = is_undecided(meets, of_cap, of_arc)
        said = f"<p><b>{verdict_words(judged, len(cores), cap, arc, undecided=undecided)}.</b></p>"
        cap_words = "not measured" if cap is None else within_limit_words(cap_margin_words(cap), of_cap)
        said += f"<p>Its cap: {cap_words}. Its arc: {within_limit_words(arc_margin_words(arc), of_arc)}.</p>"
    return f"<section><h2>Thin-cap fibroatheroma</h2>\n{said}</section>\n"


def _measured(value: float | None, row: Row) -> str:
    return "not measured" if value is None else f"{value:.{row.digits}f} {row.unit}".rstrip()


def _interval(interval: Sequence[float] | None, row: Row) -> str:
    if interval is None:
        return ""
    low, high = (f"{end:.{row.digits}f}" for end in interval)
    return f"<small>95 %: {low} to {high}</small>"
