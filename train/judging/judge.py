"""A model judged on a set of frames: which sets there are, which it may not be judged on, and every frame scored."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tqdm import tqdm

from octseg.errors import DatasetError
from octseg.phantom import other_optics, random_spec, render
from octseg.reading.names import listed
from octseg.segmenter import Segmenter
from train.dataset import PHANTOM_STUDY, Case, Data, phantom_case
from train.judging.scores import SetScore
from train.judging.worst import WorstFrames

CHOSEN_ON = "were chosen on"
CHOSEN = {"weights": "validation", "thresholds": "thresholds"}  # what of a model -> where `training` tells on what
FIRST_PHANTOM_SEED, FIRST_OTHER_SEED = 900_000, 950_000  # training draws from 100,000 up, calibration from 800,000


def phantom_cases(count: int) -> Iterator[Case]:
    """Phantoms of seeds that no training draws."""
    return map(phantom_case, range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count))


def other_optics_case(seed: int) -> Case:
    """One phantom through optics that no training saw (octseg/phantom/other_optics.py), with its exact truth."""
    phantom = render(other_optics(random_spec(seed), seed))
    return Case(f"other_optics_{seed}", PHANTOM_STUDY, phantom.frame, phantom.masks, phantom.pixel_spacing_mm)


def other_optics_cases(count: int) -> Iterator[Case]:
    """Phantoms of other optics, of seeds that no training and no calibration draws."""
    return map(other_optics_case, range(FIRST_OTHER_SEED, FIRST_OTHER_SEED + count))


def refuse_seen(training: Mapping[str, Any], data: Data) -> None:
    """DatasetError where a model of that `training` (config.json) saw a study of `data`: figures would say nothing.

    Datasets are the same by their title or by their DOI, studies by their names, however these are written.
    """
    for known in training.get("datasets", ()):
        if _is_same(known, data.told) and (both := _of_one_name(known.get("studies", ()), data.studies)):
            raise DatasetError(
                f"the model was trained on the studies {', '.join(sorted(both))}; measure it on others, or the figures "
                "say nothing of unseen patients"
            )


def maybe_seen(training: Mapping[str, Any], data: Data) -> list[str]:
    """What is said where studies of `data` are named as those of another dataset that a model was trained on."""
    return [
        f"the model was trained on studies of {known.get('name')} that are named as these are "
        f"({listed(sorted(both))}): if they are the same patients, the figures say nothing of unseen ones"
        for known in training.get("datasets", ())
        if not _is_same(known, data.told) and (both := _of_one_name(known.get("studies", ()), data.studies))
    ]


def _is_same(known: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    return known.get("name") == told.get("name") or (known.get("doi") is not None and known["doi"] == told.get("doi"))


def _of_one_name(known: Iterable[str], studies: Iterable[str]) -> set[str]:
    """Those of `studies` that are among the known ones, whatever their case and the zeros before their numbers."""
    trained = {_plain(study) for study in known}
    return {study for study in studies if _plain(study) in trained}


def _plain(study: str) -> str:
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", study.casefold())


def told_of(data: Data) -> dict[str, Any]:
    """What config.json says of frames that something of a model was chosen on: figures on them are known by it."""
    told = {key: data.told.get(key) for key in ("name", "doi", "used")}
    return told | {"studies": sorted(set(data.studies)), "private": data.told.get("private") is not False}


def chosen_on(training: Mapping[str, Any], data: Data) -> dict[str, set[str]]:
    """What of a model of that `training` (config.json) was chosen on studies of `data`, and on which."""
    known = {what: training.get(key) or {} for what, key in CHOSEN.items()}
    of_data = {what: told for what, told in known.items() if told.get("studies") and _is_same(told, data.told)}
    studies = {what: _of_one_name(told["studies"], data.studies) for what, told in of_data.items()}
    return {what: both for what, both in studies.items() if both}


def flattering(training: Mapping[str, Any], data: Data) -> list[str]:
    """What is said, before they are measured, of frames that figures may flatter on."""
    return maybe_seen(training, data) + [
        f"the model's {what} {CHOSEN_ON} the studies {listed(sorted(studies))}, so that the figures flatter; they are "
        "called so"
        for what, studies in chosen_on(training, data).items()
    ]


def kind_of(data: Data, training: Mapping[str, Any]) -> str:
    """What figures on these frames of a model of that `training` (config.json) are called."""
    leaking = "frames of a leaking split"
    if chosen := chosen_on(training, data):
        return f"{leaking if data.warnings else 'frames'} that {' and '.join(chosen)} {CHOSEN_ON}"
    return leaking if data.warnings else "unseen patients"


def name_of(data: Data, training: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]]) -> str:
    """What figures on `data` are held under, so that they take the place of none on frames of another kind or dataset.

    before: name of each set of the same weights that is held already -> its figures.
    """
    kind = kind_of(data, training) + ("" if data.told.get("private") is False else ", private")
    if kind in before and _is_other(before[kind], data):
        return f"{kind} of {_in_a_cell(data.told['name'])}"
    return kind


def _is_other(held: Mapping[str, Any], data: Data) -> bool:
    """Whether figures are of another dataset; those that do not name theirs, where no study of them is in `data`."""
    if held.get("data") is not None:
        return bool(held["data"] != data.told.get("name"))
    return not _of_one_name(held.get("studies", ()), data.studies)


def _in_a_cell(name: str) -> str:
    """A dataset's name without what is markup in the cell of a table."""
    return " ".join(re.sub(r"[|<>`\[\]*]", " ", name).split())


def score(
    segmenter: Segmenter, cases: Iterable[Case], *, uncertainty: bool = False, worst: WorstFrames | None = None
) -> SetScore:
    """Every case segmented, scored and shown to `worst`; the dataset's scale is used where it knows one."""
    scores = SetScore()
    for case in cases:
        result = segmenter.segment(case.frame, case.pixel_spacing_mm, uncertainty=uncertainty)
        scores.add(result, case)
        if worst is not None:
            worst.show(result, case, scores.frames[-1])
    return scores


def evaluate(segmenter: Segmenter, cases: Iterable[Case], *, uncertainty: bool = False) -> dict[str, Any]:
    """All figures of merit of one set of frames, as metrics.json holds them."""
    return score(segmenter, cases, uncertainty=uncertainty).summary()


def shown(data: Data, what: str | None = None) -> Iterable[Case]:
    """The cases, with a progress bar that says what they are gone through for."""
    return tqdm(data.cases(), total=len(data.studies), desc=what, disable=None)  # type: ignore[no-any-return]
