"""Maps of a frame read along rays from the catheter, and borders along rays drawn back into the frame.

Ray k of N_RAYS points to k * 360 / N_RAYS degrees, 0 towards +col and growing towards +row. Place j of a ray lies
(j + 0.5) * `step_px` from the centre. Points are (row, col) in pixels.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float32]
Radii = NDArray[np.float64]  # (N_RAYS,) in pixels from the centre

N_RAYS = 200
FINE = 8  # directions to a ray, in which a border is drawn
MAX_PLACES = 256


@dataclass(frozen=True)
class RayGrid:
    """Rays over frames of one size. shape: (height, width). reach_px: how far the rays go."""

    shape: tuple[int, int]
    centre: tuple[float, float]
    reach_px: float

    @property
    def places(self) -> int:
        """On each ray: one for each pixel, but no more than MAX_PLACES."""
        return int(min(MAX_PLACES, np.ceil(self.reach_px)))

    @property
    def step_px(self) -> float:
        """Between two places."""
        return self.reach_px / self.places

    def read(self, map_: NDArray[np.generic]) -> Floats:
        """A map (H, W) along the rays, (N_RAYS, places), averaged over a step; beyond the frame its edge goes on."""
        source = np.asarray(map_, np.float32)
        if self.step_px > 1.5:
            source = np.asarray(cv2.blur(source, (round(self.step_px),) * 2), np.float32)
        angle = (np.arange(N_RAYS) * (2 * np.pi / N_RAYS))[:, None]
        radius = ((np.arange(self.places) + 0.5) * self.step_px)[None]
        rows, cols = self.centre[0] + radius * np.sin(angle), self.centre[1] + radius * np.cos(angle)
        read = cv2.remap(
            source,
            cols.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(read, np.float32)

    @cached_property
    def pixels(self) -> tuple[Floats, Floats]:
        """Radius in pixels and direction, in fine directions, of each pixel, (H, W) each."""
        row = np.arange(self.shape[0], dtype=np.float32)[:, None] - np.float32(self.centre[0])
        col = np.arange(self.shape[1], dtype=np.float32)[None] - np.float32(self.centre[1])
        cols, rows = (np.ascontiguousarray(np.broadcast_to(each, self.shape)) for each in (col, row))
        radius, angle = cv2.cartToPolar(cols, rows)
        return np.asarray(radius, np.float32), np.asarray(angle * np.float32(N_RAYS * FINE / (2 * np.pi)), np.float32)

    def around(self, values: Radii) -> Floats:
        """Values (N_RAYS,) of each ray, smooth between them, at the direction of each pixel, (H, W)."""
        fine = between_rays(values)
        table = np.append(fine, fine[0]).astype(np.float32)[None]
        _, direction = self.pixels
        read = cv2.remap(table, direction, np.zeros_like(direction), cv2.INTER_LINEAR)
        return np.asarray(read, np.float32)


def between_rays(values: Radii) -> Radii:
    """Values (N_RAYS,) at N_RAYS * FINE directions, by a periodic cubic."""
    ray = np.arange(N_RAYS + 1)
    curve = CubicSpline(ray, np.append(values, values[0]), bc_type="periodic")
    return np.asarray(curve(np.arange(N_RAYS * FINE) / FINE))


def smoothed(values: Radii, rays: float) -> Radii:
    """Values (N_RAYS,) smoothed around the circle by a Gaussian of so many rays."""
    return np.asarray(gaussian_filter1d(values, rays, mode="wrap"))
