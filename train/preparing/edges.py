"""Whether the outline of a lumen or a cap lies on the edge that the frame shows, or would if the mask lay otherwise.

Blood was washed out of a lumen, so it is dark and its wall bright: across an outline that is right the logarithm of
grey rises by 0.6 at least and mostly by 1.5 (186 real frames), across one that is not by some tenths.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.reading.pictures.decoding import TURNS
from octseg.view.preprocessing import FrameView

ACROSS = (0.01, 0.025, 0.04)  # of the disc's radius: how far from the outline grey is compared on both sides
SMOOTHING = 0.005  # of it
MOST_POINTS = 400
BETTER = 0.3  # how much more contrast is believed where the mask is turned; a round lumen fits nearly as well
HERE = 0.7  # of that contrast at most where the mask lies
WEAK = 0.35  # less tells of an outline off the edge
STRONG = {"lumen": 0.8, "fibrous_cap": 0.6}  # more tells of one on it
SHIFTS = np.linspace(-0.3, 0.3, 13)  # of the disc's radius
Points = NDArray[np.float64]  # (..., 2), (row, col) in pixels
PLACES = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored about a diagonal",
    6: "turned by 90 degrees clockwise",
    7: "mirrored about a diagonal",
    8: "turned by 90 degrees counter-clockwise",
}


def better_place(plane: NDArray[np.bool_], view: FrameView, name: str) -> str | None:
    """Where a plane (H, W) would fit its frame much better than it lies; None where it fits, or nothing can be told.

    name: lumen, darker within than without; or fibrous_cap, which is brighter itself. A cap that is one of two mirrored
    parts fits in both places, so it is believed only where it does not fit where it lies.
    """
    outline = Outline.of(plane)
    edge = Edges(view, 1 if name == "lumen" else -1)
    here = edge.contrast(outline)
    if here >= WEAK and name != "lumen":
        return None
    square = plane.shape[0] == plane.shape[1]
    turns = {each: edge.contrast(outline.turned(each)) for each in PLACES if square or each in (2, 3, 4)}
    best = max(turns, key=lambda each: turns[each])
    if turns[best] > max(STRONG[name], here + BETTER, here / HERE):
        return PLACES[best]
    if here < WEAK:
        down, right, contrast = edge.best_shift(outline)
        if contrast > STRONG[name]:
            return f"moved by {abs(down)} px {'down' if down > 0 else 'up'} and {abs(right)} px to the " + (
                "right" if right > 0 else "left"
            )
    return None


@dataclass(frozen=True, eq=False)
class Outline:
    """Points (n, 2) on the outer outlines of a plane of `shape` (H, W), and the normals there that lead out of it."""

    points: Points
    normals: Points
    shape: tuple[int, int]

    @classmethod
    def of(cls, plane: NDArray[np.bool_]) -> "Outline":
        """That of a plane (H, W), parts of a few pixels passed over."""
        contours, _ = cv2.findContours(plane.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        parts = [_with_normals(contour[:, 0, ::-1].astype(np.float64)) for contour in contours if len(contour) >= 20]
        both = np.concatenate(parts) if parts else np.empty((0, 4))
        both = both[:: max(1, len(both) // MOST_POINTS)]
        return cls(both[:, :2], both[:, 2:], (plane.shape[0], plane.shape[1]))

    def turned(self, orientation: int) -> "Outline":
        """As it lies on the plane turned as a viewer shows a file of that EXIF orientation."""
        mirrored, turns = TURNS[orientation]
        points, normals, (height, width) = self.points, self.normals, self.shape
        if mirrored:
            points = np.stack([points[:, 0], width - 1 - points[:, 1]], axis=1)
            normals = normals * (1, -1)
        for _ in range(turns):  # a quarter counter-clockwise
            points = np.stack([width - 1 - points[:, 1], points[:, 0]], axis=1)
            normals = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
            height, width = width, height
        return Outline(points, normals, (height, width))


class Edges:
    """The grey levels of a frame, to be compared across outlines; sign is 1 where it is brighter outside of them."""

    def __init__(self, view: FrameView, sign: int) -> None:
        self.radius, self.sign = view.circle.radius_px, sign
        self.level = cv2.GaussianBlur(view.grey, (0, 0), max(1.0, SMOOTHING * self.radius))  # (H, W)

    def contrast(self, outline: Outline, shift: tuple[int, int] = (0, 0)) -> float:
        """How much brighter it is on one side of an outline moved by rows and columns, as a logarithm; 0 without."""
        if len(outline.points) < 20:
            return 0.0
        reach = np.array(ACROSS)[:, None, None] * self.radius * outline.normals
        outside, inside = (self._levels(outline.points + shift + side * reach) for side in (1, -1))
        return float(self.sign * (outside - inside).mean())

    def best_shift(self, outline: Outline) -> tuple[int, int, float]:
        """By how many rows and columns an outline is to be moved to have the greatest contrast, and that."""
        steps = [round(float(part) * self.radius) for part in SHIFTS]
        contrast, down, right = max(
            (self.contrast(outline, (down, right)), down, right) for down in steps for right in steps
        )
        return down, right, contrast

    def _levels(self, points: Points) -> NDArray[np.float64]:
        """Logarithms of the levels at points, of those beyond the frame of the nearest in it."""
        height, width = self.level.shape
        rows = np.clip(np.rint(points[..., 0]).astype(int), 0, height - 1)
        cols = np.clip(np.rint(points[..., 1]).astype(int), 0, width - 1)
        return np.asarray(np.log1p(self.level[rows, cols].astype(np.float64)))


def _with_normals(points: Points) -> Points:
    """(n, 4): the points of a closed outline and the normals that lead out of it."""
    span = max(3, len(points) // 60)
    along = np.roll(points, -span, axis=0) - np.roll(points, span, axis=0)
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
    normals /= np.maximum(np.hypot(*normals.T), 1e-9)[:, None]
    # The sign of its area tells on which hand the inside lies.
    area = float((points[:, 1] * np.roll(points[:, 0], -1) - np.roll(points[:, 1], -1) * points[:, 0]).sum())
    return np.hstack([points, normals if area < 0 else -normals])
