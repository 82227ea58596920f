"""Deletes visitors' files by age and by what they take together.

Gradio deletes the files that it knows of; an upload that breaks off leaves one that it does not.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from octseg.ui.limits import ServerLimits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredFile:
    """A visitor's file: seconds since it was last written, and its size in bytes."""

    path: Path
    age_seconds: float
    n_bytes: int


def stored_files(folder: Path, now: float) -> Iterator[StoredFile]:
    """Every file below a folder; one that goes away meanwhile is left out. Links are not followed."""
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not path.is_dir() or path.is_symlink():
            yield StoredFile(path, now - status.st_mtime, status.st_size)


def to_delete(files: list[StoredFile], keep_seconds: float, disk_bytes: int) -> list[StoredFile]:
    """The files that are too old, and of the rest the oldest, until what is left fits."""
    kept_bytes, doomed = 0, []
    for file in sorted(files, key=lambda file: file.age_seconds):
        kept_bytes += file.n_bytes
        if file.age_seconds > keep_seconds or kept_bytes > disk_bytes:
            doomed.append(file)
    return doomed


def sweep(folder: Path, limits: ServerLimits) -> int:
    """Delete what is too old or too much below `folder`, and folders left empty; how many files went."""
    now = time.time()
    doomed = to_delete(list(stored_files(folder, now)), limits.keep_seconds, limits.disk_bytes)
    for file in doomed:
        file.path.unlink(missing_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):  # children before their parents
        if path.is_dir() and now - path.stat().st_mtime > limits.keep_seconds:
            _remove_if_empty(path)
    return len(doomed)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # not empty, or a new file just came in
        return


def start_janitor(folder: Path, limits: ServerLimits) -> threading.Thread:
    """Sweep `folder` for as long as the process lives, first after `limits.sweep_seconds`."""

    def sweep_for_ever() -> None:
        while True:
            time.sleep(limits.sweep_seconds)
            try:
                sweep(folder, limits)
            except OSError as error:  # which names the file, and that may name a patient
                again = f"trying again in {limits.sweep_seconds:g} s"
                logger.error("visitors' files could not all be deleted (%s); %s", error.strerror, again)

    thread = threading.Thread(target=sweep_for_ever, name="octseg-janitor", daemon=True)
    thread.start()
    return thread
