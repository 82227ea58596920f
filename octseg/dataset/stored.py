"""A dataset wherever it lies, and the rows of each split: pictures in a folder, Parquet in a folder or on the Hub.

A row is a line of metadata with "image" and "mask", each {"bytes": PNG, "path": its file's name}.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from octseg.dataset.folder import read_lines, read_row
from octseg.dataset.parquet import rows_in, shards_in, shards_of
from octseg.errors import CheckpointError, DatasetError, HubUnreachableError
from octseg.hub_cache import COMMIT
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
from octseg.publishing import PROVENANCE_FILE, read_provenance

Row = dict[str, Any]
NEEDED = {"classes", "counts", "origin", "changes", "split", "private"}  # of provenance


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
    """A dataset folder, of pictures or of Parquet; DatasetError where its provenance cannot be read."""
    provenance = read_provenance(folder)

    def rows(split: str) -> Rows:
        if shards := shards_in(folder, split):
            return _parquet_rows(folder.name, provenance, split, lambda: iter(shards))
        lines = read_lines(folder, split)
        studies = tuple(line["study"] for line in lines)
        return Rows(studies, lambda: (read_row(folder / split, line) for line in lines))

    return Stored(folder.name, provenance, rows)


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
    provenance = read_provenance(fetch_from(found, PROVENANCE_FILE, token).parent, label)
    if lacking := sorted(NEEDED - provenance.keys()):
        raise DatasetError(f"the {PROVENANCE_FILE} of {label} says nothing of {lacking[0]}; publish it again")

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
        said = f"{error}; {asked} is used as it was on {good.day}, commit {good.commit[:7]}"
        warnings.warn(said, HubWarning, stacklevel=2)
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
    by_study = provenance["counts"].get(split, {}).get("by_study", {})
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
