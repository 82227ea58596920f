"""Pullbacks end to end from each container: `python -m tests.benchmarks.report_containers [REAL_FRAMES]`.

The frames of a folder of real ones (186 of study 001, 750 px, in their order), and a phantom pullback of 375 frames of
1024 px, in each container, through `octseg predict` with masks, overlays and tables: size on disk, seconds until the
reader has the first frame, frames a second from the second one on, processor time of a frame and its share by stage,
most memory held. Without the real frames their rows are left out. All frames of a pullback are done, unless
`--part N` takes N of each alone (`--frames`), for a frame takes the same wherever it stands. Frames wait on the disk,
mapped, so that what is written of them a frame at a time takes no more memory than that.
Times by the clock wander with the machine; processor time does not.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from octseg.pullback import Frame
from octseg.reading import read_pullback
from tests.benchmarks.container_reading import kept_as
from tests.benchmarks.machine import ROOT, machine, size_mb
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.benchmarks.stages import run_stages

KINDS = ("DICOM", "DICOM, RLE", "DICOM, JPEG", "DICOM, JPEG-LS", "DICOM, JPEG 2000", "ZIP of PNG", "ZIP of JPG")
KINDS += ("TIFF", "MP4", "GIF", "folder of PNG")
PHANTOM_COUNT = 375
REAL_FRAMES = ROOT.parent / "shared" / "data" / "oct" / "fold_1" / "train" / "img"
OPEN = """
import sys, time
import octseg, octseg.reading.dicom.series, octseg.reading.video, octseg.reading.pictures.reading
start = time.perf_counter()
next(iter(octseg.read_pullback(sys.argv[1])))
print(time.perf_counter() - start)
"""
GROUPS = {
    "reading": ("decode",),
    "view": ("view",),
    "network": ("network",),
    "outlines": ("back to the frame", "outlines", "withdrawal check"),
    "measures": ("measures",),
    "pictures": ("mask as PNG", "overlay drawn", "overlay as PNG", "files written"),
}


def first_frame_s(path: Path) -> float:
    """Seconds until the reader has the first frame, its packages loaded before; a process of its own."""
    command = [sys.executable, "-c", OPEN, str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def containers(real: Path, only: Sequence[str], phantom_count: int) -> Iterator[tuple[str, int, Path]]:
    """What is in it and what it is, how many frames, and where; each is gone when the next is asked for."""
    pictures = sorted(real.iterdir()) if real.is_dir() else []
    yield from _kept("real, ", (next(iter(read_pullback(path))) for path in pictures), len(pictures), only)
    yield from _kept("phantom, ", phantom_frames(phantom_count), phantom_count, only)


def _kept(what: str, frames: Iterator[Frame], count: int, only: Sequence[str]) -> Iterator[tuple[str, int, Path]]:
    kinds = [kind for kind in KINDS if not only or what + kind in only]
    if not count or not kinds:
        return
    with tempfile.TemporaryDirectory() as waiting:
        pictures = _on_disk(frames, count, Path(waiting) / "frames.npy")
        for kind in kinds:
            with tempfile.TemporaryDirectory() as name:
                path = Path(name) / "run"
                if kind == "DICOM, JPEG":
                    path = write_dicom(path, coded(pictures), len(pictures[0]))
                else:
                    path = kept_as(kind, pictures, path)
                yield what + kind, len(pictures), path


def _on_disk(frames: Iterator[Frame], count: int, path: Path) -> list[Frame]:
    """Frames of one size, each a part of a file that is mapped."""
    first = next(frames)
    held = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *first.shape))
    for number, frame in enumerate(chain([first], frames)):
        held[number] = frame
    held.flush()
    return list(np.load(path, mmap_mode="r"))


def main() -> None:
    """Print the table, a row at a time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("real", type=Path, nargs="?", default=REAL_FRAMES, help="a folder of real frames of one size")
    parser.add_argument("--part", type=int, metavar="N", help="frames of each")
    parser.add_argument("--only", nargs="+", default=(), metavar="ROW", help="these rows: 'real, TIFF' 'real, GIF'")
    parser.add_argument("--phantoms", type=int, default=PHANTOM_COUNT, metavar="N", help="frames of the phantom vessel")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the results here, to be looked at")
    options = parser.parse_args()
    print(machine())
    if not options.real.is_dir():
        print(f"no real frames: {options.real.name} is not there, so their rows are left out")
    heads = ("container", "frames", "MB", "first frame, s", "frames/s", "processor ms a frame", *GROUPS, "the rest")
    print(f"| {' | '.join(heads)} | peak, MB |\n|{'---|' * (len(heads) + 1)}", flush=True)
    for name, count, path in containers(options.real, options.only, options.phantoms):
        first_s, size = first_frame_s(path), size_mb(path)
        asked = [path, "--device", "cpu", "--frame-spacing", "0.2"]
        done = min(options.part or count, count)
        out = path.parent / "results"
        taken, told = run_stages([*asked, "--frames", f"1-{done}"], out)
        whole = told["work_ms"]
        shares = [sum(told["stages"].get(stage, 0.0) for stage in stages) / whole for stages in GROUPS.values()]
        parts = " | ".join(f"{share:.0%}" for share in [*shares, 1 - sum(shares)])
        rate = (done - 1) / taken.wall_s
        print(
            f"| {name} | {count} | {size:.0f} | {first_s:.2f} | {rate:.1f} | {whole:.0f} | {parts} "
            f"| {taken.peak_mb:.0f} |",
            flush=True,
        )
        if options.keep is not None:
            shutil.copytree(out, options.keep / name.replace(", ", "_").replace(" ", "_"))


if __name__ == "__main__":
    main()
