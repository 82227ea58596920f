"""A map of a frame by the rectangle outside of which it is 0: most tissues take up a small part of their frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

Part = tuple[slice, slice]  # rows and columns of a frame


@dataclass(frozen=True, eq=False)
class BoxedMap:
    """values: (h, w) float32, the map in its rectangle. part: that rectangle. shape: (H, W) of the frame."""

    values: NDArray[np.float32]
    part: Part
    shape: tuple[int, int]

    @classmethod
    def of(cls, map_: NDArray[np.float32]) -> Self:
        """A map (H, W) in a rectangle that is all of its frame."""
        height, width = map_.shape
        return cls(map_, (slice(0, height), slice(0, width)), (height, width))

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> Self:
        """A map that is 0 everywhere, in a rectangle of no size."""
        return cls(np.zeros((0, 0), np.float32), (slice(0, 0), slice(0, 0)), shape)

    @property
    def corner(self) -> tuple[int, int]:
        """(row, col) of its first pixel in the frame."""
        return self.part[0].start, self.part[1].start

    def reaches(self, level: float) -> NDArray[np.bool_]:
        """(H, W), True where the map is at least that much above 0."""
        reached = np.zeros(self.shape, bool)
        np.greater_equal(self.values, level, out=reached[self.part])
        return reached

    def whole(self) -> NDArray[np.float32]:
        """The map over the frame, (H, W)."""
        if self.values.shape == self.shape:
            return self.values
        whole = np.zeros(self.shape, np.float32)
        whole[self.part] = self.values
        return whole


def box_about(inside: NDArray[np.bool_], margin: int) -> Part | None:
    """Rows and columns around all that is True (H, W), with a margin where there is room; None where nothing is."""
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    top, left = max(0, int(rows[0]) - margin), max(0, int(cols[0]) - margin)
    return slice(top, int(rows[-1]) + margin + 1), slice(left, int(cols[-1]) + margin + 1)
