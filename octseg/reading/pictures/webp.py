"""WebP headers (RFC 9649): size, and the few chunks that decoding needs."""

import struct
from collections.abc import Iterator

from octseg.reading.limits import Limits
from octseg.reading.pictures.exif import orientation_of
from octseg.reading.pictures.header import Header, animated, damaged, truncated

ANIMATION, ALPHA = 0x02, 0x10  # flags in VP8X


def read_header(data: bytes, label: str, limits: Limits) -> Header:
    """Size and the stripped file; raises ReadError before any pixel is decoded."""
    kept: list[bytes] = []
    canvas = size = None
    orientation = 1
    for kind, body in _chunks(data, label, limits):
        if kind == b"VP8X" and len(body) >= 10:
            if body[0] & ANIMATION:
                raise animated(label, "WEBP")
            canvas = (1 + int.from_bytes(body[7:10], "little"), 1 + int.from_bytes(body[4:7], "little"))
            limits.check_frame(*canvas, label)
            kept.append(_chunk(kind, bytes([body[0] & ALPHA]) + body[1:10]))
        elif kind in (b"VP8 ", b"VP8L") and size is None:
            size = _lossy_size(body, label) if kind == b"VP8 " else _lossless_size(body, label)
            limits.check_frame(*size, label)
            kept.append(_chunk(kind, body))
        elif kind == b"ALPH" and size is None:
            kept.append(_chunk(kind, body))
        elif kind == b"EXIF":
            orientation = orientation_of(body[:65_536])
    if size is None:
        raise damaged(label, "WEBP", "it holds no picture")
    if canvas is not None and canvas != size:
        raise damaged(label, "WEBP", "it gives two sizes")
    stripped = _chunk(b"RIFF", b"WEBP" + b"".join(kept))
    return Header(format="WEBP", height=size[0], width=size[1], orientation=orientation, data=stripped)


def _chunks(data: bytes, label: str, limits: Limits) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk."""
    if len(data) < 30:
        raise truncated(label, "WEBP")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise truncated(label, "WEBP")
    place, count = 12, 0
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, place)
        count += 1
        if place + 8 + length > end:
            raise truncated(label, "WEBP")
        if count > limits.max_header_chunks:
            raise damaged(label, "WEBP", f"its header has more than {limits.max_header_chunks} parts")
        yield kind, data[place + 8 : place + 8 + length]
        place += 8 + length + (length & 1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) & 1)


def _lossy_size(body: bytes, label: str) -> tuple[int, int]:
    if len(body) < 10:
        raise truncated(label, "WEBP")
    if body[3:6] != b"\x9d\x01\x2a" or body[0] & 1:
        raise damaged(label, "WEBP", "it does not begin with a whole picture")
    width, height = struct.unpack_from("<HH", body, 6)
    return height & 0x3FFF, width & 0x3FFF


def _lossless_size(body: bytes, label: str) -> tuple[int, int]:
    if len(body) < 5:
        raise truncated(label, "WEBP")
    if body[0] != 0x2F:
        raise damaged(label, "WEBP", "its pixels do not begin as they must")
    bits = int.from_bytes(body[1:5], "little")
    return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
