"""A checkpoint's network made into what OpenVINO runs: traced by torch, and converted."""

from collections.abc import Sequence
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor, nn

from octseg.checkpoint import Checkpoint
from octseg.inference.core import openvino_package
from octseg.inference.graph import GreyToProbability

TRACED_SIDE = 64


def converted_whole(checkpoint: Checkpoint) -> Any:
    """The network as a model of one frame (1, rows, columns)."""
    rows, columns = checkpoint.config.preprocessing.size
    # Traced on few columns, which takes less time: the graph follows the size of what it is given. Not so rows that
    # go around: how far apart dilated taps lie depends on how many there are.
    traced_rows = rows if checkpoint.config.network.circular_rows else TRACED_SIDE
    example = torch.zeros(1, traced_rows, TRACED_SIDE, dtype=torch.uint8)
    return _converted(GreyToProbability(checkpoint).eval(), [example], [(1, rows, columns)])


def converted_parts(checkpoint: Checkpoint, names: Sequence[str]) -> list[Any]:
    """The same as three that follow one another, by the names of GreyToProbability's methods."""
    whole = GreyToProbability(checkpoint).eval()
    grey = torch.zeros(1, *checkpoint.config.preprocessing.size, dtype=torch.uint8)
    with torch.inference_mode():
        low_level, narrow = whole.encoded(grey)
        context = whole.in_context(narrow)
    inputs = ([grey], [narrow], [context, low_level])
    return [
        _converted(_Part(whole, name), given, [tuple(each.shape) for each in given])
        for name, given in zip(names, inputs, strict=True)
    ]


class _Part(nn.Module):
    """A part of the network by the name of the method that it is."""

    def __init__(self, whole: GreyToProbability, name: str) -> None:
        super().__init__()
        self.whole, self.name = whole, name

    def forward(self, *given: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Shape: see the method."""
        made: Tensor | tuple[Tensor, ...] = getattr(self.whole, self.name)(*given)
        return made


def _converted(network: nn.Module, example: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> Any:
    """A network as OpenVINO's model of inputs of fixed shapes."""
    with torch.inference_mode(), catch_warnings():
        simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]  # rows are counted once
        traced = torch.jit.trace(network, tuple(example), check_trace=False)  # type: ignore[no-untyped-call]
        return openvino_package().convert_model(traced, input=[*shapes])
