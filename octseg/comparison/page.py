"""comparison.html: two readings compared on one page that loads nothing, with the frames in which they differ most."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from octseg.classes import BY_NAME
from octseg.comparison.agreement import BlandAltman
from octseg.comparison.comparing import FOUND_REFERENCE, Compared, FrameCompared, limited_planes
from octseg.comparison.figures import kappa_words
from octseg.comparison.pictures import agreement_picture, outlines_picture
from octseg.comparison.plots import STYLE, along_html, differences_html
from octseg.export.report.page import figure, page, warnings_list, wide
from octseg.pullback import Frame

LABELS = {
    "lumen_area_mm2": ("Lumen area", "mm²"),
    "lipid_core_area_mm2": ("Visible plaque area", "mm²"),
    "lipid_arc_deg": ("Lipid arc", "°"),
    "fibrous_cap_thickness_min_um": ("Thinnest cap", "µm"),
}
WORST = 6  # frames shown
ALIKE = 0.95  # Dice of outlines that need not be looked at
SPECKS = "vasa_vasorum"  # of a few pixels, whose Dice would order all frames
LEAST_FRAMES = 3  # for a plot
SHORT = 1000
PRESENCE = (("lipid", "Lipid core"), ("tcfa", "Thin-cap fibroatheroma, by the frame"))
TISSUES_STYLE = """
tr:first-child th + th { text-align: right; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 16px; }
@media print {
  :root { color-scheme: light; --line: #c5cad0; --quiet: #444; --warn: #6a4400; --soft: #fff; }
  body { max-width: none; padding: 0; font-size: 11px; }
  h2 { break-after: avoid; }
  figure, tr, ul.warnings { break-inside: avoid; }
  .plots, .worst { grid-template-columns: 1fr 1fr; }
  svg circle { fill: #0072b2; } svg .found { stroke: #0072b2; } svg .reference { stroke: #d55e00; }
  .key .one { color: #0072b2; } .key .other { color: #b34700; }
}
"""
ONE_VESSEL = (
    "95 % intervals by bootstrap over {n} {what}: how sure a figure is for these frames, not for other patients'."
)
FrameOf = Callable[[FrameCompared], Frame | None]


def comparison_html(compared: Compared, summary: Mapping[str, Any], frame_of: FrameOf = lambda _: None) -> str:
    """The page of a comparison and its summary; frame_of: a frame's pixels (H, W, 3), where they are at hand."""
    one, other = (escape(word) for word in compared.words)
    count = summary["n_frames"]
    names = f"<b>{escape(compared.found)}</b> against <b>{escape(compared.reference)}</b>"
    if compared.words == FOUND_REFERENCE:
        names = f"<b>{escape(compared.found)}</b> (found) against <b>{escape(compared.reference)}</b> (reference)"
    body = (
        f"<p>{count} frame{'' if count == 1 else 's'}: {names}. Differences are {one} less {other}.</p>"
        + warnings_list(compared.warnings)
        + _classes_table(summary["classes"])
        + _presence(summary, compared)
        + _measures_table(summary["measures"], one, other)
        + _plots(compared, summary)
        + _along(compared)
        + _worst(compared, frame_of)
    )
    return page("Two readings compared", STYLE + TISSUES_STYLE, body)


def _table(label: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table that can be scrolled with keys where it is wider than the page; columns, names and cells as HTML."""
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{name}</th>' + "".join(f'<td class="number">{cell}</td>' for cell in cells) + "</tr>"
        for name, cells in rows
    )
    return wide(label, f"<table><tr>{head}</tr>{body}</table>")


def _classes_table(classes: Mapping[str, Any]) -> str:
    keys = (("dice_pooled", 3), ("iou_pooled", 3), ("nsd", 3), ("hd95_mm", 3), ("assd_mm", 3))
    rows = [(BY_NAME[name].label, [_told(told[key], digits) for key, digits in keys]) for name, told in classes.items()]
    said = (
        "Dice and IoU over the pixels of all frames; distances of outlines are means over frames, within tolerances of "
        "0.02 mm, lipid core 0.1 mm (NSD). Lipid core counts to 1.2 mm behind the lumen in both."
    )
    table = _table("Outlines", ("Tissue", "Dice", "IoU", "NSD", "HD95, mm", "ASSD, mm"), rows)
    return f"<h2>Outlines</h2>{table}<p><small>{said}</small></p>"


def _presence(summary: Mapping[str, Any], compared: Compared) -> str:
    one, other = (escape(word) for word in compared.words)
    keys = ("n", "true_positive", "false_positive", "false_negative", "true_negative")
    there = [(label, summary[key]) for key, label in PRESENCE if summary[key] is not None]
    if not there:
        return ""
    rows = [(label, [*(str(told[key]) for key in keys), kappa_words(told)]) for label, told in there]
    columns = ("In a frame", "frames", "both", f"{one} alone", f"{other} alone", "neither", "kappa (95 %)")
    groups = max(told["n_groups"] for _, told in there)
    what = "frames" if groups == max(told["n"] for _, told in there) else "runs of neighbouring frames"
    said = ONE_VESSEL.format(n=groups, what=what) if any(told["kappa_95"] for _, told in there) else ""
    notes = "".join(f" Kappa, {label}: {told['kappa_note']}." for label, told in there if told["kappa_note"])
    return f"<h2>There or not</h2>{_table('There or not', columns, rows)}<p><small>{said}{escape(notes)}</small></p>"


def _measures_table(measures: Mapping[str, Any], one: str, other: str) -> str:
    """Bias and limits of agreement of each measure, as numbers."""
    rows = []
    for name, told in measures.items():
        (label, unit), agreed = LABELS[name], told["bland_altman"]
        cells = [str(told["n"]), _short(told["found_mean"]), _short(told["reference_mean"])]
        cells += ["-", "-"] if agreed is None else [_signed(agreed["bias"]), _limits(agreed)]
        rows.append((f"{label}, {unit}", [*cells, _told(told["icc_2_1"], 2)]))
    if not rows:
        return ""
    columns = ("Measure", "frames", f"mean, {one}", f"mean, {other}", "bias", "limits of agreement", "ICC(2,1)")
    said = (
        "Limits of agreement: bias and 1.96 standard deviations of the differences (Bland and Altman 1986). Both sides "
        "are measured anew from whole pixels of their masks. The outlines that results are measured by lie between "
        "pixels, so their own files have slightly other values: as a rule by less than 1 % of an area, 1 degree of an "
        "arc and 5 um of a cap."
    )
    return f"<h2>Measures</h2>{_table('Measures', columns, rows)}<p><small>{said}</small></p>"


def _limits(agreed: Mapping[str, float]) -> str:
    return f"{_signed(agreed['lower'])} to {_signed(agreed['upper'])}"


def _plots(compared: Compared, summary: Mapping[str, Any]) -> str:
    plots = ""
    for name, told in summary["measures"].items():
        both = compared.readings_of(name)
        if told["bland_altman"] is not None and len(both) >= LEAST_FRAMES:
            label, unit = LABELS[name]
            found, reference = [each[1] for each in both], [each[2] for each in both]
            plots += differences_html(label, unit, found, reference, BlandAltman(**told["bland_altman"]))
    return f'<div class="plots">{plots}</div>' if plots else ""


def _along(compared: Compared) -> str:
    if not compared.in_order or len(compared.frames) < LEAST_FRAMES:
        return ""
    frames = sorted(compared.frames, key=lambda each: each.number or 0)
    numbers = [frame.number for frame in frames if frame.number is not None]
    curves = ""
    for name, (label, unit) in LABELS.items():
        found, reference = ([_number(side.get(name)) for side in sides] for sides in _sides(frames))
        if any(value is not None for value in (*found, *reference)):
            curves += along_html(label, unit, numbers, found, reference)
    return f'<h2>Along the vessel</h2>{_key(compared)}<div class="plots">{curves}</div>' if curves else ""


def _key(compared: Compared) -> str:
    one, other = (escape(word) for word in compared.words)
    return f'<p class="key"><b class="one">{one}</b>, <b class="other">{other} (dashed)</b></p>'


def _sides(frames: Sequence[FrameCompared]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    return [frame.found for frame in frames], [frame.reference for frame in frames]


def _worst(compared: Compared, frame_of: FrameOf) -> str:
    """Both outlines on each of the frames that differ most; without its pixels the agreement of each tissue."""
    telling = [name for name in compared.classes if name != SPECKS] or compared.classes

    def dice(place: int) -> float:
        overlaps = compared.frames[place].overlaps
        return min((told for name in telling if (told := overlaps[name].dice) is not None), default=1.0)

    places = [place for place in sorted(range(len(compared.frames)), key=dice)[:WORST] if dice(place) < ALIKE]
    shown = masks = ""
    for place in places:
        frame, (found, reference) = compared.frames[place], limited_planes(compared, place)
        pixels = frame_of(frame)
        if pixels is not None and pixels.shape[:2] == found[telling[0]].shape:
            shown += figure(_caption(frame), outlines_picture(pixels, found, reference, compared.classes))
            continue
        for name in compared.classes:
            overlap = frame.overlaps[name]
            if overlap.dice is not None and overlap.dice < ALIKE:
                said = f"Frame {frame.label}, {BY_NAME[name].label.lower()}: Dice {overlap.dice:.2f}"
                masks += figure(said, agreement_picture(found[name], reference[name]))
    one, other = (escape(word) for word in compared.words)
    told = f'<p>Outlines by {one} are solid and blue, by {other} dashed and orange.</p><div class="worst">{shown}</div>'
    told = told if shown else ""
    if masks:
        told += f'<p>Grey: both; blue: {one} alone; orange: {other} alone.</p><div class="worst">{masks}</div>'
    return f"<h2>Frames that differ most</h2>{told}" if told else ""


def _caption(frame: FrameCompared) -> str:
    """What a frame's two readings come to."""
    dices = [(BY_NAME[name].label.lower(), each.dice) for name, each in frame.overlaps.items()]
    told = [f"Dice {', '.join(f'{label} {dice:.2f}' for label, dice in dices if dice is not None)}"]
    for name in ("lipid_arc_deg", "fibrous_cap_thickness_min_um"):
        (label, unit), both = LABELS[name], [_number(side.get(name)) for side in (frame.found, frame.reference)]
        if any(value is not None for value in both):
            first, second = ("none" if value is None else f"{value:.0f}" for value in both)
            told.append(f"{label.lower()} {first} and {second} {unit}")
    return f"Frame {frame.label}: {'; '.join(told)}"


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _told(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < SHORT else f"{value:.0f}"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if abs(value) < SHORT else f"{value:+.0f}"
