"""Before a dataset may be published: whether the names of its studies and files tell who a patient is.

They are published as they stand. Where they read like names, dates or numbers of people, who prepares them is asked; in
a script, a flag answers. Where nobody can be asked the sentence shows their shapes alone, for it ends up in a log.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from octseg.dataset.personal import Suspicion, suspicions
from octseg.errors import DatasetError
from train.preparing.names import stem_of
from train.preparing.sources import Listing
from train.preparing.stored import kind_at

NOBODY = "no personal data"
SHOWN = 5
ADVICE = (
    "prepare them with --private, which hashes names and is never published, or give them names that tell of nobody; "
    "if these do not, say --yes-no-personal-data"
)


def require_nobody_named(listing: Listing, archive: str | None, *, agreed: bool) -> bool:
    """Whether names were asked about, and said to tell of nobody; False where none reads as if it did.

    archive: the name of the ZIP file, which is published too. agreed: said beforehand.

    Raises DatasetError where it is not said, or nobody can be asked.
    """
    found = suspicions({item.name.study for item in listing.items}, _others(listing, archive))
    if not found:
        return False
    if not agreed and not sys.stdin.isatty():
        kinds = " or ".join(dict.fromkeys(each.kind for each in found))
        raise DatasetError(
            f"{len(found)} names of studies or files read like {kinds}, as {_shape(found[0].text)} does (x for letter, "
            f"9 for digit), and would be published with the frames: {ADVICE}"
        )
    if not agreed:
        _ask(found)
    return True


def _ask(found: Sequence[Suspicion]) -> None:
    lines = [f"  {each.text} reads like {each.kind}" for each in found[:SHOWN]]
    more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    question = f"If none of them tells who a patient is, type: {NOBODY}"
    said = ["these names of studies or files would be published with the frames:", *lines, *more, question]
    print("\n".join(said), file=sys.stderr)
    if sys.stdin.readline().strip().casefold() != NOBODY:
        raise DatasetError(f"nothing was made: {ADVICE}")


def _others(listing: Listing, archive: str | None) -> set[str]:
    """Series, and folders and names of files without the study's, which is looked at by itself."""
    others = {item.name.series for item in listing.items}
    for item in listing.items:
        for file in (item.image, item.mask):
            others |= {part.replace(item.name.study, " ").strip(" _-.") for part in _parts(file.path)}
    for problem in listing.problems:
        others |= set(_parts(problem.file))
    return (others | ({stem_of(archive)} if archive else set())) - {""}


def _parts(path: str) -> Iterator[str]:
    folders = PurePosixPath(path).parts[:-1]
    yield from (folder for folder in folders if kind_at((folder,)) is None)
    yield stem_of(path)


def _shape(text: str) -> str:
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "x", text))
