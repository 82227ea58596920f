"""What was read beside the strokes of a pullback's earlier frames: a console draws its bar and ring alike in each.

Reading a label takes longer than all else that is looked for in a frame. A stroke where none bore a label is not read
again, one where a label stood is if what stands there has changed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.view.bar.shape import Grey, Stroke

Box = tuple[float, float, float, float]  # top, left, bottom, right
Label = tuple[float, Box]  # length in mm, and where that is written

SAME_PLACE_PX = 3  # that a stroke's sides may lie apart, from frame to frame
SAME_SHARE = 0.995  # of a label's pixels, as bright as before or as dark; another digit changes 2 % and more
MOST_KNOWN = 64


@dataclass(frozen=True, eq=False)
class _Known:
    """A stroke, which way it lies, what was read beside it, and which pixels (h, w) there were bright."""

    stroke: Stroke
    upright: bool
    label: Label | None
    bright: NDArray[np.bool_] | None

    def is_at(self, stroke: Stroke, upright: bool) -> bool:
        """Whether a stroke lies in this one's place."""
        mine, other = (np.array([s.top, s.bottom, s.left, s.right]) for s in (self.stroke, stroke))
        return upright == self.upright and bool((np.abs(mine - other) <= SAME_PLACE_PX).all())

    def holds_in(self, grey: Grey, stroke: Stroke) -> bool:
        """Whether a frame (H, W) still shows what was read."""
        if self.label is None or self.bright is None:
            return True
        seen = _bright(grey, stroke, self.label[1])
        return seen.shape == self.bright.shape and bool((seen == self.bright).mean() >= SAME_SHARE)


class LabelMemory:
    """Labels read in the frames of one pullback, which all have one size."""

    def __init__(self) -> None:
        self._known: list[_Known] = []

    def label_of(
        self, grey: Grey, stroke: Stroke, upright: bool, read: Callable[[Grey, Stroke], Label | None]
    ) -> Label | None:
        """What stands beside a stroke in a frame (H, W): as read before where it is the same, else as `read` gives."""
        known = next((each for each in self._known if each.is_at(stroke, upright)), None)
        if known is not None and known.holds_in(grey, stroke):
            return known.label
        label = read(grey, stroke)
        bright = None if label is None else _bright(grey, stroke, label[1])
        others = [each for each in self._known if each is not known]
        self._known = [_Known(stroke, upright, label, bright), *others][:MOST_KNOWN]
        return label


def _bright(grey: Grey, stroke: Stroke, box: Box) -> NDArray[np.bool_]:
    """Which pixels (h, w) of a box in a frame (H, W) are nearer to the stroke's level than to its ground."""
    top, left, bottom, right = (round(side) for side in box)
    return np.asarray(grey[max(0, top) : bottom + 1, max(0, left) : right + 1] > stroke.ground + stroke.contrast / 2)
