"""The encoder: MobileNetV2 1.0 (Sandler et al. 2018, arXiv:1801.04381, table 2), with torchvision's key names.

`features.0` to `features.18` carry the same keys and shapes as torchvision's `mobilenet_v2().features`, so ImageNet
weights load as they are. From the output stride on, strides become dilations, which keeps the weights' meaning.
"""

from torch import Tensor, nn

from octseg.model.circular import CircularConv2d, CircularDilatedDepthwise, wrapped_rows
from octseg.model.dilated import DilatedDepthwise

# One row per stage: expansion of the hidden layer, output channels, blocks, stride of the first block.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM_CHANNELS = 32
LOW_LEVEL_CHANNELS, LOW_LEVEL_STRIDE = 24, 4
DEEP_CHANNELS = 1280
LAST_LOW_LEVEL_BLOCK = 3  # features.3 ends the stage at stride 4
# Where rows go around, so many are repeated before and behind the frames: what the zeros beyond them reach of the first
# five blocks, whose features are large, is cut off again.
LAST_WRAPPED_BLOCK, WRAPPED_STRIDE = 4, 8
ROWS_ABOVE, ROWS_BELOW = 16, 8


def conv_bn_relu6(
    in_channels: int,
    channels: int,
    kernel: int,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    *,
    circular: bool = False,
) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU6; (H, W) -> (ceil(H / stride), ceil(W / stride))."""
    convolution: nn.Module
    if dilation > 1:
        convolution = CircularDilatedDepthwise(channels, dilation) if circular else DilatedDepthwise(channels, dilation)
    elif circular and groups == channels:
        convolution = CircularConv2d(channels, stride)
    else:
        convolution = nn.Conv2d(in_channels, channels, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter each channel by 3x3, narrow by 1x1; added to its input where the shapes agree.

    Shape: (N, in_channels, H, W) -> (N, channels, ceil(H / stride), ceil(W / stride))
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int, expansion: int, dilation: int, circular: bool
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        widen = [] if expansion == 1 else [conv_bn_relu6(in_channels, hidden, kernel=1)]
        self.conv = nn.Sequential(
            *widen,
            conv_bn_relu6(hidden, hidden, kernel=3, stride=stride, dilation=dilation, groups=hidden, circular=circular),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.adds_input = stride == 1 and in_channels == channels

    def forward(self, features: Tensor) -> Tensor:
        """Shape: see the class."""
        filtered: Tensor = self.conv(features)
        return features + filtered if self.adds_input else filtered


class MobileNetV2(nn.Module):
    """Shape: frames (N, 3, H, W) -> low level (N, 24, H/4, W/4), deep (N, 1280, H/output_stride, W/output_stride).

    circular: the rows go around, so that the features do too.
    """

    def __init__(self, output_stride: int = 16, *, circular: bool = False) -> None:
        super().__init__()
        self.circular = circular
        blocks: list[nn.Module] = [conv_bn_relu6(3, STEM_CHANNELS, kernel=3, stride=2)]
        in_channels, reached, dilation = STEM_CHANNELS, 2, 1  # reached: frame height / feature height so far
        for expansion, channels, repeats, stage_stride in STAGES:
            stride, next_dilation = stage_stride, dilation
            if stage_stride > 1 and reached >= output_stride:
                stride, next_dilation = 1, dilation * stage_stride
            reached *= stride
            for block in range(repeats):
                # The first block of a dilated stage still filters the finer grid that it is handed.
                first = block == 0
                blocks.append(
                    InvertedResidual(
                        in_channels,
                        channels,
                        stride if first else 1,
                        expansion,
                        dilation if first else next_dilation,
                        circular and len(blocks) > LAST_WRAPPED_BLOCK,
                    )
                )
                in_channels = channels
            dilation = next_dilation
        blocks.append(conv_bn_relu6(in_channels, DEEP_CHANNELS, kernel=1))
        self.features = nn.ModuleList(blocks)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: see the class."""
        low_level, narrow = self.narrow(frames)
        return low_level, self.widened(narrow)

    def widened(self, narrow: Tensor) -> Tensor:
        """The last layer: (N, 320, h, w) -> deep (N, 1280, h, w)."""
        deep: Tensor = self.features[-1](narrow)
        return deep

    def narrow(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """All but the last layer: frames (N, 3, H, W) -> low level, and (N, 320, h, w) at the output stride."""
        features = low_level = wrapped_rows(frames, ROWS_ABOVE, ROWS_BELOW) if self.circular else frames
        for index, block in enumerate(self.features[:-1]):
            features = block(features)
            if index == LAST_LOW_LEVEL_BLOCK:
                low_level = _unwrapped(features, LOW_LEVEL_STRIDE) if self.circular else features
            if index == LAST_WRAPPED_BLOCK and self.circular:
                features = _unwrapped(features, WRAPPED_STRIDE)
        return low_level, features


def _unwrapped(features: Tensor, stride: int) -> Tensor:
    """Features of wrapped frames (N, C, H', W) without the repeated rows; `stride` is frame height / feature height."""
    return features[:, :, ROWS_ABOVE // stride : -(ROWS_BELOW // stride)]
