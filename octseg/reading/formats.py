"""What a file is, by its first bytes and never by its name."""

import stat
from pathlib import Path
from typing import Literal

from octseg.errors import ReadError
from octseg.reading.dicom.mark import is_dicom, is_marked
from octseg.reading.own import own_kind

ImageFormat = Literal["PNG", "JPEG", "TIFF", "WEBP", "BMP"]
Container = Literal["DICOM", "ZIP", "GIF", "video"]
HEAD_BYTES = 512  # enough to tell every format named here

READABLE = (
    "PNG, JPEG, TIFF, WebP and BMP pictures, DICOM files, GIF, videos (MP4, MOV, AVI, MKV, WebM, MPEG), and folders "
    "and ZIP files of these"
)
# Endings by which a file is known to have been meant as one, whatever is in it.
PICTURE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".btf", ".bmp", ".dib", ".webp"}
)
PULLBACK_ENDINGS = frozenset(
    {".dcm", ".dicom", ".zip", ".gif", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"}
)

_MAGIC: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
_CONTAINERS: tuple[tuple[int, bytes, Container], ...] = (  # offset, bytes there
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),  # an empty one
    (0, b"PK\x07\x08", "ZIP"),  # in parts
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
)
_VIDEOS: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes there, FFmpeg's name of what takes it apart
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (8, b"AVIX", "avi"),
    (4, b"ftyp", "mov"),
    *((4, kind, "mov") for kind in (b"moov", b"mdat", b"wide", b"pnot")),  # QuickTime before MP4
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "mpegvideo"),
)
_DIRECTORY = b"1.2.840.10008.1.3.10"  # UID of the storage of a DICOMDIR
CONTAINER_WORDS: dict[Container, str] = {
    "DICOM": "a DICOM file",
    "ZIP": "a ZIP archive",
    "GIF": "a GIF",
    "video": "a video",
}
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes there, what it is
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x30\x26\xb2\x75", "a Windows Media video"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"MATLAB", "a MATLAB file"),
    (0, b"\xd0\xcf\x11\xe0", "an old Microsoft Office document or another OLE file"),
    (0, b"SIMPLE  =", "a FITS file"),
    (0, b"NRRD000", "an NRRD file"),
    (344, b"n+1\x00", "a NIfTI file"),
    (344, b"ni1\x00", "a NIfTI file"),
    (0, b"%!PS", "a PostScript file"),
    *((0, b"P%d" % kind + space, "a PNM picture") for kind in range(1, 8) for space in (b"\n", b" ", b"\r")),
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
    kind = picture_format(head)
    if kind is None:
        raise not_read(head, label)
    return kind


def picture_format(head: bytes) -> ImageFormat | None:
    """The format of a picture by its first HEAD_BYTES; None where it is none.

    A DICOM file may bear a TIFF's first bytes in its preamble, so that programs for either open it: DICOM tells more.
    """
    if is_marked(head):
        return None
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    return "WEBP" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def container_of(head: bytes) -> Container | None:
    """What a file of several frames, or of several files, is by its first HEAD_BYTES; None for all else."""
    if is_marked(head):
        return "DICOM"
    if picture_format(head) is not None:
        return None
    for offset, magic, kind in _CONTAINERS:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if video_format(head) is not None:
        return "video"
    return "DICOM" if is_dicom(head) else None


def lists_files(head: bytes) -> bool:
    """Whether a DICOM file with these first bytes is a DICOMDIR, the list of a medium's files."""
    return _DIRECTORY in head


def video_format(head: bytes) -> str | None:
    """FFmpeg's name of what takes a video apart, by its first HEAD_BYTES; None where it is none."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return None
    for offset, magic, name in _VIDEOS:
        if head[offset : offset + len(magic)] == magic and (name != "avi" or head[:4] == b"RIFF"):
            return name
    return "mpegts" if len(head) > 376 and head[0] == head[188] == head[376] == 0x47 else None


def not_read(head: bytes, label: str) -> ReadError:
    """The error for a file of a kind that is not read."""
    return ReadError(f"{label} is {kind_of(head)}; this version reads {READABLE}")


def sort_of(path: Path) -> Literal["picture", "pullback", "result"] | None:
    """What a file of a folder is: a picture, a pullback in a file, a result that this program made, or none of these.

    A TIFF is called a picture, though it may hold a pullback; so is what cannot be opened, and what is named as a
    picture or a pullback and holds none is called by its name: the reader says why.
    """
    ending = path.suffix.lower()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None  # to open a pipe would be to wait for its writer
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if picture_format(head) is None:
                if container_of(head) is None and ending in PICTURE_ENDINGS:
                    return "picture"
                return None if container_of(head) is None and ending not in PULLBACK_ENDINGS else "pullback"
            file.seek(0)
            return "picture" if own_kind(file) is None else "result"
    except OSError:
        return "picture"


def kind_of(head: bytes) -> str:
    """What a file is that is no picture read here, by its first HEAD_BYTES, to go after "it is"."""
    for offset, magic, kind in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "a HEIF or AVIF picture"
    if picture_format(head) is None and (container := container_of(head)) is not None:
        return CONTAINER_WORDS[container]
    if head.lstrip().startswith(_TEXT_STARTS) or _is_text(head):
        return "text, not a picture"
    return "of an unknown format"


def _is_text(head: bytes) -> bool:
    """Whether all bytes are printable ASCII or white space."""
    return bool(head) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
