"""Outlines of a mask as smooth strokes: solid, dashed or dotted. Pure functions on arrays.

Points here are (x, y) in pixels, OpenCV's order, pixel centres at whole numbers.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTHING_REACH = 2  # contour points averaged on either side: takes off the pixel steps, keeps a cap's corners
POINT_STEP_PX = 4.0  # distance between the points of a stroke; finer costs time and cannot be seen
FRACTION_BITS = 4  # OpenCV draws at 1/16 px

Stroke = NDArray[np.float32]  # (n_points, 2), (x, y)


def as_bytes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask (H, W) as 0 and 1 for OpenCV, without a copy where there is none needed."""
    return np.ascontiguousarray(mask).view(np.uint8)


def outlines(mask: NDArray[np.bool_]) -> list[Stroke]:
    """Closed outlines of a mask (H, W) and of its holes, smoothed; the first point is not repeated at the end."""
    found, _ = cv2.findContours(as_bytes(mask), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [_smoothed(contour[:, 0].astype(np.float32)) for contour in found]


def _smoothed(outline: Stroke) -> Stroke:
    """A closed outline (n_points, 2) without its pixel steps; one of few points stays as it is."""
    reach = SMOOTHING_REACH
    if len(outline) < 4 * reach:
        return outline
    wrapped = np.concatenate([outline[-reach:], outline, outline[:reach]])
    return np.asarray(cv2.blur(wrapped, (1, 2 * reach + 1))[reach:-reach], np.float32)


def dashes(outline: Stroke, dash_px: float, gap_px: float) -> list[Stroke]:
    """Cut a closed outline (n_points, 2) into dashes, stretched a little so that a whole number of them closes it.

    Each dash is a stroke of its own, (n, 2). `gap_px` 0 gives one stroke that ends where it began.
    """
    closed = np.concatenate([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])  # px from the first point
    length = float(along[-1])
    count = max(1, round(length / (dash_px + gap_px))) if gap_px > 0 else 1
    drawn = length / count * (dash_px / (dash_px + gap_px) if gap_px > 0 else 1.0)
    n_points = max(2, round(drawn / POINT_STEP_PX) + 1)
    at = np.arange(count)[:, None] * (length / count) + np.linspace(0.0, drawn, n_points)  # (count, n_points)
    x, y = np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])
    return list(np.stack([x, y], axis=-1).astype(np.float32))


def draw_strokes(
    picture: NDArray[np.uint8],
    strokes: Sequence[Stroke],
    colour: tuple[int, int, int],
    edge_colour: tuple[int, int, int],
    width_px: int,
) -> None:
    """Draw strokes `width_px` wide with an edge of 1 px on either side into a picture (H, W, 3), in place."""
    fixed = [np.rint(stroke * (1 << FRACTION_BITS)).astype(np.int32) for stroke in strokes]
    cv2.polylines(picture, fixed, False, edge_colour, width_px + 2, cv2.LINE_8, FRACTION_BITS)
    cv2.polylines(picture, fixed, False, colour, width_px, cv2.LINE_AA, FRACTION_BITS)
