"""Files of a ZIP file, as Windows, a Mac or Linux writes it; what is not read here is called what it is."""

import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from octseg.errors import DatasetError
from octseg.reading.archive import DAMAGED, labelled, leads_out, unpacked, why_unreadable
from octseg.reading.folders import is_left_behind
from octseg.reading.formats import HEAD_BYTES
from train.preparing.stored import MAX_FILE_BYTES, StoredFile


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


def refuse_escaping(members: Iterable[str], archive: str) -> None:
    """DatasetError where a member of an archive bears a path that leads out of it: no honest ZIP file has one."""
    if leads_out(members):
        raise DatasetError(f"{archive} holds a path that leads out of it, so nothing of it is used")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n_bytes: int | None = None) -> bytes:
    if (reason := why_unreadable(member)) is not None:
        raise DatasetError(f"it {reason}")
    if member.file_size > MAX_FILE_BYTES:
        raise DatasetError("it is too large for a frame")
    try:
        return unpacked(archive, member, n_bytes)
    except DAMAGED as error:
        raise DatasetError("it is damaged in the ZIP file (CRC-32 or its packing is wrong)") from error
