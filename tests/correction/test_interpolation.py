"""Outlines between corrected frames: they turn with the plaque, stop at a frame without it, and wait to be accepted."""

from pathlib import Path

import numpy as np
import pytest

from octseg.correction.corrections import Corrections
from octseg.correction.interpolation import between, interpolate
from octseg.correction.runs import changes
from octseg.errors import CorrectionError
from tests.fakes.corrected import CAP, LIPID, LUMEN, SIDE, disc, opened, painted, save_results, vessel

SHAPE = (400, 400)
STEMS = [f"vessel_{number:04d}" for number in range(1, 6)]


def drawn(angle: float, *, shift: float = 0.0, radius: float = 30.0) -> np.ndarray:
    """A lumen of 80 px and a lipid core 130 px from its middle, at an angle in degrees, clockwise from the right."""
    turn = np.deg2rad(angle)
    labels = np.zeros(SHAPE, np.uint8)
    labels[disc(SHAPE, 200, 200 + shift, 80)] = LUMEN
    labels[disc(SHAPE, 200 + 130 * np.sin(turn), 200 + shift + 130 * np.cos(turn), radius)] = LIPID
    return labels


def middle(mask: np.ndarray) -> tuple[float, float]:
    rows, cols = np.nonzero(mask)
    return float(rows.mean()), float(cols.mean())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("angles", [(20, 40), (-10, 10), (170, 190), (350, 370)])
def test_a_plaque_turns_about_the_lumen(angles: tuple[float, float]) -> None:
    made = between(drawn(angles[0]), drawn(angles[1]), np.zeros(SHAPE, np.uint8), 0.5)
    true = drawn(sum(angles) / 2)
    assert overlap(made == LIPID, true == LIPID) > 0.93
    assert overlap(made == LUMEN, true == LUMEN) > 0.99


def test_the_lumen_moves_with_its_middle() -> None:
    made = between(drawn(90), drawn(90, shift=40), np.zeros(SHAPE, np.uint8), 0.25)
    assert middle(made == LUMEN) == pytest.approx((200, 210), abs=1)


def test_between_equal_outlines_they_stay() -> None:
    labels = drawn(45)
    labels[disc(SHAPE, 200, 300, 14)] = CAP
    made = between(labels, labels, np.zeros(SHAPE, np.uint8), 0.3)
    for label in (LUMEN, CAP, LIPID):
        assert overlap(made == label, labels == label) > 0.97


def test_a_thin_cap_stays_as_thick_when_it_moves() -> None:
    def capped(radius: float) -> np.ndarray:
        labels = np.zeros(SHAPE, np.uint8)
        labels[disc(SHAPE, 200, 200, radius + 6)] = CAP
        labels[disc(SHAPE, 200, 200, radius)] = LUMEN
        return labels

    made = between(capped(80), capped(110), np.zeros(SHAPE, np.uint8), 0.5)
    assert (made[200, 200:] == CAP).sum() == pytest.approx(6, abs=1)
    assert overlap(made == CAP, capped(95) == CAP) > 0.85


def test_a_tissue_that_one_frame_lacks_is_not_carried_towards_it() -> None:
    without = drawn(45)
    without[without == LIPID] = 0
    made = between(drawn(45), without, np.zeros(SHAPE, np.uint8), 0.1)
    assert not (made == LIPID).any()
    np.testing.assert_array_equal(between(drawn(45), without, drawn(45), 0.9) == LIPID, drawn(45) == LIPID)


def test_a_lumen_that_is_kept_has_its_cap_at_it_and_nothing_in_it() -> None:
    """Of 80 px at both ends and of 90 px, 10 px aside, between them: cap and lipid keep their depth behind it."""

    def outlined(radius: float, col: int = 200, lipid: float = 20) -> np.ndarray:
        labels = np.zeros(SHAPE, np.uint8)
        labels[disc(SHAPE, 200, col, radius + 6 + lipid)] = LIPID
        labels[:200] = 0
        labels[disc(SHAPE, 200, col, radius + 6) & (labels == LIPID)] = CAP
        labels[disc(SHAPE, 200, col, radius)] = LUMEN
        return labels

    own = outlined(90, 210) == LUMEN
    made = between(outlined(80, lipid=10), outlined(80, lipid=30), np.zeros(SHAPE, np.uint8), 0.5, own)
    np.testing.assert_array_equal(made == LUMEN, own)
    true = outlined(90, 210)
    for label in (CAP, LIPID):
        assert overlap(made == label, true == label) > 0.9
    around = disc(SHAPE, 200, 210, 93) & ~own
    around[:210] = False
    assert (made[around] == CAP).all()


@pytest.fixture
def corrections(tmp_path: Path) -> Corrections:
    return opened(save_results(tmp_path, vessel(5)))[1]


def redraw(corrections: Corrections, stem: str, gone: int) -> None:
    before = corrections.labels(stem)
    after = before.copy()
    after[: before.shape[0] // 2][after[: before.shape[0] // 2] == gone] = 0
    corrections.draw(stem, "eraser", changes(before, after))


def test_frames_between_two_corrected_ones_are_drawn_in_one_step(corrections: Corrections) -> None:
    for stem in (STEMS[0], STEMS[3]):
        redraw(corrections, stem, LUMEN)
    assert interpolate(corrections, STEMS[1]) == STEMS[1:3]
    assert [corrections.state(stem) for stem in STEMS] == [
        *("corrected", "interpolated", "interpolated", "corrected", "model")
    ]
    half = corrections.labels(STEMS[1])
    assert not (half[: half.shape[0] // 2 - 4] == LUMEN).any()
    corrections.undo()
    assert [corrections.state(stem) for stem in STEMS[1:3]] == ["model", "model"]
    corrections.redo()
    corrections.judge(STEMS[1], "accepted")
    assert [corrections.state(stem) for stem in STEMS[1:3]] == ["corrected", "interpolated"]


def test_where_no_lumen_was_drawn_on_frames_between_keep_theirs(corrections: Corrections) -> None:
    for stem in (STEMS[0], STEMS[2]):
        before = corrections.labels(stem)
        spot = disc((SIDE, SIDE), 80, 352, 12)
        corrections.draw(stem, "brush", changes(before, painted(before, spot, LIPID)), "lipid_core")
    interpolate(corrections, STEMS[1])
    made, own = corrections.labels(STEMS[1]), corrections.case.labels(STEMS[1])
    np.testing.assert_array_equal(made == LUMEN, own == LUMEN)
    assert made[80, 352] == LIPID
    redraw(corrections, STEMS[0], LUMEN)
    interpolate(corrections, STEMS[1])
    assert not np.array_equal(corrections.labels(STEMS[1]) == LUMEN, own == LUMEN)


def test_between_frames_that_were_accepted_as_they_are_the_lumen_is_interpolated_too(corrections: Corrections) -> None:
    """Else nothing would mend a frame that is outlined amiss between two that are not."""
    for stem in (STEMS[0], STEMS[2]):
        corrections.judge(stem, "accepted")
    interpolate(corrections, STEMS[1])
    made, own = corrections.labels(STEMS[1]), corrections.case.labels(STEMS[1])
    assert not np.array_equal(made == LUMEN, own == LUMEN)


def test_outlines_that_are_interpolated_anew_wait_again(corrections: Corrections) -> None:
    for stem in (STEMS[0], STEMS[2]):
        redraw(corrections, stem, LUMEN)
    corrections.judge(STEMS[1], "accepted")
    interpolate(corrections, STEMS[1])
    assert corrections.state(STEMS[1]) == "interpolated"


def test_without_a_corrected_frame_on_either_side_nothing_is_drawn(corrections: Corrections) -> None:
    redraw(corrections, STEMS[0], LUMEN)
    with pytest.raises(CorrectionError, match="one before and one behind"):
        interpolate(corrections, STEMS[2])
    redraw(corrections, STEMS[4], LUMEN)
    corrections.judge(STEMS[4], "rejected", "blood")
    with pytest.raises(CorrectionError, match="one before and one behind"):
        interpolate(corrections, STEMS[2])
