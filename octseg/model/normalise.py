"""Grey levels as a camera of ImageNet would have taken them: what the encoder was started on."""

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Shape: grey levels (N, H, W) uint8 -> (N, 3, H, W) float, three equal channels less mean, over std."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.gain: Tensor
        self.offset: Tensor
        deviation = torch.tensor(std).reshape(1, 3, 1, 1)
        self.register_buffer("gain", 1.0 / (255.0 * deviation), persistent=False)
        self.register_buffer("offset", -torch.tensor(mean).reshape(1, 3, 1, 1) / deviation, persistent=False)

    def forward(self, grey: Tensor) -> Tensor:
        """Shape: see the class."""
        frames: Tensor = grey.unsqueeze(1).float() * self.gain + self.offset
        return frames
