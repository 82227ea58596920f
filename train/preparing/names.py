"""Which study, series and frame a file is: from its name by a pattern, or from a CSV file.

A study is a patient: all of its frames lie on the same side of a split.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from octseg.errors import ConfigError
from octseg.reading.names import NaturalKey, natural_key

RECORD_PATTERN = r"(?P<study>\d{3})_(?P<series>\d+)_(?P<frame>\d{3,})"
MAX_CSV_BYTES = 64 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True)
class FrameName:
    """Study (patient), series (pullback) and the frame's number in it; in order as people count: P2 before P10."""

    study: str
    series: str
    frame: int

    def __lt__(self, other: "FrameName") -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[NaturalKey, NaturalKey, int]:
        return natural_key(self.study), natural_key(self.series), self.frame

    @property
    def stem(self) -> str:
        """What its files are called; the record's own names come out as they are."""
        return f"{_safe(self.study)}_{_safe(self.series)}_{self.frame:03d}"


NameRule = Callable[[str], FrameName | None]  # file name -> frame, or None where it fits nothing


def by_pattern(pattern: str) -> NameRule:
    """By a regular expression with the group `study`, and `series` and `frame` where there are such.

    Raises ConfigError where it is none.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"the name pattern is no regular expression: {error}") from error
    if "study" not in compiled.groupindex:
        raise ConfigError(f"the name pattern {pattern} needs a group (?P<study>...): a split by patient rests on it")

    def rule(file: str) -> FrameName | None:
        found = compiled.fullmatch(PurePosixPath(file).stem)
        return None if found is None else _frame_name(found.groupdict(), file)

    return rule


def by_csv(path: Path) -> NameRule:
    """By a CSV file with the columns file and study, and series and frame where there are such.

    Raises ConfigError where it cannot be read or lacks a column.
    """
    try:
        content = path.read_bytes()[:MAX_CSV_BYTES].decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(content)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path.name} cannot be read as a CSV file in UTF-8") from error
    if not rows or not {"file", "study"} <= rows[0].keys():
        raise ConfigError(f"{path.name} needs a header line with file,study (and series,frame where there are such)")
    by_file = {PurePosixPath(row["file"] or "").name: row for row in rows}
    by_stem = {PurePosixPath(file).stem: row for file, row in by_file.items()}

    def rule(file: str) -> FrameName | None:
        base = PurePosixPath(file)
        row = by_file.get(base.name) or by_stem.get(base.stem)
        return None if row is None else _frame_name(row, file)

    return rule


def _frame_name(parts: Mapping[str, str | None], file: str) -> FrameName | None:
    """None where a part is not what it must be."""
    study, series, frame = parts.get("study") or "", parts.get("series") or "1", parts.get("frame")
    if frame is None or frame == "":
        digits = re.findall(r"\d+", PurePosixPath(file).stem)  # the last number of a name counts the frames
        frame = digits[-1] if digits else "1"
    if not study.strip() or not frame.isascii() or not frame.isdigit() or len(frame) > 9:
        return None
    return FrameName(study.strip(), series.strip(), int(frame))


def _safe(part: str) -> str:
    """The part as it is, or what a file name can hold of it with a few digits that keep different parts apart."""
    safe = _UNSAFE.sub("-", part).strip("-.")
    return part if safe == part else f"{safe or 'x'}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"
