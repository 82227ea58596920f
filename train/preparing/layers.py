"""Whether masks of one class alone show another layer: a cap given as lipid core, a core as a cap, or both as a core.

A mask that outlines both is held against itself (claims.py). Of one that outlines one of them, the side towards the
catheter tells: a cap begins where the light rises, at the lumen; a core begins in the bright cap before it. That, and
how thick it is, is asked of a whole source, for one frame may have no cap.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME
from octseg.errors import DatasetError
from octseg.view.preprocessing import FrameView
from train.preparing.masks import Planes

LAYERS = ("fibrous_cap", "lipid_core")
N_RAYS, N_DEPTHS, REACH = 360, 256, 1.1  # of the disc's radius
BESIDE = 7  # depths on either side of where a layer begins, 0.03 of the radius
FEWEST_RAYS = 10
FEWEST_MASKS = 3
# Over a source, the middle mask. How much grey rises where it begins, as a part of the sum of both sides: cores of 43
# real frames -0.28 to 0.13, of 34 phantoms -0.28 to 0.07; caps 0.40 to 0.76 and 0.56 to 0.86; both as one 0.34 to 0.75
# in 72 real frames and 0.61 to 0.75 in 46 phantoms.
CAP_RISE, CORE_RISE = 0.3, 0.2
# Its thickness in the disc's radius: caps 0.05 to 0.20, cores 0.08 to 0.75; of a source 0.13 and 0.5.
MOST_CAP, LEAST_CORE = 0.2, 0.22


def layer_of(planes: Planes, view: FrameView) -> tuple[str, float, float] | None:
    """The one layer that planes (H, W) outline, how much grey rises where it begins, and how thick it is in radii.

    None where both or neither are outlined, or where the frame shows no disc or no catheter.
    """
    drawn = [name for name in LAYERS if name in planes and planes[name].any()]
    if len(drawn) != 1 or view.disc is None or not view.has_catheter:
        return None
    seen = mask_along_rays(planes[drawn[0]], view.catheter_centre, view.disc.radius_px)
    rays = np.flatnonzero(seen.any(axis=1))
    if len(rays) < FEWEST_RAYS:
        return None
    levels = _along_rays(view.grey, view.catheter_centre, view.disc.radius_px, cv2.INTER_LINEAR)
    grey = cv2.blur(np.asarray(levels, np.float32), (1, 5))
    thickness = float(np.median(seen[rays].sum(axis=1))) * REACH / N_DEPTHS
    return drawn[0], _rise(grey[rays], np.argmax(seen[rays], axis=1)), thickness


def mask_along_rays(mask: NDArray[np.bool_], centre: tuple[float, float], radius_px: float) -> NDArray[np.bool_]:
    """A mask (H, W) from the catheter at (row, col) on, (N_RAYS, N_DEPTHS), to REACH times the disc's radius."""
    return _along_rays(mask.astype(np.uint8), centre, radius_px, cv2.INTER_NEAREST) > 0


def _along_rays(
    picture: NDArray[np.uint8], centre: tuple[float, float], radius_px: float, how: int
) -> NDArray[np.uint8]:
    size, reach = (N_DEPTHS, N_RAYS), REACH * radius_px
    return np.asarray(cv2.warpPolar(picture, size, centre[::-1], reach, how | cv2.WARP_FILL_OUTLIERS), np.uint8)


def _rise(grey: NDArray[Any], first: NDArray[np.intp]) -> float:
    """(behind - before) / (behind + before), the middle ray, about depth `first` (n,) of grey levels (n, N_DEPTHS)."""
    offset = np.arange(1, BESIDE + 1)
    row = np.arange(len(grey))[:, None]
    before, behind = (
        grey[row, np.clip(first[:, None] + side * offset, 0, N_DEPTHS - 1)].mean(axis=1) for side in (-1, 1)
    )
    return float(np.median((behind - before) / (behind + before + 1)))


def refuse_other_layer(rows: Sequence[dict[str, Any] | None]) -> None:
    """DatasetError where most masks of a source show the layer of another class than they are said to outline.

    rows: of each mask what `layer_of` gave, as a list; None where it told nothing.
    """
    for name, other in (LAYERS, LAYERS[::-1]):
        found = [(row["rise"], row["thickness"]) for row in rows if row is not None and row["name"] == name]
        if len(found) < FEWEST_MASKS:
            continue
        rise, thickness = (float(value) for value in np.median(np.array(found), axis=0))
        if name == "lipid_core" and rise > CAP_RISE:
            seen = "begins at the lumen, where the light rises"
            if thickness < MOST_CAP:
                raise _other_layer(name, f"{seen}, and is thin, as a {_label(other)} is")
            raise _other_layer(
                name, f"{seen}, so that it holds the {_label(other)} too, which would count as plaque's area"
            )
        if name == "fibrous_cap" and rise < CORE_RISE and thickness > LEAST_CORE:
            seen = "does not begin at the lumen, where the light rises, and is thick"
            raise _other_layer(name, f"{seen}, as a {_label(other)} is")


def _other_layer(name: str, seen: str) -> DatasetError:
    label = _label(name)
    return DatasetError(
        f"what the masks outline as {label} {seen}; give the masks of {label} alone, say what they outline by "
        "--binary-class or --class-map, or say --layers-as-meant if they are right"
    )


def _label(name: str) -> str:
    return BY_NAME[name].label.lower()
