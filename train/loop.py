"""Training as plain functions: batches drawn by chance, one cycle of the learning rate, averaged weights.

A run is a folder: log.jsonl with a line for every report, state.pt to go on from, and in the end the checkpoint.
"""

import copy
import ctypes
import json
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.network import channels_last
from octseg.model.normalise import Normalise
from octseg.preprocessing import PreprocessingConfig
from train.augment import augmented
from train.dataset import TrainingFrame
from train.losses import bce_dice_loss

REPORT_EVERY = 20  # steps
SAVE_EVERY = 50  # steps
MAX_GRADIENT_NORM = 5.0
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
SAMPLES_AHEAD = 4  # batches prepared while the network works


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of training at one input size."""

    steps: int
    batch: int
    size: tuple[int, int]
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-4


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the network is trained; stored with the weights."""

    stages: tuple[Stage, ...]
    phantom_share: float = 0.35  # of each batch
    lipid_share: float = 0.6  # of the real frames of each batch, at least
    weight_decay: float = 1e-2
    ema_decay: float = 0.99
    warm_up: float = 0.1  # part of a stage's steps
    seed: int = 0


def train(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    *,
    imagenet: Path,
    network_config: ModelConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    out: Path,
) -> DeepLabV3Plus:
    """The network with its averaged weights after all stages of `recipe`; goes on from `out`/state.pt."""
    keep_memory()
    torch.manual_seed(recipe.seed)
    network = DeepLabV3Plus(network_config)
    network.encoder.load_state_dict(load_file(imagenet), strict=True)
    network = channels_last(network).train()
    average = copy.deepcopy(network).eval()
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2))
    first_stage, first_step, optimiser_state = _resumed(out / "state.pt", network, average)
    for number, stage in enumerate(recipe.stages):
        if number < first_stage:
            continue
        start = first_step if number == first_stage else 0
        batches = _batches(real, phantoms, preprocessing_of(stage, preprocessing), recipe, stage, (number, start))
        optimiser = _optimiser(network, stage, recipe)
        if number == first_stage and optimiser_state is not None:
            optimiser.load_state_dict(optimiser_state)
        _run_stage(network, average, optimiser, batches, stage, number, start, preprocessing, recipe, out)
    return average


def preprocessing_of(stage: Stage, final: PreprocessingConfig) -> PreprocessingConfig:
    """The final preprocessing at a stage's own size, the wrapped rays in proportion."""
    wrap = final.wrap_rays * stage.size[0] // final.size[0]
    return PreprocessingConfig(domain=final.domain, size=stage.size, wrap_rays=wrap, mean=final.mean, std=final.std)


def keep_memory() -> None:
    """Tell glibc to keep freed memory: giving it back each step costs page faults, half of the time on a CPU."""
    if sys.platform == "linux":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Part of the peak learning rate: linear up over `warm_up` of the steps, then a cosine down to 0."""
    done = step / steps
    if done < warm_up:
        return (done + 1.0 / steps) / warm_up
    return 0.5 * (1.0 + float(np.cos(np.pi * (done - warm_up) / (1.0 - warm_up))))


def _optimiser(network: DeepLabV3Plus, stage: Stage, recipe: Recipe) -> torch.optim.AdamW:
    encoder = {id(parameter) for parameter in network.encoder.parameters()}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in encoder]
    groups = [
        {"params": list(network.encoder.parameters()), "peak": stage.encoder_learning_rate},
        {"params": rest, "peak": stage.learning_rate},
    ]
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=recipe.weight_decay)


def _run_stage(
    network: DeepLabV3Plus,
    average: nn.Module,
    optimiser: torch.optim.AdamW,
    batches: Iterator[tuple[Tensor, Tensor]],
    stage: Stage,
    number: int,
    start: int,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    out: Path,
) -> None:
    """Steps `start` to the end of one stage, logged and saved as it goes."""
    normalise = Normalise(preprocessing.mean, preprocessing.std)
    losses: list[float] = []
    since = time.monotonic()
    for step in range(start, stage.steps):
        factor = learning_rate_factor(step, stage.steps, recipe.warm_up)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        grey, truth = next(batches)
        frames = normalise(grey).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(frames)
        loss = bce_dice_loss(logits.float(), truth)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss.item()} at step {step} of stage {number}; nothing was saved")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT_NORM)
        optimiser.step()
        _average_into(average, network, min(recipe.ema_decay, (1 + step) / (10 + step) if number == 0 else 1.0))
        losses.append(loss.item())
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == stage.steps:
            rate = len(losses) / (time.monotonic() - since)
            report = {"stage": number, "step": step + 1, "loss": float(np.mean(losses)), "steps_per_s": rate}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(report) + "\n")
            losses, since = [], time.monotonic()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == stage.steps:
            _save_state(out / "state.pt", network, average, optimiser, number, step + 1)


def _average_into(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and BatchNorm's statistics."""
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1.0 - decay)
            else:
                kept.copy_(new)


def _save_state(
    path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.AdamW, stage: int, step: int
) -> None:
    """Replace the file in one move, so that a run that is cut off keeps the one before."""
    partial = path.with_suffix(".partial")
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "stage": stage,
        "step": step,
    }
    torch.save(state, partial)
    partial.replace(path)


def _resumed(path: Path, network: nn.Module, average: nn.Module) -> tuple[int, int, dict[str, object] | None]:
    """Stage, step and optimiser's state to go on from; (0, 0, None) for a new run."""
    if not path.exists():
        return 0, 0, None
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    return state["stage"], state["step"], state["optimiser"]


def _batches(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    stage: Stage,
    seed_parts: tuple[int, int],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, prepared by a thread: grey (N, rows, columns) uint8 and truth (N, K, rows, columns)."""
    rng = np.random.default_rng((recipe.seed, *seed_parts))
    ready: queue.Queue[Future[tuple[Tensor, Tensor]]] = queue.Queue(maxsize=SAMPLES_AHEAD)

    def prepared() -> tuple[Tensor, Tensor]:
        drawn = [augmented(frame, preprocessing, rng) for frame in draw(real, phantoms, recipe, stage.batch, rng)]
        grey, truth = (np.stack(part) for part in zip(*drawn, strict=True))
        return torch.from_numpy(grey), torch.from_numpy(truth)

    def fill() -> None:
        while True:
            batch: Future[tuple[Tensor, Tensor]] = Future()
            try:
                batch.set_result(prepared())
            except Exception as error:
                batch.set_exception(error)  # raised where the batch is taken
            ready.put(batch)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get().result()


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
            pool: Sequence[TrainingFrame] = phantoms
        else:
            pool = with_lipid if with_lipid and rng.random() < recipe.lipid_share else real
        drawn.append(pool[int(rng.integers(len(pool)))])
    return drawn
