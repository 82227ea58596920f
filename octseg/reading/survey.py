"""One rule of levels for all files of a source: each that holds more than 8 bits is looked at once before any is read.

Files of 8 bits are told by their first bytes, so that a folder of them costs next to nothing.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from octseg.errors import OctsegError
from octseg.reading.content import Content
from octseg.reading.formats import picture_format
from octseg.reading.levels import SourceLevels, Span, levels_for, span_of
from octseg.reading.limits import Limits
from octseg.reading.pictures.peek import PEEK_BYTES, peek
from octseg.reading.pictures.reading import header_of, surveyed

LABEL = "the file"  # what is wrong with one is told, by its name, when it is read


@dataclass(frozen=True)
class Stored:
    """A file of a source: how to get its first bytes, at least HEAD_BYTES of them, and all of it."""

    head: Callable[[], bytes]
    read: Callable[[], bytes | Content]


def survey(files: Iterable[Stored]) -> SourceLevels:
    """How samples become levels in all of a source's files; a file that cannot be read is passed over here."""
    limits = Limits.from_environment(os.environ)
    return levels_for(found for file in files if (found := _span_in(file, limits)) is not None)


class FolderLevels:
    """The rule of each folder that some files on disk lie in: those of one folder are one source.

    A folder is looked at when the first of its files is asked for.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths: dict[Path, list[Path]] = {}
        for path in paths:
            self._paths.setdefault(path.parent, []).append(path)
        self._levels: dict[Path, SourceLevels] = {}

    def of(self, path: Path) -> SourceLevels:
        """The rule of a file's folder."""
        folder = path.parent
        if folder not in self._levels:
            self._levels[folder] = survey(on_disk(each) for each in self._paths.get(folder, [path]))
        return self._levels[folder]


def on_disk(path: Path) -> Stored:
    """A file by its path; what cannot be opened raises OSError when it is looked at."""

    def head() -> bytes:
        if not path.is_file():
            raise FileNotFoundError(path)  # to open a pipe would be to wait for its writer
        with path.open("rb") as file:
            return file.read(PEEK_BYTES)

    return Stored(head, lambda: Content(path))


def _span_in(file: Stored, limits: Limits) -> tuple[Span, int | None] | None:
    """What a file's samples reach, and its declared bits; None for one of 8 bits, or that cannot be read."""
    try:
        head = file.head()
        if not _may_be_deep(head):
            return None
        data = file.read()
        content = Content(data) if isinstance(data, bytes) else data
        if picture_format(head) == "TIFF" and (seen := peek(content, head)) is not None and not seen.is_deep:
            return None
        header = header_of(content, LABEL, limits)
        if not header.deep:
            return None
        return span_of(surveyed(header, LABEL), LABEL), header.declared_bits
    except (OctsegError, OSError):
        return None


def _may_be_deep(head: bytes) -> bool:
    if picture_format(head) == "TIFF":
        return True
    seen = peek(Content(head), head)
    return seen is not None and seen.is_deep
