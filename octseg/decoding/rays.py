"""Maps of a frame read along rays from the catheter, and borders along rays drawn back into the frame.

Ray k of N_RAYS points to k * 360 / N_RAYS degrees, 0 towards +col and growing towards +row. Place j of a ray lies
(j + 0.5) * `step_px` from the centre. Points are (row, col) in pixels.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from octseg.boxed import Part
from octseg.view.disc import Disc
from octseg.view.preprocessing import seen_from

Floats = NDArray[np.float32]
Radii = NDArray[np.float64]  # (N_RAYS,) in pixels from the centre
N_RAYS = 200
FINE = 8  # directions to a ray, in which a border is drawn
MAX_PLACES = 256


@dataclass(frozen=True, eq=False)
class Window:
    """A part of a frame as it is seen from the centre of the rays.

    radius: of each pixel, (h, w) in pixels. direction: in fine directions, (h, w).
    """

    part: Part
    radius: Floats
    direction: Floats

    def around(self, values: Radii) -> Floats:
        """Values (N_RAYS,) of each ray, smooth between them, at the direction of each pixel, (h, w)."""
        fine = between_rays(values)
        table = np.append(fine, fine[0]).astype(np.float32)[None]
        read = cv2.remap(table, self.direction, np.zeros_like(self.direction), cv2.INTER_LINEAR)
        return np.asarray(read, np.float32)

    def within(self, part: Part) -> "Window":
        """A part of this one; its rows and columns are counted from this one's."""
        return Window(part, np.ascontiguousarray(self.radius[part]), np.ascontiguousarray(self.direction[part]))


@dataclass(frozen=True)
class RayGrid:
    """Rays over frames of one size.

    shape: (height, width). reach_px: how far the rays go. frame_side_px: the frame's shorter side, where the shape is
    that of a part of it. factor: pixels of the frame to one of the part, along either side.
    """

    shape: tuple[int, int]
    centre: tuple[float, float]
    reach_px: float
    frame_side_px: float | None = None
    factor: int = 1

    @property
    def side_px(self) -> float:
        """The frame's shorter side."""
        return min(self.shape) if self.frame_side_px is None else self.frame_side_px

    @property
    def places(self) -> int:
        """On each ray: one for each pixel, but no more than MAX_PLACES."""
        return int(min(MAX_PLACES, np.ceil(self.reach_px)))

    @property
    def step_px(self) -> float:
        """Between two places."""
        return self.reach_px / self.places

    def read(self, map_: NDArray[np.generic], corner: tuple[int, int] = (0, 0)) -> Floats:
        """A map along the rays, (N_RAYS, places), averaged over a step; beyond its edge it goes on as it ends.

        map_: (H, W), or a part of that whose first pixel is `corner` of the frame; 0 everywhere if it has none.
        """
        if map_.size == 0:
            return np.zeros((N_RAYS, self.places), np.float32)
        source = np.asarray(map_, np.float32)
        if self.step_px * self.factor > 1.5:
            source = self._averaged(source)
        down, right = _places_along_rays(self.places, self.step_px)
        # In whole pixels the corner is taken off without rounding, so that a part reads as its frame does.
        rows = (self.centre[0] + down).astype(np.float32) - np.float32(corner[0])
        cols = (self.centre[1] + right).astype(np.float32) - np.float32(corner[1])
        read = cv2.remap(source, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(read, np.float32)

    def _averaged(self, source: Floats) -> Floats:
        """A map (H, W), each pixel the mean of a square of a step about it."""
        side = round(self.step_px * self.factor)  # in pixels of the frame
        if self.factor == 1:
            return np.asarray(cv2.blur(source, (side, side)), np.float32)
        # The same square on a part seen smaller ends within pixels. Of an even side, OpenCV's lies half a pixel off.
        off, half = (0.0 if side % 2 else -0.5) / self.factor, side / self.factor / 2
        pixel = np.arange(-int(half + 1), int(half + 1) + 1)
        box = np.clip(np.minimum(pixel + 0.5, off + half) - np.maximum(pixel - 0.5, off - half), 0, None)
        return np.asarray(cv2.sepFilter2D(source, -1, box / box.sum(), box / box.sum()), np.float32)

    def window(self, reach_px: float = np.inf) -> Window:
        """The part of the frame that holds all within `reach_px` of the centre."""
        low = [max(0, int(min(np.floor(at - reach_px), n - 1))) if np.isfinite(reach_px) else 0 for at, n in self._axes]
        high = [min(n, int(max(np.ceil(at + reach_px) + 1, 1))) if np.isfinite(reach_px) else n for at, n in self._axes]
        part = (slice(low[0], high[0]), slice(low[1], high[1]))
        radius, angle = (of_frame[part] for of_frame in seen_from(self.shape, self.centre))
        return Window(part, radius, angle * np.float32(N_RAYS * FINE / (2 * np.pi)))

    @property
    def _axes(self) -> tuple[tuple[float, int], tuple[float, int]]:
        """Where the centre lies, and how many pixels there are, along rows and columns."""
        return (self.centre[0], self.shape[0]), (self.centre[1], self.shape[1])


@lru_cache(maxsize=4)  # the same in most frames of a pullback
def imaged_along(grid: RayGrid, disc: Disc | None) -> NDArray[np.bool_]:
    """(N_RAYS, places), True where a place lies on the imaged disc; everywhere where there is none."""
    if disc is None:
        return np.ones((N_RAYS, grid.places), bool)
    return np.asarray(grid.read(disc.mask(*grid.shape)) > 0.5)


@lru_cache(maxsize=4)
def _places_along_rays(places: int, step_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far down and to the right of the centre each place (N_RAYS, places) lies, in pixels."""
    angle = (np.arange(N_RAYS) * (2 * np.pi / N_RAYS))[:, None]
    radius = ((np.arange(places) + 0.5) * step_px)[None]
    return radius * np.sin(angle), radius * np.cos(angle)


def between_rays(values: Radii) -> Radii:
    """Values (N_RAYS,) at N_RAYS * FINE directions, by a periodic cubic."""
    return np.asarray(_weights_between_rays() @ values)


@lru_cache(maxsize=1)
def _weights_between_rays() -> NDArray[np.float64]:
    """(N_RAYS * FINE, N_RAYS): of each ray's value in a direction, for a cubic through values is linear in them."""
    rays = np.vstack([np.eye(N_RAYS), np.eye(N_RAYS)[:1]])
    curves = CubicSpline(np.arange(N_RAYS + 1), rays, bc_type="periodic")
    return np.asarray(curves(np.arange(N_RAYS * FINE) / FINE))


def smoothed(values: Radii, rays: float) -> Radii:
    """Values (N_RAYS,) smoothed around the circle by a Gaussian of so many rays."""
    return np.asarray(gaussian_filter1d(values, rays, mode="wrap"))
