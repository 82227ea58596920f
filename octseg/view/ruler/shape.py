"""A ruler as it was found, and the straight line that it lies on.

Points are (row, col) in pixels, pixel centres at whole numbers; t is the place along the line in pixels, growing from
the yellow side to the cyan side.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MM_PER_DOT = 1.0
MIN_DOTS = 4
BEYOND_DOTS = 1.5  # gaps: the rim lies within one of the last dot, and that may be missed in faint tissue
RING_MM = (0.85, 0.97)  # the catheter of 2.7 F, 0.90 mm, as the console draws it
LEAST_DOTS_ASKEW = 5  # of four, gaps that grow are not told from dots that lie a pixel off
STANDS_OUT = 3.5  # times its own error: how surely gaps grow, however little
LEAST_OFF_PX = 0.1  # of a dot from its place


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """A burned-in ruler as it was found.

    dots_px: (n, 2) dot centres, sub-pixel, from the yellow end to the cyan end.
    centre: the dot at the catheter. direction: (row, col) unit vector from yellow to cyan.
    pitch_px: pixels between neighbouring dots, so pixels per mm.
    pitch_spread: largest deviation of one gap from `pitch_px`, as a part of it.
    dot_radius_px: of a dot as drawn, for painting it out.
    by_shape: found in a frame without its colours; the direction may then be the other way round.
    ring_diameter_px: of the dashed ring at the catheter's rim; None where it was not found.
    """

    dots_px: Floats
    centre: tuple[float, float]
    direction: tuple[float, float]
    pitch_px: float
    pitch_spread: float
    dot_radius_px: float
    ring_diameter_px: float | None
    by_shape: bool = False

    def moved(self, rows: int, cols: int) -> "Ruler":
        """The ruler in a picture that it lies so many pixels farther down and to the right in."""
        centre = (self.centre[0] + rows, self.centre[1] + cols)
        return replace(self, dots_px=self.dots_px + np.array([rows, cols]), centre=centre)

    @property
    def ring_diameter_mm(self) -> float | None:
        """The ring measured with the dots: 0.907 +- 0.002 mm on real frames."""
        return None if self.ring_diameter_px is None else self.ring_diameter_px / self.pitch_px * MM_PER_DOT

    @property
    def ring_fits(self) -> bool:
        """Whether the ring was found and has the size of a catheter, so that the scale is confirmed."""
        return self.ring_diameter_mm is not None and RING_MM[0] <= self.ring_diameter_mm <= RING_MM[1]

    @property
    def growth(self) -> float:
        """By what part its last gap is wider or narrower than its first, as far as the dots' scatter does not tell it.

        0 where they are alike. Frames seen straight have up to 0.019 where they are lossy copies.
        """
        number = len(self.dots_px)
        if number < LEAST_DOTS_ASKEW:
            return 0.0
        along = np.hypot(*(self.dots_px - self.dots_px[0]).T)
        powers = np.vander(np.arange(number, dtype=np.float64), 3)
        bend = np.linalg.lstsq(powers, along)[0]
        scatter = np.sqrt(np.square(along - powers @ bend).sum() / (number - 3))
        error = max(float(scatter), LEAST_OFF_PX) * np.sqrt(np.linalg.inv(powers.T @ powers)[0, 0])
        if abs(bend[0]) < STANDS_OUT * error:
            return 0.0
        return float(2 * abs(bend[0]) * (number - 2) / self.pitch_px)


@dataclass(frozen=True)
class Line:
    """A straight line: `origin` is its point next to the frame's (0, 0), `direction` points from yellow to cyan."""

    origin: Floats  # (2,)
    direction: Floats  # (2,)

    @property
    def normal(self) -> Floats:
        """(row, col) unit vector across the line."""
        return np.array([-self.direction[1], self.direction[0]])

    def along(self, points: Floats) -> Floats:
        """Place t of (n, 2) points along the line, (n,)."""
        return np.asarray((points - self.origin) @ self.direction, dtype=np.float64)

    def beside(self, points: Floats) -> Floats:
        """Signed distance of (n, 2) points from the line, (n,)."""
        return np.asarray((points - self.origin) @ self.normal, dtype=np.float64)

    def at(self, t: Floats, offset: Floats | float = 0.0) -> Floats:
        """(n, 2) points at places `t` (n,), `offset` pixels, one or (n,), beside the line."""
        beside = np.multiply.outer(np.broadcast_to(offset, t.shape), self.normal)
        return np.asarray(self.origin + np.multiply.outer(t, self.direction) + beside, dtype=np.float64)


def fitted_line(points: Floats) -> Line:
    """The line through (n, 2) points by least squares, directed from the first to the last."""
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    return Line(middle, direction if (points[-1] - points[0]) @ direction > 0 else -direction)


def lit(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(n, 2) pixels (row, col) of a mask (H, W) that are not 0; ten times as fast as numpy's."""
    if cv2.countNonZero(mask) == 0:
        return np.empty((0, 2), np.int32)
    return np.asarray(cv2.findNonZero(mask), dtype=np.int32).reshape(-1, 2)[:, ::-1]


def ends_within(ruler: Ruler | None, shape: tuple[int, int]) -> bool:
    """Whether a picture (H, W) goes on beyond both ends of its ruler by more than a dot may be missing there.

    A ruler runs to the rim of the disc, so the rim lies within such a picture.
    """
    if ruler is None:
        return False
    towards = np.array(ruler.direction)
    room = []
    for place, away in ((ruler.dots_px[0], -towards), (ruler.dots_px[-1], towards)):
        left = np.where(away > 0, np.array(shape) - 1 - place, place)
        room.append(float((left / np.maximum(np.abs(away), 1e-6)).min()))
    return min(room) > BEYOND_DOTS * ruler.pitch_px
