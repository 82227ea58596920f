"""From A-lines to the frame on the console's screen: scan conversion, sepia, ruler.

Frames are (H, W, 3) uint8 RGB, square; the catheter's axis is at ((H - 1) / 2, (W - 1) / 2), pixel centres at whole
numbers. The ruler's measures were read off exported frames.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.phantom.geometry import TURN, angles, polar_grid, scan_angle
from octseg.phantom.spec import A_LINES, PhantomSpec
from octseg.view.ruler.marks import RING_DRAWN_MM

RULER_PITCH_MM = 1.0
YELLOW_DOT, YELLOW_LINE = (241, 217, 101), (125, 120, 20)
CYAN_DOT, CYAN_LINE = (160, 203, 238), (20, 120, 118)
RING_COLOUR = (70, 218, 213)
SUBPIXEL_BITS = 4

# red of the sepia map to its green and blue, as exported frames have it
SEPIA_RED = (0, 32, 48, 64, 96, 128, 160, 192, 224, 255)
SEPIA_GREEN = (0, 3, 6, 13, 31, 54, 87, 126, 169, 219)
SEPIA_BLUE = (0, 0, 1, 0, 0, 0, 7, 21, 46, 110)


def frame_of(spec: PhantomSpec, lines: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw A-lines (A_LINES, depths) of grey levels as a frame (H, W, 3)."""
    grey = scan_convert(spec, lines)
    frame = sepia_map()[grey] if spec.colouring == "sepia" else np.repeat(grey[..., None], 3, axis=2)
    if spec.ruler:
        draw_ruler(frame, spec.pixel_spacing_mm, spec.ruler_deg)
    return frame


def scan_convert(spec: PhantomSpec, lines: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A-lines to the disc, (H, W) grey levels; black outside. The scan's error of angle comes in here."""
    direction, radius_px = polar_grid(spec.size_px)
    looked = scan_angle(spec, angles()) % TURN
    line = (looked * (A_LINES / TURN)).astype(np.float32)
    depths = lines.shape[1]
    column = radius_px * np.float32(depths / (spec.size_px / 2)) - np.float32(0.5)
    wrapped = np.concatenate([lines, lines[:1]])
    grey = cv2.remap(wrapped, column, line[direction], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey[radius_px > spec.size_px / 2] = 0.0
    grey = cv2.GaussianBlur(grey, (5, 5), spec.optics.blur_px)
    return np.asarray(np.rint(grey)).astype(np.uint8)


@lru_cache(maxsize=1)
def sepia_map() -> NDArray[np.uint8]:
    """(256, 3): the colour of each grey level; red is the level itself."""
    level = np.arange(256)
    colour = [level, np.interp(level, SEPIA_RED, SEPIA_GREEN), np.interp(level, SEPIA_RED, SEPIA_BLUE)]
    table: NDArray[np.uint8] = np.rint(np.stack(colour, axis=1)).astype(np.uint8)
    return table


def draw_ruler(frame: NDArray[np.uint8], pixel_spacing_mm: float, towards_deg: float) -> None:
    """Burn the cut line, its dots 1 mm apart and the catheter's ring into the frame (H, W, 3), in place."""
    size = frame.shape[0]
    middle = (size - 1) / 2
    along = np.array([np.cos(np.radians(towards_deg)), np.sin(np.radians(towards_deg))])  # (x, y)
    rim = size / 2 - 2
    dots = int(np.floor((size / 2 - 6) * pixel_spacing_mm / RULER_PITCH_MM))
    _draw_ring(frame, RING_DRAWN_MM / 2 / pixel_spacing_mm)
    for sign, line, dot in ((-1, CYAN_LINE, CYAN_DOT), (1, YELLOW_LINE, YELLOW_DOT)):
        end = middle + sign * along * rim
        cv2.line(frame, _fixed(middle, middle), _fixed(*end), line, 1, cv2.LINE_AA, SUBPIXEL_BITS)
        for place in range(1, dots + 1):
            _draw_dot(frame, middle + sign * along * (place * RULER_PITCH_MM / pixel_spacing_mm), line, dot)
    _draw_dot(frame, np.array([middle, middle]), YELLOW_LINE, YELLOW_DOT)


def _fixed(x: float, y: float) -> tuple[int, int]:
    """A point in OpenCV's fixed point, (x, y)."""
    return round(x * (1 << SUBPIXEL_BITS)), round(y * (1 << SUBPIXEL_BITS))


def _draw_dot(
    frame: NDArray[np.uint8], at: NDArray[np.float64], rim: tuple[int, int, int], core: tuple[int, int, int]
) -> None:
    """A bright diamond with a dim edge on the frame (H, W, 3)."""
    unit = frame.shape[0] / 750
    for radius, colour in ((5.0 * unit, rim), (4.0 * unit, core)):
        corners = [_fixed(at[0] + dx * radius, at[1] + dy * radius) for dx, dy in _dot_corners()]
        cv2.fillConvexPoly(frame, np.array(corners, dtype=np.int32), colour, cv2.LINE_AA, SUBPIXEL_BITS)


@lru_cache(maxsize=1)
def _dot_corners() -> tuple[tuple[float, float], ...]:
    """Between a diamond and a disc: eight corners of unit reach."""
    return tuple(
        ((1.0 if k % 2 == 0 else 0.85) * np.cos(k * np.pi / 4), (1.0 if k % 2 == 0 else 0.85) * np.sin(k * np.pi / 4))
        for k in range(8)
    )


def _draw_ring(frame: NDArray[np.uint8], radius_px: float) -> None:
    """Four short dashes on the catheter's circle: up, down, left, right, on the frame (H, W, 3)."""
    middle = (frame.shape[0] - 1) / 2
    for quarter in range(4):
        turn = np.radians(90 * quarter) + np.radians(np.linspace(-10, 10, 9))
        points = [_fixed(middle + radius_px * np.cos(a), middle + radius_px * np.sin(a)) for a in turn]
        cv2.polylines(
            frame,
            [np.array(points, dtype=np.int32)],
            False,
            RING_COLOUR,
            2 if frame.shape[0] > 900 else 1,
            cv2.LINE_AA,
            SUBPIXEL_BITS,
        )
