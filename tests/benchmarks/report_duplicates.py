"""How alike two frames look to the search for duplicates: the same frame re-coded, its neighbours, other patients.

    python -m tests.benchmarks.report_duplicates [FOLDER]      FOLDER is a fold of the Zenodo record

Prints a Markdown table; the threshold is `train.preparing.duplicates.SAME`.
"""

import sys
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from octseg.phantom import make_phantom
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.view import sepia_to_grey
from tests.benchmarks.report_scale import REAL_FRAMES, through_jpeg
from train.preparing.duplicates import SAME, describe

PHANTOMS = 100


def grey(frame: Frame) -> Frame:
    return np.repeat(sepia_to_grey(frame)[..., None], 3, axis=2)


CHANGED = {
    "JPEG, quality 90": lambda frame: through_jpeg(frame, 90),
    "JPEG, quality 60": lambda frame: through_jpeg(frame, 60),
    "512 px": lambda frame: np.asarray(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_AREA), np.uint8),
    "grey": grey,
    "70 % as bright": lambda frame: (frame * 0.7).astype(np.uint8),
    "shifted by 1 px both ways": lambda frame: np.roll(frame, (1, 1), (0, 1)),
    "shifted by 3 and 2 px": lambda frame: np.roll(frame, (3, 2), (0, 1)),
}


def print_row(what: str, alike: list[float]) -> None:
    print(f"| {what} | {len(alike)} | {min(alike):.2f} | {np.median(alike):.2f} | {max(alike):.2f} |")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL_FRAMES
    paths = sorted(folder.glob("*/img/*.png"))
    frames = [next(iter(read_pullback(path))) for path in paths]
    studies = [path.name.split("_")[0] for path in paths]
    described = [describe(frame) for frame in frames]
    pairs = list(combinations(range(len(frames)), 2))
    print(f"Similarity; from {SAME} two frames count as one.\n")
    print("| pair | n | least | median | most |\n|---|---|---|---|---|")
    for name, change in CHANGED.items():
        print_row(
            f"a frame and itself, {name}",
            [float(describe(change(frames[i])) @ described[i]) for i in range(0, len(frames), 8)],
        )
    same = [(i, j) for i, j in pairs if studies[i] == studies[j]]
    print_row("neighbours in a pullback", [float(described[i] @ described[j]) for i, j in same if j == i + 1])
    print_row("same pullback, further apart", [float(described[i] @ described[j]) for i, j in same if j > i + 5])
    print_row("different patients", [float(described[i] @ described[j]) for i, j in pairs if studies[i] != studies[j]])
    phantoms = [describe(make_phantom(seed).frame) for seed in range(PHANTOMS)]
    print_row("different phantoms", [float(a @ b) for a, b in combinations(phantoms, 2)])


if __name__ == "__main__":
    main()
