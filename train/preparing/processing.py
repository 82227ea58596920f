"""One frame and its mask, as bytes, to the two PNG files and the metadata of the dataset. No file is touched here.

A frame that is not square is filled up with black on both sides first: a stretched one would have two scales.
"""

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.dataset.publishing import is_marked_private, mark_of
from octseg.drawing.own import refuse_own_picture
from octseg.drawing.palette import palette_image
from octseg.errors import ConfigError, DatasetError, ReadError
from octseg.export.pictures import png_bytes
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.reading.formats import HEAD_BYTES, container_of, kind_of
from octseg.reading.levels import SourceLevels
from octseg.reading.masks.samples import read_samples
from octseg.view import find_pixel_scale
from octseg.view.grey import put_back
from octseg.view.preprocessing import EXCHANGED, view_frame
from train.preparing.claims import refuse_contradiction
from train.preparing.duplicates import Descriptor, describe
from train.preparing.layers import layer_of
from train.preparing.masks import MaskRule, Planes, planes_of
from train.preparing.privacy import blanked
from train.preparing.remarks import PUT_BACK, of_view
from train.preparing.sources import Item
from train.preparing.turning import upright_planes

FRAME_COMPRESSION, MASK_COMPRESSION = 3, 9  # zlib levels: 6 takes three times as long for a tenth of the bytes


@dataclass(frozen=True, kw_only=True)
class Processing:
    """What is made of each frame.

    classes: that the masks keep, in the order of classes.py. size: side of frames and masks in pixels.
    levels: how samples of more than 8 bits become levels in all frames.
    """

    classes: tuple[str, ...] = ("lipid_core",)
    size: int = 512
    masks: MaskRule = field(default_factory=MaskRule)
    levels: SourceLevels = field(default_factory=SourceLevels)
    private: bool = False

    def __post_init__(self) -> None:
        if not 64 <= self.size <= 2048:
            raise ConfigError(f"the size must lie between 64 and 2048 pixels, not {self.size}")
        if not self.classes or tuple(name for name in CLASS_NAMES if name in self.classes) != self.classes:
            raise ConfigError(
                f"the classes must be some of {', '.join(CLASS_NAMES)}, in that order, not {self.classes}"
            )

    @property
    def target(self) -> str:
        """The class that splits are balanced by."""
        return "lipid_core" if "lipid_core" in self.classes else self.classes[0]


@dataclass(frozen=True)
class Processed:
    """What one frame became: PNG bytes, its line of metadata without file names, md5 of its sources.

    layer: as `layers.layer_of` tells it, by name, and whether the mask `has_lumen`; None where it tells nothing.
    remarks: what is to be said of the frame, by the names of remarks.py.
    """

    image: bytes
    mask: bytes
    row: dict[str, Any]
    descriptor: Descriptor
    source_md5: tuple[str, str]
    layer: dict[str, Any] | None = None
    remarks: tuple[str, ...] = ()


def process(item: Item, processing: Processing) -> Processed:
    """Read, check, scale down and encode one frame with its mask.

    Raises ReadError or DatasetError with the reason where one of the two is not right.
    """
    image, mask = item.image.read(), item.mask.read()
    if not processing.private and any(is_marked_private(io.BytesIO(content)) for content in (image, mask)):
        raise DatasetError("the frame or its mask bears the mark of private data; prepare it with --private")
    frame, was_exchanged = put_back(_frame(image, processing.levels))
    height, width = frame.shape[:2]
    view = view_frame(frame)
    if EXCHANGED in view.warnings:  # of a grey frame, by the colours of its ruler
        frame, was_exchanged = np.ascontiguousarray(frame[..., ::-1]), True
    planes = upright_planes(*_stored_planes(mask, processing), image, view)
    refuse_contradiction(planes, view)
    layer = layer_of(planes, view)
    scale = find_pixel_scale(frame, ruler=view.ruler, bars=view.bars)
    if processing.private:
        frame = blanked(frame)
    kept = {name: _resized_mask(planes[name], processing.size) for name in processing.classes}
    row = {
        "study": item.name.study,
        "series": item.name.series,
        "frame": item.name.frame,
        "pixel_spacing_mm": _spacing(scale.pixel_spacing_mm, max(height, width) / processing.size),
        "pixel_spacing_source": scale.source,
        "native_height": height,
        "native_width": width,
        "native_pixel_spacing_mm": _spacing(scale.pixel_spacing_mm, 1.0),
    }
    picture = palette_image(kept)
    texts = mark_of(private=processing.private)
    resized = np.asarray(cv2.resize(_squared(frame), (processing.size,) * 2, interpolation=cv2.INTER_AREA), np.uint8)
    return Processed(
        png_bytes(Image.fromarray(resized), texts, FRAME_COMPRESSION),
        png_bytes(picture, texts, MASK_COMPRESSION),
        row | areas(np.asarray(picture), processing.classes, row["pixel_spacing_mm"]) | _overlap(kept),
        describe(frame),
        (_md5(image), _md5(mask)),
        None if layer is None else _told_of(layer, planes),
        (PUT_BACK,) * was_exchanged + of_view(view),
    )


def _told_of(layer: tuple[str, float, float], planes: Planes) -> dict[str, Any]:
    """What is noted of the one layer of planes (H, W), and whether they outline the lumen before it."""
    has_lumen = "lumen" in planes and bool(planes["lumen"].any())
    return {**dict(zip(("name", "rise", "thickness"), layer, strict=True)), "has_lumen": has_lumen}


def _stored_planes(mask: bytes, processing: Processing) -> tuple[Planes, int]:
    """The planes of a mask's file as stored, and how it asks to be turned; ReadError where it lacks a wanted class."""
    samples = read_samples(mask, planes_only=processing.masks.record)
    planes = planes_of(samples, processing.masks)
    if absent := [name for name in processing.classes if name not in planes]:
        raise ReadError(f"the mask does not speak of {', '.join(absent)}; ask for --classes {','.join(planes)}")
    return planes, samples.orientation


def areas(indices: NDArray[np.uint8], classes: tuple[str, ...], pixel_spacing_mm: float | None) -> dict[str, Any]:
    """Area of each class in a palette mask (H, W), in pixels of the mask and in mm2, None without a scale."""
    counts = np.bincount(indices.ravel(), minlength=len(CLASS_NAMES) + 1)
    found: dict[str, Any] = {}
    for name in classes:
        pixels = int(counts[PALETTE_INDEX[name]])
        found[f"{name}_area_px"] = pixels
        found[f"{name}_area_mm2"] = None if pixel_spacing_mm is None else round(pixels * pixel_spacing_mm**2, 5)
    return found


def _frame(content: bytes, levels: SourceLevels) -> Frame:
    head = content[:HEAD_BYTES]
    if container_of(head) is not None:
        raise ReadError(f"the frame is {kind_of(head)}; frames to train on are pictures: save each of them as PNG")
    pullback = read_pullback(content, name="the frame", levels=levels)
    if len(pullback) != 1:
        raise ReadError(f"the file holds {len(pullback)} frames; one with one mask is expected")
    frame = next(iter(pullback))
    refuse_own_picture(frame, "the frame")
    return frame


def _spacing(native_mm: float | None, shrink: float) -> float | None:
    return None if native_mm is None else round(native_mm * shrink, 8)


def _squared(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) filled up with zeros to a square about its middle."""
    height, width = plane.shape[:2]
    side = max(height, width)
    if height == width:
        return plane
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, *plane.shape[2:]), plane.dtype)
    square[top : top + height, left : left + width] = plane
    return square


def _resized_mask(plane: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """(size, size): a pixel belongs to the class where at least half of it does."""
    share = cv2.resize(_squared(plane.astype(np.uint8) * 255), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 127)


def _overlap(planes: Planes) -> dict[str, Any]:
    """How many pixels two classes claim, where there are two: of each, the palette keeps one."""
    claims = np.sum(list(planes.values()), axis=0)
    return {} if len(planes) == 1 else {"overlap_px": int(np.count_nonzero(claims > 1))}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
