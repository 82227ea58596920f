"""One process at a time in a folder; the lock goes with the process, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence

HELD = (errno.EWOULDBLOCK, errno.EACCES)  # the latter of a server of Windows files
UNLOCKED = "OCTSEG_UNLOCKED"  # 1 where whoever starts a run sees to it that there is one alone


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold `folder` (made where it is not there).

    Raises DatasetError where another process holds it, and where its disk cannot lock, as NFS and Lustre are often
    mounted: two runs in it would then spoil each other without a word.
    """
    with told_in_one_sentence(f"the folder {folder.name}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise DatasetError(f"another run is {what}; wait for it, or choose another folder") from error
            if os.environ.get(UNLOCKED) != "1":
                cause = (error.strerror or "unknown cause").lower()
                raise DatasetError(
                    f"the disk of {folder.name} cannot lock files ({cause}), so a second run in it would go "
                    f"unnoticed; choose a folder on another disk, or set {UNLOCKED}=1 and see to it yourself "
                    "that there is one run alone"
                ) from error
        yield
