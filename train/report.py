"""A training told on one page, RUN/report.html: `python -m train.report --run RUN [--data DIR --split validation]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from octseg.commands.stopping import until_stopped
from octseg.errors import OctsegError
from train.dataset import open_data
from train.reporting.page import write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    try:
        data = None if options.data is None else open_data(options.data, options.split)
        path = write_report(options.run, data)
    except OctsegError as error:
        print(f"train.report: {error}", file=sys.stderr)
        return 1
    print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.report", description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--data", type=Path, help="dataset folder to measure on, or folder with img/ and mask/")
    parser.add_argument("--split", default="validation", help="of the dataset: validation, test or train")
    return parser


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train.report", "run the same command again"))
