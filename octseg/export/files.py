"""Files that are there whole or not at all, and one sentence where they cannot be written."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from octseg.errors import OctsegError

RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)  # no file of Windows is called so
REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EFBIG: "the file would be larger than allowed here; allow more or choose another folder",
    errno.EDQUOT: "your share of the disk is used up; free some space",
    errno.EACCES: "it may not be written there; choose another folder",
    errno.EPERM: "it may not be written there; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder is not there any more; bring its disk back, or choose another folder",
    errno.ENAMETOOLONG: "its name is too long; rename the input",
    errno.ENOTDIR: "a part of its folder is a file; choose another folder",
    errno.EEXIST: "a file of that name is in the way; choose another folder",
}


@contextmanager
def told_in_one_sentence(name: str) -> Iterator[None]:
    """An OSError while `name` is written becomes an OctsegError that says why and what to do."""
    try:
        yield
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
        raise OctsegError(f"{name} could not be written: {reason}") from error


def partial_path(path: Path) -> Path:
    """Where a file is written before it takes its name: hidden, in the same folder, a process's own."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextmanager
def growing_path(path: Path) -> Iterator[Path]:
    """Where a file may be written that is put in place when this ends well; an older one stays until then."""
    partial = partial_path(path)
    with told_in_one_sentence(path.name):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def growing(path: Path) -> Iterator[BinaryIO]:
    """The same, as a file to be written and sought in."""
    with growing_path(path) as partial, partial.open("wb") as file:
        yield file


def write_file(path: Path, content: bytes) -> None:
    """Write a file under another name and put it in place when whole; an older one stays until then."""
    with growing_path(path) as partial:
        partial.write_bytes(content)


def sha256_of(path: Path) -> str:
    """sha256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
