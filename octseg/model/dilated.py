"""Dilated filtering of each channel, as quick to train on a CPU as its few multiplications allow.

torch's own takes a slow path for it, a quarter of a training step on a CPU. A filter of 3 x 3 whose taps lie `d` pixels
apart never mixes pixels of different rows and columns modulo `d`: these `d * d` small pictures are filtered without
dilation. Where they would hold fewer than 3 x 3 pixels, most taps lie beyond the edge: the others are added one by one.
Both are the same sums. In eval mode, on a GPU and when exported it is torch's own convolution.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

Window = tuple[slice, slice, slice, slice]  # of (N, C, H, W)
LEAST_SIDE_PX = 3  # of the small pictures


class DilatedDepthwise(nn.Conv2d):
    """A 3 x 3 filter for each channel, its taps `dilation` pixels apart. Shape: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        if not self.training or features.device.type != "cpu":
            return super().forward(features)
        if min(features.shape[-2:]) > (LEAST_SIDE_PX - 1) * self.dilation[0]:
            return filtered_by_phase(features, self.weight, self.dilation[0])
        return cast(Tensor, _ByTap.apply(features, self.weight, self.dilation[0]))  # type: ignore[no-untyped-call]


def filtered_by_phase(features: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Features (N, C, H, W) filtered by `weight` (C, 1, 3, 3), as the small pictures that the dilation leaves apart."""
    count, channels, height, width = features.shape
    padded = functional.pad(features, (0, -width % dilation, 0, -height % dilation))
    rows, cols = padded.shape[-2] // dilation, padded.shape[-1] // dilation
    apart = padded.permute(0, 2, 3, 1).reshape(count, rows, dilation, cols, dilation, channels)
    small = apart.permute(0, 2, 4, 1, 3, 5).reshape(-1, rows, cols, channels).permute(0, 3, 1, 2)
    filtered = functional.conv2d(small, weight, padding=1, groups=channels)
    apart = filtered.permute(0, 2, 3, 1).reshape(count, dilation, dilation, rows, cols, channels)
    whole = apart.permute(0, 3, 1, 4, 2, 5).reshape(count, rows * dilation, cols * dilation, channels)
    return whole[:, :height, :width].permute(0, 3, 1, 2)


class _ByTap(torch.autograd.Function):
    """The filter as a sum over its taps, each over the pixels that it reaches."""

    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor, dilation: int) -> Tensor:
        context.save_for_backward(features, weight)
        context.dilation = dilation
        filtered = torch.zeros_like(features)
        for row, col, read, write in _taps(features, dilation):
            filtered[write].addcmul_(features[read], _of_channels(weight, row, col, features))
        return filtered

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        features, weight = context.saved_tensors
        to_features, to_weight = torch.zeros_like(features), torch.zeros_like(weight)
        for row, col, read, write in _taps(features, context.dilation):
            part = gradient[write]
            to_features[read].addcmul_(part, _of_channels(weight, row, col, features))
            to_weight[:, 0, row, col] = (features[read] * part).sum(dim=(0, 2, 3))
        return to_features, to_weight, None


def _of_channels(weight: Tensor, row: int, col: int, features: Tensor) -> Tensor:
    """One tap of each channel, (C, 1, 1)."""
    return weight[:, 0, row, col, None, None].to(features.dtype)


def _taps(features: Tensor, dilation: int) -> Iterator[tuple[int, int, Window, Window]]:
    """Row and column in the filter of each tap that reaches a pixel, what it reads and where that is added."""
    height, width = features.shape[-2:]
    every = slice(None)
    for row in range(3):
        for col in range(3):
            down, right = (row - 1) * dilation, (col - 1) * dilation
            if abs(down) < height and abs(right) < width:
                read = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
                write = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))
                yield row, col, (every, every, *read), (every, every, *write)
