"""What is said along a vessel, as HTML: what a file was taken for, its extremes, its plaques. No arithmetic lives here.

`data-go` on a button names the frame that it leads to.
"""

from functools import partial
from typing import TYPE_CHECKING

from octseg.measurement.pullback import PullbackMeasures, StretchMeasures
from octseg.measurement.wording import CAP_OVER_FRAMES, frames_words, no_plaque_words
from octseg.pullback import Pullback
from octseg.ui.cards import SOURCES, correct_html
from octseg.ui.how import named
from octseg.ui.markup import NOT_MEASURED, interval_html, number, sentences, text

if TYPE_CHECKING:
    from octseg.ui.run import Given, Progress

SPACING_SOURCES = {
    "dicom": "DICOM header",
    "user": "entered by you",
    "frame_count": "as pullbacks of so many frames have as a rule",
    None: "",
}
NO_SPACING = "the distance between frames, without which there are no lengths and volumes: enter it below"
NO_SCALE = "the scale, without which areas stay in pixels: enter it on the left"
LOOKED_FOR = "looked for in the frames"


def taken_html(pullback: Pullback, given: "Given", progress: "Progress") -> str:
    """What a file was taken for: kind, frames, scale and spacing with their sources, and what is missing."""
    scale = progress.scale
    has_numbers = progress.state == "running" or progress.done > len(progress.withdrawn)  # or may have some
    missing = []
    if scale is not None and scale.pixel_spacing_mm is None and has_numbers:
        missing.append(NO_SCALE)
    if pullback.frame_spacing_mm is None and has_numbers:
        missing.append(NO_SPACING)
    rows = [
        ("Taken for", f"{text(given.kind)}, <b>{len(pullback)}</b> frames{_size(progress)}"),
        ("Scale", _scale(pullback, given, progress)),
        ("Frame spacing", _spacing(pullback)),
    ]
    if missing:
        rows.append(("Missing", "; ".join(map(text, missing))))
    listed = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in rows)
    void = pullback.spacing_warnings if pullback.frame_spacing_mm is None else ()  # said above in words of the page
    warnings = [*(each for each in pullback.warnings if each not in void), *pullback.late_warnings]
    said = f'<ul class="oct-warnings">{sentences(warnings)}</ul>' if warnings else ""
    return f"<dl>{listed}</dl>{said}"


def _size(progress: "Progress") -> str:
    return "" if progress.size is None else f" of {progress.size[1]} × {progress.size[0]} px"


def _scale(pullback: Pullback, given: "Given", progress: "Progress") -> str:
    scale = progress.scale
    if scale is None:
        known = given.spacing_mm or pullback.pixel_spacing_mm
        source = "user" if given.spacing_mm else "dicom"
        return f"{known:.5f} mm per pixel, {SOURCES[source]}" if known else LOOKED_FOR
    if scale.pixel_spacing_mm is None:
        return "not known"
    return f"{scale.pixel_spacing_mm:.5f} mm per pixel, {text(SOURCES[scale.source])}"


def _spacing(pullback: Pullback) -> str:
    if pullback.frame_spacing_mm is None:
        return "not known"
    return f"{pullback.frame_spacing_mm:.4g} mm, {SPACING_SOURCES[pullback.frame_spacing_source]}"


SPEEDS, PLAYED = (5, 10, 20, 30), 20  # frames a second, and how many of them at first
ALL_CORES = "Widest arc, all cores"  # of a frame, added up; that of a plaque is of its own


def jumps_html(measures: PullbackMeasures) -> str:
    """A button for each extreme of the vessel, or of the range where one is chosen, with its value."""
    stretch = measures.chosen or measures.whole
    lumen = ("minimum_lumen_area_mm2", 2, "mm²")
    if stretch.minimum_lumen_area_mm2 is None:
        lumen = ("minimum_lumen_area_px", 0, "px")
    extremes = (
        ("mla", "Smallest lumen", *lumen, stretch.minimum_lumen_area_frame),
        ("cap", CAP_OVER_FRAMES, "fibrous_cap_thickness_min_um", 0, "µm", stretch.fibrous_cap_thickness_min_frame),
        ("arc", ALL_CORES, "lipid_arc_max_deg", 0, "°", stretch.lipid_arc_max_frame),
    )
    return "".join(_jump(stretch, *each) for each in extremes)


def _jump(
    stretch: StretchMeasures, name: str, label: str, field: str, digits: int, unit: str, frame: int | None
) -> str:
    """field: of the stretch, whose value is in `unit` and was found in `frame`."""
    value = getattr(stretch, field)
    if value is None or frame is None:
        return f'<button type="button" data-jump="{name}" disabled>{label}<b>{NOT_MEASURED}</b></button>'
    told = f"{number(value, digits)}{'' if unit == '°' else ' '}{unit}"
    return (
        f'<button type="button" data-jump="{name}" data-go="{frame}"{_place(name)}>{label}<b>{told}</b>'
        f"{interval_html(stretch.intervals_95, field, digits)}<small>frame {frame}</small></button>"
    )


def _place(name: str) -> str:
    """What is shown in the frame that is gone to."""
    return f' data-shows="{name}"' if name in ("cap", "arc") else ""


# how it was measured (`how.HOW`), label, field of StretchMeasures, decimals, unit
VESSEL_ROWS: tuple[tuple[str, str, str, int, str], ...] = (
    ("length", "Length", "length_mm", 1, "mm"),
    ("stenosis", "Area stenosis", "lumen_area_stenosis_percent", 0, "%"),
    ("lipid_frames", "Frames with lipid", "lipid_frame_count", 0, ""),
    ("lipid_length", "Lipid length", "lipid_length_mm", 1, "mm"),
    ("lipid_volume", "Visible lipid volume", "lipid_volume_mm3", 2, "mm³"),
    ("arc_mean", "Lipid arc, mean", "lipid_arc_mean_deg", 0, "°"),
    ("worst_4mm", "Worst 4 mm", "lipid_map_index_4mm", 0, "of 1000"),
)


def vessel_html(measures: PullbackMeasures) -> str:
    """The numbers of the whole vessel, or of the range where one is chosen."""
    stretch = measures.chosen or measures.whole
    title = "Along the vessel" if measures.chosen is None else "In the range"
    frames = f"{stretch.first_frame} to {stretch.last_frame}, {stretch.withdrawn_frame_count} withdrawn"
    body = f'<tr><th scope="row">Frames</th><td>{frames}</td></tr>' + "".join(
        f'<tr><th scope="row">{named(name, label)}</th><td>{_with_unit(number(getattr(stretch, field), digits), unit)}'
        f"{interval_html(stretch.intervals_95, field, digits)}</td></tr>"
        for name, label, field, digits, unit in VESSEL_ROWS
    )
    unjudged = _with_unit(number(stretch.unjudged.percent, 0), "%")
    body += f'<tr><th scope="row">{named("unjudged", "Rays not judged")}</th><td>{unjudged}</td></tr>'
    warnings = measures.warnings if measures.chosen is None else measures.chosen.warnings
    said = f'<ul class="oct-warnings">{sentences(warnings)}</ul>' if warnings else ""
    return f"<h3>{title}</h3><table>{body}</table>{said}"


def _with_unit(told: str, unit: str) -> str:
    return told if told == NOT_MEASURED or not unit else f"{told} {unit}"


def plaques_html(measures: PullbackMeasures, *, is_over: bool = True) -> str:
    """A row a plaque, the longest first, each with a way to its first frame and to its extremes.

    is_over: whether no frame comes any more.
    """
    stretch = measures.chosen or measures.whole
    if not stretch.plaques:
        where = f"{'' if measures.chosen is None else ' in the range'}{'' if is_over else ' so far'}"
        return f"<h3>Plaques</h3><p>{no_plaque_words(stretch.lipid_frame_count, where)}</p>"
    head = "".join(
        f'<th scope="col">{label}</th>'
        for label in (
            "Plaque",
            "Frames",
            "Length, mm",
            "Widest arc, °",
            f"{CAP_OVER_FRAMES}, µm",
            "Volume, mm³",
            "TCFA",
        )
    )
    rows = "".join(_plaque_row(place, plaque) for place, plaque in enumerate(stretch.plaques, start=1))
    return f"<h3>Plaques</h3><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _plaque_row(place: int, plaque: StretchMeasures) -> str:
    interval = partial(interval_html, plaque.intervals_95)
    cells = (
        _go(plaque.first_frame, frames_words(plaque.first_frame, plaque.last_frame)),
        number(plaque.lipid_length_mm, 1),
        _go(plaque.lipid_arc_max_frame, number(plaque.lipid_arc_max_deg, 0)) + interval("lipid_arc_max_deg", 0),
        _go(plaque.fibrous_cap_thickness_min_frame, number(plaque.fibrous_cap_thickness_min_um, 0))
        + interval("fibrous_cap_thickness_min_um", 0),
        number(plaque.lipid_volume_mm3, 2) + interval("lipid_volume_mm3", 2),
        _candidates(plaque),
    )
    return f'<tr><th scope="row">{place}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _candidates(plaque: StretchMeasures) -> str:
    runs = plaque.tcfa_candidates
    if runs is None:
        return NOT_MEASURED
    return " ".join(_go(run.first_frame, frames_words(run.first_frame, run.last_frame)) for run in runs) or "none"


def _go(frame: int | None, shown: str) -> str:
    """What leads to a frame."""
    if frame is None:
        return shown
    return f'<button type="button" class="oct-go" data-go="{frame}" title="frame {frame}">{shown}</button>'


def _speeds() -> str:
    """How fast frames may be played."""
    return "".join(f"<option{' selected' * (speed == PLAYED)} value={speed}>{speed}/s</option>" for speed in SPEEDS)


def pullback_html(address: str, key: str) -> str:
    """The view of a run, still empty: pullback.js fills it from the files below `address`, as they come."""
    return f"""<section class="oct-pullback" data-run="{text(address)}" data-key="{text(key)}" aria-label="Pullback">
<div class="oct-card oct-taken" role="status"></div>
<div class="oct-going" hidden><progress max="1" value="0" aria-label="Frames done"></progress>
<span class="oct-going-said"></span><button type="button" data-run-asks="stop">Stop, keep what is done</button></div>
<p class="oct-warnings oct-run-said" role="alert" hidden></p>
<div class="oct-stage" tabindex="0" role="img" aria-label="Frame" data-stage><canvas></canvas>
<p class="oct-stage-said" hidden></p><output class="oct-hover" aria-live="off"></output></div>
<div class="oct-transport"><button type="button" data-play aria-pressed="false" title="Play, space">▶</button>
<select data-cine aria-label="Frames a second" title="Frames a second">{_speeds()}</select>
<input type="range" class="oct-slider" min="1" max="1" value="1" step="1" aria-label="Frame">
<output class="oct-at"></output></div>
<div class="oct-jumps"></div>
<div class="oct-curves" role="group" aria-label="Along the vessel">
<div class="oct-range-bar"><div class="oct-range-chosen"></div>
<div class="oct-handle" role="slider" tabindex="0" data-end="first" aria-label="First frame of the range"></div>
<div class="oct-handle" role="slider" tabindex="0" data-end="last" aria-label="Last frame of the range"></div></div>
<div class="oct-outsides"><i class="oct-outside" data-side="before"></i>
<i class="oct-outside" data-side="behind"></i></div>
<div class="oct-curve oct-cut" data-curve="cut" hidden><div class="oct-curve-head"><span>Longitudinal cut</span>
<label>Angle <input type="range" class="oct-angle" min="0" max="177" step="3" value="90" aria-label="Angle of the cut">
<output class="oct-angle-said">90°</output></label></div>
<div class="oct-plot" data-plot><canvas role="img" aria-label="Longitudinal cut"></canvas><div class="oct-over"></div>
<span class="oct-cut-bar" hidden>2 mm</span></div></div>
<div class="oct-curve oct-wall" data-curve="wall" hidden><div class="oct-curve-head"><span>Wall unrolled,
0° to the right, clockwise downwards</span><span class="oct-wall-key"><i data-key="lipid"></i>lipid
<i data-key="unjudged"></i>not judged</span></div>
<div class="oct-plot" data-plot><canvas role="img" aria-label="Lipid on the wall unrolled"></canvas>
<div class="oct-over"></div></div></div>
<div class="oct-lines"></div><div class="oct-axis" aria-hidden="true"></div></div>
<div class="oct-card oct-range"><h3>Range</h3><label>from <input type="number" data-range="first" min="1"></label>
<label>to <input type="number" data-range="last" min="1"></label>
<button type="button" data-whole>Whole vessel</button>
<label>Frame spacing, mm <input type="text" inputmode="decimal" data-frame-spacing placeholder="e.g. 0.2"></label>
<button type="button" data-run-asks="spacing">Use it</button>
<p class="oct-range-wrong" role="alert" hidden></p><p class="oct-spacing-wrong" role="alert" hidden></p></div>
<div class="oct-card oct-plaques"></div>
{correct_html(key, shown=False)}
<div class="oct-card oct-downloads" role="group" aria-label="Take it home"></div>
</section>"""
