"""What this program made of frames, told by its pixels: what another tool has written anew bears no text any more.

An overlay bears a mark in its first row that nobody sees, which any format keeps that keeps each pixel, and words in
its corner, which are known after JPEG as well. A mask has its few colours. Pictures are (H, W, 3) uint8 RGB.
"""

import hashlib
import io

import numpy as np
from numpy.typing import NDArray

from octseg.classes import TISSUE_CLASSES
from octseg.drawing.lettering import bears_line
from octseg.errors import ReadError
from octseg.measurement.wording import NOTHING_SAID, NOTICE
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.reading.own import OwnKind, own_kind, own_result

MARK_PIXELS = 32  # no frame is smaller
CAPTIONS = (NOTICE, NOTHING_SAID)
STEP = 8  # of the pixels that are looked at first
LOSSY = 24  # levels that JPEG may add to a flat colour
LEAST_GROUND, LEAST_TISSUE = 0.05, 0.002  # of a mask's pixels: black, of a tissue
LOSSY_SHARE, EXACT_SHARE = 0.6, 0.98  # a tissue's, of those neither black nor white; JPEG blurs the borders

_BITS = np.unpackbits(np.frombuffer(hashlib.sha256(b"octseg overlay").digest()[:12], np.uint8))
_MARK = _BITS.reshape(MARK_PIXELS, 3)
_COLOURS = np.array([(0, 0, 0), *(tissue.colour for tissue in TISSUE_CLASSES)], np.int16)  # (5, 3)
_GREY = np.rint(_COLOURS @ np.array([0.299, 0.587, 0.114]))[:, None].astype(np.int16)  # (5, 1)


def mark(picture: Frame) -> None:
    """Put the mark into a picture, in place: the last bits of its first pixels."""
    if picture.shape[1] >= MARK_PIXELS:
        picture[0, :MARK_PIXELS] = (picture[0, :MARK_PIXELS] & 0xFE) | _MARK


def kind_by_pixels(picture: Frame) -> OwnKind | None:
    """What of this program's a picture is; None for a frame."""
    if picture.shape[1] >= MARK_PIXELS and np.array_equal(picture[0, :MARK_PIXELS] & 1, _MARK):
        return "overlay"
    if any(bears_line(picture, "top left", caption) for caption in CAPTIONS):
        return "overlay"
    return "mask" if _is_mask(picture[::STEP, ::STEP]) and _is_mask(picture) else None


def refuse_own_picture(picture: Frame, label: str) -> None:
    """OwnResultError where a picture is a result of this program."""
    kind = kind_by_pixels(picture)
    if kind is not None:
        raise own_result(label, kind)


def kind_of_content(content: bytes) -> OwnKind | None:
    """What of this program's a file's content is; None for a frame, and for what cannot be read."""
    try:
        return own_kind(io.BytesIO(content)) or kind_by_pixels(next(iter(read_pullback(content))))
    except ReadError:
        return None


def _is_mask(picture: Frame) -> bool:
    """Whether most pixels have a colour of a mask's, or nearly all exactly one of these turned to grey."""
    if np.array_equal(picture[..., 0], picture[..., 1]) and np.array_equal(picture[..., 0], picture[..., 2]):
        return _has_colours(picture[..., :1], _GREY, 1, EXACT_SHARE)
    return _has_colours(picture, _COLOURS, LOSSY, LOSSY_SHARE)


def _has_colours(picture: Frame, colours: NDArray[np.int16], tolerance: int, least_share: float) -> bool:
    """Whether pixels (H, W, samples) are within `tolerance` of a mask's colours (5, samples), some of them tissue."""
    near = [
        np.logical_and.reduce([np.abs(picture[..., n] - colour[n]) <= tolerance for n in range(len(colour))])
        for colour in colours
    ]
    ground, *tissues, white = (float(plane.mean()) for plane in near)
    tissue = sum(tissues)
    return ground >= LEAST_GROUND and tissue >= LEAST_TISSUE and tissue >= least_share * (1 - ground - white)
