"""The network on what the machine has: CUDA, else OpenVINO on the CPU, else plain PyTorch.

A backend maps grey levels (N, rows, columns) uint8 to probability (N, K, rows, columns) float32. Normalisation and the
sigmoid belong to the compiled graph.
"""

from importlib.util import find_spec

import numpy as np
import torch

from octseg.checkpoint import Checkpoint
from octseg.errors import ConfigError
from octseg.inference.graph import GreyToProbability
from octseg.inference.on_openvino import OpenVINOBackend, has_native_bf16
from octseg.inference.protocol import BF16_BEHIND_ENCODER, F32, Backend, Inputs, Probability, Waiting
from octseg.model.network import channels_last

CUDA_BATCH = 8  # frames at once; halved when the GPU's memory does not hold them


class TorchBackend:
    """Plain PyTorch: channels_last, and on CUDA bf16 autocast behind the encoder, unless f32 was asked for."""

    name = "torch"
    at_once = 1

    def __init__(self, checkpoint: Checkpoint, device: str, *, bf16: bool = False) -> None:
        self.device = device
        self.precision = BF16_BEHIND_ENCODER if bf16 else F32
        self.batch = CUDA_BATCH if device == "cuda" else 1
        model = GreyToProbability(checkpoint, bf16_on=device if bf16 else None)
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


def choose_backend(
    checkpoint: Checkpoint, device: str = "auto", backend: str = "auto", precision: str = "auto"
) -> Backend:
    """The fastest backend here, or the one that was asked for; ConfigError where that is not to be had.

    precision: "f32"; "bf16", where that leaves the masks as they are; or "auto", which is bf16 on CUDA and f32 on the
    CPU, where bf16 makes the network a tenth faster at best.
    """
    _check(device, backend, precision)
    on_cuda = device == "cuda" or (device == "auto" and backend != "openvino" and torch.cuda.is_available())
    if on_cuda:
        return TorchBackend(checkpoint, "cuda", bf16=precision != "f32")
    if backend == "torch" or find_spec("openvino") is None:
        if precision == "bf16":
            raise ConfigError("precision bf16 needs a CUDA GPU or, on the CPU, the backend openvino; use f32 or auto")
        return TorchBackend(checkpoint, "cpu")
    if precision == "bf16" and not has_native_bf16():
        raise ConfigError(
            "precision bf16 was asked for, but this CPU computes in bf16 neither by AVX512_BF16 nor by AMX, or it is "
            "not known here whether it does; use f32 or auto"
        )
    return OpenVINOBackend(checkpoint, bf16=precision == "bf16")


def _check(device: str, backend: str, precision: str) -> None:
    """ConfigError unless what is asked for is known and to be had together here."""
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu or cuda, not {device!r}")
    if backend not in ("auto", "openvino", "torch"):
        raise ConfigError(f"backend must be auto, openvino or torch, not {backend!r}")
    if precision not in ("auto", "f32", "bf16"):
        raise ConfigError(f"precision must be auto, f32 or bf16, not {precision!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda was asked for, but PyTorch finds no CUDA GPU here; use auto or cpu")
    if backend == "openvino" and (device == "cuda" or find_spec("openvino") is None):
        raise ConfigError("backend openvino needs the package openvino and runs on the CPU only")
