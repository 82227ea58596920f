"""TIFF headers (TIFF 6.0 and BigTIFF): the chain of pages, and whether each is a frame that can be decoded.

Pages must have one size; thumbnails and masks beside them are passed over.
"""

import re
import struct
from dataclasses import dataclass
from typing import Any

from octseg.errors import ReadError
from octseg.reading.limits import Limits
from octseg.reading.pictures.header import Header, damaged, truncated, unsupported

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 254, 256, 257, 258, 259, 262, 270
STRIP_OFFSETS, SAMPLES, STRIP_BYTES, MAX_VALUE, PLANAR = 273, 277, 279, 281, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
READ_TAGS = frozenset(
    {SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, STRIP_OFFSETS, SAMPLES, STRIP_BYTES}
    | {MAX_VALUE, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT}
)

# Type of a value: its struct code. ASCII is read as bytes.
CODES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q"}
CODES_BY_SIZE = {code: struct.calcsize("<" + code) for code in set(CODES.values())}
MAX_VALUES = 200_000  # of one tag: strips of one row in 8,192 rows, and far more

UNCOMPRESSED, LZW, JPEG_NEW, DEFLATE, PACKBITS, DEFLATE_OLD = 1, 5, 7, 8, 32773, 32946
COMPRESSIONS = {
    UNCOMPRESSED: "no compression",
    2: "CCITT",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    LZW: "LZW",
    JPEG_NEW: "JPEG",
    DEFLATE: "Deflate",
    PACKBITS: "PackBits",
    DEFLATE_OLD: "Deflate",
}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
COLOUR_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
REDUCED, MASK = 0x1, 0x4  # bits of SUBFILE


@dataclass(frozen=True)
class _Page:
    """One page's tags: numbers as tuples, text as bytes."""

    tags: dict[int, tuple[int, ...] | bytes]

    def one(self, tag: int, default: int) -> int:
        """First value of a tag."""
        value = self.tags.get(tag)
        return int(value[0]) if value else default

    def all(self, tag: int) -> tuple[int, ...]:
        """Every value of a tag; empty where it is absent."""
        value = self.tags.get(tag, ())
        return tuple(value)


def read_header(data: bytes, label: str, limits: Limits) -> Header:
    """Size, pages and depth; raises ReadError before any pixel is decoded."""
    pages = _read_pages(data, label, limits)
    frames = tuple(i for i, page in enumerate(pages) if not page.one(SUBFILE, 0) & (REDUCED | MASK)) or (0,)
    first = pages[frames[0]]
    height, width = first.one(HEIGHT, 0), first.one(WIDTH, 0)
    limits.check_frame(height, width, label)
    limits.check_pullback(len(frames), len(frames) * height * width, label)
    kind = _kind(first)
    for number, page in enumerate((pages[i] for i in frames), start=1):
        if (page.one(HEIGHT, 0), page.one(WIDTH, 0)) != (height, width):
            raise ReadError(
                f"{label} mixes frames of {height} x {width} and {page.one(HEIGHT, 0)} x {page.one(WIDTH, 0)} pixels; "
                "a pullback's frames have one size"
            )
        if _kind(page) != kind:
            raise ReadError(f"{label} stores frame {number} in another way than frame 1; save all frames alike")
        _check_page(page, len(data), label, limits)
    _check_count(first, len(pages), label)
    bits, sample_format = first.one(BITS, 1), first.one(SAMPLE_FORMAT, UNSIGNED)
    photometric, samples = first.one(PHOTOMETRIC, BLACK_IS_ZERO), first.one(SAMPLES, 1)
    if photometric == WHITE_IS_ZERO and sample_format != UNSIGNED:
        raise unsupported(label, "TIFF", "that counts levels down from white in signed or real numbers")
    declared = first.one(MAX_VALUE, 0).bit_length()
    return Header(
        format="TIFF",
        height=height,
        width=width,
        pages=frames,
        deep=bits > 8,
        deep_colour=bits > 8 and samples > 1,
        inverted_bits=bits if photometric == WHITE_IS_ZERO and bits > 8 else 0,  # Pillow inverts up to 8 bits
        declared_bits=declared if 8 < declared <= bits and sample_format == UNSIGNED else None,
        data=data,
    )


def _kind(page: _Page) -> tuple[Any, ...]:
    """What decides how samples become levels."""
    return tuple(page.all(tag) for tag in (BITS, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT, EXTRA_SAMPLES, PLANAR))


def _check_page(page: _Page, file_bytes: int, label: str, limits: Limits) -> None:
    """Raise ReadError where a page's pixels are not all in the file, or not of a kind that is read."""
    compression, photometric = page.one(COMPRESSION, UNCOMPRESSED), page.one(PHOTOMETRIC, BLACK_IS_ZERO)
    if compression not in COMPRESSIONS:
        raise unsupported(label, "TIFF", f"with compression {compression}")
    if photometric not in COLOUR_SAMPLES:
        raise unsupported(label, "TIFF", f"with colours of kind {photometric}")
    _check_samples(page, photometric, label)
    if _is_tiled(page):
        tile = (page.one(TILE_HEIGHT, 0), page.one(TILE_WIDTH, 0))
        if min(tile) < 1 or max(tile) > 2 * limits.max_side or tile[0] * tile[1] > 2 * limits.max_pixels:
            raise damaged(label, "TIFF", f"tiles of {tile[0]} x {tile[1]} pixels cannot be")
    _check_whole(page, file_bytes, label)


def _is_tiled(page: _Page) -> bool:
    return TILE_WIDTH in page.tags or TILE_OFFSETS in page.tags


def _check_whole(page: _Page, file_bytes: int, label: str) -> None:
    """Raise ReadError where a page does not say where its pixels are, or the file ends before them."""
    tiled = _is_tiled(page)
    offsets = page.all(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    counts = page.all(TILE_BYTES if tiled else STRIP_BYTES)
    if not offsets or (counts and len(counts) != len(offsets)):
        raise damaged(label, "TIFF", "it does not say where its pixels are")
    if any(offset + count > file_bytes for offset, count in zip(offsets, counts or (1,) * len(offsets), strict=True)):
        raise truncated(label, "TIFF")
    if page.one(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and not tiled:
        row_bytes = (page.one(WIDTH, 0) * page.one(BITS, 1) * page.one(SAMPLES, 1) + 7) // 8
        needed = row_bytes * page.one(HEIGHT, 0)
        available = sum(counts) if counts else file_bytes - offsets[0]
        if page.one(PHOTOMETRIC, BLACK_IS_ZERO) != YCBCR and available < needed:
            raise truncated(label, "TIFF")


def _check_samples(page: _Page, photometric: int, label: str) -> None:
    samples, bits = page.one(SAMPLES, 1), page.all(BITS) or (1,)
    extra = page.all(EXTRA_SAMPLES)
    if len(set(bits)) != 1:
        raise unsupported(label, "TIFF", "whose colours have different depths")
    beyond = samples - COLOUR_SAMPLES[photometric]
    if beyond not in (0, 1) or (beyond == 1 and extra not in ((1,), (2,))):
        raise ReadError(
            f"{label} has {samples} planes a pixel, and not all of them are colours; a frame is grey or RGB "
            "(a file of masks is no frame)"
        )
    sample_format = page.one(SAMPLE_FORMAT, UNSIGNED)
    if sample_format not in (UNSIGNED, SIGNED, FLOAT):
        raise unsupported(label, "TIFF", "of complex or undefined numbers")
    allowed = (32, 64) if sample_format == FLOAT else (1, 2, 4, 8, 12, 16, 32)
    if bits[0] not in allowed:
        raise unsupported(label, "TIFF", f"of {bits[0]}-bit {'real' if sample_format == FLOAT else 'whole'} numbers")


def _check_count(first: _Page, page_count: int, label: str) -> None:
    """ImageJ may store many frames behind one page: reading the first alone would drop the rest in silence."""
    description = bytes(first.tags.get(DESCRIPTION, b""))  # as far as it was read
    said = re.match(rb"ImageJ=.*?\bimages=(\d{1,9})\b", description, re.DOTALL)
    if said and int(said[1]) != page_count:
        raise ReadError(
            f"{label} says it holds {int(said[1])} frames and stores {page_count} as pages; "
            "save it as a plain TIFF stack"
        )


def _read_pages(data: bytes, label: str, limits: Limits) -> list[_Page]:
    """The tags of every page, following the chain from the file's start."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    if big and order == ">":
        raise unsupported(label, "TIFF", "that is a big-endian BigTIFF")  # Pillow takes it for a plain TIFF
    pointer, count_code, entry_bytes = ("Q", "Q", 20) if big else ("I", "H", 12)
    try:
        (place,) = struct.unpack_from(order + pointer, data, 8 if big else 4)
        pages: list[_Page] = []
        seen: set[int] = set()
        while place:
            if place in seen:
                raise damaged(label, "TIFF", "its pages run in a circle")
            seen.add(place)
            (n_tags,) = struct.unpack_from(order + count_code, data, place)
            start = place + struct.calcsize(order + count_code)
            if n_tags > 4096 or start + n_tags * entry_bytes > len(data):
                raise truncated(label, "TIFF")
            entries = range(start, start + n_tags * entry_bytes, entry_bytes)
            pages.append(_Page(dict(filter(None, (_read_tag(data, entry, order, big, label) for entry in entries)))))
            if len(pages) > 2 * limits.max_frames:  # each frame may have a thumbnail
                limits.check_pullback(len(pages), 0, label)
            (place,) = struct.unpack_from(order + pointer, data, start + n_tags * entry_bytes)
    except (struct.error, OverflowError) as error:  # beyond the file, or beyond any file
        raise truncated(label, "TIFF") from error
    if not pages:
        raise damaged(label, "TIFF", "it holds no picture")
    return pages


def _read_tag(data: bytes, entry: int, order: str, big: bool, label: str) -> tuple[int, tuple[int, ...] | bytes] | None:
    """One tag and its values; None for a tag that is not needed."""
    tag, kind = struct.unpack_from(order + "HH", data, entry)
    (count,) = struct.unpack_from(order + ("Q" if big else "I"), data, entry + 4)
    code = CODES.get(kind)
    if tag not in READ_TAGS or code is None:
        return None
    if code in "fd":
        raise damaged(label, "TIFF", f"its tag {tag} is no whole number")
    if tag == DESCRIPTION:
        count = min(count, 4096)
    if count > MAX_VALUES:
        raise damaged(label, "TIFF", f"its tag {tag} has {count} values")
    inline = 8 if big else 4
    place = entry + 4 + inline
    if count * CODES_BY_SIZE[code] > inline:
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
    values = struct.unpack_from(f"{order}{count}{code}", data, place)
    return tag, bytes(values) if tag == DESCRIPTION else tuple(int(value) for value in values)
