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
    part_of: Callable[[Path], Hashable] | None = None,
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder below `root` with the names of its folders, which may be taken out, and of its files, in order.

    tell: of a folder that may not be looked into, which is passed over. part_of: a folder that links lead to twice is
    looked into once for each of its answers.
    """

    def place_of(folder: Path) -> tuple[str, Hashable]:
        return os.path.realpath(folder), None if part_of is None else part_of(folder)

    seen = {place_of(root)}
    for folder, subfolders, names in os.walk(root, onerror=tell, followlinks=True):
        here = Path(folder)
        kept = []
        for name in sorted(subfolders, key=natural_key):
            if not is_left_behind(name) and (place := place_of(here / name)) not in seen:
                seen.add(place)
                kept.append(name)
        subfolders[:] = kept
        yield here, subfolders, sorted((name for name in names if not is_left_behind(name)), key=natural_key)
