"""How sure kappa is: its interval against what repeated samples show."""

import numpy as np
import pytest
from numpy.typing import NDArray

from octseg.comparison.agreement import detection, kappa_interval, neighbours

SHARES = (0.35, 0.10, 0.15, 0.40)  # both, found alone, true alone, neither


def sample(count: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    kind = np.random.default_rng(seed).choice(4, count, p=SHARES)
    return np.isin(kind, (0, 1)), np.isin(kind, (0, 2))


def width(count: int) -> float:
    """Of the interval in which kappa of 95 % of samples of so many frames lies."""
    kappas = [detection(*sample(count, seed)).kappa or 0.0 for seed in range(1000, 1600)]
    low, high = np.percentile(kappas, (2.5, 97.5))
    return float(high - low)


def test_the_interval_of_kappa_is_as_wide_as_samples_differ() -> None:
    widths = []
    for seed in range(8):
        found, true = sample(200, seed)
        low, high = kappa_interval(found, true, neighbours(200, in_order=False)) or (0.0, 0.0)
        assert low < (detection(found, true).kappa or 0.0) < high
        widths.append(high - low)
    assert np.mean(widths) == pytest.approx(width(200), rel=0.12)


def test_frames_that_are_alike_count_as_one_sample() -> None:
    """512 frames along a vessel, eight neighbours each the same: 64 of them say something."""
    widths = []
    for seed in range(8):
        found, true = (np.repeat(side, 8) for side in sample(64, seed))
        low, high = kappa_interval(found, true, neighbours(512, in_order=True)) or (0.0, 0.0)
        widths.append(high - low)
    assert np.mean(widths) == pytest.approx(width(64), rel=0.15)


def test_two_frames_have_no_interval() -> None:
    both = np.array([True, False])
    assert kappa_interval(both, both, neighbours(2, in_order=False)) is None
