"""The same frame, seen a little differently: turned about the catheter, mirrored, lighter or darker.

How much the measures of such views differ is a sign of how sure the outlines are. A view is made of the network's input
and undone on its output, pixel by pixel: along rays a turn moves rays, a Cartesian input is turned by quarters.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.preprocessing import PreprocessingConfig

LEVELS = np.arange(256) / 255.0


@dataclass(frozen=True, kw_only=True)
class Variant:
    """turn: part of a full one, clockwise. mirror: after the turn. gamma: above 1 is darker."""

    turn: float = 0.0
    mirror: bool = False
    gamma: float = 1.0

    def seen(self, grey: NDArray[np.uint8], config: PreprocessingConfig) -> NDArray[np.uint8]:
        """An input (rows, columns) as this variant shows it."""
        table = np.round(255.0 * LEVELS**self.gamma).astype(np.uint8)
        return self._moved(table[grey], config, back=False)

    def undone(self, planes: NDArray[np.float32], config: PreprocessingConfig) -> NDArray[np.float32]:
        """Probability (K, rows, columns) of an input as this variant shows it, as of the input itself."""
        return self._moved(planes, config, back=True)

    def _moved(self, image: NDArray[Any], config: PreprocessingConfig, *, back: bool) -> NDArray[Any]:
        """(..., rows, columns) turned and then mirrored, or the reverse of it."""
        if config.domain == "cartesian":
            return self._moved_cartesian(image, back=back)
        rays = config.size[0] - 2 * config.wrap_rays
        ray, turn = np.arange(config.size[0]) - config.wrap_rays, round(self.turn * rays)
        straight = ray + turn if back else ray - turn
        source = -ray - turn if self.mirror else straight  # the first is its own reverse
        return image[..., config.wrap_rays + source % rays, :]

    def _moved_cartesian(self, image: NDArray[Any], *, back: bool) -> NDArray[Any]:
        square = image.shape[-2] == image.shape[-1]
        quarters = round(4 * self.turn) if square else 2 * round(2 * self.turn)
        if back:
            image = image[..., ::-1] if self.mirror else image
            return np.ascontiguousarray(np.rot90(image, quarters, axes=(-2, -1)))
        turned = np.rot90(image, -quarters, axes=(-2, -1))
        return np.ascontiguousarray(turned[..., ::-1] if self.mirror else turned)


VARIANTS = (
    Variant(turn=1 / 8, mirror=True),
    Variant(turn=1 / 3),
    Variant(turn=7 / 12, mirror=True),
    Variant(turn=5 / 6),
    Variant(gamma=0.85),
    Variant(gamma=1.18),
    Variant(turn=1 / 4, gamma=1.18),
    Variant(turn=1 / 2, mirror=True, gamma=0.85),
)
