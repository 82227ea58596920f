"""A vessel along its length: what lies on the rays of each frame, for cuts at any angle; its wall's colours.

Rays go clockwise about one point for all frames, 0 to the right. Points are (row, col) in pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.classes import BY_NAME
from octseg.pullback import Frame

N_RAYS = 120
N_RADII = 144
# Of the wall unrolled: wall, lipid, what cannot be judged.
WALL_COLOURS = ((0, 0, 0), BY_NAME["lipid_core"].colour, (128, 128, 128))


@dataclass(frozen=True)
class CutRays:
    """About which point (row, col) and how far frames of a pullback are seen along rays."""

    centre: tuple[float, float]
    radius_px: float

    @classmethod
    def about(
        cls, catheter: tuple[float, float] | None, disc: NDArray[np.bool_] | None, shape: tuple[int, int]
    ) -> Self:
        """About the catheter to the disc's rim, or what of a disc (H, W) and a frame (height, width) there is."""
        if disc is None or not disc.any():
            middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
            return cls(catheter or middle, min(shape) / 2)
        ends = [np.flatnonzero(disc.any(axis=axis))[[0, -1]] for axis in (1, 0)]
        row, col = catheter or (float(ends[0].mean()), float(ends[1].mean()))
        farthest = max(abs(float(end) - at) for at, of_axis in zip((row, col), ends, strict=True) for end in of_axis)
        return cls((row, col), farthest + 0.5)

    def of(self, frame: Frame) -> NDArray[np.uint8]:
        """A frame (H, W, 3) along the rays, grey, (N_RAYS, N_RADII) from the centre outwards."""
        shrink = max(1.0, self.radius_px / N_RADII)
        height, width = (max(1, round(side / shrink)) for side in frame.shape[:2])
        small = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (width, height), interpolation=cv2.INTER_AREA)
        row, col = (
            (at + 0.5) * side / whole - 0.5
            for at, side, whole in zip(self.centre, small.shape, frame.shape[:2], strict=True)
        )
        flags = cv2.WARP_POLAR_LINEAR | cv2.WARP_FILL_OUTLIERS  # else what memory held before is left beside the frame
        along = cv2.warpPolar(small, (N_RADII, N_RAYS), (col, row), self.radius_px / shrink, flags)
        return np.asarray(along, np.uint8)
