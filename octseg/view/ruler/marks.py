"""The pixels that a ruler covers, to be painted out before a network looks at the frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view.grey import SEPIA, is_sepia
from octseg.view.ruler.coloured import CYAN_EXCESS
from octseg.view.ruler.shape import Floats, Ruler

RING_DRAWN_MM = 0.907  # across the ring that consoles draw about the catheter, which itself is 2.7 F, 0.90 mm
DASH_DEG = 11  # to either side of the middle of one of the ring's dashes
DASH_BLUR_PX = 1


@dataclass(frozen=True, eq=False)
class RulerPlace:
    """Where a ruler lies in frames of one size, worked out once.

    drawn: (H, W), 1 on its line and dots. near: (n,) pixels, counted row by row, in which its colours are looked for.
    """

    drawn: NDArray[np.uint8]
    near: NDArray[np.intp]

    def marks(self, frame: Frame) -> NDArray[np.bool_]:
        """Every pixel (H, W) that the ruler covers in a frame (H, W, 3)."""
        marks = self.drawn.copy()
        if self.near.size:
            pixels = frame.reshape(-1, 3).take(self.near, axis=0)
            marks.put(self.near[_coloured(pixels.astype(np.int16), is_sepia(frame))], 1)
        return np.asarray(cv2.dilate(marks, np.ones((3, 3), np.uint8))).view(np.bool_)


def ruler_marks(frame: Frame, ruler: Ruler) -> NDArray[np.bool_]:
    """Every pixel (H, W) that the ruler covers: line, dots and dashed ring, with the blur that JPEG gives them."""
    return place_of(ruler, (frame.shape[0], frame.shape[1])).marks(frame)


def place_of(ruler: Ruler, shape: tuple[int, int]) -> RulerPlace:
    """Where a ruler lies in frames (H, W) of a size.

    The line ends at the disc's rim, less than one pitch beyond its last dots. Line and dots are taken by their place;
    their blur and the ring by their colour near that place.
    """
    drawn, near = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    line_px = max(1, round(0.5 * ruler.dot_radius_px))  # the line's width grows with the dots when a frame is resized
    beyond = ruler.pitch_px * np.array(ruler.direction)
    ends = (ruler.dots_px[0] - beyond, ruler.dots_px[-1] + beyond)
    for mask, thickness in ((drawn, line_px), (near, 3 * line_px + 4)):
        cv2.line(mask, _xy(ends[0]), _xy(ends[1]), 1, thickness)
    for dot in ruler.dots_px:
        cv2.circle(drawn, _xy(dot), round(1.2 * ruler.dot_radius_px + 1), 1, -1)
        cv2.circle(near, _xy(dot), round(1.5 * ruler.dot_radius_px + 4), 1, -1)
    if ruler.ring_diameter_px is not None:
        width_px = 2 * round(0.03 * ruler.ring_diameter_px + line_px) + 1  # the arcs are drawn a little off-centre
        cv2.circle(near, _xy(ruler.centre), round(ruler.ring_diameter_px / 2), 1, width_px)
    if ruler.by_shape:
        _draw_by_place(drawn, ruler, line_px)
        near[:] = 0
    return RulerPlace(drawn, np.flatnonzero(near.view(np.bool_)))


def _draw_by_place(marks: NDArray[np.uint8], ruler: Ruler, line_px: int) -> None:
    """Into (H, W), of a ruler whose colours are lost and whose line is drawn: the dots, and the ring's dashes."""
    for dot in ruler.dots_px:
        cv2.circle(marks, _xy(dot), round(1.3 * ruler.dot_radius_px + 1), 1, -1)
    radius = round((ruler.ring_diameter_px or RING_DRAWN_MM * ruler.pitch_px) / 2)
    for side in range(0, 360, 90):
        cv2.ellipse(marks, _xy(ruler.centre), (radius, radius), side, -DASH_DEG, DASH_DEG, 1, line_px + DASH_BLUR_PX)


def _coloured(pixels: NDArray[np.int16], sepia: bool) -> NDArray[np.bool_]:
    """Which of the (n, 3) pixels have a colour that tissue, sepia or grey, has not."""
    red, green, blue = pixels.T
    if not sepia:
        brightest, darkest = (extreme(extreme(red, green), blue) for extreme in (np.maximum, np.minimum))
        return np.asarray(brightest - darkest > CYAN_EXCESS)
    return np.asarray((blue - red > 0) & (blue > CYAN_EXCESS / 2) | (np.abs(green - SEPIA[red, 1]) > CYAN_EXCESS / 2))


def _xy(point: Floats | tuple[float, float]) -> tuple[int, int]:
    """A (row, col) point as OpenCV's whole (x, y)."""
    return round(float(point[1])), round(float(point[0]))
