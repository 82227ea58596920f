"""Words and a scale bar in the corners of a picture, where a round frame shows nothing.

What does not fit into a small picture is left out.

A picture is (H, W, 3) uint8 RGB and is drawn into in place; lengths are in pixels unless the name says otherwise.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from octseg.pullback import Frame

Corner = Literal["top left", "top right", "bottom left", "bottom right"]

INK = (235, 235, 235)
SHADE = 0.35  # what is left of the picture behind words
LIKENESS = 0.7  # correlation of a written line with its words; other words in that place have less than 0.4
BAR_LENGTHS_MM = (2.0, 1.0, 0.5, 0.2, 0.1)
BAR_FRACTION = 0.2  # longest bar as a part of the picture's width
LEAST_BELOW = 0.05  # of the picture's height: what is less below the disc is margin, and no strip


def above_strip(picture: Frame, disc: NDArray[np.bool_] | None) -> Frame:
    """A picture (H, W, 3) down to the end of its disc (H, W), as a view; all of it where little lies below that.

    Below the disc consoles show the vessel along its length, where a millimetre is another.
    """
    if disc is None or not disc.any():
        return picture
    height = int(np.flatnonzero(disc.any(axis=1))[-1]) + 1
    return picture if len(picture) - height < LEAST_BELOW * len(picture) else picture[:height]


def text_height_px(picture: Frame) -> int:
    """Height in pixels of a line of words that suits the size of a picture (H, W, 3)."""
    return max(9, int(min(picture.shape[:2]) / 52 + 0.5))


@lru_cache(maxsize=64)
def _lettered(text: str, height_px: int) -> NDArray[np.float32]:
    """Coverage (h, w, 1) in [0, 1] of a line of words."""
    font = ImageFont.load_default(height_px)
    image = Image.new("L", (round(font.getlength(text)) + 2, round(height_px * 1.25)))
    ImageDraw.Draw(image).text((1, 0), text, fill=255, font=font)
    return np.asarray(image, np.float32)[..., None] / 255.0


def _stamp(picture: Frame, row: int, col: int, coverage: NDArray[np.float32]) -> None:
    """Lay words, coverage (h, w, 1) in [0, 1], over a picture (H, W, 3) from (row, col) on."""
    part = picture[row : row + coverage.shape[0], col : col + coverage.shape[1]]
    part[:] = np.rint(part + coverage * (np.array(INK, np.float32) - part)).astype(np.uint8)


def _place(picture: Frame, corner: Corner, height: int, width: int) -> tuple[int, int] | None:
    """First (row, col) of a box in a corner of a picture (H, W, 3); None where that is too small for it."""
    margin = text_height_px(picture) // 2
    if height + 2 * margin > picture.shape[0] or width + 2 * margin > picture.shape[1]:
        return None
    row = margin if corner.startswith("top") else picture.shape[0] - margin - height
    col = margin if corner.endswith("left") else picture.shape[1] - margin - width
    return row, col


def _box(picture: Frame, corner: Corner, height: int, width: int) -> tuple[int, int] | None:
    """Darken a box in a corner of a picture (H, W, 3); its first (row, col), or None where that is too small for it."""
    place = _place(picture, corner, height, width)
    if place is None:
        return None
    row, col = place
    part = picture[row : row + height, col : col + width]
    part[:] = cv2.convertScaleAbs(part, alpha=SHADE)
    return row, col


def _line(picture: Frame, text: str) -> NDArray[np.float32]:
    """Coverage (h, w, 1) of a line of words in a size that suits a picture (H, W, 3)."""
    return _lettered(text, max(9, int(text_height_px(picture) * 0.85)))


def write_line(picture: Frame, corner: Corner, text: str) -> None:
    """One line of words in a corner of a picture (H, W, 3)."""
    coverage = _line(picture, text)
    if box := _box(picture, corner, *coverage.shape[:2]):
        _stamp(picture, *box, coverage)


def bears_line(picture: Frame, corner: Corner, text: str) -> bool:
    """Whether `write_line` has written a text there, also after lossy coding; picture: (H, W, 3)."""
    coverage = _line(picture, text)[..., 0]
    place = _place(picture, corner, *coverage.shape)
    if place is None:
        return False
    row, col = place
    part = picture[row : row + coverage.shape[0], col : col + coverage.shape[1]].mean(axis=2)
    return bool(part.std() > 0 and np.corrcoef(part.ravel(), coverage.ravel())[0, 1] > LIKENESS)


def write_legend(
    picture: Frame, corner: Corner, labels: Sequence[str], draw_swatch: Callable[[Frame, int], None]
) -> None:
    """A label a line after its swatch, in a corner of a picture (H, W, 3).

    draw_swatch: gets the part (h, w, 3) of the picture to fill, and the line's number.
    """
    size = text_height_px(picture)
    line, swatch = round(size * 1.6), round(size * 2.4)
    words = [_lettered(label, size) for label in labels]
    box = _box(picture, corner, line * len(words), swatch + size + max(word.shape[1] for word in words))
    if box is None:
        return
    row, col = box
    for number, word in enumerate(words):
        top = row + number * line
        draw_swatch(picture[top + line // 10 : top + line - line // 10, col : col + swatch], number)
        _stamp(picture, top + (line - word.shape[0]) // 2, col + swatch + size // 2, word)


def bar_length_mm(width_px: int, pixel_spacing_mm: float) -> float | None:
    """The longest round length that takes up no more than a fifth of the picture's width; None where none does."""
    fitting = (length for length in BAR_LENGTHS_MM if length / pixel_spacing_mm <= BAR_FRACTION * width_px)
    return next(fitting, None)


def draw_scale_bar(picture: Frame, corner: Corner, pixel_spacing_mm: float) -> None:
    """A bar of a round length with that length above it, in a corner of a picture (H, W, 3)."""
    length_mm = bar_length_mm(picture.shape[1], pixel_spacing_mm)
    if length_mm is None:
        return
    size, length = text_height_px(picture), round(length_mm / pixel_spacing_mm)
    word = _lettered(f"{length_mm:g} mm", size)
    height, width = word.shape[0] + size // 2, max(length, word.shape[1])
    box = _box(picture, corner, height, width)
    if box is None:
        return
    row, col = box
    _stamp(picture, row, col + (width - word.shape[1]) // 2, word)
    left = col + (width - length) // 2
    picture[row + height - max(2, size // 5) : row + height, left : left + length] = INK
