"""Some members of a ZIP file that lies on a server, without the rest of it.

The directory at its end is read by Range. Members that lie side by side come in one request, several requests at a
time; each member is inflated as it arrives and checked by its CRC-32. Zenodo counts requests, so one for each member
would take a day.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from octseg.errors import DatasetError
from octseg.export.files import told_in_one_sentence, write_file
from octseg.reading.archive import UNPACK, why_unreadable
from train.preparing.zenodo import Connection, Progress, RemoteFile

SPAN_BYTES = 16 << 20  # asked for at once
GAP_BYTES = 64 << 10  # between two wanted members, read and thrown away rather than asked for anew
MEMBER_BYTES = 256 << 20  # no frame or mask is as large
TRIES = 4  # for a member whose bytes arrive wrong
LOCAL_HEADER = struct.Struct("<4s22xHH")


class _RangeFile(io.RawIOBase):
    """A remote file as a seekable stream, for zipfile to read the directory from."""

    def __init__(self, connection: Connection, file: RemoteFile) -> None:
        self._connection, self._file, self._at = connection, file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        stop = min(self._at + len(buffer), self._file.size)
        content = self._connection.read(self._file, self._at, stop) if stop > self._at else b""
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


@dataclass(frozen=True)
class Directory:
    """All members of a remote ZIP in the order in which they lie in it, and where each ends in the file."""

    members: tuple[zipfile.ZipInfo, ...]
    stops: tuple[int, ...]

    def spans(self, wanted: Callable[[zipfile.ZipInfo], bool]) -> list["Span"]:
        """Runs of wanted members that lie close to each other, each to be asked for at once."""
        spans: list[Span] = []
        for member, stop in zip(self.members, self.stops, strict=True):
            if member.is_dir() or not wanted(member):
                continue
            last = spans[-1] if spans else None
            near = last is not None and member.header_offset - last.stop <= GAP_BYTES
            if last is not None and near and stop - last.start <= SPAN_BYTES:
                spans[-1] = Span((*last.members, member), last.start, stop)
            else:
                spans.append(Span((member,), member.header_offset, stop))
        return spans


@dataclass(frozen=True)
class Span:
    """Members that lie in bytes `start` to `stop` of the file."""

    members: tuple[zipfile.ZipInfo, ...]
    start: int
    stop: int


def read_directory(connection: Connection, file: RemoteFile) -> Directory:
    """The directory of a remote ZIP; DatasetError where the file is none."""
    try:
        with zipfile.ZipFile(io.BufferedReader(_RangeFile(connection, file), 1 << 16)) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.header_offset)
            end = archive.start_dir
    except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError) as error:
        raise DatasetError(f"{file.key} is no ZIP file that can be read, or it is damaged") from error
    return Directory(tuple(members), (*(member.header_offset for member in members[1:]), end))


def fetch(
    connection: Connection,
    file: RemoteFile,
    spans: Sequence[Span],
    target_of: Callable[[str], Path],
    progress: Progress,
    workers: int,
) -> None:
    """Write the members of `spans` to `target_of(name)`, each whole or not at all."""
    pool = ThreadPoolExecutor(workers)
    try:
        jobs = [pool.submit(_fetch_span, connection, file, span, target_of, progress) for span in spans]
        for done in wait(jobs, return_when=FIRST_EXCEPTION).done:
            done.result()
    except BaseException:  # Ctrl-C too: the other threads would go on for as long as their spans last
        connection.stopping.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch_span(
    connection: Connection, file: RemoteFile, span: Span, target_of: Callable[[str], Path], progress: Progress
) -> None:
    missing, tries = list(span.members), 0
    while missing:
        start = missing[0].header_offset
        stream = _Stream(connection.stream(file, start, span.stop), start)
        try:
            for member in tuple(missing):
                content = stream.member(member)
                target = target_of(member.filename)
                with told_in_one_sentence(f"the folder {target.parent.name}"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                write_file(target, content)
                progress(member.compress_size)
                missing.remove(member)
                tries = 0
        except _WrongBytesError as error:
            tries += 1
            if tries >= TRIES:
                raise DatasetError(
                    f"{Path(missing[0].filename).name} in {file.key} arrived damaged {TRIES} times: {error}; "
                    "run the same command again later"
                ) from error


def holds(path: Path, member: zipfile.ZipInfo) -> bool:
    """Whether `path` has the member's content, by size and CRC-32."""
    try:
        if path.stat().st_size != member.file_size:
            return False
        return zlib.crc32(path.read_bytes()) == member.CRC
    except FileNotFoundError:
        return False


class _WrongBytesError(Exception):
    """What arrived is not the member that the directory tells of."""


class _Stream:
    """Bytes that arrive in order from offset `at` of the file, of which members are cut."""

    def __init__(self, chunks: Iterator[bytes], at: int) -> None:
        self._chunks, self._at, self._held = chunks, at, bytearray()

    def _read(self, count: int) -> bytes:
        while len(self._held) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise _WrongBytesError("it ends early")
            self._held += chunk
        content = bytes(self._held[:count])
        del self._held[:count]
        self._at += count
        return content

    def member(self, member: zipfile.ZipInfo) -> bytes:
        """The member's content, inflated and checked; members are to be asked for in the order of their offsets."""
        if (reason := why_unreadable(member)) is not None:
            raise DatasetError(f"{Path(member.filename).name} {reason}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DatasetError(f"{Path(member.filename).name} is packed in a way that is not read here; {UNPACK}")
        if max(member.file_size, member.compress_size) > MEMBER_BYTES:
            raise DatasetError(f"{Path(member.filename).name} asks for {member.file_size} bytes, too many for a frame")
        self._read(member.header_offset - self._at)
        signature, name_bytes, extra_bytes = LOCAL_HEADER.unpack(self._read(LOCAL_HEADER.size))
        if signature != b"PK\x03\x04":
            raise _WrongBytesError("its header is wrong")
        self._read(name_bytes + extra_bytes)
        packed = self._read(member.compress_size)
        content = packed if member.compress_type == zipfile.ZIP_STORED else _inflated(packed, member.file_size)
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise _WrongBytesError("its CRC-32 is wrong")
        return content


def _inflated(packed: bytes, size: int) -> bytes:
    """At most `size` + 1 bytes, whatever the data would grow to."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
    except zlib.error as error:
        raise _WrongBytesError("it cannot be inflated") from error
