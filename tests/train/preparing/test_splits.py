"""Who is for training and who for validation: whole studies, as near to the wanted share as they allow."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octseg.errors import ConfigError, DatasetError
from train.preparing.placing import SplitRule
from train.preparing.splits import HOLDOUTS, StudyCount, folds_by_study, split_by_frame, split_by_study

DATASET_FACTS = Path(__file__).parents[4] / "shared" / "reference" / "dataset.md"


@st.composite
def many_studies(draw: st.DrawFn, least: int = 2) -> dict[str, StudyCount]:
    """Up to 20 studies: on both sides of where all splits are compared."""
    frames = draw(st.lists(st.integers(1, 400), min_size=least, max_size=20))
    return {
        f"{place:03d}": StudyCount(count, draw(st.integers(0, count))) for place, count in enumerate(frames, start=1)
    }


def random_studies(count: int, seed: int) -> dict[str, StudyCount]:
    rng = np.random.default_rng(seed)
    frames = rng.integers(20, 500, count)
    return {f"{place:03d}": StudyCount(int(n), int(rng.integers(0, n + 1))) for place, n in enumerate(frames)}


def shares(studies: dict[str, StudyCount], taken: set[str]) -> tuple[float, float]:
    """Percent of the frames and of the positive frames."""
    return (
        100 * sum(studies[study].frames for study in taken) / sum(count.frames for count in studies.values()),
        100 * sum(studies[study].positive for study in taken) / sum(count.positive for count in studies.values()),
    )


@given(studies=many_studies(), share=st.floats(0.01, 0.99), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_both_sides_have_studies_and_none_is_invented(studies: dict[str, StudyCount], share: float, seed: int) -> None:
    validation = split_by_study(studies, share, seed)
    assert validation
    assert validation < studies.keys()


@given(studies=many_studies(least=4), seed=st.integers(0, 9), data=st.data())
@settings(max_examples=40, deadline=None)
def test_studies_that_share_frames_stay_together(
    studies: dict[str, StudyCount], seed: int, data: st.DataObject
) -> None:
    names = sorted(studies)
    tied = data.draw(st.lists(st.sets(st.sampled_from(names[:-1]), min_size=2, max_size=2), max_size=6))
    validation = split_by_study(studies, 0.2, seed, tied)
    for together in tied:
        assert together <= validation or not together & validation


def test_a_chain_of_shared_frames_ties_all_of_its_studies() -> None:
    studies = {name: StudyCount(10, 5) for name in "abcdefgh"}
    for seed in range(8):
        validation = split_by_study(studies, 0.3, seed, [{"a", "b"}, {"c", "d"}, {"b", "c"}])
        assert len(validation & set("abcd")) in (0, 4)


@given(studies=many_studies(), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_same_seed_gives_the_same_split_whatever_the_order_of_studies(
    studies: dict[str, StudyCount], seed: int
) -> None:
    backwards = dict(reversed(studies.items()))
    assert split_by_study(studies, 0.2, seed) == split_by_study(backwards, 0.2, seed)


def test_two_seeds_give_two_splits_of_many_studies() -> None:
    studies = random_studies(60, seed=1)
    assert split_by_study(studies, 0.2, 0) != split_by_study(studies, 0.2, 1)


def test_two_seeds_choose_differently_among_equal_studies() -> None:
    studies = {name: StudyCount(10, 5) for name in "abcde"}
    assert len({tuple(split_by_study(studies, 0.2, seed)) for seed in range(12)}) > 1


@pytest.mark.parametrize("seed", range(6))
def test_a_hundred_studies_are_split_to_within_one_percent_in_frames_and_in_positive_frames(seed: int) -> None:
    studies = random_studies(100, seed)
    assert shares(studies, split_by_study(studies, 0.2, seed)) == pytest.approx((20, 20), abs=1)


@pytest.mark.parametrize("seed", range(4))
def test_the_one_exact_split_of_a_few_studies_is_found(seed: int) -> None:
    """20 % of 100 frames and of 50 positive ones: b alone. By frames alone, a would do as well."""
    studies = {"a": StudyCount(20, 0), "b": StudyCount(20, 10), "c": StudyCount(60, 40)}
    assert split_by_study(studies, 0.2, seed) == {"b"}


def test_one_exact_split_of_two_studies_taken_together_is_found() -> None:
    """12 + 8 of 100 frames, 3 + 5 of 40 positive ones."""
    studies = {"a": StudyCount(12, 3), "b": StudyCount(8, 5), "c": StudyCount(35, 2), "d": StudyCount(45, 30)}
    assert split_by_study(studies, 0.2, 0) == {"a", "b"}


def test_studies_without_any_positive_frame_can_be_split() -> None:
    studies = {name: StudyCount(20, 0) for name in "abcde"}
    assert len(split_by_study(studies, 0.2, 0)) == 1


@pytest.mark.parametrize("studies", [2, 12, 13, 40])
@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_share_smaller_than_a_study_still_leaves_one_on_either_side(studies: int, share: float) -> None:
    equal = {f"{n:03d}": StudyCount(30, 10) for n in range(studies)}
    for seed in range(4):
        assert 0 < len(split_by_study(equal, share, seed)) < studies


def test_one_study_cannot_be_split_and_the_sentence_says_what_to_do() -> None:
    with pytest.raises(DatasetError, match="needs two studies that share no frames, and there is 1: add studies, or"):
        split_by_study({"a": StudyCount(10, 5)}, 0.2, 0)


def test_two_studies_that_share_frames_count_as_one() -> None:
    with pytest.raises(DatasetError, match="there is 1: add studies"):
        split_by_study({"a": StudyCount(10, 5), "b": StudyCount(10, 5)}, 0.2, 0, [{"a", "b"}])


@given(studies=many_studies(least=5), folds=st.integers(2, 5), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_each_study_is_in_one_fold_and_no_fold_is_empty(studies: dict[str, StudyCount], folds: int, seed: int) -> None:
    fold_of = folds_by_study(studies, folds, seed)
    assert fold_of.keys() == studies.keys()
    assert set(fold_of.values()) == set(range(1, folds + 1))


def test_folds_of_equal_studies_are_equal() -> None:
    fold_of = folds_by_study({f"{n:03d}": StudyCount(30, 10) for n in range(20)}, 5, 0)
    assert sorted(fold_of.values()) == sorted([1, 2, 3, 4, 5] * 4)


@pytest.mark.parametrize("seed", range(4))
def test_folds_of_a_hundred_studies_are_even_to_within_two_percent(seed: int) -> None:
    studies = random_studies(100, seed)
    fold_of = folds_by_study(studies, 5, seed)
    for fold in range(1, 6):
        of_fold = {study for study, number in fold_of.items() if number == fold}
        assert shares(studies, of_fold) == pytest.approx((20, 20), abs=2)


def test_studies_that_share_frames_are_in_one_fold() -> None:
    studies = {f"{n:03d}": StudyCount(30, 10) for n in range(10)}
    fold_of = folds_by_study(studies, 5, 0, [{"000", "009"}])
    assert fold_of["000"] == fold_of["009"]


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_that_the_studies_do_not_allow_are_refused(folds: int) -> None:
    studies = {name: StudyCount(10, 5) for name in "abc"}
    with pytest.raises(DatasetError, match=f"{folds} folds by study need as many studies .* there are 3"):
        folds_by_study(studies, folds, 0)


@pytest.mark.parametrize(("frames", "validating"), [(100, 20), (7, 1), (2, 1), (13, 3)])
def test_a_split_by_frame_takes_a_fifth_of_the_frames(frames: int, validating: int) -> None:
    chosen = split_by_frame(frames, 0.2, 0)
    assert len(chosen) == validating
    assert chosen <= set(range(frames))


def test_a_split_by_frame_leaves_a_frame_to_train_on() -> None:
    assert len(split_by_frame(3, 0.99, 0)) == 2


def test_a_split_by_frame_is_drawn_anew_by_each_seed() -> None:
    assert split_by_frame(100, 0.2, 0) == split_by_frame(100, 0.2, 0)
    assert split_by_frame(100, 0.2, 0) != split_by_frame(100, 0.2, 1)


def test_a_single_frame_cannot_be_split() -> None:
    with pytest.raises(DatasetError, match="two frames at least"):
        split_by_frame(1, 0.2, 0)


def test_the_published_hold_out_is_the_ten_studies_of_radialmamba() -> None:
    ten = ("008", "009", "017", "028", "029", "057", "072", "077", "086", "087")
    assert HOLDOUTS["radialmamba"] == ten
    if DATASET_FACTS.exists():
        assert f"({' '.join(ten)})" in DATASET_FACTS.read_text(encoding="utf-8")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 20.0, float("nan")])
def test_a_share_that_leaves_a_side_empty_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        SplitRule(share=share)


@pytest.mark.parametrize("rule", [{"folds": 5, "validation_fold": 6}, {"folds": 5, "by": "frame"}])
def test_folds_by_frame_and_a_fold_that_is_not_there_are_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="folds are by study"):
        SplitRule(**rule)  # type: ignore[arg-type]


def test_a_hold_out_of_studies_with_a_split_by_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match="by frame it would leak"):
        SplitRule(by="frame", holdout=("001",))
