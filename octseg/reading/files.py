"""Path, bytes or array to frames: the way in for everything that is measured.

A file is known by its content, never by its name. Its header is held against the limits before a pixel is decoded,
and nothing of it but pixels goes on: no text, no tag, no name of a patient.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.archive import called, read_archive
from octseg.reading.content import Content, content_at
from octseg.reading.folders import is_folder
from octseg.reading.formats import HEAD_BYTES, container_of, lists_files
from octseg.reading.gathering import only, read_folder
from octseg.reading.given import FileSource, name_of, path_or_content
from octseg.reading.kinds import read_kind
from octseg.reading.levels import SourceLevels
from octseg.reading.limits import Limits, empty
from octseg.reading.names import DEFAULT_NAME, label_of, stem_of
from octseg.reading.pictures.decoding import page_of, to_rgb
from octseg.values import text


def read_pullback(
    source: FileSource,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    levels: SourceLevels | None = None,
) -> Pullback:
    """The frames of one catheter run, streamed: a DICOM file, a stack, a video, or a folder or ZIP file of pictures.

    A single picture is a pullback of one frame. Frames are decoded one at a time when they are asked for.

    Args:
        source: path of a file or a folder, content of a file, or a file opened in binary mode, which is read from its
            beginning on. A file given by its path is read where it lies, whatever its size.
        name: the file's name where `source` is its content, or to go before the path's.
        limits: what a file may ask for; by default `Limits` with what the environment changes.
        levels: how samples of more than 8 bits become levels in the source that the file is of, from
            `octseg.reading.survey`; by default what the file itself suggests.

    Raises:
        ReadError: no such file, a kind that is not read, beyond a limit, damaged, without a grey level, or a folder or
            a ZIP file that holds several pullbacks or none.
        ValueError: a source of another type.
    """
    limits = _checked(limits, name)
    label = label_of(name or name_of(source) or DEFAULT_NAME)
    if not (levels is None or isinstance(levels, SourceLevels)):
        raise ValueError(f"levels must be SourceLevels of octseg.reading.levels or None, not {type(levels).__name__}")
    given = path_or_content(source, label, limits)
    if isinstance(given, Path) and is_folder(given):
        return only(read_folder(given, label, limits, read_archive), label)
    return _read_file(given, label, limits, levels or SourceLevels())


def read_pullbacks(source: FileSource, *, name: str | None = None, limits: Limits | None = None) -> list[Pullback]:
    """Every pullback in a folder, at any depth, in a DICOMDIR or in a ZIP file; of any other file the one that it is.

    The pictures of a folder that have one size are one pullback, in the order in which people count. Arguments and
    errors are those of `read_pullback`.
    """
    limits = _checked(limits, name)
    label = label_of(name or name_of(source) or DEFAULT_NAME)
    given = path_or_content(source, label, limits)
    if isinstance(given, Path) and is_folder(given):
        return read_folder(given, label, limits, read_archive)
    content = Content(given) if isinstance(given, bytes) else content_at(given, label)
    head = content.part(0, HEAD_BYTES)
    if container_of(head) == "ZIP":
        return read_archive(content, label, limits)
    if container_of(head) == "DICOM" and lists_files(head) and isinstance(given, Path):
        from octseg.reading.dicom import read_dicom_directory  # loads pydicom, which other files do not need

        return read_dicom_directory(given, label, limits)
    return [_read_file(given, label, limits, SourceLevels())]


def _checked(limits: object, name: object) -> Limits:
    """The limits to read by; ValueError where those or the name of a file are no such thing."""
    if name is not None:
        text(name, "name")
    if limits is None:
        return Limits.from_environment(os.environ)
    if not isinstance(limits, Limits):
        raise ValueError(f"limits must be octseg.reading.Limits or None, not {type(limits).__name__}")
    return limits


def _read_file(given: Path | bytes, label: str, limits: Limits, levels: SourceLevels) -> Pullback:
    """The one pullback in a file, whatever its kind."""
    content = Content(given) if isinstance(given, bytes) else content_at(given, label)
    if content.size == 0:
        raise empty(label)
    kind = container_of(content.part(0, HEAD_BYTES))
    if kind == "ZIP":
        return only(read_archive(content, label, limits), called(content, label))
    return read_kind(kind, content, label, stem_of(label), limits, levels)


def read_frame_array(array: NDArray[Any] | Image.Image) -> Frame:
    """A frame (H, W, 3) uint8 from a (H, W) or (H, W, 3) uint8 array or a Pillow picture of 8 bits or less.

    Raises:
        ValueError: an array of another shape or type. ReadError: a size beyond the limits, or a picture of more bits.
    """
    limits = Limits.from_environment(os.environ)
    if isinstance(array, Image.Image):
        limits.check_frame(array.height, array.width, "the picture")
        try:
            page = page_of(ImageOps.exif_transpose(array))
        except (OSError, ValueError) as error:  # Pillow reads a file's pixels only here: cut off, or closed by now
            raise ReadError(
                f"the picture cannot be read: {str(error).lower().rstrip('.')}; open its file anew"
            ) from error
        if page.samples.dtype != np.uint8:
            raise ReadError(
                f"the picture has mode {array.mode}, more than 8 bits; "
                "give the file itself, or an array of 8 bits scaled as you mean it"
            )
        return to_rgb(page.samples)
    if isinstance(array, np.ma.MaskedArray):
        raise ValueError(
            "a frame must not be a masked array, for what lies behind its mask is not told; "
            "say what is shown there, such as numpy.ma.filled(array, 0)"
        )
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(
            f"a frame must be (H, W) or (H, W, 3) uint8, got shape {array.shape} {array.dtype}{_advice(array)}"
        )
    limits.check_frame(array.shape[0], array.shape[1], "the array")
    return to_rgb(array.copy())  # the caller may fill it with the next frame while the result still shows this one


def _advice(array: NDArray[Any]) -> str:
    """What to do about an array that is no frame, where that can be told."""
    if array.ndim == 4:
        return "; give the frames one by one"
    if array.ndim == 3 and array.shape[2] != 3:
        told = {1: "give array[..., 0]", 4: "leave out the fourth plane, array[..., :3]"}
        if (advice := told.get(array.shape[2])) is not None:
            return f"; {advice}"
        return "; put its channels last, numpy.moveaxis(array, 0, -1)" if array.shape[0] == 3 else ""
    of_shares = ", such as (255 * array).astype('uint8') where 1 is white" if array.dtype.kind == "f" else ""
    return f"; scale it to 8 bits as you mean it{of_shares}" if array.ndim in (2, 3) else ""
