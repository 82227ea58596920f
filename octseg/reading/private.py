"""The mark of private frames: a text chunk of each picture that is made of them, which stays through copying.

It is looked for wherever a tool may have carried it: in any text of a PNG, before or behind the pixels and packed or
not, in tags and comments of other formats, and in each file of a ZIP.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from octseg.errors import ReadError
from octseg.reading.archive import DAMAGED, check_sizes, is_of_use
from octseg.reading.limits import Limits

PRIVATE_KEYWORD, PRIVATE_TEXT = "Rights", "Private: not to be published"
PNG_MAGIC, ZIP_MAGIC = b"\x89PNG\r\n\x1a\n", b"PK"
TEXTS = tuple(PRIVATE_TEXT.encode(coding) for coding in ("latin-1", "utf-16-le", "utf-16-be"))  # EXIF has all of them
PIECE_BYTES = 1 << 20
MOST_TEXT_BYTES = 1 << 16  # of a packed text: the mark has 28
MOST_CHUNKS = 10_000
REMEMBERED = 4096  # files that were looked through


def mark_of(*, private: bool) -> dict[str, str]:
    """The text chunk of a picture, keyword -> text: the mark of private frames, or none."""
    return {PRIVATE_KEYWORD: PRIVATE_TEXT} if private else {}


def is_marked_private(file: BinaryIO) -> bool:
    """Whether a file, or one in it where it is a ZIP, bears the mark of private frames; reads all of it.

    What cannot be read of it, such as a member behind a password, bears none: no frame is read of that either.
    """
    beginning = file.read(len(PNG_MAGIC))
    if beginning == PNG_MAGIC and any(text in packed for packed in _packed_texts(file) for text in TEXTS):
        return True
    file.seek(0)
    return _is_said(file) or (beginning.startswith(ZIP_MAGIC) and _is_in_zip(file))


def is_private_file(path: Path) -> bool:
    """Whether a file bears the mark; a file that cannot be read bears none."""
    try:
        return is_private_now(path)
    except OSError:
        return False


def is_private_now(path: Path) -> bool:
    """The same; OSError where the file cannot be read. One that was not changed since is not read again."""
    status = path.stat()
    return _is_private(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(REMEMBERED)
def _is_private(path: Path, _size: int, _time_ns: int) -> bool:
    with path.open("rb") as file:
        return is_marked_private(file)


def _is_said(file: BinaryIO) -> bool:
    """Whether the mark stands anywhere in what is left of a file."""
    end = b""
    while piece := file.read(PIECE_BYTES):
        piece, end = end + piece, piece[-max(map(len, TEXTS)) :]
        if any(text in piece for text in TEXTS):
            return True
    return False


def _packed_texts(file: BinaryIO) -> Iterator[bytes]:
    """The packed texts of a PNG, from behind its beginning on; those that are not packed are found as they stand."""
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        taken = file.read(min(length, MOST_TEXT_BYTES)) if kind in (b"zTXt", b"iTXt") else b""
        if taken:
            rest = taken.split(b"\0", 1)[-1]
            packed = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]  # behind flags, language, keyword
            try:
                yield zlib.decompressobj().decompress(packed, MOST_TEXT_BYTES)
            except zlib.error:  # it is not packed, or damaged
                yield b""
        file.seek(length - len(taken) + 4, os.SEEK_CUR)


def _is_in_zip(file: BinaryIO) -> bool:
    """Whether a file in a ZIP that is read bears the mark; of one that is none, or is not read at all, nothing is."""
    size, limits = file.seek(0, os.SEEK_END), Limits.from_environment(os.environ)
    try:
        archive = zipfile.ZipFile(file)
        members = [member for member in archive.infolist() if is_of_use(member)]
        check_sizes(members, size, "", limits)
    except (*DAMAGED, struct.error, ReadError):
        return False
    return any(_is_member_marked(archive, member) for member in members)


def _is_member_marked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(member) as stored:
            return is_marked_private(cast(BinaryIO, stored))
    except DAMAGED:
        return False
