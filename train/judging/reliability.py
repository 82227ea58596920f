"""How often what a model is so sure of is true, pixel by pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

N_BINS = 1000  # of probability, for thresholds and calibration
ECE_BINS = 20


@dataclass
class Reliability:
    """Pixels by their probability in `N_BINS` equal bins: how many, the sum of probability, how many were true."""

    counts: NDArray[np.float64]
    probability: NDArray[np.float64]
    true: NDArray[np.float64]

    @classmethod
    def empty(cls) -> Self:
        """No pixels yet."""
        return cls(np.zeros(N_BINS), np.zeros(N_BINS), np.zeros(N_BINS))

    def add(self, probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
        """Count the pixels of one plane (H, W)."""
        flat = probability.ravel()
        place = np.minimum((flat * N_BINS).astype(np.intp), N_BINS - 1)
        self.counts += np.bincount(place, minlength=N_BINS)
        self.probability += np.bincount(place, weights=flat, minlength=N_BINS)
        self.true += np.bincount(place[truth.ravel()], minlength=N_BINS)

    @property
    def expected_calibration_error(self) -> float | None:
        """Mean distance of probability from the share that is true, all pixels in `ECE_BINS` bins (Naeini 2015)."""
        n = float(self.counts.sum())
        off = (self.probability - self.true).reshape(ECE_BINS, -1).sum(axis=1)
        return float(np.abs(off).sum() / n) if n else None

    def best_threshold(self) -> float | None:
        """The probability from which Dice over all pixels is greatest; None where no pixel is true."""
        if not self.true.any():
            return None
        both = self.true[::-1].cumsum()[::-1]  # true pixels at or above each bin
        found = self.counts[::-1].cumsum()[::-1]
        dice = 2.0 * both / (found + self.true.sum())
        return float(np.argmax(dice[1:]) + 1) / N_BINS
