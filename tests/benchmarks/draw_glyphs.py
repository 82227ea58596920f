"""Draws octseg/view/bar/glyphs.png, the printed signs that a scale bar's label is compared with.

    python -m tests.benchmarks.draw_glyphs FONT... [--check]      FONT: .ttf or .woff files

--check draws nothing: it leaves one font out at a time and says how many of its signs are read, or read wrongly.
The sheet was drawn from DejaVu (Sans, Sans Bold, Sans Mono, Serif), Arimo, Open Sans, Roboto, Noto Sans, Source Sans 3,
Lato and Tinos (regular and bold; @fontsource 5.3.0), Pillow's own font and OpenCV's strokes.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from octseg.view.bar import glyphs

SHEET = Path(glyphs.__file__).parent / "glyphs.png"
DRAWN_PX = 96
STROKES = {
    "simplex": (cv2.FONT_HERSHEY_SIMPLEX, 6),
    "simplex, thick": (cv2.FONT_HERSHEY_SIMPLEX, 14),
    "duplex": (cv2.FONT_HERSHEY_DUPLEX, 8),
    "plain": (cv2.FONT_HERSHEY_PLAIN, 8),
}


def printed(sign: str, font: ImageFont.FreeTypeFont) -> NDArray[np.uint8]:
    canvas = Image.new("L", (3 * DRAWN_PX, 3 * DRAWN_PX))
    ImageDraw.Draw(canvas).text((DRAWN_PX, DRAWN_PX), sign, fill=255, font=font)
    return np.asarray(canvas)


def stroked(sign: str, face: int, thickness: int) -> NDArray[np.uint8]:
    canvas = np.zeros((3 * DRAWN_PX, 3 * DRAWN_PX), np.uint8)
    cv2.putText(canvas, sign, (40, 200), face, 4 if face != cv2.FONT_HERSHEY_PLAIN else 8, 255, thickness, cv2.LINE_AA)
    return canvas


def tile_of(drawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The sign cut out, as high as a tile, at its left edge; nothing where nothing was drawn."""
    tile = np.zeros((glyphs.TILE_ROWS, glyphs.TILE_COLS), np.uint8)
    rows, cols = np.nonzero(drawn > 127)
    if rows.size == 0:
        return tile
    cut = drawn[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    width = max(2, min(glyphs.TILE_COLS, round(cut.shape[1] * glyphs.TILE_ROWS / cut.shape[0])))
    tile[:, :width] = np.maximum(cv2.resize(cut, (width, glyphs.TILE_ROWS), interpolation=cv2.INTER_AREA), 1)
    return tile


def column_of(draw_one) -> list[NDArray[np.uint8]]:
    turned = {glyphs.SMALL_M_TURNED: "m", glyphs.SMALL_U_TURNED: "µ"}
    return [tile_of(draw_one(turned[s])[::-1, ::-1] if s in turned else draw_one(s)) for s in glyphs.ROWS]


def columns_of(fonts: list[Path]) -> dict[str, list[NDArray[np.uint8]]]:
    columns = {}
    for path in fonts:
        font = ImageFont.truetype(str(path), DRAWN_PX)
        columns[path.name] = column_of(lambda sign, font=font: printed(sign, font))
    default = ImageFont.load_default(DRAWN_PX)
    columns["Pillow"] = without_micro(column_of(lambda sign: printed(sign, default)))
    for name, (face, thickness) in STROKES.items():
        columns[name] = without_micro(column_of(lambda sign, face=face, thick=thickness: stroked(sign, face, thick)))
    return columns


def without_micro(column: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """A column of a font that has no micro sign and shows a box instead."""
    for sign in ("µ", glyphs.SMALL_U_TURNED):
        column[glyphs.ROWS.index(sign)][:] = 0
    return column


def write_sheet(columns: list[list[NDArray[np.uint8]]]) -> None:
    sheet = np.hstack([np.vstack(column) for column in columns])
    Image.fromarray(sheet).quantize(16).save(SHEET, optimize=True)
    glyphs._sheet.cache_clear()


def check(columns: dict[str, list[NDArray[np.uint8]]]) -> None:
    read = wrong = asked = 0
    for left_out, column in columns.items():
        write_sheet([other for name, other in columns.items() if name != left_out])
        for among in (glyphs.DIGITS, "muµM"):
            for sign, tile in zip(glyphs.ROWS, column, strict=True):
                inked = np.flatnonzero(tile.max(axis=0))
                if inked.size == 0 or (among == glyphs.DIGITS and sign not in among):
                    continue
                (found,) = glyphs.signs_in([tile[:, : inked[-1] + 1].astype(np.float32) / 255], among)
                if sign in among:
                    asked += 1
                    read += found == sign or {found, sign} == {"u", "µ"}
                if found is not None and found != sign and {found, sign} != {"u", "µ"}:
                    wrong += 1
                    print(f"{left_out}: {sign} read as {found}")
                elif found is None and sign in among:
                    print(f"{left_out}: {sign} not read")
    print(f"{read} of {asked} signs read, {wrong} wrong, each by the other {len(columns) - 1} fonts")


def main(arguments: list[str]) -> int:
    fonts = [Path(each) for each in arguments if each != "--check"]
    columns = columns_of(fonts)
    if "--check" in arguments:
        check(columns)
    write_sheet(list(columns.values()))
    print(f"{SHEET.name}: {len(columns)} fonts, {SHEET.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
