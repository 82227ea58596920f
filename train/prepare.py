"""Make, check and show a dataset of OCT frames with expert masks.

    python -m train.prepare --source zenodo --out DIR              the public record 10.5281/zenodo.14478210
    python -m train.prepare --source folder --data PATH --out DIR  a fold downloaded by hand, or a lab's own frames
    python -m train.prepare --check DIR                            whether a dataset is what it says
    python -m train.prepare --preview DIR                          contact sheet and class areas, made anew
    python -m train.prepare --parquet DIR --out OUT                the dataset as the Hub shows it best

Stopped at any moment, the same command goes on where it was.
"""

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from octseg.caches import cache_folder
from octseg.cards.dataset import write as write_card
from octseg.classes import CLASS_NAMES, parse_class_map
from octseg.commands.stopping import until_stopped
from octseg.dataset import parquet
from octseg.dataset.folder import HISTOGRAM_FILE, SHEET_FILE
from octseg.dataset.origin import ZENODO_FOLDS, ZENODO_RECORD, Origin
from octseg.dataset.publishing import NAMES_AGREED, SHAREABLE_LICENCES, read_provenance
from octseg.errors import ConfigError, DatasetError, OctsegError
from train.preparing import preview
from train.preparing.asking import require_nobody_named
from train.preparing.beside import by_tables_beside
from train.preparing.build import COLOURS_TOLD, LEVELS_TOLD, Job, build, refuse_existing
from train.preparing.checking import faults
from train.preparing.flags import parser_of
from train.preparing.masks import MaskRule
from train.preparing.names import RECORD_PATTERN, NameRule, by_pattern
from train.preparing.placing import LEAK_WARNING, SplitRule
from train.preparing.processing import Processing
from train.preparing.record_source import Found, RecordRequest, bring, dry_run
from train.preparing.sources import Listing, chosen, files_of, paired
from train.preparing.splits import HOLDOUTS
from train.preparing.stored import in_two_folders
from train.preparing.tables import by_csv
from train.preparing.zenodo import Connection, Patience, Progress, md5_of

SHOWN_FAULTS = 20
Options = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    parser = parser_of(__doc__)
    options = parser.parse_args(argv)
    command = _command(options, parser)
    try:
        return command(options)
    except OctsegError as error:
        print(f"train.prepare: {error}", file=sys.stderr)
        return 1


def _command(options: Options, parser: argparse.ArgumentParser) -> Callable[[Options], int]:
    """What is to be done; a wrong set of flags ends the program with status 2."""
    if options.check:
        return check
    if options.preview:
        return show
    if options.out is None and not options.dry_run:
        parser.error("--out DIR is needed: the folder that the dataset becomes")
    if options.parquet:
        return to_parquet
    for wrong, advice in _contradictions(options):
        if wrong:
            parser.error(advice)
    return make


def _contradictions(options: Options) -> Iterator[tuple[bool, str]]:
    """Sets of flags that make no sense together, and what to say then."""
    from_record, from_folder = options.source == "zenodo", options.source == "folder"
    two = bool(options.images), bool(options.masks)
    yield not options.source, "say where frames come from: --source zenodo or --source folder"
    yield (
        from_record and bool(options.private or options.data or any(two)),
        "--source zenodo fetches public data; --private, --data, --images and --masks go with --source folder",
    )
    yield two[0] != two[1], "--images and --masks go together"
    yield from_folder and bool(options.data) == all(two), "--source folder needs --data PATH, or --images and --masks"
    yield options.private and bool(options.license), "--private data is never published, so it takes no --license"
    yield (
        from_folder and options.dry_run,
        "--dry-run says how much would be fetched, and --source folder fetches nothing",
    )


def make(options: Options) -> int:
    """Make a dataset."""
    processing = _processing(options)
    split = _split(options)
    if options.dry_run:
        print(dry_run(_request(options), Connection(Patience())))
        return 0
    refuse_existing(options.out)
    found = _from_record(options) if options.source == "zenodo" else _from_folder(options)
    with tqdm(total=len(found.listing.items), desc="frames", unit="frame", disable=None) as bar:
        provenance = build(
            Job(
                out=options.out,
                listing=found.listing,
                origin=found.origin,
                source=found.source,
                processing=processing,
                split=split,
                selection=_selection(options),
                key=options.key or options.out.with_name(f"{options.out.name}.key.json"),
                max_bad=options.max_bad,
                negatives_only=options.negatives_only,
                layers_as_meant=options.layers_as_meant,
                lying_as_meant=options.lying_as_meant,
                workers=options.workers,
                done=bar.update,
            )
        )
    print(_summary(options.out, provenance))
    return 0


def check(options: Options) -> int:
    """Say whether a dataset is what it says; 1 where it is not."""
    provenance = read_provenance(options.check)
    found = faults(options.check, _bar("frames"))
    for fault in found[:SHOWN_FAULTS]:
        print(f"train.prepare: {fault}", file=sys.stderr)
    if len(found) > SHOWN_FAULTS:
        print(f"train.prepare: and {len(found) - SHOWN_FAULTS} more", file=sys.stderr)
    if not found:
        print(f"{options.check.name} is as it was made\n{_summary(options.check, provenance)}")
    return 1 if found else 0


def show(options: Options) -> int:
    """Make the pictures of a dataset anew."""
    preview.renew(options.preview)
    print(f"{options.preview / SHEET_FILE}\n{options.preview / HISTOGRAM_FILE}")
    return 0


def to_parquet(options: Options) -> int:
    """Write a dataset as Parquet."""
    parquet.export(options.parquet, options.out, write_card, _bar("rows"))
    print(options.out)
    return 0


def _from_record(options: Options) -> Found:
    return bring(_request(options), Connection(Patience()), _bytes_bar)


def _request(options: Options) -> RecordRequest:
    return RecordRequest(
        fold=options.record_fold,
        whole_file=options.whole_file,
        cache=options.cache or cache_folder(),
        studies=options.studies,
        per_study=options.max_frames_per_study,
        connections=options.connections,
        endpoint=options.endpoint,
    )


def _from_folder(options: Options) -> Found:
    """The frames of a folder or a ZIP file, and what is known of where they come from."""
    _refuse_out_inside(options)
    archive = options.data if options.data and options.data.is_file() else None
    files = files_of(options.data) if options.data else in_two_folders(options.images, options.masks)
    listing = paired(files, _name_rule(options, [file.path for file in files]), private=options.private)
    kept = chosen(
        (item.name for item in listing.items), options.studies, options.max_frames_per_study, private=options.private
    )
    listing = Listing(tuple(item for item in listing.items if item.name in kept), listing.problems)
    source: dict[str, Any] = {"kind": "folder"}
    origin = _origin(options)
    publishable = not options.private and options.license in SHAREABLE_LICENCES
    if publishable and require_nobody_named(listing, archive and archive.name, agreed=options.yes_no_personal_data):
        source[NAMES_AGREED] = True
    if archive and not options.private:
        digest = md5_of(archive)
        known = ZENODO_FOLDS.get(digest)
        source["files"] = [
            {
                "file": known or archive.name,
                "bytes": archive.stat().st_size,
                "md5": digest,
                "verified": "md5 of the whole file" if known else "CRC-32 of each member read",
            }
        ]
        origin = ZENODO_RECORD if known else origin
    return Found(listing, origin, source)


def _refuse_out_inside(options: Options) -> None:
    """DatasetError where the dataset would lie in what the next run reads."""
    for folder in (options.data, options.images, options.masks):
        if folder is not None and folder.resolve() in options.out.resolve().parents:
            raise DatasetError(
                f"--out lies inside {folder.name}, which the next run would read; choose a folder beside it"
            )


def _origin(options: Options) -> Origin:
    if options.doi and options.doi.removeprefix("https://doi.org/") == ZENODO_RECORD.doi:
        return ZENODO_RECORD
    return Origin(
        title=options.title or "Frames of a lab's own",
        creators=options.creators or "",
        doi=options.doi.removeprefix("https://doi.org/") if options.doi else None,
        licence=options.license,
        earlier_changes=options.earlier_changes or "",
    )


def _name_rule(options: Options, files: Collection[str]) -> NameRule:
    if options.study_csv:
        return by_csv(options.study_csv, files, (options.data or options.images).resolve(), private=options.private)
    is_told = options.data is None or options.name_pattern != RECORD_PATTERN
    beside = None if is_told else by_tables_beside(options.data, files, private=options.private)
    return beside or by_pattern(options.name_pattern)


def _processing(options: Options) -> Processing:
    named = CLASS_NAMES if options.classes == "all" else tuple(name.strip() for name in options.classes.split(","))
    if unknown := sorted(set(named) - set(CLASS_NAMES)):
        raise ConfigError(f"there is no class {', '.join(unknown)}; the classes are {', '.join(CLASS_NAMES)}, or all")
    return Processing(
        classes=tuple(name for name in CLASS_NAMES if name in named),
        size=options.size,
        masks=MaskRule(
            record=options.source == "zenodo" or _origin(options) == ZENODO_RECORD,
            class_map=parse_class_map(options.class_map) if options.class_map else {},
            binary_class=options.binary_class,
        ),
        private=options.private,
    )


def _split(options: Options) -> SplitRule:
    named = options.holdout if options.holdout in HOLDOUTS else None
    listed = HOLDOUTS[named] if named else tuple((options.holdout or "").replace(" ", "").split(","))
    return SplitRule(
        by=options.split,
        share=options.validation_share,
        seed=options.seed,
        folds=options.folds,
        validation_fold=options.validation_fold,
        holdout=tuple(study for study in listed if study),
        holdout_name=named,
    )


def _selection(options: Options) -> tuple[str, ...]:
    told = []
    if options.studies is not None:
        told.append(
            "only some studies taken"
            if options.private
            else f"only the studies {', '.join(sorted(options.studies))} taken"
        )
    if options.max_frames_per_study is not None:
        told.append(f"at most {options.max_frames_per_study} frames of each study taken, spread evenly")
    return tuple(told)


def _summary(out: Path, provenance: dict[str, Any]) -> str:
    """The dataset in a few lines."""
    lines = [str(out)]
    for split, of_split in provenance["counts"].items():
        with_class = ", ".join(
            f"{count} with {name.replace('_', ' ')}" for name, count in of_split["frames_with"].items()
        )
        lines.append(f"  {split}: {of_split['frames']} frames of {of_split['studies']} studies, {with_class}")
    if not any(of_split["frames_with"].get("lipid_core", 1) for of_split in provenance["counts"].values()):
        lines.append("  no frame bears lipid core: python -m train takes such a dataset with --negatives-only alone")
    lines += [f"  {each}" for each in provenance["changes"] if each.startswith((LEVELS_TOLD, COLOURS_TOLD))]
    lines += [f"  {each}" for each in provenance.get("remarks", ())]  # older datasets have none
    if left_out := provenance["excluded"]:
        lines.append(f"  left out: {len(left_out)} files")
        lines += [f"    {each['file']}: {each['reason']}" for each in left_out[:5]]
    if pairs := provenance["duplicates_across_studies"]:
        lines.append(f"  {len(pairs)} pairs of frames of different studies show the same")
    if provenance["split"]["leaks"]:
        lines.append(f"  {LEAK_WARNING}")
    if provenance["private"]:
        lines.append("  private: no publishing command takes it")
    elif not provenance["publishable"]:
        lines.append("  not publishable: no licence that allows it was named (--license)")
    return "\n".join(lines)


@contextmanager
def _bytes_bar(what: str, total: int) -> Iterator[Progress]:
    with tqdm(total=total, desc=what, unit="B", unit_scale=True, disable=None) as bar:
        yield bar.update


def _bar(what: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    return lambda things: tqdm(things, desc=what, disable=None, leave=False)


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.prepare", "run the same command again to go on"))
