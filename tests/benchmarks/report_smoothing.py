"""What smoothing along a pullback does: flicker of lipid area from frame to frame, and Dice, without and with it.

    python -m tests.benchmarks.report_smoothing [--phantoms N] [--frames F] [--study FOLDER]

Phantom pullbacks of seeds 1 to N; FOLDER has img/ and mask/ (planes in the order of classes.py) of one pullback whose
names sort in its order, such as ../shared/data/oct/fold_1/train: study 001, which the bundled model was trained on.
Flicker is the mean difference of area between neighbouring frames, in mm2; Dice is pooled over pixels, to the depth to
which lipid counts.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

import octseg
from octseg import Segmenter
from octseg.measurement.depth import lipid_depth_px, visible_lipid
from octseg.phantom import random_pullback
from octseg.pullback import Pullback

Masks = dict[str, np.ndarray]


def phantom(seed: int, count: int) -> tuple[Pullback, Iterator[Masks]]:
    vessel = random_pullback(seed, count)
    return vessel.pullback(), (each.masks for each in vessel.phantoms())


def study(folder: Path) -> tuple[Pullback, Iterator[Masks]]:
    paths = sorted((folder / "img").iterdir())

    def masks() -> Iterator[Masks]:
        for path in paths:
            planes = tifffile.imread(folder / "mask" / f"{path.stem}.tiff") > 0
            yield {"lumen": planes[..., 0], "lipid_core": planes[..., 2]}

    def frames() -> Iterator[np.ndarray]:
        for path in paths:
            yield from octseg.read_pullback(path)

    return Pullback(name="study", frame_count=len(paths), read_frames=frames), masks()


def row(segmenter: Segmenter, pullback: Pullback, true: Iterator[Masks], *, smooth: bool) -> str:
    """Cells of the table."""
    areas, true_areas, both, either = [], [], 0, 0
    for result, masks in zip(segmenter.segment_pullback(pullback, smooth=smooth), true, strict=True):
        mm, found = result.pixel_spacing_mm, result.masks["lipid_core"]
        assert mm is not None
        drawn = visible_lipid(masks["lipid_core"], masks["lumen"], lipid_depth_px(mm, min(found.shape)))
        areas.append(result.measures.lipid_core_area_mm2 or 0.0)
        true_areas.append(float(drawn.sum()) * mm**2)
        both += int((found & drawn).sum())
        either += int(found.sum()) + int(drawn.sum())
    flicker, true_flicker = (float(np.abs(np.diff(each)).mean()) for each in (areas, true_areas))
    return f"{flicker:.3f} | {true_flicker:.3f} | {2 * both / max(either, 1):.3f}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=4)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--study", type=Path)
    asked = parser.parse_args()
    segmenter = octseg.from_pretrained()
    print("| pullback | smoothed | flicker, mm2 | of the truth | lipid Dice |\n|---|---|---|---|---|", flush=True)
    names = [f"phantom {seed}" for seed in range(1, asked.phantoms + 1)] + (["study"] if asked.study else [])
    for name in names:
        for smooth in (False, True):
            given = study(asked.study) if name == "study" else phantom(int(name.split()[1]), asked.frames)
            print(f"| {name} | {'yes' if smooth else 'no'} | {row(segmenter, *given, smooth=smooth)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
