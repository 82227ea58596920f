"""How often what a model is so sure of is true."""

import numpy as np
import pytest

from train.judging.reliability import Reliability


def test_calibration_error_of_a_model_that_is_always_too_sure() -> None:
    """Says 0.9 where 60 of 100 pixels are true."""
    bins = Reliability.empty()
    bins.add(np.full((10, 10), 0.9, np.float32), np.arange(100).reshape(10, 10) < 60)
    assert bins.expected_calibration_error == pytest.approx(0.3, abs=1e-6)
    assert Reliability.empty().expected_calibration_error is None


def test_the_best_threshold_is_where_truth_begins() -> None:
    bins = Reliability.empty()
    probability = np.array([0.15, 0.25, 0.355, 0.45], np.float32)
    bins.add(probability, np.array([False, False, True, True]))
    assert bins.best_threshold() is not None
    assert 0.25 < bins.best_threshold() <= 0.355
