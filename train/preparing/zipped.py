"""Files of a ZIP file, as Windows, a Mac or Linux writes it; what is not read here is called what it is."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from octseg.errors import DatasetError
from octseg.reading.folders import is_left_behind
from octseg.reading.formats import HEAD_BYTES
from train.preparing.stored import MAX_FILE_BYTES, StoredFile

ENCRYPTED = 0x1  # of a member's flags
UNREADABLE_METHODS = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6), "a method of the 1980s"),
    9: "Deflate64",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
UNPACK = "unpack the ZIP file, and give the folder"


def zip_files(path: Path) -> list[StoredFile]:
    """All members of a ZIP file; their CRC-32 is checked when they are read.

    Raises DatasetError where it is none, where a path leads out of it, or where none of its members can be read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DatasetError(
            f"{path.name} is no ZIP file that can be read, is one part of several, or its download is not complete"
        ) from error
    refuse_escaping((member.filename for member in archive.infolist()), path.name)
    labels = [(labelled(member.filename), member) for member in archive.infolist()]
    kept = [
        (label, member)
        for label, member in labels
        if not label.endswith("/") and not any(map(is_left_behind, PurePosixPath(label).parts))
    ]
    reasons = {why_unreadable(member) for _, member in kept}
    if None not in reasons and (reason := next(iter(reasons), None)):
        raise DatasetError(f"what {path.name} holds cannot be read: each file in it {reason}")
    return [
        StoredFile(
            label,
            f"{member.CRC:08x}-{member.file_size}",
            partial(_read, archive, member),
            partial(_read, archive, member, HEAD_BYTES),
        )
        for label, member in kept
    ]


def labelled(member: str) -> str:
    """A member's path with slashes, which older tools of Windows write as backslashes."""
    return member.replace("\\", "/")


def why_unreadable(member: zipfile.ZipInfo) -> str | None:
    """Why a member that is not damaged cannot be read here, to go after its name; None where it can."""
    if member.flag_bits & ENCRYPTED:
        return f"is protected by a password; {UNPACK}"
    if (method := UNREADABLE_METHODS.get(member.compress_type)) is not None:
        return f"is packed with {method}, which is not read here; {UNPACK}"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link, which a ZIP file keeps without what it leads to; pack the files themselves"
    return None


def refuse_escaping(members: Iterable[str], archive: str) -> None:
    """DatasetError where a member of an archive bears a path that leads out of it: no honest ZIP file has one."""
    for member in map(labelled, members):
        if member.startswith("/") or ".." in PurePosixPath(member).parts or re.match(r"[A-Za-z]:", member):
            raise DatasetError(f"{archive} holds a path that leads out of it, so nothing of it is used")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n_bytes: int = -1) -> bytes:
    if (reason := why_unreadable(member)) is not None:
        raise DatasetError(f"it {reason}")
    if member.file_size > MAX_FILE_BYTES:
        raise DatasetError("it is too large for a frame")
    try:
        with archive.open(member) as stored:
            return stored.read(n_bytes)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise DatasetError("it is damaged in the ZIP file (CRC-32 or its packing is wrong)") from error
