"""What a report shows along the vessel: curves of the frames' measures, and the wall unrolled."""

import numpy as np
from PIL import Image

from octseg.drawing.unrolled import WALL_COLOURS
from octseg.export.report.curves import Curve, axis_html, bands_of, curve_html
from octseg.export.report.page import image
from octseg.export.segmented import Record, Segmented
from octseg.measurement.clima import CLIMA_ARC_DEG, CLIMA_LUMEN_MM2
from octseg.measurement.pullback import PullbackMeasures
from octseg.measurement.pullback.stretch import StretchMeasures
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.measurement.wording import TO_DEPTH, VISIBLE_AREA, WITHOUT_SCALE


def curves_html(segmented: Segmented, measures: PullbackMeasures) -> str:
    """Lumen area, visible plaque area, arc and cap, one below the other."""
    whole = measures.whole
    by_number = {record["frame"]: record for record in segmented.records}
    rows = [by_number.get(number, {}) for number in range(whole.first_frame, whole.last_frame + 1)]
    bands = bands_of([not row or row["withdrawn"] is not None for row in rows])
    said = "<p><small>Grey bands: frames of which nothing is said. Dashed: limits of risk.</small></p>\n"
    axis = axis_html(whole.first_frame, len(rows), measures.frame_spacing_mm)
    return said + "".join(curve_html(each, bands) for each in (*_areas(rows, whole), *_others(rows, whole))) + axis


def _areas(rows: list[Record], whole: StretchMeasures) -> tuple[Curve, Curve]:
    in_mm2 = any(row.get("lumen_area_mm2") is not None for row in rows)
    unit, ending = ("mm²", "mm2") if in_mm2 else ("px", "px")
    lumen = Curve(
        label="Lumen area",
        unit=unit,
        values=[row.get(f"lumen_area_{ending}") for row in rows],
        kind="lumen",
        limits=((CLIMA_LUMEN_MM2, f"{CLIMA_LUMEN_MM2:g} mm²"),) if in_mm2 else (),
        marked=_place(whole.minimum_lumen_area_frame, whole),
    )
    lipid = [_or_nothing(row, f"lipid_core_area_{ending}") for row in rows]
    said = f"Lipid {TO_DEPTH if in_mm2 else WITHOUT_SCALE}."
    return lumen, Curve(label=VISIBLE_AREA, unit=unit, values=lipid, kind="lipid", said=said)


def _others(rows: list[Record], whole: StretchMeasures) -> tuple[Curve, Curve]:
    arc = Curve(
        label="Lipid arc",
        unit="degrees",
        values=[row.get("lipid_arc_deg") for row in rows],
        kind="arc",
        limits=((ARC_DEG, f"{ARC_DEG:.0f}°"), (CLIMA_ARC_DEG, f"{CLIMA_ARC_DEG:.0f}°")),
        marked=_place(whole.lipid_arc_max_frame, whole),
        least_top=200.0,
    )
    cap = Curve(
        label="Thinnest cap of each frame",
        unit="µm",
        values=[row.get("fibrous_cap_thickness_min_um") for row in rows],
        kind="cap",
        said="No line where there is no cap to measure.",
        limits=((CAP_UM, f"{CAP_UM:.0f} µm"),),
        marked=_place(whole.fibrous_cap_thickness_min_frame, whole),
        least_top=100.0,
    )
    return arc, cap


def _or_nothing(row: Record, name: str) -> float | None:
    """An area, 0 where nothing was found in a frame of which something is said."""
    value: float | None = row.get(name)
    return 0.0 if value is None and row.get("lipid_arc_deg") is not None else value


def _place(number: int | None, whole: StretchMeasures) -> int | None:
    return None if number is None else number - whole.first_frame


def en_face_html(measures: PullbackMeasures) -> str:
    """The wall unrolled: a column a frame, rays from the top down."""
    codes = np.where(measures.lipid, 1, np.where(measures.unjudged > 0, 2, 0)).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(codes.T))
    picture.putpalette(bytes(level for colour in WALL_COLOURS for level in colour))
    swatches = "".join(
        f'<span style="background:rgb{colour}"></span>{name}'
        for name, colour in zip(("wall", "lipid", "cannot be judged"), WALL_COLOURS, strict=True)
    )
    ticks = "".join(f'<span class="tick y" style="top:{deg / 3.6:.2f}%">{deg}°</span>' for deg in range(0, 361, 90))
    caption = "<b>The wall unrolled</b>, degrees about the lumen's middle, 0 to the right, clockwise."
    return (
        f'<figure class="curve"><figcaption>{caption} <span class="legend">{swatches}</span></figcaption>'
        f'<div class="plot">{image("The wall unrolled", picture)}{ticks}</div></figure>\n'
        f"{axis_html(measures.whole.first_frame, len(codes), measures.frame_spacing_mm)}"
    )
