"""Reads the few signs that a scale bar's label is made of, "1 mm" or "500 um", by comparing them with printed ones.

glyphs.png shows the printed signs as a sheet, a row for each of ROWS and a column for each font;
`python -m tests.benchmarks.draw_glyphs` makes it. Each is also compared slanted, as in italics: else a slanted 1 looks
like a 2. A sign that looks like none of them, or like two, is not read.
Pictures of signs are (h, w) float32 ink, 0 ground to 1.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float32]

DIGITS = "0123456789"
SMALL_M_TURNED, SMALL_U_TURNED = "ɯ", "ʌ"  # what an upside-down label shows, so that it is not read as it stands
ROWS = (*DIGITS, *"muµM", SMALL_M_TURNED, SMALL_U_TURNED, *"cnswaoevxkhrdHWN")
TILE_ROWS, TILE_COLS = 16, 28  # of a sign on the sheet, as wide as it is by its height
SLANTS = (0.0, 0.22)  # columns to the right for each row up
SIDE = 16  # to which signs are brought, whatever their width
ASPECT_WEIGHT = 0.12  # of the log of width by height, beside the root mean square of the pixels
FARTHEST = 0.30  # from a printed sign, so that it is one
LEAST_INK = 0.3  # of a slanted sign's outermost columns
LEAST_MARGIN = 1.12  # how many times as far the next best sign must be


def signs_in(pictures: list[Ink], among: str) -> list[str | None]:
    """Which sign each picture shows, its box cut tight; None where it looks like none of `among`, or like others too.

    Any other sign of the sheet speaks against it, except that digits are told only from digits.
    """
    if not pictures:
        return []
    tiles, aspects, weights, firsts = _sheet()
    shapes = np.stack([_brought_to_size(picture) for picture in pictures]).reshape(len(pictures), -1)
    aspect = np.log([picture.shape[1] / picture.shape[0] for picture in pictures])
    # Not by `@`: threads of BLAS wake up for it and wait for each other, ten times as long on a busy machine.
    products = np.einsum("ij,kj->ik", 2 * shapes, tiles)
    squares = (shapes**2).sum(axis=1)[:, None] + weights - products
    pixels = np.sqrt(squares.clip(0) / SIDE**2)
    distance = pixels + ASPECT_WEIGHT * np.abs(aspect[:, None] - aspects[None])  # (n, n_tiles)
    rivals = DIGITS if all(sign in DIGITS for sign in among) else "".join(ROWS)
    names = [sign for sign in ROWS if sign in rivals]
    by_sign = np.minimum.reduceat(distance, firsts, axis=1).T[[ROWS.index(sign) for sign in names]]
    order = np.argsort(by_sign, axis=0)
    found: list[str | None] = []
    for column in range(len(pictures)):
        best, second = by_sign[order[:2, column], column]
        sign = names[order[0, column]]
        alike = {sign, names[order[1, column]]} <= {"u", "µ"}
        sure = best <= FARTHEST and (alike or second >= LEAST_MARGIN * best)
        found.append(sign if sure and sign in among else None)
    return found


def _brought_to_size(picture: Ink) -> Ink:
    """(SIDE, SIDE) of a sign whatever its width, a little blurred so that strokes need not meet exactly."""
    small = cv2.resize(picture.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.float32)


@lru_cache(maxsize=1)
def _sheet() -> tuple[Ink, NDArray[np.float64], Ink, NDArray[np.intp]]:
    """Of each printed sign, upright and slanted, in the order of ROWS: its pixels (n, SIDE * SIDE), the log of width by
    height (n,), the sum of its pixels' squares (n,); and where each row of ROWS begins."""
    coded = np.frombuffer((Path(__file__).parent / "glyphs.png").read_bytes(), np.uint8)
    sheet: Ink = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    rows, shapes, aspects = [], [], []
    for place in range(len(ROWS)):
        for left in range(0, sheet.shape[1], TILE_COLS):
            tile: Ink = sheet[place * TILE_ROWS : (place + 1) * TILE_ROWS, left : left + TILE_COLS]
            inked = np.flatnonzero(tile.max(axis=0) > 0)
            for slant in SLANTS if inked.size else ():
                sign = _slanted(tile[:, : inked[-1] + 1], slant)
                rows.append(place)
                shapes.append(_brought_to_size(sign).ravel())
                aspects.append(np.log(sign.shape[1] / sign.shape[0]))
    tiles = np.stack(shapes)
    return tiles, np.array(aspects), (tiles**2).sum(axis=1), np.searchsorted(rows, np.arange(len(ROWS)))


def _slanted(sign: Ink, slant: float) -> Ink:
    """A sign (h, w) whose rows are moved to the right by `slant` columns for each row above the lowest, cut tight."""
    if slant == 0:
        return sign
    height, width = sign.shape
    moved = np.array([[1.0, -slant, slant * (height - 1)], [0.0, 1.0, 0.0]])
    wide: Ink = np.asarray(cv2.warpAffine(sign, moved, (width + int(slant * height) + 1, height)), np.float32)
    inked = np.flatnonzero(wide.max(axis=0) > LEAST_INK)
    return wide[:, inked[0] : inked[-1] + 1]
