"""A frame on its way through the rooms: as it is seen, and as the network looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.decoding import RayGrid
from octseg.measurement.frame import Measured, measure_seen, of_whole_frame
from octseg.measurement.intervals import Extent
from octseg.pipeline.ahead import close
from octseg.pullback import Frame, PixelScale, Pullback
from octseg.reading.along import say
from octseg.view.agreed import scale_in
from octseg.view.along import AlongPullback, KnownView
from octseg.view.levels import unlike
from octseg.view.part import FramePart
from octseg.view.preprocessing import FrameView

REPEATED = (
    "some frames are the very frames before them, as in a video that was written at another rate or paused: each "
    "counts in lengths and volumes; give each frame once"
)
SAMPLE_PX = 7  # every 7th pixel tells whether two frames are one
SAME_LEVELS = 1.5  # mean difference: of one frame coded twice 0.4, of neighbours 8 and more, 6.9 in phantoms
DARK = 8  # mean level of a frame that shows nothing, of which several may follow each other

Maps = dict[str, BoxedMap]  # class name -> its map over the part that is decoded


@dataclass(frozen=True)
class Seen:
    """A frame on its way to the network."""

    number: int
    frame: Frame
    view: FrameView
    scale: PixelScale

    @cached_property
    def part(self) -> FramePart:
        """What of the frame is decoded and measured, and how finely; all below is of this part, (h, w)."""
        return FramePart.about(self.view)

    @cached_property
    def seen(self) -> FrameView:
        """The part as it is seen."""
        return self.part.view(self.view)

    @cached_property
    def spacing_mm(self) -> float | None:
        """Of its pixels."""
        return self.part.spacing_mm(self.scale.pixel_spacing_mm)

    @cached_property
    def disc(self) -> NDArray[np.bool_] | None:
        """(h, w), True on the imaged disc."""
        return None if self.seen.disc is None else self.seen.disc.mask(*self.part.shape)

    @property
    def whole_disc(self) -> NDArray[np.bool_] | None:
        """(H, W), True on the imaged disc, of the whole frame."""
        if self.part.is_whole or self.view.disc is None:
            return self.disc
        return self.view.disc.mask(*self.part.whole)

    @cached_property
    def grid(self) -> RayGrid:
        """Rays about the catheter to the farthest rim."""
        part, seen = self.part, self.seen
        side_px = part.frame_side_px
        if seen.disc is not None and seen.disc.is_cut_off(*part.shape):
            side_px = max(side_px, 2 * seen.disc.radius_px)  # as the whole frame had it
        return RayGrid(part.shape, seen.catheter_centre, seen.reach_px, side_px, part.factor)

    @property
    def extent(self) -> Extent:
        """Of the frame, in its own pixels, as `measured` goes by it."""
        factor, disc = self.part.factor, self.disc
        return Extent(
            side_px=self.grid.side_px * factor, disc_px=None if disc is None else float(disc.sum()) * factor**2
        )

    @property
    def is_no_frame(self) -> bool:
        """Whether the picture holds several frames, or is a page on which none was found."""
        return self.view.frame_count > 1 or (self.view.is_page and self.view.disc is None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of what is seen and of the scale, one sentence each."""
        return (*self.view.warnings, *unlike(self.seen.grey, self.disc), *self.scale.warnings)

    def measured(self, planes: Maps) -> Measured:
        """Measures of outlines over the part, as planes (h, w), all in the frame's own pixels."""
        measures, rays, places = measure_seen(
            planes, self.spacing_mm, self.seen, disc=self.disc, frame_side_px=self.grid.side_px
        )
        places = None if places is None else places.moved(self.part.point_of_whole)
        return Measured(of_whole_frame(measures, self.part.factor), rays, places)


@dataclass(frozen=True)
class Look:
    """A frame as the network sees it at one reach: its input (rows, columns) and the probability (K, rows, columns)."""

    view: FrameView
    grey: NDArray[np.uint8]
    planes: NDArray[np.float32]


LookedAt = tuple[Seen, list[Look]]


def seen_along(
    numbered: Iterator[tuple[int, Frame]],
    pullback: Pullback,
    user_mm: float | None,
    preset: str | None,
    *,
    passed_over: int = 0,
) -> Iterator[Seen]:
    """Frames as they are seen, each with its scale; what is the same in the next is found once.

    numbered: from the start of a stretch on (octseg/view/along.py). passed_over: so many of them are for the others.
    """
    along = AlongPullback()
    last: tuple[KnownView | None, PixelScale] | None = None
    before: NDArray[np.int16] | None = None
    try:
        for at, (number, frame) in enumerate(numbered):
            sample = frame[::SAMPLE_PX, ::SAMPLE_PX].max(axis=2).astype(np.int16)
            if before is not None and _is_again(sample, before):
                say(pullback.late_warnings, REPEATED)
            before = sample
            view, known = along.view(frame)
            if at < passed_over:
                continue
            if known is None or last is None or last[0] is not known:
                last = known, scale_in(frame, view, pullback, user_mm, preset)
            yield Seen(number, frame, view, last[1])
    finally:
        close(numbered)


def _is_again(sample: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    """Whether a frame is the one before it, by some of their levels (h, w)."""
    if sample.shape != before.shape or sample.mean() < DARK:
        return False
    return bool(np.abs(sample - before).mean() < SAME_LEVELS)
