"""One process at a time in a folder; the lock goes with the process, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold `folder` (made where it is not there); DatasetError where another process holds it."""
    with told_in_one_sentence(f"the folder {folder.name}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatasetError(f"another run is {what}; wait for it, or choose another folder") from error
        yield
