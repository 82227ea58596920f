"""What one frame costs, step by step, side by side in one run: `python -m tests.benchmarks.latency`.

The frame is a phantom of 750 px. Times wander with the machine, so each is given as a ratio to the network alone.
"""

import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from octseg.boxed import BoxedMap
from octseg.checkpoint import load_checkpoint
from octseg.checkpoint.normalising import normalise_of
from octseg.decoding import Levels, RayGrid, decode
from octseg.drawing.screen import encode_jpeg
from octseg.export.pictures import overlay_png
from octseg.inference import choose_backend
from octseg.measurement.frame import measure_seen
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED, from_pretrained
from octseg.reading import read_pullback
from octseg.view.preprocessing import to_frame, to_input, view_frame

SEED = 0  # a phantom of 750 px with lipid, cap, ruler and guide wire
ROUNDS = 30
COLD_RUNS = 3


def main() -> None:
    """Measure all steps in turn, ROUNDS times, and print their medians."""
    checkpoint = load_checkpoint(BUNDLED)
    segmenter = from_pretrained()
    frame = make_phantom(SEED).frame
    png = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()
    view = view_frame(frame)
    config = checkpoint.config.preprocessing
    inputs = to_input(view, config)[None]
    openvino, folded = (choose_backend(checkpoint, "cpu", name) for name in ("openvino", "torch"))
    planes = openvino(inputs)[0]
    result = segmenter.segment(frame)
    boxed = {name: BoxedMap.of(map_) for name, map_ in result.probabilities.items()}
    levels = Levels(checkpoint.config.every_threshold)
    grid = RayGrid((frame.shape[0], frame.shape[1]), view.catheter_centre, view.reach_px)
    measured: Any = {"disc": result.disc, "frame_side_px": grid.side_px}
    [outlines] = decode([boxed], levels, grid, view.disc, result.pixel_spacing_mm)
    eager = copy.deepcopy(checkpoint.network).eval()
    eager_input = normalise_of(config, checkpoint.config.network)(torch.from_numpy(inputs))

    def run_eager() -> None:
        with torch.inference_mode():
            eager(eager_input).sigmoid()

    steps: dict[str, Callable[[], object]] = {
        "network alone, OpenVINO f32": lambda: openvino(inputs),
        "network alone, PyTorch eager": run_eager,
        "network alone, PyTorch folded, channels_last": lambda: folded(inputs),
        "array in, masks and measures out": lambda: segmenter.segment(frame),
        "the same with 95 % intervals": lambda: segmenter.segment(frame, uncertainty=True),
        "PNG in, JPEG overlay out": lambda: encode_jpeg(np.asarray(segmenter.segment(png).overlay())),
        "  decode the PNG": lambda: next(iter(read_pullback(png))),
        "  find disc, ruler and catheter, clean": lambda: view_frame(frame),
        "  to the network's input": lambda: to_input(view, config),
        "  probability back to the frame": lambda: to_frame(planes, view, config),
        "  decode the outlines": lambda: decode([boxed], levels, grid, view.disc, result.pixel_spacing_mm),
        "  measure": lambda: measure_seen(outlines, result.pixel_spacing_mm, view, **measured),
        "  overlay": result.overlay,
        "  overlay as a PNG file": lambda: overlay_png(result),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    network = median["network alone, OpenVINO f32"]
    print(f"one phantom of {frame.shape[0]} px, {ROUNDS} interleaved rounds, medians")
    print("| step | ratio to the network alone | ms |\n|---|---|---|")
    for name, value in median.items():
        print(f"| {name} | {value / network:.2f} | {value * 1e3:.1f} |")
    cold = cold_start_seconds(png)
    print(f"| `octseg predict` on one PNG, cold process, worst of {COLD_RUNS} | | {cold * 1e3:.0f} |")


def cold_start_seconds(png: bytes) -> float:
    """The longest of a few `octseg predict` in a process of its own, from its start to its end."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.png"
        path.write_bytes(png)
        for run in range(COLD_RUNS):
            command = [sys.executable, "-m", "octseg", "predict", str(path), "--out", str(Path(folder) / str(run))]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken.append(time.perf_counter() - start)
    return max(taken)


if __name__ == "__main__":
    main()
