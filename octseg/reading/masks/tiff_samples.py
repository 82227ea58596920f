"""The samples of a TIFF mask as stored, with what its tags say of them: planes in any order, pages, names, colours.

tifffile reads the tags, Pillow decodes the pixels: of damaged LZW data the decoder of the former's companion does not
always return. So that Pillow decodes what is stored, neither inverted nor turned, and takes any four planes for RGBA,
some tags are set anew in a copy first.
"""

import html
import io
import logging
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from octseg.errors import ReadError
from octseg.reading.limits import Limits
from octseg.reading.masks.samples import DAMAGED

PHOTOMETRIC, ORIENTATION, PAGE_NAME, EXTRA_SAMPLES = 262, 274, 285, 338
NO_ALPHA, ALPHA, UNASSOCIATED = 0, (1, 2), 2  # of ExtraSamples
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
SHORT = 3  # type of a tag's value
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
    """All planes or pages of a TIFF file; raises ReadError or whatever a decoder raises where it is damaged."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        every: list[Any] = list(file.pages)
        numbers = [number for number, page in enumerate(every) if not page.is_reduced]
        pages = [every[number].aspage() for number in numbers]
        _check(pages, len(content))
        first = pages[0]
        values = _decoded(_plain(content, pages, file.byteorder, is_big=file.is_bigtiff), numbers)
        if first.photometric == WHITE_IS_ZERO:
            values = _meant(values, first.bitspersample)
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
    """ReadError where pages are none, too many, too large or unlike, or the file ends before their pixels do."""
    if not pages:
        raise ReadError(DAMAGED)
    if len(pages) > MAX_PAGES:
        raise ReadError(f"the mask has {len(pages)} pages; one for each class are expected, or one page of planes")
    first = pages[0]
    for page in pages:
        Limits().check_frame(page.imagelength, page.imagewidth, "the mask")
        ends = [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > n_bytes:
            raise ReadError(DAMAGED)
        if (page.imagelength, page.imagewidth) != (first.imagelength, first.imagewidth):
            raise ReadError(f"the mask has {len(pages)} pages of different sizes; one size is expected")
        if len(pages) > 1 and (page.samplesperpixel > 1 or page.photometric != first.photometric):
            raise ReadError(
                f"the mask has {len(pages)} pages that are coloured, or stored unlike each other; save grey ones"
            )
    _check_samples(first, len(pages))


def _check_samples(first: Any, n_pages: int) -> None:
    """ReadError where samples are of a kind that is not decoded, or of pages that the file does not list."""
    told = re.match(r"ImageJ=.*?\bimages=(\d{1,9})\b", str(first.description), re.DOTALL)
    if told and int(told[1]) > 1 and n_pages == 1:
        raise ReadError("the mask is a stack of which the file stores one page; save it as a plain TIFF stack")
    if first.bitspersample > 32:
        raise ReadError(f"the mask has numbers of {first.bitspersample} bits; save it with 8, as 0 and 255")
    if first.samplesperpixel > 4:
        raise ReadError(f"the mask has {first.samplesperpixel} planes in one page; save one page for each class")
    if first.samplesperpixel > 1 and first.bitspersample != 8:
        raise ReadError(f"the mask has planes of {first.bitspersample} bits; save them with 8, as 0 and 255")


def _plain(content: bytes, pages: Sequence[Any], order: str, *, is_big: bool) -> bytes:
    """The file with tags that let Pillow decode what is stored."""
    plain = bytearray(content)

    def put(page: Any, tag: int, value: int) -> None:
        if tag in page.tags:
            entry = page.tags[tag].offset
            struct.pack_into(f"{order}H{'Q' if is_big else 'I'}H", plain, entry + 2, SHORT, 1, value)

    for page in pages:
        put(page, ORIENTATION, 1)
        if page.samplesperpixel == 1 and page.photometric == WHITE_IS_ZERO:
            put(page, PHOTOMETRIC, BLACK_IS_ZERO)
        elif page.samplesperpixel > 2 and page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
            put(page, PHOTOMETRIC, RGB)
            put(page, EXTRA_SAMPLES, UNASSOCIATED if page.samplesperpixel == 4 else NO_ALPHA)
    return bytes(plain)


def _decoded(content: bytes, numbers: Sequence[int]) -> NDArray[Any]:
    """(H, W) or (H, W, planes) of the pages with these numbers."""
    with Image.open(io.BytesIO(content), formats=["TIFF"]) as picture:
        planes = []
        for number in numbers:
            picture.seek(number)
            planes.append(np.asarray(picture))
    return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)


def _meant(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Values of a file whose 0 is shown white, counted so that the picture's edge, which is of no class, is 0.

    ImageJ with an inverting look-up table, and tifffile with arrays of bool, mean what is stored; others what is shown.
    """
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    inverted = 2**bits - 1 - values.astype(np.int64)
    return inverted if np.count_nonzero(edge) > edge.size / 2 else values


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
