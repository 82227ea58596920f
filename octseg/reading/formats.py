"""What a file is, by its first bytes and never by its name."""

import stat
from pathlib import Path
from typing import Literal

from octseg.errors import ReadError
from octseg.reading.own import own_kind

ImageFormat = Literal["PNG", "JPEG", "TIFF", "WEBP", "BMP"]
HEAD_BYTES = 512  # enough to tell every format named here

READABLE = "PNG, JPEG, TIFF, WebP and BMP pictures"

_MAGIC: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes there, what it is
    (128, b"DICM", "a DICOM file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (0, b"\x00\x00\x01\xba", "an MPEG video"),
    (0, b"\x00\x00\x01\xb3", "an MPEG video"),
    (0, b"\x30\x26\xb2\x75", "a Windows Media video"),
    (0, b"GIF8", "a GIF picture, which keeps 256 colours only"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"MATLAB", "a MATLAB file"),
    (0, b"\xd0\xcf\x11\xe0", "a Microsoft Office document"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
_TEXT_STARTS = (b"<", b"{", b"[", b"\xef\xbb\xbf")


def image_format(head: bytes, label: str) -> ImageFormat:
    """The format of a picture by its first HEAD_BYTES; ReadError naming what else it is, so far as that can be told."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    raise ReadError(f"{label} is {kind_of(head)}; this version reads {READABLE}")


def is_picture(path: Path) -> bool:
    """Whether a file of a folder is one that the reader takes; True where it cannot be opened: the reader says why."""
    return sort_of(path) == "picture"


def sort_of(path: Path) -> Literal["picture", "result"] | None:
    """What a file of a folder is: a picture for the reader, a result that this program made of one, or neither."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None  # to open a pipe would be to wait for its writer
        with path.open("rb") as file:
            image_format(file.read(HEAD_BYTES), path.name)
            file.seek(0)
            return "picture" if own_kind(file) is None else "result"
    except ReadError:
        return None
    except OSError:
        return "picture"


def kind_of(head: bytes) -> str:
    """What a file is that is no picture read here, by its first HEAD_BYTES, to go after "it is"."""
    for offset, magic, kind in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI video"
    if head[4:8] == b"ftyp":
        return "a HEIF or AVIF picture" if head[8:12] in _HEIF_BRANDS else "an MP4 or QuickTime video"
    if head.lstrip().startswith(_TEXT_STARTS) or _is_text(head):
        return "text, not a picture"
    return "of an unknown format"


def _is_text(head: bytes) -> bool:
    """Whether all bytes are printable ASCII or white space."""
    return bool(head) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
