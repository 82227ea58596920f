"""From a listing of frames to the finished dataset folder: process, compare, split, lay out, describe, put in place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from octseg import __version__
from octseg.cards import dataset as card
from octseg.classes import BY_NAME, CLASS_NAMES
from octseg.dataset.folder import column_types, palette_meaning, write_provenance, write_sums
from octseg.dataset.origin import Origin
from octseg.dataset.publishing import SHAREABLE_LICENCES
from octseg.errors import ConfigError, DatasetError
from octseg.export.files import told_in_one_sentence, write_file
from train.code_version import code_commit
from train.preparing import preview
from train.preparing.duplicates import across_studies
from train.preparing.layout import Placed, counts, known_sums, lay_out
from train.preparing.privacy import hidden_names, load_key, save_key
from train.preparing.processing import Processing
from train.preparing.sources import Item, Listing, Problem
from train.preparing.splits import StudyCount, folds_by_study, split_by_frame, split_by_study
from train.preparing.workshop import Made, Workshop, clear_left_over, workshop_of

FEW = 5  # files that may be left out of any run
FEW_PERCENT = 1.0  # of a large one
PROBLEMS_FILE = "problems.txt"
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


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that makes a dataset.

    source: what provenance.json says of where the frames came from; "files" is added where it lacks them.
    selection: sentences about frames that were passed over by choice. key: the key file, for private data alone.
    done: called after each frame.
    """

    out: Path
    listing: Listing
    origin: Origin
    source: Mapping[str, Any]
    processing: Processing
    split: SplitRule = SplitRule()
    selection: tuple[str, ...] = ()
    key: Path = Path("key.json")
    max_bad: int | None = None
    workers: int = 2
    done: Callable[[], object] = lambda: None

    @property
    def private(self) -> bool:
        """Whether nothing of it may be published."""
        return self.processing.private


def build(job: Job) -> dict[str, Any]:
    """Make the dataset folder and return its provenance.

    Raises DatasetError where it is there already, where too many files are bad, or where it cannot be split.
    """
    refuse_existing(job.out)
    with workshop_of(job.out) as workshop:
        listing = _hidden(job) if job.private else job.listing
        version = f"{__version__} {code_commit()}"
        made = workshop.make(listing.items, job.processing, version, job.workers, job.done)
        good = [one for one in made if one.reason is None]
        problems = [*listing.problems, *(Problem(one.item.image.path, one.reason) for one in made if one.reason)]
        _refuse_many(workshop, problems, len(made) + len(listing.problems), job.max_bad)
        if not good:
            raise DatasetError(f"no frame is left to make a dataset of: {_shown(problems)}")
        tied, duplicates = _duplicates(good)
        placed = _placed(good, _hidden_holdout(job), job.processing.target, tied)
        types = column_types(job.processing.classes, leaks=job.split.by == "frame", folds=job.split.folds is not None)
        folder = lay_out(workshop, placed, types)
        provenance = _provenance(job, placed, problems, duplicates)
        with told_in_one_sentence("the dataset"):
            write_provenance(folder, provenance)
            preview.write(folder, provenance)
            card.write_beside_pictures(folder, provenance)
            write_sums(folder, known_sums(placed))
            folder.rename(job.out)
    return provenance


def refuse_existing(out: Path) -> None:
    """DatasetError where something is at `out` already: a finished dataset is never overwritten."""
    clear_left_over(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out.name} is there already; remove it, or choose another --out")


def _hidden(job: Job) -> Listing:
    """The listing with every name of a patient, a series or a file replaced by its hash, noted in the key file."""
    key = load_key(job.key, job.out)
    names = hidden_names((item.name for item in job.listing.items), key)
    items = []
    for item in job.listing.items:
        image, mask = (replace(file, path=key.hashed("file", file.path)) for file in (item.image, item.mask))
        items.append(Item(names[item.name], image, mask))
    problems = tuple(Problem(key.hashed("file", each.file), each.reason) for each in job.listing.problems)
    save_key(job.key, key)
    return Listing(tuple(items), problems)


def _hidden_holdout(job: Job) -> SplitRule:
    if not job.private or not job.split.holdout:
        return job.split
    key = load_key(job.key, job.out)
    return replace(job.split, holdout=tuple(key.hashed("study", study) for study in job.split.holdout))


def _refuse_many(workshop: Workshop, problems: Sequence[Problem], files: int, max_bad: int | None) -> None:
    """DatasetError where more files are bad than a few; all of them are listed in the workshop."""
    allowed = max(FEW, int(files * FEW_PERCENT / 100)) if max_bad is None else max_bad
    if len(problems) <= allowed:
        return
    listed = "".join(f"{each.file}: {each.reason}\n" for each in problems)
    write_file(workshop.folder / PROBLEMS_FILE, listed.encode())
    raise DatasetError(
        f"{len(problems)} of {files} files are not right, more than the {allowed} allowed: {_shown(problems)}; "
        f"all stand in {workshop.folder.name}/{PROBLEMS_FILE}; mend them, or allow more with --max-bad"
    )


def _shown(problems: Sequence[Problem]) -> str:
    """The first few, with their reasons."""
    return "; ".join(f"{each.file}: {each.reason}" for each in problems[:3])


def _duplicates(made: Sequence[Made]) -> tuple[list[set[str]], list[dict[str, Any]]]:
    """Studies that share a frame, to be kept on one side, and the pairs for provenance."""
    found = across_studies(np.stack([one.descriptor for one in made]), [one.item.name.study for one in made])
    tied = [{made[pair.first].item.name.study, made[pair.second].item.name.study} for pair in found]
    told = [
        {
            "first": made[pair.first].item.name.stem,
            "second": made[pair.second].item.name.stem,
            "similarity": pair.similarity,
        }
        for pair in found
    ]
    return tied, told


def _placed(made: Sequence[Made], rule: SplitRule, target: str, tied: list[set[str]]) -> list[Placed]:
    """Each frame with its split."""
    studies = _study_counts(made, target)
    held = set(rule.holdout) & studies.keys()
    if rule.holdout and not held:
        raise DatasetError("none of the studies to hold out is among the frames")
    if rule.holdout_name is None and (absent := sorted(set(rule.holdout) - studies.keys())):
        raise DatasetError(f"there is no study {', '.join(absent)} to hold out")
    for together in tied:
        if together & held and together - held:
            raise DatasetError(
                f"the studies {', '.join(sorted(together))} share frames, and only some of them are held out; "
                "hold out all of them or none"
            )
    rest = {study: count for study, count in studies.items() if study not in held}
    if rule.by == "frame":
        chosen = split_by_frame(len(made), rule.share, rule.seed)
        return [
            Placed(one, "validation" if place in chosen else "train", {"split_leaks": True})
            for place, one in enumerate(made)
        ]
    if rule.by == "none":
        return [Placed(one, "test" if one.item.name.study in held else "train", {}) for one in made]
    if rule.folds is not None:
        fold_of = folds_by_study(rest, rule.folds, rule.seed, tied)
        validation = {study for study, fold in fold_of.items() if fold == rule.validation_fold}
        extra = {study: {"fold": fold} for study, fold in fold_of.items()} | {study: {"fold": 0} for study in held}
    else:
        validation, extra = split_by_study(rest, rule.share, rule.seed, tied), {}
    return [
        Placed(
            one,
            "test" if study in held else "validation" if study in validation else "train",
            extra.get(study, {}),
        )
        for one in made
        for study in (one.item.name.study,)
    ]


def _study_counts(made: Sequence[Made], target: str) -> dict[str, StudyCount]:
    studies: dict[str, StudyCount] = {}
    for one in made:
        before = studies.get(one.item.name.study, StudyCount(0, 0))
        positive = before.positive + (one.row[f"{target}_area_px"] > 0)
        studies[one.item.name.study] = StudyCount(before.frames + 1, positive)
    return studies


def _provenance(
    job: Job, placed: Sequence[Placed], problems: Sequence[Problem], duplicates: list[dict[str, Any]]
) -> dict[str, Any]:
    classes = job.processing.classes
    licence = job.origin.licence
    return {
        "format": 1,
        "private": job.private,
        "publishable": not job.private and licence in SHAREABLE_LICENCES,
        "licence": None if job.private else licence,
        "origin": asdict(job.origin),
        "source": {"files": _source_files(job, placed), **job.source},
        "classes": list(classes),
        "palette": palette_meaning(classes),
        "size": job.processing.size,
        "split": _split_told(job.split, placed),
        "counts": counts(placed, classes),
        "changes": changes(job, placed, len(problems)),
        "excluded": [asdict(each) for each in problems],
        "duplicates_across_studies": duplicates,
        "options": {
            "processing": _without_masks(job.processing),
            "split": _split_options(job),
            "workers_matter": False,
        },
        "seed": job.split.seed,
        "code": {"octseg": __version__, "commit": code_commit()},
    }


def _source_files(job: Job, placed: Sequence[Placed]) -> list[dict[str, str]]:
    """md5 of every file read; of private data none, for a sum tells a file to whoever has it."""
    if job.private or "files" in job.source:
        return []
    return [
        {"file": file.path, "md5": digest}
        for each in placed
        for file, digest in zip((each.made.item.image, each.made.item.mask), each.made.source_md5, strict=True)
    ]


def _without_masks(processing: Processing) -> dict[str, Any]:
    told = asdict(processing)
    told["masks"]["class_map"] = {str(value): name for value, name in processing.masks.class_map.items()}
    return told


def _split_options(job: Job) -> dict[str, Any]:
    told = asdict(job.split)
    if job.private:
        told["holdout"] = len(job.split.holdout)
    return told


def _split_told(rule: SplitRule, placed: Sequence[Placed]) -> dict[str, Any]:
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


def changes(job: Job, placed: Sequence[Placed], left_out: int) -> list[str]:
    """What was done to the material, as its licence asks to be told."""
    processing, rows = job.processing, [each.made.row for each in placed]
    labels = ", ".join(BY_NAME[name].label.lower() for name in processing.classes)
    side = processing.size
    told = [
        *job.selection,
        "all labels kept"
        if processing.classes == CLASS_NAMES
        else f"masks reduced to {labels}, all other labels removed",
        f"frames resampled to {side} x {side} by averaging over areas, masks by area and a threshold of one half",
        "frames and palette masks stored as PNG, metadata of the files dropped",
    ]
    if odd := sum(row["native_height"] != row["native_width"] for row in rows):
        told.append(f"{odd} frames that were not square filled up with black on both sides")
    if overlap := sum(row.get("overlap_px", 0) for row in rows):
        told.append(f"where classes overlapped ({overlap} pixels in all) the one of higher drawing priority kept")
    if job.private:
        told.append("names replaced by keyed hashes, everything outside the imaged disc blanked")
    if left_out:
        told.append(f"{left_out} files left out because they were damaged or could not be paired")
    told.append(
        "split " + {"study": "by study", "frame": "by frame at random (leaks)", "none": "not at all"}[job.split.by]
    )
    return told
