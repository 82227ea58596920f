"""A pullback end to end, side by side in one run: `python -m tests.benchmarks.pullback [--older CHECKOUT]`.

375 frames of 1024 x 1024 of a phantom vessel (heart moving, guide wire, ruler), JPEG 4:2:0 in one DICOM file; masks,
overlays and tables are written, by

* `octseg predict` of this build;
* `octseg predict` of an older checkout on the same streams as a folder of pictures;
* a plain loop over these pictures with PyTorch eager and Pillow (tests/benchmarks/plain_loop.py), around `segment` of
  the older checkout and of this build, and with nothing of that but the network and masks;
* the network alone on all cores: as many looks as the frames take, nothing else.

Each runs in a process of its own, watched from outside: from its first frame's overlay to its end is what is compared,
all before that is start-up. Rounds are interleaved, for times wander with the machine, and of each side the median is
taken, by the clock and by processor time of the process with its children. Prints the table with ratios, the share of
each stage (tests/benchmarks/stages.py), most memory held, load, the processor's name. `--frames 40 --rounds 1` is a
short run; `--part N` gives the sides that go picture by picture N of the pictures, for they take the same for each.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.machine import FIRST, ROOT, Taken, machine, size_mb, watched
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom, write_folder
from tests.benchmarks.stages import run_stages

OURS = "this build, one DICOM file"
NETWORK = "network alone"
PREDICT = ("-m", "octseg", "predict", "--device", "cpu")
LOOP = ROOT / "tests/benchmarks/plain_loop.py"


@dataclass(frozen=True)
class Side:
    """One way through the frames. count: of those it is given. command: without the folder it writes to."""

    name: str
    count: int
    command: tuple[object, ...]
    root: Path = ROOT


def main() -> None:
    """Draw the frames, run all sides in turn, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--older", type=Path, metavar="CHECKOUT", help="another checkout, may have a .venv")
    parser.add_argument("--frames", type=int, default=375)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", type=int, metavar="N", help="pictures for those who take one at a time")
    parser.add_argument("--network", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.network is not None:
        network(Path(options.network[0]), int(options.network[1]), Path(options.network[2]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        streams = coded(phantom_frames(options.frames))
        dicom = write_dicom(folder / "IMG001", streams)
        pictures = write_folder(folder / "pictures", streams[: options.part])
        _, stages = run_stages([dicom, "--device", "cpu"], folder / "stages")
        shutil.rmtree(folder / "stages")
        sides = sides_of(dicom, pictures, options.frames, round(stages["looks"] * options.frames), options.older)
        taken: dict[Side, list[Taken]] = {side: [] for side in sides}
        for number in range(options.rounds):
            for side in sides:
                taken[side].append(run(side, folder / "out"))
                last = taken[side][-1]
                said = f"{last.wall_s:.1f} s, {1e3 * last.work_s / (side.count - 1):.0f} ms of processor time a frame"
                print(f"round {number + 1}: {side.name}: {said}", file=sys.stderr, flush=True)
        print(machine())
        print(
            f"{options.frames} frames of 1024 px, {size_mb(dicom):.0f} MB of DICOM; {options.rounds} interleaved "
            f"rounds, medians; {stages['looks']:.2f} looks a frame; {len(list(pictures.iterdir()))} pictures\n"
        )
    print_table(taken)
    print_stages(stages["stages"], stages["work_ms"])


def sides_of(dicom: Path, pictures: Path, count: int, looks: int, older: Path | None) -> list[Side]:
    """This build first."""
    python, part = sys.executable, len(list(pictures.iterdir()))
    sides = [Side(OURS, count, (python, *PREDICT, dicom, "--out"))]
    if older is not None:
        root = older.resolve()
        its = root / ".venv/bin/python"
        theirs = its if its.exists() else python
        sides.append(Side("older checkout, folder of pictures", part, (theirs, *PREDICT, pictures, "--out"), root))
        sides.append(Side("plain loop, eager, around its `segment`", part, (theirs, LOOP, pictures), root))
    sides.append(Side("plain loop, eager, around this `segment`", part, (python, LOOP, pictures)))
    sides.append(Side("plain loop, eager, network and masks only", part, (python, LOOP, "--bare", pictures)))
    alone = (python, "-m", "tests.benchmarks.pullback", "--network", dicom, looks)
    return [*sides, Side(NETWORK, count, alone)]


def run(side: Side, out: Path) -> Taken:
    """One side's turn; what it wrote is taken away."""
    taken = watched([*side.command, out], out, side.root)
    if taken.code:
        sys.exit(f"{side.name}: {taken.said}")
    shutil.rmtree(out)
    return taken


def network(dicom: Path, looks: int, out: Path) -> None:
    """The network on so many looks at frames of a pullback, begun as a pullback's are."""
    from collections import deque
    from itertools import islice

    import octseg
    from octseg.view.preprocessing import to_input, view_frame

    model = octseg.from_pretrained(device="cpu")
    frames = islice(octseg.read_pullback(dicom), 12)
    shown = [to_input(view_frame(frame), model.config.preprocessing)[None] for frame in frames]
    backend = model._run
    backend.begin(shown[0])()
    out.mkdir()
    (out / FIRST.replace("*", "no")).touch()
    begun: deque[object] = deque()
    for number in range(looks):
        begun.append(backend.begin(shown[number % len(shown)]))
        if len(begun) >= backend.at_once:
            begun.popleft()()  # type: ignore[operator]
    for wait in begun:
        wait()  # type: ignore[operator]


def print_table(taken: dict[Side, list[Taken]]) -> None:
    """A line a side; ratios to this build, which stands first, are of the same round."""
    ours = next(iter(taken.values()))
    print("| | frames a second | ms a frame | times this build's | processor ms | times | start-up, s | peak, MB |")
    print("|---|---|---|---|---|---|---|---|")
    of_ours = next(iter(taken)).count
    for side, runs in taken.items():
        wall = statistics.median(1e3 * each.wall_s / (side.count - 1) for each in runs)
        work = statistics.median(1e3 * each.work_s / (side.count - 1) for each in runs)
        scale, pairs = (of_ours - 1) / (side.count - 1), list(zip(runs, ours, strict=True))
        longer = statistics.median(each.wall_s / own.wall_s * scale for each, own in pairs)
        more = statistics.median(each.work_s / own.work_s * scale for each, own in pairs)
        start, peak = statistics.median(each.start_s for each in runs), max(each.peak_mb for each in runs)
        print(
            f"| {side.name} | {1e3 / wall:.1f} | {wall:.0f} | {longer:.2f} | {work:.0f} | {more:.2f} | {start:.1f} "
            f"| {peak:.0f} |"
        )
    alone = [(own.wall_s / each.wall_s, own.work_s / each.work_s) for each, own in zip(runs, ours, strict=True)]
    wall, work = (statistics.median(ratio) for ratio in zip(*alone, strict=True))
    print(f"\nThis build takes {wall:.2f} times as long as the network alone, {work:.2f} times by processor time.")


def print_stages(stages: dict[str, float], whole_ms: float) -> None:
    """Processor time of each stage, a frame."""
    print("\n| stage of this build | processor ms a frame | share |\n|---|---|---|")
    for name, value in stages.items():
        print(f"| {name} | {value:.1f} | {100 * value / whole_ms:.0f} % |")


if __name__ == "__main__":
    main()
