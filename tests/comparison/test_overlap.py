"""Figures of merit: solved on paper, in every convention for empty masks, and equal to MONAI's."""

import numpy as np
import pytest
import torch
from monai.metrics import (
    compute_average_surface_distance,
    compute_dice,
    compute_hausdorff_distance,
    compute_iou,
    compute_surface_dice,
)

from octseg.comparison.agreement import bland_altman, bootstrap_interval, detection, icc_2_1
from octseg.comparison.overlap import Mask, Overlap, by_convention, mean_of_groups, pooled, rays_that_meet
from octseg.comparison.surfaces import surface_score

SPACING_MM = 0.01
EMPTY = np.zeros((40, 40), bool)


def rectangle(top: int, left: int, height: int, width: int) -> Mask:
    mask = EMPTY.copy()
    mask[top : top + height, left : left + width] = True
    return mask


def random_pair(rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Blobs of up to three rectangles each, at times the same, at times none."""
    masks = []
    for _ in range(2):
        mask = EMPTY.copy()
        for _ in range(int(rng.integers(0, 4))):
            top, left = rng.integers(0, 36, 2)
            mask |= rectangle(int(top), int(left), int(rng.integers(1, 20)), int(rng.integers(1, 20)))
        masks.append(mask)
    return (masks[0], masks[0].copy()) if rng.random() < 0.05 else (masks[0], masks[1])


def test_overlap_of_half_a_rectangle() -> None:
    overlap = Overlap.of(rectangle(0, 0, 10, 10), rectangle(0, 5, 10, 10))
    assert (overlap.both, overlap.found, overlap.true) == (50, 100, 100)
    assert overlap.dice == 0.5
    assert overlap.iou == pytest.approx(1 / 3)
    assert (overlap.precision, overlap.recall) == (0.5, 0.5)


def test_what_is_empty_on_both_sides_has_no_dice() -> None:
    nothing = Overlap.of(EMPTY, EMPTY)
    assert (nothing.dice, nothing.iou, nothing.precision, nothing.recall) == (None, None, None, None)


def test_empty_frames_count_as_each_convention_says() -> None:
    """One frame half right, one invented, one missed, one empty on both sides."""
    frames = [Overlap(50, 100, 100), Overlap(0, 10, 0), Overlap(0, 0, 10), Overlap(0, 0, 0)]
    found = by_convention(frames, lambda each: each.dice)
    assert found == {"frames_with_class": 0.25, "nnunet": pytest.approx(0.5 / 3), "empty_is_1": pytest.approx(1.5 / 4)}
    assert pooled(frames).dice == pytest.approx(100 / (110 + 110))


def test_groups_count_alike_however_many_frames_they_have() -> None:
    frames = [Overlap(10, 10, 10), Overlap(10, 10, 10), Overlap(0, 5, 5)]
    assert mean_of_groups(frames, ["a", "a", "b"]) == 0.5


def test_rays_meet_what_lies_in_their_direction() -> None:
    mask = np.zeros((101, 101), bool)
    mask[45:56, 80:90] = True  # to the right, 10 px tall at 30 px and more
    met = np.flatnonzero(rays_that_meet(mask, (50.0, 50.0)))
    half_deg = np.degrees(np.arctan2(5.5, 29.5))
    assert set(met) <= {*range(int(half_deg) + 2), *range(359 - int(half_deg), 360)}
    assert len(met) == pytest.approx(2 * half_deg, abs=2)


def test_a_square_moved_by_three_pixels_is_three_pixels_off_on_two_of_its_sides() -> None:
    found, truth = rectangle(10, 10, 20, 20), rectangle(10, 13, 20, 20)
    score = surface_score(found, truth, SPACING_MM, tolerance_mm=0.02, field_mm=0.4)
    assert score is not None
    assert score.hd95_mm == pytest.approx(0.03)
    exact = surface_score(truth, truth, SPACING_MM, 0.02, 0.4)
    assert exact is not None
    assert (exact.nsd, exact.hd95_mm, exact.assd_mm) == (1.0, 0.0, 0.0)


def test_a_structure_missed_or_invented_costs_the_field_and_is_not_dropped() -> None:
    for found, truth in ((EMPTY, rectangle(5, 5, 4, 4)), (rectangle(5, 5, 4, 4), EMPTY)):
        score = surface_score(found, truth, SPACING_MM, 0.02, field_mm=0.4)
        assert score is not None
        assert (score.nsd, score.hd95_mm) == (0.0, 0.4)
    assert surface_score(EMPTY, EMPTY, SPACING_MM, 0.02, 0.4) is None


@pytest.mark.parametrize("pairs", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_pairs_agree_with_monai(pairs: int) -> None:
    """Dice, IoU, NSD, HD95 and ASSD; where one side is empty MONAI has no distance, and ours is the field."""
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(pairs):
        found, truth = random_pair(rng)
        ours = Overlap.of(found, truth)
        one, other = (torch.from_numpy(mask)[None, None].float() for mask in (found, truth))
        dice = float(compute_dice(one, other, ignore_empty=True))
        assert (np.isnan(dice) and not truth.any()) or ours.dice == pytest.approx(dice, abs=1e-6)
        iou = float(compute_iou(one, other, ignore_empty=True))
        assert (np.isnan(iou) and not truth.any()) or ours.iou == pytest.approx(iou, abs=1e-6)
        score = surface_score(found, truth, SPACING_MM, 0.02, field_mm=0.4)
        if not found.any() or not truth.any():
            continue
        compared += 1
        assert score is not None
        flags = {"include_background": True, "spacing": SPACING_MM}
        hd95 = float(compute_hausdorff_distance(one, other, percentile=95, **flags))
        nsd = float(compute_surface_dice(one, other, class_thresholds=[0.02 + 1e-9], **flags))
        assd = float(compute_average_surface_distance(one, other, symmetric=True, **flags))
        assert score.hd95_mm == pytest.approx(hd95, abs=1e-6)
        assert score.nsd == pytest.approx(nsd, abs=1e-6)
        assert score.assd_mm == pytest.approx(assd, abs=1e-6)
    assert compared > pairs / 2


def test_detection_counts_and_kappa_solved_by_hand() -> None:
    found = np.array([True] * 20 + [True] * 5 + [False] * 10 + [False] * 15)
    true = np.array([True] * 20 + [False] * 5 + [True] * 10 + [False] * 15)
    told = detection(found, true)
    assert (told.sensitivity, told.specificity) == (pytest.approx(20 / 30), pytest.approx(15 / 20))
    assert told.positive_predictive_value == pytest.approx(0.8)
    assert told.kappa == pytest.approx(0.4)  # Cohen's textbook example: 0.7 agreed, 0.5 by chance
    assert told.kappa_note is None


@pytest.mark.parametrize(
    ("found", "true", "kappa", "said"),
    [
        ([True, True], [True, True], None, "both readings have it in every frame"),
        ([False, False], [False, False], None, "both readings have it in no frame"),
        ([True, True], [True, False], 0.0, "one reading says the same of every frame"),
        ([False, False], [True, True], 0.0, "one reading says the same of every frame"),
    ],
)
def test_why_kappa_tells_nothing_of_a_reading_with_one_answer_is_said(
    found: list[bool], true: list[bool], kappa: float | None, said: str
) -> None:
    told = detection(np.array(found), np.array(true))
    assert told.kappa == kappa
    assert said in str(told.kappa_note)


def test_bland_altman_solved_by_hand() -> None:
    limits = bland_altman(np.array([1.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0]))
    assert limits is not None
    assert limits.bias == 1.0
    assert (limits.lower, limits.upper) == (pytest.approx(1 - 1.96), pytest.approx(1 + 1.96))
    assert bland_altman(np.array([1.0]), np.array([1.0])) is None


def test_icc_is_that_of_the_analysis_of_variance() -> None:
    """Two judges and six targets, by the mean squares of a two-way analysis of variance (1979, their formula)."""
    first, second = np.array([9.0, 6, 8, 7, 10, 6]), np.array([2.0, 1, 4, 1, 5, 2])
    rows = 2 * ((first + second) / 2).var() * 6 / 5
    judges = 6 * (np.array([first.mean(), second.mean()]).var() * 2)
    total = np.concatenate([first, second]).var() * 12
    rest = (total - rows * 5 - judges) / 5
    assert icc_2_1(first, second) == pytest.approx((rows - rest) / (rows + rest + 2 * (judges - rest) / 6))
    assert icc_2_1(first, first) == pytest.approx(1.0)
    assert icc_2_1(first, first + 3.0) < 0.5  # a constant bias is no agreement


def test_an_interval_comes_from_patients_not_from_frames() -> None:
    """Three patients of 100 equal frames: drawing patients spreads the mean, drawing frames would hardly."""
    values = np.repeat([0.0, 0.5, 1.0], 100)
    groups = list(np.repeat([0, 1, 2], 100))

    def mean(often: np.ndarray) -> float:
        return float((often * values).sum() / often.sum())

    interval = bootstrap_interval(groups, mean)
    assert interval == (pytest.approx(0.0, abs=0.01), pytest.approx(1.0, abs=0.01))
    assert bootstrap_interval([0, 1], lambda often: 1.0) is None
