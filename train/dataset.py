"""Frames and expert masks to train on: the folder of one part of the Zenodo record, and phantoms.

A part holds img/SSS_R_NNN.png (RGB) and mask/SSS_R_NNN.tiff (H, W, 4), uint8 of 0 and 255, in the plane order of
octseg/classes.py. The masks are read with Pillow: OpenCV takes the fourth plane for alpha and returns zeros.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.errors import ReadError
from octseg.phantom import make_phantom
from octseg.preprocessing import FrameView, view_frame
from octseg.reading import read_pullback

LONGEST_SIDE_PX = 768  # larger frames are averaged down first, or sampling them along rays would alias


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """A cleaned frame with its truth.

    grey: (H, W) uint8, black outside the disc, marks painted out. planes: (H, W, K) uint8, 255 on the class.
    centre: (row, col) of the catheter; reach_px: from there to the farthest rim. has: classes that the truth shows.
    """

    name: str
    study: str
    grey: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    centre: tuple[float, float]
    reach_px: float

    has: frozenset[str] = frozenset()


def training_frame(name: str, study: str, view: FrameView, planes: NDArray[np.uint8]) -> TrainingFrame:
    """A seen frame and its planes (H, W, K), scaled so that no side exceeds `LONGEST_SIDE_PX`."""
    circle = view.circle
    offset = np.hypot(*(np.subtract(view.catheter_centre, circle.centre)))
    shrink = max(1.0, max(view.grey.shape) / LONGEST_SIDE_PX)
    size = (round(view.grey.shape[1] / shrink), round(view.grey.shape[0] / shrink))
    centre = (
        float((view.catheter_centre[0] + 0.5) / shrink - 0.5),
        float((view.catheter_centre[1] + 0.5) / shrink - 0.5),
    )
    return TrainingFrame(
        name,
        study,
        np.asarray(cv2.resize(view.grey, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.uint8),
        centre,
        float((circle.radius_px + offset) / shrink),
        frozenset(name for index, name in enumerate(CLASS_NAMES) if planes[..., index].any()),
    )


def read_truth(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """The mask planes (H, W, K) of one TIFF of the record; one of another shape or with other values is refused."""
    with Image.open(path, formats=["TIFF"]) as mask:
        planes = np.asarray(mask)
    if planes.shape != (height, width, len(CLASS_NAMES)):
        raise ReadError(f"{path.name} has shape {planes.shape}; its frame needs {(height, width, len(CLASS_NAMES))}")
    if planes.dtype != np.uint8 or not np.isin(planes, (0, 255)).all():
        raise ReadError(f"{path.name} must hold uint8 of 0 and 255 only")
    return np.asarray(planes, np.uint8)


def record_images(part: Path, studies: Iterable[str] | None = None) -> list[Path]:
    """The frames of one part of the record, in order; `studies` keeps only those."""
    wanted = None if studies is None else set(studies)
    images = [path for path in sorted((part / "img").glob("*.png")) if wanted is None or path.name[:3] in wanted]
    if not images:
        raise ReadError(f"no frames in {part.name}/img; expected SSS_R_NNN.png of the record's layout")
    return images


def load_record_part(part: Path, progress: Callable[[list[Path]], Iterable[Path]] = iter) -> list[TrainingFrame]:
    """All frames of one part of the record, cleaned, with their truth."""
    return [load_record_frame(image) for image in progress(record_images(part))]


def load_record_frame(image: Path) -> TrainingFrame:
    """One frame of the record with its truth, from img/NAME.png and mask/NAME.tiff."""
    frame = next(iter(read_pullback(image)))
    planes = read_truth(image.parent.parent / "mask" / f"{image.stem}.tiff", *frame.shape[:2])
    return training_frame(image.stem, image.stem.split("_")[0], view_frame(frame), planes)


def load_phantom(seed: int) -> TrainingFrame:
    """One phantom with its exact truth."""
    phantom = make_phantom(seed)
    planes = np.stack([phantom.masks[name] for name in CLASS_NAMES], axis=-1).astype(np.uint8) * 255
    return training_frame(f"phantom_{seed}", "phantom", view_frame(phantom.frame), planes)
