"""A large frame as it is decoded and measured: the disc alone, and no finer than the network's rays can tell.

The network sees a few hundred samples along a ray, however many pixels lie there. A frame of 25 megapixels as planes of
real numbers takes 1.5 GB; the part of it that holds the disc, a few pixels of the frame to one of the part, says the
same. Points are (row, col) in pixels, pixel centres at whole numbers.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.boxed import BoxedMap
from octseg.pullback import LARGE_PIXELS, strips
from octseg.view.disc import Disc
from octseg.view.preprocessing import FrameView

MOST_REACH_PX = 1024  # of the rays in the part, as in frames that are not large: masks then differ by less than 0.5 %
MARGIN = 2  # pixels of the part about the disc
STRIP_ROWS = 64  # of the part, enlarged at once
OVERVIEW_SIDE_PX = 1024  # of a large frame as a whole, for what is judged of all of it


@dataclass(frozen=True)
class FramePart:
    """A rectangle of a frame, seen with `factor` x `factor` pixels of the frame to one.

    corner: its first (row, col) in the frame. shape: (h, w) of the part. whole: (H, W) of the frame.
    """

    corner: tuple[int, int]
    shape: tuple[int, int]
    factor: int
    whole: tuple[int, int]

    @classmethod
    def about(cls, view: FrameView) -> Self:
        """The part of a frame that is decoded; all of it, pixel by pixel, where the frame is not large."""
        height, width = view.grey.shape
        if height * width <= LARGE_PIXELS:
            return cls((0, 0), (height, width), 1, (height, width))
        factor = max(1, math.ceil(view.reach_px / MOST_REACH_PX))
        ends = []
        for centre, side in zip(view.circle.centre, (height, width), strict=True):
            first = max(0, int(centre - view.circle.radius_px) - MARGIN * factor)
            last = min(side, int(centre + view.circle.radius_px) + 1 + MARGIN * factor)
            ends.append((first, (last - first) // factor))
        (top, rows), (left, cols) = ends
        return cls((top, left), (rows, cols), factor, (height, width))

    @classmethod
    def overview(cls, view: FrameView) -> Self:
        """All of a frame, smaller where it is large."""
        height, width = view.grey.shape
        factor = 1 if height * width <= LARGE_PIXELS else max(1, max(height, width) // OVERVIEW_SIDE_PX)
        return cls((0, 0), (height // factor, width // factor), factor, (height, width))

    @property
    def is_whole(self) -> bool:
        """Whether it is the frame itself."""
        return self.factor == 1 and self.shape == self.whole

    @property
    def frame_side_px(self) -> float:
        """The frame's shorter side in pixels of the part."""
        return min(self.whole) / self.factor

    def spacing_mm(self, of_frame: float | None) -> float | None:
        """Millimetres to a pixel of the part."""
        return None if of_frame is None else of_frame * self.factor

    def picture(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part (h, w) or (h, w, 3) of a picture (H, W) or (H, W, 3), each pixel the mean of those it stands for."""
        if self.is_whole:
            return picture
        (top, left), (height, width) = self.corner, self.shape
        part = picture[top : top + height * self.factor, left : left + width * self.factor]
        if self.factor == 1:
            return np.ascontiguousarray(part)
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def point(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the frame as one of the part."""
        row, col = ((at - first + 0.5) / self.factor - 0.5 for at, first in zip(point, self.corner, strict=True))
        return row, col

    def point_of_whole(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the part as one of the frame."""
        row, col = ((at + 0.5) * self.factor - 0.5 + first for at, first in zip(point, self.corner, strict=True))
        return row, col

    def view(self, view: FrameView, grey: NDArray[np.uint8] | None = None) -> FrameView:
        """A view of the frame as one of the part; its ruler stays that of the frame.

        grey: the part's own (h, w), where it was made before.
        """
        if self.is_whole:
            return view
        disc, nearer, starts, sheath = view.disc, view.nearer_reach_px, view.starts_px, view.catheter_radius_px
        return replace(
            view,
            grey=self.picture(view.grey) if grey is None else grey,
            disc=None if disc is None else self._disc(disc),
            catheter_centre=self.point(view.catheter_centre),
            catheter_radius_px=None if sheath is None else sheath / self.factor,
            nearer_reach_px=None if nearer is None else nearer / self.factor,
            starts_px=None if starts is None else starts / np.float32(self.factor),
            part=None if view.part is None else (self._range(view.part[0], 0), self._range(view.part[1], 1)),
            outlines=None,
        )

    def _disc(self, of_frame: Disc) -> Disc:
        window = of_frame.window
        shown = None if window is None else (*self.point(window[:2]), *self.point(window[2:]))
        return Disc(self.point(of_frame.centre), of_frame.radius_px / self.factor, shown)

    def _range(self, of_frame: slice, axis: int) -> slice:
        """Rows (axis 0) or columns (1) of the frame as those of the part that they lie in."""
        first, factor = self.corner[axis], self.factor
        last = -(-(of_frame.stop - first) // factor)
        return slice(max(0, (of_frame.start - first) // factor), min(self.shape[axis], last))

    def mask(self, plane: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where a plane (h, w) of the part is 0.5 and more, between its pixels by linear interpolation, as (H, W)."""
        if self.is_whole:
            return np.asarray(plane >= 0.5)
        mask = np.zeros(self.whole, bool)  # memory that nothing is written to is not taken
        for where, values in self._enlarged(plane):
            np.greater_equal(values, 0.5, out=mask[where])
        return self._to_edges(mask)

    def mask_in_box(self, plane: BoxedMap) -> NDArray[np.bool_]:
        """The same of a plane that is 0 outside of a box of the part."""
        return plane.reaches(0.5) if self.is_whole else self.mask(plane.whole())

    def share(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """How much of each pixel of the part (h, w) a mask (H, W) of the frame covers."""
        if self.is_whole:
            return mask.astype(np.float32)
        return self.picture(mask.view(np.uint8) * np.uint8(255)).astype(np.float32) / np.float32(255)

    def labels(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Values (h, w) of the part over the frame, (H, W), each as it is; 0 beyond the part."""
        if self.is_whole:
            return labels
        whole = np.zeros(self.whole, np.uint8)
        (top, left), (height, width) = self.corner, self.shape
        enlarged = cv2.resize(labels, (width * self.factor, height * self.factor), interpolation=cv2.INTER_NEAREST)
        whole[top : top + height * self.factor, left : left + width * self.factor] = enlarged
        return self._to_edges(whole)

    def map(self, map_: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map (h, w) of the part over the frame, (H, W), by linear interpolation; 0 beyond the part."""
        if self.is_whole:
            return map_
        whole = np.zeros(self.whole, np.float32)
        for where, values in self._enlarged(map_):
            whole[where] = values
        return self._to_edges(whole)

    def _enlarged(self, plane: NDArray[np.float32]) -> Iterator[tuple[tuple[slice, slice], NDArray[np.float32]]]:
        """Strip by strip, where in the frame lies what of a plane (h, w) is not 0, and the plane's values there."""
        rows, cols = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
        if rows.size == 0:
            return
        factor, (top, left), first = self.factor, self.corner, int(rows[0])
        across = slice(int(cols[0]), int(cols[-1]) + 1)
        for strip in strips(int(rows[-1]) + 1 - first, STRIP_ROWS):
            down = slice(first + strip.start, first + strip.stop)
            around = tuple(slice(max(0, of.start - 1), of.stop + 1) for of in (down, across))
            values = np.asarray(
                cv2.resize(plane[around], None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.float32
            )
            within = tuple(
                slice((of.start - a.start) * factor, (of.stop - a.start) * factor)
                for of, a in zip((down, across), around, strict=True)
            )
            where = (
                slice(top + down.start * factor, top + down.stop * factor),
                slice(left + across.start * factor, left + across.stop * factor),
            )
            yield where, values[within]

    def _to_edges(self, whole: NDArray[Any]) -> NDArray[Any]:
        """The last row and column of the part (H, W) repeated where less than a pixel of it is left of the frame."""
        bottom, right = (first + n * self.factor for first, n in zip(self.corner, self.shape, strict=True))
        if 0 < self.whole[0] - bottom < self.factor:
            whole[bottom:] = whole[bottom - 1]
        if 0 < self.whole[1] - right < self.factor:
            whole[:, right:] = whole[:, right - 1 : right]
        return whole
