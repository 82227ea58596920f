"""Odd files that are right all the same, and files as large, as small and as long as the limits allow."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from tests.fakes.hostile.files import (
    COLOUR,
    GREY,
    HEIGHT,
    IEND,
    SIGNATURE,
    WIDTH,
    Case,
    bmp,
    bomb,
    chunk,
    idat,
    ihdr,
    jpeg,
    png,
    raw_tiff,
    saved,
    segment,
    tiff,
)

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
