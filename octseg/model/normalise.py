"""Grey levels as a camera of ImageNet would have taken them, and how fast they fall with depth.

Displayed levels are decibels, so their slope along a ray is the tissue's attenuation, which gain and brightness leave
as it is: in lipid, levels fall steeply from its front on (van Soest et al. 2010, doi:10.1117/1.3280271).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Standard deviation and reach, in pixels of the input, of the Gaussians that a slope is taken over.
ALONG_COLUMNS, ACROSS_RAYS = (8, 24), (2, 3)
MOST_SLOPE = 2.5  # grey levels a column


class Normalise(nn.Module):
    """Shape: grey levels (N, H, W) uint8 -> (N, 3, H, W) float: three equal channels less mean, over std.

    slope: the third channel is the slope of the levels along columns instead, in grey levels a column, within
    MOST_SLOPE. circular: row 0 follows the last.
    """

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], *, slope: bool = False, circular: bool = False
    ) -> None:
        super().__init__()
        self.slope, self.circular = slope, circular
        self.gain: Tensor
        self.offset: Tensor
        self.along: Tensor
        self.across: Tensor
        deviation = torch.tensor(std).reshape(1, 3, 1, 1)
        self.register_buffer("gain", 1.0 / (255.0 * deviation), persistent=False)
        self.register_buffer("offset", -torch.tensor(mean).reshape(1, 3, 1, 1) / deviation, persistent=False)
        column, bell = _bell(*ALONG_COLUMNS)
        self.register_buffer("along", (column * bell / (column**2 * bell).sum())[None, None, None], persistent=False)
        _, bell = _bell(*ACROSS_RAYS)
        self.register_buffer("across", (bell / bell.sum())[None, None, :, None], persistent=False)

    def forward(self, grey: Tensor) -> Tensor:
        """Shape: see the class."""
        levels = grey.unsqueeze(1).float()
        frames: Tensor = levels * self.gain + self.offset
        return torch.cat([frames[:, :2], self._slope(levels)], dim=1) if self.slope else frames

    def _slope(self, levels: Tensor) -> Tensor:
        """Shape: (N, 1, H, W) -> the same; the line of least squares under a Gaussian weight, averaged over rays."""
        beside, above = ALONG_COLUMNS[1], ACROSS_RAYS[1]
        along = functional.conv2d(functional.pad(levels, (beside, beside, 0, 0), mode="replicate"), self.along)
        mode = "circular" if self.circular else "replicate"
        slope = functional.conv2d(functional.pad(along, (0, 0, above, above), mode=mode), self.across)
        return slope.clamp(-MOST_SLOPE, MOST_SLOPE)


def _bell(deviation: int, reach: int) -> tuple[Tensor, Tensor]:
    """Places from -reach to reach and the Gaussian there, (2 * reach + 1,) each."""
    place = torch.arange(-reach, reach + 1).float()
    return place, torch.exp(-((place / deviation) ** 2) / 2)
