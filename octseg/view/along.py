"""What is the same for all frames of a pullback: disc, catheter, ruler, bars and with them the scale.

They are found in one frame, and each further frame is checked for them where they are known to be, which takes a tenth
of the time. A frame that does not show them there is looked at anew, and is what the next are checked against. Nothing
is known beyond a stretch of frames, so that what is found in one does not depend on where reading begins.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.pullback import Frame
from octseg.view.altered import ALTERED, Change, change_of
from octseg.view.balance import WARMED
from octseg.view.bar import LabelMemory, bar_marks
from octseg.view.capture import CLEAR, rim_clearness
from octseg.view.cleaning import on_black, paint_out
from octseg.view.disc import Disc, Outlines, rim_stretch
from octseg.view.drawn_over import OF_COLOURS, without_lines, without_marks
from octseg.view.grey import Grey, is_sepia, sepia_to_grey
from octseg.view.preprocessing import EXCHANGED, FrameView, view_frame
from octseg.view.ruler import Ruler, RulerPlace, cyan_count, dots_at, place_of

STRETCH = 50  # frames
STEP = 4  # of the pixels beside the disc that are compared
SAME_LEVELS = 24  # by which lossy coding may change a pixel beside the disc
MOST_CHANGED = 0.0005  # of those pixels: a bar has more
LEAST_DOTS = 0.8  # of the ruler's, that must be seen where they were
OFF_MIDDLE_PX = 1.5  # of the disc: where a catheter without a ruler is the imaging core, and stays there
DOT_OFF_PX = 1.5  # by which noise may move what is dot-like
DOT_PART = 0.4  # of how dot-like it was
LIKE = 0.8  # correlation of a bar and its label with what they were
STROKE, MOST_STROKES_PX = 90, 6  # levels, and pixels of bar and label that may change by them; from 1 to 2 mm 12 do
MORE_CYAN = 40  # pixels of every fourth row: a ruler that was not there before has a hundred


@dataclass(frozen=True, eq=False)
class KnownView:
    """One frame (H, W, 3) in which all was found, and its view, for others to be checked against."""

    frame: Frame
    view: FrameView
    disc: Disc

    @classmethod
    def of(cls, frame: Frame, view: FrameView) -> Self | None:
        """None where others cannot be checked against it: no disc or catheter was found, or it is a page."""
        alone = view.part is None and not view.is_page and not {EXCHANGED, ALTERED, WARMED} & set(view.warnings)
        if view.disc is None or not view.has_catheter or not alone:
            return None
        at_middle = np.allclose(view.catheter_centre, view.disc.centre, atol=OFF_MIDDLE_PX)
        return cls(frame, view, view.disc) if view.ruler is not None or at_middle else None

    @cached_property
    def _is_sepia(self) -> bool:
        return is_sepia(self.frame)

    @cached_property
    def imaged(self) -> NDArray[np.bool_]:
        """(H, W), True on the disc."""
        return self.disc.mask(*self.frame.shape[:2])

    @cached_property
    def _beside(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of every few pixels beside the disc."""
        wider = replace(self.disc, radius_px=1.02 * self.disc.radius_px)
        outside = ~wider.mask(*self.frame.shape[:2])
        rows, cols = np.nonzero(outside[::STEP, ::STEP])
        return rows * STEP, cols * STEP

    @cached_property
    def _levels_beside(self) -> NDArray[np.int16]:
        return self.frame[self._beside].astype(np.int16)

    @cached_property
    def _dots(self) -> NDArray[np.float64]:
        return np.empty((0, 3)) if self.view.ruler is None else dots_at(self.frame, self.view.ruler)

    @cached_property
    def _ruler_place(self) -> RulerPlace | None:
        height, width = self.frame.shape[:2]
        return None if self.view.ruler is None else place_of(self.view.ruler, (height, width))

    @cached_property
    def _stretch(self) -> float | None:
        return rim_stretch(self.view.outlines or Outlines.of(sepia_to_grey(self.frame)), self.disc)

    @cached_property
    def _cyan(self) -> int:
        return cyan_count(self.frame[::STEP])

    def fits(self, frame: Frame, grey: Grey) -> bool:
        """Whether a frame of that size shows the same disc, ruler and surroundings."""
        if frame.shape != self.frame.shape or is_sepia(frame) != self._is_sepia:
            return False
        if rim_clearness(grey, self.disc) < CLEAR:
            return False
        if not self._same_beside(frame) or not self._same_bars(frame):
            return False
        if self.view.ruler is None:
            return cyan_count(frame[::STEP]) <= self._cyan + MORE_CYAN
        return self._same_dots(frame)

    def _same_beside(self, frame: Frame) -> bool:
        if self._levels_beside.size == 0:
            return True
        changed = np.abs(frame[self._beside] - self._levels_beside).max(axis=1) > SAME_LEVELS
        return bool(changed.mean() <= MOST_CHANGED)

    def _same_bars(self, frame: Frame) -> bool:
        """Whether the bars that were found are still there, by what their boxes show."""
        for bar in self.view.bars:
            top, left, bottom, right = (round(side) for side in bar.box)
            part = (slice(max(0, top), bottom + 1), slice(max(0, left), right + 1))
            one, other = (cv2.cvtColor(np.ascontiguousarray(f[part]), cv2.COLOR_RGB2GRAY) for f in (self.frame, frame))
            if float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0]) < LIKE:
                return False
            if is_drawn_otherwise(np.asarray(one, np.uint8), np.asarray(other, np.uint8)):
                return False
        return True

    def _same_dots(self, frame: Frame) -> bool:
        """Whether the ruler's dots are seen where they were."""
        ruler = self.view.ruler
        if ruler is None or ruler.by_shape:
            return False
        known, seen = self._dots, dots_at(frame, ruler)
        near = np.hypot(*(seen[:, :2] - known[:, :2]).T) <= DOT_OFF_PX
        if (near & (seen[:, 2] >= DOT_PART * known[:, 2])).mean() < LEAST_DOTS:
            return False
        # At half the zoom there are dots in these places too, and others between them.
        more = (dots_at(frame, self._between(ruler))[:, 2] - self._levels_between).reshape(-1, 3)
        return bool(((more < DOT_PART * np.median(known[:, 2])).mean(axis=0) >= LEAST_DOTS).all())

    @staticmethod
    def _between(ruler: Ruler) -> Ruler:
        """A ruler with dots at the halves and thirds of a pitch, where there are none."""
        first, step = ruler.dots_px[:-1, None], np.diff(ruler.dots_px, axis=0)[:, None]
        return replace(ruler, dots_px=(first + step * np.array([1 / 3, 1 / 2, 2 / 3])[:, None]).reshape(-1, 2))

    @cached_property
    def _levels_between(self) -> NDArray[np.float64]:
        ruler = self.view.ruler
        return np.empty(0) if ruler is None else dots_at(self.frame, self._between(ruler))[:, 2]

    def cleaned(self, frame: Frame, grey: Grey) -> FrameView:
        """The view of a frame that fits, whose grey levels (H, W) are changed."""
        view = self.view
        of_ruler = None if self._ruler_place is None else self._ruler_place.marks(frame)
        frame, grey, had_lines = without_lines(frame, grey, self.disc, of_ruler)
        grey, of_colours = without_marks(grey, frame, self.disc, of_ruler, had_lines=had_lines)
        if view.bars:
            grey = paint_out(grey, bar_marks(frame, view.bars))
        said = of_colours + tuple(each for each in view.warnings if each not in OF_COLOURS)
        return replace(view, grey=on_black(grey, self.imaged), warnings=said, stretch=self._stretch, outlines=None)


def is_drawn_otherwise(one: Grey, other: Grey) -> bool:
    """Whether strokes of one picture (h, w) are gone in another, or new: a digit is little beside a bar."""
    return int(np.count_nonzero(np.asarray(cv2.absdiff(one, other)) >= STROKE)) > MOST_STROKES_PX


def start_of_stretch(at: int) -> int:
    """The first frame of the stretch that a frame, 0-based, lies in."""
    return at - at % STRETCH


class AlongPullback:
    """The views of a pullback's frames, in order from the start of a stretch on."""

    def __init__(self) -> None:
        self._known: KnownView | None = None
        self._change: Change | None = None
        self._labels = LabelMemory()
        self._at = 0

    def view(self, frame: Frame) -> tuple[FrameView, KnownView | None]:
        """The view of a frame, and the known one that tells all but its grey levels; None where none does."""
        if start_of_stretch(self._at) == self._at:
            self._known, self._change, self._labels = None, None, LabelMemory()
        self._at += 1
        change = change_of(frame, self._change)
        if change is None:
            return self._view(frame, was_put_back=False)
        self._change = change
        view, known = self._view(change.put_back(frame), was_put_back=True)
        if view.ruler is None:  # a much warmer white balance looks like a gain
            given = view_frame(frame, self._labels, was_put_back=False)
            if WARMED in given.warnings:
                return given, None
        return replace(view, warnings=(ALTERED, *view.warnings)), known

    def _view(self, frame: Frame, *, was_put_back: bool) -> tuple[FrameView, KnownView | None]:
        """The same of a frame whose levels are right now, as far as its whole picture tells."""
        known = self._known
        if known is not None:
            grey = sepia_to_grey(frame)
            if known.fits(frame, grey):
                return known.cleaned(frame, grey), known
        view = view_frame(frame, self._labels, was_put_back=was_put_back)
        self._known = KnownView.of(frame, view) or known
        return view, self._known if self._known is not known else None
