"""Filters over a picture whose rows go around: row 0 follows the last, as rays about a catheter do.

Columns end as they do in any picture: beyond them is 0. The weights' names and shapes are those of nn.Conv2d, so that
weights fit both kinds. Shapes are (N, C, H, W) -> the same, H being whole strides. To copy large features costs as
much as to filter them, so rows are repeated where features are small, or before many filters at once.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def wrapped_rows(features: Tensor, above: int, below: int) -> Tensor:
    """Features (N, C, H, W) with their last `above` rows before them and their first `below` rows behind; both <= H."""
    ends = [features[:, :, -above:]] if above else []
    return torch.cat([*ends, features, *([features[:, :, :below]] if below else [])], dim=2)


class CircularConv2d(nn.Conv2d):
    """A 3 x 3 filter of each channel, of stride 1 or 2, without a seam. Shape: (N, C, H, W) -> (N, C, H/s, W/s)."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__(channels, channels, 3, stride, padding=(0, 1), groups=channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        below = 1 if self.stride[0] == 1 else 0  # of an even number of rows, stride 2 never reaches the row behind
        return super().forward(wrapped_rows(features, 1, below))


class CircularDilatedDepthwise(nn.Conv2d):
    """A 3 x 3 filter of each channel, its taps `dilation` pixels apart; they may go around more than once.

    To train on a CPU the taps are added one by one: torch's dilated filters of single channels are slow there.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        gap = self.dilation[0]
        if self.training and features.device.type == "cpu":
            rows = [features if row == 1 else torch.roll(features, (1 - row) * gap, dims=2) for row in range(3)]
            return self._along(rows[0], 0) + self._along(rows[1], 1) + self._along(rows[2], 2)
        apart = gap % features.shape[-2]  # rows that are whole turns apart are one
        if apart == 0:
            weight = self.weight.sum(dim=2, keepdim=True)
            return functional.conv2d(
                features, weight, self.bias, padding=(0, gap), dilation=(1, gap), groups=self.groups
            )
        wrapped = wrapped_rows(features, apart, apart)
        return functional.conv2d(
            wrapped, self.weight, self.bias, padding=(0, gap), dilation=(apart, gap), groups=self.groups
        )

    def _along(self, features: Tensor, row: int) -> Tensor:
        """Features (N, C, H, W) filtered along their columns by one row of the filter."""
        gap, weight = self.dilation[0], self.weight[:, 0, row, :, None, None]  # (C, 3, 1, 1)
        filtered = features * weight[:, 1]
        if gap < features.shape[-1]:
            filtered = filtered + functional.pad(features[..., :-gap] * weight[:, 0], (gap, 0))
            filtered = filtered + functional.pad(features[..., gap:] * weight[:, 2], (0, gap))
        return filtered


def circular_bilinear(features: Tensor, size: tuple[int, int], wrapped: int = 0) -> Tensor:
    """Features (N, C, h, w) bilinear to `size`, whose rows are a whole multiple of the features', without a seam.

    wrapped: so many rows of the other end stand before and behind.
    """
    times = size[0] // features.shape[-2]
    rows = 1 + (2 * wrapped + times - 2) // (2 * times)  # the outermost lies between two of the features' rows
    wide = functional.interpolate(
        wrapped_rows(features, rows, rows), size=(size[0] + 2 * rows * times, size[1]), mode="bilinear"
    )
    cut = rows * times - wrapped
    return wide[:, :, cut : wide.shape[2] - cut]
