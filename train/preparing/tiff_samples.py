"""The samples of a TIFF mask as stored, with what its tags say of them: planes in any order, pages, names, colours."""

import html
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from octseg.errors import ReadError
from octseg.reading.limits import Limits

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DAMAGED = "the mask is damaged, or no PNG or TIFF"
ORIENTATION, PAGE_NAME = 274, 285
ALPHA = (1, 2)  # of ExtraSamples: associated and not
WHITE_IS_ZERO, RGB, PALETTE = 0, 2, 3
MAX_PAGES = 64
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)  # what is wrong with a file is told in our sentence


@dataclass(frozen=True, eq=False)
class Stored:
    """values: (H, W) or (H, W, planes), background 0 where the file says so.

    colours: (n, 3) uint8 of a palette, else empty. names: of the planes, else empty. is_colour: whether its tags call
    three of the planes red, green and blue. has_alpha: whether they call the last one alpha.
    """

    values: NDArray[Any]
    colours: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3), np.uint8))
    names: tuple[str, ...] = ()
    orientation: int = 1
    is_colour: bool = False
    has_alpha: bool = False


def read_tiff(content: bytes) -> Stored:
    """All planes or pages of a TIFF file; raises ReadError or whatever tifffile raises where it is damaged."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        every: list[Any] = list(file.pages)
        pages = [page for page in every if not page.is_reduced]
        _check(pages, len(content))
        first = pages[0]
        if len({(page.imagelength, page.imagewidth) for page in pages}) > 1:
            raise ReadError(f"the mask has {len(pages)} pages of different sizes; one size is expected")
        series = file.series[0]
        if len(series.pages) < len(pages):
            raise ReadError(f"the mask has {len(pages)} pages that are no stack; save them as one")
        values = _planes_last(series.asarray(), series.axes)
        if first.photometric == WHITE_IS_ZERO and not _is_imagej(first) and values.dtype.kind in "ub":
            values = _uninverted(values, first.bitspersample)
        return Stored(
            values,
            _palette(first),
            _names(file, pages, 1 if values.ndim == 2 else values.shape[2]),
            _orientation(first),
            is_colour=first.photometric == RGB,
            has_alpha=bool(first.extrasamples) and first.extrasamples[-1] in ALPHA,
        )


def tiff_orientation(content: bytes) -> int:
    """In which a TIFF file asks to be shown, 1 to 8."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return _orientation(file.pages[0])


def _orientation(page: Any) -> int:
    told = int(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else 1
    return told if 1 <= told <= 8 else 1


def _check(pages: Sequence[Any], n_bytes: int) -> None:
    """ReadError where there are no pages, too many or too large ones, or where the file ends before its pixels do."""
    if not pages:
        raise ReadError(DAMAGED)
    if len(pages) > MAX_PAGES:
        raise ReadError(f"the mask has {len(pages)} pages; one for each class are expected, or one page of planes")
    for page in pages:
        Limits().check_frame(page.imagelength, page.imagewidth, "the mask")
        ends = [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > n_bytes:
            raise ReadError(DAMAGED)


def _planes_last(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """(H, W) or (H, W, planes) of an array whose axes have letters, Y and X those of the picture."""
    height, width = values.shape[axes.index("Y")], values.shape[axes.index("X")]
    values = np.moveaxis(values, (axes.index("Y"), axes.index("X")), (0, 1)).reshape(height, width, -1)
    return values[..., 0] if values.shape[2] == 1 else values


def _is_imagej(page: Any) -> bool:
    """Whether ImageJ wrote the page, whose values mean the same under an inverted look-up table."""
    return str(page.description).startswith("ImageJ=")


def _uninverted(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Values that count down from white."""
    return np.asarray(2**bits - 1 - values.astype(np.int64))


def _palette(page: Any) -> NDArray[np.uint8]:
    if page.photometric != PALETTE or page.colormap is None:
        return np.zeros((0, 3), np.uint8)
    return np.asarray(page.colormap >> 8 if page.colormap.max() > 255 else page.colormap, np.uint8).T.copy()


def _names(file: tifffile.TiffFile, pages: Sequence[Any], count: int) -> tuple[str, ...]:
    """Of the planes: ImageJ's labels, OME's channels, or the names of pages; empty where not all have one."""
    found: list[list[str]] = []
    if file.imagej_metadata is not None:
        found.append([str(label).splitlines()[0] for label in file.imagej_metadata.get("Labels") or () if str(label)])
    if file.ome_metadata:
        found.append(_ome_names(file.ome_metadata))
    found.append([str(page.tags[PAGE_NAME].value) for page in pages if PAGE_NAME in page.tags])
    return next((tuple(names) for names in found if len(names) == count and all(names)), ())


def _ome_names(text: str) -> list[str]:
    """Names of the channels in OME-XML, in order."""
    return [html.unescape(name) for name in re.findall(r'<(?:\w+:)?Channel\b[^>]*?\sName="([^"]*)"', text)]
