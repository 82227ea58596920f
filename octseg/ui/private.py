"""The process's private folders and quiet settings. Imports nothing of Gradio, which reads both when it is imported."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "octseg-page-"
LOCK = "lock"
QUIET = {  # read by Gradio and by the client of the Hub, when they are imported
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**9),  # else it works out a table of all calls after each, for nobody
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class PrivateFolders:
    """Folders that only this user can enter: `visitors` for what visitors send and get, all of it below `root`."""

    root: Path
    visitors: Path


@contextmanager
def private_folders(environment: MutableMapping[str, str]) -> Iterator[PrivateFolders]:
    """Make the folders, work in them, delete them at the end; those of a process that was killed are deleted first.

    TMPDIR and GRADIO_TEMP_DIR point into them, and the working folder is an empty one among them: Gradio hands out any
    file below the working and the temporary folder that a function returns.
    """
    parent = Path(tempfile.gettempdir())
    delete_orphans(parent)
    root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mode 0700
    with (root / LOCK).open("w") as lock:
        with suppress(OSError):  # a disk that cannot lock: then no other page clears it away either
            fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("visitors", "tmp", "empty"):
            (root / name).mkdir(mode=0o700)
        environment.update({"GRADIO_TEMP_DIR": str(root / "visitors"), "TMPDIR": str(root / "tmp"), **QUIET})
        tempfile.tempdir = None  # read TMPDIR anew
        os.chdir(root / "empty")
        try:
            yield PrivateFolders(root, root / "visitors")
        finally:
            os.chdir(parent)
            shutil.rmtree(root, ignore_errors=True)


def delete_orphans(parent: Path) -> None:
    """Delete private folders whose process is gone: nobody holds their lock."""
    for root in parent.glob(f"{PREFIX}*"):
        with suppress(OSError), (root / LOCK).open("r") as lock:  # in use, another user's, or just being made
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)
