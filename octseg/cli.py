"""The command `octseg`: outline and measure frames, correct and compare outlines, describe the model, make phantoms.

    octseg predict frame.png pullback.tiff folder --out results
    octseg review results
    octseg compare results masks --out comparison
    octseg info
    octseg phantom --out phantoms --count 10 --seed 1

An error is one line on stderr and exit status 1, a wrong flag 2, Ctrl-C or a scheduler's signal 130. A frame of which
nothing is said was judged and did not fail: its reason is a line on stderr, and the exit status stays 0.
"""

import argparse
import io
import sys
from collections.abc import Sequence

import octseg
from octseg.commands import cohort, compare, info, phantom, predict, review
from octseg.commands.stopping import until_stopped
from octseg.commands.telling import NOTICE, complain
from octseg.errors import OctsegError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    if argv is not None:
        return _run(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    return until_stopped(lambda: _run(None), "octseg", "what was done until then is kept")


def _run(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except OctsegError as error:
        complain(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="octseg", description=f"{octseg.__doc__} {NOTICE}")
    parser.add_argument("--version", action="version", version=f"octseg {octseg.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (predict, review, cohort, compare, info, phantom):
        command.add_command(commands)
    return parser
