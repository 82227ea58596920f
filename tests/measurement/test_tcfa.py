import pytest

from octseg.measurement.tcfa import Criteria, frame_criteria, is_undecided


@pytest.mark.parametrize(
    ("arc_deg", "cap_um", "met"),
    [
        (91, 64, True),
        (90, 64, False),
        (91, 65, False),
        (180, 200, False),
        (45, 40, False),
        (91, None, None),
        (45, None, False),
    ],
)
def test_one_core_meets_the_criteria_where_both_hold(arc_deg: float, cap_um: float | None, met: bool | None) -> None:
    margin_um = None if cap_um is None else cap_um - 65
    assert frame_criteria([arc_deg], [cap_um]) == Criteria(met, margin_um, arc_deg - 90, 0)


def test_no_core_does_not_meet_them() -> None:
    assert frame_criteria([], []) == Criteria(False, None, -90, None)


def test_a_thin_cap_over_a_narrow_core_beside_a_wide_one_under_a_thick_cap_is_none() -> None:
    assert frame_criteria([120, 30], [200, 40]) == Criteria(False, 135, 30, 0)


def test_of_two_wide_cores_the_thinner_cap_decides() -> None:
    assert frame_criteria([150, 100], [200, 50]) == Criteria(True, -15, 10, 1)


def test_a_core_that_meets_them_decides_even_where_another_is_not_known() -> None:
    assert frame_criteria([150, 100], [None, 50]) == Criteria(True, -15, 10, 1)
    assert frame_criteria([150, 100], [None, 80]) == Criteria(None, 15, 10, 1)


@pytest.mark.parametrize(
    ("meets", "cap_um", "arc_deg", "undecided"),
    [
        (True, (-45, 124), (10, 90), True),
        (True, (-45, -5), (-80, 90), True),
        (True, (-45, -5), (10, 90), False),
        (True, None, None, False),
        (False, (-45, 124), (-20, 30), True),
        (False, (5, 124), (-20, 30), False),  # the cap is thick for sure
        (False, (-45, 124), (-80, -10), False),  # the arc is narrow for sure
        (False, None, (-20, 30), True),
        (False, None, None, False),
    ],
)
def test_margins_whose_intervals_hold_their_limit_leave_the_criteria_undecided(
    meets: bool, cap_um: tuple[int, int] | None, arc_deg: tuple[int, int] | None, undecided: bool
) -> None:
    assert is_undecided(meets, cap_um, arc_deg) is undecided
