"""Makes the corpus of hostile and of odd but right files that reading is held against.

    python tests/fakes/hostile_files.py FOLDER      writes the files, and cases.csv with what is right for each
    python tests/fakes/hostile_files.py --report    reads them all and prints how many came out right, times and memory

Each case knows its answer without the reader: the frame that went in, or the words of the refusal.
"""

import csv
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 48, 64
GREY = np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
GREY[:8] = 0
COLOUR = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 40)], axis=2)
NOISE = np.random.default_rng(0).integers(0, 256, (120, 160), dtype=np.uint8)
ORIENTED = {
    1: GREY,
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: np.rot90(GREY, -1),
    7: GREY[::-1, ::-1].T,
    8: np.rot90(GREY),
}


@dataclass(frozen=True)
class Case:
    """A file and what is right for it.

    frame: (H, W) or (H, W, 3) levels that must come out; None where the file must be refused.
    tolerance: largest mean difference in grey levels, for lossy files.
    cause: regular expression that the refusal's text must match.
    """

    name: str
    data: bytes
    frame: NDArray[np.uint8] | None = None
    tolerance: float = 0.0
    cause: str = ""


def cases() -> Iterator[Case]:
    """Every case, made when asked for; names are unique."""
    for make in (oversized, cut_short, foreign, bad_png, bad_jpeg, bad_tiff, bad_webp, bad_bmp, odd, large):
        yield from make()


# --- building blocks


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def ihdr(height: int, width: int, depth: int = 8, colour: int = 0, *rest: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(rest or (0, 0, 0))))


SIGNATURE, IEND = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")


def idat(samples: NDArray[Any]) -> bytes:
    return chunk(b"IDAT", zlib.compress(b"".join(b"\x00" + row.tobytes() for row in samples)))


def png(samples: NDArray[Any], depth: int = 8, colour: int = 0, before: bytes = b"") -> bytes:
    header = ihdr(samples.shape[0], samples.shape[1], depth, colour)
    return SIGNATURE + header + before + idat(samples.astype(">u2" if depth == 16 else "u1")) + IEND


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(**options: Any) -> bytes:
    return saved(Image.fromarray(GREY), "JPEG", quality=95, **options)


def sof(
    height: int, width: int, marker: int = 0xC0, precision: int = 8, components: int = 1, sampling: int = 17
) -> bytes:
    parts = b"".join(bytes([i + 1, sampling, 0]) for i in range(components))
    return segment(marker, struct.pack(">BHHB", precision, height, width, components) + parts)


def with_sof(data: bytes, new: bytes) -> bytes:
    """A baseline grey JPEG with its size segment replaced."""
    start = data.index(b"\xff\xc0")
    return data[:start] + new + data[start + 2 + struct.unpack_from(">H", data, start + 2)[0] :]


TYPES = {"B": 1, "H": 3, "I": 4, "Q": 16, "f": 11}


def raw_tiff(changes: dict[int, tuple[str, tuple[int, ...]] | None], pixels: bytes = GREY.tobytes()) -> bytes:
    """A little-endian grey TIFF of one strip, with tags changed, added or (None) dropped."""
    tags: dict[int, tuple[str, tuple[int, ...]] | None] = {
        256: ("I", (WIDTH,)),
        257: ("I", (HEIGHT,)),
        258: ("H", (8,)),
        259: ("H", (1,)),
        262: ("H", (1,)),
        273: ("I", (8,)),
        277: ("H", (1,)),
        278: ("I", (HEIGHT,)),
        279: ("I", (len(pixels),)),
        **changes,
    }
    kept = sorted((tag, value) for tag, value in tags.items() if value is not None)
    directory = 8 + len(pixels)
    spill_at, spill = directory + 2 + 12 * len(kept) + 4, b""
    entries = b""
    for tag, (code, values) in kept:
        body = struct.pack(f"<{len(values)}{code}", *values)
        if len(body) > 4:
            place, spill = spill_at + len(spill), spill + body
            body = struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, TYPES[code], len(values)) + body.ljust(4, b"\x00")
    count = struct.pack("<H", len(kept))
    return b"II*\x00" + struct.pack("<I", directory) + pixels + count + entries + b"\x00" * 4 + spill


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(b)) + b + b"\x00" * (len(b) & 1) for k, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def vp8x(height: int, width: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def webp_chunk(lossless: bool = True) -> tuple[bytes, bytes]:
    """The picture chunk of a small WebP file."""
    data = saved(Image.fromarray(COLOUR), "WEBP", lossless=lossless)
    return data[12:16], data[20 : 20 + struct.unpack_from("<I", data, 16)[0]]


def bmp(
    height: int = HEIGHT, width: int = WIDTH, depth: int = 24, compression: int = 0, pixels: bytes | None = None
) -> bytes:
    row = (abs(width) * depth + 31) // 32 * 4
    pixels = b"\x80" * min(row * abs(height), 10_000) if pixels is None else pixels
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def bomb(megabytes: int) -> bytes:
    """A zlib stream of a few kB that inflates to this much."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


# --- files that must be refused

OVERSIZED = (
    (13_000, 13_000, "at most 8192"),
    (50_000, 50_000, "at most 8192"),
    (65_535, 65_535, "at most 8192"),
    (8_193, 600, "at most 8192"),
    (600, 8_193, "at most 8192"),
    (5_001, 5_000, "at most 25 million"),
    (8_192, 8_192, "at most 25 million"),
    (31, 64, "at least 32"),
    (64, 31, "at least 32"),
    (1, 1, "at least 32"),
    (33, 8_000, "16 times"),
    (529, 33, "16 times"),
)


def oversized() -> Iterator[Case]:
    """Headers that claim too much or too little, with hardly any pixels behind them."""
    for height, width, cause in OVERSIZED:
        name, said = f"size_{height}x{width}", rf"is {height} x {width} pixels; .*{cause}"
        yield Case(f"{name}.png", SIGNATURE + ihdr(height, width) + idat(GREY) + IEND, cause=said)
        yield Case(f"{name}_rgba16.png", SIGNATURE + ihdr(height, width, 16, 6) + idat(GREY) + IEND, cause=said)
        yield Case(f"{name}.jpg", with_sof(jpeg(), sof(height, width)), cause=said)
        yield Case(f"{name}.tif", raw_tiff({256: ("I", (width,)), 257: ("I", (height,))}), cause=said)
        deflated = {256: ("I", (width,)), 257: ("I", (height,)), 259: ("H", (8,))}
        yield Case(f"{name}_deflate.tif", raw_tiff(deflated, zlib.compress(bytes(100))), cause=said)
        yield Case(f"{name}.bmp", bmp(height, width), cause=said)
        yield Case(f"{name}_topdown.bmp", bmp(-height, width), cause=said)
        yield Case(f"{name}_canvas.webp", riff(vp8x(height, width), webp_chunk()), cause=said)
        if max(height, width) < 16_384:
            lossy = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(60)
            yield Case(f"{name}_vp8.webp", riff((b"VP8 ", lossy)), cause=said)
            bits = (width - 1) | (height - 1) << 14
            yield Case(f"{name}_vp8l.webp", riff((b"VP8L", b"\x2f" + struct.pack("<I", bits) + bytes(60))), cause=said)
    for height, width in ((0, 64), (64, 0)):
        yield Case(
            f"size_{height}x{width}.png", SIGNATURE + ihdr(height, width) + idat(GREY) + IEND, cause="at least 32"
        )
        yield Case(f"size_{height}x{width}.jpg", with_sof(jpeg(), sof(height, width)), cause="at least 32")
    yield Case("size_4gx4g.png", SIGNATURE + ihdr(2**32 - 1, 2**32 - 1) + idat(GREY) + IEND, cause="at most 8192")
    yield Case("size_negative.bmp", bmp(HEIGHT, -WIDTH), cause="is -64 pixels wide")
    yield Case("size_most_negative.bmp", bmp(-(2**31), WIDTH), cause="at most 8192")


def cut_short() -> Iterator[Case]:
    """Files that end too early."""
    grey, colour = Image.fromarray(NOISE), Image.fromarray(np.dstack([NOISE] * 3))
    whole = {
        "grey.png": saved(grey, "PNG"),
        "rgb.png": saved(colour, "PNG"),
        "baseline.jpg": saved(colour, "JPEG"),
        "progressive.jpg": saved(colour, "JPEG", progressive=True),
        "plain.tif": saved(grey, "TIFF"),
        "lzw.tif": saved(colour, "TIFF", compression="tiff_lzw"),
        "deflate.tif": saved(colour, "TIFF", compression="tiff_adobe_deflate"),
        "big.tif": tiff(NOISE, bigtiff=True),
        "lossy.webp": saved(colour, "WEBP"),
        "lossless.webp": saved(colour, "WEBP", lossless=True),
        "rgb.bmp": saved(colour, "BMP"),
        "grey.bmp": saved(grey, "BMP"),
    }
    for name, data in whole.items():
        for kept in (12, 30, len(data) // 4, len(data) // 2, len(data) * 9 // 10, len(data) - 1):
            yield Case(
                f"cut_{kept}_{name}", data[:kept], cause="is incomplete|is a damaged|unknown format|cannot be decoded"
            )


def foreign() -> Iterator[Case]:
    """Files of other kinds, most of them under a picture's name."""
    rng = np.random.default_rng(1)
    starts = {
        "DICOM": bytes(128) + b"DICM",
        "ZIP": b"PK\x03\x04",
        "ZIP archive": b"PK\x05\x06",
        "gzip": b"\x1f\x8b\x08",
        "7z": b"7z\xbc\xaf\x27\x1c",
        "RAR": b"Rar!\x1a\x07\x00",
        "bzip2": b"BZh9",
        "xz": b"\xfd7zXZ\x00",
        "MP4": b"\x00\x00\x00\x18ftypmp42",
        "QuickTime": b"\x00\x00\x00\x14ftypqt  ",
        "HEIF": b"\x00\x00\x00\x18ftypheic",
        "AVIF": b"\x00\x00\x00\x18ftypavif",
        "AVI": b"RIFF\x00\x10\x00\x00AVI LIST",
        "Matroska": b"\x1aE\xdf\xa3",
        "MPEG": b"\x00\x00\x01\xba",
        "MPEG video": b"\x00\x00\x01\xb3",
        "Windows Media": b"\x30\x26\xb2\x75\x8e\x66",
        "GIF": b"GIF89a",
        "JPEG 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        "JPEG 2000 picture": b"\xff\x4f\xff\x51",
        "JPEG XL": b"\xff\x0a",
        "Photoshop": b"8BPS\x00\x01",
        "PDF": b"%PDF-1.7",
        "NumPy": b"\x93NUMPY\x01\x00",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "MATLAB": b"MATLAB 5.0 MAT-file",
        "Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "program": b"\x7fELF\x02\x01",
        "a program": b"MZ\x90\x00",
        "pickle": b"\x80\x04\x95",
        "unknown format": b"\x01\x02\x03\x04\x05",
    }
    for number, (kind, start) in enumerate(starts.items()):
        yield Case(f"foreign_{number}.png", start + rng.bytes(2000), cause=f"x is .*{kind}.*; this version reads PNG")
    texts = {
        "html": b"<!DOCTYPE html><html></html>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "json": b'{"shape": [64, 64]}',
        "csv": b"a,b\n1,2\n",
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "script": b"#!/bin/sh\necho no\n",
    }
    for name, text in texts.items():
        yield Case(f"text_{name}.jpg", text, cause="text, not a picture")
    yield Case("empty.png", b"", cause="is empty")
    yield Case("one_byte.png", b"\x89", cause="unknown format")
    yield Case("zeros.tif", bytes(5000), cause="unknown format")
    for name, magic in (("png", SIGNATURE), ("jpg", b"\xff\xd8\xff\xe0"), ("tif", b"II*\x00"), ("bmp", b"BM")):
        for seed in range(4):
            body = np.random.default_rng(seed).bytes(3000)
            yield Case(
                f"rubbish_{seed}.{name}", magic + body, cause="is incomplete|is a damaged|which this version|pixels"
            )


def bad_png() -> Iterator[Case]:
    whole = png(GREY)
    for depth, colour in ((3, 0), (16, 3), (4, 2), (1, 6), (2, 4), (8, 1), (8, 5), (8, 7), (0, 0), (32, 0)):
        data = SIGNATURE + ihdr(HEIGHT, WIDTH, depth, colour) + idat(GREY) + IEND
        yield Case(f"depth_{depth}_colour_{colour}.png", data, cause="does not exist")
    for name, rest in (("compression", (1, 0, 0)), ("filter", (0, 1, 0)), ("interlace", (0, 0, 2))):
        data = SIGNATURE + ihdr(HEIGHT, WIDTH, 8, 0, *rest) + idat(GREY) + IEND
        yield Case(f"{name}.png", data, cause="damaged PNG")
    yield Case("no_header.png", SIGNATURE + idat(GREY) + IEND, cause="does not begin with its header")
    yield Case("no_pixels.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + IEND, cause="holds no picture")
    yield Case("no_end.png", whole[:-12], cause="is incomplete")
    yield Case("two_headers.png", whole.replace(IEND, ihdr(50_000, 50_000) + IEND), cause="has two headers")
    yield Case("second_header_first.png", png(GREY, before=ihdr(8000, 8000)), cause="has two headers")
    yield Case("no_palette.png", png(GREY, colour=3), cause="cannot be decoded")
    yield Case("checksum.png", whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], cause="fails its checksum")
    yield Case("header_checksum.png", whole[:29] + bytes([whole[29] ^ 1]) + whole[30:], cause="fails its checksum")
    yield Case(
        "huge_chunk.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + b"\x7f\xff\xff\xffIDAT" + bytes(100), cause="incomplete"
    )
    yield Case("unknown_critical.png", png(GREY, before=chunk(b"ABCD", b"x")), cause="a part that no PNG has")
    yield Case("animation.png", png(GREY, before=chunk(b"acTL", bytes(8))), cause="with an animation")
    yield Case("many_chunks.png", png(GREY, before=chunk(b"teXt", b"") * 20_000), cause="more than 10000 parts")
    yield Case("rows_missing.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + idat(GREY[:20]) + IEND, cause="cannot be decoded")
    yield Case("row_short.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + idat(GREY[:, :-1]) + IEND, cause="cannot be decoded")
    body = zlib.compress(GREY.tobytes())
    for place in (0, 1, len(body) // 2):
        wrong = body[:place] + bytes([body[place] ^ 0x55]) + body[place + 1 :]
        data = SIGNATURE + ihdr(HEIGHT, WIDTH) + chunk(b"IDAT", wrong) + IEND
        yield Case(f"stream_{place}.png", data, cause="cannot be decoded")
    bad_filter = zlib.compress(b"".join(b"\x09" + row.tobytes() for row in GREY))
    yield Case(
        "row_filter.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + chunk(b"IDAT", bad_filter) + IEND, cause="cannot be decoded"
    )
    yield Case("clear_colour.png", png(GREY, before=chunk(b"tRNS", b"\x00")), cause="clear colour is no colour")
    yield Case(
        "max_rgb_bomb.png",
        SIGNATURE + ihdr(5000, 5000, 16, 6) + chunk(b"IDAT", bomb(10)) + IEND,
        cause="too few or too many pixels",
    )


def bad_jpeg() -> Iterator[Case]:
    whole = jpeg()
    for bits in (2, 12, 16):
        yield Case(f"bits_{bits}.jpg", with_sof(whole, sof(HEIGHT, WIDTH, 0xC1, bits)), cause=f"of {bits} bits")
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        data = with_sof(whole, sof(HEIGHT, WIDTH, marker))
        yield Case(f"coding_{marker:x}.jpg", data, cause="lossless, hierarchical or arithmetic")
    for components in (0, 2, 5, 200):
        data = with_sof(whole, sof(HEIGHT, WIDTH, components=components))
        yield Case(f"components_{components}.jpg", data, cause=f"{components} colour components do not exist")
    size = sof(HEIGHT, WIDTH)
    yield Case("two_sizes.jpg", with_sof(whole, size + sof(5000, 5000)), cause="two pictures in one")
    yield Case("no_size.jpg", with_sof(whole, b""), cause="holds no picture")
    yield Case("no_end.jpg", whole[:-2], cause="is incomplete")
    yield Case("header_only.jpg", whole[: whole.index(b"\xff\xda")] + b"\xff\xd9", cause="holds no picture")
    yield Case("zero_sampling.jpg", with_sof(whole, sof(HEIGHT, WIDTH, sampling=0)), cause="cannot be decoded")
    quantities = whole.index(b"\xff\xdb")
    without = whole[:quantities] + whole[quantities + 2 + struct.unpack_from(">H", whole, quantities + 2)[0] :]
    yield Case("no_quantities.jpg", without, cause="cannot be decoded")
    scan = whole[whole.index(b"\xff\xda") : -2]
    yield Case("many_scans.jpg", whole[:-2] + scan * 200 + b"\xff\xd9", cause="more than 64 passes")
    yield Case("many_comments.jpg", whole[:2] + segment(0xFE, b"") * 20_000 + whole[2:], cause="more than 10000 parts")
    yield Case("zero_length.jpg", whole[:2] + b"\xff\xfe\x00\x00" + whole[2:], cause="has no length")
    yield Case("not_a_marker.jpg", whole[:2] + b"\x00\x00" + whole[2:], cause="text|unknown format|do not follow")
    yield Case("gap.jpg", whole[:2] + segment(0xFE, b"x") + b"\x00" + whole[2:], cause="do not follow one another")
    yield Case("length_beyond.jpg", whole[:2] + b"\xff\xfe\xff\xff" + whole[2:], cause="is incomplete")
    yield Case("only_start.jpg", b"\xff\xd8\xff", cause="is incomplete")
    yield Case("only_fill_bytes.jpg", b"\xff\xd8" + b"\xff" * 5000, cause="is incomplete")


def bad_tiff() -> Iterator[Case]:
    for compression in (0, 6, 9, 32766, 32771, 34676, 34712, 34887, 34925, 50000, 50001, 50002, 65535):
        data = raw_tiff({259: ("H", (compression,))})
        yield Case(f"compression_{compression}.tif", data, cause=f"with compression {compression}")
    for photometric in (4, 8, 9, 10, 32803, 32844, 34892, 65535):
        yield Case(f"colours_{photometric}.tif", raw_tiff({262: ("H", (photometric,))}), cause="with colours of kind")
    for bits in (0, 3, 5, 7, 24, 63, 64, 128, 65535):
        yield Case(f"bits_{bits}.tif", raw_tiff({258: ("H", (bits,))}), cause="-bit whole numbers|is incomplete")
    for bits in (8, 16, 24):
        data = raw_tiff({258: ("H", (bits,)), 339: ("H", (3,))})
        yield Case(f"real_{bits}.tif", data, cause=f"of {bits}-bit real numbers")
    for samples in (0, 2, 3, 5, 100, 65535):
        yield Case(f"samples_{samples}.tif", raw_tiff({277: ("H", (samples,))}), cause="planes a pixel")
    for kind in (0, 4, 5, 6, 99):
        yield Case(f"numbers_{kind}.tif", raw_tiff({339: ("H", (kind,))}), cause="complex or undefined")
    for tile in ((65_535, 65_535), (2**31, 16), (0, 16), (16, 0), (2**32 - 1, 2**32 - 1), (16_384, 16_384)):
        tags = {
            322: ("I", (tile[1],)),
            323: ("I", (tile[0],)),
            324: ("I", (8,)),
            325: ("I", (3072,)),
            273: None,
            279: None,
        }
        yield Case(f"tile_{tile[0]}x{tile[1]}.tif", raw_tiff(tags), cause=f"tiles of {tile[0]} x {tile[1]} pixels")
    yield Case("strip_beyond.tif", raw_tiff({273: ("I", (2**31,))}), cause="is incomplete")
    yield Case("strip_count_beyond.tif", raw_tiff({279: ("I", (2**32 - 1,))}), cause="is incomplete")
    yield Case("strip_short.tif", raw_tiff({279: ("I", (100,))}), cause="is incomplete")
    yield Case("strips_unequal.tif", raw_tiff({279: ("I", (100, 200))}), cause="where its pixels are")
    yield Case("no_strips.tif", raw_tiff({273: None}), cause="where its pixels are")
    yield Case("no_width.tif", raw_tiff({256: None}), cause="48 x 0 pixels")
    yield Case("width_real.tif", raw_tiff({256: ("f", (64,))}), cause="no whole number")
    yield Case(
        "depths_differ.tif",
        raw_tiff({258: ("H", (8, 4, 8)), 277: ("H", (3,)), 262: ("H", (2,))}),
        cause="different depths",
    )
    whole = raw_tiff({})
    directory = struct.unpack_from("<I", whole, 4)[0]
    end = directory + 2 + 12 * 9
    yield Case("circle.tif", whole[:end] + struct.pack("<I", directory) + whole[end + 4 :], cause="run in a circle")
    yield Case("next_page_beyond.tif", whole[:end] + struct.pack("<I", 2**31) + whole[end + 4 :], cause="is incomplete")
    yield Case("directory_beyond.tif", whole[:4] + struct.pack("<I", 2**32 - 2) + whole[8:], cause="is incomplete")
    yield Case("directory_zero.tif", whole[:4] + bytes(4) + whole[8:], cause="holds no picture")
    yield Case("many_tags.tif", whole[:directory] + b"\xff\xff" + whole[directory + 2 :], cause="is incomplete")
    first_tag = directory + 2
    yield Case(
        "tag_count.tif",
        whole[: first_tag + 4] + struct.pack("<I", 2**31) + whole[first_tag + 8 :],
        cause="has 2147483648 values",
    )
    yield Case(
        "big_offset.tif", b"II+\x00\x08\x00\x00\x00" + struct.pack("<Q", 2**63) + bytes(100), cause="is incomplete"
    )
    yield Case(
        "big_tags.tif", b"II+\x00\x08\x00\x00\x00" + struct.pack("<QQ", 16, 2**62) + bytes(100), cause="is incomplete"
    )
    for name, values in (("nan", np.nan), ("inf", np.inf), ("minus_inf", -np.inf)):
        samples = GREY / np.float32(255)
        samples[9, 9] = values
        yield Case(f"{name}.tif", tiff(samples), cause="not finite numbers")
    yield Case("one_value.tif", tiff(np.full((64, 64), 0.5, np.float32)), cause="one value only")
    yield Case("negative.tif", tiff(GREY.astype(np.int16) - 9), cause="negative levels, down to -9")
    yield Case("beyond_16.tif", tiff(GREY.astype(np.uint32) * 70_000), cause="more than 16 bits")
    yield Case(
        "masks.tif", tiff(np.dstack([COLOUR, GREY]), photometric="rgb", extrasamples=["unspecified"]), cause="masks"
    )
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GREY)
        writer.write(GREY[:40])
    yield Case("sizes_mixed.tif", file.getvalue(), cause="mixes frames")
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GREY)
        writer.write(GREY.astype(np.uint16))
    yield Case("depths_mixed.tif", file.getvalue(), cause="stores frame 2 in another way")
    yield Case(
        "imagej.tif", raw_tiff({270: ("B", tuple(b"ImageJ=1.53\nimages=500\n"))}), cause="says it holds 500 frames"
    )
    yield Case("pages_shared.tif", shared_pages(2500), cause="2500 frames; at most 2000")
    for compression, name in ((5, "lzw"), (8, "deflate"), (7, "jpeg")):
        rubbish = np.random.default_rng(3).bytes(900)
        yield Case(f"rubbish_{name}.tif", raw_tiff({259: ("H", (compression,))}, rubbish), cause="cannot be decoded")
    yield Case("deflate_short.tif", raw_tiff({259: ("H", (8,))}, zlib.compress(bytes(500))), cause="cannot be decoded")
    wrong_size = saved(Image.fromarray(NOISE), "JPEG")
    yield Case("jpeg_of_other_size.tif", raw_tiff({259: ("H", (7,))}, wrong_size), cause="cannot be decoded")


def shared_pages(count: int) -> bytes:
    """A TIFF whose pages all show the same pixels: many frames in few bytes."""
    data = bytearray(raw_tiff({}))
    directory = struct.unpack_from("<I", data, 4)[0]
    page = bytes(data[directory : directory + 2 + 12 * 9])
    out, place = bytes(data[:directory]), directory
    for number in range(count):
        place += len(page) + 4
        out += page + struct.pack("<I", 0 if number == count - 1 else place)
    return out


def bad_webp() -> Iterator[Case]:
    picture = webp_chunk()
    yield Case("animation.webp", riff(vp8x(HEIGHT, WIDTH, 2), (b"ANIM", bytes(6)), picture), cause="with an animation")
    yield Case("two_sizes.webp", riff(vp8x(100, 100), picture), cause="two sizes")
    yield Case("no_picture.webp", riff(vp8x(HEIGHT, WIDTH), (b"EXIF", bytes(30))), cause="holds no picture")
    yield Case("alpha_only.webp", riff(vp8x(HEIGHT, WIDTH, 16), (b"ALPH", bytes(30))), cause="holds no picture")
    yield Case("bad_start.webp", riff((b"VP8L", b"\x00" + picture[1][1:])), cause="do not begin")
    yield Case("not_a_key_frame.webp", riff((b"VP8 ", b"\x31\x01\x00\x9d\x01\x2a" + bytes(60))), cause="whole picture")
    yield Case("no_start_code.webp", riff((b"VP8 ", bytes(60))), cause="whole picture")
    data = riff(picture)
    yield Case("chunk_beyond.webp", data[:16] + b"\xff\xff\xff\x7f" + data[20:], cause="is incomplete")
    yield Case("riff_beyond.webp", data[:4] + b"\xff\xff\xff\x7f" + data[8:], cause="is incomplete")
    yield Case("many_chunks.webp", riff(*[(b"JUNK", b"")] * 20_000, picture), cause="more than 10000 parts")
    wrong = picture[1][:30] + np.random.default_rng(0).bytes(len(picture[1]) - 30)
    yield Case("rubbish.webp", riff((b"VP8L", wrong)), cause="cannot be decoded")


def bad_bmp() -> Iterator[Case]:
    for depth in (0, 2, 3, 12, 48, 64):
        yield Case(f"depth_{depth}.bmp", bmp(depth=depth, pixels=bytes(20_000)), cause=f"of {depth} bits")
    for compression in (4, 5, 7, 11, 2**31):
        yield Case(
            f"compression_{compression}.bmp", bmp(compression=compression), cause=f"with compression {compression}"
        )
    yield Case("rle8_of_24.bmp", bmp(compression=1), cause="of 24 bits with compression 1")
    yield Case("rle_large.bmp", bmp(3000, 3000, 8, 1, bytes(100)), cause="run lengths for more than 4 million")
    yield Case("rle_short.bmp", bmp(HEIGHT, WIDTH, 8, 1, b"\x05\x80"), cause="cannot be decoded")
    data = bmp(pixels=bytes(WIDTH * 3 * HEIGHT))
    yield Case("pixels_beyond.bmp", data[:10] + b"\xff\xff\xff\x7f" + data[14:], cause="is incomplete")
    for dib in (0, 13, 39, 41, 2**31):
        yield Case(f"header_{dib}.bmp", data[:14] + struct.pack("<I", dib) + data[18:], cause="does not exist")
    yield Case(
        "header_beyond.bmp", b"BM" + struct.pack("<IHHII", 100, 0, 0, 54, 124) + bytes(20), cause="is incomplete"
    )


# --- files that are odd and right


def odd() -> Iterator[Case]:
    """Files that a strict reader might refuse and a careless one misread."""
    grey, colour = Image.fromarray(GREY), Image.fromarray(COLOUR)
    for kind in ("PNG", "TIFF", "WEBP", "JPEG"):
        for orientation, frame in ORIENTED.items():
            exif = Image.Exif()
            exif[274] = orientation
            options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
            data = saved(Image.fromarray(np.dstack([GREY] * 3)), kind, exif=exif, **options)
            yield Case(f"turned_{orientation}.{kind.lower()}", data, frame, 1.5 if kind == "JPEG" else 0.0)
    yield from _odd_png(grey, colour)
    yield from _odd_tiff(grey, colour)
    yield from _odd_others(grey, colour)


def _odd_png(grey: Image.Image, colour: Image.Image) -> Iterator[Case]:
    extra = {
        "text_bomb": chunk(b"zTXt", b"k\x00\x00" + bomb(200)),
        "profile_bomb": chunk(b"iCCP", b"p\x00\x00" + bomb(200)),
        "international_text_bomb": chunk(b"iTXt", b"k\x00\x01\x00\x00\x00" + bomb(200)),
        "suggested_palette": chunk(b"sPLT", b"p\x00\x08" + bytes(600)),
        "gamma": chunk(b"gAMA", struct.pack(">I", 45455)),
        "bad_extra_checksum": chunk(b"tEXt", b"k\x00v")[:-1] + b"\x00",
        "bad_exif": chunk(b"eXIf", b"II*\x00\xff\xff\xff\xff"),
        "private": chunk(b"prVt", bytes(100_000)),
    }
    for name, chunks in extra.items():
        yield Case(f"{name}.png", png(GREY, before=chunks), GREY)
    yield Case("trailing_zip.png", png(GREY) + b"PK\x03\x04" + bytes(1000), GREY)
    yield Case(
        "pixel_bomb.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + chunk(b"IDAT", bomb(200)) + IEND, np.zeros_like(GREY)
    )
    body = zlib.compress(b"".join(b"\x00" + row.tobytes() for row in GREY))
    pieces = b"".join(chunk(b"IDAT", body[i : i + 1]) for i in range(len(body)))
    yield Case("one_byte_chunks.png", SIGNATURE + ihdr(HEIGHT, WIDTH) + pieces + IEND, GREY)
    yield Case("empty_chunks.png", png(GREY, before=chunk(b"IDAT", b"") * 50), GREY)
    for bits in (1, 2, 4):
        levels = GREY >> (8 - bits)
        packed = np.packbits(np.unpackbits(levels[..., None], axis=2)[..., 8 - bits :].reshape(HEIGHT, -1), axis=1)
        data = SIGNATURE + ihdr(HEIGHT, WIDTH, bits, 0) + idat(packed) + IEND
        yield Case(f"grey_{bits}_bits.png", data, levels * (255 // (2**bits - 1)))
        palette = chunk(b"PLTE", bytes(np.repeat(np.arange(2**bits, dtype=np.uint8) * 10, 3)))
        data = SIGNATURE + ihdr(HEIGHT, WIDTH, bits, 3) + palette + idat(packed) + IEND
        yield Case(f"palette_{bits}_bits.png", data, levels * 10)
    yield Case("palette_8_bits.png", saved(grey.convert("P"), "PNG"), GREY)
    clear_palette = chunk(b"PLTE", bytes(range(256)) * 3) + chunk(b"tRNS", b"\x00" * 256)
    yield Case("palette_all_clear.png", png(GREY, colour=3, before=clear_palette), np.zeros_like(GREY))
    wide = GREY.astype(np.uint16) * 257
    yield Case("grey_16_bits.png", png(wide, 16), GREY)
    yield Case("rgb_16_bits.png", png(COLOUR.astype(np.uint16) * 257, 16, 2), COLOUR)
    yield Case("grey_12_of_16_bits.png", png(np.rint(GREY * (4095 / 255)).astype(np.uint16), 16), GREY)
    yield Case("grey_8_of_16_bits.png", png(GREY.astype(np.uint16), 16), GREY)
    yield Case("grey_alpha_16_bits.png", png(np.dstack([wide, np.full_like(wide, 65535)]), 16, 4), GREY)
    opaque, clear = np.full_like(GREY, 255), np.zeros_like(GREY)
    yield Case("rgba_opaque.png", png(np.dstack([COLOUR, opaque]), 8, 6), COLOUR)
    yield Case("rgba_clear.png", png(np.dstack([COLOUR, clear]), 8, 6), np.zeros_like(COLOUR))
    yield Case("grey_alpha.png", png(np.dstack([GREY, opaque]), 8, 4), GREY)
    yield Case("unused_alpha_colour.png", png(np.dstack([COLOUR, opaque]), 8, 6, chunk(b"bKGD", bytes(6))), COLOUR)
    yield Case(
        "one_bit.png", saved(Image.fromarray(GREY >= 128), "PNG"), np.where(GREY >= 128, 255, 0).astype(np.uint8)
    )
    yield Case("interlaced.png", interlaced_png(), GREY)


def interlaced_png() -> bytes:
    """GREY in the seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(b"\x00" + row.tobytes() for r, c, dr, dc in passes for row in GREY[r::dr, c::dc])
    return SIGNATURE + ihdr(HEIGHT, WIDTH, 8, 0, 0, 0, 1) + chunk(b"IDAT", zlib.compress(rows)) + IEND


def _odd_tiff(grey: Image.Image, colour: Image.Image) -> Iterator[Case]:
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"):
        yield Case(f"{compression}_grey.tif", saved(grey, "TIFF", compression=compression), GREY)
        yield Case(f"{compression}_rgb.tif", saved(colour, "TIFF", compression=compression), COLOUR)
        if compression != "packbits":
            predicted = saved(colour, "TIFF", compression=compression, tiffinfo={317: 2})
            yield Case(f"{compression}_predictor.tif", predicted, COLOUR)
    smooth = np.dstack([GREY] * 3)
    yield Case("jpeg_rgb.tif", saved(Image.fromarray(smooth), "TIFF", compression="jpeg", quality=95), smooth, 2.0)
    bits = GREY >= 128
    shown = np.where(bits, 255, 0).astype(np.uint8)
    for compression in ("group3", "group4", "tiff_lzw", "raw"):
        yield Case(f"one_bit_{compression}.tif", saved(Image.fromarray(bits), "TIFF", compression=compression), shown)
    layouts: dict[str, dict[str, Any]] = {
        "big_endian": {"byteorder": ">"},
        "bigtiff": {"bigtiff": True},
        "tiles": {"tile": (16, 16)},
        "odd_tiles": {"tile": (32, 48)},
        "rows_of_one": {"rowsperstrip": 1},
        "rows_of_seven": {"rowsperstrip": 7},
        "described": {"description": "x" * 100_000},
        "private_tag": {"extratags": [(65000, "B", 4, b"abcd", True)]},
    }
    for name, options in layouts.items():
        yield Case(f"{name}.tif", tiff(COLOUR, photometric="rgb", **options), COLOUR)
        wide = GREY.astype(np.uint16) * 257
        yield Case(f"{name}_16_bits.tif", tiff(wide, photometric="minisblack", **options), GREY)
        yield Case(
            f"{name}_rgb_16_bits.tif", tiff(COLOUR.astype(np.uint16) * 257, photometric="rgb", **options), COLOUR
        )
        yield Case(f"{name}_real.tif", tiff(GREY / np.float32(255), photometric="minisblack", **options), GREY)
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1))
    yield Case("planes.tif", tiff(planes, photometric="rgb", planarconfig="separate"), COLOUR)
    yield Case("white_is_zero.tif", tiff(255 - GREY, photometric="miniswhite"), GREY)
    yield Case("white_is_zero_16.tif", tiff(65535 - GREY.astype(np.uint16) * 257, photometric="miniswhite"), GREY)
    yield Case("white_is_zero_1.tif", tiff(GREY < 128, photometric="miniswhite"), shown)
    yield Case("signed_16.tif", tiff(GREY.astype(np.int16) * 16), np.rint(GREY * (16 * 255 / 4095)).astype(np.uint8))
    yield Case("whole_32.tif", tiff(GREY.astype(np.uint32) * 257), GREY)
    yield Case("real_255.tif", tiff(GREY.astype(np.float32)), GREY)
    yield Case("real_wide.tif", tiff(GREY.astype(np.float32) * 100 - 5000), GREY)
    yield Case(
        "declared_12_bits.tif",
        tiff(GREY.astype(np.uint16) * 16, extratags=[(281, "H", 1, 4095, True)]),
        np.rint(GREY * (16 * 255 / 4095)).astype(np.uint8),
    )
    yield Case("rgba.tif", saved(Image.fromarray(np.dstack([COLOUR, np.full_like(GREY, 255)])), "TIFF"), COLOUR)
    yield Case("cmyk.tif", saved(colour.convert("CMYK"), "TIFF"), COLOUR)
    yield Case("palette.tif", saved(grey.convert("P"), "TIFF"), GREY)
    yield Case("no_strip_bytes.tif", raw_tiff({279: None}), GREY)
    yield Case("endless_strip.tif", raw_tiff({278: ("I", (2**32 - 1,))}), GREY)
    yield Case("deflate_bomb.tif", raw_tiff({259: ("H", (8,))}, bomb(200)), np.zeros_like(GREY))
    yield Case("trailing.tif", raw_tiff({}) + bytes(100_000), GREY)
    yield Case("unknown_type.tif", raw_tiff({}).replace(b"\x15\x01\x03\x00", b"\x15\x01\x63\x00"), GREY)


def _odd_others(grey: Image.Image, colour: Image.Image) -> Iterator[Case]:
    smooth = np.dstack([GREY] * 3)
    rgb = Image.fromarray(smooth)
    for subsampling in (0, 1, 2):
        yield Case(
            f"subsampling_{subsampling}.jpg", saved(rgb, "JPEG", quality=95, subsampling=subsampling), smooth, 2.0
        )
    yield Case("progressive.jpg", saved(rgb, "JPEG", quality=95, progressive=True), smooth, 2.0)
    yield Case("restarts.jpg", saved(rgb, "JPEG", quality=95, restart_marker_blocks=1), smooth, 2.0)
    yield Case("grey.jpg", jpeg(), GREY, 2.0)
    whole = jpeg()
    standard = whole[: whole.index(b"\xff\xc4")] + whole[whole.index(b"\xff\xda") :]
    yield Case("standard_tables_left_out.jpg", standard, GREY, 2.0)  # as cameras do in motion JPEG
    yield Case("cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=95), smooth, 3.0)
    yield Case("fill_bytes.jpg", jpeg()[:2] + b"\xff" * 50 + jpeg()[2:], GREY, 2.0)
    yield Case("trailing_zip.jpg", jpeg() + b"PK\x03\x04" + bytes(5000), GREY, 2.0)
    yield Case("second_picture.jpg", jpeg() + jpeg(), GREY, 2.0)
    yield Case("comments.jpg", jpeg()[:2] + segment(0xFE, bytes(60_000)) * 20 + jpeg()[2:], GREY, 2.0)
    yield Case(
        "bad_exif.jpg", jpeg()[:2] + segment(0xE1, b"Exif\x00\x00MM\x00*\xff\xff\xff\xff") + jpeg()[2:], GREY, 2.0
    )
    yield Case("profile.jpg", jpeg(icc_profile=bytes(100_000)), GREY, 2.0)
    yield Case("lossless.webp", saved(colour, "WEBP", lossless=True), COLOUR)
    yield Case("lossy.webp", saved(rgb, "WEBP", quality=95), smooth, 4.0)
    alpha = np.dstack([COLOUR, np.full_like(GREY, 255)])
    yield Case("opaque.webp", saved(Image.fromarray(alpha), "WEBP", lossless=True), COLOUR)
    alpha[:, 20:, 3] = 0
    seen = COLOUR.copy()
    seen[:, 20:] = 0
    yield Case("half_clear.webp", saved(Image.fromarray(alpha), "WEBP", lossless=True, exact=True), seen)
    yield Case("profile.webp", saved(colour, "WEBP", lossless=True, icc_profile=bytes(50_000)), COLOUR)
    yield Case("trailing.webp", saved(colour, "WEBP", lossless=True) + bytes(1000), COLOUR)
    yield Case("rgb.bmp", saved(colour, "BMP"), COLOUR)
    yield Case("grey.bmp", saved(grey, "BMP"), GREY)
    yield Case(
        "one_bit.bmp", saved(Image.fromarray(GREY >= 128), "BMP"), np.where(GREY >= 128, 255, 0).astype(np.uint8)
    )
    rows = np.ascontiguousarray(COLOUR[:, :, ::-1]).tobytes()
    yield Case("top_down.bmp", bmp(-HEIGHT, WIDTH, 24, 0, rows), COLOUR)
    padded = np.dstack([COLOUR[::-1, :, ::-1], np.zeros_like(GREY)]).tobytes()
    yield Case("rgb_32_bits.bmp", bmp(HEIGHT, WIDTH, 32, 0, padded), COLOUR)


def large() -> Iterator[Case]:
    """As large, as small and as long as the limits allow."""
    for height, width in ((32, 32), (32, 512), (512, 32), (8192, 3000), (5000, 5000)):
        frame = np.zeros((height, width), np.uint8)
        frame[: height // 2] = 200
        yield Case(f"limit_{height}x{width}.png", saved(Image.fromarray(frame), "PNG", compress_level=1), frame)
        yield Case(f"limit_{height}x{width}.jpg", saved(Image.fromarray(frame), "JPEG", quality=95), frame, 2.0)
    wide = np.zeros((4000, 4000), np.uint16)
    wide[:2000] = 65535
    yield Case("wide_16_bits.tif", tiff(wide, compression="zlib"), (wide >> 8).astype(np.uint8))


# --- the script


def read_once(source: bytes | Path) -> NDArray[np.uint8] | str:
    """The frame in a file, or the refusal's text."""
    from octseg.errors import ReadError
    from octseg.reading import Limits, read_pullback

    try:
        (frame,) = read_pullback(source, name="x", limits=Limits())
    except ReadError as error:
        return str(error)
    return frame


def verdict(case: Case) -> str:
    """Empty where the reader is right about a case, else what went wrong."""
    try:
        came = read_once(case.data)
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if isinstance(came, str):
        if case.frame is not None:
            return f"was refused: {came}"
        fitting = (
            re.search(case.cause, came) and came.startswith(("x ", "there")) and "/" not in came and "0x" not in came
        )
        return "" if fitting else f"was refused for: {came}"
    if case.frame is None:
        return "was read"
    expected = case.frame if case.frame.ndim == 3 else np.repeat(case.frame[:, :, None], 3, axis=2)
    if came.shape != expected.shape:
        return f"came out as {came.shape}, not {expected.shape}"
    off = float(np.abs(came.astype(np.int16) - expected).mean())
    return "" if off <= case.tolerance else f"is {off:.2f} grey levels off"


def write(folder: Path) -> None:
    """The files, and cases.csv that says what is right for each."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "right", "cause"])
        for case in cases():
            (folder / case.name).write_bytes(case.data)
            table.writerow([case.name, "refused" if case.frame is None else "read", case.cause])


def measure(folder: Path, right: str) -> dict[str, Any]:
    """Read the files of one kind from a folder in this process: seconds of each, and MB that its memory grew by."""
    with (folder / "cases.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["right"] == right]
    # Once each way through the decoders, so that what they load is not counted.
    for kind, options in (("PNG", {}), ("JPEG", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}), ("BMP", {})):
        read_once(saved(Image.fromarray(COLOUR), kind, **options))
    read_once(tiff(COLOUR.astype(np.uint16) * 257, photometric="rgb"))
    before, seconds = peak_mb(), {}
    for name in names:
        start = time.perf_counter()
        read_once(folder / name)
        seconds[name] = time.perf_counter() - start
    return {"seconds": seconds, "grown_mb": peak_mb() - before}


def measure_apart(folder: Path, right: str) -> dict[str, Any]:
    """`measure` in a process of its own, so that nothing else counts."""
    command = [sys.executable, __file__, "--measure", str(folder), right]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def peak_mb() -> float:
    """Most memory this process has ever held, in MB; Linux, where the usual call answers for the parent as well."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1e3


def report() -> int:
    """Read every case and print the figures; 1 where any came out wrong."""
    wrong = {case.name: said for case in cases() if (said := verdict(case))}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for right in ("refused", "read"):
            measured = measure_apart(Path(folder), right)
            seconds = measured["seconds"]
            p50, p95 = (1e3 * float(np.quantile(list(seconds.values()), q)) for q in (0.5, 0.95))
            slowest = max(seconds, key=seconds.__getitem__)
            print(
                f"to be {right}: {len(seconds)} files, median {p50:.1f} ms, p95 {p95:.1f} ms, "
                f"max {1e3 * seconds[slowest]:.0f} ms ({slowest}), memory +{measured['grown_mb']:.0f} MB"
            )
    for name, said in wrong.items():
        print(f"{name} {said}")
    print(f"wrong: {len(wrong)}")
    return int(bool(wrong))


def main(arguments: list[str]) -> int:
    if arguments == ["--report"]:
        return report()
    if arguments[0] == "--measure":
        print(json.dumps(measure(Path(arguments[1]), arguments[2])))
    else:
        write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
