"""Make, check and show a dataset of OCT frames with expert masks.

    python -m train.prepare --source zenodo --out DIR              the public record 10.5281/zenodo.14478210
    python -m train.prepare --source folder --data PATH --out DIR  a fold downloaded by hand, or a lab's own frames
    python -m train.prepare --check DIR                            whether a dataset is what it says
    python -m train.prepare --preview DIR                          contact sheet and class areas, made anew
    python -m train.prepare --parquet DIR --out OUT                the dataset as the Hub shows it best

Stopped at any moment, the same command goes on where it was.
"""

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

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
from train.preparing.build import LEVELS_TOLD, Job, build, refuse_existing
from train.preparing.checking import faults
from train.preparing.masks import MaskRule
from train.preparing.names import RECORD_PATTERN, NameRule, by_pattern
from train.preparing.placing import LEAK_WARNING, SplitRule
from train.preparing.processing import Processing
from train.preparing.record_source import Found, RecordRequest, bring, default_cache, dry_run
from train.preparing.sources import Listing, chosen, files_of, paired
from train.preparing.splits import HOLDOUTS
from train.preparing.stored import in_two_folders
from train.preparing.tables import by_csv
from train.preparing.zenodo import ENDPOINT, Connection, Patience, Progress, md5_of

SHOWN_FAULTS = 20
Options = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    parser = _parser()
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
        cache=options.cache or default_cache(),
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
    lines += [f"  {each}" for each in provenance["changes"] if each.startswith(LEVELS_TOLD)]
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


def _studies(text: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise argparse.ArgumentTypeError("name at least one study, as 001,003")
    return found


def _named(text: str) -> Path:
    """A path with a name of its own: `.` as that of the folder that it means."""
    return Path(text) if Path(text).name else Path(text).resolve()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m train.prepare", description=__doc__, formatter_class=kept)
    parser.add_argument("--out", type=_named, metavar="DIR", help="the folder that the dataset becomes")
    _add_commands(parser)
    _add_record(parser)
    _add_folder(parser)
    _add_processing(parser)
    return parser


def _add_commands(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to do")
    group.add_argument("--source", choices=("zenodo", "folder"))
    group.add_argument("--check", type=Path, metavar="DIR", help="verify a dataset")
    group.add_argument("--preview", type=Path, metavar="DIR", help="make the pictures of a dataset anew")
    group.add_argument("--parquet", type=Path, metavar="DIR", help="write a dataset as Parquet to --out")


def _add_record(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the Zenodo record")
    group.add_argument("--record-fold", type=int, default=1, choices=range(1, 6), help="any one holds all frames")
    group.add_argument("--whole-file", action="store_true", help="fetch the whole ZIP, not only frames and masks")
    group.add_argument("--dry-run", action="store_true", help="say how much would be fetched")
    group.add_argument("--cache", type=Path, metavar="DIR", help="where downloads lie (~/.cache/octseg)")
    group.add_argument("--connections", type=_positive, default=4, help="requests at a time")
    group.add_argument("--endpoint", default=os.environ.get("ZENODO_ENDPOINT", ENDPOINT), help="the server's API")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a folder or a ZIP file")
    group.add_argument(
        "--data", type=Path, metavar="PATH", help="holds img/ and mask/ (or images/, masks/), at any depth"
    )
    group.add_argument("--images", type=Path, metavar="DIR", help="frames, where they lie elsewhere than the masks")
    group.add_argument("--masks", type=Path, metavar="DIR")
    group.add_argument("--name-pattern", default=RECORD_PATTERN, help="regular expression with (?P<study>...)")
    group.add_argument("--study-csv", type=Path, metavar="FILE", help="columns file,study[,series,frame]")
    group.add_argument("--class-map", metavar="1=lumen,3=lipid_core", help="what the values of palette masks mean")
    group.add_argument("--binary-class", default="lipid_core", help="what masks of two values outline")
    group.add_argument("--private", action="store_true", help="a lab's own: hash names, never publish")
    group.add_argument(
        "--key", type=Path, metavar="FILE", help="of the hashed names (DIR.key.json, beside the dataset)"
    )
    group.add_argument("--license", metavar="ID", help="as the Hub names it, e.g. cc-by-4.0")
    group.add_argument(
        "--yes-no-personal-data",
        action="store_true",
        help="with --license: I have looked at the names of studies and files, and none tells who a patient is",
    )
    group.add_argument("--doi", help="of the material; 10.5281/zenodo.14478210 is known")
    group.add_argument("--title", help="of the material")
    group.add_argument("--creators", help="of the material, as they wish to be named")
    group.add_argument(
        "--earlier-changes", help="made to the material before, where its licence asks to keep that notice"
    )


def _add_processing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is made of it")
    group.add_argument("--classes", default="lipid_core", help="all, or some of " + ",".join(CLASS_NAMES))
    group.add_argument("--size", type=int, default=512, help="side of frames and masks in pixels")
    group.add_argument("--studies", type=_studies, help="only these, as 001,003")
    group.add_argument("--max-frames-per-study", type=_positive, metavar="N", help="a small taste, spread evenly")
    group.add_argument("--split", choices=("study", "frame", "none"), default="study", help="frame leaks")
    group.add_argument("--validation-share", type=float, default=0.2)
    group.add_argument("--folds", type=_positive, metavar="K", help="K folds by study instead of one split")
    group.add_argument("--validation-fold", type=_positive, default=1)
    group.add_argument("--holdout", help="studies for a test part, as 008,009, or radialmamba for its ten")
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--max-bad", type=int, metavar="N", help="files that may be left out (5, or 1 percent)")
    group.add_argument("--negatives-only", action="store_true", help="it is meant that no frame bears the class")
    group.add_argument("--workers", type=_positive, default=os.cpu_count() or 2)


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.prepare", "run the same command again to go on"))
