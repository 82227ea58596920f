"""The mark of private frames, found wherever a tool may have carried it."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from octseg.reading.private import PRIVATE_TEXT, is_private_file

RIGHTS = 0x8298  # TIFF's Copyright
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def picture(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind, **options)
    return stream.getvalue()


def png(said: str, *, packed: bool = False, international: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 9000)
    (info.add_itxt if international else info.add_text)("Rights", said, zip=packed)
    return picture("PNG", pnginfo=info)


def png_behind_its_pixels(said: str) -> bytes:
    whole, text = picture("PNG"), b"tEXtRights\0" + said.encode()
    return whole[:-12] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + whole[-12:]


def zipped(said: str, method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("run/1.png", picture("PNG"))
        archive.writestr("run/2.png", png(said, packed=True))
    return stream.getvalue()


MADE = {
    "a PNG behind another text": png,
    "a packed text of a PNG": lambda said: png(said, packed=True),
    "a packed international text of a PNG": lambda said: png(said, packed=True, international=True),
    "a PNG behind its pixels": png_behind_its_pixels,
    "a tag of a TIFF": lambda said: picture("TIFF", tiffinfo={RIGHTS: said}, compression="tiff_lzw"),
    "a comment of a JPEG": lambda said: picture("JPEG", comment=said.encode()),
    "a stored file of a ZIP": lambda said: zipped(said, zipfile.ZIP_STORED),
    "a packed file of a ZIP": lambda said: zipped(said, zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("where", MADE)
def test_the_mark_is_found_in(where: str, tmp_path: Path) -> None:
    for said in (PRIVATE_TEXT, "Public: may be published by all"):
        path = tmp_path / "frames"
        path.write_bytes(MADE[where](said))
        assert is_private_file(path) is (said == PRIVATE_TEXT)


def test_a_mark_across_two_pieces_that_are_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "frames.bin"
    path.write_bytes(bytes((1 << 20) - 10) + PRIVATE_TEXT.encode())
    assert is_private_file(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffzTXt"])
def test_what_is_damaged_bears_no_mark(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "frames"
    path.write_bytes(content)
    assert not is_private_file(path)
