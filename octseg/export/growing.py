"""A file that grows under another name and is put in place when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from octseg.export.files import partial_path, told_in_one_sentence


@contextmanager
def growing(path: Path) -> Iterator[BinaryIO]:
    """The file, to be written and sought in; an older one stays until this one is whole."""
    with growing_path(path) as partial, partial.open("wb") as file:
        yield file


@contextmanager
def growing_path(path: Path) -> Iterator[Path]:
    """Where a library may write the file, which is put in place when this ends well."""
    partial = partial_path(path)
    with told_in_one_sentence(path.name):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
