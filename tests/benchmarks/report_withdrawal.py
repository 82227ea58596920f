"""Of how many OCT frames, and of how many pictures that are none, nothing is said.

    python -m tests.benchmarks.report_withdrawal [--count N] [--phantoms N]

Prints Markdown tables. Real frames (shared/data/oct, where it lies beside the repository) and phantoms are judged with
their true lumen; other exports and pictures that are no OCT with what the bundled model outlines, the latter also with
a round lumen drawn about the middle, as a better model might.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import octseg
from octseg.decoding.withdrawal import why_withdrawn
from octseg.phantom import random_spec, render
from octseg.pullback import Frame
from octseg.view import find_pixel_scale
from octseg.view.preprocessing import view_frame
from tests.fakes import pictures
from train.dataset import record_case

REAL_FRAMES = Path(__file__).parents[3] / "shared" / "data" / "oct"
FIRST_SEED = 300_000

Judged = tuple[Frame, NDArray[np.bool_], float | None]  # frame, its lumen, mm per pixel


def real(folder: str) -> Iterator[Judged]:
    for path in sorted((REAL_FRAMES / folder).rglob("img/*.png")):
        case = record_case(path)
        yield case.frame, case.truth["lumen"], None


def phantoms(count: int, *, ruler: bool | None = None, grey: bool = False, blood: bool = False) -> Iterator[Judged]:
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        made = render(random_spec(seed, ruler=ruler, colouring="grey" if grey else None))
        lumen = made.masks["lumen"]
        frame = pictures.with_blood(made.frame, lumen, np.random.default_rng(seed)) if blood else made.frame
        yield frame, lumen, made.spec.pixel_spacing_mm


def some_frames(count: int) -> list[Frame]:
    """Half of them phantoms without a ruler, half real ones where there are any."""
    paths = sorted((REAL_FRAMES / "fold_1" / "train").rglob("img/*.png"))
    taken = paths[:: max(1, 2 * len(paths) // count)][: count // 2]
    specs = (random_spec(FIRST_SEED + k, ruler=False, colouring="sepia") for k in range(count - len(taken)))
    return [record_case(path).frame for path in taken] + [render(spec).frame for spec in specs]


def by_model(model: octseg.Segmenter, frames: Iterable[Frame]) -> Iterator[Judged]:
    for frame in frames:
        result = model.segment(frame)
        yield frame, result.masks["lumen"], result.pixel_spacing_mm


def with_round_lumen(frames: Iterable[Frame]) -> Iterator[Judged]:
    for frame in frames:
        height, width = frame.shape[:2]
        row, col = np.ogrid[:height, :width]
        centre = view_frame(frame).catheter_centre
        yield frame, np.hypot(row - centre[0], col - centre[1]) <= 0.2 * min(height, width), None


def withdrawn(judged: Iterable[Judged], spent: list[float]) -> tuple[int, int]:
    """How many there are and how many are withdrawn; the seconds that each took are added to `spent`."""
    total = gone = 0
    for frame, lumen, spacing in judged:
        view = view_frame(frame)
        known = find_pixel_scale(frame, user_mm=spacing, ruler=view.ruler).pixel_spacing_mm
        start = time.process_time()
        gone += why_withdrawn(frame, view, lumen, known) is not None
        spent.append(time.process_time() - start)
        total += 1
    return total, gone


def print_good(model: octseg.Segmenter, count: int, n_phantoms: int) -> None:
    spent: list[float] = []
    kinds = {
        "real frames": real("fold_1"),
        "recovered frames": real("recovered"),
        "phantoms": phantoms(n_phantoms),
        "phantoms without ruler": phantoms(n_phantoms // 4, ruler=False),
        "phantoms in grey": phantoms(n_phantoms // 4, grey=True),
        "phantoms with residual blood": phantoms(n_phantoms // 4, ruler=False, blood=True),
        "whole console exports": by_model(model, map(_read, sorted((REAL_FRAMES / "console").glob("*.png")))),
    }
    frames = some_frames(count)
    kinds |= {name: by_model(model, map(export, frames)) for name, export in pictures.EXPORTS.items()}
    print("| OCT frames | n | withdrawn |\n|---|---|---|")
    for name, judged in kinds.items():
        total, gone = withdrawn(judged, spent)
        print(f"| {name} | {total} | {gone} |", flush=True)
    print(f"\nMedian {1000 * np.median(spent):.1f} ms of one core a frame.\n")


def print_bad(model: octseg.Segmenter, count: int) -> None:
    frames = [render(random_spec(FIRST_SEED + k, colouring="sepia")).frame for k in range(count // 2)]
    frames += [frame for frame, *_ in real("fold_1/test")][: count - len(frames)]
    kinds = {name: [draw(np.random.default_rng(k)) for k in range(count)] for name, draw in pictures.NO_OCT.items()}
    kinds |= {name: [spoil(frame) for frame in frames] for name, spoil in pictures.SPOILT.items()}
    print("| no OCT frame | n | withdrawn | with a round lumen |\n|---|---|---|---|")
    for name, shown in kinds.items():
        total, gone = withdrawn(by_model(model, shown), [])
        print(f"| {name} | {total} | {gone} | {withdrawn(with_round_lumen(shown), [])[1]} |", flush=True)


def _read(path: Path) -> Frame:
    return next(iter(octseg.read_pullback(path)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=8, help="frames of each other export, pictures of each kind")
    parser.add_argument("--phantoms", type=int, default=200)
    options = parser.parse_args()
    model = octseg.from_pretrained()
    print_good(model, options.count, options.phantoms)
    print_bad(model, options.count)


if __name__ == "__main__":
    main()
