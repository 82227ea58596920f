"""What a DICOM pullback costs to read: `python -m tests.benchmarks.dicom_reading [--frames N] [--side PX]`.

Of each coding one file of frames (phantoms, repeated) is written to a temporary folder and read by path in a process of
its own: seconds to open it and to have the first frame, frames a second, processor time for a frame, which a busy
machine does not change, and how far memory grew.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.phantom import random_spec, render
from octseg.reading import read_pullback
from tests.benchmarks.machine import peak_mb, processor
from tests.fakes.dicom_files import Syntax, encoded, jpeg, pullback_file, ybr

DISTINCT = 5
QUALITY = 90


def main() -> None:
    """Write and read each kind in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=375)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read is not None:
        print(json.dumps(measured(asked.read)))
        return
    frames = [render(random_spec(seed, size_px=asked.side)).frame for seed in range(DISTINCT)]
    print(f"{asked.frames} frames of {asked.side} x {asked.side}, {processor()}")
    print(f"{'':26}{'MB':>8}{'open':>8}{'first':>8}{'frames/s':>10}{'CPU ms':>8}{'grown MB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, data in kinds(frames, asked.frames):
            path = Path(folder) / "IMG001"
            path.write_bytes(data)
            size = len(data)
            del data
            command = [sys.executable, "-m", "tests.benchmarks.dicom_reading", "--read", str(path)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{kind:26}{size / 1e6:8.0f}{told['open_s']:8.2f}{told['first_s']:8.2f}{told['per_s']:10.1f}"
                f"{told['cpu_ms']:8.1f}{told['grown_mb']:10.0f}"
            )


def kinds(frames: list[NDArray[np.uint8]], count: int) -> Iterator[tuple[str, bytes]]:
    """Each kind's name with its file, one in memory at a time."""

    def repeated(each: list[Any]) -> list[Any]:
        return [each[number % len(each)] for number in range(count)]

    first = repeated(frames)
    for name, photometric, options in (
        ("JPEG YBR_FULL_422 (4:2:0)", "YBR_FULL_422", {"subsampling": 2}),
        ("JPEG YBR_FULL (4:4:4)", "YBR_FULL", {}),
        ("JPEG RGB", "RGB", {"as_rgb": True}),
    ):
        streams = repeated([jpeg(frame, quality=QUALITY, **options) for frame in frames])
        yield name, pullback_file(first, syntax="jpeg", photometric=photometric, streams=streams)
    yield "the same without a table", pullback_file(first, syntax="jpeg", streams=streams, offsets="none")
    yield "native RGB", pullback_file(first)
    yield "native YBR_FULL", pullback_file(repeated([ybr(frame) for frame in frames]), photometric="YBR_FULL")
    grey = [np.asarray(Image.fromarray(frame).convert("L")) for frame in frames]
    yield "native grey 16 bit", pullback_file(repeated([frame.astype(np.uint16) << 4 for frame in grey]))
    coded: list[tuple[str, Syntax]] = [("RLE RGB", "rle"), ("JPEG-LS RGB", "jpeg_ls"), ("JPEG 2000 RGB", "jpeg_2000")]
    for name, syntax in coded:
        yield name, pullback_file(first, syntax=syntax, streams=repeated([encoded(frame, syntax) for frame in frames]))


def measured(path: Path) -> dict[str, float]:
    """Times and memory of reading a file, pydicom and the decoders loaded before."""
    import octseg.reading.dicom.series  # noqa: F401  # so that its import is not counted

    before = peak_mb()
    started = time.perf_counter()
    pullback = read_pullback(path)
    opened = time.perf_counter()
    next(iter(pullback))
    first = time.perf_counter()
    busy = time.process_time()
    count = sum(1 for _ in pullback)
    ended, busy = time.perf_counter(), time.process_time() - busy
    return {
        "open_s": opened - started,
        "first_s": first - started,
        "per_s": count / (ended - first),
        "cpu_ms": 1000 * busy / count,
        "grown_mb": peak_mb() - before,
    }


if __name__ == "__main__":
    main()
