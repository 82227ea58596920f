"""`octseg phantom`: frames made by OCT physics, with their exact masks."""

import argparse
from pathlib import Path

from octseg.commands.telling import Commands, counted


def add_command(commands: Commands) -> None:
    """`octseg phantom`."""
    parser = commands.add_parser("phantom", help="make frames by OCT physics, with exact masks")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=_count, default=1, metavar="N")
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="the same seed gives the same frames")
    parser.set_defaults(run=lambda args: phantom(args.out, args.count, args.seed))


def phantom(out: Path, count: int, seed: int) -> int:
    """Write phantoms with their exact masks."""
    from tqdm import tqdm

    from octseg.export.files import told_in_one_sentence
    from octseg.phantom import write_phantoms

    with (
        told_in_one_sentence(f"the folder {out.name}"),
        tqdm(total=count, unit="frame", disable=None, leave=False) as bar,
    ):
        write_phantoms(out, count, seed, lambda done, _: bar.update(done - bar.n))
    print(f"{counted(count, 'phantom')} in {out}")
    return 0


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
    return value
