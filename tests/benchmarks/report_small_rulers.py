"""Of how many frames made smaller and kept as JPEG the burned-in ruler still tells the scale, and of how many wrongly.

    python -m tests.benchmarks.report_small_rulers [--data DIR ...] [--every N] [--phantoms N]

DIR has img/ and mask/ as the Zenodo record has. The scale of each frame as it is counts as true.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from octseg.phantom import random_spec, render
from octseg.pullback import Frame
from octseg.view import find_pixel_scale, find_ruler
from train.dataset import open_data

SIZES = (1.0, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
QUALITIES = (None, 95, 90, 85, 75, 60, 50, 30)  # None: not compressed
WRONG = 0.01
FIELDS_MM = (5.0, 7.0, 10.0)


def worn(frame: Frame) -> Iterator[tuple[float, Frame]]:
    """A frame (H, W, 3) at each size and quality; the size beside it, as its pixels tell."""
    height, width = frame.shape[:2]
    for size in SIZES:
        small = Image.fromarray(frame).resize((round(size * width), round(size * height)), Image.Resampling.BICUBIC)
        for quality in QUALITIES:
            stream = io.BytesIO()
            if quality is None:
                small.save(stream, "PNG")
            else:
                small.save(stream, "JPEG", quality=quality, subsampling=2)
            yield small.width / width, np.array(Image.open(stream).convert("RGB"))


def row(name: str, frames: Sequence[Frame]) -> str:
    """Of one kind of frames: rulers found and of these without a ring; scales told, and wrong ones."""
    seen = rulers = without_ring = told = wrong = 0
    for frame in frames:
        true_mm = find_pixel_scale(frame).pixel_spacing_mm
        assert true_mm is not None
        for size, small in worn(frame):
            ruler = find_ruler(small)
            spacing_mm = find_pixel_scale(small, ruler=ruler).pixel_spacing_mm
            seen, rulers, told = seen + 1, rulers + (ruler is not None), told + (spacing_mm is not None)
            without_ring += ruler is not None and ruler.ring_diameter_px is None
            wrong += spacing_mm is not None and abs(spacing_mm * size / true_mm - 1) > WRONG
    return f"| {name} | {seen} | {rulers} | {without_ring} | {told} | {wrong} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="every so many frames of each DIR")
    parser.add_argument("--phantoms", type=int, default=0)
    asked = parser.parse_args()
    print("| frames | pictures | rulers | without a ring | scales | wrong by 1 % and more |\n|---|---|---|---|---|---|")
    for folder in asked.data:
        cases = islice(open_data(folder, "test").cases(), 0, None, asked.every)
        print(row(f"{folder.parent.name}/{folder.name}", [case.frame for case in cases]), flush=True)
    if asked.phantoms:
        fields = [FIELDS_MM[seed % len(FIELDS_MM)] for seed in range(asked.phantoms)]
        specs = [random_spec(seed, colouring="sepia", ruler=True, field_mm=mm) for seed, mm in enumerate(fields)]
        print(row("phantoms", [render(spec).frame for spec in specs]), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
