"""What the page draws a pullback from, as plain values: `run.json` and a file for each frame."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME
from octseg.drawing.lettering import above_strip
from octseg.drawing.overlay import HATCH_PERIOD, HATCH_WIDTH, PENS
from octseg.drawing.strokes import outlines
from octseg.drawing.unrolled import WALL_COLOURS
from octseg.measurement.clima import CLIMA_ARC_DEG, CLIMA_LUMEN_MM2
from octseg.measurement.pullback import FrameAlong, PullbackMeasures
from octseg.measurement.tcfa import ARC_DEG, CAP_UM
from octseg.measurement.wording import VISIBLE_AREA
from octseg.pullback import Pullback
from octseg.result import FrameResult
from octseg.ui.along import jumps_html, plaques_html, taken_html, vessel_html
from octseg.ui.cards import scale_html, withdrawn_html
from octseg.ui.numbers import summary_html, table_html
from octseg.ui.picture import OUTLINE_TOLERANCE_PX, rgb, unit_px
from octseg.ui.places import PARTS_OF_PX, marks_record

if TYPE_CHECKING:
    from octseg.ui.run import Given, Progress


def frame_record(result: FrameResult, preset: str | None) -> dict[str, Any]:
    """Outlines of one frame by tissue, [x0, y0, x1, ...] in tenths of a pixel, and what stands beside it as HTML."""
    return {
        "outlines": {name: rings for name in PENS if (rings := _rings(result.masks.get(name)))},
        "withdrawn": result.withdrawn,
        "doubt": result.doubt is not None,
        "scale": result.pixel_spacing_mm,
        "bar_above": bar_above(result),
        "centre": None if result.places is None else [round(at, 1) for at in reversed(result.places.centre)],
        "marks": marks_record(result, unit_px(*result.frame.shape[:2])),
        "numbers": (
            withdrawn_html(result.withdrawn)
            + summary_html(result)
            + (table_html(result.measures, result.intervals_95) if result.withdrawn is None else "")
            + scale_html(result.scale, preset, is_withdrawn=result.withdrawn is not None)
        ),
    }


def bar_above(result: FrameResult) -> int:
    """Row that a scale bar stays above: of the picture's end, or of a strip that it shows below its disc."""
    return len(above_strip(result.frame, result.disc))


def _rings(mask: NDArray[np.bool_] | None) -> list[list[int]]:
    """Closed outlines of a mask (H, W) and of its holes."""
    if mask is None:
        return []
    kept = (cv2.approxPolyDP(each[:, None], OUTLINE_TOLERANCE_PX, closed=True)[:, 0] for each in outlines(mask))
    return [np.rint(each * PARTS_OF_PX).astype(int).ravel().tolist() for each in kept]


def run_record(
    pullback: Pullback,
    given: "Given",
    progress: "Progress",
    frames: Sequence[FrameAlong],
    measures: PullbackMeasures | None,
) -> dict[str, Any]:
    """How far a run is and what is measured so far; lists are a value a frame, None where there is none."""
    height, width = progress.size or (None, None)
    return {
        "state": progress.state,
        "sentence": progress.sentence,
        "frame_count": len(pullback) if progress.state == "running" else progress.done,
        "first_number": pullback.first_number,
        "done": progress.done,
        "waiting_for": progress.waiting_for,
        "seconds_left": progress.seconds_left,
        "height": height,
        "width": width,
        "unit_px": None if height is None or width is None else unit_px(height, width),
        "pens": pens_record(),
        "frame_spacing_mm": pullback.frame_spacing_mm,
        "pixel_spacing_mm": None if progress.scale is None else progress.scale.pixel_spacing_mm,
        "range": progress.range,
        "entered_spacing_mm": pullback.frame_spacing_mm if pullback.frame_spacing_source == "user" else None,
        "refused": progress.refused,
        "asked": max(progress.asked.values(), default=0.0),
        "withdrawn": [frame.frame in progress.withdrawn for frame in frames],
        "curves": curves(frames),
        "lipid": None if measures is None else measures.en_face_record(),
        "wall_colours": dict(zip(("wall", "lipid", "unjudged"), map(rgb, WALL_COLOURS), strict=True)),
        "taken": taken_html(pullback, given, progress),
        "jumps": "" if measures is None else jumps_html(measures),
        "vessel": "" if measures is None else vessel_html(measures),
        "plaques": "" if measures is None else plaques_html(measures, is_over=progress.state != "running"),
    }


def pens_record() -> dict[str, Any]:
    """How each tissue is drawn, in the order of drawing; lengths in units of a line's width."""
    return {
        name: {
            "colour": rgb(BY_NAME[name].colour),
            "label": BY_NAME[name].label,
            "width": pen.width,
            "dash": pen.dash,
            "gap": pen.gap,
            "fill": pen.fill,
            "beside": pen.fills_beside_outline,
            "hatch": [HATCH_PERIOD, HATCH_WIDTH] if pen.hatched else None,
        }
        for name, pen in PENS.items()
    }


def curves(frames: Sequence[FrameAlong]) -> list[dict[str, Any]]:
    """The four curves along the vessel, with the limits of risk; areas in pixels where no frame has a scale."""
    scaled = any(frame.lumen_area_mm2 is not None for frame in frames)
    unit, digits = ("mm²", 2) if scaled else ("px", 0)

    def area(kind: str) -> Callable[[FrameAlong], float | None]:
        return lambda frame: getattr(frame, f"{kind}_area_{'mm2' if scaled else 'px'}")

    told: list[tuple[str, str, str, int, Callable[[FrameAlong], float | None], tuple[float, ...]]] = [
        ("lumen", "Lumen area", unit, digits, area("lumen"), (CLIMA_LUMEN_MM2,) if scaled else ()),
        ("plaque", VISIBLE_AREA, unit, digits, area("lipid"), ()),
        ("arc", "Lipid arc", "°", 0, lambda frame: frame.lipid_arc_deg, (ARC_DEG, CLIMA_ARC_DEG)),
        ("cap", "Thinnest cap of each frame", "µm", 0, lambda frame: frame.cap_min_um, (CAP_UM,)),
    ]
    return [
        {
            "name": name,
            "label": label,
            "unit": of,
            "digits": places,
            "values": [take(frame) for frame in frames],  # in full: they are rounded where they are shown, once
            "limits": list(limits),
            "none_at_0": name == "plaque",  # drawn as 0 where it was not found, which has no area
        }
        for name, label, of, places, take, limits in told
    ]
