"""The network on what the machine has: CUDA, else OpenVINO on the CPU, else plain PyTorch.

A backend maps grey levels (N, rows, columns) uint8 to probability (N, K, rows, columns) float32. Normalisation and the
sigmoid belong to the compiled graph.
"""

import copy
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from queue import Empty, Queue
from typing import Any, Protocol
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from octseg.checkpoint import Checkpoint, normalise_of
from octseg.checkpoint.calibration import Platt
from octseg.errors import ConfigError
from octseg.model.network import DeepLabV3Plus, channels_last, fold_batch_norm

# In bf16, OpenVINO's own choice where the CPU has it, masks differed from PyTorch's by several percent of a small
# class's pixels; in f32 they are equal.
OPENVINO_SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
MOST_STREAMS = 4  # frames of a pullback in the network at once
TRACED_SIDE = 64
CUDA_BATCH = 8  # frames at once; halved when the GPU's memory does not hold them

Inputs = NDArray[np.uint8]  # (N, rows, columns)
Probability = NDArray[np.float32]  # (N, K, rows, columns)
Waiting = Callable[[], Probability]  # waits for what was begun; to be called once


class Backend(Protocol):
    """What runs the network.

    batch: how many frames at once it is best fed with. at_once: how many of such batches may be begun before the first
    is waited for.
    """

    device: str
    name: str
    batch: int
    at_once: int

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class."""

    def begin(self, inputs: Inputs) -> Waiting:
        """The same, begun now and waited for later."""


class GreyToProbability(nn.Module):
    """Shape: grey levels (N, rows, columns) uint8 -> calibrated probability (N, K, rows, columns); BatchNorm folded.

    bf16_on: device on which all after the encoder runs under bf16 autocast, None for f32 throughout. The encoder stays
    in f32: in bf16 it moved the outline of faint lipid by 1 to 44 % of its pixels, all the rest by 0.5 % at most.
    """

    def __init__(self, checkpoint: Checkpoint, bf16_on: str | None = None) -> None:
        super().__init__()
        self.bf16_on = bf16_on
        self.normalise = normalise_of(checkpoint.config.preprocessing, checkpoint.config.network)
        self.network: DeepLabV3Plus = fold_batch_norm(copy.deepcopy(checkpoint.network).eval())
        known = checkpoint.config.calibration.probability
        platts = [known.get(name, Platt()) for name in checkpoint.config.network.classes]
        self.slope, self.intercept = nn.Buffer(_of_planes(platts, "slope")), nn.Buffer(_of_planes(platts, "intercept"))

    def forward(self, grey: Tensor) -> Tensor:
        """Shape: see the class."""
        frames = self.normalise(grey)
        low_level, deep = self.network.encoder(frames)
        with torch.autocast(self.bf16_on, torch.bfloat16) if self.bf16_on else nullcontext():
            logits = self.network.decode(low_level, deep, frames)
        return (logits.float() * self.slope + self.intercept).sigmoid()


def _of_planes(platts: Sequence[Platt], name: str) -> Tensor:
    """One number of each plane's calibration, (K, 1, 1)."""
    return torch.tensor([getattr(platt, name) for platt in platts])[:, None, None]


class TorchBackend:
    """Plain PyTorch: channels_last, and on CUDA bf16 autocast behind the encoder."""

    name = "torch"
    at_once = 1

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        self.device = device
        self.batch = CUDA_BATCH if device == "cuda" else 1
        model = GreyToProbability(checkpoint, bf16_on="cuda" if device == "cuda" else None)
        self._model = channels_last(model.eval().to(device))

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class; a batch that does not fit the GPU's memory is halved and tried again."""
        try:
            return self._run(inputs)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(inputs) == 1:
                raise ConfigError("the GPU has too little free memory for one frame; use device cpu") from None
        half = len(inputs) // 2
        self.batch = max(1, half)
        return np.concatenate([self(inputs[:half]), self(inputs[half:])])

    def begin(self, inputs: Inputs) -> Waiting:
        """As calling it; PyTorch has no queue of its own on the CPU, and the GPU's is short."""
        probability = self(inputs)
        return lambda: probability

    def _run(self, inputs: Inputs) -> Probability:
        # TF32, cuDNN's own choice, would round the encoder nearly as much as bf16 does.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            probability = self._model(torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device))
        return np.asarray(probability.float().cpu().contiguous().numpy())


class OpenVINOBackend:
    """OpenVINO on the CPU, frame by frame, in f32.

    A frame alone gets all cores. Of a pullback each frame gets one, as many at once as there are cores: that takes a
    quarter less work, for no core waits for another between layers. Both say the same to the last bit.
    """

    name = "openvino"
    device = "cpu"
    batch = 1

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.at_once = max(1, min(MOST_STREAMS, _cores()))
        self._model = _converted(checkpoint)
        self._request: Any = _openvino_core().compile_model(self._model, "CPU", OPENVINO_SETTINGS)
        self._lock = threading.Lock()  # one compiled model serves one frame at a time
        self._compiled: tuple[Any, Queue[Any]] | None = None

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class."""
        with self._lock:
            return np.concatenate([self._request(frame[None])[0].astype(np.float32) for frame in inputs])

    def begin(self, inputs: Inputs) -> Waiting:
        """The same in one of the streams, begun now. Several threads may share them."""
        [frame] = inputs
        compiled, free = self._streams()
        try:
            request = free.get_nowait()
        except Empty:  # never waited for: threads that each hold one would wait for each other
            request = compiled.create_infer_request()
        request.start_async([frame[None]])

        def wait() -> Probability:
            try:
                request.wait()
                # The next frame is written over it.
                return np.array(request.get_output_tensor(0).data, np.float32)
            finally:
                free.put(request)

        return wait

    def _streams(self) -> "tuple[Any, Queue[Any]]":
        """The model with a core for each frame, and its requests that nobody uses now; made with the first pullback."""
        with self._lock:
            if self._compiled is None:
                count = self.at_once
                settings = {"NUM_STREAMS": count, "INFERENCE_NUM_THREADS": count, "INFERENCE_PRECISION_HINT": "f32"}
                self._compiled = _openvino_core().compile_model(self._model, "CPU", settings), Queue()
            return self._compiled


def _converted(checkpoint: Checkpoint) -> Any:
    """The network as OpenVINO's model of one frame."""
    # OpenVINO's converter reports its use over the network, from a process that never ends where there
    # is no network. Without that package it takes its own stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    rows, columns = checkpoint.config.preprocessing.size
    # Traced on few columns, which takes less time: the graph follows the size of what it is given. Not so rows that
    # go around: how far apart dilated taps lie depends on how many there are.
    traced_rows = rows if checkpoint.config.network.circular_rows else TRACED_SIDE
    example = torch.zeros(1, traced_rows, TRACED_SIDE, dtype=torch.uint8)
    with torch.inference_mode():
        model = GreyToProbability(checkpoint).eval()
        with catch_warnings():
            simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]  # rows are counted once
            traced = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        return openvino.convert_model(traced, input=[(1, rows, columns)])


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _openvino_core() -> Any:
    """The process's only one, never given up: where another thread drops the last, the next signal ends the process.

    Its CPU plugin gives the thread that makes it a stack for signal handlers, and takes the memory away when it goes.
    """
    import openvino

    return openvino.Core()


def choose_backend(checkpoint: Checkpoint, device: str = "auto", backend: str = "auto") -> Backend:
    """The fastest backend here, or the one that was asked for; ConfigError where that is not to be had."""
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu or cuda, not {device!r}")
    if backend not in ("auto", "openvino", "torch"):
        raise ConfigError(f"backend must be auto, openvino or torch, not {backend!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda was asked for, but PyTorch finds no CUDA GPU here; use auto or cpu")
    if backend == "openvino" and (device == "cuda" or find_spec("openvino") is None):
        raise ConfigError("backend openvino needs the package openvino and runs on the CPU only")
    on_cuda = device == "cuda" or (device == "auto" and backend != "openvino" and torch.cuda.is_available())
    if on_cuda:
        return TorchBackend(checkpoint, "cuda")
    if backend == "torch" or find_spec("openvino") is None:
        return TorchBackend(checkpoint, "cpu")
    return OpenVINOBackend(checkpoint)
