"""Batches drawn by chance, each from a seed of its own: stage and step say what it holds, whatever came before.

So a run that goes on after a stop draws what it would have drawn.
"""

import queue
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from octseg.view.preprocessing import PreprocessingConfig
from train.dataset import TrainingFrame
from train.learning.augment import augmented
from train.learning.recipe import Recipe

SAMPLES_AHEAD = 4  # batches prepared while the network works


@dataclass(frozen=True)
class Batch:
    """Grey (N, rows, columns) uint8 and truth (N, K, rows, columns) in [0, 1] of a share of the global batch.

    names: of all frames of the global batch.
    """

    names: tuple[str, ...]
    grey: Tensor
    truth: Tensor


def make_batch(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    stage: int,
    step: int,
    share: range | None = None,
) -> Batch:
    """The batch of one step, or a share of it: each frame is drawn and seen by seed, stage, step and its place."""
    seed = (recipe.seed, stage, step)
    frames = draw(real, phantoms, recipe, recipe.stages[stage].batch, np.random.default_rng(seed))
    views = [
        augmented(
            frames[place],
            preprocessing,
            np.random.default_rng((*seed, 1 + place)),
            recipe.augmentation,
            frames[(place + 1) % len(frames)],
        )
        for place in (range(len(frames)) if share is None else share)
    ]
    grey, truth = (np.stack(part) for part in zip(*views, strict=True))
    return Batch(tuple(frame.name for frame in frames), torch.from_numpy(grey), torch.from_numpy(truth))


def batches(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    stage: int,
    first_step: int,
    share: range | None = None,
) -> Generator[Batch, None, None]:
    """Batches from `first_step` on, or a share of each, prepared by a thread while the network works.

    The thread has ended when the generator has been closed.
    """
    ready: queue.Queue[Future[Batch]] = queue.Queue(maxsize=SAMPLES_AHEAD)
    ended = threading.Event()

    def fill() -> None:
        for step in range(first_step, recipe.stages[stage].steps):
            batch: Future[Batch] = Future()
            try:
                batch.set_result(make_batch(real, phantoms, preprocessing, recipe, stage, step, share))
            except Exception as error:  # whatever it is, it is raised where the batch is taken
                batch.set_exception(error)
            ready.put(batch)
            if ended.is_set():
                return

    filler = threading.Thread(target=fill, daemon=True)
    filler.start()
    try:
        for _ in range(first_step, recipe.stages[stage].steps):
            yield ready.get().result()
    finally:
        ended.set()
        with suppress(queue.Empty):
            while True:  # makes room for the batch that the thread holds
                ready.get_nowait()
        filler.join()


def draw(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    recipe: Recipe,
    batch: int,
    rng: np.random.Generator,
) -> list[TrainingFrame]:
    """One batch: `phantom_share` phantoms on average, and of the real frames `lipid_share` with lipid core."""
    with_lipid = [frame for frame in real if "lipid_core" in frame.has]
    drawn = []
    for _ in range(batch):
        if phantoms and rng.random() < recipe.phantom_share:
            drawn.append(phantoms[int(rng.integers(len(phantoms)))])
        else:
            pool = with_lipid if with_lipid and rng.random() < recipe.lipid_share else real
            drawn.append(_drawn_by_study(pool, rng) if recipe.balance_studies else pool[int(rng.integers(len(pool)))])
    return drawn


def _drawn_by_study(pool: Sequence[TrainingFrame], rng: np.random.Generator) -> TrainingFrame:
    """A study by chance, and then one of its frames."""
    studies = sorted({frame.study for frame in pool})
    chosen = studies[int(rng.integers(len(studies)))]
    of_study = [frame for frame in pool if frame.study == chosen]
    return of_study[int(rng.integers(len(of_study)))]
