"""The frames of the Zenodo record: what is needed of one fold's ZIP is brought into a cache folder and listed there.

CACHE/zenodo-14478210/fold_1.zip               the whole file, where it was asked for
CACHE/zenodo-14478210/fold_1/{train,test}/{img,mask}/   single members, as in an unpacked fold
"""

import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from octseg.dataset.origin import CC_BY, ZENODO_RECORD, Origin
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence
from octseg.export.locking import locked
from train.preparing.names import RECORD_PATTERN, FrameName, by_pattern
from train.preparing.remote_zip import Directory, Span, fetch, holds, read_directory
from train.preparing.sources import Listing, Problem, chosen, paired
from train.preparing.stored import folder_files
from train.preparing.zenodo import (
    ENDPOINT,
    RECORD,
    Connection,
    Progress,
    Record,
    RemoteFile,
    download_whole,
    partial_download,
    remember,
)
from train.preparing.zipped import refuse_escaping, zip_files

MEMBER = re.compile(r"(?:^|.*/)(?P<part>train|test)/(?P<kind>img|mask)/(?P<file>[^/]+)")
PROCESSED_BYTES = 350_000  # of a frame with its mask at 512 x 512
MANY_REQUESTS = 1_500  # in an hour Zenodo allows a guest about 2,000


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """Which part of the record, and how it is fetched.

    connections: requests at a time.
    """

    fold: int = 1
    whole_file: bool = False
    cache: Path
    studies: frozenset[str] | None = None
    per_study: int | None = None
    connections: int = 4
    endpoint: str = ENDPOINT


@dataclass(frozen=True)
class Found:
    """The frames, their origin, and what provenance says of the source."""

    listing: Listing
    origin: Origin
    source: dict[str, Any]


Bar = Callable[[str, int], AbstractContextManager[Progress]]  # what is fetched, bytes in all


def bring(request: RecordRequest, connection: Connection, bar: Bar) -> Found:
    """Fetch what is not there yet and list it.

    Raises DatasetError where the server, the file or the disk does not allow it; what was fetched stays.
    """
    record, file, home = _found(request, connection)
    with locked(home, "fetching from the record"):
        for stale in home.rglob(".*.part"):
            stale.unlink()
        remember(home / f"{file.key}.json", file, connection)
        if request.whole_file:
            _refuse_full_disk(home, file.size - _bytes_there(home, file))
            with bar(file.key, file.size) as progress:
                download_whole(connection, file, home / file.key, progress)
            listing = _chosen(paired(zip_files(home / file.key), by_pattern(RECORD_PATTERN)), request)
            verified = "md5 of the whole file"
        else:
            needed = _needed(read_directory(connection, file), request, _target(home, request.fold))
            _refuse_full_disk(home, needed.bytes_missing)
            with bar(f"members of {file.key}", needed.bytes_all) as progress:
                progress(needed.bytes_all - needed.bytes_missing)
                target = _target(home, request.fold)
                fetch(connection, file, needed.spans, target, progress, request.connections)
            listing = _brought(home / f"fold_{request.fold}", needed)
            verified = "CRC-32 of each member read; the whole file was not fetched"
    source = {
        "kind": "zenodo",
        "record": record.record,
        "doi": record.doi,
        "version": record.version,
        "files": [{"file": file.key, "bytes": file.size, "md5": file.md5, "verified": verified}],
    }
    return Found(listing, replace(ZENODO_RECORD, licence=record.licence), source)


def dry_run(request: RecordRequest, connection: Connection) -> str:
    """What would be fetched, without fetching a frame."""
    _, file, home = _found(request, connection)
    if request.whole_file:
        missing = file.size - _bytes_there(home, file)
        return f"{file.key}: {_megabytes(missing)} of {_megabytes(file.size)} to fetch, in one request"
    needed = _needed(read_directory(connection, file), request, _target(home, request.fold))
    advice = "; that many are slow with Zenodo's limits, --whole-file may be quicker" * (
        len(needed.spans) > MANY_REQUESTS
    )
    return (
        f"{file.key}: {needed.frames} frames of {needed.studies} studies, {needed.members} members of "
        f"{_megabytes(needed.bytes_all)} ({100 * needed.bytes_all / file.size:.0f} % of the file's "
        f"{_megabytes(file.size)}); {_megabytes(needed.bytes_missing)} to fetch in {len(needed.spans)} requests"
        f"{advice}; "
        f"the dataset takes about {_megabytes(needed.frames * PROCESSED_BYTES)} more on the disk"
    )


@dataclass(frozen=True)
class _Needed:
    """What is wanted of a fold: counts, bytes packed, spans still to fetch, and files that fit no pair."""

    frames: int
    studies: int
    members: int
    bytes_all: int
    bytes_missing: int
    spans: list[Span]
    names: frozenset[str]
    problems: tuple[Problem, ...]


def _found(request: RecordRequest, connection: Connection) -> tuple[Record, RemoteFile, Path]:
    record = connection.record(RECORD, request.endpoint)
    if record.licence != CC_BY:
        raise DatasetError(
            f"the record now has the licence {record.licence!r}, not {CC_BY}; look at it before you use the frames"
        )
    return record, record.file(f"fold_{request.fold}.zip"), request.cache / f"zenodo-{RECORD}"


def _target(home: Path, fold: int) -> Callable[[str], Path]:
    """Where a member is kept: built of its matched parts alone, whatever else its path says."""

    def target(member: str) -> Path:
        part, kind, name = PurePosixPath(member).parts[-3:]  # it has matched MEMBER, so these three are safe
        return home / f"fold_{fold}" / part / kind / name

    return target


def _needed(directory: Directory, request: RecordRequest, target: Callable[[str], Path]) -> _Needed:
    refuse_escaping((member.filename for member in directory.members), f"fold_{request.fold}.zip")
    rule = by_pattern(RECORD_PATTERN)
    by_name: dict[str, zipfile.ZipInfo] = {}
    names: dict[str, FrameName] = {}
    taken: set[Path] = set()
    problems = []
    for member in directory.members:
        found = MEMBER.fullmatch(member.filename)
        if found is None or found["file"].startswith("."):
            continue
        name = rule(found["file"])
        if name is None:
            problems.append(Problem(member.filename, "its name is not one of the record's"))
        elif target(member.filename) in taken:
            problems.append(Problem(member.filename, "it is in the ZIP file twice"))
        else:
            taken.add(target(member.filename))
            by_name[member.filename] = member
            names[member.filename] = name
    if not names:
        raise DatasetError("the ZIP file holds no train/img and train/mask as the record's folds do")
    kept = chosen(set(names.values()), request.studies, request.per_study)
    wanted = {path: by_name[path] for path, name in names.items() if name in kept}
    missing = {path for path, member in wanted.items() if not holds(target(path), member)}
    return _Needed(
        len(kept),
        len({name.study for name in kept}),
        len(wanted),
        sum(member.compress_size for member in wanted.values()),
        sum(wanted[path].compress_size for path in missing),
        directory.spans(lambda member: member.filename in missing and by_name[member.filename] is member),
        frozenset(wanted),
        tuple(problems),
    )


def _brought(folder: Path, needed: _Needed) -> Listing:
    """The wanted files of the cache; it may hold others from an earlier run."""
    wanted = {"/".join(PurePosixPath(name).parts[-3:]) for name in needed.names}
    listing = paired([file for file in folder_files(folder) if file.path in wanted], by_pattern(RECORD_PATTERN))
    return Listing(listing.items, needed.problems + listing.problems)


def _chosen(listing: Listing, request: RecordRequest) -> Listing:
    kept = chosen((item.name for item in listing.items), request.studies, request.per_study)
    return replace(listing, items=tuple(item for item in listing.items if item.name in kept))


def _bytes_there(home: Path, file: RemoteFile) -> int:
    """What an earlier run has fetched of the whole file."""
    there = (path.stat().st_size for path in (home / file.key, partial_download(home / file.key)) if path.exists())
    return next(there, 0)


def _refuse_full_disk(home: Path, needed: int) -> None:
    with told_in_one_sentence(f"the folder {home.name}"):
        free = shutil.disk_usage(home).free
    if free < needed:
        raise DatasetError(
            f"{_megabytes(needed)} are to be fetched and {_megabytes(free)} are free; make room, or give another "
            "--cache"
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
