"""What of a folder is looked at: links are followed, each folder once, and what systems leave behind is passed over.

A NAS keeps a thumbnail of each picture in a folder of its own beside it: it would pass for a frame.
"""

import os
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

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


def walk(
    root: Path,
    tell: Callable[[OSError], object] | None = None,
    *,
    part_of: Callable[[Path], Hashable] | None = None,
    goes_into: Callable[[Path], bool] | None = None,
) -> Iterator[tuple[Path, list[Path]]]:
    """`root` and each folder below it with the files in it, in the order people count in: 2 before 10.

    tell: of a folder that may not be looked into, which is passed over. part_of: a folder that links lead to twice is
    looked into once for each of its answers. goes_into: whether a folder below is looked into; all are without it.
    """

    def place_of(folder: Path) -> tuple[str, Hashable]:
        return os.path.realpath(folder), None if part_of is None else part_of(folder)

    seen = {place_of(root)}
    for folder, subfolders, names in os.walk(root, onerror=tell, followlinks=True):
        here = Path(folder)
        kept = []
        for name in sorted(subfolders, key=natural_key):
            if is_left_behind(name) or (place := place_of(here / name)) in seen:
                continue
            seen.add(place)
            if goes_into is None or goes_into(here / name):
                kept.append(name)
        subfolders[:] = kept
        yield here, [here / name for name in sorted(names, key=natural_key) if not is_left_behind(name)]
