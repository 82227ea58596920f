"""What several commands' flags take, as argparse's types, and flags that several have."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from octseg.commands.counts import as_given, finite
from octseg.errors import OctsegError
from octseg.export.kinds import NAMES, parsed


def length_mm(text: str) -> float:
    """A flag's length in mm."""
    value = finite(text)
    if value is None or value <= 0:
        raise argparse.ArgumentTypeError(f"{as_given(text)} is no length in mm above 0")
    return value


def exports_of(text: str, names: Sequence[str] = NAMES) -> tuple[str, ...]:
    """The kinds that a flag names, out of `names`."""
    try:
        return parsed(text, names)
    except OctsegError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_frames_flag(parser: argparse.ArgumentParser, when: str) -> None:
    """--frames INPUT: what octseg predict was given, and when that is asked for."""
    parser.add_argument(
        "--frames", type=Path, nargs="+", default=(), metavar="INPUT", help=f"what octseg predict was given, {when}"
    )
