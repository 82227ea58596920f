"""What `octseg predict` was given, file by file: pictures, pullbacks in files, and the DICOM files of each folder."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.errors import OctsegError

# reading loads Pillow and OpenCV, which `octseg --help` does not need
if TYPE_CHECKING:
    from octseg.pullback import Pullback
    from octseg.reading.survey import FolderLevels

PIECE_BYTES, LARGE_BYTES = 1 << 12, 1 << 20
PIECES, PIECES_OF_SMALL = 17, 5
GOLDEN = (5**0.5 - 1) / 2  # whose multiples, taken to 1, lie nowhere close together


@dataclass(frozen=True)
class Item:
    """What is opened at once.

    path: as the user is told of it. files: all that it consists of. is_picture: whether it may be one frame of the
    pictures of its folder. in_folder: whether it was found in a folder and not given by its name.
    """

    path: Path
    files: tuple[Path, ...]
    is_picture: bool = False
    in_folder: bool = False


@dataclass
class Found:
    """What there is among the inputs. failures: of what cannot be looked at. results: of this program, passed over."""

    items: list[Item]
    failures: list[str]
    results: list[Path]


def find_items(inputs: Sequence[Path], out: Path) -> Found:
    """Each input that is a file, and of each folder what can be read in it at any depth, as people count: 2 before 10.

    A folder of results, `out`, is not looked into. Raises OctsegError where it is an input.
    """
    from octseg.reading.folders import is_folder

    found = Found([], [], [])
    for given in inputs:
        if not is_folder(given):
            found.items.append(_given(given))
        elif os.path.realpath(given) == os.path.realpath(out):
            raise OctsegError(
                f"{given} is both an input and --out: the next run would read its results; choose another"
            )
        else:
            found.items += _in_folder(given, os.path.realpath(out), found)
    return found


def pullbacks_of(item: Item, levels: "FolderLevels") -> "list[Pullback]":
    """The pullbacks of an item; a picture is one of a single frame. Raises ReadError where there is none."""
    from octseg.reading import Limits, read_pullback, read_pullbacks
    from octseg.reading.dicom import read_dicom_series
    from octseg.reading.folders import is_folder

    if is_folder(item.path):
        name = name_of_folder(item.path)
        return read_dicom_series(item.files, name, name, Limits.from_environment(os.environ))
    if item.is_picture:
        return [read_pullback(item.path, levels=levels.of(item.path))]
    return read_pullbacks(item.path)


def name_of_folder(folder: Path) -> str:
    """What its pictures are called together."""
    return folder.name or folder.resolve().name or "frames"


class Folders:
    """Where inputs lie, below what all of them share: what tells frames of one name apart."""

    def __init__(self, items: Iterable[Item]) -> None:
        try:
            self._shared: str | None = os.path.commonpath({_plain(_lies_in(item)) for item in items})
        except ValueError:  # nothing, or drives that share nothing
            self._shared = None

    def of(self, place: Path) -> str:
        """A folder or a ZIP file, with / between its parts; empty for what all inputs lie in."""
        if self._shared is None:
            return place.as_posix()
        below = Path(os.path.relpath(_plain(place), self._shared)).as_posix()
        return "" if below == "." else below

    def of_item(self, item: Item) -> str:
        """Where the files of an item lie."""
        return self.of(_lies_in(item))


def _plain(place: Path) -> str:
    """From the root on, without .. in it; links stay, for their names are those that the user knows."""
    return os.path.normpath(place.absolute())


def _lies_in(item: Item) -> Path:
    return item.path.parent if item.path in item.files else item.path


def inputs_sum(items: Sequence[Item], folders: Folders) -> str:
    """A sum by which a change of the inputs is noticed without opening them: of names, folders, sizes and times."""
    digest = hashlib.sha256()
    for item in items:
        for path in item.files:
            digest.update(repr((folders.of_item(item), item.path.name, path.name, *_size_and_time(path))).encode())
    return digest.hexdigest()


def content_sum(items: Sequence[Item]) -> str:
    """A sum of pieces of all files: a copy may give another file's name, size and time to what is in it.

    A pullback has a third of a gigabyte: pieces that are spread over it tell it from another.
    """
    digest = hashlib.sha256()
    for path in (path for item in items for path in item.files):
        for piece in _pieces(path):
            digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    """What lies at the start, middle, end, and unevenly between; nothing of what cannot be read, told elsewhere.

    Evenly, each piece of a stack of pictures with a black margin could lie where two of them meet.
    """
    try:
        if not path.is_file():
            return  # to open a pipe would be to wait for its writer
        with path.open("rb") as file:
            last = max(0, path.stat().st_size - PIECE_BYTES)
            count = PIECES if last > LARGE_BYTES else PIECES_OF_SMALL
            for number in range(count):
                file.seek(int(last * (number / 2 if number < 3 else number * GOLDEN % 1)))
                yield file.read(PIECE_BYTES)
    except (OSError, ValueError):
        return


def _size_and_time(path: Path) -> tuple[int, int] | tuple[()]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return ()
    return status.st_size, status.st_mtime_ns


def _given(path: Path) -> Item:
    """A file by its name; what cannot be opened is told when it is read."""
    from octseg.reading.formats import container_of, lists_files, picture_format

    head = _head(path)
    files: tuple[Path, ...] = (path,)
    if head is not None and container_of(head) == "DICOM" and lists_files(head):
        files = (path, *(each for each in sorted(path.parent.rglob("*")) if each != path and each.is_file()))
    return Item(path, files, is_picture=head is None or picture_format(head) is not None)


def find_here(folder: Path) -> Found:
    """What lies in a folder itself, and not in those below it."""
    found = Found([], [], [])
    found.items += _in_folder(folder, "", found, deep=False)
    return found


def _in_folder(root: Path, out: str, found: Found, *, deep: bool = True) -> Iterator[Item]:
    """What a folder holds, folder by folder: pictures and pullbacks in files in order, then its DICOM files."""
    from octseg.reading.folders import walk
    from octseg.reading.formats import container_of, lists_files, sort_of

    def tell(error: OSError) -> None:
        found.failures.append(
            f"the folder {error.filename} cannot be searched: {(error.strerror or 'unknown cause').lower()}"
        )

    for folder, paths in walk(root, tell, goes_into=lambda below: deep and os.path.realpath(below) != out):
        dicom: list[Path] = []
        for path in _there(paths, found):
            sort = sort_of(path)
            if sort == "result":
                found.results.append(path)
            elif sort == "picture":
                yield Item(path, (path,), is_picture=True, in_folder=True)
            elif sort == "pullback" and (head := _head(path)) is not None:
                kind = container_of(head)
                if kind == "DICOM":
                    dicom += [] if lists_files(head) else [path]
                elif kind != "ZIP" or path.suffix.lower() == ".zip":  # not .docx or .jar
                    yield Item(path, (path,), in_folder=True)
        if dicom:
            yield Item(folder, tuple(dicom), in_folder=True)


def _there(paths: Iterable[Path], found: Found) -> Iterator[Path]:
    """The files without the links that lead nowhere, which are told."""
    from octseg.reading.folders import is_broken_link

    for path in paths:
        if is_broken_link(path):
            found.failures.append(f"{path} is a link to what is not there")
        else:
            yield path


def _head(path: Path) -> bytes | None:
    """The first bytes of a file; None where there are none to be had."""
    from octseg.reading.formats import HEAD_BYTES

    try:
        if not path.is_file():
            return None  # to open a pipe would be to wait for its writer
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return None
