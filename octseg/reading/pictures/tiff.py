"""TIFF headers: whether each page is a frame that can be decoded, and how many frames there are.

Pages must have one size; thumbnails and masks beside them are passed over. A stack that ends early gives the frames
that are whole. The tags of resolution are not read: programs write them without a unit, in a unit of their own, or as
what the screen had.
"""

from typing import Any

from octseg.errors import ReadError
from octseg.reading.content import Content
from octseg.reading.limits import Limits
from octseg.reading.own import MADE_BY, own_result
from octseg.reading.pictures.header import Header, damaged, truncated, unsupported
from octseg.reading.pictures.tiff_pages import Stored, frame_bytes, is_tiled, page_file, places_of
from octseg.reading.pictures.tiff_stack import behind_first, promised_by_place, refuse_channels, said_of
from octseg.reading.pictures.tiff_tags import (
    BITS,
    COMPRESSION,
    EXTRA_SAMPLES,
    HEIGHT,
    MAX_VALUE,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SAMPLES,
    STRIP_BYTES,
    SUBFILE,
    TILE_HEIGHT,
    TILE_WIDTH,
    WIDTH,
    Chain,
    Page,
    read_chain,
)

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
READ_SAMPLES = {  # how they are called, and of how many bits
    UNSIGNED: ("whole", (1, 2, 4, 8, 12, 16, 32)),
    SIGNED: ("signed whole", (16, 32)),  # Pillow 12.3 hands on 8 bits as if they had no sign
    FLOAT: ("real", (32,)),  # and knows no others
}
SEPARATE = 2  # of PLANAR: the planes lie one behind the other
REDUCED, MASK = 0x1, 0x4  # bits of SUBFILE


def read_header(data: bytes | Content, label: str, limits: Limits) -> Header:
    """Size, pages and depth; raises ReadError before any pixel is decoded."""
    content = Content(data) if isinstance(data, bytes) else data
    chain = read_chain(content, label, limits)
    shown = [page for page in chain.pages if not page.one(SUBFILE, 0) & (REDUCED | MASK)] or chain.pages[:1]
    first = shown[0]
    if first.software.startswith(MADE_BY.encode()):
        raise own_result(label, "planes")
    height, width = first.one(HEIGHT, 0), first.one(WIDTH, 0)
    limits.check_frame(height, width, label)
    _check_alike(shown, label, limits)
    stored, promised = _stored(content, chain, shown, label)
    channels = refuse_channels(said_of(first), label) if first.one(SAMPLES, 1) == 1 else 1
    count, promised = _counts(len(stored), promised, channels, label)
    limits.check_pullback(count, count * height * width, label)
    if channels > 1 and first.one(BITS, 1) != 8:
        raise unsupported(label, "TIFF", f"with colours of {first.one(BITS, 1)} bits in pages of their own")
    bits, sample_format = first.one(BITS, 1), first.one(SAMPLE_FORMAT, UNSIGNED)
    photometric, samples = first.one(PHOTOMETRIC, BLACK_IS_ZERO), first.one(SAMPLES, 1)
    if photometric == WHITE_IS_ZERO and sample_format != UNSIGNED:
        raise unsupported(label, "TIFF", "that counts levels down from white in signed or real numbers")
    declared = first.one(MAX_VALUE, 0).bit_length()
    return Header(
        format="TIFF",
        height=height,
        width=width,
        pages=tuple(range(0, count * channels, channels)),
        planes=channels,
        deep=bits > 8,
        deep_colour=bits > 8 and samples > 1,
        inverted_bits=bits if photometric == WHITE_IS_ZERO and bits > 8 else 0,  # Pillow inverts up to 8 bits
        declared_bits=declared if 8 < declared <= bits and sample_format == UNSIGNED else None,
        warnings=_of_planes(first, count, label),
        missing=_missing(count, promised, chain, label),
        page_file=lambda number: page_file(content, stored[number], label),
    )


def _counts(pages: int, promised: int, channels: int, label: str) -> tuple[int, int]:
    """How many frames are there, and how many there should be."""
    count, promised = pages // channels, max(promised, pages) // channels
    if count == 0 or (count == 1 and promised > 1):
        raise ReadError(f"{label} says it holds {promised} frames and ends before the second; save it again")
    return count, promised


def _stored(content: Content, chain: Chain, shown: list[Page], label: str) -> tuple[list[Stored], int]:
    """Where each frame's page is, so far as it is whole, and how many pages there should be; 0 where nothing tells."""
    said = said_of(shown[0])
    promised = 0 if said is None else said.pages
    if said is None and len(shown) == 1 and chain.is_broken:
        promised = promised_by_place(shown[0], chain.lost, content.size, label)
    whole = 0
    for page in shown:
        if not _is_whole(page, content.size, label):
            break
        whole += 1
    if whole == 0 or (whole == 1 and chain.is_broken and promised <= 1):
        raise truncated(label, "TIFF")
    stored = [Stored(page) for page in shown[:whole]]
    if promised > whole and (len(shown) == 1 or chain.is_broken):
        stored = max(stored, behind_first(content, shown[:whole], promised, label), key=len)
    return stored, max(promised, len(shown))


def _of_planes(page: Page, count: int, label: str) -> tuple[str, ...]:
    """What is said of three planes that tifffile took for colours, as it does with three frames; four are refused.

    It writes a stack of three or four of anything so, unless it is told otherwise.
    """
    if count > 1 or page.one(PLANAR, 1) != SEPARATE or not page.description.startswith(b'{"shape": ['):
        return ()
    planes = page.one(SAMPLES, 1)
    if planes > COLOUR_SAMPLES[RGB]:
        raise ReadError(
            f"{label} keeps {planes} planes as one picture: if they are {planes} frames, save them as pages "
            "(photometric='minisblack' in tifffile), if they are colours, as RGB"
        )
    return (
        f"the {planes} planes of {label} are taken for the colours of one frame: if they are {planes} grey frames, "
        "save them as pages (photometric='minisblack' in tifffile)",
    )


def _missing(count: int, promised: int, chain: Chain, label: str) -> str:
    """What is said of a stack that ends early; empty where it does not."""
    if count < promised:
        return f"{label} ends early or was copied in part: of {promised} frames {count} are there"
    return f"{label} ends early: its first {count} frames are there" if chain.is_broken and count else ""


def _check_alike(pages: list[Page], label: str, limits: Limits) -> None:
    """Raise ReadError where the pages are not all of one size and kind, or of one that is not read."""
    first = pages[0]
    height, width, kind = first.one(HEIGHT, 0), first.one(WIDTH, 0), _kind(first)
    for number, page in enumerate(pages, start=1):
        if (page.one(HEIGHT, 0), page.one(WIDTH, 0)) != (height, width):
            raise ReadError(
                f"{label} mixes frames of {height} x {width} and {page.one(HEIGHT, 0)} x {page.one(WIDTH, 0)} pixels; "
                "a pullback's frames have one size"
            )
        if _kind(page) != kind:
            raise ReadError(f"{label} stores frame {number} in another way than frame 1; save all frames alike")
        _check_page(page, label, limits)


def _kind(page: Page) -> tuple[Any, ...]:
    """What decides how samples become levels."""
    return tuple(page.all(tag) for tag in (BITS, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT, EXTRA_SAMPLES, PLANAR))


def _check_page(page: Page, label: str, limits: Limits) -> None:
    """Raise ReadError where a page's pixels are not of a kind that is read."""
    compression, photometric = page.one(COMPRESSION, UNCOMPRESSED), page.one(PHOTOMETRIC, BLACK_IS_ZERO)
    if compression not in COMPRESSIONS:
        raise unsupported(label, "TIFF", f"with compression {compression}")
    if photometric not in COLOUR_SAMPLES:
        raise unsupported(label, "TIFF", f"with colours of kind {photometric}")
    _check_samples(page, photometric, label)
    if is_tiled(page):
        tile = (page.one(TILE_HEIGHT, 0), page.one(TILE_WIDTH, 0))
        if min(tile) < 1 or max(tile) > 2 * limits.max_side or tile[0] * tile[1] > 2 * limits.max_pixels:
            raise damaged(label, "TIFF", f"tiles of {tile[0]} x {tile[1]} pixels cannot be")


def _is_whole(page: Page, file_bytes: int, label: str) -> bool:
    """Whether a page's pixels are all in the file; ReadError where it does not say where they are."""
    places = places_of(page, file_bytes, label)
    counted = STRIP_BYTES in page.tags or is_tiled(page)
    if any(offset + (count if counted else 1) > file_bytes for offset, count in places):
        return False
    plain = page.one(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and not is_tiled(page)
    if not plain or page.one(PHOTOMETRIC, BLACK_IS_ZERO) == YCBCR:
        return True
    available = sum(count for _, count in places) if counted else file_bytes - places[0][0]
    return available >= frame_bytes(page)


def _check_samples(page: Page, photometric: int, label: str) -> None:
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
    if sample_format not in READ_SAMPLES:
        raise unsupported(label, "TIFF", "of complex or undefined numbers")
    what, allowed = READ_SAMPLES[sample_format]
    if bits[0] not in allowed:
        raise unsupported(label, "TIFF", f"of {bits[0]}-bit {what} numbers")
