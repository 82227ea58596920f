"""What lies in the Hub's cache on this machine: whether a file there is whole, and which commit was last found good.

The client compares sizes alone, and moves its own note of a branch before all files of the new commit have arrived.
"""

import glob
import hashlib
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
LEFT_OVER_S = 3600.0  # a download that is still going on has written since


def hash_like(content: bytes | Path, known: str) -> str:
    """The hash of content, of the kind that `known` is: sha256 (64 digits), or git's sha1 of a blob."""
    if len(known) == hashlib.sha256().digest_size * 2:
        digest = hashlib.sha256()
    else:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    if isinstance(content, bytes):
        digest.update(content)
        return digest.hexdigest()
    with content.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_same(content: bytes | Path, known: str | None) -> bool:
    """Whether content has a hash that the Hub tells."""
    return known is not None and hash_like(content, known) == known


def told_hash(file: Any) -> str | None:
    """The hash that a listing of the Hub tells of a file: sha256, or git's sha1 of smaller ones; None for none."""
    digest = file.lfs.sha256 if file.lfs else file.blob_id
    return digest or None


def is_whole(path: Path) -> bool:
    """Whether a cached file is what its blob's name says: sha256, or git's sha1 of smaller files."""
    blob = path.resolve().name
    if _SHA256.fullmatch(blob) or COMMIT.fullmatch(blob):
        return is_same(path, blob)
    return True  # a cache without links keeps no hash; the checkpoint's own sha256 is still held against the weights


def clear_left_over(path: Path) -> None:
    """Delete what killed downloads of a cached file left beside its blob: the client begins anew, and never does it."""
    blob = path.resolve()
    for part in blob.parent.glob(f"{glob.escape(blob.name)}.*.incomplete"):
        with suppress(OSError):  # gone meanwhile, or of somebody who may not be followed
            if time.time() - part.stat().st_mtime > LEFT_OVER_S:
                part.unlink()


@dataclass(frozen=True)
class GoodCommit:
    """A commit whose model was loaded here, and the day on which that was."""

    commit: str
    day: str

    def instead(self, reason: str, asked: object) -> str:
        """That it is used in place of what was asked for, and why."""
        return f"{reason}; {asked} is used as it was on {self.day}, commit {self.commit[:7]}"


@dataclass(frozen=True)
class GoodCommits:
    """Notes of the commits last found good, one for each repository and revision, in `folder`."""

    folder: Path

    def note(self, repository: str, revision: str, commit: str) -> None:
        """Remember `commit`; where nothing can be written, nothing is remembered."""
        path = self._path(repository, revision)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps({"commit": commit, "day": date.today().isoformat()}))
            partial.replace(path)

    def last(self, repository: str, revision: str) -> GoodCommit | None:
        """The commit noted last; None where there is none that can be read."""
        try:
            noted = json.loads(self._path(repository, revision).read_text())
            good = GoodCommit(noted["commit"], noted["day"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return good if isinstance(good.commit, str) and COMMIT.fullmatch(good.commit) else None

    def _path(self, repository: str, revision: str) -> Path:
        return self.folder / repository.replace("/", "--") / f"{quote(revision, safe='')}.json"
