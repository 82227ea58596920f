"""JPEG headers (ITU-T T.81): size, number of scans, and the few segments that decoding needs.

Comments, EXIF, profiles and further pictures in the file are dropped; of EXIF the orientation is kept.
"""

import re
import struct
from collections.abc import Iterator

from octseg.reading.limits import Limits
from octseg.reading.pictures.exif import orientation_of
from octseg.reading.pictures.header import Header, damaged, truncated, unsupported

SOF_READ = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; Huffman coded
SOF_OTHER = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
SOS, EOI, APP1 = 0xDA, 0xD9, 0xE1
NEEDED = (0xC4, 0xDB, 0xDD, 0xE0, 0xEE, SOS)  # tables, restart interval, JFIF, Adobe's colour transform, pixels
STANDALONE = (0x01, *range(0xD0, 0xD9))
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # within a scan, all else is data or a restart


def read_header(data: bytes, label: str, limits: Limits) -> Header:
    """Size and the stripped file; raises ReadError before any pixel is decoded."""
    kept = [data[:2]]
    size: tuple[int, int] | None = None
    orientation, has_pixels = 1, False
    for marker, start, end in _segments(data, label, limits):
        if marker in SOF_READ:
            if size is not None:
                raise damaged(label, "JPEG", "it holds two pictures in one")
            size = _frame_size(data, start, end, label)
            limits.check_frame(*size, label)
        elif marker in SOF_OTHER:
            raise unsupported(label, "JPEG", "that is lossless, hierarchical or arithmetic coded")
        elif marker == APP1:
            orientation = max(orientation, orientation_of(data[start + 2 : end]))
        elif marker == SOS:
            has_pixels = size is not None
        if marker in SOF_READ or marker in NEEDED:
            kept.append(data[start - 2 : end])
    if size is None or not has_pixels:
        raise damaged(label, "JPEG", "it holds no picture")
    stripped = b"".join(kept) + b"\xff\xd9"
    return Header(format="JPEG", height=size[0], width=size[1], orientation=orientation, data=stripped)


def _segments(data: bytes, label: str, limits: Limits) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the picture's end; a scan's segment ends with its data."""
    place, count, scans = 2, 0, 0
    while True:
        marker, start = _marker_at(data, place, label)
        if marker == EOI:
            return
        if marker in STANDALONE:
            place = start
            continue
        place = _segment_end(data, start, label)
        if marker == SOS:
            place = _scan_end(data, place, label)
            scans += 1
            if scans > limits.max_scans:
                raise damaged(label, "JPEG", f"it needs more than {limits.max_scans} passes (OCTSEG_MAX_SCANS)")
        count += 1
        if count > limits.max_header_chunks:
            raise damaged(label, "JPEG", f"its header has more than {limits.max_header_chunks} parts")
        yield marker, start, place


def _marker_at(data: bytes, place: int, label: str) -> tuple[int, int]:
    """The marker at `place`, fill bytes skipped, and where its segment begins."""
    if place + 2 > len(data):
        raise truncated(label, "JPEG")
    if data[place] != 0xFF:
        raise damaged(label, "JPEG", "its parts do not follow one another")
    place += 1
    while place < len(data) and data[place] == 0xFF:
        place += 1
    if place >= len(data):
        raise truncated(label, "JPEG")
    return data[place], place + 1


def _segment_end(data: bytes, place: int, label: str) -> int:
    if place + 2 > len(data):
        raise truncated(label, "JPEG")
    (length,) = struct.unpack_from(">H", data, place)
    if length < 2:
        raise damaged(label, "JPEG", "a part of it has no length")
    if place + length > len(data):
        raise truncated(label, "JPEG")
    return place + int(length)


def _frame_size(data: bytes, place: int, end: int, label: str) -> tuple[int, int]:
    """Height and width of the picture."""
    if end - place < 8:
        raise damaged(label, "JPEG", "its size is cut short")
    precision, height, width, components = struct.unpack_from(">BHHB", data, place + 2)
    if precision != 8:
        raise unsupported(label, "JPEG", f"of {precision} bits")
    if components not in (1, 3, 4) or end - place != 8 + 3 * components:
        raise damaged(label, "JPEG", f"{components} colour components do not exist")
    return height, width


def _scan_end(data: bytes, place: int, label: str) -> int:
    found = _NEXT_MARKER.search(data, place)
    if found is None:
        raise truncated(label, "JPEG")
    return found.start()
