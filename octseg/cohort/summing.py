"""What is said of many values at once: median and quartiles, intervals by resampling patients, and which lie far out.

Values of one patient are alike, so patients are what is drawn anew, each with all that is its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
SEED = 0  # the same rows give the same page
LEAST_PATIENTS = 6  # of fewer, not even the smallest and the largest value hold a median with 95 % (1 - 2 / 2^n)
LEAST_VALUES = 8  # of which it can be said that one lies far from the others
FENCE = 1.5  # times the distance of the quartiles, beyond them (Tukey)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quartiles:
    """Of some values: how many, and the three."""

    count: int
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Sample:
    """Values of a group, each with its patient's name."""

    values: Sequence[float]
    patients: Sequence[str]

    @property
    def patient_count(self) -> int:
        """How many patients have a value."""
        return len(set(self.patients))


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """By linear interpolation between values; None of none."""
    if not len(values):
        return None
    low, median, high = np.percentile(np.asarray(values, float), (25, 50, 75))
    return Quartiles(len(values), float(low), float(median), float(high))


def median_interval(sample: Sample) -> tuple[float, float] | None:
    """The 95 % interval of the median; None of fewer than LEAST_PATIENTS patients."""
    return _interval([sample], _median)


def share_interval(sample: Sample) -> tuple[float, float] | None:
    """The 95 % interval of the share of values that are 1, of 0 and 1."""
    return _interval([sample], _mean)


def difference_interval(first: Sample, second: Sample) -> tuple[float, float] | None:
    """Of the second's median less the first's; a patient with values in both is drawn with both."""
    return _interval([first, second], _median)


def outliers(values: Sequence[float]) -> dict[int, float]:
    """Places of values beyond Tukey's fences -> how many quartile distances beyond its quartile, with a sign."""
    told = quartiles(values)
    if told is None or told.count < LEAST_VALUES or told.high <= told.low:
        return {}
    span = told.high - told.low
    away = {
        place: max(value - told.high, 0.0) / span - max(told.low - value, 0.0) / span
        for place, value in enumerate(values)
    }
    return {place: distance for place, distance in away.items() if abs(distance) > FENCE}


def _interval(samples: Sequence[Sample], of: Callable[[Floats], float]) -> tuple[float, float] | None:
    """Of `of` one sample, or of the second's less the first's, patients drawn with replacement."""
    if min(sample.patient_count for sample in samples) < LEAST_PATIENTS:
        return None
    names = {name: place for place, name in enumerate(dict.fromkeys(p for s in samples for p in s.patients))}
    ordered = [_ordered(sample, names) for sample in samples]
    random, found = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names))
        drawn_values = [np.repeat(values, drawn[places]) for values, places in ordered]
        if all(values.size for values in drawn_values):
            told = [of(values) for values in drawn_values]
            found.append(told[-1] - (told[0] if len(told) > 1 else 0.0))
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _ordered(sample: Sample, names: dict[str, int]) -> tuple[Floats, NDArray[np.int64]]:
    """(N,) values from the smallest on, and the place of each one's patient."""
    values, places = np.asarray(sample.values, float), np.array([names[name] for name in sample.patients])
    order = np.argsort(values, kind="stable")
    return values[order], places[order]


def _median(ordered: Floats) -> float:
    """Of values (N,) from the smallest on."""
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _mean(values: Floats) -> float:
    return float(values.mean())
