"""`octseg phantom`: frames made by OCT physics, with their exact masks."""

from pathlib import Path

from octseg.commands.counts import from_0, from_1
from octseg.commands.telling import Commands, counted


def add_command(commands: Commands) -> None:
    """`octseg phantom`."""
    parser = commands.add_parser("phantom", help="make frames by OCT physics, with exact masks")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=from_1, default=1, metavar="N")
    parser.add_argument("--seed", type=from_0, default=0, metavar="S", help="the same seed gives the same frames")
    parser.add_argument(
        "--pullback", type=from_1, metavar="FRAMES", help="whole pullbacks of so many frames, each in a folder"
    )
    parser.set_defaults(run=lambda args: phantom(args.out, args.count, args.seed, args.pullback))


def phantom(out: Path, count: int, seed: int, frames: int | None = None) -> int:
    """Write phantoms with their exact masks, or pullbacks of so many frames with their truth along the vessel."""
    from tqdm import tqdm

    from octseg.export.files import told_in_one_sentence
    from octseg.phantom import write_phantoms, write_pullbacks

    with (
        told_in_one_sentence(f"the folder {out.name}"),
        tqdm(total=count * (frames or 1), unit="frame", disable=None, leave=False) as bar,
    ):
        if frames is None:
            write_phantoms(out, count, seed, lambda done, _: bar.update(done - bar.n))
        else:
            write_pullbacks(out, frames, count, seed, lambda done, _: bar.update(done - bar.n))
    made = counted(count, "phantom" if frames is None else "phantom pullback")
    print(f"{made}{'' if frames is None else f' of {frames} frames'} in {out}")
    if frames is not None:
        print("how far their frames lie apart stands in truth.json; give it to octseg predict as --frame-spacing")
    return 0
