"""Path, bytes or array to frames: the way in for everything that is measured.

A file is known by its content, never by its name. Its header is held against the limits before a pixel is decoded,
and nothing of it but pixels goes on: no text, no tag, no name of a patient.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.dicom import is_dicom, read_dicom
from octseg.reading.formats import HEAD_BYTES, image_format
from octseg.reading.given import FileSource, name_of, path_or_content
from octseg.reading.levels import LevelRule, SourceLevels, span_of
from octseg.reading.limits import Limits
from octseg.reading.names import frame_number
from octseg.reading.own import refuse_own
from octseg.reading.pictures import bmp, jpeg, png, tiff, webp
from octseg.reading.pictures.decoding import Page, decode_pages, page_of, to_rgb
from octseg.reading.pictures.header import Header

READERS = {
    "PNG": png.read_header,
    "JPEG": jpeg.read_header,
    "TIFF": tiff.read_header,
    "WEBP": webp.read_header,
    "BMP": bmp.read_header,
}
MAX_LABEL = 80  # characters of a file's name that an error repeats
DEFAULT_NAME = "frame"
FIRST = 1  # number of a picture whose name bears none


def read_pullback(
    source: FileSource,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    levels: SourceLevels | None = None,
) -> Pullback:
    """The frames of a picture or a DICOM file; a TIFF of several pages is a pullback, streamed page by page.

    Args:
        source: path or content of a file, or a file opened in binary mode, which is read from its beginning on.
        name: the file's name where `source` is its content, or to go before the path's.
        limits: what a file may ask for; by default `Limits` with what the environment changes.
        levels: how samples of more than 8 bits become levels in the source that the file is of, from
            `octseg.reading.survey`; by default what the file itself suggests.

    Raises:
        ReadError: no such file, a kind that is not read, beyond a limit, damaged, or without a grey level.
        ValueError: a source of another type.
    """
    limits = Limits.from_environment(os.environ) if limits is None else limits
    label = _label(name or name_of(source) or DEFAULT_NAME)
    source = path_or_content(source, label, limits)
    if is_dicom(_head(source)):
        return read_dicom(source, label, _stem(label), limits)
    data = _read_bytes(source, label, limits)
    refuse_own(data, label)
    header = header_of(data, label, limits)
    stem, levels = PureWindowsPath(label).stem or DEFAULT_NAME, levels or SourceLevels()
    return (_single if len(header.pages) == 1 else _stack)(header, label, stem, levels)


def header_of(data: bytes, label: str, limits: Limits) -> Header:
    """What the header of a file says; ReadError where it is no picture, or not one that is read."""
    return READERS[image_format(data[:HEAD_BYTES], label)](data, label, limits)


def read_frame_array(array: NDArray[Any] | Image.Image) -> Frame:
    """A frame (H, W, 3) uint8 from a (H, W) or (H, W, 3) uint8 array or a Pillow picture of 8 bits or less.

    Raises:
        ValueError: an array of another shape or type. ReadError: a size beyond the limits, or a picture of more bits.
    """
    limits = Limits.from_environment(os.environ)
    if isinstance(array, Image.Image):
        limits.check_frame(array.height, array.width, "the picture")
        page = page_of(ImageOps.exif_transpose(array))
        if page.samples.dtype != np.uint8:
            raise ReadError(
                f"the picture has mode {array.mode}, more than 8 bits; "
                "give the file itself, or an array of 8 bits scaled as you mean it"
            )
        return to_rgb(page.samples)
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


def _head(source: Path | bytes) -> bytes:
    """The first bytes of a file; none where it cannot be opened, which is said elsewhere."""
    if isinstance(source, bytes):
        return source[:HEAD_BYTES]
    try:
        if not source.is_file():
            return b""
        with source.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def _stem(label: str) -> str:
    """A file's name without its ending; numbers after a dot, as in the names that a PACS gives, are none."""
    path = PureWindowsPath(label)
    return label if path.suffix[1:].isdigit() else path.stem or DEFAULT_NAME


def _label(given: str) -> str:
    """What a file is called in front of the user: its name without folders, printable and not too long."""
    base = PureWindowsPath(given).name or DEFAULT_NAME
    printable = "".join(character if character.isprintable() else "?" for character in base)
    return printable if len(printable) <= MAX_LABEL else printable[: MAX_LABEL - 1] + "…"


def _read_bytes(path: Path | bytes, label: str, limits: Limits) -> bytes:
    """The file's content, once its size and its first bytes have been looked at."""
    if isinstance(path, bytes):
        return path
    try:
        if path.is_dir():
            raise ReadError(f"{label} is a folder; give its files one by one")
        if not path.exists():
            raise ReadError(f"there is no file {label}")
        if not path.is_file():
            raise ReadError(f"{label} is no regular file")
        with path.open("rb") as file:
            limits.check_bytes(os.fstat(file.fileno()).st_size, label)
            head = file.read(HEAD_BYTES)
            image_format(head, label)
            data = head + file.read(limits.max_file_bytes)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ReadError(f"{label} cannot be opened: {_reason(error)}") from error
    limits.check_bytes(len(data), label)
    return data


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or "unknown cause").lower() if isinstance(error, OSError) else "its name cannot be one"


def _single(header: Header, label: str, stem: str, levels: SourceLevels) -> Pullback:
    """A pullback of one frame, decoded now, so that what is wrong with it shows now."""
    (page,) = decode_pages(header, label)
    rule = _rule(page, [page], header, label, levels)
    frame = _frame(page, rule)
    return Pullback(
        name=stem,
        first_number=FIRST if (number := frame_number(stem)) is None else number,
        frame_count=1,
        read_frames=lambda: iter([frame]),
        warnings=page.warnings + _warning_of(rule),
    )


def _stack(header: Header, label: str, stem: str, levels: SourceLevels) -> Pullback:
    """A pullback decoded page by page; its levels are surveyed once before, where they need a rule."""
    first = next(decode_pages(header, label))
    rule = _rule(first, decode_pages(header, label), header, label, levels)

    def read_frames() -> Iterator[Frame]:
        for page in decode_pages(header, label):
            yield _frame(page, rule)

    return Pullback(
        name=stem,
        frame_count=len(header.pages),
        read_frames=read_frames,
        warnings=first.warnings + _warning_of(rule),
    )


def _rule(first: Page, pages: Iterable[Page], header: Header, label: str, levels: SourceLevels) -> LevelRule | None:
    """How the samples of all pages become levels; None for 8 bits, which are levels."""
    if first.samples.dtype == np.uint8:
        return None
    return levels.rule(span_of((page.samples for page in pages), label), header.declared_bits)


def _frame(page: Page, rule: LevelRule | None) -> Frame:
    return to_rgb(page.samples if rule is None else rule.to_uint8(page.samples))


def _warning_of(rule: LevelRule | None) -> tuple[str, ...]:
    return () if rule is None or rule.warning is None else (rule.warning,)
