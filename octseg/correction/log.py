"""The log of one reader's corrections of one case: a line a stroke, added and never changed.

The first line says which model made the outlines that are corrected. Each other one is on the disk before the page
hears of it: where the process is killed, the stroke under way is lost and nothing else. No name, path or date of the
frames is in it that measures.json has not; readers are called what they call themselves, or nothing.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import octseg
from octseg.correction.runs import are_runs
from octseg.errors import CorrectionError
from octseg.export.files import told_in_one_sentence
from octseg.export.locking import cannot_lock, open_held, take_away
from octseg.measurement.records import is_text

VERSION = 1
READER = re.compile(r"[\w-]{0,20}")  # what readers may be called: it is part of names of files
READER_RULE = "up to 20 letters, digits, - and _"
LOG = re.compile(rf"corrections(?:_(?!\.)({READER.pattern}))?\.jsonl")
BEGIN = "octseg_corrections"
NAMELESS = "a reader without a name"
Line: TypeAlias = dict[str, Any]
STROKES = ("brush", "eraser", "polygon", "drag", "clear", "interpolated")
FULL = (
    "there is room for {:g} MB of strokes here, and no more can be kept; press Export corrected results, and go on "
    "with that ZIP file by octseg review"
)
VERDICTS = ("accepted", "rejected", "open")


def head_of(run: Mapping[str, Any], reader: str) -> Line:
    """The first line; run: the head of measures.json."""
    return {BEGIN: VERSION, "octseg": octseg.__version__, "model": dict(run["model"]), "reader": reader}


def log_name(reader: str) -> str:
    """What the log of a reader is called; "" of one who gave no name."""
    return f"corrections_{reader}.jsonl" if reader else "corrections.jsonl"


def logs_in(folder: Path) -> list[str]:
    """Names of the logs of all readers in a folder of results, sorted."""
    return sorted(path.name for path in folder.glob("corrections*.jsonl"))


class KeptLog:
    """A log of a case as it lies there, which nothing can be added to.

    lines: all that it has beside the first. note: what there is to say of how it was found, "" for nothing.
    """

    def __init__(self, path: Path, head: Line) -> None:
        """Raises CorrectionError where it is of another model, or damaged."""
        self.path, self.head, self.note = path, head, ""
        found, self.lines = read_log(path)
        self._check_head(found)

    def content(self) -> bytes:
        """All of it, as it lies on the disk."""
        return _whole(self.path)

    def until_now(self) -> "KeptLog":
        """The same, whatever is added to it from now on."""
        return self

    def add(self, line: Line) -> None:
        """CorrectionError: only the log that is held can be added to."""
        raise CorrectionError(f"{self.path.name} is only looked at, so that {line['kind']} is not kept in it")

    def close(self) -> None:
        """Nothing is held."""

    def _check_head(self, found: Line) -> None:
        if found["model"].get("sha256") != self.head["model"]["sha256"]:
            raise CorrectionError(
                f"{self.path.name} corrects outlines of another model ({found['model'].get('name')}); move it away, or "
                "correct the results that it was made for"
            )


class LogUntilNow(KeptLog):
    """What a log has at a moment; it stays so while the log is added to. n_bytes: that it has on the disk."""

    def __init__(self, log: KeptLog, n_bytes: int) -> None:
        self.path, self.head, self.note, self.lines, self._n_bytes = log.path, log.head, log.note, [*log.lines], n_bytes

    def content(self) -> bytes:
        """What lay on the disk then."""
        return super().content()[: self._n_bytes]


class CorrectionLog(KeptLog):
    """The open log of a case: made where there is none, and held until it is closed."""

    def __init__(self, path: Path, head: Line, most_bytes: int | None = None) -> None:
        """most_bytes: what it may grow to.

        Raises HeldError where another process holds it, CorrectionError where it is of another model or damaged.
        """
        self.path, self.head, self.note, self._most_bytes = path, head, "", most_bytes
        with told_in_one_sentence(path.name):
            self._file, why_not = open_held(path, f"correcting {path.parent.name}")
        if why_not is not None:
            self.note = f"{cannot_lock(path.parent, why_not)}; see to it that there is none"
        try:
            self.lines = self._begun()
        except BaseException:  # whatever it is, the log is let go
            self._file.close()
            raise

    def add(self, line: Line) -> None:
        """Put a line on the disk; where that fails, or there is too much already, the log is as it was."""
        self._write(line)
        self.lines.append(line)

    def until_now(self) -> KeptLog:
        """What it has now."""
        return LogUntilNow(self, self._end)

    @property
    def n_bytes(self) -> int:
        """What it takes on the disk; of that size it takes some eight times in memory at most."""
        return self._end

    def close(self) -> None:
        """Let it go; a log in which nothing was done is taken away."""
        if not self.lines:
            take_away(self.path, self._file)
        self._file.close()

    def _begun(self) -> list[Line]:
        content = _whole(self.path)
        lines = content.split(b"\n")
        torn = lines.pop()  # behind the last end of a line
        self._end = len(content) - len(torn)
        if torn:
            self._cut(self._end)
            self.note = f"the last line of {self.path.name} was cut off by a crash and is left out"
        if not lines:
            self._write(self.head)
            return []
        self._check_head(_read_head(lines[0], self.path))
        return [_parsed(line, self.path, number) for number, line in enumerate(lines[1:], start=2)]

    def _write(self, line: Line) -> None:
        content = json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        if self._most_bytes is not None and self._end + len(content) > self._most_bytes:
            raise CorrectionError(FULL.format(self._most_bytes / 1e6))
        try:
            with told_in_one_sentence(self.path.name):
                _write_all(self._file, content)
                os.fsync(self._file.fileno())
        except BaseException:  # whatever it is, no half of a line stays
            self._cut(self._end)
            raise
        self._end += len(content)

    def _cut(self, size: int) -> None:
        with told_in_one_sentence(self.path.name):
            self._file.truncate(size)


def read_log(path: Path) -> tuple[Line, list[Line]]:
    """First line and all others of a log that is neither held nor changed; a last line that is cut off is left out.

    Raises CorrectionError where it is none, or damaged.
    """
    head, *lines = _whole(path).split(b"\n")[:-1] or [b""]
    return _read_head(head, path), [_parsed(line, path, number) for number, line in enumerate(lines, start=2)]


def _read_head(content: bytes, path: Path) -> Line:
    head = _parsed(content, path, 1)
    if head.get(BEGIN) != VERSION or not isinstance(head.get("model"), dict):
        raise CorrectionError(f"{path.name} is no log of corrections that this version reads; move it away")
    return head


def _write_all(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _whole(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorrectionError(f"{path.name} cannot be read: {(error.strerror or 'unknown cause').lower()}") from error


def _parsed(content: bytes, path: Path, number: int) -> Line:
    """A whole line; a damaged one is no reason to leave out what comes behind it without a word."""
    try:
        line = json.loads(content)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict) or (number > 1 and not is_line(line)):
        raise CorrectionError(f"line {number} of {path.name} is damaged; take a copy of the log, or mend that line")
    return line


def is_line(line: Mapping[str, Any]) -> bool:
    """Whether it is one that the log holds: a stroke, its undoing or doing again, or what is said of a frame."""
    kind = line.get("kind")
    if kind in ("undo", "redo"):
        return type(line.get("of")) is int
    of_frame = is_text(line.get("frame")) and is_text(line.get("frame_sha256"))
    if kind == "judged":
        return of_frame and line.get("verdict") in VERDICTS and is_text(line.get("reason"))
    return of_frame and kind in STROKES and type(line.get("id")) is int and are_runs(line.get("runs"))
