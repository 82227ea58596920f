"""What bf16 in part of the network changes and gains: `python -m tests.benchmarks.report_precision [FOLDER ...]`.

All pictures under the folders (masks left out) and phantoms are segmented in f32 and in bf16, and masks and measures
are held against each other. Then both are timed by turns in one run, a frame on all cores and frames of a pullback on a
core each; then what they take to start and in memory.
"""

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

import octseg
from octseg.checkpoint import load_checkpoint
from octseg.inference import Backend, choose_backend
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED
from octseg.result import FrameResult

PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
PRECISIONS = ("f32", "bf16")
AREAS = {"lumen": "lumen_area_px", "lipid_core": "lipid_core_area_px"}
MEASURES = ("lipid_arc_deg", "fibrous_cap_thickness_min_um", "fibrous_cap_thickness_mean_um")
START = """
import resource, sys, time
import numpy as np
from octseg.checkpoint import load_checkpoint
from octseg.inference import choose_backend
from octseg.pretrained import BUNDLED
checkpoint = load_checkpoint(BUNDLED)
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
import openvino
before, began = resident(), time.process_time()
backend = choose_backend(checkpoint, "cpu", "openvino", sys.argv[1])
backend(np.zeros((1, *checkpoint.config.preprocessing.size), np.uint8))
alone = time.process_time() - began
backend.begin(np.zeros((1, *checkpoint.config.preprocessing.size), np.uint8))()
print(alone, time.process_time() - began - alone, resident() - before)
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, help="of real frames")
    parser.add_argument("--phantoms", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=60, help="of timing")
    asked = parser.parse_args()
    models = [octseg.from_pretrained(device="cpu", backend="openvino", precision=each) for each in PRECISIONS]
    found = sorted(path for folder in asked.folders for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    real = [path for path in found if "mask" not in path.parts]
    for name, frames in (("real", real), ("phantom", (make_phantom(seed).frame for seed in range(asked.phantoms)))):
        tally = Tally()
        for frame in frames:
            tally.add(*(model.segment(frame) for model in models))
        if tally.count:
            tally.show(name)
    time_both(asked.rounds)
    print("\n| | CPU s to the first frame | more to the first of a pullback | MB in memory, both |\n|---|---|---|---|")
    for precision in PRECISIONS:
        told = [run(START, precision) for _ in range(3)]
        alone, more, megabytes = (min(float(each.split()[n]) for each in told) for n in range(3))
        print(f"| {precision} | {alone:.2f} | {more:.2f} | {megabytes:.0f} |")


class Tally:
    """How results in bf16 differ from those in f32, frame by frame."""

    def __init__(self) -> None:
        self.count = self.withdrawn = 0
        self.pixels: dict[str, list[tuple[int, int, int]]] = defaultdict(list)  # in f32, in bf16, in one of them alone
        self.areas: dict[str, list[float]] = defaultdict(list)  # percent
        self.measures: dict[str, list[float]] = defaultdict(list)
        self.none: dict[str, int] = defaultdict(int)

    def add(self, one: FrameResult, other: FrameResult) -> None:
        """A frame in f32 and in bf16."""
        self.count += 1
        self.withdrawn += (one.withdrawn is None) != (other.withdrawn is None)
        for name, mask in one.masks.items():
            if mask.any() or other.masks[name].any():
                changed = int((mask != other.masks[name]).sum())
                self.pixels[name].append((int(mask.sum()), int(other.masks[name].sum()), changed))
        for name in (*AREAS.values(), *MEASURES):
            before, after = getattr(one.measures, name), getattr(other.measures, name)
            if before is None or after is None:
                self.none[name] += (before is None) != (after is None)
            elif name in AREAS.values():
                self.areas[name].append(100 * abs(after - before) / before if before else 0.0)
            else:
                self.measures[name].append(abs(after - before))

    def show(self, kind: str) -> None:
        """Print a table."""
        print(f"\n{self.count} {kind} frames; withdrawn in one of both: {self.withdrawn}\n")
        print("| class | frames | pixels changed: median, 95 %, worst | over 1 % | area, worst | Dice, least |")
        print("|---|---|---|---|---|---|")
        for name, held in self.pixels.items():
            before, after, changed = np.array(held).T
            percent = 100 * changed / np.maximum(before, 1)
            dice = 1 - changed / (before + after)
            area = 100 * np.abs(after - before) / np.maximum(before, 1)
            spread = f"{np.median(percent):.3f}, {np.percentile(percent, 95):.2f}, {percent.max():.2f} %"
            print(
                f"| {name} | {len(held)} | {spread} | {int((percent > 1).sum())} | {area.max():.2f} % | "
                f"{dice.min():.4f} |"
            )
        for name, values in {**self.areas, **self.measures}.items():
            unit = " %" if name in self.areas else ""
            spread = f"at worst {max(values):.2f}{unit}, median {np.median(values):.3f}{unit}"
            print(f"* {name}: {spread}; there in one of both alone: {self.none[name]}")


def time_both(rounds: int) -> None:
    """Print how long the network takes of a frame alone, and of one of a pullback."""
    checkpoint = load_checkpoint(BUNDLED)
    backends = {each: choose_backend(checkpoint, "cpu", "openvino", each) for each in PRECISIONS}
    rng, size = np.random.default_rng(0), checkpoint.config.preprocessing.size
    inputs = [rng.integers(0, 256, (1, *size), np.uint8) for _ in range(8)]
    ways: dict[str, Callable[[Backend], None]] = {
        "alone, on all cores": lambda backend: _consume(backend(each) for each in inputs),
        "of a pullback, a core each": lambda backend: _consume(_streamed(backend, inputs)),
    }
    print("\n| a frame | f32, CPU ms | bf16, CPU ms | f32 / bf16, CPU | f32 / bf16, clock |\n|---|---|---|---|---|")
    for name, work in ways.items():
        taken: dict[str, list[tuple[float, float]]] = {each: [] for each in PRECISIONS}
        for at in range(rounds + 3):
            for precision in PRECISIONS if at % 2 else reversed(PRECISIONS):
                cpu, clock = time.process_time(), time.perf_counter()
                work(backends[precision])
                taken[precision].append((time.process_time() - cpu, time.perf_counter() - clock))
        exact, rounded = (1e3 / len(inputs) * np.array(taken[each][3:]) for each in PRECISIONS)
        ratio, clock_ratio = np.median(exact / rounded, axis=0)
        least = exact[:, 0].min() / rounded[:, 0].min()
        print(
            f"| {name} | {np.median(exact[:, 0]):.1f} | {np.median(rounded[:, 0]):.1f} | {ratio:.2f}, of the least "
            f"{least:.2f} | {clock_ratio:.2f} |"
        )


def _streamed(backend: Backend, inputs: list[np.ndarray]) -> Iterator[np.ndarray]:
    """As a pullback does it: as many at once as the backend takes."""
    begun = []
    for each in inputs:
        begun.append(backend.begin(each))
        if len(begun) >= backend.at_once:
            yield begun.pop(0)()
    for wait in begun:
        yield wait()


def _consume(made: Iterable[object]) -> None:
    for _ in made:
        pass


def run(code: str, *given: str) -> str:
    """What code prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code, *given], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
