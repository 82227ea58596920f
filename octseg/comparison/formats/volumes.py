"""Masks as NIfTI volumes: one of labels, or one for each class; voxel (i, j, k) is column i and row j of frame k.

Frame 1 lies at z = 0, as in the volumes of octseg/export/nifti.py: where slices lie a whole number of frames behind it,
along z alone, they are those frames; of any other volume the first slice is frame 1. One that a program has turned, its
affine with it, is turned back.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.comparison.formats.pictures import meaning_of
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError

VOLUMES = (".nii", ".nii.gz")
LABELS_END, WITHDRAWN, OWN = "_labels", 255, b"octseg "
AS_IT_LIES = ((0, 1), (1, 1), (2, 1))  # axis and direction that each axis becomes
CUT_SHORT = (OSError, EOFError, ValueError, zlib.error)
SLANT, OFF_FRAME = 1e-3, 0.05  # parts of a slice's distance by which it may lie askew, and off a frame's place


def volume_reading(
    paths: Sequence[Path], name: str, class_map: Mapping[int, str] | None, binary_class: str | None
) -> Reading:
    """A frame for each slice of a volume of labels, or of a volume for each class that its name ends on."""
    of_class = {each: path for path in paths if (each := _class_in(path)) is not None}
    named = [path for path in paths if _stem(path).endswith(LABELS_END)]
    if len(named) > 1 or len(of_class) < sum(_class_in(path) is not None for path in paths):
        raise ReadError(f"{name} holds volumes of several pullbacks; give those of one")
    if of_class and (binary_class is None or (len(paths) > 1 and not named)):  # several say it by their names
        return _of_classes(of_class, name)
    if len(paths) > 1 and not named:
        raise ReadError(
            f"{name} holds several volumes; give one, or one for each class, named as in x_lipid_core.nii.gz"
        )
    path = (named or paths)[0]
    volume = _volume(path)
    if _has_planes(volume):
        return _of_planes(volume, path.name)
    own = bool(volume.header["descrip"].tobytes().startswith(OWN)) if "descrip" in volume.header else False
    values = _values(volume, path.name) - ({WITHDRAWN} if own else set())
    meaning = meaning_of(values, name, class_map, binary_class, own=own)
    spoken = tuple(each for each in CLASS_NAMES if each in meaning)

    def read(place: int) -> Masks:
        plane = _plane(volume, place)
        return {each: np.isin(plane, list(of)) for each, of in meaning.items()}

    return Reading(name, _frames(volume, read), spoken, one_tissue=True)


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
    return Reading(
        name, _frames(first, lambda place: {each: _plane(of, place) > 0 for each, of in volumes.items()}), classes
    )


def _has_planes(volume: Any) -> bool:
    """Whether it has a value for each class at each voxel, as the last of four axes."""
    return len(volume.shape) == 4 and volume.shape[3] == len(CLASS_NAMES)


def _of_planes(volume: Any, name: str) -> Reading:
    """A plane for each class along the fourth axis, in the order of the classes, as in TIFF files of four planes."""
    channels = range(len(CLASS_NAMES))
    values = set().union(*(_values(volume, name, channel) for channel in channels))
    if len(values) > 1:
        raise ReadError(
            f"{name} has {len(CLASS_NAMES)} numbers for each voxel, of more than two values: it is no volume of masks; "
            f"give one of labels, or masks in the order {', '.join(CLASS_NAMES)}"
        )
    return Reading(
        name,
        _frames(
            volume,
            lambda place: {each: _plane(volume, place, at) > 0 for at, each in enumerate(CLASS_NAMES)},
        ),
        CLASS_NAMES,
    )


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
    if len(shape) < 2 or not (_has_planes(volume) or all(side == 1 for side in shape[3:])) or kind.kind not in "uif":
        raise ReadError(
            f"{path.name} is no volume of labels: it has {' x '.join(map(str, shape))} voxels of {kind}; "
            "save one number for each voxel of columns, rows and frames"
        )
    return _as_exported(volume, path.name)


def _as_exported(volume: Any, name: str) -> Any:
    """The volume, turned as its affine says where it then lies just as octseg writes them: a program has laid it anew.

    Elsewhere an affine says nothing of how frames lay on the screen, and it is taken as it lies.
    """
    import nibabel

    affine, turning = np.asarray(volume.affine, float), cast(Any, nibabel.orientations)
    if len(volume.shape) < 3 or not np.isfinite(affine).all():
        return volume
    way = turning.ornt_transform(turning.io_orientation(affine), turning.axcodes2ornt(tuple("LPS")))
    if np.isnan(way).any() or np.array_equal(way, AS_IT_LIES):
        return volume
    laid = affine @ turning.inv_ornt_aff(way, volume.shape[:3])
    steps = np.abs(np.diag(laid)[:3])
    own = np.diag([-steps[0], -steps[1], steps[2], 1.0])
    own[2, 3] = laid[2, 3]
    if not np.allclose(laid, own, rtol=0, atol=SLANT * steps.min()):
        return volume
    try:
        return volume.as_reoriented(way)
    except CUT_SHORT as error:
        raise _cut_short(name, error) from error


def _cut_short(name: str, error: Exception) -> ReadError:
    return ReadError(f"{name} cannot be read to its end: {error.__class__.__name__}; save it anew")


def _values(volume: Any, name: str, channel: int | None = None) -> set[int]:
    """Numbers that occur beside 0; ReadError where they are no whole ones, as shades are."""
    try:
        values = {
            value for place in range(_count(volume)) for value in np.unique(_plane(volume, place, channel)).tolist()
        }
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ReadError(f"{name} cannot be read to its end: {error.__class__.__name__}; save it anew") from error
    if any(value != value or value != round(value) for value in values - {np.inf, -np.inf}) or np.inf in values:
        raise ReadError(f"{name} is no volume of labels: it holds shades, not whole numbers; save it as labels")
    return {int(value) for value in values} - {0}


def _count(volume: Any) -> int:
    return 1 if len(volume.shape) == 2 else int(volume.shape[2])


def _plane(volume: Any, place: int, channel: int | None = None) -> NDArray[Any]:
    """(H, W) of a slice; channel: along the fourth axis."""
    if len(volume.shape) == 2:
        return np.asarray(volume.dataobj[:, :]).T
    held = volume.dataobj[:, :, place] if channel is None else volume.dataobj[:, :, place, channel]
    return np.asarray(held).reshape(volume.shape[:2]).T


def _frames(volume: Any, read: Callable[[int], Masks]) -> list[FrameRead]:
    """The frames of a volume; read: the planes (H, W) of a slice."""
    across, down = (float(zoom) for zoom in volume.header.get_zooms()[:2])
    spacing = across if volume.header.get_xyzt_units()[0] == "mm" and abs(across - down) < 1e-6 else None
    return [FrameRead(None, number, partial(read, place), spacing) for place, number in enumerate(_numbers(volume))]


def _numbers(volume: Any) -> list[int]:
    """The frame's number of each slice; names may count from 0."""
    as_they_lie = list(range(1, _count(volume) + 1))
    affine = np.asarray(volume.affine, float)
    step = abs(affine[2, 2])
    if not np.isfinite(affine).all() or step == 0 or np.abs([*affine[2, :2], *affine[:2, 2]]).max() > SLANT * step:
        return as_they_lie
    numbers = 1 + (affine[2, 3] + affine[2, 2] * np.arange(len(as_they_lie))) / step
    whole = [round(each) for each in numbers]
    return whole if min(whole) >= 0 and np.abs(numbers - whole).max() < OFF_FRAME else as_they_lie
