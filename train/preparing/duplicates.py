"""The same frame under two studies: found by its speckle, whatever its colours, size or coding.

A descriptor is (256,) float32 of length 1: the fine structure of the grey levels at 96 x 96, by a fixed random
projection. Two different frames of the real ones at hand reach 0.40 between patients; the same frame in grey, as JPEG,
at 512 or shifted by 3 pixels stays over 0.75 (tests/benchmarks/report_duplicates.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view import sepia_to_grey

SIDE_PX = 96
BLUR_PX = 2.0
LENGTH = 256
SAME = 0.75  # similarity from which two frames count as one
BLOCK = 512  # frames compared with all others at once

Descriptor = NDArray[np.float32]


@dataclass(frozen=True)
class Duplicate:
    """Places of two frames of different studies that show the same, and their similarity up to 1."""

    first: int
    second: int
    similarity: float


def describe(frame: Frame) -> Descriptor:
    """The descriptor of a frame (H, W, 3)."""
    small = cv2.resize(sepia_to_grey(frame), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = small - cv2.GaussianBlur(small, (0, 0), BLUR_PX)
    spread = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * BLUR_PX)) + 2.0  # grey levels
    even = np.clip(fine / spread, -3.0, 3.0).ravel()
    projected = _projection() @ (even - even.mean())
    return np.asarray(projected / max(float(np.linalg.norm(projected)), 1e-9), np.float32)


@lru_cache(maxsize=1)
def _projection() -> NDArray[np.float32]:
    """(256, 96 x 96), the same each time."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (LENGTH, SIDE_PX * SIDE_PX))


def across_studies(descriptors: NDArray[np.float32], studies: Sequence[str]) -> list[Duplicate]:
    """Pairs of frames (N, 256) of different studies that show the same."""
    of_study = np.unique(np.asarray(studies), return_inverse=True)[1]
    found = []
    for start in range(0, len(descriptors), BLOCK):
        alike = descriptors[start : start + BLOCK] @ descriptors.T
        for row, col in np.argwhere(alike >= SAME):
            first, second = start + int(row), int(col)
            if first < second and of_study[first] != of_study[second]:
                found.append(Duplicate(first, second, round(float(alike[row, col]), 3)))
    return found
