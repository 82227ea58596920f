"""The process's private folders and quiet settings. Imports nothing of Gradio, which reads both when it is imported."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from octseg.errors import HeldError
from octseg.export.locking import hold

PREFIX = "octseg-page-"
LOCK = "lock"
MADE_WITHIN_S = 60.0  # a folder without a lock is just being made, or has lost it
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
    try:
        with (root / LOCK).open("w") as lock:
            with suppress(HeldError):  # nor does a disk that cannot lock matter: no other page clears it away then
                hold(lock, "serving the page")
            for name in ("visitors", "tmp", "empty"):
                (root / name).mkdir(mode=0o700)
            environment.update({"GRADIO_TEMP_DIR": str(root / "visitors"), "TMPDIR": str(root / "tmp"), **QUIET})
            tempfile.tempdir = None  # read TMPDIR anew
            os.chdir(root / "empty")
            try:
                yield PrivateFolders(root, root / "visitors")
            finally:
                os.chdir(parent)
    finally:
        _delete(root)  # once its lock is closed: Windows deletes no open file


def delete_orphans(parent: Path) -> None:
    """Delete private folders whose process is gone: nobody holds their lock, or it was deleted before the rest."""
    for root in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, HeldError):  # in use, another user's, or gone by now
            if (root / LOCK).exists():
                with (root / LOCK).open("r") as lock:
                    if hold(lock, "serving the page") is not None:
                        continue
            elif time.time() - root.stat().st_mtime <= MADE_WITHIN_S:
                continue
            _delete(root)


def _delete(root: Path) -> None:
    """Delete a private folder under another name: a thread that still writes by the old one finds nothing there."""
    gone = root.with_name(f"{PREFIX}{secrets.token_hex(8)}")
    with suppress(OSError):
        root.rename(gone)
    for each in (root, gone):
        shutil.rmtree(each, ignore_errors=True)
