"""Efficient channel attention (Wang et al. 2020, arXiv:1910.03151): each channel weighed by its neighbours' means."""

import math

from torch import Tensor, nn


def eca_kernel_size(channels: int, gamma: float = 2.0, offset: float = 1.0) -> int:
    """How many neighbouring channels interact: the odd number nearest to (log2(C) + b) / gamma (eq. 12)."""
    size = int(abs((math.log2(channels) + offset) / gamma))
    return size if size % 2 else size + 1


class ECA(nn.Module):
    """Weighs channels by a 1-D convolution over their means. Shape: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        kernel = eca_kernel_size(channels)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.interact = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        means = self.mean(features).flatten(2).transpose(1, 2)  # (N, C, 1, 1) -> (N, 1, C)
        weights: Tensor = self.gate(self.interact(means)).transpose(1, 2).unsqueeze(-1)  # (N, 1, C) -> (N, C, 1, 1)
        return features * weights
