"""Where numbers were measured, for the picture: a click on a number shows its place. No arithmetic lives here."""

from typing import Any

from octseg.drawing.places import Mark, marks_of
from octseg.measurement import FrameMeasures
from octseg.result import FrameResult
from octseg.ui.markup import number, text

PARTS_OF_PX = 10  # lines are whole numbers of tenths of a pixel
PLACE_OF = {  # field of FrameMeasures: the place that its number is of
    "lumen_diameter_max_mm": "diameter_max",
    "lumen_diameter_min_mm": "diameter_min",
    "lipid_arc_deg": "arc",
    "lipid_arc_widest_deg": "arc",
    "fibrous_cap_thickness_min_um": "cap",
}
SHOW = "Show where it was measured"


def marks_record(result: FrameResult, unit: float) -> list[dict[str, Any]]:
    """Each place as lines [x0, y0, ...] in tenths of a pixel, and what its number says; unit: a line's width.

    core: which core, from 1 on, an arc is of.
    """
    marks = [] if result.places is None else marks_of(result.places, unit)
    told = ((mark, words_of(mark, result.measures)) for mark in marks)
    return [
        {
            "name": mark.name,
            "core": None if mark.core is None else mark.core + 1,
            "lines": [_tenths(*line) for line in mark.lines],
            "at": _tenths(mark.words_at),
            "ring": None if mark.ring is None else [*_tenths(mark.ring[0]), round(mark.ring[1] * PARTS_OF_PX)],
            "said": said,
        }
        for mark, said in told
        if said
    ]


def words_of(mark: Mark, measures: FrameMeasures) -> str:
    """The number that a mark shows the place of; "" where there is none."""
    if mark.name == "arc":
        cores = measures.lipid_cores or ()
        return f"{number(cores[mark.core].arc_deg, 0)}°" if mark.core is not None and mark.core < len(cores) else ""
    values = {
        "cap": (measures.fibrous_cap_thickness_min_um, 0, "µm"),
        "diameter_max": (measures.lumen_diameter_max_mm, 2, "mm"),
        "diameter_min": (measures.lumen_diameter_min_mm, 2, "mm"),
    }
    value, digits, unit = values[mark.name]
    return "" if value is None else f"{number(value, digits)} {unit}"


def marks_svg(result: FrameResult, unit: float) -> str:
    """The same as shapes of an SVG with a user unit a pixel."""
    return "".join(_mark_svg(mark, unit) for mark in marks_record(result, unit))


def _mark_svg(mark: dict[str, Any], unit: float) -> str:
    lines = [[_px(each) for each in line] for line in mark["lines"]]
    path = "".join("M" + " ".join(line) for line in lines)
    ring, above = "", unit * 8
    if mark["ring"]:
        x, y, radius = map(_px, mark["ring"])
        ring, above = f'<circle class="oct-ring" cx="{x}" cy="{y}" r="{radius}"/>', float(radius) + unit * 4
    x, y = map(_px, mark["at"])
    shapes = f'<path class="oct-mark-edge" d="{path}"/><path d="{path}"/>{ring}'
    words = f'<text x="{x}" y="{y}" font-size="{unit * 12:.1f}" dy="{-above:.1f}">{text(mark["said"])}</text>'
    core = f' data-core="{mark["core"]}"' if mark["core"] else ""
    return f'<g class="oct-mark" data-mark="{mark["name"]}"{core}>{shapes}{words}</g>'


def shown(field: str, value: float | None, html: str) -> str:
    """A number as what shows its place, where it has one; an arc all around has no ends."""
    place = PLACE_OF.get(field)
    if place is None or value is None or (place == "arc" and not 0 < value < 360):
        return html
    return f'<button type="button" class="oct-place" data-place="{place}" title="{SHOW}">{html}</button>'


def _tenths(*points: tuple[float, float]) -> list[int]:
    return [round(each * PARTS_OF_PX) for row, col in points for each in (col, row)]


def _px(tenths: int) -> str:
    return f"{tenths / PARTS_OF_PX:g}"
