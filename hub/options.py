"""Flags and words that all commands of `python -m hub` share."""

import argparse
import sys
from typing import Any, TypeAlias

from hub.client import Published

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_publishing_flags(parser: argparse.ArgumentParser) -> None:
    """How a repository is written to."""
    parser.add_argument("--private", action="store_true", help="make the repository private, where it is new")
    parser.add_argument("--create-pr", action="store_true", help="open a pull request instead of writing to main")
    parser.add_argument("--tag", metavar="NAME", help="name the commit, as v1.0")


def written_how(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_publishing_flags` was given, by the names that push_model and its like take."""
    return {"private": options.private, "create_pr": options.create_pr, "tag": options.tag}


def say(sentence: str) -> None:
    """What is told of a command's progress, on stderr."""
    print(f"hub: {sentence}", file=sys.stderr)


def tell(published: Published) -> None:
    """Where it is now, on stdout: the link alone, for other programs to take."""
    if not published.changed:
        say("nothing was new")
    print(published.pull_request or published.url)
