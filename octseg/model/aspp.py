"""Context at several scales: atrous spatial pyramid pooling (Chen et al. 2017, arXiv:1706.05587, section 3.3).

The dilated branches are depthwise separable, as in DeepLabV3+ (Chen et al. 2018, arXiv:1802.02611, section 3.1).
"""

import torch
from torch import Tensor, nn

from octseg.model.circular import CircularDilatedDepthwise
from octseg.model.dilated import DilatedDepthwise


def conv_bn_relu(in_channels: int, channels: int, kernel: int = 1) -> nn.Sequential:
    """Convolution that keeps (H, W), then BatchNorm and ReLU. `kernel` is odd."""
    convolution = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def separable_conv_bn_relu(
    in_channels: int, channels: int, dilation: int = 1, *, circular: bool = False
) -> nn.Sequential:
    """3x3 on each channel, then 1x1 across channels, each with BatchNorm and ReLU; keeps (H, W).

    circular: the rows go around; a filter without dilation is given one row of the other end at either, and drops it.
    """
    depthwise: nn.Module
    if dilation > 1:
        dilated = CircularDilatedDepthwise if circular else DilatedDepthwise
        depthwise = dilated(in_channels, dilation)
    else:
        padding = (0, 1) if circular else (1, 1)
        depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=padding, groups=in_channels, bias=False)
    across = conv_bn_relu(in_channels, channels)
    return nn.Sequential(depthwise, nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True), *across)


class ASPP(nn.Module):
    """A point branch, one dilated branch per rate and the frame's mean, mixed into `channels`.

    Shape: features (N, C, H, W), H = frame height / output_stride -> (N, channels, H, W)
    """

    def __init__(self, in_channels: int, channels: int, rates: tuple[int, ...], *, circular: bool = False) -> None:
        super().__init__()
        self.point = conv_bn_relu(in_channels, channels)
        self.dilated = nn.ModuleList(
            separable_conv_bn_relu(in_channels, channels, dilation=rate, circular=circular) for rate in rates
        )
        # BatchNorm sees one value per channel here, so training needs N > 1: the loader drops a last batch of 1.
        self.frame_mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_bn_relu(in_channels, channels))
        self.mix = conv_bn_relu(channels * (len(rates) + 2), channels)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        near = [self.point(features), *(branch(features) for branch in self.dilated)]
        whole = self.frame_mean(features).expand_as(near[0])  # (N, channels, 1, 1) -> (N, channels, H, W)
        mixed: Tensor = self.mix(torch.cat([*near, whole], dim=1))
        return mixed
