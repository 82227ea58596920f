"""Files of a source, on disk or in a ZIP file: each with a path that is a label, and never a place to write to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from octseg.errors import DatasetError
from octseg.reading.folders import walk
from octseg.reading.formats import HEAD_BYTES
from octseg.reading.names import natural_path_key

IMAGE_FOLDERS, MASK_FOLDERS = ("img", "images"), ("mask", "masks")
MAX_FILE_BYTES = 200_000_000


@dataclass(frozen=True)
class StoredFile:
    """One file of a source: its path in it, a stamp that changes with it, how to read it, and its first HEAD_BYTES."""

    path: str
    stamp: str
    read: Callable[[], bytes]
    head: Callable[[], bytes]


def folder_files(root: Path) -> list[StoredFile]:
    """All files under a folder, links followed, hidden ones and what systems leave behind passed over.

    Raises DatasetError where a folder cannot be looked into.
    """

    def refuse(error: OSError) -> None:
        name = Path(error.filename or root).name
        raise DatasetError(
            f"the folder {name} cannot be searched: {(error.strerror or 'unknown cause').lower()}"
        ) from error

    paths = (path for _, files in walk(root, refuse, part_of=partial(_kind_of, root)) for path in files)
    return [
        _stored(path, path.relative_to(root).as_posix())
        for path in sorted(paths, key=natural_path_key)
        if _is_of_use(path)
    ]


def in_two_folders(images: Path, masks: Path) -> list[StoredFile]:
    """Files of a folder of frames and of one of masks, as if they lay side by side."""
    for folder in (images, masks):
        if not folder.is_dir():
            raise DatasetError(f"there is no folder {folder.name}")
    return [
        replace(file, path=str(PurePosixPath(file.path).parent / kind / PurePosixPath(file.path).name))
        for kind, folder in (("images", images), ("masks", masks))
        for file in folder_files(folder)
    ]


def kind_at(parts: tuple[str, ...]) -> int | None:
    """Place of the last of a path's folders that holds frames or masks by its name; None where there is none."""
    kinds = (*IMAGE_FOLDERS, *MASK_FOLDERS)
    return next((place for place in reversed(range(len(parts))) if parts[place].casefold() in kinds), None)


def _kind_of(root: Path, folder: Path) -> str | None:
    parts = folder.relative_to(root).parts
    place = kind_at(parts)
    return None if place is None else parts[place].casefold()


def _is_of_use(path: Path) -> bool:
    """Whether it is a file, or a link that leads nowhere: that is told, while pipes and the like are passed over."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _stored(path: Path, label: str) -> StoredFile:
    if not path.exists():
        return StoredFile(label, "", _lost, _lost)
    state = path.stat()
    stamp = f"{state.st_size}-{state.st_mtime_ns}"
    return StoredFile(label, stamp, partial(_read, path), partial(_read, path, HEAD_BYTES))


def _lost() -> bytes:
    raise DatasetError("it is a link to a file that is not there")


def _read(path: Path, n_bytes: int = -1) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DatasetError("it is too large for a frame")
        with path.open("rb") as file:
            return file.read(n_bytes)
    except OSError as error:
        raise DatasetError("it cannot be opened") from error
