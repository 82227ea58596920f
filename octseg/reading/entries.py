"""A file of a folder or of an archive, by what reading needs of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from octseg.reading.content import Content, content_at
from octseg.reading.names import label_of, stem_of
from octseg.reading.pictures.peek import PEEK_BYTES


@dataclass(frozen=True)
class Entry:
    """A file by its path in the folder or the archive, which is a label and never a place to write to.

    head: its first bytes, PEEK_BYTES of them. source: all of it, as it is needed: a path, or its content in memory.
    Both raise ReadError. is_packed: whether it lies in an archive.
    """

    path: PurePosixPath
    head: Callable[[], bytes]
    source: Callable[[], Path | bytes]
    is_packed: bool = False

    @property
    def name(self) -> str:
        """What it is called in front of the user."""
        return label_of(self.path.name)

    @property
    def stem(self) -> str:
        """The same without its ending."""
        return stem_of(self.name)

    def content(self) -> Content:
        """All of it, to read from."""
        source = self.source()
        return content_at(source, self.name) if isinstance(source, Path) else Content(source)


def first_bytes(content: Content) -> bytes:
    """What `head` gives of a file."""
    return content.part(0, PEEK_BYTES)
