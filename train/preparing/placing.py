"""Which of the frames that were made are for training, which for validation, which are held out as test."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from octseg.errors import ConfigError, DatasetError
from train.preparing.layout import Placed
from train.preparing.splits import StudyCount, folds_by_study, split_by_frame, split_by_study
from train.preparing.workshop import Made

LEAK_WARNING = (
    "LEAKING SPLIT: frames were drawn at random, so near-copies of training frames, and the same patients, are in "
    "validation. Figures on it say nothing about unseen patients."
)


@dataclass(frozen=True, kw_only=True)
class SplitRule:
    """Which frames are for training, which for validation, which are held out as test.

    folds: number of folds by study, of which `validation_fold` validates; None for one split of `share`.
    holdout: studies for the test part; those of a named list that are not there are passed over.
    """

    by: Literal["study", "frame", "none"] = "study"
    share: float = 0.2
    seed: int = 0
    folds: int | None = None
    validation_fold: int = 1
    holdout: tuple[str, ...] = ()
    holdout_name: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ConfigError(f"the validation share must lie between 0 and 1, not {self.share}")
        if self.seed < 0:
            raise ConfigError(f"the seed must be 0 or more, not {self.seed}")
        if self.folds is not None and (self.by != "study" or not 1 <= self.validation_fold <= self.folds):
            raise ConfigError("folds are by study, and the validation fold is one of them")
        if self.by == "frame" and self.holdout:
            raise ConfigError("a hold-out of studies goes with a split by study; by frame it would leak")


def place(made: Sequence[Made], rule: SplitRule, target: str, tied: Sequence[set[str]]) -> list[Placed]:
    """Each frame with its split.

    target: the class whose frames are shared out evenly. tied: studies that share frames and stay on one side.

    Raises DatasetError where studies to hold out are not there or are tied to others, or where there are too few.
    """
    studies = _study_counts(made, target)
    held = _held_out(rule, studies.keys(), tied)
    if rule.by == "frame":
        validating = split_by_frame(len(made), rule.share, rule.seed)
        return [
            Placed(one, "validation" if number in validating else "train", {"split_leaks": True})
            for number, one in enumerate(made)
        ]
    validation, extra = _by_study({study: studies[study] for study in studies if study not in held}, rule, tied)
    split_of = dict.fromkeys(studies, "train") | dict.fromkeys(validation, "validation") | dict.fromkeys(held, "test")
    if rule.folds is not None:
        extra |= {study: {"fold": 0} for study in held}
    return [Placed(one, split_of[one.item.name.study], extra.get(one.item.name.study, {})) for one in made]


def _held_out(rule: SplitRule, studies: Collection[str], tied: Sequence[set[str]]) -> set[str]:
    """Those of the rule's studies to hold out that are there; DatasetError where that cannot be done as it says."""
    held = set(rule.holdout) & set(studies)
    if rule.holdout and not held:
        raise DatasetError("none of the studies to hold out is among the frames")
    if rule.holdout_name is None and (absent := sorted(set(rule.holdout) - held)):
        raise DatasetError(f"there is no study {', '.join(absent)} to hold out")
    for together in tied:
        if together & held and together - held:
            raise DatasetError(
                f"the studies {', '.join(sorted(together))} share frames, and only some of them are held out; "
                "hold out all of them or none"
            )
    return held


def _by_study(
    studies: Mapping[str, StudyCount], rule: SplitRule, tied: Sequence[set[str]]
) -> tuple[set[str], dict[str, dict[str, int]]]:
    """The studies that validate, and what the metadata of a study's frames say beside."""
    if rule.by == "none":
        return set(), {}
    if rule.folds is None:
        return split_by_study(studies, rule.share, rule.seed, tied), {}
    fold_of = folds_by_study(studies, rule.folds, rule.seed, tied)
    validation = {study for study, fold in fold_of.items() if fold == rule.validation_fold}
    return validation, {study: {"fold": fold} for study, fold in fold_of.items()}


def _study_counts(made: Sequence[Made], target: str) -> dict[str, StudyCount]:
    studies: dict[str, StudyCount] = {}
    for one in made:
        before = studies.get(one.item.name.study, StudyCount(0, 0))
        positive = before.positive + (one.row[f"{target}_area_px"] > 0)
        studies[one.item.name.study] = StudyCount(before.frames + 1, positive)
    return studies


def told_of(rule: SplitRule, placed: Sequence[Placed]) -> dict[str, Any]:
    """The rule in words and the studies of each part."""
    words = {
        "study": "by study (patient): no study is on two sides",
        "frame": LEAK_WARNING,
        "none": "all frames are for training",
    }[rule.by]
    studies: dict[str, set[str]] = {}
    for each in placed:
        studies.setdefault(each.split, set()).add(each.made.item.name.study)
    return {
        "rule": rule.by,
        "leaks": rule.by == "frame",
        "description": words,
        "validation_share": rule.share if rule.folds is None else None,
        "folds": rule.folds,
        "validation_fold": rule.validation_fold if rule.folds is not None else None,
        "holdout": rule.holdout_name or ("listed" if rule.holdout else None),
        "seed": rule.seed,
        "studies": {split: sorted(studies[split]) for split in sorted(studies)},
    }
