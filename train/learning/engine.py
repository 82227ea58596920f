"""Where a training runs: one CPU, one GPU, or several processes and hosts, by Hugging Face Accelerate.

Every process prepares its share of the global batch, BatchNorm takes its statistics over all shares, and every process
computes the loss of the whole batch from the gathered logits. So several processes do what one does with the whole
batch, to float error. Files are written by the main process alone; the run's folder must be seen by all.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, cast

import torch
from accelerate import Accelerator
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from octseg.errors import ConfigError

Precision = Literal["auto", "bf16", "fp16", "fp32"]


class Engine:
    """Device, precision and processes of a training."""

    def __init__(self, precision: Precision = "auto") -> None:
        if precision == "fp16" and not torch.cuda.is_available():
            raise ConfigError("fp16 needs a GPU, and there is none; leave out --precision, or take bf16 or fp32")
        chosen = ("bf16" if has_bf16() else "fp32") if precision == "auto" else precision
        self._accelerator = Accelerator(
            cpu=not torch.accelerator.is_available(),  # without which several processes would not find one another
            mixed_precision="no" if chosen == "fp32" else chosen,
            step_scheduler_with_optimizer=False,
        )
        self.precision = chosen
        self.device: torch.device = self._accelerator.device
        self.processes: int = self._accelerator.num_processes
        self.is_main: bool = self._accelerator.is_main_process
        self.is_main_of_host: bool = self._accelerator.is_local_main_process

    def share(self, batch: int) -> range:
        """Places of this process's frames in the global batch; ConfigError where it cannot be shared evenly."""
        return share_of(batch, self.processes, self._accelerator.process_index)

    def prepared(self, network: nn.Module) -> nn.Module:
        """The network on its device, its BatchNorm over all processes, its gradients averaged over them."""
        if self.processes > 1:
            network = synchronised(network, self.device)
        return cast(nn.Module, self._accelerator.prepare_model(network))

    def prepared_optimiser(self, optimiser: Optimizer) -> Optimizer:
        """The optimiser with the scaling that fp16 needs."""
        return cast(Optimizer, self._accelerator.prepare_optimizer(optimiser))

    def autocast(self) -> AbstractContextManager[Any]:
        """Lower precision within, as chosen."""
        return cast(AbstractContextManager[Any], self._accelerator.autocast())

    def gathered(self, own: Tensor) -> Tensor:
        """(N, ...) of this process to that of the global batch, in order; the gradient goes to this process's part."""
        if self.processes == 1:
            return own
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(self.processes)]
        distributed.all_gather(parts, own.detach().contiguous())
        parts[self._accelerator.process_index] = own
        return torch.cat(parts)

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss of gathered logits: each process has those of its part, and their mean is taken."""
        self._accelerator.backward(loss * self.processes)

    def clip(self, parameters: Sequence[nn.Parameter], max_norm: float) -> Tensor:
        """Clip gradients by their norm, which is returned."""
        return torch.as_tensor(self._accelerator.clip_grad_norm_(parameters, max_norm))

    def close(self) -> None:
        """Part from the other processes."""
        self._accelerator.end_training()

    def worst(self, status: int) -> int:
        """The greatest status of all processes."""
        if self.processes == 1:
            return status
        told = torch.tensor(status, device=self.device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return int(told.item())

    def from_main(self, value: float | None) -> float | None:
        """What the main process says, in all of them."""
        if self.processes == 1:
            return value
        told = torch.tensor(float("nan") if value is None else value, dtype=torch.float64, device=self.device)
        distributed.broadcast(told, 0)
        return None if torch.isnan(told) else float(told.item())


def share_of(batch: int, processes: int, process: int) -> range:
    """Places of one process's frames in a batch that all share; ConfigError where it cannot be shared evenly."""
    if batch % processes:
        raise ConfigError(
            f"a batch of {batch} frames cannot be shared evenly by {processes} processes; start as many as divide it"
        )
    each = batch // processes
    return range(process * each, (process + 1) * each)


class _OverProcesses(torch.autograd.Function):
    """A sum over processes; so is its gradient, as each process's part counts in what all of them make of the sum."""

    @staticmethod
    def forward(_context: Any, part: Tensor) -> Tensor:
        """Shape: (C,) -> the same, as of the gradient."""
        total = part.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


def over_processes(part: Tensor) -> Tensor:
    """The sum of each process's `part` (C,), through which gradients flow back to all of them."""
    return cast(Tensor, _OverProcesses.apply(part))  # type: ignore[no-untyped-call]


class SharedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm whose mean and variance are those of all processes' frames; torch's own works on GPUs alone."""

    def forward(self, features: Tensor) -> Tensor:
        """Shape: (N, C, H, W) -> the same."""
        if not self.training:
            return super().forward(features)
        wide = features.to(self.weight.dtype)
        count = wide.numel() / self.num_features * distributed.get_world_size()
        mean = over_processes(wide.sum(dim=(0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = over_processes((centred * centred).sum(dim=(0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shown: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return shown.to(features.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Running statistics from a mean (C,) and the unbiased variance (C,), as torch keeps it."""
        momentum = self.momentum or 0.0
        with torch.no_grad():
            for kept, new in ((self.running_mean, mean), (self.running_var, variance)):
                if kept is not None:
                    kept.lerp_(new, momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)


def synchronised(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with each BatchNorm over all processes; names of parameters stay. Changes `network`."""
    if device.type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum).to(child.weight)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared.train(child.training))
    return network


def has_bf16() -> bool:
    """Whether the device computes in bf16 itself."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # oneDNN, which computes for torch on a CPU, says so in no public way, and nowhere in torch's builds for macOS
    has_onednn = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return has_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
