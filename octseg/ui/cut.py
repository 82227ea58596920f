"""The files that the page cuts a pullback from, at any angle: blocks of frames along rays, each a grey picture."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.drawing.unrolled import N_RADII, N_RAYS, CutRays
from octseg.result import FrameResult

BLOCK = 20  # frames
QUALITY = 80


class CutFiles:
    """`cut-<block from 0>.jpg`: (BLOCK * N_RAYS, N_RADII), a row a ray, frame below frame; the last may be short."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rays: CutRays | None = None
        self._waiting: list[NDArray[np.uint8]] = []
        self._written = self._blocks = 0

    def add(self, result: FrameResult) -> None:
        """The next frame; the first tells about which point all are seen."""
        if self._rays is None:
            height, width = result.frame.shape[:2]
            self._rays = CutRays.about(result.catheter_centre, result.disc, (height, width))
        self._waiting.append(self._rays.of(result.frame))
        if len(self._waiting) == BLOCK:
            self.finish()

    def finish(self) -> None:
        """Write what waits for a full block."""
        if not self._waiting:
            return
        _, encoded = cv2.imencode(".jpg", np.concatenate(self._waiting), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        (self._folder / f"cut-{self._blocks}.jpg").write_bytes(encoded.tobytes())
        self._blocks += 1
        self._written += len(self._waiting)
        self._waiting = []

    def record(self) -> dict[str, Any] | None:
        """How many frames can be cut, and where the rays begin, [x, y], and end; None before there is any."""
        if self._rays is None:
            return None
        return {
            "frames": self._written,
            "block": BLOCK,
            "rays": N_RAYS,
            "radii": N_RADII,
            "centre": [self._rays.centre[1], self._rays.centre[0]],
            "radius": self._rays.radius_px,
        }
