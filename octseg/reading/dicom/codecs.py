"""From what is stored of a frame to its samples, by the decoder that is right and fast for each coding.

JPEG goes to OpenCV, 12 bits of it to FFmpeg, JPEG-LS to CharLS, JPEG 2000 to OpenJPEG, run lengths to Pillow:
pylibjpeg-rle is no faster, and a wrong length in a file makes it panic past every handler of errors.

The size in a stream's own head is held against the limits before it is decoded. A decoder raises whatever it likes on
bytes that are not right: `decode` makes a `DamagedFrameError` of it.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import av
import cv2
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import decode_pixel_data, get_parameters
from PIL import Image

from octseg.errors import ReadError
from octseg.reading.dicom.fragments import CODESTREAM_START, JP2_START, JPEG_START, is_native, native_bytes
from octseg.reading.dicom.jpeg_stream import (
    END,
    SOF_JPEG_LS,
    SOF_LOSSLESS,
    SOF_LOSSY,
    JpegHead,
    jpeg_head,
    with_transform,
)
from octseg.reading.dicom.layout import HALF_COLOURS, Layout
from octseg.reading.dicom.syntaxes import Coding
from octseg.reading.limits import Limits

Samples = NDArray[np.uint8] | NDArray[np.uint16]  # (H, W) or (H, W, 3), unsigned, as stored
FFMPEG_BITS = 16
SCAN = b"\xff\xda"
COD, MCT_AT = b"\xff\x52", 8  # where JPEG 2000 says whether it has turned its colours


class DamagedFrameError(Exception):
    """A frame that cannot be decoded; `why` goes after "it is" or "it"."""


@dataclass(frozen=True)
class Decoded:
    """Samples of one frame as stored, `bits` of each used; colours are RGB, or not (YCbCr), or unsaid by the stream.

    content, head: of a JPEG whose colours may have to be looked at again.
    """

    samples: Samples
    bits: int
    is_rgb: bool | None = None
    content: bytes = b""
    head: JpegHead | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How the frames of a file are stored, and what a frame may ask for.

    coding: what the transfer syntax says; frames in fragments that are not compressed are told by their length too.
    words_from: where bytes that are not compressed were exchanged two by two, their beginning in the file.
    jpeg_is_rgb: which colours a JPEG holds, whatever its markers say; None to go by these.
    """

    layout: Layout
    big_endian: bool
    encapsulated: bool
    limits: Limits
    label: str
    coding: Coding = "native"
    words_from: int | None = None
    jpeg_is_rgb: bool | None = None


def decode(content: bytes, stored: Stored) -> Decoded:
    """The samples of a frame.

    Raises:
        DamagedFrameError: they cannot be decoded. ReadError: they are of a kind or a size that is not read.
    """
    try:
        if not stored.encapsulated or is_native(len(content), stored.layout, stored.coding):
            return _native(content, stored.layout, stored.big_endian)
        if content.startswith(JPEG_START):
            return _jpeg(content, stored)
        if content.startswith((CODESTREAM_START, JP2_START)):
            return _jpeg_2000(content, stored)
        return _run_lengths(content, stored.layout)
    except ReadError:
        raise
    except Exception as error:
        raise DamagedFrameError(type(error).__name__) from None  # its words may repeat what is stored


def _native(content: bytes, layout: Layout, big_endian: bool) -> Decoded:
    kind = np.dtype(np.uint8) if layout.bits_allocated == 8 else np.dtype(">u2" if big_endian else "<u2")
    samples = np.frombuffer(content, kind, count=native_bytes(layout) // kind.itemsize)
    samples = samples.astype(kind.newbyteorder("="), copy=False)
    if layout.photometric == HALF_COLOURS:
        return Decoded(_upsampled(samples, layout), layout.bits_stored)
    return Decoded(_by_pixel(samples, layout), layout.bits_stored)


def _by_pixel(samples: NDArray[Any], layout: Layout, by_plane: bool | None = None) -> NDArray[Any]:
    rows, columns = layout.rows, layout.columns
    if not layout.is_colour:
        return samples.reshape(rows, columns)
    if layout.by_plane if by_plane is None else by_plane:
        return np.ascontiguousarray(samples.reshape(3, rows, columns).transpose(1, 2, 0))
    return samples.reshape(rows, columns, 3)


def _upsampled(samples: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """(H, W, 3) of Y, Y, Cb, Cr for each two pixels."""
    pairs = samples.reshape(layout.rows, layout.columns // 2, 4)
    whole = np.empty((layout.rows, layout.columns // 2, 2, 3), samples.dtype)
    whole[..., 0] = pairs[..., :2]
    whole[..., 1:] = pairs[:, :, None, 2:]
    return whole.reshape(layout.rows, layout.columns, 3)


def _run_lengths(content: bytes, layout: Layout) -> Decoded:
    """Each byte of each colour is a segment of its own, the highest byte first; runs may cross the ends of rows."""
    count, *starts = struct.unpack_from("<16L", content)
    each = layout.bits_allocated // 8
    if count != layout.samples * each:
        raise DamagedFrameError("segments")
    bounds = pairwise([*starts[:count], len(content)])
    planes = [_unpacked(content[start:stop], layout.pixels) for start, stop in bounds]
    if each == 2:
        planes = [high.astype(np.uint16) << 8 | low for high, low in zip(planes[::2], planes[1::2], strict=True)]
    return Decoded(_by_pixel(np.concatenate(planes), layout, by_plane=True), layout.bits_stored)


def _unpacked(segment: bytes, pixels: int) -> NDArray[Any]:
    """The bytes (pixels,) of a segment in PackBits, as one long row for Pillow's decoder."""
    return np.asarray(Image.frombytes("L", (pixels, 1), segment, "packbits", "L")).reshape(-1)


def _jpeg(content: bytes, stored: Stored) -> Decoded:
    head = jpeg_head(content)
    stored.limits.check_frame(head.rows, head.columns, f"{stored.label}: a frame in it")
    if head.components not in (1, 3):
        raise ReadError(f"{stored.label} holds JPEG frames of {head.components} colours; export them in grey or RGB")
    if content.rfind(END) < head.segments[-1][2]:
        raise DamagedFrameError("cut")
    if head.sof == SOF_JPEG_LS:
        return _jpeg_ls(content, head)
    if head.sof == SOF_LOSSLESS or head.sof in SOF_LOSSY:
        if content.count(SCAN) > stored.limits.max_scans:
            raise DamagedFrameError("passes")
        if head.precision == 8:
            is_rgb = head.says_rgb if stored.jpeg_is_rgb is None else stored.jpeg_is_rgb
            return Decoded(opencv_samples(content, head, stored.jpeg_is_rgb), 8, is_rgb, content, head)
        if head.components == 1 and head.precision <= 16:
            return Decoded(_ffmpeg_samples(content, head), head.precision)
    raise ReadError(
        f"{stored.label} holds JPEG frames of a kind that is not read ({head.precision} bits, process {head.sof:#x}); "
        "export them uncompressed, or as JPEG of 8 bits, JPEG-LS or JPEG 2000"
    )


def opencv_samples(content: bytes, head: JpegHead, is_rgb: bool | None = None) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) levels of a JPEG of 8 bits, RGB: by what its markers say, or as `is_rgb` says."""
    if is_rgb is not None and head.components == 3:
        content = with_transform(content, head, is_rgb)
    samples = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint8 or samples.shape[:2] != (head.rows, head.columns):
        raise DamagedFrameError("not decoded")
    return np.asarray(samples if samples.ndim == 2 else cv2.cvtColor(samples, cv2.COLOR_BGR2RGB, samples))


def _ffmpeg_samples(content: bytes, head: JpegHead) -> NDArray[np.uint16]:
    """(H, W) levels of a grey JPEG of more than 8 bits; FFmpeg gives them in the upper bits of 16."""
    context = av.CodecContext.create("mjpeg", "r")
    frames = context.decode(av.Packet(content))
    samples: NDArray[Any] = frames[0].to_ndarray(format="gray16le")
    if frames[0].format.name != "gray16le" or samples.shape != (head.rows, head.columns):
        raise DamagedFrameError("not decoded")
    return np.asarray(samples >> (FFMPEG_BITS - head.precision), np.uint16)


def _jpeg_ls(content: bytes, head: JpegHead) -> Decoded:
    flat, info = jpeg_ls.decode_pixel_data(content)
    samples: NDArray[Any] = np.frombuffer(flat, np.uint8 if head.precision <= 8 else np.dtype("<u2"))
    if head.components == 1:
        return Decoded(samples.reshape(head.rows, head.columns), head.precision)
    if info["interleave_mode"] == 0:
        planes = samples.reshape(3, head.rows, head.columns).transpose(1, 2, 0)
        return Decoded(np.ascontiguousarray(planes), head.precision)
    return Decoded(samples.reshape(head.rows, head.columns, 3), head.precision)


def _jpeg_2000(content: bytes, stored: Stored) -> Decoded:
    said: dict[str, Any] = get_parameters(content)
    rows, columns, components = said["rows"], said["columns"], said["samples_per_pixel"]
    stored.limits.check_frame(rows, columns, f"{stored.label}: a frame in it")
    if components not in (1, 3) or said["precision"] > 16:
        raise ReadError(f"{stored.label} holds JPEG 2000 frames of {components} colours of {said['precision']} bits")
    flat = decode_pixel_data(content, version=2)
    samples: NDArray[Any] = np.frombuffer(flat, np.uint8 if said["precision"] <= 8 else np.dtype("<u2"))
    shape = (rows, columns) if components == 1 else (rows, columns, 3)
    is_rgb = True if components == 3 and _turned(content) else None
    return Decoded(samples.reshape(shape), said["precision"], is_rgb)


def _turned(content: bytes) -> bool:
    """Whether a JPEG 2000 stream says that its colours were turned for coding, so that RGB comes out."""
    place = content.find(COD)
    return place > 0 and content[place + MCT_AT : place + MCT_AT + 1] == b"\x01"
