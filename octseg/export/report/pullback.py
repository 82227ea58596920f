"""`<name>_report.html`: a pullback's numbers, its curves along the vessel, its plaques, and the frames that decide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from octseg.drawing.overlay import draw_overlay
from octseg.export.files import write_file
from octseg.export.provenance import corrected_words
from octseg.export.report import curves, cut
from octseg.export.report.along import curves_html, en_face_html
from octseg.export.report.cut import cuts_html
from octseg.export.report.frame import report_html
from octseg.export.report.page import facts_list, figure, model_facts, page, scale_of, warnings_list
from octseg.export.segmented import Record, Segmented
from octseg.measurement.clima import CLIMA_ARC_DEG, CLIMA_CAP_UM, CLIMA_LUMEN_MM2
from octseg.measurement.pullback import PullbackMeasures
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.measurement.wording import CAP_OVER_FRAMES, TO_DEPTH, frames_words, no_plaque_words
from octseg.pullback import Frame
from octseg.view.capture import imaged

SUFFIX = "_report.html"
NONE = "–"
OVERLAY_CAPTION = "Frame with the tissues outlined"
# field of StretchMeasures, label, unit, decimals, meaning
ROWS: tuple[tuple[str, str, str, int, str], ...] = (
    ("minimum_lumen_area_mm2", "Smallest lumen (MLA)", "mm²", 2, f"Under {CLIMA_LUMEN_MM2:g} mm² high risk (CLIMA)."),
    ("minimum_lumen_area_px", "Smallest lumen (MLA)", "px", 0, "In pixels, for its scale is not known."),
    ("lumen_area_reference_mm2", "Reference lumen", "mm²", 2, "The largest within 10 mm of the smallest."),
    ("lumen_area_stenosis_percent", "Stenosis by area", "%", 0, "(reference − smallest) / reference."),
    ("lipid_length_mm", "Length with lipid", "mm", 1, "Gaps of up to 1 mm joined; the heart moves ± 1.5 mm."),
    ("lipid_volume_mm3", "Visible lipid", "mm³", 2, f"{TO_DEPTH[0].upper()}{TO_DEPTH[1:]}."),
    ("lipid_arc_max_deg", "Widest arc, all cores", "°", 0, "Of a frame, added up; of each plaque by itself see below."),
    ("lipid_arc_mean_deg", "Mean arc", "°", 0, "Over the frames with lipid."),
    ("lipid_index_mm_deg", "Lipid index", "mm·°", 0, "Mean arc times length."),
    (
        "lipid_map_index_4mm",
        "Lipid in the worst 4 mm",
        "‰",
        0,
        "Of the wall that can be judged; not LCBI, which is NIRS.",
    ),
    (
        "fibrous_cap_thickness_min_um",
        CAP_OVER_FRAMES,
        "µm",
        0,
        f"Median over 100 µm and three frames, so a frame's own may be thinner. Under {CAP_UM:.0f} µm thin (TCFA), "
        f"under {CLIMA_CAP_UM:.0f} µm high risk (CLIMA). Readers differ by about 20 µm.",
    ),
)
PLAQUE_COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("lipid_length_mm", "Length, mm", 1),
    ("lipid_volume_mm3", "Visible lipid, mm³", 2),
    ("lipid_arc_max_deg", "Widest arc, °", 0),
    ("fibrous_cap_thickness_min_um", f"{CAP_OVER_FRAMES}, µm", 0),
    ("minimum_lumen_area_mm2", "Smallest lumen, mm²", 2),
)
STYLE = (
    curves.STYLE
    + cut.STYLE
    + """
.scroll { --shade: rgb(0 0 0 / .3); overflow-x: auto; background: /* a shade at the side where more of the table lies */
  linear-gradient(to right, Canvas 50%, transparent) 0 0 / 30px 100% no-repeat local,
  linear-gradient(to left, Canvas 50%, transparent) 100% 0 / 30px 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) 0 0 / 12px 100% no-repeat,
  linear-gradient(to left, var(--shade), transparent) 100% 0 / 12px 100% no-repeat; }
@media (prefers-color-scheme: dark) { .scroll { --shade: rgb(255 255 255 / .35); } }
.scroll table { min-width: 640px; }
.legend span { display: inline-block; width: .9em; height: .9em; vertical-align: -.1em; margin: 0 .3em 0 .8em;
  border: 1px solid var(--line); print-color-adjust: exact; forced-color-adjust: none; }
@media print {
  @page { margin: 12mm; }
  :root { color-scheme: light; --line: #c4cad1; --quiet: #444c57; --warn: #6e4800; --soft: #fff6e0; }
  body { max-width: none; padding: 0; font: 8.6pt/1.35 system-ui, sans-serif; color: #000; background: #fff; }
  h1 { font-size: 13pt; }
  h2 { font-size: 10pt; margin: 9pt 0 3pt; break-after: avoid; }
  .notice { margin: 0 0 6pt; }
  .pictures { display: flex; gap: 4mm; break-inside: avoid; }
  .pictures figure { flex: 1 1 0; max-width: 46mm; }
  figcaption, small { font-size: 7.4pt; line-height: 1.25; }
  tr, p, li, figure { break-inside: avoid; }
  .measures { columns: 2; column-gap: 6mm; }
  th, td { padding: 1.6pt 4pt; }
  .scroll { overflow: visible; background: none; }
  .scroll table { min-width: 0; }
}
"""
)


def write_report(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the report of a pullback, or of each picture; the names."""
    if segmented.measures is not None:
        name = f"{stem}{SUFFIX}"
        write_file(folder / name, pullback_report_html(segmented).encode())
        return [name]
    names = [f"{frame}{SUFFIX}" for frame in segmented.stems]
    for place, (name, record) in enumerate(zip(names, segmented.records, strict=True)):
        drawn, (frame,) = _drawn(segmented, place), segmented.read_frames(place, place + 1)
        pictures = {OVERLAY_CAPTION: Image.fromarray(drawn), "Frame": Image.fromarray(frame)}
        write_file(folder / name, report_html(record["file"], segmented.run, record, pictures).encode())
    return names


def pullback_report_html(segmented: Segmented) -> str:
    """The report of a pullback."""
    measures, record = segmented.measures, segmented.pullback_record
    if measures is None or record is None:
        raise ValueError("these frames are no pullback, so there is nothing to report along the vessel")
    body = (
        f"{_summary(segmented, measures)}{_pictures(segmented, measures)}"
        f"<h2>Along the vessel</h2>\n{cuts_html(segmented, measures)}{curves_html(segmented, measures)}"
        f"{en_face_html(measures)}"
        f"<h2>What is measured</h2>\n{_numbers(record['pullback'])}{_range(record)}"
        f"{_plaques(record)}{_candidates(record)}"
        f"{warnings_list(record['warnings'])}{_withdrawn(segmented.records)}"
        f"<h2>Where it comes from</h2>\n{facts_list(_facts(segmented, record))}"
    )
    return page(segmented.file, STYLE, body)


def _summary(segmented: Segmented, measures: PullbackMeasures) -> str:
    whole = measures.whole
    parts = [f"{len(segmented)} frames, {whole.first_frame} to {whole.last_frame}"]
    if whole.length_mm is not None:
        parts.append(f"{whole.length_mm:.1f} mm")
    if whole.lipid_frame_count is not None:
        parts.append(f"lipid in {whole.lipid_frame_count}")
    if whole.withdrawn_frame_count:
        parts.append(f"nothing is said of {whole.withdrawn_frame_count}")
    if corrected := corrected_words(segmented.run):
        parts.append(f"outlines {corrected}")
    return f"<p>{escape('; '.join(parts))}.</p>\n"


def _pictures(segmented: Segmented, measures: PullbackMeasures) -> str:
    """The frames with the smallest lumen, the thinnest cap and the widest arc; a frame that is two of these once."""
    whole = measures.whole
    named: dict[int | None, list[str]] = {}
    for number, value, words in (
        (whole.minimum_lumen_area_frame, whole.minimum_lumen_area_mm2, "smallest lumen, {:.2f} mm²"),
        (
            whole.fibrous_cap_thickness_min_frame,
            whole.fibrous_cap_thickness_min_um,
            f"{CAP_OVER_FRAMES.lower()}, {{:.0f}} µm",
        ),
        (whole.lipid_arc_max_frame, whole.lipid_arc_max_deg, "widest arc, {:.0f}°"),
    ):
        named.setdefault(number, []).append(words.partition(",")[0] if value is None else words.format(value))
    place_of = {number: place for place, number in enumerate(segmented.numbers)}
    figures = [
        figure(
            f"Frame {number}: {' and '.join(words)}{_whose(segmented.records[place_of[number]])}",
            Image.fromarray(_drawn(segmented, place_of[number])),
        )
        for number, words in named.items()
        if number in place_of
    ]
    return f'<div class="pictures">{"".join(figures)}</div>\n' if figures else ""


def _whose(record: Record) -> str:
    """Whose outlines the numbers of a frame are of, where a reader has looked at them."""
    return f" ({record['outlines']})" if "outlines" in record else ""


def _drawn(segmented: Segmented, place: int) -> Frame:
    record, frame = segmented.records[place], next(segmented.read_frames(place, place + 1))
    spacing_mm = record["pixel_spacing_mm"]
    return draw_overlay(
        frame, segmented.read_masks(place), disc=imaged(frame), pixel_spacing_mm=spacing_mm, legend=True
    )


def _numbers(stretch: Mapping[str, Any]) -> str:
    """A line for each number of the whole pullback, or of the range."""
    rows = []
    for field, label, unit, digits, meaning in ROWS:
        value, interval = stretch.get(field), (stretch.get("intervals_95") or {}).get(field)
        if field == "minimum_lumen_area_px" and stretch.get("minimum_lumen_area_mm2") is not None:
            continue
        said = "not measured" if value is None else f"{value:.{digits}f} {unit}"
        spread = (
            "" if interval is None else f"<small>95 %: {interval[0]:.{digits}f} to {interval[1]:.{digits}f}</small>"
        )
        rows.append(
            f'<tr><th scope="row">{escape(label)}<small>{escape(meaning)}</small></th>'
            f'<td class="number" data-measure="{field}">{said}{_where(stretch, field)}{spread}</td></tr>'
        )
    return f'<div class="measures"><table class="numbers"><tbody>{"".join(rows)}</tbody></table></div>\n'


def _range(record: Mapping[str, Any]) -> str:
    """The numbers of a range that was chosen, by itself."""
    chosen = record["range"]
    if chosen is None:
        return ""
    frames = frames_words(chosen["first_frame"], chosen["last_frame"])
    return (
        f'<section data-range="{frames}"><h2>In the chosen range, frames {frames}</h2>\n{_numbers(chosen)}'
        f"{warnings_list(chosen['warnings'], 'What to be careful about in this range')}</section>\n"
    )


def _where(stretch: Mapping[str, Any], field: str) -> str:
    """The frame that a number is of."""
    stem = field
    for ending in ("_mm2", "_px", "_um", "_deg"):
        stem = stem.removesuffix(ending)
    number = stretch.get(f"{stem}_frame")
    return "" if number is None else f"<small>frame {number}</small>"


def _plaques(record: Mapping[str, Any]) -> str:
    """A line for each plaque, the longest first."""
    plaques = record["pullback"]["plaques"]
    if not plaques:
        return f"<h2>Plaques</h2>\n<p>{no_plaque_words(record['pullback']['lipid_frame_count'])}</p>\n"
    heads = ("Plaque", "Frames", *(label for _, label, _ in PLAQUE_COLUMNS), "CLIMA, of 3", "TCFA frames in a row")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(_plaque(number, plaque) for number, plaque in enumerate(plaques, start=1))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    said = (
        f"CLIMA: how many of three criteria are met (smallest lumen under {CLIMA_LUMEN_MM2:g} mm², cap under "
        f"{CLIMA_CAP_UM:.0f} µm, arc over {CLIMA_ARC_DEG:.0f}°); the fourth, macrophages, is not measured."
    )
    return f'<h2>Plaques</h2>\n<div class="scroll" tabindex="0">{table}</div>\n<p><small>{said}</small></p>\n'


def _plaque(number: int, plaque: Mapping[str, Any]) -> str:
    clima = plaque["clima"]
    runs = plaque["tcfa_candidates"]
    told = NONE if runs is None else ", ".join(f"{run['first_frame']} to {run['last_frame']}" for run in runs) or "none"
    cells = [
        frames_words(plaque["first_frame"], plaque["last_frame"]),
        *(NONE if plaque.get(name) is None else f"{plaque[name]:.{digits}f}" for name, _, digits in PLAQUE_COLUMNS),
        NONE if clima is None or clima["met_count"] is None else str(clima["met_count"]),
        told,
    ]
    return f'<tr><th scope="row">{number}</th>' + "".join(f'<td class="number">{cell}</td>' for cell in cells) + "</tr>"


def _candidates(record: Mapping[str, Any]) -> str:
    runs = record["pullback"]["tcfa_candidates"]
    limits = f"a core with a cap under {CAP_UM:.0f} µm and an arc over {ARC_DEG:.0f}°"
    if runs is None:
        return f"<p>Whether three frames in a row show {limits} cannot be judged.</p>\n"
    if not runs:
        return f"<p>No three frames in a row show {limits}.</p>\n"
    items = "".join(
        f"<li>Frames {run['first_frame']} to {run['last_frame']}: cap down to "
        f"{run['fibrous_cap_thickness_min_um']:.0f} µm, arc up to {run['lipid_arc_max_deg']:.0f}°</li>"
        for run in runs
    )
    return f"<h2>Thin-cap fibroatheroma</h2>\n<p>Three or more frames in a row show {limits}:</p><ul>{items}</ul>\n"


def _withdrawn(records: Sequence[Record]) -> str:
    """Each reason with its frames."""
    reasons = Counter(record["withdrawn"] for record in records if record["withdrawn"] is not None)
    items = "".join(f"<li>{count} of {len(records)} frames: {escape(reason)}</li>" for reason, count in reasons.items())
    return f"<h2>Frames of which nothing is said</h2>\n<ul>{items}</ul>\n" if items else ""


def _facts(segmented: Segmented, record: Mapping[str, Any]) -> dict[str, Any]:
    scale = scale_of(
        {
            "pixel_spacing_mm": record["pixel_spacing_mm"],
            "pixel_spacing_source": record["pixel_spacing_source"],
            "pixel_spacing_evidence": record["pixel_spacing_evidence"],
        }
    )
    spacing = record["frame_spacing_mm"]
    first = segmented.records[0]
    return {
        "Scale": scale,
        "Between frames": "unknown" if spacing is None else f"{spacing:g} mm, source: {record['frame_spacing_source']}",
        "Frames": f"{first['height']} x {first['width']} pixels; sha256 of the first {first['frame_sha256']}",
        "Smoothing": record["smoothing"],
        **model_facts(segmented.run),
    }
