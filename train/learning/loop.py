"""Training as plain functions: batches drawn by chance, cycles of the learning rate, averaged weights.

A run is a folder: log.jsonl with a line for every report, state.pt to go on from, and in the end the checkpoint.
"""

import copy
import ctypes
import hashlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from octseg.checkpoint import Checkpoint
from octseg.checkpoint.normalising import normalise_of
from octseg.commands.stopping import stop_signals
from octseg.errors import OctsegError
from octseg.export.files import told_in_one_sentence
from octseg.export.locking import locked
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.network import channels_last
from octseg.view.preprocessing import PreprocessingConfig
from train.dataset import TrainingFrame
from train.learning.batches import Batch, batches
from train.learning.engine import Engine
from train.learning.imagenet import load_encoder
from train.learning.losses import segmentation_loss
from train.learning.pace import Pace, optimiser_of
from train.learning.recipe import Recipe, Stage
from train.learning.state import RunState, load_state, save_state

LOG_FILE, RECIPE_FILE = "log.jsonl", "recipe.json"
REPORT_EVERY = 20  # steps
MAX_GRADIENT_NORM = 5.0
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


Report = dict[str, float]  # stage, step, loss, learning_rate, encoder_learning_rate, steps_per_s
# Of a stage, so many steps done and the averaged network: the Dice on validation frames where it looked at them.
Observe = Callable[[int, int, nn.Module], float | None]


GOING, STOPPING, FAILED = range(3)  # what processes tell one another, the gravest last


class StoppedError(OctsegError):
    """The run was asked to stop, and its state is saved."""


class ElsewhereError(OctsegError):
    """The main process could not go on, and says why."""


@dataclass
class Run:
    """What changes while a run goes on.

    save_every_s: the state is saved so often, at each stage's end, and when the run is asked to stop.
    """

    out: Path
    engine: Engine
    network: DeepLabV3Plus
    prepared: nn.Module
    average: nn.Module
    normalise: nn.Module
    made_from: str
    save_every_s: float
    show: Callable[[Report], object] | None
    observe: Observe | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    saved_at: float = field(default_factory=time.monotonic)

    def by_main(self, work: Callable[[], object]) -> None:
        """Work of the main process alone; where it fails, it fails in all processes."""
        error = None
        try:
            if self.engine.is_main:
                work()
        except OctsegError as raised:
            error = raised
        status = self.engine.worst(FAILED if error is not None else GOING)
        if error is not None:
            raise error
        if status == FAILED:
            raise ElsewhereError("the main process could not go on; what it says tells why")

    def is_stopping(self) -> bool:
        """Whether any process was asked to stop."""
        return self.engine.worst(STOPPING if self.stopping.is_set() else GOING) == STOPPING


def train(
    real: Sequence[TrainingFrame],
    phantoms: Sequence[TrainingFrame],
    *,
    imagenet: Path | None,
    start: Checkpoint | None = None,
    network_config: ModelConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    out: Path,
    save_every_s: float = 300.0,
    show: Callable[[Report], object] | None = None,
    observe: Observe | None = None,
    engine: Engine | None = None,
) -> DeepLabV3Plus:
    """The network with its averaged weights after all stages of `recipe`; goes on from the state in `out`.

    imagenet: weights that the encoder begins with. start: a model that all of the network begins with.

    In several processes each calls this; see engine.py. On one CPU a run that was stopped, in whatever way, and gone on
    with ends in the same bits as one that was not.
    `observe` is called after each step, before its state is saved; what it takes is not counted into the rate. The Dice
    that it gives is what a schedule of "plateau" goes by.

    Raises OctsegError where another process trains in `out`, where its state is of another run, where the disk does not
    take it, or where the loss is no number; StoppedError on Ctrl-C and what schedulers send.
    """
    keep_memory()
    engine = Engine() if engine is None else engine
    shares = [engine.share(stage.batch) for stage in recipe.stages]
    network = channels_last(_begun(network_config, recipe.seed, imagenet, start)).to(engine.device).train()
    average = copy.deepcopy(network).eval()
    normalise = normalise_of(preprocessing, network_config).to(engine.device)
    made_from = fingerprint(recipe, network_config, preprocessing, [*real, *phantoms], imagenet, start)
    prepared = engine.prepared(network)
    run = Run(out, engine, network, prepared, average, normalise, made_from, save_every_s, show, observe)
    with ExitStack() as held:
        torch.set_flush_denormal(True)  # a CPU takes many times as long for them, and they change nothing
        held.callback(torch.set_flush_denormal, False)  # for whoever called this, they may
        run.by_main(lambda: held.enter_context(locked(out, f"training in {out.name}")))
        state = load_state(out, made_from)
        run.by_main(lambda: _begin_files(out, recipe, state))
        if state is not None:
            network.load_state_dict(state.network)
            run.average.load_state_dict(state.average)
        with stopping_on_signals(run.stopping):
            for number, stage in enumerate(recipe.stages):
                first_step = _first_step(number, stage, state)
                pace = Pace(optimiser_of(network, stage, recipe), recipe, stage)
                if state is not None and number == state.stage:
                    pace.load_state(state)
                seen = preprocessing_of(stage, preprocessing)
                with closing(batches(real, phantoms, seen, recipe, number, first_step, shares[number])) as drawn:
                    _run_stage(run, pace, drawn, recipe, number, first_step)
        return run.average  # type: ignore[return-value]


def _begun(config: ModelConfig, seed: int, imagenet: Path | None, start: Checkpoint | None) -> DeepLabV3Plus:
    """The network before its first step, the same each time: drawn by `seed` where it is given no weights."""
    torch.manual_seed(seed)
    network = DeepLabV3Plus(config)
    if imagenet is not None:
        network.encoder.load_state_dict(load_encoder(imagenet), strict=True)
    if start is not None:
        network.load_state_dict(start.network.state_dict(), strict=True)
    return network


def _first_step(number: int, stage: Stage, state: RunState | None) -> int:
    """Where a stage begins or goes on; after its last step where all of it is done."""
    if state is None or number > state.stage:
        return 0
    return state.step if number == state.stage else stage.steps


def _begin_files(out: Path, recipe: Recipe, state: RunState | None) -> None:
    with told_in_one_sentence(RECIPE_FILE):
        (out / RECIPE_FILE).write_text(json.dumps(asdict(recipe), indent=2))
    _cut_log(out, 0 if state is None else state.log_bytes)


def fingerprint(
    recipe: Recipe,
    network: ModelConfig,
    preprocessing: PreprocessingConfig,
    frames: Sequence[TrainingFrame],
    imagenet: Path | None,
    start: Checkpoint | None = None,
) -> str:
    """sha256 of all that a run's weights follow from."""
    digest = hashlib.sha256(b"" if imagenet is None else imagenet.read_bytes())
    digest.update(b"" if start is None else start.config.sha256.encode())
    told = [asdict(recipe), network.to_mapping(), preprocessing.to_mapping(), [frame.name for frame in frames]]
    digest.update(json.dumps(told).encode())
    for frame in frames:
        digest.update(frame.grey.tobytes())
        digest.update(frame.planes.tobytes())
    return digest.hexdigest()


def preprocessing_of(stage: Stage, final: PreprocessingConfig) -> PreprocessingConfig:
    """The final preprocessing at a stage's own size, the wrapped rays in proportion."""
    wrap = final.wrap_rays * stage.size[0] // final.size[0]
    return replace(final, size=stage.size, wrap_rays=wrap)


def keep_memory() -> None:
    """Tell glibc to keep freed memory: giving it back each step costs page faults, half of the time on a CPU."""
    if sys.platform == "linux":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


@contextmanager
def stopping_on_signals(stopping: threading.Event) -> Iterator[None]:
    """Ctrl-C and what schedulers send set `stopping`, in the main thread; a second Ctrl-C ends the program as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_stage(run: Run, pace: Pace, prepared: Iterator[Batch], recipe: Recipe, number: int, start: int) -> None:
    """Steps `start` to the end of one stage, logged and saved as it goes."""
    stage = recipe.stages[number]
    stepping = run.engine.prepared_optimiser(pace.optimiser)
    losses: list[float] = []
    since = time.monotonic()
    for step, batch in enumerate(prepared, start=start):
        pace.set_rate(step)
        losses.append(_step(run, stepping, batch, recipe, f"step {step} of stage {number}"))
        _average_into(run.average, run.network, min(recipe.ema_decay, (1 + step) / (10 + step) if number == 0 else 1.0))
        done, last = step + 1, step + 1 == stage.steps
        if done % REPORT_EVERY == 0 or last:
            rate = len(losses) / (time.monotonic() - since)
            told = {"stage": number, "step": done, "loss": float(np.mean(losses)), **pace.rates, "steps_per_s": rate}
            run.by_main(partial(_report, run, told))
            losses, since = [], time.monotonic()
        since += _looked(run, pace, number, done)
        stopping = run.is_stopping()
        if last or stopping or run.engine.from_main(time.monotonic() - run.saved_at >= run.save_every_s):
            run.by_main(partial(_save, run, pace, number, done))
        if stopping and not (last and number + 1 == len(recipe.stages)):
            raise StoppedError(f"stopped after step {done} of stage {number}; run the same command again to go on")


def _looked(run: Run, pace: Pace, stage: int, step: int) -> float:
    """Let the main process look, and all go by what it saw; seconds that it took."""
    if run.observe is None:
        return 0.0
    began, seen = time.monotonic(), list[float | None]()
    observe = run.observe
    run.by_main(lambda: seen.append(observe(stage, step, run.average)))
    pace.looked(run.engine.from_main(seen[0] if seen else None))
    return time.monotonic() - began


def _step(run: Run, optimiser: Optimizer, batch: Batch, recipe: Recipe, where: str) -> float:
    """One step of the optimiser; the loss before it. OctsegError where loss or gradient is no number."""
    engine = run.engine
    frames = run.normalise(batch.grey.to(engine.device)).contiguous(memory_format=torch.channels_last)
    with engine.autocast():
        logits = run.prepared(frames)
    truth = engine.gathered(batch.truth.to(engine.device))
    loss = segmentation_loss(engine.gathered(logits.to(frames.dtype)), truth, recipe.loss)
    optimiser.zero_grad(set_to_none=True)
    if torch.isfinite(loss):
        engine.backward(loss)
        norm = engine.clip(list(run.network.parameters()), MAX_GRADIENT_NORM)
        if torch.isfinite(norm) or engine.precision == "fp16":  # whose scaling passes over such a step
            optimiser.step()
            return float(loss.item())
    raise OctsegError(
        f"the loss or its gradient is no number at {where}, for the frames {', '.join(batch.names)}; "
        "look at them, or train at a lower rate; the last state that was saved is good"
    )


def _average_into(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and BatchNorm's statistics."""
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1.0 - decay)
            else:
                kept.copy_(new)


def _save(run: Run, pace: Pace, stage: int, step: int) -> None:
    log = run.out / LOG_FILE
    parts: dict[str, dict[str, Any]] = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": pace.optimiser.state_dict(),
        "schedule": pace.schedule_state(),
    }
    log_bytes = log.stat().st_size if log.exists() else 0
    save_state(run.out, RunState(stage, step, **parts, made_from=run.made_from, log_bytes=log_bytes))
    run.saved_at = time.monotonic()


def _report(run: Run, report: Report) -> None:
    with told_in_one_sentence(LOG_FILE), (run.out / LOG_FILE).open("a") as log:
        log.write(json.dumps(report) + "\n")
    if run.show is not None:
        run.show(report)


def _cut_log(out: Path, length: int) -> None:
    """Drop the lines of steps that are run again."""
    if (out / LOG_FILE).exists():
        with told_in_one_sentence(LOG_FILE), (out / LOG_FILE).open("r+b") as log:
            log.truncate(min(length, (out / LOG_FILE).stat().st_size))
