"""What each export of a pullback costs: `python -m tests.benchmarks.report_exports [--frames N] [--size PX]`.

A phantom pullback of 540 frames of 1024 x 1024 with its true masks, which lie on disk as a run has them. Each export is
made by a process of its own: its seconds of one core, the peak of the process's resident memory, what of that it had
before, and the size of what was written. Linux only. Times wander with the machine: look at ratios within one run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from octseg.export.kinds import KINDS, ZIP
from octseg.phantom import random_pullback
from tests.fakes.dicom_files import header, written
from tests.fakes.hostile_files import ROOT
from tests.fakes.traced import trace

CHILD = """
import io, json, re, sys, time
from dataclasses import replace
from pathlib import Path
import pydicom
from octseg.export.kinds import ZIP, write_exports
from octseg.export.zipping import zipped
from tests.fakes.traced import traced
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
kind, source, out, dicom = sys.argv[1], *map(Path, sys.argv[2:5])
segmented = replace(traced(source), read_headers=lambda: [pydicom.dcmread(dicom, stop_before_pixels=True)])
before, start = peak(), time.process_time()
if kind == ZIP:
    names = [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()]
    with (out / "results.zip").open("wb") as file:
        for piece in zipped(out, names, segmented.run):
            file.write(piece)
    files, refused = ["results.zip"], []
else:
    exported = write_exports([kind], segmented, out, segmented.name)
    files, refused = exported.files, exported.refused
size = sum((out / name).stat().st_size for name in files) / 1e6
print(json.dumps([time.process_time() - start, before, peak(), size, len(files), refused]))
"""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=540)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--drawn", type=int, default=6, help="frames that are drawn, and shown again and again")
    parser.add_argument("--only", default=",".join([*KINDS, ZIP]), help="kinds, as --export names them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "traced", Path(name) / "out"
        folder.mkdir()
        out.mkdir()
        trace(random_pullback(5, asked.frames, size_px=asked.size), folder, drawn=asked.drawn, withdrawn=(40, 41))
        dicom = Path(name) / "IMG001"
        dicom.write_bytes(_source(asked.frames, asked.size))
        print("| export | CPU, s | peak, MB | of that before | MB | files |\n|---|---|---|---|---|---|")
        for kind in asked.only.split(","):
            command = [sys.executable, "-c", CHILD, kind, str(folder), str(out), str(dicom)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
            seconds, before, peak, size, count, refused = json.loads(done.stdout.splitlines()[-1])
            row = f"{kind} | {seconds:.1f} | {peak:.0f} | {before:.0f} | {size:.1f} | {count}"
            print(f"| {row} |{''.join(refused)}", flush=True)
    return 0


def _source(frames: int, side: int) -> bytes:
    """A DICOM file's header without pixels, for what refers to it alone."""
    dataset = header([np.zeros((side, side, 3), np.uint8)])
    dataset.NumberOfFrames, dataset.SpacingBetweenSlices, dataset.PixelData = frames, "0.1", b""
    return written(dataset, "explicit")


if __name__ == "__main__":
    sys.exit(main())
