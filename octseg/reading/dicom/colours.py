"""Colours of any kind to RGB: YCbCr, palettes, and whichever of header and frame is right where they differ."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from octseg.errors import ReadError
from octseg.reading.dicom.codecs import Decoded, opencv_samples
from octseg.reading.dicom.layout import Layout

Rgb = NDArray[np.uint8]  # (H, W, 3)
DARK = 24  # of 255, in the first plane: the ground of an OCT frame is darker
LEAST_DARK = 0.02  # of a frame's pixels, for its ground to tell
MIDDLE, NEAR = 128, 24  # what Cb and Cr are on a grey or black ground; a red, green or blue level there is near 0
STEP = 4  # every fourth pixel of every fourth row is looked at
SHALLOW = 256  # a palette of 16 bits whose entries are all below this is one of 8


def ground_is_rgb(planes: NDArray[np.uint8]) -> bool | None:
    """Whether a frame's three planes (H, W, 3) are red, green and blue, told by its dark ground.

    False where they are Y, Cb and Cr; None where the frame has no dark ground, or that tells nothing.
    """
    seen = planes[::STEP, ::STEP].reshape(-1, 3)
    dark = seen[seen[:, 0] < DARK]
    if len(dark) < LEAST_DARK * len(seen):
        return None
    second, third = np.median(dark[:, 1:], axis=0)
    if abs(second - MIDDLE) <= NEAR and abs(third - MIDDLE) <= NEAR:
        return False
    return True if max(second, third) <= DARK + NEAR else None


def jpeg_is_rgb(decoded: Decoded, layout: Layout) -> bool | None:
    """Which colours a JPEG stream of three planes really holds, where its markers and the header do not say the same.

    None where they agree, or only one of them says anything that counts.
    """
    if decoded.head is None or decoded.head.components != 3 or decoded.head.subsampled:
        return None
    by_header = layout.photometric == "RGB"
    by_stream = decoded.is_rgb
    if by_stream == by_header or (decoded.head.transform is not None and by_stream is not None):
        return None
    planes = opencv_samples(decoded.content, decoded.head, is_rgb=True)  # as they are stored
    seen = ground_is_rgb(planes)
    if seen is not None:
        return seen
    return by_header if by_stream is None else None


def from_ybr(planes: NDArray[np.uint8]) -> Rgb:
    """Y, Cb, Cr (H, W, 3) of the full range as RGB."""
    turned = np.empty_like(planes, order="C")
    cv2.mixChannels([planes], [turned], [0, 0, 1, 2, 2, 1])  # OpenCV takes Cr before Cb
    return np.asarray(cv2.cvtColor(turned, cv2.COLOR_YCrCb2RGB, turned), np.uint8)


def palette_of(dataset: Dataset, bits: int, label: str) -> NDArray[np.uint8]:
    """The colours (2 ** bits, 3) of a palette; ReadError where the file has none that is whole."""
    numbers = np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8)[:, None]
    try:
        colours = np.asarray(apply_color_lut(numbers, dataset))[:, 0]
    except Exception as error:
        # A damaged palette raises whatever its first wrong value leads to.
        raise ReadError(f"{label} has a palette that cannot be read; export it in RGB") from RuntimeError(
            type(error).__name__
        )
    if colours.dtype != np.uint8:
        colours = colours >> (0 if colours.max() < SHALLOW else 8)
    return np.ascontiguousarray(colours, np.uint8)
