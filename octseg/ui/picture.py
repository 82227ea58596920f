"""The picture in the middle: the frame once, and on it each tissue as one vector shape that the page can restyle.

Switches, opacity and style are CSS on these shapes (app.css), so that changing them asks nothing of the server. The
pens are those of the overlay that is saved as a file.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME
from octseg.drawing.doubt import DENSITY, INK
from octseg.drawing.lettering import above_strip
from octseg.drawing.overlay import EDGE_COLOUR, HATCH_PERIOD, HATCH_WIDTH, PENS, UNIT_FRACTION
from octseg.drawing.strokes import outlines
from octseg.measurement.wording import NOTHING_SAID
from octseg.result import FrameResult
from octseg.ui.markup import number, text
from octseg.ui.places import marks_svg

OUTLINE_TOLERANCE_PX = 0.3  # how far a drawn outline may run beside the mask's
BAR_LENGTHS_MM = (2.0, 1.0, 0.5, 0.2)
DOUBT_SAID = (
    "Of 8 variants of the frame (turned, mirrored, nearer, farther, blurred, lighter, darker), how many outline "
    "something else here than the model did. Where none does, all may still be wrong alike."
)
BAR_PART_OF_WIDTH = 0.25  # the bar is the longest of these lengths that takes no more


def picture_html(result: FrameResult, frame_address: str, grey_address: str, doubt_address: str = "") -> str:
    """The frame, in colour and in grey, with its tissues on it as one SVG of (W, H) user units, one per pixel.

    doubt_address: of the layer of doubt, "" where there is none.
    """
    height, width = result.frame.shape[:2]
    size = f'width="{width}" height="{height}"'
    doubt = f'<image class="oct-doubt-ink" href="{text(doubt_address)}" {size}/>' if doubt_address else ""
    unit = unit_px(height, width)
    tissues = "".join(tissue_svg(name, result.masks[name], unit) for name in PENS if name in result.masks)
    found = [BY_NAME[name].label.lower() for name in PENS if name in result.masks and result.masks[name].any()]
    told = f"outlined {', '.join(found)}" if found else "none of the tissues was found"
    label = f"{result.file}: {told if result.withdrawn is None else NOTHING_SAID.lower()}"
    return f"""<figure class="oct-figure" tabindex="-1">
<svg class="oct-picture" viewBox="0 0 {width} {height}" role="img" aria-label="{text(label)}">
<defs><pattern id="oct-hatch" width="{HATCH_PERIOD * unit:g}" height="{HATCH_PERIOD * unit:g}"
 patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="{HATCH_PERIOD * unit:g}"
 height="{HATCH_WIDTH * unit:g}" fill="{rgb(BY_NAME["lipid_core"].colour)}"/></pattern></defs>
<image class="oct-frame" href="{text(frame_address)}" {size}/>
<image class="oct-grey" href="{text(grey_address)}" {size}/>{doubt}
<g transform="translate(.5 .5)">{tissues}{marks_svg(result, unit)}</g>
{scale_bar_svg(above_strip(result.frame, result.disc).shape[0], width, result.pixel_spacing_mm)}
</svg>
<figcaption>{text(result.file)} <span>{width} × {height} px</span></figcaption>
</figure>"""


def unit_px(height: int, width: int) -> float:
    """A line's width on a frame, in its pixels."""
    return max(1.0, min(height, width) * UNIT_FRACTION)


def tissue_svg(name: str, mask: NDArray[np.bool_], unit: float) -> str:
    """One tissue (H, W) as a fill and an outline; `unit` is a line's width in pixels."""
    path = outline_path(mask)
    if not path:
        return ""
    pen, colour = PENS[name], rgb(BY_NAME[name].colour)
    dash = f' stroke-dasharray="{pen.dash * unit:g} {pen.gap * unit:g}"' if pen.gap else ""
    line = f'class="oct-line" d="{path}"{dash}'
    beside = "" if pen.fills_beside_outline else " oct-fill-alone"
    hatch = f'<path class="oct-fill oct-hatched{beside}" d="{path}" fill="url(#oct-hatch)"/>' if pen.hatched else ""
    return (
        f'<g class="oct-tissue" data-tissue="{name}" style="--part:{pen.fill:g}"><title>{text(BY_NAME[name].label)}'
        f'</title><path class="oct-fill{beside}" d="{path}" fill="{colour}"/>{hatch}'
        f'<path {line} stroke="{rgb(EDGE_COLOUR)}" stroke-width="{pen.width * unit + 2:g}"/>'
        f'<path {line} stroke="{colour}" stroke-width="{pen.width * unit:g}"/></g>'
    )


def outline_path(mask: NDArray[np.bool_]) -> str:
    """Outlines of a mask (H, W) and of its holes as an SVG path; "" for an empty mask."""
    parts = []
    for outline in outlines(mask):
        kept = cv2.approxPolyDP(outline[:, None], OUTLINE_TOLERANCE_PX, closed=True)[:, 0]
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept.tolist()) + "Z")
    return "".join(parts)


def scale_bar_svg(height: int, width: int, pixel_spacing_mm: float | None) -> str:
    """A bar of a round length in the lower right corner of that size; nothing where the scale is unknown."""
    if pixel_spacing_mm is None:
        return ""
    fitting = [mm for mm in BAR_LENGTHS_MM if mm / pixel_spacing_mm <= width * BAR_PART_OF_WIDTH]
    if not fitting:
        return ""
    length, margin = fitting[0] / pixel_spacing_mm, width * 0.03
    right, low = width - margin, height - margin
    return (
        f'<g class="oct-bar"><path d="M{right - length:.1f} {low:.1f}H{right:.1f}" stroke-width="{width / 150:.1f}"/>'
        f'<text x="{right - length / 2:.1f}" y="{low - width / 75:.1f}" font-size="{width / 34:.1f}">'
        f"{number(fitting[0], 0 if fitting[0] >= 1 else 1)} mm</text></g>"
    )


def swatch_svg(name: str) -> str:
    """A tissue's line and fill, small, for its switch."""
    pen, colour = PENS[name], rgb(BY_NAME[name].colour)
    dash = f' stroke-dasharray="{pen.dash * 1.6:g} {pen.gap * 1.6:g}"' if pen.gap else ""
    opacity = 0.25 if not pen.fills_beside_outline else 0.6
    return (
        f'<svg class="oct-swatch" viewBox="0 0 28 18" aria-hidden="true"><rect width="28" height="18" rx="4"/>'
        f'<rect class="oct-swatch-shape" x="4" y="4" width="20" height="10" rx="3" fill="{colour}"'
        f' fill-opacity="{opacity}" stroke="{colour}" stroke-width="{1.6 * pen.width:g}"{dash}/></svg>'
    )


def rgb(colour: tuple[int, int, int]) -> str:
    """A colour as CSS writes it."""
    return "rgb({} {} {})".format(*colour)


def doubt_html() -> str:
    """The switch of the layer of doubt, with what it says and what it does not; seen where a frame has that layer."""
    ink = rgb(INK).removesuffix(")")
    ends = [f"{ink} / {DENSITY[share] / 255:.2f})" for share in (1, 255)]
    return (
        '<div class="oct-doubt"><label><input type="checkbox" id="oct-doubt-shown"> Doubt <kbd>H</kbd></label>'
        f'<span class="oct-doubt-key">1 <i style="background: linear-gradient(90deg, {", ".join(ends)})"></i> 8</span>'
        f"<p>{DOUBT_SAID}</p></div>"
    )


def controls_html(classes: tuple[str, ...]) -> str:
    """How the picture is drawn; app.js turns each change into an attribute that app.css draws by."""
    chips = "".join(
        f'<label class="oct-chip"><input type="checkbox" data-tissue-switch="{name}" checked>{swatch_svg(name)}'
        f"{text(BY_NAME[name].label)}</label>"
        for name in sorted(classes, key=list(PENS).index)
    )
    styles = "".join(
        f'<label><input type="radio" name="oct-style" value="{value}"{" checked" if value == "both" else ""}>{label}'
        "</label>"
        for value, label in (("both", "Both"), ("outline", "Outline"), ("fill", "Fill"))
    )
    return (
        f'<form class="oct-controls" aria-label="How the picture is drawn"><fieldset><legend>Tissues</legend>{chips}'
        f'</fieldset><fieldset class="oct-segments"><legend>Style</legend>{styles}</fieldset>'
        '<label>Opacity <input type="range" id="oct-opacity" min="0" max="100" step="5" value="45">'
        '<output id="oct-opacity-value">45 %</output></label>'
        '<label><input type="checkbox" id="oct-grey"> Grey background</label>'
        '<label><input type="checkbox" id="oct-places" checked> Measured places</label>'
        f"{doubt_html()}</form>"
    )
