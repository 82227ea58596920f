"""TIFF as it is stored (TIFF 6.0 and BigTIFF): the chain of pages, and the tags of each."""

import struct
from dataclasses import dataclass

from octseg.reading.content import Content
from octseg.reading.limits import Limits
from octseg.reading.pictures.header import damaged, truncated

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 254, 256, 257, 258, 259, 262, 270
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, MAX_VALUE, PLANAR = 273, 277, 278, 279, 281, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
SOFTWARE = 305
READ_TAGS = frozenset(
    {SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP}
    | {STRIP_BYTES, MAX_VALUE, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT}
    | {SOFTWARE}
)
TEXTS = frozenset({DESCRIPTION, SOFTWARE})
# What else a decoder needs: fill order, orientation, fax options, predictor, palette, JPEG's tables, colours of YCbCr.
DECODING_TAGS = frozenset({266, 274, 292, 293, 317, 320, 332, 347, 529, 530, 531, 532})

# Type of a value: its struct code, and how many bytes it takes. ASCII is read as bytes.
CODES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q"}
RATIONALS = (5, 10)  # copied, never read
BYTES = {kind: struct.calcsize("<" + code) for kind, code in CODES.items()} | dict.fromkeys(RATIONALS, 8)
MAX_VALUES = 200_000  # of one tag: strips of one row in 8,192 rows, and far more
TEXT_BYTES = 65_536  # of a text; a description may be a whole document
MAX_TAGS = 4096


@dataclass(frozen=True)
class Tag:
    """Values of one type as they are stored."""

    kind: int
    count: int
    raw: bytes


@dataclass(frozen=True)
class Page:
    """One page's tags; `order` of their bytes, as struct has it."""

    tags: dict[int, Tag]
    order: str

    def all(self, tag: int) -> tuple[int, ...]:
        """Every value of a tag; empty where it is absent."""
        found = self.tags.get(tag)
        return () if found is None else struct.unpack(f"{self.order}{found.count}{CODES[found.kind]}", found.raw)

    def one(self, tag: int, default: int) -> int:
        """First value of a tag."""
        found = self.tags.get(tag)
        if found is None or not found.count:
            return default
        return int(struct.unpack_from(self.order + CODES[found.kind], found.raw)[0])

    @property
    def description(self) -> bytes:
        """Its text, as far as it was read."""
        return self._text(DESCRIPTION)

    @property
    def software(self) -> bytes:
        """What wrote it, as far as it was read."""
        return self._text(SOFTWARE)

    def _text(self, tag: int) -> bytes:
        found = self.tags.get(tag)
        return b"" if found is None else found.raw


@dataclass(frozen=True)
class Chain:
    """The pages that follow one another; `lost` is where the next one should be, beyond the end of the file, or 0."""

    pages: list[Page]
    lost: int = 0

    @property
    def is_broken(self) -> bool:
        """Whether the file ends before the chain does."""
        return self.lost > 0


def read_chain(content: Content, label: str, limits: Limits) -> Chain:
    """The tags of every page from the file's start on.

    Raises ReadError where the first cannot be read, where they run in a circle, or where they are too many.
    """
    order, big = _layout(content)
    pages: list[Page] = []
    seen: set[int] = set()
    try:
        place = _first_place(content, order, big)
        while place:
            if place in seen:
                raise damaged(label, "TIFF", "its pages run in a circle")
            seen.add(place)
            page, place = _read_page(content, place, order, big, label)
            pages.append(page)
            if len(pages) > 2 * limits.max_frames:  # each frame may have a thumbnail
                limits.check_pullback(len(pages), 0, label, are_all=False)
    except (struct.error, OverflowError) as error:  # beyond the file, or beyond any file
        if not pages:
            raise truncated(label, "TIFF") from error
        return Chain(pages, place)
    if not pages:
        raise damaged(label, "TIFF", "it holds no picture")
    return Chain(pages)


def first_page(content: Content, label: str) -> tuple[Page, bool]:
    """The first page, and whether others follow it; ReadError where it cannot be read."""
    order, big = _layout(content)
    try:
        page, following = _read_page(content, _first_place(content, order, big), order, big, label)
    except (struct.error, OverflowError) as error:
        raise truncated(label, "TIFF") from error
    return page, following != 0


def _layout(content: Content) -> tuple[str, bool]:
    """The order of bytes, and whether it is a BigTIFF."""
    head = content.part(0, 4)
    return "<" if head[:2] == b"II" else ">", head[2:4] in (b"+\x00", b"\x00+")


def _first_place(content: Content, order: str, big: bool) -> int:
    """Where the first page is; struct.error where the file ends before it says so."""
    (place,) = struct.unpack(order + ("Q" if big else "I"), content.part(8, 8) if big else content.part(4, 4))
    return int(place)


def _read_page(content: Content, place: int, order: str, big: bool, label: str) -> tuple[Page, int]:
    """A page, and where the next one is; struct.error where the file ends before."""
    count_code, entry_bytes, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    (n_tags,) = struct.unpack(order + count_code, content.part(place, struct.calcsize(order + count_code)))
    if n_tags > MAX_TAGS:
        raise struct.error
    start = place + struct.calcsize(order + count_code)
    directory = content.part(start, n_tags * entry_bytes + struct.calcsize(order + pointer))
    tags = {}
    for entry in range(0, n_tags * entry_bytes, entry_bytes):
        number, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), directory, entry)
        if (number in READ_TAGS and kind in CODES) or (number in DECODING_TAGS and kind in BYTES):
            values = directory[entry + entry_bytes - (8 if big else 4) : entry + entry_bytes]
            tags[number] = _read_tag(content, Tag(kind, count, values), number, order + pointer, label)
    (following,) = struct.unpack_from(order + pointer, directory, n_tags * entry_bytes)
    return Page(tags, order), following


def _read_tag(content: Content, tag: Tag, number: int, pointer: str, label: str) -> Tag:
    """A tag with its values, which lie elsewhere in the file where they do not fit; struct.error where they do not."""
    if number in READ_TAGS and CODES[tag.kind] in "fd":
        raise damaged(label, "TIFF", f"its tag {number} is no whole number")
    count = min(tag.count, TEXT_BYTES) if number in TEXTS else tag.count
    if count > MAX_VALUES:
        raise damaged(label, "TIFF", f"its tag {number} has {count} values")
    n_bytes = count * BYTES[tag.kind]
    if tag.count * BYTES[tag.kind] <= len(tag.raw):
        return Tag(tag.kind, count, tag.raw[:n_bytes])
    (place,) = struct.unpack(pointer, tag.raw)
    raw = content.part(place, n_bytes)
    if len(raw) < n_bytes and number in TEXTS:  # a file that ends early may have lost it
        return Tag(tag.kind, len(raw), raw)
    if len(raw) < n_bytes:
        raise struct.error
    return Tag(tag.kind, count, raw)
