"""Steps of training a second, side by side in one run: `python -m tests.benchmarks.training_steps`.

Plain: the same network, loss and batches in eager float32, memory laid out as torch does by default, each batch made
before its step. Ours: `train.learning.loop.train` itself; "no augmentation" is the same with one batch again and again.
They take turns, ROUNDS times, each time in a new process, for memory settings are a process's. Frames are phantoms.
Times wander with the machine, so they are given as ratios.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import train.learning.loop
from octseg.checkpoint.normalising import normalise_of
from octseg.classes import CLASS_NAMES
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.dilated import DilatedDepthwise
from octseg.view.preprocessing import PreprocessingConfig
from train.dataset import load_phantom
from train.learning.batches import make_batch
from train.learning.engine import Engine
from train.learning.loop import preprocessing_of
from train.learning.losses import segmentation_loss
from train.learning.presets import POLAR
from train.learning.recipe import Recipe, Stage

BATCH, SIDES, ROUNDS, STEPS = 8, (256, 512), 3, {256: 6, 512: 2}
WARM_UP = 3  # steps that are not counted: memory is taken and batches are made ahead
WAYS = ("plain eager float32", "ours", "ours, no augmentation")
PHANTOMS = 8


def main() -> None:
    """Let the ways take turns and print what they took; as a child, run one of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--side", type=int)
    parser.add_argument("--sides", type=int, nargs="+", choices=SIDES, default=SIDES)
    options = parser.parse_args()
    if options.way is not None:
        _child(options.way, options.side)
        return
    threads, precision = torch.get_num_threads(), Engine().precision
    print(f"batches of {BATCH}, {ROUNDS} rounds in turn, medians; {threads} threads, ours in {precision}")
    print("| input | way | seconds a step | steps a second, ratio to plain |\n|---|---|---|---|")
    for side in options.sides:
        seconds = {way: float(np.median(taken)) for way, taken in _in_turns(side).items()}
        for way, taken in seconds.items():
            print(f"| {side} x {side} | {way} | {taken:.2f} | {seconds[WAYS[0]] / taken:.2f} |")
        share = 1.0 - seconds[WAYS[-1]] / seconds[WAYS[1]]
        alone = _making(side)
        print(f"augmentation at {side}: {share:+.1%} of our step; {alone:.3f} s to make a batch by itself")


def _in_turns(side: int) -> dict[str, list[float]]:
    """Seconds a step of each way, by round."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, seconds in taken.items():
            command = [sys.executable, "-m", "tests.benchmarks.training_steps", "--side", str(side), "--way", way]
            seconds.append(float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
    return taken


class _Timed:
    """Called after each step; ends the process after so many."""

    def __init__(self, side: int) -> None:
        self.steps, self.step, self.since = STEPS[side], 0, 0.0

    def __call__(self) -> None:
        self.step += 1
        if self.step == WARM_UP:
            self.since = time.perf_counter()
        if self.step == WARM_UP + self.steps:
            print((time.perf_counter() - self.since) / self.steps)
            sys.exit(0)


def _parts(side: int) -> tuple[Recipe, PreprocessingConfig, ModelConfig]:
    stage = Stage(steps=1000, batch=BATCH, size=(side, side))
    return Recipe(stages=(stage,), phantom_share=0.0), preprocessing_of(stage, POLAR), ModelConfig()


def _child(way: str, side: int) -> None:
    recipe, preprocessing, network_config = _parts(side)
    frames = [load_phantom(seed, CLASS_NAMES) for seed in range(PHANTOMS)]
    timed = _Timed(side)
    if way == WAYS[0]:
        torch.manual_seed(0)
        network = DeepLabV3Plus(network_config).train()
        for module in network.modules():
            if isinstance(module, DilatedDepthwise):
                module.__class__ = nn.Conv2d  # torch's own dilated convolution
        normalise = normalise_of(preprocessing, network_config)
        optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
        for step in itertools.count():
            batch = make_batch(frames, [], preprocessing, recipe, 0, step)
            loss = segmentation_loss(network(normalise(batch.grey)), batch.truth, recipe.loss)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            timed()
    if way == WAYS[-1]:
        batch = make_batch(frames, [], preprocessing, recipe, 0, 0)
        train.learning.loop.batches = lambda *_: itertools.repeat(batch)  # type: ignore[attr-defined]

    def observe(_stage: int, _step: int, _average: nn.Module) -> None:
        timed()

    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "encoder.safetensors"
        save_file(DeepLabV3Plus(network_config).encoder.state_dict(), start)
        train.learning.loop.train(
            frames,
            [],
            imagenet=start,
            network_config=network_config,
            preprocessing=preprocessing,
            recipe=recipe,
            out=Path(folder) / "run",
            save_every_s=float("inf"),
            observe=observe,
            engine=Engine(),
        )


def _making(side: int) -> float:
    recipe, preprocessing, _ = _parts(side)
    frames = [load_phantom(seed, CLASS_NAMES) for seed in range(PHANTOMS)]
    seconds = []
    for step in range(10):
        since = time.perf_counter()
        make_batch(frames, [], preprocessing, recipe, 0, step)
        seconds.append(time.perf_counter() - since)
    return float(np.median(seconds))


if __name__ == "__main__":
    main()
