"""Medians, their intervals by resampling patients, and outliers."""

import pytest

from octseg.cohort.summing import (
    Quartiles,
    Sample,
    difference_interval,
    median_interval,
    outliers,
    quartiles,
    share_interval,
)


def sample(values: list[float], each: int = 1) -> Sample:
    """A patient for each value, which all of its pullbacks have."""
    return Sample(
        [value for value in values for _ in range(each)],
        [f"P{number}" for number in range(len(values)) for _ in range(each)],
    )


def test_quartiles_lie_between_values() -> None:
    assert quartiles([4.0, 1.0, 3.0, 2.0]) == Quartiles(4, 1.75, 2.5, 3.25)
    assert quartiles([]) is None


def test_pullbacks_of_one_patient_make_an_interval_no_narrower() -> None:
    """By the binomial, ranks 6 and 15 of 20 hold the median with 95 %."""
    values = [float(value) for value in range(1, 21)]
    alone, often = median_interval(sample(values)), median_interval(sample(values, each=50))
    assert alone is not None
    assert often is not None
    for low, high in (alone, often):
        assert low == pytest.approx(6.5, abs=1.0)
        assert high == pytest.approx(14.5, abs=1.0)


def test_few_patients_have_no_interval_however_many_pullbacks() -> None:
    assert median_interval(sample([1.0, 2.0, 3.0, 4.0, 5.0], each=20)) is None
    assert median_interval(sample([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])) is not None


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    told = share_interval(sample([1.0] * 50 + [0.0] * 50))
    assert told == pytest.approx((0.40, 0.60), abs=0.02)


def test_a_patient_is_drawn_with_both_of_its_pullbacks() -> None:
    first = sample([float(value) for value in range(20)])
    second = Sample([value + 1.0 for value in first.values], first.patients)
    assert difference_interval(first, second) == (1.0, 1.0)


def test_a_value_far_from_the_others_is_told_with_its_distance_and_side() -> None:
    values = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 42.0, -14.0]
    told = outliers(values)  # quartiles 11.5 and 16.5
    assert told == {9: pytest.approx(5.1), 10: pytest.approx(-5.1)}
    assert outliers(values[-3:]) == {}
    assert outliers([1.0] * 20 + [2.0]) == {}
