"""The same frame, seen a little differently: turned about the catheter, mirrored, nearer or farther, blurred, darker.

How much the measures of such views differ is a sign of how sure the outlines are. A view is made of the network's input
and undone on its output: along rays a turn moves rays and a zoom stretches depth, a Cartesian input is turned by
quarters and zoomed about its middle. A network that was trained on turns says the same of them all, also where it is
wrong; zoom, blur and brightness tell more.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.preprocessing import PreprocessingConfig

LEVELS = np.arange(256) / 255.0


@dataclass(frozen=True, kw_only=True)
class Variant:
    """turn: part of a full one, clockwise. mirror: after the turn. gamma: above 1 is darker.

    zoom: above 1 is nearer, what lies beyond the rim is black. blur: standard deviation in pixels of the input.
    """

    turn: float = 0.0
    mirror: bool = False
    gamma: float = 1.0
    zoom: float = 1.0
    blur: float = 0.0

    def seen(self, grey: NDArray[np.uint8], config: PreprocessingConfig) -> NDArray[np.uint8]:
        """An input (rows, columns) as this variant shows it."""
        shown = np.round(255.0 * LEVELS**self.gamma).astype(np.uint8)[grey]
        if self.blur:
            shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), self.blur), np.uint8)
        return self._moved(_zoomed(shown, self.zoom, config, cv2.BORDER_CONSTANT), config, back=False)

    def undone(self, planes: NDArray[np.float32], config: PreprocessingConfig) -> NDArray[np.float32]:
        """Probability (K, rows, columns) of an input as this variant shows it, as of the input itself."""
        moved = self._moved(planes, config, back=True)
        return np.stack([_zoomed(plane, 1.0 / self.zoom, config, cv2.BORDER_REPLICATE) for plane in moved])

    def _moved(self, image: NDArray[Any], config: PreprocessingConfig, *, back: bool) -> NDArray[Any]:
        """(..., rows, columns) turned and then mirrored, or the reverse of it."""
        if config.domain == "cartesian":
            return self._moved_cartesian(image, back=back)
        rays = config.rays
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


def _zoomed(image: NDArray[Any], zoom: float, config: PreprocessingConfig, border: int) -> NDArray[Any]:
    """(rows, columns) seen `zoom` times larger, along depth or about the middle; `border` fills what is not known."""
    if zoom == 1.0:
        return image
    rows, columns = image.shape
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    if config.domain == "cartesian":
        row = (row - (rows - 1) / 2) / zoom + (rows - 1) / 2
        column = (column - (columns - 1) / 2) / zoom + (columns - 1) / 2
    else:
        column = np.maximum((column + 0.5) / zoom - 0.5, 0.0)
    column, row = np.asarray(column, np.float32), np.asarray(row, np.float32)
    return np.asarray(cv2.remap(image, column, row, cv2.INTER_LINEAR, borderMode=border), image.dtype)


def shifted(planes: NDArray[np.float32], by: float) -> NDArray[np.float32]:
    """Probability (K, rows, columns) with `by` added to its logit."""
    odds = np.exp(np.float32(by))
    return np.asarray(odds * planes / (1.0 + (odds - 1.0) * planes), np.float32)


SHIFTS = (-1.5, 1.5)  # of the logit: what is outlined at 0.5 is then what had 0.82 and 0.18
VARIANTS = (
    Variant(turn=7 / 12, mirror=True),
    Variant(turn=1 / 3, zoom=0.75),
    Variant(turn=1 / 8, mirror=True, zoom=0.88),
    Variant(turn=5 / 6, zoom=1.15),
    Variant(blur=1.0),
    Variant(turn=1 / 4, zoom=0.75, blur=1.0),
    Variant(gamma=0.7),
    Variant(turn=1 / 2, mirror=True, gamma=1.4),
)
