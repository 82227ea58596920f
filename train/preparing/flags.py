"""The flags of `python -m train.prepare`."""

import argparse
import os
from pathlib import Path

from octseg.classes import CLASS_NAMES
from octseg.commands.counts import from_0, from_1
from octseg.dataset.publishing import as_the_hub_names_it
from train.preparing.names import RECORD_PATTERN
from train.preparing.zenodo import ENDPOINT


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """What reads the command line; its help begins with the description."""
    kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m train.prepare", description=description, formatter_class=kept)
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
    group.add_argument("--connections", type=from_1, default=4, help="requests at a time")
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
    group.add_argument(
        "--license", type=as_the_hub_names_it, metavar="ID", help="as the Hub or SPDX names it, e.g. cc-by-4.0"
    )
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
    group.add_argument("--max-frames-per-study", type=from_1, metavar="N", help="a small taste, spread evenly")
    group.add_argument("--split", choices=("study", "frame", "none"), default="study", help="frame leaks")
    group.add_argument("--validation-share", type=float, default=0.2)
    group.add_argument("--folds", type=from_1, metavar="K", help="K folds by study instead of one split")
    group.add_argument("--validation-fold", type=from_1, default=1)
    group.add_argument("--holdout", help="studies for a test part, as 008,009, or radialmamba for its ten")
    group.add_argument("--seed", type=from_0, default=0)
    group.add_argument("--max-bad", type=from_0, metavar="N", help="files that may be left out (5, or 1 percent)")
    group.add_argument("--negatives-only", action="store_true", help="it is meant that no frame bears the class")
    group.add_argument(
        "--layers-as-meant",
        action="store_true",
        help="it is meant that masks of one class show a layer such as another class has",
    )
    group.add_argument(
        "--lying-as-meant", action="store_true", help="it is meant that masks lie as they do, turned as that may seem"
    )
    group.add_argument("--workers", type=from_1, default=os.cpu_count() or 2)


def _studies(text: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise argparse.ArgumentTypeError("name at least one study, as 001,003")
    return found


def _named(text: str) -> Path:
    """A path with a name of its own: `.` as that of the folder that it means."""
    return Path(text) if Path(text).name else Path(text).resolve()
