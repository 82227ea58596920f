"""The network from grey levels to calibrated probability, as one graph and as three that follow one another."""

import copy
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from octseg.checkpoint import Checkpoint
from octseg.checkpoint.calibration import Platt
from octseg.checkpoint.normalising import normalise_of
from octseg.model.network import DeepLabV3Plus, fold_batch_norm


class GreyToProbability(nn.Module):
    """Shape: grey levels (N, rows, columns) uint8 -> calibrated probability (N, K, rows, columns); BatchNorm folded.

    bf16_on: device on which all after the encoder runs under bf16 autocast, None for f32 throughout. The encoder stays
    in f32: in bf16 it moved the outline of faint lipid by 1 to 44 % of its pixels, all the rest by 0.5 % at most.
    """

    def __init__(self, checkpoint: Checkpoint, bf16_on: str | None = None) -> None:
        super().__init__()
        self.bf16_on = bf16_on
        self.size = checkpoint.config.preprocessing.size
        self.normalise = normalise_of(checkpoint.config.preprocessing, checkpoint.config.network)
        self.network: DeepLabV3Plus = fold_batch_norm(copy.deepcopy(checkpoint.look_into()).eval())
        known = checkpoint.config.calibration.probability
        platts = [known.get(name, Platt()) for name in checkpoint.config.network.classes]
        self.slope, self.intercept = nn.Buffer(_of_planes(platts, "slope")), nn.Buffer(_of_planes(platts, "intercept"))

    def forward(self, grey: Tensor) -> Tensor:
        """Shape: see the class."""
        frames = self.normalise(grey)
        low_level, deep = self.network.encoder(frames)
        with torch.autocast(self.bf16_on, torch.bfloat16) if self.bf16_on else nullcontext():
            logits = self.network.decode(low_level, deep, frames)
        return self._calibrated(logits)

    def _calibrated(self, logits: Tensor) -> Tensor:
        return (logits.float() * self.slope + self.intercept).sigmoid()

    def encoded(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """The first of three parts that are together what `forward` is: low level (N, 24, ...), and (N, 320, h, w)."""
        low_level, narrow = self.network.encoder.narrow(self.normalise(grey))
        return low_level, narrow

    def in_context(self, narrow: Tensor) -> Tensor:
        """The second: the encoder's last layer and the ASPP, (N, 320, h, w) -> (N, 256, h, w)."""
        context: Tensor = self.network.aspp(self.network.encoder.widened(narrow))
        return context

    def decoded(self, context: Tensor, low_level: Tensor) -> Tensor:
        """The third, to calibrated probability (N, K, rows, columns)."""
        return self._calibrated(self.network.outlined(context, low_level, self.size))


def _of_planes(platts: Sequence[Platt], name: str) -> Tensor:
    """One number of each plane's calibration, (K, 1, 1)."""
    return torch.tensor([getattr(platt, name) for platt in platts])[:, None, None]
