"""Overlap of found and expert masks, pooled and by frame. Masks are (H, W) bool; what is not defined is None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]  # found, truth
N_RAYS = 360
RAY_STEP_PX = 0.5


@dataclass(frozen=True)
class Overlap:
    """Pixels of a class: in both masks, in the one found, in the truth."""

    both: float
    found: float
    true: float

    @classmethod
    def of(cls, found: Mask, truth: Mask) -> Self:
        """Count the pixels (H, W) of one frame, or the rays (360,) of one."""
        return cls(int((found & truth).sum()), int(found.sum()), int(truth.sum()))

    @property
    def dice(self) -> float | None:
        """2 |A and B| / (|A| + |B|); None where both are empty."""
        return _share(2.0 * self.both, self.found + self.true)

    @property
    def iou(self) -> float | None:
        """|A and B| / |A or B|; None where both are empty."""
        return _share(self.both, self.found + self.true - self.both)

    @property
    def precision(self) -> float | None:
        """Of what was found, the part that is true; None where nothing was found."""
        return _share(self.both, self.found)

    @property
    def recall(self) -> float | None:
        """Of what is true, the part that was found; None where there is nothing to find."""
        return _share(self.both, self.true)


def pooled(overlaps: Sequence[Overlap], weights: NDArray[np.float64] | None = None) -> Overlap:
    """The pixels of all frames together; `weights` (N,) tells how often each frame counts."""
    often = np.ones(len(overlaps)) if weights is None else weights
    counts = np.array([(each.both, each.found, each.true) for each in overlaps], np.float64).reshape(-1, 3)
    both, found, true = (float(total) for total in often @ counts)
    return Overlap(both, found, true)


def by_convention(overlaps: Sequence[Overlap], figure: Callable[[Overlap], float | None]) -> dict[str, float | None]:
    """Mean over frames in the three ways in which empty masks are dealt with.

    frames_with_class: only frames whose truth has the class. nnunet: 0 where one of the two is empty, frames where both
    are passed over. empty_is_1: 1 where both are empty.
    """
    values = [(each, figure(each)) for each in overlaps]
    with_class = [value or 0.0 for each, value in values if each.true > 0]
    either = [value or 0.0 for each, value in values if each.true > 0 or each.found > 0]
    all_frames = [1.0 if each.true == 0 and each.found == 0 else value or 0.0 for each, value in values]
    return {
        "frames_with_class": mean(with_class),
        "nnunet": mean(either),
        "empty_is_1": mean(all_frames),
    }


def mean_of_groups(overlaps: Sequence[Overlap], groups: Sequence[str]) -> float | None:
    """Mean of the Dice pooled within each group (pullback or patient); groups without the class are passed over."""
    dices = []
    for group in sorted(set(groups)):
        of_group = pooled([each for each, name in zip(overlaps, groups, strict=True) if name == group])
        if of_group.dice is not None:
            dices.append(of_group.dice)
    return mean(dices)


def rays_that_meet(mask: Mask, centre: tuple[float, float]) -> Mask:
    """(360,) True for each ray from `centre` (row, col) that crosses the mask."""
    height, width = mask.shape
    angle = np.radians(np.arange(N_RAYS))[:, None]
    radius = np.arange(0.0, np.hypot(height, width), RAY_STEP_PX)
    row = np.rint(centre[0] + radius * np.sin(angle)).astype(int)
    col = np.rint(centre[1] + radius * np.cos(angle)).astype(int)
    inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    met = np.zeros_like(inside)
    met[inside] = mask[row[inside], col[inside]]
    crossed: Mask = met.any(axis=1)
    return crossed


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return float(np.mean(values)) if values else None
