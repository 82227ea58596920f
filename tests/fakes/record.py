"""Runs of train.prepare on the stand-in of Zenodo, and what they leave behind."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.zenodo_server import (
    Asked,
    RecordFrame,
    Zenodo,
)
from train import prepare
from train.preparing.record_source import Found, RecordRequest, bring
from train.preparing.zenodo import Connection, Patience

ROOT = Path(__file__).parents[2]
QUICK = Patience(attempts=4, first_wait_s=0.01, longest_wait_s=0.05, connect_s=5.0, silence_s=0.4)
TELLS_SOURCE = {"provenance.json", "README.md", "SHA256SUMS"}  # the second and the third follow from the first
Content = dict[str, tuple[bytes, bytes]]  # frame -> bytes of its image and of its mask


@contextmanager
def no_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None


def brought(zenodo: Zenodo, cache: Path, **options: Any) -> Found:
    """What is needed of the record brought into `cache`, with little patience."""
    return bring(RecordRequest(cache=cache, endpoint=zenodo.endpoint, **options), Connection(QUICK), no_bar)


def content_of(found: Found) -> Content:
    return {item.name.stem: (item.image.read(), item.mask.read()) for item in found.listing.items}


def packed(frames: list[RecordFrame]) -> Content:
    return {frame.name: (frame.image, frame.mask) for frame in frames}


def flags(zenodo: Zenodo, folder: Path, *more: str) -> list[str]:
    """Flags that make `folder`/ds of the record with the cache `folder`/cache."""
    where = ["--endpoint", zenodo.endpoint, "--cache", str(folder / "cache"), "--out", str(folder / "ds")]
    return ["--source", "zenodo", *where, "--size", "64", "--workers", "2", *more]


def sums(folder: Path) -> dict[str, str]:
    """File -> sha256 of all that lies in a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def differing(one: Path, other: Path) -> set[str]:
    """Files that are not the same in both folders."""
    return {name for name, _ in sums(one).items() ^ sums(other).items()}


def places(path: Path) -> dict[str, tuple[int, int]]:
    """Member of a ZIP -> where its header begins, and its packed bytes end at the earliest."""
    with zipfile.ZipFile(path) as archive:
        return {
            member.filename: (member.header_offset, member.header_offset + 30 + member.compress_size)
            for member in archive.infolist()
        }


def complete(fold: Path, folder: Path) -> dict[str, tuple[int, int]]:
    """Members of `fold` that lie whole in the cache of `folder`, and their places in the ZIP."""
    home, found = folder / "cache" / "zenodo-14478210", places(fold)
    with zipfile.ZipFile(fold) as archive:
        for member in archive.infolist():
            kept = home / member.filename
            if not kept.exists() or kept.stat().st_size != member.file_size:
                del found[member.filename]
    return found


def spans(zenodo: Zenodo) -> list[Asked]:
    """Requests for members: the first byte, asked for to know the file, and the directory are none."""
    with zipfile.ZipFile(zenodo.content) as archive:
        directory = archive.start_dir
    return [asked for asked in zenodo.log if asked.start < directory and asked.stop - asked.start > 1]


def as_process(arguments: list[str], before: str = "") -> subprocess.Popen[str]:
    """`python -m train.prepare` as a process of its own; `before` is Python that it runs first."""
    start = ["-m", "train.prepare"]
    if before:
        start = ["-c", f"import sys\n{before}\nfrom train.prepare import main\nsys.exit(main(sys.argv[1:]))"]
    pipe = subprocess.PIPE
    no_git = os.environ | {"GIT_DIR": os.devnull}  # a commit in mid-test would be another version of the code
    return subprocess.Popen(
        [sys.executable, *start, *arguments], cwd=ROOT, env=no_git, stdout=pipe, stderr=pipe, text=True
    )


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a run that cannot go on leaves on stderr."""
    capsys.readouterr()
    assert prepare.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.prepare: ")
    return line


def same_but_for_the_source(one: Path, other: Path) -> bool:
    first, second = (json.loads((folder / "provenance.json").read_text()) for folder in (one, other))
    told = {key for key in first | second if first.get(key) != second.get(key)}
    return differing(one, other) <= TELLS_SOURCE and told <= {"source"}
