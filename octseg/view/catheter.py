"""Where the catheter lies in a frame, and how wide it is.

The ruler says it where there is one. Otherwise the bright rings of the sheath do: every strong edge votes for the
points along its gradient, and the rings' common centre gets the most votes. Points are (row, col) in pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view.disc import Disc, border_level
from octseg.view.grey import Grey, sepia_to_grey
from octseg.view.ruler import Ruler
from octseg.view.ruler.marks import RING_DRAWN_MM

Floats = NDArray[np.float32]

CATHETER_DIAMETER_MM = 0.90  # 2.7 F; the ring that consoles draw about it is a little larger, RING_DRAWN_MM
DISC_LEVEL = 8  # above the ground, of a row's or column's brightest pixel: beyond the disc all is ground
SEARCH_PART = 0.5  # of the disc's diameter: the square about its middle in which the catheter is looked for
SEARCH_SIDE_PX = 128  # to which that square is shrunk
RING_RADIUS_PART = (0.02, 0.11)  # of the disc's diameter: rings of a 0.9 mm sheath in a field of 5 to 10 mm
EDGE_SHARE = 0.2  # of the pixels, those with the steepest gradient vote
MIN_EDGE = 3.0  # grey levels per pixel of the shrunken square; below it lies noise
MIN_RINGNESS = 0.55  # how much brightness changes with the radius rather than at one radius; real frames: 0.61 to 0.98
N_ANGLES = 90
MAX_WOBBLE = 0.25  # of the sheath's radius: its rings are this far from the imaging core at most
WHOLE_DISC = 0.98  # shorter by longer side of what is not black


@dataclass(frozen=True, kw_only=True)
class Catheter:
    """The catheter's centre (row, col) and outer radius, in pixels."""

    centre: tuple[float, float]
    radius_px: float


def find_catheter(frame: Frame, ruler: Ruler | None = None, disc: Disc | None = None) -> Catheter | None:
    """The catheter in a frame (H, W, 3): from its ruler where given, else from the sheath's rings; None without.

    disc: as found in it, if any.
    """
    if ruler is not None:
        diameter = ruler.ring_diameter_px or RING_DRAWN_MM * ruler.pitch_px
        return Catheter(centre=ruler.centre, radius_px=diameter / 2)
    return find_sheath(sepia_to_grey(frame), disc)


def find_sheath(grey: Grey, disc: Disc | None = None) -> Catheter | None:
    """The catheter by the sheath's bright rings in a frame's grey levels (H, W); None where no rings are seen.

    The rings lie up to a seventh of their radius beside the imaging core. Where the whole disc is seen, its middle is
    the imaging core, and is taken if the rings lie about it. disc: where it reaches past the picture its middle is not
    that of what is lit.
    """
    box = _lit_box(grey) if disc is None or not disc.is_cut_off(*grey.shape) else disc.box
    if box is None:
        return None
    top, left, height, width = box
    diameter = min(height, width)
    half = max(8, round(SEARCH_PART * diameter / 2))
    middle = (top + (diameter - 1) / 2, left + (width - 1) / 2)  # a strip may lie below the disc
    first_row, first_col = max(0, round(middle[0]) - half), max(0, round(middle[1]) - half)
    square = grey[first_row : first_row + 2 * half, first_col : first_col + 2 * half]
    scale = SEARCH_SIDE_PX / max(square.shape)
    small = np.asarray(cv2.resize(square, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.float32)
    inner, outer = (part * diameter * scale for part in RING_RADIUS_PART)
    voted = _common_centre(small, inner, outer)
    radius = None if voted is None else _sheath_radius(small, voted, inner, outer)
    if voted is None or radius is None:
        return None
    rings = (first_row + (voted[0] + 0.5) / scale - 0.5, first_col + (voted[1] + 0.5) / scale - 0.5)
    off = float(np.hypot(rings[0] - middle[0], rings[1] - middle[1]))
    whole = diameter >= WHOLE_DISC * max(height, width) and off <= MAX_WOBBLE * radius / scale
    return Catheter(centre=middle if whole else rings, radius_px=radius / scale)


def _lit_box(grey: Grey) -> tuple[float, float, float, float] | None:
    """Top, left, height, width in pixels of what stands out from the ground of a picture (H, W)."""
    ground = border_level(grey)
    rows, cols = (
        np.flatnonzero(
            np.maximum(grey.max(axis).astype(int) - ground, ground - grey.min(axis).astype(int)) > DISC_LEVEL
        )
        for axis in (1, 0)
    )
    if rows.size == 0 or cols.size == 0:
        return None
    return int(rows[0]), int(cols[0]), int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1


def _common_centre(square: Floats, inner: float, outer: float) -> tuple[float, float] | None:
    """The point (row, col) of `square` (H, W) that most edges' gradients point to from `inner` to `outer` px away."""
    smooth = cv2.GaussianBlur(square, (0, 0), 1.0)
    down, right = cv2.Sobel(smooth, cv2.CV_32F, 0, 1) / 8, cv2.Sobel(smooth, cv2.CV_32F, 1, 0) / 8
    steep = cv2.magnitude(down, right)
    rows, cols = np.nonzero(steep >= max(MIN_EDGE, float(np.quantile(steep, 1 - EDGE_SHARE))))
    if rows.size == 0:
        return None
    height, width = square.shape
    reach = np.arange(inner, outer, dtype=np.float32)
    reach = np.concatenate([-reach, reach])[:, None]
    margin = int(outer) + 1  # votes may fall this far outside
    voted_row = (
        np.rint(rows + reach * down[rows, cols] / steep[rows, cols]).astype(np.int32) + margin
    )  # (2 * n_radii, n)
    voted_col = np.rint(cols + reach * right[rows, cols] / steep[rows, cols]).astype(np.int32) + margin
    padded = (height + 2 * margin, width + 2 * margin)
    votes = np.bincount((voted_row * padded[1] + voted_col).ravel(), minlength=padded[0] * padded[1])
    inside = votes.reshape(padded)[margin:-margin, margin:-margin].astype(np.float32)
    row, col = divmod(int(cv2.GaussianBlur(inside, (0, 0), 2.0).argmax()), width)
    return float(row), float(col)


def _sheath_radius(square: Floats, centre: tuple[float, float], inner: float, outer: float) -> float | None:
    """Radius in pixels at which the sheath ends, seen from `centre`; None where the pattern is not of rings."""
    n_radii = round(1.3 * outer)
    how = cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS  # beyond the square black, not what memory held
    polar = cv2.warpPolar(square, (n_radii, N_ANGLES), centre[::-1], n_radii, how)
    first = round(inner)
    level = np.median(polar, axis=0)[first : round(outer)]  # (n_radii,)
    lumen = float(np.quantile(level, 0.1))
    bright = np.flatnonzero(level > lumen + 0.35 * (level.max() - lumen))
    if bright.size == 0:
        return None
    rings = slice(0, int(bright[-1]) + 3)
    beside = polar[:, first : round(outer)][:, rings] - level[rings]
    ringness = level[rings].var() / max(1.0, float(level[rings].var() + np.median(np.abs(beside)) ** 2 / 0.455))
    return float(first + bright[-1] + 0.5) if ringness >= MIN_RINGNESS else None
