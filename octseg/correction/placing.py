"""Corrected results put in place: all of an export or none of it, one at a time, and no file of anybody else's.

The folder's list says which files an export has written, and by their hashes whether they are still as it left them.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from octseg.export.files import sha256_of, told_in_one_sentence
from octseg.export.locking import open_held

LIST_NAME, PART, CHANGED = "exported.json", ".part-", ".changed"
Written = Mapping[str, str]  # a file's path in the folder -> its sha256


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """A folder to write into; what lies there when this ends well is put into `folder`, for what was there before.

    Files that were changed since, or that no export has written, stay; one of a name that is written anew gets CHANGED
    behind it.
    Raises HeldError where another export is under way.
    """
    named = f"the folder {folder.name}"
    with told_in_one_sentence(named):
        folder.mkdir(parents=True, exist_ok=True)
        listing, _ = open_held(folder / LIST_NAME, f"exporting into {folder.name}")
    with listing:
        for left in folder.glob(f"{PART}*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        with told_in_one_sentence(named), TemporaryDirectory(prefix=PART, dir=folder) as made:
            yield Path(made)
            _put(Path(made), folder, listing)


def _put(made: Path, folder: Path, listing: BinaryIO) -> None:
    before = _listed(listing)
    now = {path.relative_to(made).as_posix(): sha256_of(path) for path in sorted(made.rglob("*")) if path.is_file()}
    _list(listing, {**now, **before})  # if this is killed, those of before are still known
    for name, sha256 in before.items():
        path = folder / name
        if name not in now and path.is_file() and sha256_of(path) == sha256:
            path.unlink()
            with suppress(OSError):  # other files are in it
                path.parent.rmdir()
    for name, sha256 in now.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if path.is_file() and sha256_of(path) not in (before.get(name), sha256):
            path.replace(path.with_name(path.name + CHANGED))
        (made / name).replace(path)
    _list(listing, now)


def _listed(listing: BinaryIO) -> Written:
    """What the list says; nothing where it is none of ours."""
    listing.seek(0)
    try:
        told = json.loads(listing.read() or b"{}")
    except ValueError:
        return {}
    return {name: str(of) for name, of in told.items() if _is_within(name)} if isinstance(told, dict) else {}


def _is_within(name: str) -> bool:
    """Whether a path leads nowhere out of the folder."""
    path = Path(name)
    return bool(path.parts) and ".." not in path.parts and not path.is_absolute()


def _list(listing: BinaryIO, written: Written) -> None:
    listing.truncate(0)
    listing.write(json.dumps(written, indent=1).encode())
