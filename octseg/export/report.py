"""One frame's result as a single HTML file: pictures inside, measures with units, scale, model, warnings.

It loads nothing and runs nothing, so that it can be mailed, archived, and read where there is no network.
"""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

from octseg.export.provenance import NOTICE, scale_sentence
from octseg.measurement.wording import (
    NOTHING_SAID,
    TABLE,
    VISIBLE_AREA,
    Row,
    arc_margin_words,
    cap_margin_words,
    verdict_words,
)
from octseg.pullback import PixelScale

JPEG_QUALITY = 90
PICTURE_PX = 1200  # the longer side of a picture in the report: 300 dots per inch where it is printed 10 cm wide
STYLE = """
:root { color-scheme: light dark; --line: #d5dae0; --quiet: #5a6472; --warn: #8a5a00; --soft: #fff6e0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #363d47; --quiet: #98a1ad; --warn: #f0c25c; --soft: #2c2413; }
}
body { max-width: 1000px; margin: 0 auto; padding: 24px 16px 48px; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 28px 0 8px; }
.notice { color: var(--warn); font-weight: 600; margin: 4px 0 16px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 12px; }
figure { margin: 0; }
figcaption, small { color: var(--quiet); font-size: .85rem; }
img { width: 100%; background: #000; border-radius: 8px; display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid var(--line); padding: 6px 8px; text-align: left; vertical-align: top; }
.tissue { border: 0; padding: 22px 8px 6px; font-size: 1.05rem; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
small { display: block; font-weight: 400; }
.withdrawn { border: 2px solid var(--warn); background: var(--soft); padding: 2px 14px;
  border-radius: 8px; margin-bottom: 16px; }
.withdrawn h2 { color: var(--warn); margin: 10px 0 0; }
ul.warnings { background: var(--soft); color: var(--warn); padding: 10px 12px 10px 30px; border-radius: 8px; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 4px 16px; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
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
    figures = "".join(_figure(caption, picture) for caption, picture in pictures.items())
    tall = max((picture.height / picture.width for picture in pictures.values()), default=0)
    shape = f"--count: {max(1, len(pictures))}; --tall: {tall:.3f}"
    withdrawn = record.get("withdrawn")
    measures = "" if withdrawn else f'<div class="measures">{_tables(record)}{_cores(record)}{_criteria(record)}</div>'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>"
        f'<p class="notice">{NOTICE}</p>\n{_nothing_said(withdrawn)}'
        f'<div class="pictures" style="{shape}">{figures}</div>\n'
        f"{_warnings(record['warnings'])}{measures}"
        f"<h2>Where it comes from</h2>\n{_facts(run, record, attribution)}\n</body></html>\n"
    )


def _figure(caption: str, picture: Image.Image) -> str:
    """A picture inside the page: as PNG where it has a palette of few colours, else as JPEG."""
    stream = io.BytesIO()
    kind = "png" if picture.mode == "P" else "jpeg"
    if max(picture.size) > PICTURE_PX:
        picture = picture.copy()
        picture.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.NEAREST if kind == "png" else Image.Resampling.BOX)
    picture.save(stream, kind, **({} if kind == "png" else {"quality": JPEG_QUALITY}))
    content = base64.b64encode(stream.getvalue()).decode()
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/{kind};base64,{content}"><figcaption>{text}</figcaption></figure>'
    )


def _nothing_said(withdrawn: str | None) -> str:
    """Why there are neither outlines nor numbers; nothing where there are."""
    if not withdrawn:
        return ""
    return f'<div class="withdrawn" role="alert"><h2>{NOTHING_SAID}</h2><p>{escape(withdrawn)}</p></div>\n'


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(warning)}</li>" for warning in dict.fromkeys(warnings))
    return f'<h2>What to be careful about</h2>\n<ul class="warnings">{items}</ul>\n' if items else ""


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
            f'<tr><th scope="row">{escape(row.label)}<small>{escape(row.meaning)}</small></th>'
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
    said = f"<p><b>{verdict_words(meets, judged, len(cores))}.</b></p>"
    if judged is not None:
        cap, arc = cores[judged]["tcfa_cap_margin_um"], cores[judged]["tcfa_arc_margin_deg"]
        cap_words = "not measured" if cap is None else cap_margin_words(cap)
        said += f"<p>Its cap: {cap_words}. Its arc: {arc_margin_words(arc)}.</p>"
    return f"<section><h2>Thin-cap fibroatheroma</h2>\n{said}</section>\n"


def _measured(value: float | None, row: Row) -> str:
    return "not measured" if value is None else f"{value:.{row.digits}f} {row.unit}".rstrip()


def _interval(interval: Sequence[float] | None, row: Row) -> str:
    if interval is None:
        return ""
    low, high = (f"{end:.{row.digits}f}" for end in interval)
    return f"<small>95 %: {low} to {high}</small>"


def _facts(run: Mapping[str, Any], record: Mapping[str, Any], attribution: str) -> str:
    model = run["model"]
    ran_on = ", ".join(filter(None, (run["device"], run["backend"], run.get("precision"))))
    facts = {
        "Scale": _scale(record),
        "Frame": f"{record['height']} x {record['width']} pixels, sha256 {record['frame_sha256']}",
        "Model": f"{model['name']} ({model['source']})",
        "Commit": model["revision"] or "none, told by its hash",
        "Weights": f"sha256 {model['sha256']}",
        "Made by": f"octseg {run['octseg']} on {ran_on}",
        "Source": attribution,
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
    return f"<dl>{items}</dl>"


def _scale(record: Mapping[str, Any]) -> str:
    return scale_sentence(
        PixelScale(
            pixel_spacing_mm=record["pixel_spacing_mm"],
            source=record["pixel_spacing_source"],
            evidence=record.get("pixel_spacing_evidence") or "",
        )
    )
