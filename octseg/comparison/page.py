"""comparison.html: two readings compared on one page that loads nothing, with the frames in which they differ most."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from octseg.classes import BY_NAME
from octseg.comparison.agreement import BlandAltman
from octseg.comparison.comparing import Compared, FrameCompared, limited_planes
from octseg.comparison.overlap import Mask
from octseg.comparison.plots import STYLE, along_html, differences_html
from octseg.export.report.page import figure, page, warnings_list

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
BOTH, FOUND, REFERENCE = (200, 200, 200), (86, 180, 233), (230, 120, 20)
MARGIN = 0.15
TISSUES_STYLE = (
    "tr:first-child th + th { text-align: right; } .wide { overflow-x: auto; }"
    ".worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px; }"
)


def comparison_html(compared: Compared, summary: Mapping[str, Any]) -> str:
    """The page of a comparison and its summary."""
    body = (
        f"<p>{summary['n_frames']} frames: <b>{escape(compared.found)}</b> (found) against "
        f"<b>{escape(compared.reference)}</b> (reference). Differences are found less reference.</p>"
        + warnings_list(compared.warnings)
        + _classes_table(summary["classes"])
        + _presence(summary)
        + _plots(compared, summary)
        + _along(compared)
        + _worst(compared)
    )
    return page("Two readings compared", STYLE + TISSUES_STYLE, body)


def _classes_table(classes: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("Tissue", "Dice", "IoU", "NSD", "HD95, mm", "ASSD, mm"))
    rows = "".join(
        f"<tr><th>{BY_NAME[name].label}</th>"
        + "".join(
            f'<td class="number">{_told(told[key], digits)}</td>'
            for key, digits in (("dice_pooled", 3), ("iou_pooled", 3), ("nsd", 3), ("hd95_mm", 3), ("assd_mm", 3))
        )
        + "</tr>"
        for name, told in classes.items()
    )
    said = (
        "Dice and IoU over the pixels of all frames; distances of outlines are means over frames, within tolerances of "
        "0.02 mm, lipid core 0.1 mm (NSD). Lipid core counts to 1.2 mm behind the lumen in both."
    )
    table = f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
    return f"<h2>Outlines</h2>{table}<p><small>{said}</small></p>"


def _presence(summary: Mapping[str, Any]) -> str:
    rows = ""
    for key, label in (("lipid", "Lipid core"), ("tcfa", "Thin-cap fibroatheroma, by the frame")):
        told = summary[key]
        if told is not None:
            counts = (told[name] for name in ("true_positive", "false_positive", "false_negative", "true_negative"))
            cells = "".join(f'<td class="number">{count}</td>' for count in counts)
            rows += f'<tr><th>{label}</th>{cells}<td class="number">{_told(told["kappa"], 2)}</td></tr>'
    if not rows:
        return ""
    head = "".join(
        f"<th>{name}</th>" for name in ("In a frame", "both", "found alone", "reference alone", "neither", "kappa")
    )
    return f'<h2>There or not</h2><div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _plots(compared: Compared, summary: Mapping[str, Any]) -> str:
    plots = ""
    for name, told in summary["measures"].items():
        both = compared.readings_of(name)
        if told["bland_altman"] is not None and len(both) >= LEAST_FRAMES:
            label, unit = LABELS[name]
            found, reference = [each[1] for each in both], [each[2] for each in both]
            plots += differences_html(label, unit, found, reference, BlandAltman(**told["bland_altman"]))
    return f'<h2>Measures</h2><div class="plots">{plots}</div>' if plots else ""


def _along(compared: Compared) -> str:
    frames = sorted((frame for frame in compared.frames if frame.number is not None), key=lambda each: each.number or 0)
    numbers = [frame.number for frame in frames if frame.number is not None]
    if len(numbers) < LEAST_FRAMES or len(set(numbers)) < len(compared.frames):
        return ""
    curves = ""
    for name, (label, unit) in LABELS.items():
        found, reference = ([_number(side.get(name)) for side in sides] for sides in _sides(frames))
        if any(value is not None for value in (*found, *reference)):
            curves += along_html(label, unit, numbers, found, reference)
    key = '<p class="key"><b class="one">found</b>, <b class="other">reference (dashed)</b></p>'
    return f'<h2>Along the vessel</h2>{key}<div class="plots">{curves}</div>' if curves else ""


def _sides(frames: Sequence[FrameCompared]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    return [frame.found for frame in frames], [frame.reference for frame in frames]


def _worst(compared: Compared) -> str:
    """Of each of the frames that differ most, the agreement of each tissue that differs."""
    telling = [name for name in compared.classes if name != SPECKS] or compared.classes

    def dice(place: int) -> float:
        overlaps = compared.frames[place].overlaps
        return min((told for name in telling if (told := overlaps[name].dice) is not None), default=1.0)

    places = sorted(range(len(compared.frames)), key=dice)[:WORST]
    figures = ""
    for place in places:
        frame, (found, reference) = compared.frames[place], limited_planes(compared, place)
        for name in compared.classes:
            overlap = frame.overlaps[name]
            if overlap.dice is not None and overlap.dice < ALIKE:
                said = f"Frame {frame.label}, {BY_NAME[name].label.lower()}: Dice {overlap.dice:.2f}"
                figures += figure(said, agreement_picture(found[name], reference[name]))
    key = "Grey: both; blue: found alone; orange: reference alone."
    return f'<h2>Frames that differ most</h2><p>{key}</p><div class="worst">{figures}</div>' if figures else ""


def agreement_picture(found: Mask, reference: Mask) -> Image.Image:
    """Where two masks (H, W) agree, cut to what they cover and a margin."""
    indices = np.where(found & reference, 1, np.where(found, 2, np.where(reference, 3, 0))).astype(np.uint8)
    rows, cols = (np.flatnonzero((indices > 0).any(axis=axis)) for axis in (1, 0))
    margin = 4 + round(MARGIN * max(rows[-1] - rows[0], cols[-1] - cols[0]))
    top, left = max(0, rows[0] - margin), max(0, cols[0] - margin)
    picture = Image.fromarray(np.ascontiguousarray(indices[top : rows[-1] + margin, left : cols[-1] + margin]))
    picture.putpalette(bytes((0, 0, 0, *BOTH, *FOUND, *REFERENCE)))
    return picture


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _told(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
