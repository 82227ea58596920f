"""What all commands share: what they say alike, on one line, and what goes to stderr."""

import argparse
import sys
from pathlib import Path
from typing import TypeAlias

from octseg.errors import OctsegError

NOTICE = "Research use only, not a medical device."
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as `1 frame` or `2 frames`."""
    return f"{count} {noun}{'s' if count != 1 else ''}"


def told(path: Path, error: OctsegError) -> str:
    """An error with the path as it was given, once."""
    message = str(error)
    for name in (path.name, path.stem):  # of a file and of its pullback
        if message.startswith(f"{name} "):
            return f"{path}{message.removeprefix(name)}"
    return f"{path}: {message}"


def printable(text: str) -> str:
    """Text on one line; a control character of a file's name is shown by its code and does nothing."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def complain(message: str) -> None:
    """One line on stderr, as the command."""
    print(printable(f"octseg: {message}"), file=sys.stderr)
