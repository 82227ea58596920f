"""Agreement of two readings of the same frames: Bland-Altman, ICC, kappa, and intervals by bootstrap.

Pure functions on arrays; a figure that is not defined is None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_BOOTSTRAP = 2000
Interval = tuple[float, float]


@dataclass(frozen=True)
class BlandAltman:
    """Mean difference found - true, and the limits between which 95 % of differences lie; n readings, in their unit."""

    n: int
    bias: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Detection:
    """Frames told right and wrong; kappa is Cohen's."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def sensitivity(self) -> float | None:
        """Of the frames that bear it, the share that was found."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float | None:
        """Of the frames without it, the share in which none was found."""
        return _share(self.true_negative, self.true_negative + self.false_positive)

    @property
    def positive_predictive_value(self) -> float | None:
        """Of the frames in which it was found, the share that bears it."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen 1960); None where chance alone explains all."""
        return _kappa(self.true_positive, self.false_positive, self.false_negative, self.true_negative)

    @property
    def kappa_note(self) -> str | None:
        """Why there is no kappa, or why it is 0: a reading that says the same of each frame; None where both vary."""
        found = self.true_positive + self.false_positive, self.false_negative + self.true_negative
        true = self.true_positive + self.false_negative, self.false_positive + self.true_negative
        if found == true and 0 in found:
            where = "in every frame" if found[0] else "in no frame"
            return f"both readings have it {where}, which chance alone would explain too"
        if 0 in found or 0 in true:
            return "one reading says the same of every frame, so that kappa is 0 whatever the other one says"
        return None


def detection(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> Detection:
    """Counts over frames (N,)."""
    return Detection(
        int((found & true).sum()), int((found & ~true).sum()), int((~found & true).sum()), int((~found & ~true).sum())
    )


def kappa_interval(found: NDArray[np.bool_], true: NDArray[np.bool_], groups: Sequence[int]) -> Interval | None:
    """95 % interval of kappa of frames (N,), over groups of frames drawn anew; None for fewer than three groups."""
    counts = np.stack([found & true, found & ~true, ~found & true, ~found & ~true]).astype(np.float64)  # (4, N)
    return bootstrap_interval(groups, lambda often: _kappa(*(counts @ often).tolist()))


def neighbours(count: int, *, in_order: bool) -> list[int]:
    """The group of each frame for `bootstrap_interval`: frames that lie in order along a vessel are alike.

    Those are drawn in runs of about the cube root of how many there are; others one by one.
    """
    run = max(1, round(count ** (1 / 3))) if in_order else 1
    return [place // run for place in range(count)]


def _kappa(both: float, found_alone: float, true_alone: float, neither: float) -> float | None:
    n = both + found_alone + true_alone + neither
    found, true = both + found_alone, both + true_alone
    if n == 0:
        return None
    chance = (found * true + (n - found) * (n - true)) / n**2
    return None if chance == 1.0 else ((both + neither) / n - chance) / (1.0 - chance)


def bland_altman(found: NDArray[np.float64], true: NDArray[np.float64]) -> BlandAltman | None:
    """Bias and limits of agreement of readings (N,) (Bland and Altman 1986); None for fewer than two."""
    if len(found) < 2:
        return None
    difference = found - true
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    return BlandAltman(len(found), bias, bias - 1.96 * spread, bias + 1.96 * spread)


def icc_2_1(found: NDArray[np.float64], true: NDArray[np.float64]) -> float | None:
    """Intraclass correlation ICC(2,1): two-way random, absolute agreement, single reading (Shrout and Fleiss 1979).

    None for fewer than two frames, or where nothing varies.
    """
    readings = np.stack([found, true], axis=1)  # (N, 2)
    n, k = readings.shape
    if n < 2:
        return None
    mean = readings.mean()
    rows = k * ((readings.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    columns = n * ((readings.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    rest = readings - readings.mean(axis=1, keepdims=True) - readings.mean(axis=0) + mean
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    total = rows + (k - 1) * error + k * (columns - error) / n
    return None if total == 0 else float((rows - error) / total)


def bootstrap_interval(
    groups: Sequence[int], statistic: Callable[[NDArray[np.float64]], float | None], seed: int = 0
) -> Interval | None:
    """95 % interval of a statistic over patients drawn anew with replacement; None for fewer than three patients.

    Args:
        groups: the patient of each frame, as numbers from 0.
        statistic: given how often each frame counts (N,), its value, or None where it has none.
        seed: of the draws.
    """
    n_groups = max(groups, default=-1) + 1
    if n_groups < 3:
        return None
    rng = np.random.default_rng(seed)
    place = np.asarray(groups)
    drawn = [np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups) for _ in range(N_BOOTSTRAP)]
    values = [value for often in drawn if (value := statistic(often[place].astype(np.float64))) is not None]
    if not values:
        return None
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
