"""What of a folder is looked at: each folder once, where it lies, links followed, without what systems leave behind.

A NAS keeps a thumbnail of each picture in a folder of its own beside it: it would pass for a frame.
"""

import errno
import os
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TypeAlias

from octseg.reading.names import natural_key

# Case-folded; hidden ones begin with a dot and are not named here.
LEFT_FOLDERS = frozenset(
    {
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot"),  # Synology, QNAP
        *("$recycle.bin", "recycler", "system volume information", "found.000"),  # Windows
        *("__macosx", "network trash folder", "temporary items", "lost+found"),
    }
)
LEFT_FILES = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"})
LEFT_BEGINNINGS = (".", "~$", "synofile_thumb", "synophoto_thumb")
LEFT_ENDINGS = ("@synoeastream", "@synoresource", "~")
Place: TypeAlias = tuple[str, Hashable]  # where a folder lies, and for what it is looked into


def is_left_behind(name: str) -> bool:
    """Whether a file or a folder of that name is hidden, or one of a system's own."""
    name = name.casefold()
    return name in LEFT_FOLDERS or name in LEFT_FILES or name.startswith(LEFT_BEGINNINGS) or name.endswith(LEFT_ENDINGS)


def is_folder(path: Path) -> bool:
    """Whether it is one; False where that cannot be told: the reader says why it cannot be opened."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return False


def is_broken_link(path: Path) -> bool:
    """Whether a file of a folder is a link that leads nowhere, or around in a circle."""
    if not path.is_symlink():
        return False
    try:
        path.stat()
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return False


def walk(
    root: Path,
    tell: Callable[[OSError], object] | None = None,
    *,
    part_of: Callable[[Path], Hashable] | None = None,
    goes_into: Callable[[Path], bool] | None = None,
) -> Iterator[tuple[Path, list[Path]]]:
    """`root` and each folder below it with the files in it, in the order people count in: 2 before 10.

    A folder that links lead to, too, is looked into where it lies. tell: of a folder that may not be looked into, which
    is passed over. part_of: a folder is looked into once for each of its answers. goes_into: whether a folder below is
    looked into; all are without it.
    """

    def place_of(folder: Path) -> Place:
        return os.path.realpath(folder), None if part_of is None else part_of(folder)

    own: dict[Place, Path] | None = None  # without links each folder is met once
    for folder, subfolders, names in os.walk(root, onerror=tell, followlinks=True):
        here = Path(folder)
        kept = []
        for name in sorted(subfolders, key=natural_key):
            below = here / name
            if is_left_behind(name):
                continue
            if own is None and below.is_symlink():
                own = _own_paths(root, place_of, goes_into)
            if (own is None or own.get(place_of(below)) == below) and (goes_into is None or goes_into(below)):
                kept.append(name)
        subfolders[:] = kept
        yield here, [here / name for name in sorted(names, key=natural_key) if not is_left_behind(name)]


def _own_paths(
    root: Path, place_of: Callable[[Path], Place], goes_into: Callable[[Path], bool] | None
) -> dict[Place, Path]:
    """Of each folder below `root` the path that it is looked into by: over as few links as lead to it.

    Of links that lie as deep, one to a folder comes before one to a folder in that.
    """
    own: dict[Place, Path] = {}
    entries = [root]
    while entries:
        links: list[Path] = []
        for entry in sorted(entries, key=lambda each: len(Path(os.path.realpath(each)).parts)):
            if own.setdefault(place_of(entry), entry) == entry:
                links += _links_below(entry, own, place_of, goes_into)
        entries = links
    return own


def _links_below(
    root: Path,
    own: dict[Place, Path],
    place_of: Callable[[Path], Place],
    goes_into: Callable[[Path], bool] | None,
) -> Iterator[Path]:
    """The links to folders below `root` that are met without any link; the folders that are met go into `own`."""
    for folder, subfolders, _ in os.walk(root):
        here = Path(folder)
        below = [here / name for name in sorted(subfolders, key=natural_key) if not is_left_behind(name)]
        below = [each for each in below if goes_into is None or goes_into(each)]
        yield from (each for each in below if each.is_symlink())
        real = [each for each in below if not each.is_symlink()]
        subfolders[:] = [each.name for each in real if own.setdefault(place_of(each), each) == each]
