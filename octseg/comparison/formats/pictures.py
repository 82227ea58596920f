"""Masks as pictures: a label for each tissue, four planes in the order of octseg/classes.py, or one tissue alone."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import BACKGROUND, CLASS_NAMES, PALETTE, PALETTE_INDEX, TISSUE_CLASSES
from octseg.comparison.formats.results import stem_of
from octseg.comparison.reading import FrameRead, Masks, Reading
from octseg.errors import ReadError
from octseg.export.pictures import DOUBT_KEYWORD
from octseg.reading.masks.samples import Samples, read_samples, turned, value_words
from octseg.reading.names import frame_number
from octseg.reading.pictures.decoding import TURNS

PICTURES = (".png", ".tif", ".tiff", ".bmp")
PLANES = 4
ORIENTATION = 274  # tag of EXIF
MOST_LABELS = 16
BLACK = (0, 0, 0)
NUMBER_OF = {BLACK: 0} | {tissue.colour: PALETTE_INDEX[tissue.name] for tissue in TISSUE_CLASSES}
TELLING = {colour for colour in NUMBER_OF if len(set(colour)) > 1}  # black and white are in many a picture
OWN_COLOURS = np.frombuffer(PALETTE, np.uint8).reshape(-1, 3)
NAMES_OF = {index: name for name, index in PALETTE_INDEX.items()}


def picture_reading(
    paths: Sequence[Path],
    name: str,
    class_map: Mapping[int, str] | None,
    binary_class: str | None,
    root: Path | None = None,
) -> Reading:
    """A frame for each picture; octseg's own palette explains itself, other labels are explained by the caller.

    root: of the folders that the pictures lie in, where these are several; they tell pictures of one name apart.
    Where variants of a frame disagree is no mask, though its file lies among masks: it is passed over.
    """
    paths = [path for path in paths if not _is_doubt(path)]
    if not paths:
        raise ReadError(f"{name} shows where variants of a frame disagree, which is no mask; give masks")
    are_planes = _are_planes(paths)
    if are_planes:
        read = [partial(_planes_of, path) for path in paths]
        classes: tuple[str, ...] = CLASS_NAMES
    else:
        values, own = _values(paths)
        meaning = meaning_of(values, name, class_map, binary_class, own=own)
        read = [partial(_labelled, path, meaning) for path in paths]
        classes = tuple(each for each in CLASS_NAMES if each in meaning)
    frames = _told_apart(
        [
            FrameRead(stem := stem_of(path), frame_number(stem), each, folder=_folder(path, root))
            for path, each in zip(paths, read, strict=True)
        ]
    )
    return Reading(name, frames, classes, one_tissue=not are_planes)


def _folder(path: Path, root: Path | None) -> str:
    return path.resolve().parent.name if root is None else path.parent.relative_to(root).as_posix()


def _told_apart(frames: list[FrameRead]) -> list[FrameRead]:
    """Frames of one name under it and their folder's."""
    counts = Counter(frame.stem for frame in frames)
    return [
        replace(frame, stem=f"{frame.folder}/{frame.stem}", own_stem=frame.stem) if counts[frame.stem] > 1 else frame
        for frame in frames
    ]


def meaning_of(
    values: set[int], name: str, class_map: Mapping[int, str] | None, binary_class: str | None, *, own: bool
) -> dict[str, set[int]]:
    """Class -> the numbers that stand for it, of all that occur beside 0; ReadError where one is not explained.

    own: whether the numbers are those of octseg's palette, which tells what they are whatever the other reading is of.
    """
    if binary_class is not None and not (own and values):
        return {binary_class: set(values)} if len(values) == 1 else _refuse_values(values, name)
    known = NAMES_OF if class_map is None and own else class_map or {}
    unknown = sorted(values - set(known))
    if unknown and class_map is None and len(values) == 1:
        raise ReadError(
            f"{name} outlines one tissue by the value {value_words(unknown[0])}; say which: --binary-class lipid_core"
        )
    if unknown:
        said = ", ".join(map(value_words, unknown[:MOST_LABELS]))
        raise ReadError(
            f"{name} holds labels that are not explained ({said}); say of all what they are, as in "
            "--class-map 1=lumen,2=background,3=lipid_core"
        )
    meaning: dict[str, set[int]] = {}
    for value, of in known.items():
        if of != BACKGROUND:
            meaning.setdefault(of, set()).add(value)
    return meaning


def _by_colour(picture: Image.Image) -> NDArray[np.uint8] | None:
    """Numbers (H, W) of octseg's palette by the colours of a picture; None where these are others, or tell no tissue.

    Programs that make a file smaller put a palette into another order, and others save its colours without one, or on
    a transparent ground.
    """
    if picture.mode not in ("P", "RGB", "RGBA") or _is_own_palette(picture.getpalette() or ()):
        return None
    layers = picture.convert("RGBA")
    opaque = layers.getchannel("A").point([0] + [255] * 255)
    shown = Image.new("RGB", picture.size)
    shown.paste(layers, mask=opaque)
    counted = shown.getcolors(len(NUMBER_OF))
    colours = {colour for _, colour in counted or () if isinstance(colour, tuple)}
    tells = bool(colours & TELLING) or (colours == {BLACK} and opaque.getextrema() == (255, 255))
    if counted is None or not colours <= NUMBER_OF.keys() or not tells:
        return None
    pixels = np.asarray(shown.convert("RGBA")).view("<u4")[..., 0]  # one number a pixel: compared ten times as fast
    numbers = np.zeros(pixels.shape, np.uint8)
    for red, green, blue in colours:
        numbers[pixels == (red | green << 8 | blue << 16 | 255 << 24)] = NUMBER_OF[red, green, blue]
    return numbers


def _is_own_palette(palette: Iterable[int]) -> bool:
    return bytes(palette)[: len(PALETTE)] == PALETTE


def _is_doubt(path: Path) -> bool:
    """Whether a picture is the layer of doubt of `octseg predict --uncertainty`."""
    try:
        with Image.open(path) as picture:
            return DOUBT_KEYWORD in picture.info
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False  # what it is will be said where its pixels are read


def _refuse_values(values: set[int], name: str) -> dict[str, set[int]]:
    said = (
        "nothing is outlined in it"
        if not values
        else f"it has the values {', '.join(map(value_words, sorted(values)))}"
    )
    raise ReadError(
        f"{name} is no mask of one tissue: {said}; leave --binary-class out, or explain them by --class-map"
    )


def _are_planes(paths: Sequence[Path]) -> bool:
    """Whether pictures are of planes: the first tells that cannot be of labels as well, or, without one, the first."""
    first: bool | None = None
    for path in paths:
        samples = _samples(path)
        is_one = samples.values.ndim == 3
        if samples.other is None:
            return is_one
        first = is_one if first is None else first
    return bool(first)


def _values(paths: Sequence[Path]) -> tuple[set[int], bool]:
    """Values beside 0 in all pictures, and whether those in which something is outlined are octseg's."""
    values: set[int] = set()
    own = True
    for path in paths:
        samples = _samples(path)
        found = set(np.unique(_pixels(samples, path)).tolist())
        values |= found
        if len(values) > MOST_LABELS:
            raise ReadError(f"{path.name} is no mask: it has {len(values)} values or more; give masks, not frames")
        own = own and (found <= {0} or _is_own_palette(samples.colours.ravel().tolist()))
    return values - {0}, own


def _samples(path: Path) -> Samples:
    """What a picture holds; in octseg's colours, its numbers and palette."""
    try:
        content = path.read_bytes()
        own = _own_numbers(content)
        return read_samples(content) if own is None else Samples(own, OWN_COLOURS)
    except OSError as error:
        raise ReadError(f"{path.name} cannot be read: {(error.strerror or 'unknown cause').lower()}") from error
    except ReadError as error:
        raise ReadError(f"{path.name} cannot be read: {error}") from error


def _pixels(samples: Samples, path: Path, *, planes: bool = False) -> NDArray[Any]:
    """(H, W) numbers, or (H, W, 4) planes, turned as the file asks; planes: what it holds where it may hold either."""
    samples = samples.read_as(planes=planes)
    values = _whole(samples.values)
    count = 1 if values.ndim == 2 else values.shape[2]
    if values.dtype.kind not in "uib" or count not in (1, PLANES) or samples.n_colours > 2:
        raise ReadError(
            f"{path.name} is no mask: it is a picture in colour or in shades; give label pictures, or TIFF files of "
            f"{PLANES} planes"
        )
    return turned(values.astype(np.uint8) if values.dtype.kind == "b" else values, samples.orientation)


def _own_numbers(content: bytes) -> NDArray[np.uint8] | None:
    """What a picture in octseg's colours holds; None of another, and of what Pillow cannot open."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            pages = getattr(picture, "n_frames", 1)
            numbers = _by_colour(picture) if pages == 1 else None
            turn = picture.getexif().get(ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # SyntaxError: a broken PNG
        return None
    if pages > 1:
        raise ReadError(f"it holds {pages} pages; give a file for each frame, or a NIfTI volume")
    return None if numbers is None else turned(numbers, turn if turn in TURNS else 1)


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as such, whatever they were saved as."""
    whole = values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.round(values))).all())
    return values.astype(np.int64) if whole else values


def _planes_of(path: Path) -> Masks:
    pixels = _pixels(_samples(path), path, planes=True)
    if pixels.ndim == 2 or len(np.unique(pixels)) > 2:
        raise ReadError(f"{path.name} is no mask of {PLANES} planes of two values, as the others are")
    return {name: pixels[..., plane] > 0 for plane, name in enumerate(CLASS_NAMES)}


def _labelled(path: Path, meaning: Mapping[str, set[int]]) -> Masks:
    pixels = _pixels(_samples(path), path)
    if pixels.ndim != 2:
        raise ReadError(f"{path.name} is no picture of labels, as the others are")
    return {name: np.isin(pixels, list(values)) for name, values in meaning.items()}
