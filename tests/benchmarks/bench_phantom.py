"""Phantoms beside real frames, as numbers, and how fast they are made.

    python -m tests.benchmarks.bench_phantom --real ../shared/data/oct/fold_1 --count 60

Grey is the red channel, 0 to 255. Phantoms are drawn as the real frames are: 750 px, 5.01 mm, sepia.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.measurement.frame import measure
from octseg.phantom import random_spec, render

SIZE_PX, FIELD_MM = 750, 5.01
SPACING_UM = 1e3 * FIELD_MM / SIZE_PX
ANGLES = 2048
PROFILE_STEP = 8  # pixels of depth, 53 um
STATISTICS = ("lumen", "cap", "lipid", "other wall")


@dataclass
class Figures:
    """What is gathered over many frames."""

    grey: dict[str, list[float]]
    quartiles: dict[str, list[NDArray[np.float64]]]
    under_lumen: list[NDArray[np.float32]]
    under_cap: list[NDArray[np.float32]]
    axial_um: list[float]
    lateral_um: list[float]
    spread: list[float]


def real_frames(folder: Path, every: int) -> Iterator[tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]]:
    """Frames of study 001, whose scale is known."""
    for path in sorted((folder / "train" / "img").glob("*.png"))[::every]:
        frame = cv2.imread(str(path))[..., ::-1]
        planes = tifffile.imread(folder / "train" / "mask" / f"{path.stem}.tiff") > 0
        yield frame, {name: planes[..., k] for k, name in enumerate(CLASS_NAMES)}


def phantoms(count: int) -> Iterator[tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]]:
    """Phantoms with the scale of study 001, their lipid drawn to the rim as there."""
    for seed in range(10_000, 10_000 + count):
        spec = random_spec(seed, size_px=SIZE_PX, field_mm=FIELD_MM, colouring="sepia", lipid_mask_depth="rim")
        phantom = render(spec)
        yield phantom.frame, phantom.masks


def gather(frames: Iterator[tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]]) -> Figures:
    """Grey of each tissue, grey over depth, size and spread of the speckle."""
    figures = Figures({k: [] for k in STATISTICS}, {k: [] for k in STATISTICS}, [], [], [], [], [])
    offset = np.arange(SIZE_PX) - (SIZE_PX - 1) / 2
    radius = np.hypot(offset[:, None], offset[None, :])
    disc = radius < SIZE_PX / 2 - 5
    outside_catheter = radius > 0.5 / FIELD_MM * SIZE_PX
    for frame, masks in frames:
        grey = frame[..., 0]
        labelled = np.logical_or.reduce(list(masks.values()))
        parts = (masks["lumen"], masks["fibrous_cap"], masks["lipid_core"], ~labelled)
        for name, part in zip(STATISTICS, parts, strict=True):
            values = grey[part & disc & outside_catheter]
            if values.size > 500:
                figures.grey[name].append(float(values.mean()))
                figures.quartiles[name].append(np.percentile(values, (5, 25, 50, 75, 95)))
        _gather_depth(grey, masks, figures)
    return figures


def _polar(plane: NDArray[np.uint8], mode: int) -> NDArray[np.float32]:
    middle = (SIZE_PX - 1) / 2
    flat = plane.astype(np.float32)
    return np.asarray(cv2.warpPolar(flat, (SIZE_PX // 2, ANGLES), (middle, middle), SIZE_PX / 2, mode))


def _gather_depth(grey: NDArray[np.uint8], masks: dict[str, NDArray[np.bool_]], figures: Figures) -> None:
    lines = _polar(grey, cv2.INTER_LINEAR)
    lumen, cap, lipid = (
        _polar(masks[name].astype(np.uint8), cv2.INTER_NEAREST) > 0 for name in ("lumen", "fibrous_cap", "lipid_core")
    )
    edge = lumen.shape[1] - 1 - np.argmax(lumen[:, ::-1], axis=1)
    front = np.argmax(lipid, axis=1)
    padded = np.pad(lines, ((0, 0), (0, 240)), constant_values=np.nan)
    for line in range(0, ANGLES, 4):
        if lipid[line].any():
            start = front[line] - 40
            if start > 0:
                figures.under_cap.append(padded[line, start : start + 240 : PROFILE_STEP])
        elif not cap[line].any():
            figures.under_lumen.append(padded[line, edge[line] : edge[line] + 240 : PROFILE_STEP])
    fine = _polar(grey, cv2.INTER_CUBIC)
    block = 128
    for start in range(0, ANGLES, block):
        rows = np.arange(start, start + block)
        first = edge[rows] + 8
        if first.max() > SIZE_PX // 2 - 60:
            continue
        strip = fine[rows[:, None], first[:, None] + np.arange(44)]
        if strip.mean() < 120 or np.abs(np.diff(edge[rows])).max() > 3 or (strip.mean(axis=1) < 90).any():
            continue
        pitch_um = float((first + 22).mean()) * SPACING_UM * 2 * np.pi / ANGLES
        flat = strip - cv2.GaussianBlur(strip, (0, 0), sigmaX=60 / SPACING_UM, sigmaY=60 / pitch_um)
        figures.axial_um.append(_width(flat, SPACING_UM))
        figures.lateral_um.append(_width(flat.T, pitch_um))
        figures.spread.append(float(flat.std()))


def _width(values: NDArray[np.float32], pitch_um: float) -> float:
    """Full width at half maximum of the autocorrelation along the rows (um)."""
    lags = min(30, values.shape[1] // 2)
    product = np.array([(values[:, : values.shape[1] - k] * values[:, k:]).mean() for k in range(lags)])
    product /= product[0]
    below = int(np.argmax(product < 0.5))
    part = (product[below - 1] - 0.5) / (product[below - 1] - product[below])
    return float(2 * pitch_um * (below - 1 + part))


def frames_per_second(count: int) -> float:
    """Phantoms of 704 px a second of processor time: on one core that does nothing else."""
    cv2.setNumThreads(1)
    specs = [random_spec(seed, size_px=704) for seed in range(count)]
    render(specs[0])
    start = time.process_time()
    for spec in specs:
        render(spec)
    return count / (time.process_time() - start)


def agreement(count: int) -> str:
    """Measures of the masks of phantoms minus their truth: mean, standard deviation, largest, a line each."""
    names = ("lipid_core_area_mm2", "fibrous_cap_area_mm2", "lipid_arc_deg")
    names += ("fibrous_cap_thickness_min_um", "fibrous_cap_thickness_mean_um")
    off: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(300, 300 + count):
        phantom = render(random_spec(seed, lipid=True))
        measures = measure(phantom.masks, pixel_spacing_mm=phantom.pixel_spacing_mm)
        for name, values in off.items():
            measured, true = getattr(measures, name), getattr(phantom.truth, name)
            if measured is not None and true is not None:
                values.append(100 * (measured / true - 1) if name.endswith("mm2") else measured - true)
    lines = []
    for name, values in off.items():
        spread = f"{np.mean(values):.2f} +- {np.std(values):.2f}, at most {np.abs(values).max():.2f}"
        lines.append(f"{name}{' (%)' if name.endswith('mm2') else ''}: {spread}")
    return "\n".join(lines)


def _profile_rows(figures: Sequence[Figures]) -> list[list[str]]:
    """Grey by depth behind the lumen's edge and behind the front of lipid, mean and spread of each."""
    rows = []
    for name in ("under_lumen", "under_cap"):
        values = [np.nanmean(np.array(getattr(f, name)), axis=0) for f in figures]
        spreads = [np.nanstd(np.array(getattr(f, name)), axis=0) for f in figures]
        for k in range(0, 24, 2):
            depth = k * PROFILE_STEP * SPACING_UM - (40 * SPACING_UM if name == "under_cap" else 0)
            label = "lumen's edge" if name == "under_lumen" else "front of the lipid"
            rows.append(
                [
                    f"grey {depth:.0f} um behind the {label}",
                    *(f"{v[k]:.0f} +- {s[k]:.0f}" for v, s in zip(values, spreads, strict=True)),
                ]
            )
    return rows


def table(real: Figures | None, made: Figures) -> str:
    """The figures as a table of Markdown, real frames first."""
    both = [real, made] if real else [made]
    rows = [["", "real", "phantom"] if real else ["", "phantom"]]
    for name in STATISTICS:
        rows.append([f"mean grey, {name}", *(f"{np.mean(f.grey[name]):.0f}" for f in both)])
        rows.append(
            [
                f"5, 25, 50, 75, 95 % of grey, {name}",
                *(" ".join(f"{v:.0f}" for v in np.mean(f.quartiles[name], axis=0)) for f in both),
            ]
        )
    rows.append(["speckle along the ray (um)", *(f"{np.median(f.axial_um):.1f}" for f in both)])
    rows.append(["speckle across the ray (um)", *(f"{np.median(f.lateral_um):.1f}" for f in both)])
    rows.append(["standard deviation of speckle (grey)", *(f"{np.median(f.spread):.1f}" for f in both)])
    rows += _profile_rows(both)
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body])


def main() -> None:
    """Print the table and the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder with train/img and train/mask of the public record")
    parser.add_argument("--every", type=int, default=3, help="take every n-th real frame")
    parser.add_argument("--count", type=int, default=60, help="phantoms to measure")
    flags = parser.parse_args()
    real = gather(real_frames(flags.real, flags.every)) if flags.real else None
    sys.stdout.write(table(real, gather(phantoms(flags.count))))
    sys.stdout.write(f"\n\nmeasures of 60 masks minus their truth\n{agreement(60)}")
    sys.stdout.write(f"\n\n{frames_per_second(30):.1f} phantoms of 704 px a second on one core\n")


if __name__ == "__main__":
    main()
