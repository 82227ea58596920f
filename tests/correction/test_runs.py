"""Strokes as runs: what they hold, that they are done and undone, and that they are refused where they do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from octseg.correction.anatomy import check
from octseg.correction.runs import are_runs, change, changes
from octseg.errors import CorrectionError

PLANES = arrays(np.uint8, (5, 7), elements=st.integers(0, 4))


def test_a_run_is_gap_length_before_after() -> None:
    before = np.zeros((2, 5), np.uint8)
    before[1, 2] = 1
    after = before.copy()
    after[0, 3:] = 2
    after[1, :3] = 2
    assert changes(before, after) == [3, 4, 0, 2, 0, 1, 1, 2]


@given(PLANES, PLANES)
def test_a_stroke_is_done_and_undone(before: np.ndarray, after: np.ndarray) -> None:
    runs, drawn = changes(before, after), before.copy()
    assert are_runs(runs)
    change(drawn, runs)
    np.testing.assert_array_equal(drawn, after)
    change(drawn, runs, back=True)
    np.testing.assert_array_equal(drawn, before)


def test_a_stroke_of_other_outlines_changes_nothing() -> None:
    labels = np.ones((2, 5), np.uint8)
    with pytest.raises(CorrectionError, match="other outlines"):
        change(labels, [0, 1, 1, 2, 0, 1, 0, 2])
    assert (labels == 1).all()


@pytest.mark.parametrize("runs", [[8, 5, 0, 1], [0, 11, 0, 1]])
def test_a_stroke_beyond_its_frame_is_refused(runs: list[int]) -> None:
    with pytest.raises(CorrectionError, match="beyond its frame"):
        change(np.zeros((2, 5), np.uint8), runs)


@pytest.mark.parametrize(
    "given", [None, [1], [0, 0, 0, 1], [-1, 1, 0, 1], [0, 1, 0, 5], [0, 1.0, 0, 1], [0, True, 0, 1]]
)
def test_what_is_no_run_is_told(given: object) -> None:
    assert not are_runs(given)


@pytest.mark.parametrize("step", [(1, 3), (1, 2), (1, 4), (2, 3)])
def test_the_anatomy_holds(step: tuple[int, int]) -> None:
    with pytest.raises(CorrectionError, match="Overrule anatomy"):
        check("brush", [0, 3, 0, 1, 5, 2, *step])


def test_lumen_takes_tissue_and_the_eraser_takes_all() -> None:
    check("brush", [0, 1, 3, 1, 0, 1, 2, 1, 0, 1, 1, 0, 0, 1, 3, 2, 0, 1, 0, 3])


def test_a_border_that_is_dragged_moves_both_sides() -> None:
    check("drag", [0, 1, 2, 3, 0, 1, 1, 2])
    with pytest.raises(CorrectionError, match="Overrule anatomy"):
        check("drag", [0, 1, 1, 3])
