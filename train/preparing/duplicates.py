"""The same frame under two studies: found by its speckle, whatever its colours, size or coding, and turned or cropped.

A descriptor is (N_VALUES,) int8 of two parts. The first is for frames that lie alike: the fine structure of the grey
levels at 96 x 96, by a fixed random projection. The second, a map on rings, stays when a frame is turned, mirrored,
cropped or drawn at another size (rings.py). tests/benchmarks/report_duplicates.py tells how alike frames are by both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view import sepia_to_grey
from train.preparing import rings

SIDE_PX = 96
BLUR_PX = 2.0
LENGTH = 256
SAME = 0.75  # similarity from which two frames count as one
BLOCK = 512  # frames compared with all others at once
N_VALUES = LENGTH + rings.RINGS * rings.COUNT

Descriptor = NDArray[np.int8]


@dataclass(frozen=True)
class Duplicate:
    """Places of two frames of different studies that show the same, and their similarity up to 1."""

    first: int
    second: int
    similarity: float


def describe(frame: Frame) -> Descriptor:
    """The descriptor of a frame (H, W, 3)."""
    grey = sepia_to_grey(frame)
    return np.concatenate([_in_bytes(_as_it_lies(grey)), _in_bytes(rings.ring_map(grey).ravel())])


def _as_it_lies(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(LENGTH,) of grey levels (H, W)."""
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = small - cv2.GaussianBlur(small, (0, 0), BLUR_PX)
    spread = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * BLUR_PX)) + 2.0  # grey levels
    even = np.clip(fine / spread, -3.0, 3.0).ravel()
    return np.asarray(_projection() @ (even - even.mean()), np.float32)


def _in_bytes(values: NDArray[np.float32]) -> Descriptor:
    """Values as -127 to 127: only how they are to each other counts."""
    return np.asarray(np.rint(values * (127 / max(float(np.abs(values).max()), 1e-9))), np.int8)


@lru_cache(maxsize=1)
def _projection() -> NDArray[np.float32]:
    """(256, 96 x 96), the same each time."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (LENGTH, SIDE_PX * SIDE_PX))


def across_studies(descriptors: Descriptor, studies: Sequence[str]) -> list[Duplicate]:
    """Pairs of frames (N, N_VALUES) of different studies that show the same."""
    of_study = np.unique(np.asarray(studies), return_inverse=True)[1]
    found = _lying_alike(descriptors[:, :LENGTH], of_study)
    maps = descriptors[:, LENGTH:].reshape(-1, rings.RINGS, rings.COUNT)
    for pair, value in rings.alike(maps, of_study).items():
        found[pair] = max(value, found.get(pair, 0.0))
    return [Duplicate(*pair, round(found[pair], 3)) for pair in sorted(found)]


def _lying_alike(projected: Descriptor, of_study: NDArray[np.int64]) -> dict[tuple[int, int], float]:
    """Pairs of frames (N, LENGTH) of different studies that show the same without being turned, and how alike."""
    vectors = projected.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    found = {}
    for start in range(0, len(vectors), BLOCK):
        alike = vectors[start : start + BLOCK] @ vectors.T
        for row, col in np.argwhere(alike >= SAME):
            first, second = start + int(row), int(col)
            if first < second and of_study[first] != of_study[second]:
                found[first, second] = float(alike[row, col])
    return found
