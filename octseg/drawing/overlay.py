"""A frame with its tissues drawn on it. Pure functions on arrays; a frame is (H, W, 3) uint8 RGB, a mask (H, W) bool.

Tissues are told apart by more than hue: each has a line of its own (solid, dashed, dotted, fat or thin) and lipid core
is hatched. Every line has a dark edge, so that it is seen on bright tissue too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from octseg.classes import BY_NAME, CLASS_NAMES
from octseg.drawing.lettering import above_strip, draw_scale_bar, write_legend, write_line
from octseg.drawing.strokes import as_bytes, dashes, draw_strokes, outlines
from octseg.pullback import Frame, strips
from octseg.values import number, one_of, text, texts, yes_or_no
from octseg.view.grey import sepia_to_grey

OverlayStyle = Literal["outline", "fill", "both"]

UNIT_FRACTION = 1 / 430  # a line's width as a part of the frame's shorter side
EDGE_COLOUR = (12, 8, 4)
SWATCH_GROUND = (40, 22, 6)
HATCH_PERIOD, HATCH_WIDTH = 10, 2.5  # in line widths


@dataclass(frozen=True)
class Pen:
    """How a tissue is drawn; lengths in line widths, `fill` as a part of the opacity asked for."""

    width: float = 1.0
    dash: float = 1.0
    gap: float = 0.0  # 0 is a solid line
    fill: float = 1.0
    fills_beside_outline: bool = True
    hatched: bool = False


PENS: dict[str, Pen] = {  # in the order of drawing: what has gaps comes after what has none
    "lumen": Pen(fill=0.6, fills_beside_outline=False),
    "lipid_core": Pen(width=1.6, fill=0.55, hatched=True),
    "fibrous_cap": Pen(dash=7, gap=4, fill=0.8),
    "vasa_vasorum": Pen(dash=0.1, gap=3.5, fill=0.8),
}


def draw_overlay(
    frame: Frame,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    disc: NDArray[np.bool_] | None = None,
    classes: Sequence[str] | None = None,
    opacity: float = 0.45,
    style: OverlayStyle = "both",
    grey: bool = False,
    pixel_spacing_mm: float | None = None,
    legend: bool = False,
    caption: str | None = None,
) -> Frame:
    """Draw tissues on a frame, as a new picture of the same size.

    Args:
        frame: (H, W, 3).
        masks: class name -> (H, W).
        disc: (H, W), the imaged disc: legend and scale bar stay above what the picture shows below it.
        classes: names to draw; all of `masks` by default.
        opacity: of the fill, in [0, 1].
        style: "outline", "fill" or "both"; the lumen is filled only where it has no outline.
        grey: show the frame in grey instead of sepia.
        pixel_spacing_mm: draws a scale bar; no bar where it is None.
        legend: name the tissues drawn, in a corner.
        caption: a line of words in the top left corner.
    """
    classes = None if classes is None else texts(classes, "classes")
    _check(frame, masks, classes, opacity)
    one_of(style, "style", get_args(OverlayStyle))
    grey, legend = yes_or_no(grey, "grey"), yes_or_no(legend, "legend")
    caption = None if caption is None else text(caption, "caption")
    picture = _grey(frame) if grey else frame.copy()
    unit_px = max(1.0, min(frame.shape[:2]) * UNIT_FRACTION)
    shown = [name for name in PENS if name in masks and (classes is None or name in classes) and masks[name].any()]
    _draw(picture, {name: masks[name] for name in shown}, opacity, style, unit_px)
    about = above_strip(picture, disc)
    if legend and shown:
        _legend(about, [name for name in CLASS_NAMES if name in shown], opacity, style, unit_px)
    if pixel_spacing_mm is not None:
        draw_scale_bar(about, "bottom right", pixel_spacing_mm)
    if caption:
        write_line(picture, "top left", caption)
    return picture


def _grey(frame: Frame) -> Frame:
    """A frame (H, W, 3) in grey, (H, W, 3) still."""
    return np.asarray(cv2.cvtColor(sepia_to_grey(frame), cv2.COLOR_GRAY2RGB), np.uint8)


def _check(frame: Frame, masks: Mapping[str, NDArray[np.bool_]], classes: Sequence[str] | None, opacity: float) -> None:
    """ValueError unless the frame is (H, W, 3) uint8, each mask (H, W) bool, each tissue known."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"a frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
    if unknown := sorted({*masks, *(classes or ())} - PENS.keys()):
        raise ValueError(f"no such tissue: {unknown}; known are {sorted(PENS)}")
    for name, mask in masks.items():
        if not isinstance(mask, np.ndarray):
            raise ValueError(f"mask {name} must be an array (H, W) bool, not {type(mask).__name__}")
        if mask.shape != frame.shape[:2] or mask.dtype != np.bool_:
            raise ValueError(f"mask {name} must be {frame.shape[:2]} bool, got {mask.shape} {mask.dtype}")
    if not 0.0 <= number(opacity, "opacity") <= 1.0:
        raise ValueError(f"opacity must be in [0, 1], got {opacity}")


def _legend(picture: Frame, names: Sequence[str], opacity: float, style: OverlayStyle, unit_px: float) -> None:
    """A swatch of each tissue, drawn by the same code as the tissue itself, and its label; picture: (H, W, 3)."""

    def draw_swatch(part: Frame, number: int) -> None:
        margin = round(2 * unit_px)
        plane = np.zeros(part.shape[:2], bool)
        plane[margin:-margin, margin:-margin] = True
        part[:] = SWATCH_GROUND
        _draw(part, {names[number]: plane}, opacity, style, unit_px)

    write_legend(picture, "bottom left", [BY_NAME[name].label for name in names], draw_swatch)


def _draw(
    picture: Frame, masks: Mapping[str, NDArray[np.bool_]], opacity: float, style: OverlayStyle, unit_px: float
) -> None:
    """Draw masks (H, W) into a picture (H, W, 3), all fills before all lines."""
    for name, mask in masks.items():
        if style == "fill" or (style == "both" and PENS[name].fills_beside_outline):
            _fill(picture, mask, name, opacity, unit_px)
    for name, mask in masks.items():
        if style != "fill":
            _outline(picture, mask, name, unit_px)


def _fill(picture: Frame, mask: NDArray[np.bool_], name: str, opacity: float, unit_px: float) -> None:
    """Colour a mask (H, W) in a picture (H, W, 3), and hatch it where its pen does."""
    x, y, width, height = cv2.boundingRect(as_bytes(mask))
    pen, across = PENS[name], slice(x, x + width)
    hatch = _hatch(picture.shape[:2], unit_px) if pen.hatched else None
    for rows in strips(height):
        where = (slice(y + rows.start, y + rows.stop), across)
        part, inside = picture[where], as_bytes(mask[where])
        _tint(part, inside, BY_NAME[name].colour, opacity * pen.fill)
        if hatch is not None:
            _tint(part, inside & hatch[where], BY_NAME[name].colour, opacity * 0.7)


def _tint(part: Frame, inside: NDArray[np.uint8], colour: tuple[int, int, int], opacity: float) -> None:
    """Mix a colour into a part (h, w, 3) of a picture where `inside` (h, w) is not 0."""
    levels = np.arange(256)[None, :, None]  # a mix with one colour is a table of 256 entries a channel
    mixed = np.rint(levels * (1 - opacity) + np.array(colour) * opacity).astype(np.uint8)
    cv2.copyTo(cv2.LUT(part, mixed), inside, part)


def _hatch(shape: tuple[int, int], unit_px: float) -> NDArray[np.uint8]:
    """(H, W), 1 on the hatching's lines and 0 between them; shape: (height, width)."""
    diagonal = np.arange(shape[0] + shape[1] - 1)  # row + col
    line = ((diagonal % (HATCH_PERIOD * unit_px)) < HATCH_WIDTH * unit_px).astype(np.uint8)
    return sliding_window_view(line, shape[1])  # each row one pixel on, and no memory of its own


def _outline(picture: Frame, mask: NDArray[np.bool_], name: str, unit_px: float) -> None:
    """Draw the outlines of a mask (H, W) into a picture (H, W, 3) with its tissue's pen."""
    pen = PENS[name]
    strokes = [s for o in outlines(mask) for s in dashes(o, pen.dash * unit_px, pen.gap * unit_px)]
    draw_strokes(picture, strokes, BY_NAME[name].colour, EDGE_COLOUR, max(1, round(pen.width * unit_px)))
