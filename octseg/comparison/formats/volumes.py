"""Masks as NIfTI volumes: one of labels, or one for each class; voxel (i, j, k) is column i and row j of frame k.

Frame 1 lies at z = 0, as in the volumes of octseg/export/nifti.py: where a volume's origin lies elsewhere along z, its
first slice is a later frame.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.pictures import meaning_of
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError

VOLUMES = (".nii", ".nii.gz")
LABELS_END, WITHDRAWN = "_labels", 255


def volume_reading(
    paths: Sequence[Path], name: str, class_map: Mapping[int, str] | None, binary_class: str | None
) -> Reading:
    """A frame for each slice of a volume of labels, or of a volume for each class that its name ends on."""
    of_class = {each: path for path in paths if (each := _class_in(path)) is not None}
    named = [path for path in paths if _stem(path).endswith(LABELS_END)]
    if of_class and binary_class is None:
        volumes = {each: _volume(path) for each, path in of_class.items()}
        first = next(iter(volumes.values()))
        if any(each.shape != first.shape for each in volumes.values()):
            raise ReadError(f"the volumes of {name} differ in size; give those of one pullback")
        classes: tuple[str, ...] = tuple(each for each in CLASS_NAMES if each in volumes)
        return Reading(name, _frames(first, volumes, None), classes)
    if len(paths) > 1 and not named:
        raise ReadError(
            f"{name} holds several volumes; give one, or one for each class, named as in x_lipid_core.nii.gz"
        )
    volume = _volume((named or paths)[0])
    values = set(np.unique(np.asarray(volume.dataobj)).tolist()) - {0, WITHDRAWN}
    meaning = meaning_of({int(value) for value in values}, name, class_map, binary_class, own=bool(named))
    spoken = tuple(each for each in CLASS_NAMES if each in meaning)
    return Reading(name, _frames(volume, None, meaning), spoken, one_tissue=True)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _class_in(path: Path) -> str | None:
    return next((each for each in CLASS_NAMES if _stem(path).endswith(f"_{each}")), None)


def _volume(path: Path) -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise ReadError("NIfTI is read by nibabel: pip install 'octseg[export]'") from error
    try:
        volume: Any = nibabel.load(path)
    except (OSError, nibabel.filebasedimages.ImageFileError) as error:
        raise ReadError(f"{path.name} cannot be read as NIfTI: {error.__class__.__name__}") from error
    shape, kind = volume.shape, np.dtype(volume.get_data_dtype())
    if len(shape) not in (2, 3) or kind.kind not in "ui":
        raise ReadError(f"{path.name} is no volume of labels: it has {len(shape)} axes of {kind}")
    return volume


def _frames(volume: Any, of_class: Mapping[str, Any] | None, meaning: Mapping[str, set[int]] | None) -> list[FrameRead]:
    count = 1 if len(volume.shape) == 2 else volume.shape[2]
    across, down, along = (float(zoom) for zoom in (*volume.header.get_zooms(), 1.0)[:3])
    first = 1 + round(abs(float(volume.affine[2, 3])) / along) if along > 0 else 1
    spacing = across if volume.header.get_xyzt_units()[0] == "mm" and abs(across - down) < 1e-6 else None
    return [
        FrameRead(None, first + place, partial(_slice, volume, of_class, meaning, place), spacing)
        for place in range(count)
    ]


def _slice(
    volume: Any, of_class: Mapping[str, Any] | None, meaning: Mapping[str, set[int]] | None, place: int
) -> Masks:
    def plane(held: Any) -> Any:
        return np.asarray(held.dataobj if len(held.shape) == 2 else held.dataobj[:, :, place]).T

    if of_class is not None:
        return {name: plane(held) > 0 for name, held in of_class.items()}
    labels = plane(volume)
    return {name: np.isin(labels, list(values)) for name, values in (meaning or {}).items()}
