"""The network on what the machine has: CUDA, else OpenVINO on the CPU, else plain PyTorch.

A backend maps grey levels (N, rows, columns) uint8 to probability (N, K, rows, columns) float32. Normalisation and the
sigmoid belong to the compiled graph. torch takes a second and 180 MB to load, and is where the network runs on it.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from octseg.checkpoint import Checkpoint
from octseg.errors import ConfigError
from octseg.inference.on_openvino import OpenVINOBackend, has_native_bf16
from octseg.inference.protocol import Backend

DEVICES = Path("/dev")
GPU_DEVICES = ("nvidia*", "dxg", "kfd")  # as NVIDIA's driver, Windows' Linux and AMD's driver name them


def choose_backend(
    checkpoint: Checkpoint, device: str = "auto", backend: str = "auto", precision: str = "auto"
) -> Backend:
    """The fastest backend here, or the one that was asked for; ConfigError where that is not to be had.

    precision: "f32"; "bf16", where that leaves the masks as they are; or "auto", which is bf16 on CUDA and f32 on the
    CPU, where bf16 makes the network a tenth faster at best.
    """
    _check(device, backend, precision)
    on_cuda = device == "cuda" or (device == "auto" and backend != "openvino" and has_cuda())
    if on_cuda or backend == "torch" or find_spec("openvino") is None:
        if precision == "bf16" and not on_cuda:
            raise ConfigError("precision bf16 needs a CUDA GPU or, on the CPU, the backend openvino; use f32 or auto")
        from octseg.inference.on_torch import TorchBackend

        return TorchBackend(checkpoint, "cuda" if on_cuda else "cpu", bf16=on_cuda and precision != "f32")
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
    if device == "cuda" and not has_cuda():
        raise ConfigError("device cuda was asked for, but PyTorch finds no CUDA GPU here; use auto or cpu")
    if backend == "openvino" and (device == "cuda" or find_spec("openvino") is None):
        raise ConfigError("backend openvino needs the package openvino and runs on the CPU only")


def has_cuda() -> bool:
    """Whether PyTorch finds a CUDA GPU; it is not loaded to say so where Linux knows of no GPU at all.

    On ZeroGPU there is none until it is lent, and PyTorch, which is loaded then, is made to say that there is.
    """
    known = "torch" in sys.modules or "spaces" in sys.modules or sys.platform != "linux"
    if not known and not any(path for name in GPU_DEVICES for path in DEVICES.glob(name)):
        return False
    import torch

    return torch.cuda.is_available()
