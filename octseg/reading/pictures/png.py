"""PNG headers (ISO/IEC 15948): size, depth, and the few chunks that decoding needs.

Text, profiles and other extras are dropped unread: they may hold a patient's name, or inflate to gigabytes.
"""

import struct
import zlib
from collections.abc import Iterator

from octseg.reading.limits import Limits
from octseg.reading.pictures.exif import orientation_of
from octseg.reading.pictures.header import Header, animated, damaged, truncated

SIGNATURE_BYTES = 8
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # colour type: bits a sample
SAMPLES = {0: 1, 2: 3}  # of a pixel without alpha, by colour type
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
PIECE_BYTES = 1 << 16  # of a pixel stream, inflated at once
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def read_header(data: bytes, label: str, limits: Limits) -> Header:
    """Size, depth and the stripped file; raises ReadError before any pixel is inflated."""
    if len(data) < SIGNATURE_BYTES + 25:
        raise truncated(label, "PNG")
    length, kind = struct.unpack_from(">I4s", data, SIGNATURE_BYTES)
    if kind != b"IHDR" or length != 13:
        raise damaged(label, "PNG", "it does not begin with its header")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    limits.check_frame(height, width, label)
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise damaged(label, "PNG", f"depth {depth} with colour type {colour} does not exist")
    kept, orientation, declared, clear = _needed_chunks(data, colour, label, limits)
    spread = 255 // (2**depth - 1) if depth < 8 else 1  # grey levels below 8 bits are spread over 8
    if depth == 16 and colour != 0 and not has_all_pixels(kept, height, width):  # OpenCV would inflate without end
        raise damaged(label, "PNG", "it holds too few or too many pixels")
    return Header(
        format="PNG",
        height=height,
        width=width,
        deep=depth == 16,
        deep_colour=depth == 16 and colour != 0,
        interlaced=bool(interlace),
        clear_colour=tuple(level * spread for level in clear),
        declared_bits=16 if declared and depth == 16 else None,
        orientation=orientation,
        data=kept,
    )


def _needed_chunks(data: bytes, colour: int, label: str, limits: Limits) -> tuple[bytes, int, bool, tuple[int, ...]]:
    """The file with NEEDED chunks alone, its orientation, whether it says how many bits count, its clear colour.

    A file that says so has its samples spread over the full range, as the standard asks. The one grey level or colour
    that a file without alpha may declare clear is taken out: not every decoder heeds it.
    """
    kept, orientation, declared, has_pixels = [data[:SIGNATURE_BYTES]], 1, False, False
    clear: tuple[int, ...] = ()
    for kind, start, end in _chunks(data, label, limits):
        if kind in NEEDED:
            if zlib.crc32(memoryview(data)[start + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
                raise damaged(label, "PNG", f"its {kind.decode()} part fails its checksum")
            if kind == b"tRNS" and colour in SAMPLES:
                if end - start - 12 != 2 * SAMPLES[colour]:
                    raise damaged(label, "PNG", "its clear colour is no colour")
                clear = struct.unpack_from(f">{SAMPLES[colour]}H", data, start + 8)
                continue
            kept.append(data[start:end])
            has_pixels = has_pixels or kind == b"IDAT"
        elif kind == b"acTL":
            raise animated(label, "PNG")
        elif not kind[0] & 0x20:
            raise damaged(label, "PNG", "it needs a part that no PNG has")
        elif kind == b"eXIf" and end - start <= 65_536:
            orientation = orientation_of(data[start + 8 : end - 4])
        declared = declared or kind == b"sBIT"
    if not has_pixels:
        raise damaged(label, "PNG", "it holds no picture")
    return b"".join(kept), orientation, declared, clear


def _chunks(data: bytes, label: str, limits: Limits) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk, up to the one that ends the picture."""
    place, extras, kind = SIGNATURE_BYTES, 0, b""
    while kind != b"IEND":
        if place + 12 > len(data):
            raise truncated(label, "PNG")
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            raise truncated(label, "PNG")
        if kind == b"IHDR" and place != SIGNATURE_BYTES:
            raise damaged(label, "PNG", "it has two headers")
        extras += kind != b"IDAT"
        if extras > limits.max_header_chunks:
            raise damaged(label, "PNG", f"its header has more than {limits.max_header_chunks} parts")
        yield kind, place, end
        place = end


def has_all_pixels(stripped: bytes, height: int, width: int, *, exactly: bool = True) -> bool:
    """Whether the pixel stream of a file from `read_header` inflates to as many bytes as its size asks for.

    exactly: no more either. Inflates one byte beyond at most, in small pieces.
    """
    _, _, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", stripped, 16)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    left = sum(
        len(rows) * (1 + (len(columns) * bits + 7) // 8)  # a filter byte before each row
        for top, first, down, across in passes
        if (rows := range(top, height, down)) and (columns := range(first, width, across))
    )
    inflater = zlib.decompressobj()
    for piece in _coded_pieces(stripped):
        coded: bytes | memoryview = piece
        while coded and not inflater.eof and left >= 0:
            try:
                left -= len(inflater.decompress(coded, min(left + 1, PIECE_BYTES)))
            except zlib.error:
                return False
            coded = inflater.unconsumed_tail
    return left == 0 or (left < 0 and not exactly)


def _coded_pieces(stripped: bytes) -> Iterator[memoryview]:
    """The pixel stream in small pieces: what is left of one is copied each time that some of it is inflated."""
    for kind, start, end in _chunks(stripped, "", Limits()):
        for place in range(start + 8, end - 4, PIECE_BYTES) if kind == b"IDAT" else ():
            yield memoryview(stripped)[place : min(place + PIECE_BYTES, end - 4)]
