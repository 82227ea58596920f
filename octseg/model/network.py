"""The improved DeepLabV3+: MobileNetV2 encoder, ASPP, ECA on the encoder-decoder skip, separable decoder.

After DeepLabV3+ (Chen et al. 2018, arXiv:1802.02611, figure 2); the channel attention on the skip follows the seed
network (tjnuzhangbo/deeplabv3-mobilenetv2-eca). Logits are K independent planes: tissues may overlap.
"""

from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

from octseg.model.aspp import ASPP, conv_bn_relu, separable_conv_bn_relu
from octseg.model.circular import circular_bilinear, wrapped_rows
from octseg.model.config import ModelConfig
from octseg.model.eca import ECA
from octseg.model.mobilenetv2 import DEEP_CHANNELS, LOW_LEVEL_CHANNELS, MobileNetV2

Network = TypeVar("Network", bound=nn.Module)
DECODER_ROWS = 2  # that its two 3 x 3 filters reach to either side


def resized_like(features: Tensor, other: Tensor) -> Tensor:
    """Bilinear to the (H, W) of `other`."""
    return functional.interpolate(features, size=other.shape[-2:], mode="bilinear", align_corners=False)


class DeepLabV3Plus(nn.Module):
    """Shape: frames (N, 3, H, W) -> logits (N, K, H, W), in the order of `config.classes`.

    H and W may be any; where the rows go around (`config.circular_rows`) H is a multiple of the output stride.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.circular = config.circular_rows
        self.encoder = MobileNetV2(config.output_stride, circular=self.circular)
        self.aspp = ASPP(DEEP_CHANNELS, config.aspp_channels, config.aspp_rates, circular=self.circular)
        self.skip = nn.Sequential(ECA(LOW_LEVEL_CHANNELS), conv_bn_relu(LOW_LEVEL_CHANNELS, config.skip_channels))
        self.decoder = nn.Sequential(
            separable_conv_bn_relu(
                config.aspp_channels + config.skip_channels, config.aspp_channels, circular=self.circular
            ),
            separable_conv_bn_relu(config.aspp_channels, config.aspp_channels, circular=self.circular),
        )
        self.classify = nn.Conv2d(config.aspp_channels, len(config.classes), 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Shape: see the class."""
        low_level, deep = self.encoder(frames)  # (N, 24, H/4, W/4), (N, 1280, H/16, W/16)
        return self.decode(low_level, deep, frames)

    def decode(self, low_level: Tensor, deep: Tensor, frames: Tensor) -> Tensor:
        """All after the encoder: its two feature maps (N, C, h, w) to logits (N, K, H, W) of the frames' size."""
        return self.outlined(self.aspp(deep), low_level, (frames.shape[-2], frames.shape[-1]))

    def outlined(self, context: Tensor, low_level: Tensor, size: tuple[int, int]) -> Tensor:
        """The decoder: context (N, 256, h, w) and low level to logits (N, K, *size)."""
        skip = self.skip(low_level)  # (N, 48, H/4, W/4)
        joined = self._joined(context, skip)  # (N, 304, H/4, W/4)
        logits = self.classify(
            self.decoder(joined)
        ).float()  # (N, K, H/4, W/4); in bf16 the outline would move by steps
        if self.circular:
            return circular_bilinear(logits, size)
        return functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    def _joined(self, context: Tensor, skip: Tensor) -> Tensor:
        """Both (N, C, h, w) at the skip's size; where rows go around, with the other end's, dropped by the decoder."""
        if not self.circular:
            return torch.cat([resized_like(context, skip), skip], dim=1)
        wide = circular_bilinear(context, (skip.shape[-2], skip.shape[-1]), wrapped=DECODER_ROWS)
        return torch.cat([wide, wrapped_rows(skip, DECODER_ROWS, DECODER_ROWS)], dim=1)


def channels_last(network: Network) -> Network:
    """The network with each pixel's channels side by side in memory: the faster order for convolutions."""
    ordered: Network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ordered


def fold_batch_norm(network: Network) -> Network:
    """Each BatchNorm of a network in eval mode multiplied into the convolution before it; changes `network`."""
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for place, (convolution, norm) in enumerate(pairwise(list(module))):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[place] = fuse_conv_bn_eval(convolution, norm)
                module[place + 1] = nn.Identity()
    return network
