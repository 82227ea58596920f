"""Where each frame lies in a file: at a fixed distance, by an offset table, or by walking the heads of all fragments.

A frame's place is (first byte, byte after the last), in the file. What lies beyond the file's end is left out here, so
that the number of places is what can be read, whatever the header declares.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

import numpy as np

from octseg.errors import ReadError
from octseg.reading.dicom.layout import HALF_COLOURS, Layout, first_value
from octseg.reading.dicom.opening import Opened
from octseg.reading.dicom.syntaxes import Coding
from octseg.reading.limits import Limits

Place = tuple[int, int]
ITEM = b"\xfe\xff\x00\xe0"
HEAD_BYTES = 8
RLE_HEAD_BYTES = 64
JPEG_START, CODESTREAM_START, JP2_START = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
LENGTHS = 1 << 32  # that an element can have
FRAGMENTS_PER_FRAME = 64  # at most, on average over a pullback


@dataclass(frozen=True)
class Places:
    """Where the frames are; `encapsulated` ones in fragments; `cut` where a frame has begun and the file ends in it."""

    of_frames: tuple[Place, ...]
    encapsulated: bool
    cut: bool = False


def find_places(opened: Opened, layout: Layout, label: str, limits: Limits) -> Places:
    """The places of all frames that the file holds."""
    with opened.source.opened() as file:
        if not _is_in_items(file, opened, layout):
            return _native(opened, layout, label, limits)
        place = opened.pixels_at
        end = opened.file_bytes if opened.pixel_bytes is None else min(place + opened.pixel_bytes, opened.file_bytes)
        table, first = _offset_table(file, opened, end, label)
        if table is None or len(table) != (layout.frames or 1):
            return _walked(file, first, end, layout, opened.syntax.coding, limits, label)
        places = [(start, min(stop, end)) for start, stop in pairwise([*table, end])]
    cut = False
    with opened.source.opened() as file:
        while places and not _is_whole(file, *places[-1]):
            cut = cut or places[-1][0] + HEAD_BYTES < end
            places.pop()
    return Places(tuple(places), True, cut)


def _is_in_items(file: BinaryIO, opened: Opened, layout: Layout) -> bool:
    """Whether frames are in fragments; some that are not compressed have no length, though they should have one."""
    file.seek(opened.pixels_at)
    begins = file.read(len(ITEM)) == ITEM
    if opened.syntax.coding != "native":
        return opened.pixel_bytes is None or begins
    fits = opened.file_bytes - opened.pixels_at >= native_bytes(layout) * (layout.frames or 1)
    return opened.pixel_bytes is None and (begins or not fits)


def read_place(file: BinaryIO, place: Place, encapsulated: bool, words_from: int | None = None) -> bytes | None:
    """What is stored of a frame; None where it is not all there.

    words_from: where the bytes of all frames begin, if each two of them were exchanged.
    """
    if not encapsulated:
        before = 0 if words_from is None else (place[0] - words_from) % 2
        after = 0 if words_from is None else (place[1] - words_from) % 2
        file.seek(place[0] - before)
        content = file.read(before + place[1] - place[0] + after)
        if words_from is not None:
            content = content[: len(content) // 2 * 2]
            content = np.frombuffer(content, "<u2").byteswap().tobytes()[before:]
        return content[: place[1] - place[0]] if len(content) >= place[1] - place[0] else None
    parts = []
    for start, length in _items(file, *place):
        file.seek(start)
        parts.append(file.read(length))
        if len(parts[-1]) < length:
            return None
    return b"".join(parts) or None


def as_stored(opened: Opened, layout: Layout) -> Layout:
    """The layout, with whole colours where there are as many bytes as these take and the header says half of them."""
    whole = 3 * layout.pixels * layout.bits_allocated // 8 * (layout.frames or 1)
    if layout.photometric != HALF_COLOURS or opened.pixel_bytes not in (whole, whole + 1):
        return layout
    return replace(layout, photometric="YBR_FULL")


def native_bytes(layout: Layout) -> int:
    """Bytes of a frame that is not compressed."""
    samples = 2 if layout.photometric == HALF_COLOURS else layout.samples
    return layout.pixels * samples * layout.bits_allocated // 8


def is_native(length: int, layout: Layout, coding: Coding) -> bool:
    """Whether a fragment of so many bytes is a frame that is not compressed."""
    each = native_bytes(layout)
    return coding == "native" and length == each + each % 2


def _native(opened: Opened, layout: Layout, label: str, limits: Limits) -> Places:
    each = native_bytes(layout)
    whole = each * (layout.frames or 1)
    stored = whole if opened.pixel_bytes is None else opened.pixel_bytes
    if whole > stored and (whole + whole % 2 - stored) % LENGTHS == 0:
        stored = whole  # a length beyond 32 bits, of which these were written
    there = min(stored, opened.file_bytes - opened.pixels_at)
    count = there // each
    limits.check_pullback(count, count * layout.pixels, label)
    rest = there - count * each
    places = tuple((opened.pixels_at + n * each, opened.pixels_at + (n + 1) * each) for n in range(count))
    return Places(places, False, cut=rest > 1 and stored > there)


def _offset_table(file: BinaryIO, opened: Opened, end: int, label: str) -> tuple[list[int] | None, int]:
    """Places of the frames' first items by the extended or the basic table, if one is right; and of the first item."""
    file.seek(opened.pixels_at)
    head = file.read(HEAD_BYTES)
    if head[:4] != ITEM:
        raise ReadError(f"{label} is a damaged DICOM file: its compressed frames do not begin as they must")
    length = int.from_bytes(head[4:], "little")
    first = opened.pixels_at + HEAD_BYTES + length
    if length % 4 or first > end:
        return None, opened.pixels_at  # no table, but a frame in its place
    extended = first_value(opened.dataset, "ExtendedOffsetTable")
    if isinstance(extended, bytes) and extended and len(extended) % 8 == 0:
        offsets = list(struct.unpack(f"<{len(extended) // 8}Q", extended))
    else:
        offsets = list(struct.unpack(f"<{length // 4}L", file.read(length)))
    table = [first + offset for offset in offsets]
    right = bool(table) and table[0] == first and all(a < b for a, b in pairwise(table))
    if right:
        within = [place for place in table if place + HEAD_BYTES <= end]
        right = all(_is_item(file, place) for place in within[:: 1 + len(within) // 16])
    return (table if right else None), first


def _is_item(file: BinaryIO, place: int) -> bool:
    file.seek(place)
    return file.read(4) == ITEM


def _items(file: BinaryIO, place: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and length of the content of each item from `place` on; the last may reach beyond `end`."""
    while place + HEAD_BYTES <= end:
        file.seek(place)
        head = file.read(HEAD_BYTES)
        if head[:4] != ITEM:
            return
        length = int.from_bytes(head[4:], "little")
        yield place + HEAD_BYTES, length
        place += HEAD_BYTES + length


def _is_whole(file: BinaryIO, place: int, end: int) -> bool:
    last = 0
    for start, length in _items(file, place, end):
        last = start + length
    return 0 < last <= end


def _walked(file: BinaryIO, place: int, end: int, layout: Layout, coding: Coding, limits: Limits, label: str) -> Places:
    """Frames by what their first fragment begins with; the fragments' heads alone are read."""
    items: list[tuple[int, bool]] = []  # place of each, and whether a frame begins there
    most = (limits.max_frames + 1) * FRAGMENTS_PER_FRAME
    for start, length in _items(file, place, end):
        if len(items) > most:
            raise ReadError(f"{label} is a damaged DICOM file: its frames are in more than {most} fragments")
        if length:
            file.seek(start)
            items.append((start - HEAD_BYTES, _begins_frame(file.read(RLE_HEAD_BYTES), length, layout, coding)))
        place = start + length
    whole = place <= end
    begun = sum(begins for _, begins in items)
    each_is_a_frame = len(items) - (not whole) == layout.frames and 2 * begun > len(items)
    starts = [item for number, (item, begins) in enumerate(items) if each_is_a_frame or begins or number == 0]
    limits.check_pullback(len(starts), len(starts) * layout.pixels, label)
    cut = bool(starts) and not whole
    bounds = [*starts, place]
    places = list(pairwise(bounds))
    return Places(tuple(places[:-1] if cut else places), True, cut)


def _begins_frame(head: bytes, length: int, layout: Layout, coding: Coding) -> bool:
    """Whether a fragment that begins so, and has so many bytes, is the first of its frame."""
    if is_native(length, layout, coding) or head.startswith((JPEG_START, CODESTREAM_START, JP2_START)):
        return True
    if coding != "rle" or len(head) < RLE_HEAD_BYTES:
        return False
    count, *offsets = struct.unpack("<16L", head)
    if count != layout.samples * layout.bits_allocated // 8:
        return False
    used, unused = offsets[:count], offsets[count:]
    return used[0] == RLE_HEAD_BYTES and used == sorted(used) and not any(unused)
