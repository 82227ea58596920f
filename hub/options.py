"""Flags and words that all commands of `python -m hub` share."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hub.client import How, Published

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]  # argparse's own: name and help to the command's parser


def add_folder_flags(
    parser: argparse.ArgumentParser, push: Callable[[Path, str, How], Published], *, private: bool = False
) -> None:
    """Where to and how, of a command that pushes the folder which `parser` takes as `folder`. private: by default."""
    parser.add_argument("repository", metavar="ORG/NAME")
    add_publishing_flags(parser, private=private)
    parser.set_defaults(run=partial(_push_folder, push))


def _push_folder(push: Callable[[Path, str, How], Published], options: argparse.Namespace) -> int:
    tell(push(options.folder, options.repository, how_of(options)))
    return 0


def add_publishing_flags(parser: argparse.ArgumentParser, *, private: bool = False) -> None:
    """How a repository is written to. private: where neither of the two flags is given."""
    seen = parser.add_mutually_exclusive_group()
    default = {True: " (the default)", False: ""}
    seen.add_argument(
        "--private",
        action="store_true",
        default=private,
        help=f"make a new repository private, and send nothing to a public one{default[private]}",
    )
    seen.add_argument(
        "--public", dest="private", action="store_false", help=f"send to everybody's eyes{default[not private]}"
    )
    add_pull_request_flag(parser)
    parser.add_argument("--tag", metavar="NAME", help="name the commit, as v1.0")


def add_pull_request_flag(parser: argparse.ArgumentParser) -> None:
    """Whether main is left as it is."""
    parser.add_argument("--create-pr", action="store_true", help="open a pull request instead of writing to main")


def how_of(options: argparse.Namespace) -> How:
    """What `add_publishing_flags` was given."""
    return How(private=options.private, create_pr=options.create_pr, tag=options.tag)


def say(sentence: str) -> None:
    """What is told of a command's progress, on stderr."""
    print(f"hub: {sentence}", file=sys.stderr)


def tell(published: Published) -> None:
    """Where it is now, on stdout: the link alone, for other programs to take."""
    if not published.changed:
        say("nothing was new")
    print(published.pull_request or published.url)
