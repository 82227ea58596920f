"""Where frames and masks lie on disk: a folder or a ZIP file, paired by name.

Frames lie in a folder img/ or images/, masks beside it in mask/ or masks/, at any depth: the record's fold_k/train/img,
or a lab's own two folders. mask_color/ and all else is passed over. A path inside a ZIP is a label, never a place to
write to.
"""

import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from octseg.errors import DatasetError
from octseg.reading.formats import HEAD_BYTES
from train.preparing.names import FrameName, NameRule

IMAGE_FOLDERS, MASK_FOLDERS = ("img", "images"), ("mask", "masks")
MASK_SUFFIX = re.compile(r"[_-](mask|seg|label)s?$", re.IGNORECASE)
MAX_FILE_BYTES = 200_000_000
ZIP_MAGIC = b"PK"


@dataclass(frozen=True)
class StoredFile:
    """One file of a source: its path in it, a stamp that changes with it, how to read it, and its first HEAD_BYTES."""

    path: str
    stamp: str
    read: Callable[[], bytes]
    head: Callable[[], bytes]


@dataclass(frozen=True)
class Item:
    """A frame with its mask, not read yet."""

    name: FrameName
    image: StoredFile
    mask: StoredFile

    @property
    def stamp(self) -> str:
        """Changes when either file does."""
        return f"{self.image.stamp} {self.mask.stamp}"


@dataclass(frozen=True)
class Problem:
    """A file that is left out, by its path in the source, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The frames of a source in order, and the files that cannot be paired."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


def folder_files(root: Path) -> list[StoredFile]:
    """All files under a folder, hidden ones passed over."""
    found = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            state = path.stat()
            stamp = f"{state.st_size}-{state.st_mtime_ns}"
            found.append(StoredFile(inside.as_posix(), stamp, partial(_read, path), partial(_read, path, HEAD_BYTES)))
    return found


def zip_files(path: Path) -> list[StoredFile]:
    """All members of a ZIP file; their CRC-32 is checked when they are read."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DatasetError(f"{path.name} is no ZIP file that can be read, or its download is not complete") from error

    def read(member: zipfile.ZipInfo, n_bytes: int = -1) -> bytes:
        if member.file_size > MAX_FILE_BYTES:
            raise DatasetError("it is too large for a frame")
        try:
            with archive.open(member) as stored:
                return stored.read(n_bytes)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
            raise DatasetError("it is damaged in the ZIP file (CRC-32 or its packing is wrong)") from error

    refuse_escaping((member.filename for member in archive.infolist()), path.name)
    return [
        StoredFile(
            member.filename,
            f"{member.CRC:08x}-{member.file_size}",
            partial(read, member),
            partial(read, member, HEAD_BYTES),
        )
        for member in archive.infolist()
        if not member.is_dir() and not PurePosixPath(member.filename).name.startswith(".")
    ]


def refuse_escaping(members: Iterable[str], archive: str) -> None:
    """DatasetError where a member of an archive bears a path that leads out of it: no honest ZIP file has one."""
    for member in members:
        if member.startswith(("/", "\\")) or ".." in PurePosixPath(member).parts or ":" in member:
            raise DatasetError(f"{archive} holds a path that leads out of it, so nothing of it is used")


def files_of(path: Path) -> list[StoredFile]:
    """All files of a folder or a ZIP file; DatasetError where `path` is neither."""
    if path.is_dir():
        return folder_files(path)
    if path.is_file():
        with path.open("rb") as head:
            if head.read(2) == ZIP_MAGIC:
                return zip_files(path)
        raise DatasetError(f"{path.name} is neither a folder nor a ZIP file")
    raise DatasetError(f"there is no {path.name}; give the folder or the ZIP file that holds frames and masks")


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


def paired(files: Iterable[StoredFile], rule: NameRule) -> Listing:
    """Each frame with its mask, in the order of studies, series and frames; DatasetError where there is no frame."""
    images, masks, problems = _by_kind(files)
    items: dict[FrameName, Item] = {}
    for key, image in images.items():
        name, mask = rule(image.path), masks.pop(key, None)
        if name is None:
            problems.append(Problem(image.path, "its name is not one that the name pattern or the CSV file knows"))
        elif mask is None:
            problems.append(Problem(image.path, "it has no mask"))
        elif name in items:
            problems.append(Problem(image.path, "it is the same frame as another file"))
        else:
            items[name] = Item(name, image, mask)
    problems += [Problem(mask.path, "it has no frame") for mask in masks.values()]
    if not items and not problems:
        raise DatasetError(
            "no frames found: expected a folder img/ or images/ with frames and mask/ or masks/ beside it, "
            "or --images and --masks"
        )
    return Listing(tuple(items[name] for name in sorted(items)), tuple(problems))


Key = tuple[str, str]  # folder that holds both, stem


def _by_kind(files: Iterable[StoredFile]) -> tuple[dict[Key, StoredFile], dict[Key, StoredFile], list[Problem]]:
    """Frames, masks, and what is left out because another file has its name."""
    images: dict[Key, StoredFile] = {}
    masks: dict[Key, StoredFile] = {}
    problems = []
    for file in files:
        path = PurePosixPath(file.path)
        base, kind = path.parent.parent.as_posix(), path.parent.name
        if kind not in (*IMAGE_FOLDERS, *MASK_FOLDERS):
            continue
        of_kind, stem = (images, path.stem) if kind in IMAGE_FOLDERS else (masks, MASK_SUFFIX.sub("", path.stem))
        if of_kind.setdefault((base, stem), file) is not file:
            problems.append(Problem(file.path, "another file stands for the same frame"))
    return images, masks, problems


def chosen(
    names: Iterable[FrameName], studies: frozenset[str] | None, per_study: int | None, *, private: bool = False
) -> set[FrameName]:
    """Names of the wanted studies; of each at most `per_study`, spread evenly over its frames.

    Raises DatasetError naming the studies that are not there, and where they are not `private` those that are.
    """
    by_study: dict[str, list[FrameName]] = {}
    for name in sorted(names):
        by_study.setdefault(name.study, []).append(name)
    if studies is not None:
        if absent := sorted(studies - by_study.keys()):
            there = f"{len(by_study)} others" if private else ", ".join(sorted(by_study))
            raise DatasetError(f"there is no study {', '.join(absent)}; there are {there}")
        by_study = {study: by_study[study] for study in sorted(studies)}
    kept: set[FrameName] = set()
    for of_study in by_study.values():
        count = len(of_study) if per_study is None else min(per_study, len(of_study))
        kept.update(of_study[(place * len(of_study)) // count] for place in range(count))
    return kept


def _read(path: Path, n_bytes: int = -1) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DatasetError("it is too large for a frame")
        with path.open("rb") as file:
            return file.read(n_bytes)
    except OSError as error:
        raise DatasetError("it cannot be opened") from error
