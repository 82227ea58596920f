"""Files that must be refused: too large, cut short, foreign, or wrong inside."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import tifffile
from PIL import Image

from tests.fakes.hostile.files import (
    COLOUR,
    GREY,
    HEIGHT,
    IEND,
    NOISE,
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
    riff,
    saved,
    segment,
    sof,
    tiff,
    vp8x,
    webp_chunk,
    with_sof,
)

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
        "gzip": b"\x1f\x8b\x08",
        "7z": b"7z\xbc\xaf\x27\x1c",
        "RAR": b"Rar!\x1a\x07\x00",
        "bzip2": b"BZh9",
        "xz": b"\xfd7zXZ\x00",
        "HEIF": b"\x00\x00\x00\x18ftypheic",
        "AVIF": b"\x00\x00\x00\x18ftypavif",
        "Windows Media": b"\x30\x26\xb2\x75\x8e\x66",
        "JPEG 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        "JPEG 2000 picture": b"\xff\x4f\xff\x51",
        "JPEG XL": b"\xff\x0a",
        "Photoshop": b"8BPS\x00\x01",
        "PDF": b"%PDF-1.7",
        "NumPy": b"\x93NUMPY\x01\x00",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "MATLAB": b"MATLAB 5.0 MAT-file",
        "FITS": b"SIMPLE  =                    T",
        "NRRD": b"NRRD0004\n",
        "NIfTI": bytes(344) + b"n+1\x00",
        "PostScript": b"%!PS-Adobe-3.0",
        "PNM": b"P5\n64 64\n255\n",
        "PNM picture": b"P3\n64 64\n255\n",
        "OLE": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "program": b"\x7fELF\x02\x01",
        "a program": b"MZ\x90\x00",
        "pickle": b"\x80\x04\x95",
        "unknown format": b"\x01\x02\x03\x04\x05",
    }
    for number, (kind, start) in enumerate(starts.items()):
        yield Case(f"foreign_{number}.png", start + rng.bytes(2000), cause=f"x is .*{kind}.*; this version reads PNG")
    yield from _rubbish_containers(rng)
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


def _rubbish_containers(rng: np.random.Generator) -> Iterator[Case]:
    """Beginnings of files that hold several frames, with nothing right behind them."""
    starts = {
        "DICOM": (bytes(128) + b"DICM", "DICOM"),
        "ZIP": (b"PK\x03\x04", "no ZIP file that can be read"),
        "empty ZIP": (b"PK\x05\x06", "no ZIP file that can be read"),
        "MP4": (b"\x00\x00\x00\x18ftypmp42", "damaged or incomplete video"),
        "QuickTime": (b"\x00\x00\x00\x14ftypqt  ", "damaged or incomplete video"),
        "AVI": (b"RIFF\x00\x10\x00\x00AVI LIST", "damaged or incomplete video|holds nothing"),
        "Matroska": (b"\x1aE\xdf\xa3", "damaged or incomplete video|holds nothing"),
        "MPEG": (b"\x00\x00\x01\xba", "damaged or incomplete video|holds nothing"),
        "MPEG video": (b"\x00\x00\x01\xb3", "pixels|damaged or incomplete video|cannot be decoded"),
        "GIF": (b"GIF89a", "pixels|incomplete|damaged"),
    }
    for number, (start, cause) in enumerate(starts.values()):
        yield Case(f"container_{number}.png", start + rng.bytes(2000), cause=cause)


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
    yield Case(
        "animation.png", png(GREY, before=chunk(b"acTL", bytes(8))), cause="with an animation, .*; save its frames as"
    )
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
    yield from _tiff_of_unread_kinds()
    yield from _tiff_of_broken_structure()
    yield from _tiff_of_wrong_pixels()


def _tiff_of_unread_kinds() -> Iterator[Case]:
    """Tags that ask for what is not read."""
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


def _tiff_of_broken_structure() -> Iterator[Case]:
    """Offsets, counts and links that lead nowhere."""
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


def _tiff_of_wrong_pixels() -> Iterator[Case]:
    """Levels that are no levels, pages that are not alike, and bytes that no decoder takes."""
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
    yield Case(
        "animation.webp",
        riff(vp8x(HEIGHT, WIDTH, 2), (b"ANIM", bytes(6)), picture),
        cause="with an animation, .*; save its frames as",
    )
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
