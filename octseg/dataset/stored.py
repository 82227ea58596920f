"""A dataset wherever it lies, and the rows of each split: pictures in a folder, Parquet in a folder or on the Hub.

Each file is held against its sum when it is read: of a folder that in SHA256SUMS, else that which the Hub tells.
A row is a line of metadata with "image" and "mask", each {"bytes": PNG, "path": its file's name}.
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from octseg.classes import PALETTE_INDEX
from octseg.dataset.folder import METADATA_FILE, PICTURES, TYPED_METADATA_FILE, read_lines, read_row
from octseg.dataset.origin import Origin
from octseg.dataset.parquet import rows_in, shards_in, shards_of
from octseg.dataset.publishing import PROVENANCE_FILE, SUMS_FILE, read_provenance, read_sums
from octseg.errors import CheckpointError, DatasetError, HubUnreachableError
from octseg.export.files import sha256_of
from octseg.measurement.records import are_texts, is_text
from octseg.pretrained import (
    HubName,
    HubWarning,
    Snapshot,
    Token,
    cached_snapshot,
    fetch_from,
    find_snapshot,
    good_commits,
)
from octseg.pretrained.cache import COMMIT

Row = dict[str, Any]
MAX_FRAMES = 1_000_000  # of a split: a count is trusted before a row is read


@dataclass(frozen=True)
class Rows:
    """The rows of one split. studies: one for each, though not in their order. read: from the first row, each time."""

    studies: tuple[str, ...]
    read: Callable[[], Iterator[Row]]


@dataclass(frozen=True)
class Stored:
    """A dataset whose rows can be read.

    label: what sentences call it. rows: of a split. repository, commit: of the Hub, None for a folder.
    """

    label: str
    provenance: Mapping[str, Any]
    rows: Callable[[str], Rows]
    repository: str | None = None
    commit: str | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that it has."""
        return tuple(self.provenance["counts"])


def stored_in(folder: Path) -> Stored:
    """A dataset folder, of pictures or of Parquet; DatasetError where its provenance cannot be read.

    So it is where a file is read that has been changed since the dataset was made: its provenance tells of another.
    """
    provenance = _checked(read_provenance(folder), folder.name)
    made = _Made(folder, _sums_of(folder))
    made.require(PROVENANCE_FILE, sha256_of(folder / PROVENANCE_FILE))

    def rows(split: str) -> Rows:
        if shards := shards_in(folder, split):
            return _parquet_rows(folder.name, provenance, split, lambda: map(made.whole, shards))
        for name in (METADATA_FILE, TYPED_METADATA_FILE):
            if (folder / split / name).exists():
                made.whole(folder / split / name)
        lines = read_lines(folder, split)
        studies = tuple(line["study"] for line in lines)
        return Rows(studies, lambda: (made.row(split, line) for line in lines))

    return Stored(folder.name, provenance, rows)


@dataclass(frozen=True)
class _Made:
    """A folder as it was made: file -> sha256."""

    folder: Path
    sums: Mapping[str, str]

    def require(self, name: str, found: str) -> None:
        """DatasetError where a file's sum is another, or none is known."""
        if self.sums.get(name) != found:
            raise DatasetError(
                f"{name} of {self.folder.name} is not as {SUMS_FILE} says: it was changed or added since the dataset "
                "was made; make it again, and see all that was changed by python -m train.prepare --check"
            )

    def whole(self, path: Path) -> Path:
        """The same path, of which all bytes are as they were made."""
        self.require(path.relative_to(self.folder).as_posix(), sha256_of(path))
        return path

    def row(self, split: str, line: Mapping[str, Any]) -> Row:
        """`read_row` of a line, its pictures as they were made."""
        row = read_row(self.folder / split, line)
        for kind in PICTURES:
            self.require(f"{split}/{line[f'{kind}_file_name']}", hashlib.sha256(row[kind]["bytes"]).hexdigest())
        return row


def _sums_of(folder: Path) -> dict[str, str]:
    try:
        return read_sums(folder)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder.name} has no {SUMS_FILE} that can be read, so that nothing tells whether it is as it was made; "
            "make or fetch it again"
        ) from error


def stored_on_hub(name: str, *, streaming: bool = False, token: Token = None) -> Stored:
    """A dataset repository at one commit; every file that is read is held against its hash.

    name: "org/name" or "org/name@revision", of which there is no folder. streaming: Parquet files are fetched one by
    one each time that rows are read, and none of them is kept.

    Raises DatasetError where there is none, or none of ours; CheckpointError where its files cannot be had.

    Warns:
        HubWarning: the Hub does not answer, and the commit that was last read here is used.
    """
    asked = HubName.parse(name)
    found = _snapshot(asked, token)
    label = found.label
    if PROVENANCE_FILE not in found.files:
        raise DatasetError(
            f"{label} is no dataset of octseg, for it has no {PROVENANCE_FILE}; publish with python -m hub push-data"
        )
    provenance = _checked(read_provenance(fetch_from(found, PROVENANCE_FILE, token).parent, label), label)

    def rows(split: str) -> Rows:
        shards = shards_of(found.files, split, label)
        if split in provenance["counts"] and not shards:
            raise DatasetError(f"{label} has no Parquet files of {split}; fetch or publish it again")
        if streaming:
            return _parquet_rows(label, provenance, split, lambda: _fetched_one_by_one(found, shards, token))
        paths = [fetch_from(found, shard, token) for shard in shards]
        good_commits().note(_noted(asked), asked.revision, found.revision)
        return _parquet_rows(label, provenance, split, lambda: iter(paths))

    return Stored(label, provenance, rows, asked.repository, found.revision)


def _checked(provenance: dict[str, Any], label: str) -> dict[str, Any]:
    """The same provenance; DatasetError where what is read here is missing in it, or is not what is written there."""
    for key, is_right in NEEDED.items():
        if key not in provenance:
            raise DatasetError(f"the {PROVENANCE_FILE} of {label} says nothing of {key}; make it again")
        if not is_right(provenance[key]):
            raise DatasetError(
                f"the {PROVENANCE_FILE} of {label} says of {key} what this version does not understand; make it again"
            )
    return provenance


def _are_classes(given: Any) -> bool:
    known = are_texts(given) and PALETTE_INDEX.keys() >= set(given)
    return known and 0 < len(given) == len(set(given))


def _are_counts(given: Any) -> bool:
    return isinstance(given, dict) and all(is_text(split) and _is_count(of) for split, of in given.items())


def _is_count(given: Any) -> bool:
    """Whether the frames of a split are counted by study, and are not too many."""
    by_study = given.get("by_study") if isinstance(given, dict) else None
    if not isinstance(by_study, dict) or not all(map(is_text, by_study)):
        return False
    frames: list[Any] = [of.get("frames") if isinstance(of, dict) else None for of in by_study.values()]
    return all(type(each) is int and each >= 0 for each in frames) and sum(frames) <= MAX_FRAMES


def _is_origin(given: Any) -> bool:
    if not isinstance(given, dict) or not given.keys() <= {field.name for field in fields(Origin)}:
        return False
    may_be_none = ("doi", "licence")
    texts = all(is_text(told) or (told is None and key in may_be_none) for key, told in given.items())
    return texts and bool(given.get("title"))


def _is_split(given: Any) -> bool:
    return isinstance(given, dict) and is_text(given.get("description")) and isinstance(given.get("leaks"), bool)


NEEDED: Mapping[str, Callable[[Any], bool]] = {  # key of provenance -> whether it says what it should
    "changes": are_texts,
    "classes": _are_classes,
    "counts": _are_counts,
    "origin": _is_origin,
    "private": lambda given: isinstance(given, bool),
    "split": _is_split,
}


def _snapshot(asked: HubName, token: Token) -> Snapshot:
    try:
        return find_snapshot(asked, "dataset", token)
    except HubUnreachableError as error:
        return _last_good(asked, error)
    except CheckpointError as error:
        raise DatasetError(f"{asked} is no folder here, and {error}") from error


def _last_good(asked: HubName, error: HubUnreachableError) -> Snapshot:
    """What the cache has of the commit that is asked for, or of the one that was last read here."""
    pinned = bool(COMMIT.fullmatch(asked.revision))
    good = None if pinned else good_commits().last(_noted(asked), asked.revision)
    commit = good.commit if good else asked.revision
    found = cached_snapshot(asked, "dataset", commit, PROVENANCE_FILE) if pinned or good else None
    if found is None:
        raise DatasetError(
            f"{asked} is no folder here, {error}, and the cache here has no copy of it; read it once while the Hub "
            "can be reached"
        ) from error
    if good:
        warnings.warn(good.instead(str(error), asked), HubWarning, stacklevel=2)
    return found


def _noted(asked: HubName) -> str:
    return f"datasets/{asked.repository}"


def _fetched_one_by_one(found: Snapshot, shards: list[str], token: Token) -> Iterator[Path]:
    """Each Parquet file, until the next is asked for."""
    for shard in shards:
        with TemporaryDirectory(prefix="octseg-") as cache:
            yield fetch_from(found, shard, token, Path(cache))


def _parquet_rows(label: str, provenance: Mapping[str, Any], split: str, shards: Callable[[], Iterator[Path]]) -> Rows:
    """Rows of Parquet files, whose studies are those that provenance counts: pictures are read only once for both."""
    by_study = provenance["counts"][split]["by_study"] if split in provenance["counts"] else {}
    studies = tuple(study for study, of_study in by_study.items() for _ in range(of_study["frames"]))

    def read() -> Iterator[Row]:
        seen: Counter[str] = Counter()
        for path in shards():
            for row in rows_in(path):
                seen[row["study"]] += 1
                yield row
        if seen != Counter(studies):
            raise DatasetError(f"the rows of {split} in {label} are not those that its provenance counts")

    return Rows(studies, read)
