"""Pictures of what was found beside what is true: a solid line round the found, a dashed one round the true.

Both bear the tissue's own colour. Frames are (H, W, 3) uint8 RGB, masks (H, W) bool.
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from octseg.classes import BY_NAME, CLASS_NAMES
from octseg.drawing.overlay import EDGE_COLOUR
from octseg.drawing.strokes import Stroke, dashes, draw_strokes, outlines
from octseg.pullback import Frame
from train.preparing.preview import FAINT, GROUND, INK

Mask = NDArray[np.bool_]

PANEL_PX = 420
LINE_PX = 2
DASH_PX, GAP_PX = 6.0, 6.0
PALER = 0.55  # how far the colour of a true outline is from the tissue's own to white
HEAD_PX, CAPTION_PX = 34, 40
LINE_CHARACTERS = 58  # that fit below a panel


def compared(frame: Frame, found: Mapping[str, Mask], truth: Mapping[str, Mask], side_px: int = PANEL_PX) -> Frame:
    """A frame (H, W, 3) in a square (side_px, side_px, 3), outlined with the classes that both speak of.

    found, truth: class name -> (H, W).
    """
    scale = side_px / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))  # (width, height)
    picture = np.ascontiguousarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    for name in (name for name in CLASS_NAMES if name in found and name in truth):
        colour = BY_NAME[name].colour
        solid = _strokes(_resized(found[name], size), gap_px=0.0)
        dashed = _strokes(_resized(truth[name], size), gap_px=GAP_PX)
        draw_strokes(picture, solid, colour, EDGE_COLOUR, LINE_PX)
        draw_strokes(picture, dashed, paler(colour), EDGE_COLOUR, LINE_PX)
    square = np.zeros((side_px, side_px, 3), np.uint8)
    top, left = (side_px - size[1]) // 2, (side_px - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = picture
    return square


def paler(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """The colour of a true outline, beside that of the tissue found."""
    red, green, blue = (round(level + (255 - level) * PALER) for level in colour)
    return red, green, blue


def told(dices: Mapping[str, float | None]) -> str:
    """Dice of each class in words; a class that is neither found nor true has none."""
    return ", ".join(f"{BY_NAME[name].label} {'-' if dice is None else f'{dice:.2f}'}" for name, dice in dices.items())


def sheet(panels: Sequence[tuple[Frame, str, str]], classes: Sequence[str], head: str) -> Image.Image:
    """Panels side by side, each with two lines of words below it, under a head and a legend."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    picture = Image.new("RGB", (columns * PANEL_PX, 2 * HEAD_PX + rows * (PANEL_PX + CAPTION_PX)), GROUND)
    pen = ImageDraw.Draw(picture)
    pen.text((8, 8), head, fill=INK, font=ImageFont.load_default(16))
    _legend(picture, classes, HEAD_PX)
    for place, (panel, name, words) in enumerate(panels):
        left, top = place % columns * PANEL_PX, 2 * HEAD_PX + place // columns * (PANEL_PX + CAPTION_PX)
        picture.paste(Image.fromarray(panel), (left, top))
        for line, (text, ink) in enumerate(((name, INK), (words, FAINT))):
            shown = text if len(text) <= LINE_CHARACTERS else f"{text[: LINE_CHARACTERS - 1]}…"
            at = (left + 8, top + PANEL_PX + 3 + 17 * line)
            pen.text(at, " ".join(shown.split()), fill=ink, font=ImageFont.load_default(13))
    return picture


def _legend(picture: Image.Image, classes: Sequence[str], top: int) -> None:
    """One swatch of each class, solid above dashed, and what the two lines mean."""
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    left = 8.0
    for name in classes:
        label, colour = BY_NAME[name].label, BY_NAME[name].colour
        pen.line((left, top + 8, left + 28, top + 8), fill=colour, width=3)
        for start in range(0, 28, 12):
            pen.line((left + start, top + 16, left + start + 5, top + 16), fill=paler(colour), width=3)
        pen.text((left + 34, top + 4), label, fill=INK, font=font)
        left += 50 + font.getlength(label)
    pen.text((left, top + 4), "solid: found, dashed: true", fill=FAINT, font=font)


def _strokes(mask: Mask, gap_px: float) -> list[Stroke]:
    """The outlines of a mask (H, W) in dashes, or whole where `gap_px` is 0."""
    return [stroke for line in outlines(mask) for stroke in dashes(line, DASH_PX, gap_px)]


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    """(H, W) to (height, width) for a size of (width, height), as OpenCV gives it; true where at least half was."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5)
