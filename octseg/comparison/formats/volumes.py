"""Masks as NIfTI volumes: one of labels, or one for each class; voxel (i, j, k) is column i and row j of frame k.

Frame 1 lies at z = 0, as in the volumes of octseg/export/nifti.py: where slices lie a whole number of frames behind it,
along z alone, they are those frames; of any other volume the first slice is frame 1.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.pictures import meaning_of
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError

VOLUMES = (".nii", ".nii.gz")
LABELS_END, WITHDRAWN, OWN = "_labels", 255, b"octseg "
SLANT, OFF_FRAME = 1e-3, 0.05  # parts of a slice's distance by which it may lie askew, and off a frame's place


def volume_reading(
    paths: Sequence[Path], name: str, class_map: Mapping[int, str] | None, binary_class: str | None
) -> Reading:
    """A frame for each slice of a volume of labels, or of a volume for each class that its name ends on."""
    of_class = {each: path for path in paths if (each := _class_in(path)) is not None}
    named = [path for path in paths if _stem(path).endswith(LABELS_END)]
    if len(named) > 1 or len(of_class) < sum(_class_in(path) is not None for path in paths):
        raise ReadError(f"{name} holds volumes of several pullbacks; give those of one")
    if of_class and binary_class is None:
        return _of_classes(of_class, name)
    if len(paths) > 1 and not named:
        raise ReadError(
            f"{name} holds several volumes; give one, or one for each class, named as in x_lipid_core.nii.gz"
        )
    path = (named or paths)[0]
    volume = _volume(path)
    own = bool(volume.header["descrip"].tobytes().startswith(OWN)) if "descrip" in volume.header else False
    values = _values(volume, path.name) - ({WITHDRAWN} if own else set())
    meaning = meaning_of(values, name, class_map, binary_class, own=own)
    spoken = tuple(each for each in CLASS_NAMES if each in meaning)
    return Reading(name, _frames(volume, None, meaning), spoken, one_tissue=True)


def _of_classes(of_class: Mapping[str, Path], name: str) -> Reading:
    """A volume for each class."""
    volumes = {each: _volume(path) for each, path in of_class.items()}
    for each, path in of_class.items():
        if len(_values(volumes[each], path.name)) > 1:
            raise ReadError(f"{path.name} is no mask of one class: it has several values beside 0")
    first = next(iter(volumes.values()))
    if any(each.shape != first.shape for each in volumes.values()):
        raise ReadError(f"the volumes of {name} differ in size; give those of one pullback")
    classes: tuple[str, ...] = tuple(each for each in CLASS_NAMES if each in volumes)
    return Reading(name, _frames(first, volumes, None), classes)


def _stem(path: Path) -> str:
    return path.name.lower().removesuffix(".gz").removesuffix(".nii")


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
    if len(shape) < 2 or any(side != 1 for side in shape[3:]) or kind.kind not in "uif":
        raise ReadError(
            f"{path.name} is no volume of labels: it has {' x '.join(map(str, shape))} voxels of {kind}; "
            "save one number for each voxel of columns, rows and frames"
        )
    return volume


def _values(volume: Any, name: str) -> set[int]:
    """Numbers that occur beside 0; ReadError where they are no whole ones, as shades are."""
    try:
        values = {value for place in range(_count(volume)) for value in np.unique(_plane(volume, place)).tolist()}
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ReadError(f"{name} cannot be read to its end: {error.__class__.__name__}; save it anew") from error
    if any(value != value or value != round(value) for value in values - {np.inf, -np.inf}) or np.inf in values:
        raise ReadError(f"{name} is no volume of labels: it holds shades, not whole numbers; save it as labels")
    return {int(value) for value in values} - {0}


def _count(volume: Any) -> int:
    return 1 if len(volume.shape) == 2 else int(volume.shape[2])


def _plane(volume: Any, place: int) -> NDArray[Any]:
    """(H, W) of a slice."""
    held = volume.dataobj[:, :] if len(volume.shape) == 2 else volume.dataobj[:, :, place]
    return np.asarray(held).reshape(volume.shape[:2]).T


def _frames(volume: Any, of_class: Mapping[str, Any] | None, meaning: Mapping[str, set[int]] | None) -> list[FrameRead]:
    across, down = (float(zoom) for zoom in volume.header.get_zooms()[:2])
    spacing = across if volume.header.get_xyzt_units()[0] == "mm" and abs(across - down) < 1e-6 else None
    return [
        FrameRead(None, number, partial(_slice, volume, of_class, meaning, place), spacing)
        for place, number in enumerate(_numbers(volume))
    ]


def _numbers(volume: Any) -> list[int]:
    """The frame's number of each slice."""
    as_they_lie = list(range(1, _count(volume) + 1))
    affine = np.asarray(volume.affine, float)
    step = abs(affine[2, 2])
    if not np.isfinite(affine).all() or step == 0 or np.abs([*affine[2, :2], *affine[:2, 2]]).max() > SLANT * step:
        return as_they_lie
    numbers = 1 + (affine[2, 3] + affine[2, 2] * np.arange(len(as_they_lie))) / step
    whole = [round(each) for each in numbers]
    return whole if min(whole) >= 1 and np.abs(numbers - whole).max() < OFF_FRAME else as_they_lie


def _slice(
    volume: Any, of_class: Mapping[str, Any] | None, meaning: Mapping[str, set[int]] | None, place: int
) -> Masks:
    if of_class is not None:
        return {name: _plane(held, place) > 0 for name, held in of_class.items()}
    labels = _plane(volume, place)
    return {name: np.isin(labels, list(values)) for name, values in (meaning or {}).items()}
