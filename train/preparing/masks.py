"""An expert's mask file to one plane per class, (H, W) bool.

Three kinds are read: the record's TIFF of four planes of 0 and 255 in the order of octseg/classes.py; a palette or grey
PNG whose values a class map explains; and a binary picture of one class. Pillow reads them: OpenCV takes the fourth
plane for alpha and gives zeros.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.errors import ConfigError, ReadError

Planes = dict[str, NDArray[np.bool_]]
FORMATS = ["PNG", "TIFF", "BMP"]


@dataclass(frozen=True)
class MaskRule:
    """What masks mean.

    record: only TIFFs of four planes are right. class_map: value -> class of palette and grey masks.
    binary_class: what a mask of two values outlines, where there is no class map.
    """

    record: bool = False
    class_map: Mapping[int, str] = field(default_factory=dict)
    binary_class: str = "lipid_core"

    def __post_init__(self) -> None:
        if unknown := sorted({*self.class_map.values(), self.binary_class} - set(CLASS_NAMES)):
            raise ConfigError(f"there is no class {', '.join(unknown)}; the classes are {', '.join(CLASS_NAMES)}")
        if any(not 0 < value < 256 for value in self.class_map):
            raise ConfigError("the values of a class map lie between 1 and 255; 0 is background")


def parse_class_map(text: str) -> dict[int, str]:
    """`1=lumen,3=lipid_core` as {1: "lumen", 3: "lipid_core"}; ConfigError where it is not written so."""
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        class_map = {int(value): name.strip() for value, _, name in pairs}
    except ValueError as error:
        raise ConfigError(f"{text!r} is no class map; write it as 1=lumen,2=fibrous_cap,3=lipid_core") from error
    if len(class_map) < len(pairs):
        raise ConfigError(f"{text!r} gives one value two meanings")
    return class_map


def read_mask(content: bytes, shape: tuple[int, int], rule: MaskRule) -> Planes:
    """Planes (H, W) of the classes that the mask speaks of.

    Raises ReadError: damaged, of another size than its frame's `shape`, of another kind, or with values not explained.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if (picture.height, picture.width) != shape:
                raise ReadError(
                    f"the mask has {picture.height} x {picture.width} pixels and its frame {shape[0]} x {shape[1]}"
                )
            mode, samples = picture.mode, _samples(picture)
            is_tiff = picture.format == "TIFF"
    except ReadError:
        raise
    except Exception as error:  # a decoder fed with damaged bytes raises what it likes; the file is not right
        raise ReadError("the mask is damaged, or no PNG or TIFF") from error
    if samples.dtype != np.uint8:
        raise ReadError(f"the mask has values of type {samples.dtype}; whole numbers of 8 bits are expected")
    if samples.ndim == 3 and is_tiff:
        return _of_planes(samples)
    if rule.record:
        raise ReadError(f"the mask has 1 plane; a mask of this record has {len(CLASS_NAMES)}, in a TIFF file")
    if samples.ndim == 3:
        raise ReadError("the mask is a colour picture; give a binary, a palette or a four-plane mask")
    if rule.class_map:
        return _of_values(samples, rule.class_map)
    if mode == "P":
        raise ReadError(
            "the mask is a palette picture; say what its values mean, e.g. --class-map 1=lumen,3=lipid_core"
        )
    return _of_two_values(samples, rule.binary_class)


def _samples(picture: Image.Image) -> NDArray[np.uint8]:
    """(H, W) or (H, W, planes); the pages of a TIFF are its planes."""
    count = getattr(picture, "n_frames", 1)
    if count == 1:
        return np.asarray(picture.convert("L") if picture.mode == "1" else picture)
    if count != len(CLASS_NAMES):
        raise ReadError(f"the mask has {count} pages; {len(CLASS_NAMES)} are expected, or one of as many planes")
    pages = []
    for page in range(count):
        picture.seek(page)
        pages.append(np.asarray(picture))
    return np.stack(pages, axis=-1)


def _of_planes(samples: NDArray[np.uint8]) -> Planes:
    """Samples (H, W, planes), one plane a class."""
    if samples.shape[2] != len(CLASS_NAMES):
        raise ReadError(f"the mask has {samples.shape[2]} planes; {len(CLASS_NAMES)} are expected")
    # One more turns 255 into 0 and 0 into 1: all else stays above.
    if (samples + np.uint8(1)).max() > 1:
        raise ReadError("the mask has other values than 0 and 255")
    return {name: samples[..., plane] > 0 for plane, name in enumerate(CLASS_NAMES)}


def _of_values(samples: NDArray[np.uint8], class_map: Mapping[int, str]) -> Planes:
    """Samples (H, W) of palette or grey values."""
    if unknown := sorted({int(value) for value in np.unique(samples)} - {0, *class_map}):
        raise ReadError(f"the mask has the values {unknown[:5]}, which the class map does not explain")
    planes: Planes = {name: np.zeros(samples.shape, bool) for name in class_map.values()}
    for value, name in class_map.items():
        planes[name] |= samples == value
    return planes


def _of_two_values(samples: NDArray[np.uint8], name: str) -> Planes:
    """Samples (H, W) of 0 and one other value, which means `name`."""
    values = {int(value) for value in np.unique(samples)}
    if not (values <= {0, 255} or values <= {0, 1}):
        raise ReadError("the mask has more than two values; say what they mean by --class-map")
    return {name: samples > 0}
