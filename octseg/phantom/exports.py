"""Phantoms as consoles export them: the frame on a larger black picture, with a caption and a scale bar in a corner.

```python
shown = as_export(make_phantom(3), ScaleBar(), height=1024, width=1262)
```
Pictures are (H, W, 3) uint8 RGB, points (row, col) in pixels, pixel centres at whole numbers.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from octseg.phantom.rendering import Phantom

Corner = Literal["top left", "top right", "bottom left", "bottom right"]


@dataclass(frozen=True, kw_only=True)
class ScaleBar:
    """A scale bar with its label above it.

    length_mm: from the middle of one end tick to that of the other; from end to end without ticks. upright: along the
    columns, with the label beside it. digit_px: height of the label's digits. font: its file; None for Pillow's own.
    """

    length_mm: float = 1.0
    label: str = "1 mm"
    corner: Corner = "bottom right"
    ticks: Literal["inwards", "both", "none"] = "inwards"
    upright: bool = False
    colour: tuple[int, int, int] = (240, 240, 240)
    thickness_px: float = 1.4
    digit_px: int = 20
    margin_px: float = 40.25
    font: str | None = None


def as_export(phantom: Phantom, bar: ScaleBar | None, *, height: int, width: int, caption: str = "") -> Phantom:
    """The phantom in the middle of a black picture (height, width), with its masks and centres moved along.

    caption: written into the upper right corner.
    """
    side = phantom.frame.shape[0]
    if height < side or width < side:
        raise ValueError(f"a phantom of {side} x {side} pixels does not fit into {height} x {width}")
    top, left = (height - side) // 2, (width - side) // 2
    room = ((top, height - side - top), (left, width - side - left))
    frame = np.pad(phantom.frame, (*room, (0, 0)))
    if bar is not None:
        draw_bar(frame, bar, phantom.pixel_spacing_mm)
    if caption:
        coverage = lettered(caption, 20)
        _lay(frame, 40, width - 60 - coverage.shape[1], coverage, (240, 240, 240))
    centroid = phantom.truth.lumen_centroid
    return replace(
        phantom,
        frame=frame,
        masks={tissue: np.pad(mask, room) for tissue, mask in phantom.masks.items()},
        catheter_centre=(phantom.catheter_centre[0] + top, phantom.catheter_centre[1] + left),
        truth=replace(phantom.truth, lumen_centroid=(centroid[0] + top, centroid[1] + left)),
    )


def draw_bar(frame: NDArray[np.uint8], bar: ScaleBar, pixel_spacing_mm: float) -> None:
    """Burn a scale bar and its label into a picture (H, W, 3), in place; to fractions of a pixel."""
    canvas = frame.transpose(1, 0, 2) if bar.upright else frame  # a view: what is drawn along its rows runs upright
    height, width = canvas.shape[:2]
    vertical, horizontal = bar.corner.split()
    if bar.upright:
        vertical, horizontal = ("top" if horizontal == "left" else "bottom"), ("left" if vertical == "top" else "right")
    length = bar.length_mm / pixel_spacing_mm
    start = bar.margin_px if horizontal == "left" else width - bar.margin_px - length
    row = bar.margin_px + 3 * bar.digit_px if vertical == "top" else height - bar.margin_px
    half = bar.thickness_px / 2
    reach = 0.0 if bar.ticks == "none" else half
    _fill(canvas, (row - half, row + half), (start - reach, start + length + reach), bar.colour)
    tick = (row - 0.5 * bar.digit_px, row + (0.5 * bar.digit_px if bar.ticks == "both" else half))
    for place in (start, start + length) if bar.ticks != "none" else ():
        _fill(canvas, tick, (place - half, place + half), bar.colour)
    coverage = lettered(bar.label, bar.digit_px, bar.font)
    gap = bar.digit_px
    if bar.upright:
        middle = round(start + length / 2 - coverage.shape[0] / 2)
        _lay(frame, middle, round(row - gap - coverage.shape[1]), coverage, bar.colour)
    else:
        middle = min(round(start + length / 2 - coverage.shape[1] / 2), width - coverage.shape[1] - 4)
        _lay(frame, round(row - gap - coverage.shape[0]), max(4, middle), coverage, bar.colour)


def lettered(text: str, digit_px: int, font: str | None = None) -> NDArray[np.float32]:
    """Coverage (h, w), 0 to 1, of words whose digits are `digit_px` high. font: a font's file; else Pillow's own."""
    size = digit_px * 4 / 3
    face = ImageFont.load_default(size) if font is None else ImageFont.truetype(font, size)
    image = Image.new("L", (round(4 * size * len(text)) + 8, round(4 * size)))
    ImageDraw.Draw(image).text((size, size), text, fill=255, font=face)
    box = image.getbbox()
    return np.asarray(image.crop(box), np.float32) / np.float32(255)


def _fill(
    canvas: NDArray[np.uint8], rows: tuple[float, float], cols: tuple[float, float], colour: tuple[int, int, int]
) -> None:
    """Paint a rectangle with fractional sides, given as positions of pixel centres, on a picture (H, W, 3)."""

    def covered(span: tuple[float, float], size: int) -> NDArray[np.float64]:
        place = np.arange(size)
        return np.asarray(np.minimum(place + 0.5, span[1]) - np.maximum(place - 0.5, span[0])).clip(0, 1)

    share = np.outer(covered(rows, canvas.shape[0]), covered(cols, canvas.shape[1]))[..., None]
    canvas[:] = np.rint(canvas + share * (np.array(colour) - canvas)).astype(np.uint8)


def _lay(
    frame: NDArray[np.uint8], top: int, left: int, coverage: NDArray[np.float32], colour: tuple[int, int, int]
) -> None:
    """Lay words, coverage (h, w), over a picture (H, W, 3)."""
    part = frame[top : top + coverage.shape[0], left : left + coverage.shape[1]]
    share = coverage[: part.shape[0], : part.shape[1], None]
    part[:] = np.rint(part + share * (np.array(colour) - part)).astype(np.uint8)
