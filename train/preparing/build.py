"""From a listing of frames to the finished dataset folder: process, compare, split, lay out, describe, put in place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from octseg import __version__
from octseg.cards import dataset as card
from octseg.classes import BY_NAME, CLASS_NAMES, PALETTE_INDEX
from octseg.dataset.folder import column_types, palette_meaning, write_provenance, write_sums
from octseg.dataset.origin import Origin
from octseg.dataset.publishing import SHAREABLE_LICENCES
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.reading.survey import Stored, survey
from train.code_version import code_commit
from train.preparing import preview
from train.preparing.duplicates import across_studies
from train.preparing.layers import LAYERS, refuse_other_layer
from train.preparing.layout import Placed, counts, known_sums, lay_out
from train.preparing.lying import LEAST_SIDE_PX, refuse_turned
from train.preparing.placing import SplitRule, place, told_of
from train.preparing.privacy import hidden_names, load_key, save_key
from train.preparing.processing import Processing
from train.preparing.remarks import PUT_BACK, contradicting, sentences
from train.preparing.sources import Item, Listing, Problem
from train.preparing.survey import surveyed
from train.preparing.workshop import Made, Workshop, clear_left_over, workshop_of

LEVELS_TOLD = "levels of more than 8 bits made 8: black to white are "
COLOURS_TOLD = "red, green and blue, which were exchanged, put back in "
FEW = 5  # files that may be left out of any run
FEW_PERCENT = 1.0  # of a large one
PROBLEMS_FILE = "problems.txt"


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that makes a dataset.

    source: what provenance.json says of where the frames came from; "files" is added where it lacks them.
    selection: sentences about frames that were passed over by choice. key: the key file, for private data alone.
    negatives_only: whether it is meant that no frame bears the class. layers_as_meant: whether masks of one layer that
        look like another's are right. lying_as_meant: the same of masks that seem to lie otherwise than their frames.
    done: called after each frame.
    """

    out: Path
    listing: Listing
    origin: Origin
    source: Mapping[str, Any]
    processing: Processing
    split: SplitRule
    selection: tuple[str, ...] = ()
    key: Path = Path("key.json")
    max_bad: int | None = None
    negatives_only: bool = False
    layers_as_meant: bool = False
    lying_as_meant: bool = False
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
        images = (Stored(item.image.head, item.image.read) for item in job.listing.items)
        job = replace(job, processing=replace(job.processing, levels=survey(images)))
        listing = _hidden(job) if job.private else job.listing
        job = replace(job, processing=_surveyed(job, listing))
        version = f"{__version__} {code_commit()}"
        made = workshop.make(listing.items, job.processing, version, job.workers, job.done)
        good = [one for one in made if one.reason is None]
        problems = [*listing.problems, *(Problem(one.item.image.path, one.reason) for one in made if one.reason)]
        _refuse_many(workshop, problems, len(made) + len(listing.problems), job.max_bad)
        if not good:
            raise DatasetError(f"no frame is left to make a dataset of: {_shown(problems)}")
        if problems and not job.negatives_only:
            _refuse_negatives(good, problems, job.processing.target)
        if not job.layers_as_meant:
            refuse_other_layer([one.layer for one in good])
        remarks = [] if job.lying_as_meant else _refuse_turned(workshop, good, job.processing)
        remarks += sentences([(one.item.name.stem, one.remarks) for one in good]) + contradicting(good)
        tied, duplicates = _duplicates(good)
        placed = place(good, _hidden_holdout(job), job.processing.target, tied)
        types = column_types(job.processing.classes, leaks=job.split.by == "frame", folds=job.split.folds is not None)
        folder = lay_out(workshop, placed, types)
        provenance = _provenance(job, placed, problems, duplicates, remarks)
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


def _surveyed(job: Job, listing: Listing) -> Processing:
    """The processing with what all masks together tell of what their values mean."""
    processing = job.processing
    masks = surveyed(listing.items, processing.masks, job.workers, may_be_empty=job.negatives_only)
    return replace(processing, masks=masks)


def _refuse_negatives(good: Sequence[Made], problems: Sequence[Problem], target: str) -> None:
    """DatasetError where frames were left out and none that is left bears the class: a network would never find it."""
    if not any(one.row[f"{target}_area_px"] > 0 for one in good):
        raise DatasetError(
            f"none of the {len(good)} frames that are left bears {BY_NAME[target].label.lower()}, and {len(problems)} "
            f"files were left out ({_shown(problems)}); mend these, or say --negatives-only if that is meant"
        )


def _refuse_turned(workshop: Workshop, good: Sequence[Made], processing: Processing) -> list[str]:
    """DatasetError where masks that outline one layer alone lie otherwise than their frames; sentences where nowhere.

    Those that outline the lumen, too, were held against the frame's own edges.
    """
    if processing.size < LEAST_SIDE_PX:
        return []
    alone = [
        (one.layer["name"], workshop.paths(one.item.name)[:2])
        for one in good
        if one.layer is not None and not one.layer["has_lumen"]
    ]
    told = [
        refuse_turned([pair for layer, pair in alone if layer == name], PALETTE_INDEX[name])
        for name in LAYERS
        if name in processing.classes
    ]
    return [each for each in told if each is not None]


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


def _provenance(
    job: Job,
    placed: Sequence[Placed],
    problems: Sequence[Problem],
    duplicates: list[dict[str, Any]],
    remarks: list[str],
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
        "split": told_of(job.split, placed),
        "counts": counts(placed, classes),
        "changes": changes(job, placed, len(problems)),
        "excluded": [asdict(each) for each in problems],
        "duplicates_across_studies": duplicates,
        "remarks": remarks,
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
    if exchanged := sum(PUT_BACK in each.made.remarks for each in placed):
        told.append(f"{COLOURS_TOLD}{exchanged} of the frames")
    if overlap := sum(row.get("overlap_px", 0) for row in rows):
        told.append(f"where classes overlapped ({overlap} pixels in all) the one of higher drawing priority kept")
    told += [
        f"{LEVELS_TOLD}{scale.rule.low:.6g} to {scale.rule.high:.6g} in the files, one rule for all that are alike"
        for scale in processing.levels.scales
    ]
    if job.private:
        told.append("names replaced by keyed hashes, everything outside the imaged disc blanked")
    if left_out:
        told.append(f"{left_out} files left out because they were damaged or could not be paired")
    told.append(
        "split " + {"study": "by study", "frame": "by frame at random (leaks)", "none": "not at all"}[job.split.by]
    )
    return told
