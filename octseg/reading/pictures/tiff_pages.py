"""One page of a TIFF as a file of its own, with the tags that decoding needs and no other.

So a page anywhere in a file of gigabytes is decoded as fast as the first, whatever its offsets and the order of its
bytes: decoders take a big-endian BigTIFF for damaged, and see one page where ImageJ kept hundreds behind it.
"""

import struct
from dataclasses import dataclass

from octseg.reading.content import Content
from octseg.reading.pictures.header import damaged
from octseg.reading.pictures.tiff_tags import (
    BITS,
    COMPRESSION,
    DECODING_TAGS,
    HEIGHT,
    PLANAR,
    READ_TAGS,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_BYTES,
    STRIP_OFFSETS,
    SUBFILE,
    TEXTS,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    Page,
    Tag,
)

UNCOMPRESSED = 1
KEPT = (READ_TAGS | DECODING_TAGS) - TEXTS - {SUBFILE, STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES}
LONG, LONG8 = 4, (16, 17)
MOST_GROWN, SLACK_BYTES = 4, 1 << 20  # packed pixels take hardly more than plain ones


@dataclass(frozen=True)
class Stored:
    """A frame's page, and by how many bytes its pixels lie behind those of that page."""

    page: Page
    shift: int = 0


def is_tiled(page: Page) -> bool:
    """Whether the page is kept in tiles, not in strips."""
    return TILE_WIDTH in page.tags or TILE_OFFSETS in page.tags


def frame_bytes(page: Page) -> int:
    """What a page's pixels take when they are not packed; strips are whole bytes in each row."""
    samples = page.one(SAMPLES, 1)
    planes, together = (samples, 1) if page.one(PLANAR, 1) == 2 else (1, samples)
    if is_tiled(page):
        across = -(-page.one(WIDTH, 0) // page.one(TILE_WIDTH, 1)) * -(-page.one(HEIGHT, 0) // page.one(TILE_HEIGHT, 1))
        tile = (page.one(TILE_WIDTH, 1) * page.one(BITS, 1) * together + 7) // 8 * page.one(TILE_HEIGHT, 1)
        return across * tile * planes
    return (page.one(WIDTH, 0) * page.one(BITS, 1) * together + 7) // 8 * page.one(HEIGHT, 0) * planes


def places_of(page: Page, file_bytes: int, label: str) -> list[tuple[int, int]]:
    """Offset and bytes of each strip or tile; ReadError where the page does not say where its pixels are."""
    tiled = is_tiled(page)
    offsets = page.all(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    counts = page.all(TILE_BYTES if tiled else STRIP_BYTES)
    if not offsets or (counts and len(counts) != len(offsets)):
        raise damaged(label, "TIFF", "it does not say where its pixels are")
    if not counts:
        counts = _counts(page, offsets, file_bytes)
    return list(zip(offsets, counts, strict=True))


def _counts(page: Page, offsets: tuple[int, ...], file_bytes: int) -> tuple[int, ...]:
    """Bytes of strips that do not tell them: up to the next one, or what a strip takes at most."""
    whole = frame_bytes(page)
    if page.one(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED:
        return (-(-whole // len(offsets)),) * len(offsets) if len(offsets) > 1 else (whole,)
    ends = sorted({*offsets, file_bytes})
    most = MOST_GROWN * whole + SLACK_BYTES
    following = [next((end for end in ends if end > offset), offset + 1) for offset in offsets]
    return tuple(min(most, end - offset) for end, offset in zip(following, offsets, strict=True))


def page_file(content: Content, stored: Stored, label: str) -> bytes:
    """The frame as a TIFF file of one page."""
    page = stored.page
    places = [(offset + stored.shift, count) for offset, count in places_of(page, content.size, label)]
    if sum(count for _, count in places) > MOST_GROWN * frame_bytes(page) + SLACK_BYTES:
        raise damaged(label, "TIFF", "its pixels take more bytes than they can")
    parts = [content.part(offset, count) for offset, count in places]
    tiled = is_tiled(page)
    starts, at = [], 8
    for part in parts:
        starts.append(at)
        at += len(part)
    tags = {number: _plain(tag, page.order) for number, tag in page.tags.items() if number in KEPT}
    tags[TILE_OFFSETS if tiled else STRIP_OFFSETS] = _longs(starts, page.order)
    tags[TILE_BYTES if tiled else STRIP_BYTES] = _longs([len(part) for part in parts], page.order)
    if not tiled and ROWS_PER_STRIP not in tags:
        tags[ROWS_PER_STRIP] = _longs([-(-page.one(HEIGHT, 0) // len(parts))], page.order)
    head = (b"II*\0" if page.order == "<" else b"MM\0*") + struct.pack(page.order + "I", at)
    return b"".join([head, *parts, _directory(tags, at, page.order)])


def _plain(tag: Tag, order: str) -> Tag:
    """A tag as a classic TIFF can hold it: it has no numbers of 8 bytes."""
    if tag.kind not in LONG8:
        return tag
    values = struct.unpack(f"{order}{tag.count}{'Q' if tag.kind == LONG8[0] else 'q'}", tag.raw)
    return _longs([value & 0xFFFFFFFF for value in values], order)


def _longs(values: list[int], order: str) -> Tag:
    return Tag(LONG, len(values), struct.pack(f"{order}{len(values)}I", *values))


def _directory(tags: dict[int, Tag], place: int, order: str) -> bytes:
    """The tags of a file's only page, which begin at `place`, and their values behind them."""
    entries, spilled = [], b""
    behind = place + 2 + 12 * len(tags) + 4
    for number, tag in sorted(tags.items()):
        value = tag.raw.ljust(4, b"\0")
        if len(tag.raw) > 4:
            value = struct.pack(order + "I", behind + len(spilled))
            spilled += tag.raw + b"\0" * (len(tag.raw) % 2)
        entries.append(struct.pack(order + "HHI", number, tag.kind, tag.count) + value)
    return struct.pack(order + "H", len(tags)) + b"".join(entries) + bytes(4) + spilled
