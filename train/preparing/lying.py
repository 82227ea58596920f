"""Whether masks of one layer of the wall lie on their frames as these do, or turned or mirrored in one way.

Lipid has no edge of its own that would tell (docs/dataset.md), but it begins a cap's thickness behind the lumen, and a
cap at it. The lumen is outlined by the bundled model in some frames spread over the source, and each mask is held
against it as it lies and in the seven other ways of a square. One mask may fit in several; a whole source does not.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.errors import DatasetError
from train.preparing.layers import FEWEST_RAYS, N_DEPTHS, REACH, mask_along_rays

if TYPE_CHECKING:
    from octseg.result import FrameResult  # torch takes seconds to load: it is imported where a model is needed

Plane = NDArray[np.bool_]
WAYS: dict[str, Callable[[Plane], Plane]] = {
    "as they lie": lambda plane: plane,
    "turned by 90 degrees to the left": np.rot90,
    "turned by 180 degrees": lambda plane: np.rot90(plane, 2),
    "turned by 90 degrees to the right": lambda plane: np.rot90(plane, 3),
    "mirrored left to right": np.fliplr,
    "mirrored top to bottom": np.flipud,
    "with rows and columns exchanged": np.transpose,
    "with rows and columns exchanged and turned by 180 degrees": lambda plane: np.rot90(plane.T, 2),
}
LEAST_SIDE_PX = 256  # of frames whose lumen is outlined well enough
FEWEST_MASKS, MOST_MASKS = 8, 16
NEAREST, FARTHEST = -0.04, 0.16  # behind the lumen's outline, in radii, that a cap or a core begins
# Shares of the rays on which it begins there, the middle mask of a source. 73 cores of real frames: 0.87 as they lie,
# 0.19 to 0.64 in the other ways; caps 1.00, 0.19 to 0.54.
MOST_WRONG, LEAST_RIGHT, LEAST_BETTER = 0.7, 0.75, 0.2


def spread(count: int) -> list[int]:
    """Which of so many masks are looked at; none where they are too few to say."""
    if count < FEWEST_MASKS:
        return []
    return sorted({int(at) for at in np.linspace(0, count - 1, min(count, MOST_MASKS)).round()})


def refuse_turned(pictures: Sequence[tuple[Path, Path]], index: int) -> str | None:
    """DatasetError where masks lie otherwise than their frames; a sentence where they fit them in no way.

    pictures: PNG files of each frame and of its palette mask, squares of one size. index: of the layer in the palette.
    """
    chosen = [pictures[at] for at in spread(len(pictures))]
    if not chosen:
        return None
    from octseg.pretrained import from_pretrained

    segmenter = from_pretrained()
    shares = []
    for frame, mask in chosen:
        plane = np.asarray(Image.open(mask)) == index
        row = shares_of(plane, segmenter.segment(np.asarray(Image.open(frame).convert("RGB"))))
        if row is not None:
            shares.append(row)
    found = way_of(shares)
    if found is not None:
        way, here, there = found
        raise DatasetError(
            f"the masks seem not to lie on their frames as these do: in {len(shares)} that were looked at, what they "
            f"outline begins behind the lumen on {here:.0%} of its rays, and on {there:.0%} where they are {way}; save "
            "masks and frames the same way up, or say --lying-as-meant if they are right"
        )
    return fitting_nowhere(shares)


def fitting_nowhere(shares: Sequence[Sequence[float]]) -> str | None:
    """What is said of masks that are as good as nowhere on their frames, moved or of other frames; None where they fit.

    shares: as for `way_of`.
    """
    if len(shares) < FEWEST_MASKS or (here := float(np.median(np.array(shares)[:, 0]))) > MOST_WRONG:
        return None
    return (
        f"masks may not belong to their frames, or lie beside their places: in {len(shares)} that were looked at, what "
        f"they outline begins behind the lumen on {here:.0%} of its rays, and on 85% or more in masks that are right; "
        "look at the preview"
    )


def way_of(shares: Sequence[Sequence[float]]) -> tuple[str, float, float] | None:
    """The way in which masks fit their frames, if it is not as they lie, and the middle share as they lie and so.

    shares: of each mask in each of WAYS, of the rays on which it begins behind the lumen.
    """
    if len(shares) < FEWEST_MASKS:
        return None
    middle = np.median(np.array(shares), axis=0)
    best = int(middle.argmax())
    here, there = float(middle[0]), float(middle[best])
    if here > MOST_WRONG or there < LEAST_RIGHT or there - here < LEAST_BETTER:
        return None
    return list(WAYS)[best], here, there


def shares_of(plane: Plane, result: "FrameResult") -> list[float] | None:
    """Of a mask (H, H) in each of WAYS, the share of its rays on which it begins behind the lumen of a result.

    None where the result was withdrawn, shows no disc, or the mask spans but a few rays.
    """
    if result.withdrawn is not None or result.disc is None or result.catheter_centre is None:
        return None
    seen_from = result.catheter_centre, float(np.sqrt(result.disc.sum() / np.pi))
    outside = ~mask_along_rays(result.masks["lumen"], *seen_from)
    edge = outside.argmax(axis=1)
    shares = []
    for way in WAYS.values():
        seen = mask_along_rays(np.ascontiguousarray(way(plane)), *seen_from)
        rays = np.flatnonzero(seen.any(axis=1) & outside.any(axis=1))
        if len(rays) < FEWEST_RAYS:
            return None
        behind: NDArray[Any] = (seen[rays].argmax(axis=1) - edge[rays]) * (REACH / N_DEPTHS)
        shares.append(float(np.mean((behind > NEAREST) & (behind < FARTHEST))))
    return shares
