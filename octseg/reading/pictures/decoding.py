"""From a checked header to the samples of each page, turned upright, on black where they are transparent.

Pillow decodes all but colours of 16 bits, which it would cut to 8: those OpenCV decodes. Of a PNG that ends early
Pillow makes a picture whose last rows are black, so a black last row is looked into; OpenCV would see it, but inflates
whatever comes after the last row.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.errors import ReadError
from octseg.pullback import strips
from octseg.reading.levels import Samples
from octseg.reading.pictures.header import Header
from octseg.reading.pictures.png import has_all_pixels

# EXIF orientation: quarter turns (counter-clockwise) after mirroring left to right.
TURNS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
GREY_MODES = ("L", "I;16", "I;16L", "I;16B", "I;16N", "I", "F")


@dataclass(frozen=True)
class Page:
    """Decoded samples (H, W) or (H, W, 3) RGB, and what was done to get them, one sentence each."""

    samples: Samples
    warnings: tuple[str, ...] = ()


def decode_page(header: Header, number: int, label: str) -> Page:
    """The samples of the frame at a place in the file; ReadError where they cannot be decoded."""
    try:
        planes = [_decoded(header, header.file_of(place)) for place in range(number, number + header.planes)]
        page = planes[0] if len(planes) == 1 else Page(np.dstack([plane.samples for plane in planes]))
        if page.samples.shape[:2] not in ((header.height, header.width), (header.width, header.height)):
            raise ReadError(f"{label} decodes to another size than its header gives")
        page = _cleared(page, header.clear_colour)
        return Page(_upright(_uninverted(page.samples, header.inverted_bits), header.orientation), page.warnings)
    except ReadError:
        raise
    except Exception as error:
        # A decoder fed with hostile bytes raises whatever it likes; all of it means that the file is not right.
        raise ReadError(f"{label} cannot be decoded: the {header.format} file is damaged or incomplete") from error


def _decoded(header: Header, data: bytes) -> Page:
    """The one picture in a file."""
    if header.deep_colour:
        return _decode_by_opencv(data)
    with Image.open(io.BytesIO(data), formats=[header.format]) as picture:
        page = page_of(picture)
        if header.format == "PNG":
            last_row = np.asarray(picture.crop((0, picture.height - 1, picture.width, picture.height)))
            if (header.interlaced or not last_row.any()) and not has_all_pixels(
                data, header.height, header.width, exactly=False
            ):
                raise ValueError("rows are missing")
        return page


def page_of(picture: Image.Image) -> Page:
    """The samples of a Pillow picture in any mode."""
    if picture.mode in GREY_MODES and "transparency" not in picture.info:
        return Page(_samples(picture, picture.mode))
    if picture.mode == "1":
        return Page(_samples(picture, "L"))
    if picture.has_transparency_data:
        return Page(*_laid_on_black(picture))
    said = ("the file's CMYK colours were turned to RGB without a profile",) if picture.mode == "CMYK" else ()
    return Page(_samples(picture, "RGB"), said)


def _strips(picture: Image.Image, mode: str) -> Iterator[tuple[slice, Samples]]:
    """Rows of a picture and their samples in a mode, a few at a time: Pillow would copy the whole several times."""
    picture.load()
    for rows in strips(picture.height):
        strip = picture.crop((0, rows.start, picture.width, rows.stop))
        yield rows, np.asarray(strip if strip.mode == mode else strip.convert(mode))


def _samples(picture: Image.Image, mode: str) -> Samples:
    """The samples (H, W) or (H, W, 3) of a picture in a mode."""
    whole: Samples = np.empty(0)
    for rows, strip in _strips(picture, mode):
        if rows.start == 0:
            whole = np.empty((picture.height, *strip.shape[1:]), strip.dtype)
        whole[rows] = strip
    return whole


def _laid_on_black(picture: Image.Image) -> tuple[Samples, tuple[str, ...]]:
    """A picture with transparency as RGB (H, W, 3) on black; a warning where that changed anything."""
    laid, said = np.empty((picture.height, picture.width, 3), np.uint8), set[str]()
    for rows, rgba in _strips(picture, "RGBA"):
        laid[rows], of_strip = _on_black(rgba[..., :3], rgba[..., 3], 255)
        said.update(of_strip)
    return laid, tuple(said)


def _decode_by_opencv(data: bytes) -> Page:
    """A picture of colours of 16 bits; OpenCV gives BGR and BGRA."""
    samples = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    if samples.ndim != 3:  # None comes out where nothing could be decoded
        raise ValueError("not decoded, or not as deep as its header says")
    if samples.shape[2] == 4:
        return Page(*_on_black(samples[..., 2::-1], samples[..., 3], 65535))
    return Page(np.asarray(cv2.cvtColor(samples, cv2.COLOR_BGR2RGB, samples)))


def _cleared(page: Page, clear_colour: tuple[int, ...]) -> Page:
    """The page with pixels of the clear colour, if there is one, on black."""
    if not clear_colour:
        return page
    samples = page.samples
    opaque = np.empty(samples.shape[:2], np.uint8)
    for rows in strips(len(samples)):
        strip = samples[rows]
        opaque[rows] = np.any(strip.reshape(*strip.shape[:2], -1) != np.array(clear_colour), axis=2)
    return Page(*_on_black(samples, opaque, 1))


def _on_black(colour: Samples, alpha: Samples, opaque: int) -> tuple[Samples, tuple[str, ...]]:
    """(H, W) or (H, W, 3) samples laid on black through `alpha` (H, W); a warning where that changed anything."""
    if (alpha == opaque).all():
        return colour, ()
    laid = np.empty_like(colour)
    for rows in strips(len(colour)):
        share = alpha[rows] / np.float32(opaque)
        laid[rows] = np.rint(colour[rows] * share.reshape(share.shape + (1,) * (colour.ndim - 2)))
    return laid, ("the file's transparent pixels were laid on black",)


def _uninverted(samples: Samples, bits: int) -> Samples:
    if bits == 0:
        return samples
    return np.asarray((2**bits - 1) - (samples if samples.dtype == np.uint16 else samples.astype(np.int32)))


def _upright(samples: Samples, orientation: int) -> Samples:
    mirrored, turns = TURNS[orientation]
    return np.ascontiguousarray(np.rot90(samples[:, ::-1] if mirrored else samples, turns))


def to_rgb(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) levels as a frame (H, W, 3)."""
    frame = levels if levels.ndim == 3 else np.repeat(levels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(frame)
