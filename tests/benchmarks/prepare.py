"""What making a dataset costs: fetched bytes, seconds, memory, and which part of the work is decoding.

    python -m tests.benchmarks.prepare [FOLDER]      FOLDER is an unpacked fold of the Zenodo record

Serves the folder's frames as a fold's ZIP on loopback, with as many bytes of mask_color as make up a third of it, as in
the record. Rates are of this machine; the shares and bytes are what to quote.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from octseg.reading import read_pullback
from octseg.view import find_pixel_scale
from tests.benchmarks.report_scale import REAL_FRAMES
from tests.fakes.zenodo_server import Zenodo, members_of, real_record_frames, running_zenodo, write_zip
from train.preparing.duplicates import describe
from train.preparing.masks import MaskRule, read_mask
from train.preparing.names import RECORD_PATTERN, by_pattern
from train.preparing.processing import Processing, process
from train.preparing.sources import Item, paired
from train.preparing.stored import folder_files

FOLD_BYTES = 12_112_239_213
RULE = MaskRule(record=True)
# The high-water mark of a process of its own: that of resource.getrusage is at least its parent's.
AND_TELL_MEMORY = """
import sys
from train.prepare import main
code = main(sys.argv[1:])
print(*[line for line in open("/proc/self/status") if line.startswith("VmHWM")])
sys.exit(code)
"""


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start


@dataclass(frozen=True)
class Run:
    """One run in a process of its own; sent: bytes that the server sent, peak_mib: of its memory."""

    seconds: float
    sent: int
    peak_mib: float


def prepare(zenodo: Zenodo, folder: Path, name: str, *flags: str) -> Run:
    before = sum(asked.sent for asked in zenodo.log)
    command = [sys.executable, "-c", AND_TELL_MEMORY, "--source", "zenodo", "--endpoint", zenodo.endpoint]
    command += ["--cache", str(folder / f"{name}.cache"), "--out", str(folder / name), *flags]
    done, seconds = timed(lambda: subprocess.run(command, check=True, capture_output=True, text=True))
    return Run(seconds, sum(asked.sent for asked in zenodo.log) - before, int(done.stdout.split()[-2]) / 1024)


def print_fetching(fold: Path, folder: Path) -> None:
    frames = real_record_frames(fold, step=1)
    noise = np.random.default_rng(0)
    third = sum(len(frame.image) + len(frame.mask) for frame in frames) // 2 // len(frames)
    frames = [replace(frame, mask_color=noise.bytes(third)) for frame in frames]
    content = write_zip(folder / "fold_1.zip", members_of(frames))
    size = content.stat().st_size
    with running_zenodo(content) as zenodo:
        print(f"{len(frames)} frames, a ZIP of {size / 1e6:.1f} MB\n")
        print("| way | bytes fetched | of the file | requests | seconds, with processing | peak memory |")
        print("|---|---|---|---|---|---|")
        for name, flags in (("members", ()), ("whole", ("--whole-file",))):
            asked = len(zenodo.log)
            run = prepare(zenodo, folder, name, *flags)
            told = f"{run.sent / 1e6:.1f} MB | {100 * run.sent / size:.1f} % | {len(zenodo.log) - asked}"
            print(f"| {name} | {told} | {run.seconds:.1f} | {run.peak_mib:.0f} MiB |")
        again = prepare(zenodo, folder, "again", "--cache", str(folder / "members.cache"))
    print(f"\nwith a filled cache: {again.seconds:.1f} s")
    print(f"two thirds of the record's fold: {2 / 3 * FOLD_BYTES / 1e9:.1f} of {FOLD_BYTES / 1e9:.1f} GB")
    made = [path.stat().st_size for path in (folder / "members").rglob("*") if path.is_file()]
    print(f"the dataset: {len(made)} files, {sum(made) / 1e6:.1f} MB")


def print_processing(fold: Path) -> None:
    items = paired(folder_files(fold), by_pattern(RECORD_PATTERN)).items[::2]
    processing = Processing(masks=RULE)
    _, all_of_it = timed(lambda: [process(item, processing) for item in items])
    images = [item.image.read() for item in items]
    frames, decoding = timed(lambda: [next(iter(read_pullback(image))) for image in images])

    def masks(item: Item, shape: tuple[int, int]) -> None:
        read_mask(item.mask.read(), shape, RULE)

    _, reading_masks = timed(lambda: [masks(item, f.shape[:2]) for item, f in zip(items, frames, strict=True)])
    _, scales = timed(lambda: [find_pixel_scale(frame) for frame in frames])
    _, descriptors = timed(lambda: [describe(frame) for frame in frames])
    print(f"\none thread: {len(items) / all_of_it:.1f} frames a second\n")
    print("| part of processing | share |\n|---|---|")
    parts = {
        "decoding the PNG": decoding,
        "decoding the mask": reading_masks,
        "scale": scales,
        "descriptor": descriptors,
    }
    for what, seconds in parts.items():
        print(f"| {what} | {100 * seconds / all_of_it:.0f} % |")
    print(f"| scaling, encoding, sums | {100 * (1 - sum(parts.values()) / all_of_it):.0f} % |")


def main() -> None:
    fold = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL_FRAMES
    with TemporaryDirectory() as folder:
        print_fetching(fold, Path(folder))
    print_processing(fold)


if __name__ == "__main__":
    main()
