"""One process at a time in a folder; the lock goes with the process, however it ends.

Windows locks bytes, for others to read too: it is one far behind what is written. It takes away no file that is open.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from octseg.errors import HeldError
from octseg.export.files import told_in_one_sentence

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[Any]) -> None:
        place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
        os.lseek(file.fileno(), LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file.fileno(), place, os.SEEK_SET)

    def take_away(path: Path, file: BinaryIO) -> None:
        """Let a held file go and delete it, unless who waited for it has opened it by then."""
        file.close()
        with suppress(PermissionError):
            path.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(file: IO[Any]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def take_away(path: Path, file: BinaryIO) -> None:
        """Delete a held file and let it go, in this order: who waits for it would lose its own."""
        try:
            path.unlink(missing_ok=True)
        finally:
            file.close()


LOCKED_BYTE = (1 << 31) - 2  # the last that Windows' C library locks
HELD = (errno.EWOULDBLOCK, errno.EACCES)  # the latter of a server of Windows files
UNLOCKED = "OCTSEG_UNLOCKED"  # 1 where whoever starts a run sees to it that there is one alone


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold `folder` (made where it is not there).

    Raises HeldError where another process holds it, and where its disk cannot lock, as NFS and Lustre are often
    mounted: two runs in it would then spoil each other without a word.
    """
    with told_in_one_sentence(f"the folder {folder.name}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    with lock:
        cause = hold(lock, what)
        if cause is not None and os.environ.get(UNLOCKED) != "1":
            raise HeldError(
                f"{cannot_lock(folder, cause)}; choose a folder on another disk, or set {UNLOCKED}=1 and see to it "
                "yourself that there is one run alone"
            )
        yield


def hold(file: IO[Any], what: str) -> str | None:
    """Lock an open file until it is closed; why its disk cannot, where it cannot.

    Raises HeldError where another process holds it, which is then `what`.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in HELD:
            raise HeldError(f"another run is {what}; wait for it, or choose another folder") from error
        return (error.strerror or "unknown cause").lower()
    return None


def open_held(path: Path, what: str) -> tuple[BinaryIO, str | None]:
    """A file to add to, locked; one that its holder has taken away in the meantime is none. Made where there is none.

    Also why its disk cannot lock, where it cannot. Raises HeldError as `hold`.
    """
    while True:
        file = path.open("ab+", buffering=0)
        try:
            cause = hold(file, what)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file, cause
        except BaseException:
            file.close()
            raise
        file.close()


def cannot_lock(folder: Path, cause: str) -> str:
    """What is said of a folder whose disk cannot lock files."""
    return f"the disk of {folder.name} cannot lock files ({cause}), so a second run in it would go unnoticed"
