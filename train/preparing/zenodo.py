"""A Zenodo record by its API, and the bytes of its files by HTTP Range.

Busy answers (429, 5xx) are waited for, broken connections are taken up where they broke, and a file that changes on the
server between two answers is noticed by its ETag and size.
"""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from typing_extensions import Self
from urllib3 import Retry
from urllib3.response import BaseHTTPResponse

from octseg import __version__
from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence, write_file

ENDPOINT = "https://zenodo.org/api"
RECORD = "14478210"
BUSY = (408, 429, 500, 502, 503, 504)
CHUNK_BYTES = 1 << 14  # what is less when a connection breaks is lost
CONNECTIONS = 16

Progress = Callable[[int], object]  # told the number of new bytes


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server is waited for; seconds.

    attempts: tries without a single new byte before giving up. first_wait_s doubles up to longest_wait_s.
    """

    attempts: int = 8
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    connect_s: float = 20.0
    silence_s: float = 60.0


@dataclass(frozen=True)
class RemoteFile:
    """One file of a record: its size in bytes, md5 (hex) and address."""

    key: str
    size: int
    md5: str
    url: str


@dataclass(frozen=True)
class Record:
    """What the API says of a record."""

    record: str
    doi: str
    title: str
    version: str
    licence: str
    files: dict[str, RemoteFile]

    def file(self, key: str) -> RemoteFile:
        """The file of that name; DatasetError naming those there are."""
        if key not in self.files:
            raise DatasetError(f"record {self.record} has no file {key}; it has {', '.join(sorted(self.files))}")
        return self.files[key]


class _Waiting(Retry):
    """Says on the screen what it waits for; wakes up where the run is `stopping`."""

    stopping = threading.Event()

    def new(self, **changed: Any) -> Self:
        made = super().new(**changed)
        made.stopping = self.stopping
        return made

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        seconds = (response is not None and self.get_retry_after(response)) or self.get_backoff_time()
        if seconds >= 1.0:
            cause = f"the server answers {response.status}" if response is not None else "no connection"
            tqdm.write(f"{cause}: waiting {seconds:.0f} s", file=sys.stderr)
        _wait(self.stopping, seconds)


@dataclass(frozen=True)
class Connection:
    """HTTP with patience; safe to use from several threads.

    seen: file key -> ETag of the first answer, which every later one must bear.
    stopping: once it is set, every request and every wait ends as soon as it can, with a DatasetError.
    """

    patience: Patience = Patience()
    seen: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        retry = _Waiting(
            total=self.patience.attempts,
            status_forcelist=BUSY,
            allowed_methods=("GET",),
            backoff_factor=self.patience.first_wait_s,
            backoff_max=self.patience.longest_wait_s,
            backoff_jitter=0.2 * self.patience.first_wait_s,
            raise_on_status=False,
        )
        retry.stopping = self.stopping
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=CONNECTIONS))
        self.session.headers["User-Agent"] = f"octseg/{__version__}"

    def record(self, record: str, endpoint: str = ENDPOINT) -> Record:
        """The record's files and licence; DatasetError where it cannot be had or is not one."""
        url = f"{endpoint.rstrip('/')}/records/{record}"
        try:
            with self._get(url, {}) as answer:
                _expect(answer, (200,), f"record {record}")
                return _record(record, answer.json())
        except (requests.RequestException, AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"record {record} could not be read from {endpoint}: {_cause(error)}") from error

    def stream(self, file: RemoteFile, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `start` to `stop` of a file in chunks; a connection that breaks is taken up where it broke."""
        at, tries = start, 0
        while at < stop:
            tries += 1
            try:
                with closing(self._answered(file, at, stop)) as chunks:
                    for chunk in chunks:
                        at, tries = at + len(chunk), 1
                        yield chunk
            except requests.RequestException as error:
                if tries >= self.patience.attempts:
                    raise DatasetError(
                        f"{file.key} could not be fetched further: {_cause(error)}; "
                        "run the same command again to go on from here"
                    ) from error
                _wait(self.stopping, min(self.patience.longest_wait_s, self.patience.first_wait_s * 2.0**tries))

    def read(self, file: RemoteFile, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` of a file."""
        return b"".join(self.stream(file, start, stop))

    def _answered(self, file: RemoteFile, start: int, stop: int) -> Generator[bytes, None, None]:
        """What one answer brings of bytes `start` to `stop`; requests.ConnectionError where it ends before them."""
        at = start
        with self._range(file, start, stop) as answer:
            for chunk in answer.iter_content(CHUNK_BYTES):
                _wait(self.stopping, 0.0)
                if answer.status_code == 200:  # the whole file comes, from its beginning
                    chunk = chunk[: stop - at]
                at += len(chunk)
                if at > stop:
                    raise DatasetError(f"the server sent more of {file.key} than was asked for; try again")
                yield chunk
                if at == stop:
                    return
        raise requests.ConnectionError("the answer ended early")

    @contextmanager
    def _range(self, file: RemoteFile, start: int, stop: int) -> Iterator[requests.Response]:
        """The answer to one request, of this very file."""
        with self._get(file.url, {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}) as answer:
            if answer.status_code == 416:
                raise _changed(file)
            _expect(answer, (200, 206) if start == 0 else (206,), file.key)
            self._check_same(file, answer)
            yield answer

    def _check_same(self, file: RemoteFile, answer: requests.Response) -> None:
        """DatasetError where size or ETag differ from those of the record and of the first answer."""
        total = answer.headers.get("Content-Range", f"/{file.size}").rpartition("/")[2]
        etag = answer.headers.get("ETag", "").removeprefix("W/").strip('"')
        if total not in ("*", str(file.size)) or (etag and self.seen.setdefault(file.key, etag) != etag):
            raise _changed(file)

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        timeout = (self.patience.connect_s, self.patience.silence_s)
        return self.session.get(url, headers=headers, stream=True, timeout=timeout)


def _changed(file: RemoteFile) -> DatasetError:
    return DatasetError(
        f"{file.key} has changed on the server since its download began; "
        "remove its folder in the cache and run the same command again"
    )


def _expect(answer: requests.Response, good: tuple[int, ...], what: str) -> None:
    """DatasetError that says what another status means."""
    if answer.status_code in good:
        return
    meanings = {
        200: "the server does not answer parts of a file; use --whole-file",
        404: "it is not there",
        410: "it has been removed",
        401: "it is not open to all",
        403: "it is not open to all",
        429: "the server allows no more requests for now; run the same command again later",
    }
    meaning = meanings.get(answer.status_code, "the server has a fault; run the same command again later")
    raise DatasetError(f"{what} could not be had (HTTP {answer.status_code}): {meaning}")


def _cause(error: Exception) -> str:
    """One short phrase without addresses."""
    if not isinstance(error, requests.RequestException) or isinstance(error, requests.exceptions.InvalidJSONError):
        return "the answer is not a Zenodo record"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return "no connection, or it broke"
    return "bad answer"


def _wait(stopping: threading.Event, seconds: float) -> None:
    """Wait so long; DatasetError as soon as the run is stopping."""
    if stopping.wait(seconds):
        raise DatasetError("the download was stopped; run the same command again to go on")


def _record(record: str, answer: dict[str, Any]) -> Record:
    files = {}
    for each in answer["files"]:
        kind, _, md5 = str(each["checksum"]).partition(":")
        if kind != "md5" or not re.fullmatch(r"[0-9a-f]{32}", md5):
            raise ValueError("checksum is no md5")
        # links.self of a name with blanks holds them raw
        url = requests.utils.requote_uri(each["links"]["self"])
        files[each["key"]] = RemoteFile(str(each["key"]), int(each["size"]), md5, url)
    metadata = answer["metadata"]
    licence = str(metadata["license"]["id"])
    return Record(record, answer["doi"], answer["title"], str(metadata["version"]), licence, files)


def remember(path: Path, file: RemoteFile, connection: Connection) -> None:
    """Hold the file against what `path` says of it from an earlier run, then note what it is now.

    Raises DatasetError where it is another file than then.
    """
    if path.exists():
        try:
            earlier = json.loads(path.read_bytes())
        except ValueError:
            earlier = {}
        if earlier.get("size", file.size) != file.size or earlier.get("md5", file.md5) != file.md5:
            raise _changed(file)
        if earlier.get("etag"):
            connection.seen.setdefault(file.key, earlier["etag"])
    connection.read(file, 0, 1)
    known = {"key": file.key, "size": file.size, "md5": file.md5, "etag": connection.seen.get(file.key)}
    write_file(path, json.dumps(known, indent=2).encode())


def download_whole(connection: Connection, file: RemoteFile, path: Path, progress: Progress) -> None:
    """The whole file at `path`, gone on with after a break, its md5 checked against the record's."""
    if path.exists() and path.stat().st_size == file.size:
        progress(file.size)
        return
    partial = partial_download(path)
    with told_in_one_sentence(path.name), partial.open("ab") as target:
        progress(target.tell())
        for chunk in connection.stream(file, target.tell(), file.size):
            target.write(chunk)
            progress(len(chunk))
    found = md5_of(partial)
    if found != file.md5:
        partial.unlink()
        raise DatasetError(
            f"{file.key} arrived damaged: its md5 is {found}, the record says {file.md5}; it was removed, "
            "run the same command again"
        )
    partial.replace(path)


def partial_download(path: Path) -> Path:
    """Where a whole file grows until its md5 has been checked."""
    return path.with_name(f"{path.name}.part")


def md5_of(path: Path) -> str:
    """md5 of a file, hex; the record's checksum, no protection against malice."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
