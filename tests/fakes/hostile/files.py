"""Pictures encoded as they should be, and their parts, of which hostile files are put together."""

import io
import struct
import zlib
from dataclasses import dataclass
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
