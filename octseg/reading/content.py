"""A file's bytes, of which only what is asked for is read: a pullback has gigabytes."""

import io
import os
import threading
from pathlib import Path
from typing import BinaryIO

from octseg.errors import ReadError
from octseg.reading.names import label_of


class Content:
    """A file by its path, or what was handed over of one; safe to ask from several threads.

    size: in bytes. path: None for what is in memory. OSError where it cannot be opened, ReadError where it is read.
    """

    def __init__(self, source: Path | bytes) -> None:
        self.path = source if isinstance(source, Path) else None
        self._lock = threading.Lock()
        self._file: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        self._data = source if isinstance(source, bytes) else None
        self.size = len(source) if isinstance(source, bytes) else os.fstat(self._file.fileno()).st_size

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def part(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on; fewer where the file ends before."""
        if start >= self.size:
            return b""
        try:
            with self._lock:
                self._file.seek(start)
                return self._file.read(count)
        except OSError as error:  # the disk, or the network that it is on
            name = "the file" if self.path is None else label_of(self.path.name)
            raise ReadError(f"{name} cannot be read on: {reason_of(error)}") from error

    def whole(self) -> bytes:
        """All of it."""
        return self.part(0, self.size) if self._data is None else self._data

    def open(self) -> BinaryIO:
        """A file of its own to read from, at the beginning."""
        return io.BytesIO(self.whole()) if self.path is None else self.path.open("rb")

    @property
    def source(self) -> Path | bytes:
        """The path, or what was handed over."""
        return self.whole() if self.path is None else self.path


def content_at(path: Path, label: str) -> Content:
    """The content of a file; ReadError where it cannot be opened."""
    try:
        if not path.exists():
            raise ReadError(f"there is no file {label}")
        if not path.is_file():
            raise ReadError(f"{label} is no regular file")
        return Content(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ReadError(f"{label} cannot be opened: {reason_of(error)}") from error


def reason_of(error: OSError | ValueError) -> str:
    """Why a path could not be opened."""
    return (error.strerror or "unknown cause").lower() if isinstance(error, OSError) else "its name cannot be one"
