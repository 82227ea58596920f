"""A mask file's samples as its tool meant them, before anyone says which class they are.

Values are told apart from colours, alpha from a fourth plane, and what a viewer would show from what is stored: ImageJ
shows 255 as black where its look-up table is inverted, and still means 255.
"""

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.errors import ReadError
from octseg.reading.limits import Limits
from octseg.reading.pictures import png
from octseg.reading.pictures.decoding import TURNS

if TYPE_CHECKING:
    from octseg.reading.masks.tiff_samples import Stored

Values = NDArray[Any]
DAMAGED = "the mask is damaged, or no PNG or TIFF"
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_MAGIC, BMP_MAGIC = b"\x89PNG\r\n\x1a\n", b"BM"
NO_TIFFFILE = "masks in TIFF files are read by tifffile: pip install 'octseg[compare]'"
_OTHERS: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes there, what it is and what to do
    (
        0,
        b"\xff\xd8\xff",
        "the mask is a JPEG picture, whose compression changes values along every edge; export it as PNG or TIFF",
    ),
    (0, b"GIF8", "the mask is a GIF picture; export it as PNG or TIFF"),
    (8, b"WEBP", "the mask is a WebP picture; export it as PNG or TIFF"),
    (0, b"NRRD", "the mask is an NRRD file; export its slice as PNG or TIFF, one file a frame"),
    (344, b"n+1\0", "the mask is a NIfTI file; export its slice as PNG or TIFF, one file a frame"),
    (0, b"\x1f\x8b", "the mask is a gzip file, such as a packed NIfTI; export its slice as PNG or TIFF"),
    (0, b"\x93NUMPY", "the mask is a NumPy array; save it as PNG"),
    (0, b"MATLAB", "the mask is a MATLAB file; save it as PNG"),
    (0, b"Iout", "the mask is an ImageJ ROI; make a mask of it (Edit > Selection > Create Mask) and save that as TIFF"),
    (128, b"DICM", "the mask is a DICOM file; export it as PNG or TIFF"),
    (0, b"{", "the mask is JSON text, such as polygons; export it as a PNG picture of labels"),
    (0, b"<", "the mask is XML text; export it as a PNG picture of labels"),
)


@dataclass(frozen=True, eq=False)
class Samples:
    """What a mask file holds.

    values: (H, W) of one value a pixel, of colours a number that `value_words` tells, or (H, W, planes) of 0 and
    another. colours: (n, 3) uint8, of the value n as a palette shows it; empty where there is no palette. names: of the
    planes, as the file gives them; empty without. orientation: in which the file asks to be shown, as in EXIF, 1 to 8.
    n_colours: of a colour picture, else 0. other: what the file may hold as well: of four planes the first three are
    empty where none of these classes is there, and in black paint on a transparent ground.
    """

    values: Values
    colours: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3), np.uint8))
    names: tuple[str, ...] = ()
    orientation: int = 1
    n_colours: int = 0
    other: "Samples | None" = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) as stored."""
        return self.values.shape[0], self.values.shape[1]

    def read_as(self, *, planes: bool) -> "Samples":
        """As planes or as one value a pixel, where the file may hold either; else as it is."""
        return self if self.other is None or (self.values.ndim == 3) == planes else self.other


def read_samples(content: bytes, *, planes_only: bool = False) -> Samples:
    """The samples of a PNG, TIFF or BMP file.

    planes_only: four planes are not taken for colours with alpha where they may be either.

    Raises ReadError: damaged, of another format, of more than two colours, or of half transparent pixels.
    """
    try:
        if content.startswith(TIFF_MAGIC):
            return _of_tiff(_tiff(content), planes_only=planes_only)
        if content.startswith((PNG_MAGIC, BMP_MAGIC)):
            return _of_picture(content, planes_only=planes_only)
    except ReadError:
        raise
    except Exception as error:  # a decoder fed with damaged bytes raises what it likes; the file is not right
        raise ReadError(DAMAGED) from error
    for offset, magic, sentence in _OTHERS:
        if content[offset : offset + len(magic)] == magic:
            raise ReadError(sentence)
    raise ReadError(DAMAGED)


def value_words(value: float) -> str:
    """A value as a user knows it: a number, or a colour as #RRGGBB."""
    return f"{value:g}" if value < 1 << 17 else shown_colour(value)


def _tiff(content: bytes) -> "Stored":
    try:
        from octseg.reading.masks.tiff_samples import read_tiff  # not everybody who reads frames has it
    except ModuleNotFoundError as error:
        raise ReadError(NO_TIFFFILE) from error
    return read_tiff(content)


def turned(values: Values, orientation: int) -> Values:
    """Samples (H, W, ...) as stored, turned and mirrored as a viewer that knows of EXIF shows them."""
    mirrored, turns = TURNS[orientation]
    return np.ascontiguousarray(np.rot90(values[:, ::-1] if mirrored else values, turns))


def _of_picture(content: bytes, *, planes_only: bool) -> Samples:
    """A PNG or BMP file."""
    with Image.open(io.BytesIO(content), formats=["PNG", "BMP"]) as picture:
        Limits().check_frame(picture.height, picture.width, "the mask")
        orientation = _png_orientation(content) if content.startswith(PNG_MAGIC) else 1
        mode = picture.mode
        palette = picture.getpalette("RGB") if mode == "P" else None
        values = np.asarray(picture.convert("L") if mode == "1" else picture)
    colours = np.zeros((0, 3), np.uint8) if palette is None else np.array(palette, np.uint8).reshape(-1, 3)
    if mode == "RGBA" and not _is_alpha(values):
        samples = _of_four(Samples(values, orientation=orientation), planes_only=planes_only)
        return samples if samples.other is None else replace(samples.other, other=samples)
    if mode in ("LA", "RGB", "RGBA"):
        return _of_colours(values, orientation, has_alpha=mode in ("LA", "RGBA"))
    if values.ndim != 2:
        raise ReadError(f"the mask is a picture of kind {mode}; export it as PNG of one value a pixel")
    return Samples(values, colours, orientation=orientation)


def _png_orientation(content: bytes) -> int:
    """Of a whole PNG file; ReadError where it ends before its picture does: Pillow would make its last rows black."""
    try:
        header = png.read_header(content, "the mask", Limits())
    except ReadError as error:
        raise ReadError(DAMAGED) from error
    if not png.has_all_pixels(header.data, header.height, header.width, exactly=False):
        raise ReadError(DAMAGED)
    return header.orientation


def _of_tiff(stored: "Stored", *, planes_only: bool) -> Samples:
    values, orientation = stored.values, stored.orientation
    if values.ndim == 2:
        return Samples(values, stored.colours, orientation=orientation)
    if stored.is_colour and values.shape[2] == 3 and not planes_only:
        return _of_colours(values, orientation, has_alpha=False)
    if stored.is_colour and values.shape[2] == 4 and not planes_only:
        if _is_alpha(values):
            return _of_colours(values, orientation, has_alpha=True)
        return _of_four(Samples(values, names=stored.names, orientation=orientation), planes_only=False)
    if stored.has_alpha and values.shape[2] == 2 and not planes_only:
        return _of_colours(values, orientation, has_alpha=True)
    return Samples(values, names=stored.names, orientation=orientation)


def _of_four(planes: Samples, *, planes_only: bool) -> Samples:
    """Four planes, with what else they may be."""
    if planes_only or planes.values[..., :3].any():
        return planes
    return replace(planes, other=_of_colours(planes.values, planes.orientation, has_alpha=True))


def _is_alpha(values: Values) -> bool:
    """Whether the fourth of four planes (H, W, 4) says where a picture is opaque, and outlines no class.

    It then covers everything, or all that is coloured, or there is colour everywhere, behind what is transparent too:
    tissue fills no frame, and no class holds all others. Planes of classes that are all alike cannot be either.
    """
    colour, alpha = values[..., :3], values[..., 3] > 0
    shown = colour.any(axis=2)
    if alpha.all() or shown.all() or (shown.any() and not (shown & ~alpha).any()):
        return True
    return bool(shown.any() and (colour == colour[..., :1]).all())


def _of_colours(values: Values, orientation: int, *, has_alpha: bool) -> Samples:
    """Grey or colour samples (H, W, 1 or 3, and one for alpha) as one value a pixel, 0 where nothing is painted."""
    colour, opaque = values, None
    if has_alpha:
        colour, opaque = values[..., :-1], values[..., -1]
        if len(np.unique(opaque)) > 2:
            raise ReadError(
                "the mask has pixels that are half transparent, so its edges are smoothed; export it without "
                "transparency and without anti-aliasing"
            )
    numbers = _numbered(colour)
    if opaque is not None and not opaque.any() and numbers.min() == numbers.max():
        numbers = np.zeros_like(numbers)  # nothing is painted on a ground of one colour
    elif opaque is not None and opaque.min() != opaque.max():
        painted = numbers[opaque > 0]
        numbers = np.where(opaque > 0, np.maximum(numbers, 1) if not painted.any() else numbers, 0)
    is_grey = colour.shape[2] == 1 or bool((colour == colour[..., :1]).all())
    count = 0 if is_grey else len(np.unique(numbers))
    return Samples(numbers, orientation=orientation, n_colours=count)


def _numbered(colour: Values) -> Values:
    """(H, W, 1 or 3) as one number a pixel: the grey level where all planes are alike, else one for each colour."""
    if colour.shape[2] == 1 or (colour == colour[..., :1]).all():
        return colour[..., 0].astype(np.int64)
    red, green, blue = (colour[..., plane].astype(np.int64) for plane in range(3))
    return (red << 32) + (green << 16) + blue


def shown_colour(number: float, *, is_grey: bool = False) -> str:
    """A colour's number, or a grey level's, as people write colours: #RRGGBB, or with 16 bits of each."""
    whole = int(number)
    parts = (whole,) * 3 if is_grey else (whole >> 32, whole >> 16 & 0xFFFF, whole & 0xFFFF)
    digits = 2 if max(parts) < 256 else 4
    return "#" + "".join(f"{part:0{digits}X}" for part in parts)
