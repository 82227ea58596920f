"""What a picture adds to the process, and how long it takes: `python -m tests.benchmarks.large_pictures [BEFORE]`.

One phantom of 1 megapixel and the same of 25, the limit, with --formats in each way that 25 megapixels are stored, and
as a long thin picture. Every picture is read, segmented and written (masks, overlay, tables) by a process of its own
that has loaded the model and seen a frame of 750 px: the peak of its resident memory over what it held before, and
seconds of one core, up to the result and with the files. Given another checkout, that one does the same in turn on the
same files, and the masks are compared. Linux only. Times wander with the machine: look at ratios within one run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from octseg.phantom import make_phantom
from octseg.pullback import Frame

SEED = 0  # a phantom of 750 px with lipid, cap, ruler and guide wire
SMALL_SIDE, LARGE_SIDE = 1000, 5000
LONG = (3050, 8190)  # height, width
GRAIN = 0.15  # of the grey level, a pixel: an enlarged frame without any is withdrawn by older checkouts
ROUNDS = 3
CHILD = """
import json, sys, time
from pathlib import Path
import octseg
from octseg.export.run import RunWriter

def kept(name):
    line = next(each for each in open("/proc/self/status") if each.startswith(name))
    return int(line.split()[1]) / 1024

picture, small, out = sys.argv[1:]
model = octseg.from_pretrained()
model.segment(small).overlay()
before = kept("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak counts from here
with RunWriter(Path(out), model.identity, model.device, model.backend) as writer:
    start = time.process_time()
    result = model.segment(picture)
    seconds, peak = time.process_time() - start, kept("VmHWM") - before
    writer.write(result, "picture")
    whole_seconds, whole_peak = time.process_time() - start, kept("VmHWM") - before
print(json.dumps([peak, seconds, whole_peak, whole_seconds, result.withdrawn is not None]))
"""


@dataclass(frozen=True)
class Cost:
    """Of one picture in one checkout: MB and s up to the result, and with its files written."""

    peak_mb: float
    seconds: float
    whole_peak_mb: float
    whole_seconds: float
    withdrawn: bool

    @property
    def cells(self) -> str:
        """For the table."""
        said = " (withdrawn)" if self.withdrawn else ""
        result, files = (self.peak_mb, self.seconds), (self.whole_peak_mb, self.whole_seconds)
        return " | ".join(f"{peak_mb:.0f} MB, {seconds:.2f} s" for peak_mb, seconds in (result, files)) + said


def main() -> None:
    """Make the pictures, measure each in each checkout, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path, nargs="?", help="another checkout, measured side by side")
    parser.add_argument("--formats", action="store_true", help="also each way that 25 megapixels are stored")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    here = Path(__file__).parents[2]
    checkouts = {"this checkout": here} | ({"before": options.before.resolve()} if options.before else {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pictures = _pictures(folder, formats=options.formats)
        print(f"medians of {options.rounds} runs, in turn\n")
        print("| picture | checkout | to the result | with its files | ratio | masks |\n|---|---|---|---|---|---|")
        for title, picture in pictures.items():
            _measure(title, picture, checkouts, folder, options.rounds)


def _measure(title: str, picture: Path, checkouts: dict[str, Path], folder: Path, rounds: int) -> None:
    """One picture's lines of the table."""
    costs: dict[str, list[Cost]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, root in checkouts.items():
            costs[name].append(_cost(root, picture, folder / "small.png", folder / name))
    medians = {name: _median(of_name) for name, of_name in costs.items()}
    now, was = medians["this checkout"], medians.get("before")
    for name, cost in medians.items():
        ratio = masks = ""
        if was is not None and cost is now:
            pairs = ((now.peak_mb, was.peak_mb), (now.seconds, was.seconds))
            pairs += ((now.whole_peak_mb, was.whole_peak_mb), (now.whole_seconds, was.whole_seconds))
            ratio = ", ".join(f"{a / b:.2f}" for a, b in pairs)
            masks = _difference(*(folder / each / "picture_mask.png" for each in ("before", "this checkout")))
        print(f"| {title} | {name} | {cost.cells} | {ratio} | {masks} |", flush=True)


def _cost(root: Path, picture: Path, small: Path, out: Path) -> Cost:
    """One run of one checkout, in a process of its own."""
    settings = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", CHILD, str(picture), str(small), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=settings, check=False)
    if done.returncode:
        sys.exit(f"{picture.name} in {root}: {done.stderr.strip()}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def _median(costs: Sequence[Cost]) -> Cost:
    columns = zip(*((c.peak_mb, c.seconds, c.whole_peak_mb, c.whole_seconds) for c in costs), strict=True)
    return Cost(*(float(np.median(column)) for column in columns), costs[0].withdrawn)


def _difference(before: Path, after: Path) -> str:
    """Pixels of another tissue, as a part of those that have one."""
    with Image.open(before) as was, Image.open(after) as now:
        labels = np.asarray(was), np.asarray(now)
    outlined = np.count_nonzero(labels[0])
    return f"{100 * np.count_nonzero(labels[0] != labels[1]) / max(1, outlined):.2f} % of {outlined} px differ"


def _pictures(folder: Path, *, formats: bool) -> dict[str, Path]:
    """Title of each picture -> its file; small.png is what every process sees first."""
    phantom = make_phantom(SEED)
    _save(folder / "small.png", phantom.frame)
    large = enlarged(phantom.frame, LARGE_SIDE)
    pictures = {"PNG, 1 megapixel": folder / "one.png", "PNG, 25 megapixels": folder / "many.png"}
    for path, frame in zip(pictures.values(), (enlarged(phantom.frame, SMALL_SIDE), large), strict=True):
        _save(path, frame)
    if formats:
        for title, (name, write) in FORMATS.items():
            write(folder / name, large)
            pictures[title] = folder / name
        long = np.zeros((*LONG, 3), np.uint8)
        long[10:3010, 4000:7000] = enlarged(phantom.frame, 3000)
        _save(folder / "long.png", long)
        pictures[f"PNG, {LONG[0]} x {LONG[1]}"] = folder / "long.png"
    return pictures


def enlarged(frame: Frame, side: int) -> Frame:
    """A square frame at another side in pixels, with grain of that size."""
    shown = cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(1.0, GRAIN, (side, side, 1)).astype(np.float32)
    return np.clip(shown * grain, 0, 255).astype(np.uint8)


def _save(path: Path, frame: NDArray[np.generic]) -> None:
    cv2.imwrite(str(path), np.ascontiguousarray(frame[..., [2, 1, 0, *range(3, frame.shape[2])]]))


def _with_alpha(frame: Frame) -> Frame:
    """RGBA, clear in the corners."""
    alpha = np.full((*frame.shape[:2], 1), 255, np.uint8)
    alpha[:100, :100] = 0
    return np.concatenate([frame, alpha], axis=2)


FORMATS: dict[str, tuple[str, Callable[[Path, Frame], object]]] = {
    "PNG with alpha": ("alpha.png", lambda path, frame: _save(path, _with_alpha(frame))),
    "PNG of 16 bits, colour": ("deep.png", lambda path, frame: _save(path, frame.astype(np.uint16) * 257)),
    "PNG of 16 bits, grey": (
        "deep_grey.png",
        lambda path, frame: cv2.imwrite(str(path), frame[..., 0].astype(np.uint16) * 257),
    ),
    "JPEG": ("many.jpg", lambda path, frame: Image.fromarray(frame).save(path, quality=92)),
    "WebP": ("many.webp", lambda path, frame: Image.fromarray(frame).save(path, quality=80, method=0)),
    "BMP": ("many.bmp", lambda path, frame: Image.fromarray(frame).save(path)),
    "TIFF, uncompressed": ("many.tif", lambda path, frame: tifffile.imwrite(path, frame)),
    "TIFF, tiled, Deflate": (
        "tiled.tif",
        lambda path, frame: tifffile.imwrite(path, frame, tile=(256, 256), compression="zlib"),
    ),
    "TIFF, real numbers": ("real.tif", lambda path, frame: tifffile.imwrite(path, frame[..., 0] / np.float32(255))),
    "TIFF of 16 bits, colour": (
        "deep.tif",
        lambda path, frame: tifffile.imwrite(path, frame.astype(np.uint16) * 257, photometric="rgb"),
    ),
}


if __name__ == "__main__":
    main()
