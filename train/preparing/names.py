"""Which study, series and frame a file is, by a pattern of its name; what a name leaves open is filled in for all.

A study is a patient: all of its frames lie on the same side of a split. Names are compared as people read them: one
letter may be stored composed or decomposed, as disks of Linux and of a Mac do.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import PurePosixPath

from octseg.errors import ConfigError, DatasetError
from octseg.reading.cells import spelling
from octseg.reading.names import NaturalKey, natural_key, split_at_frame_numbers

RECORD_PATTERN = r"(?P<study>\d{3})_(?P<series>\d+)_(?P<frame>\d{3,})"
MAX_FRAME_DIGITS = 9  # a longer number is a time stamp or part of a DICOM UID
PARTS_OF_A_SPLIT = frozenset({"train", "training", "val", "valid", "validation", "test"})  # hold one frame each
UNKNOWN_NAME = "its name is not one that the name pattern or the CSV file knows"
OF_FOLDERS = (
    "; the pattern has a slash, but names are looked at without their folders and endings: where a folder names the "
    "patient, give a CSV file with the paths"
)
_ENDING = re.compile(
    r"(\.ome)?\.(png|jpe?g|jpe|jfif|tiff?|btf|tf8|bmp|dib|webp|gif|jp2|heic|dcm|dicom|nii(\.gz)?)$", re.IGNORECASE
)
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


@dataclass(frozen=True)
class Parts:
    """What is said of one file; series and frame are None where nothing is. where: what says it, in a sentence.

    of_one_file: what says it is right for one file only, as a row of a table is.
    """

    study: str
    series: str | None
    frame: int | None
    where: str
    of_one_file: bool = False


@dataclass(frozen=True)
class NameRule:
    """File (its path in the source) -> its parts; DatasetError with the reason where there are none."""

    parts_of: Callable[[str], Parts]

    def __call__(self, file: str) -> FrameName | None:
        """Which frame a file is, as if it were the only one; None where it fits nothing."""
        try:
            return completed({file: self.parts_of(file)})[file]
        except DatasetError:
            return None


def by_pattern(pattern: str) -> NameRule:
    """By a regular expression with the group `study`, and `series` and `frame` where there are such.

    Raises ConfigError where it is none.
    """
    try:
        compiled = re.compile(composed(pattern))
    except re.error as error:
        raise ConfigError(f"the name pattern is no regular expression: {error}") from error
    if "study" not in compiled.groupindex:
        raise ConfigError(f"the name pattern {pattern} needs a group (?P<study>...): a split by patient rests on it")

    def parts_of(file: str) -> Parts:
        found = compiled.fullmatch(stem_of(file))
        said = {} if found is None else {kind: (text or "").strip() for kind, text in found.groupdict().items()}
        if not said.get("study"):
            raise DatasetError(f"{UNKNOWN_NAME}{OF_FOLDERS}" if _has_folders(pattern) else UNKNOWN_NAME)
        frame = frame_number(said["frame"], "its name", shown=False) if said.get("frame") else None
        return Parts(said["study"], said.get("series") or None, frame, "the name of a file")

    return NameRule(parts_of)


def _has_folders(pattern: str) -> bool:
    """Whether a regular expression looks for a slash or backslash."""
    return "/" in pattern or r"\\" in pattern


def frame_number(text: str, where: str, *, shown: bool = True) -> int:
    """The number of a frame; DatasetError where `text`, which stands in `where`, is none. shown: it may be told."""
    if not text.isascii() or not text.isdigit():
        raise DatasetError(f"the frame{f' {text!r}' if shown else ''} in {where} is no whole number")
    if len(text) > MAX_FRAME_DIGITS:
        raise DatasetError(
            f"the frame number in {where} has {len(text)} digits, as a time stamp has, and at most {MAX_FRAME_DIGITS} "
            "are right; where none is given, frames are counted in the order of their names"
        )
    return int(text)


def composed(text: str) -> str:
    """The text with each letter and its accents as one character."""
    return unicodedata.normalize("NFC", text)


def stem_of(file: str) -> str:
    """A file's name without folders and without the endings of pictures: `a` of x/a.png, a.ome.tif and a.jpg.png."""
    name = composed(PurePosixPath(file).name)
    while (shorter := _ENDING.sub("", name)) != name and shorter:
        name = shorter
    return name


def completed(parts: Mapping[str, Parts]) -> dict[str, FrameName]:
    """Each file's frame: what its parts leave open is taken from its name, and from those of its neighbours.

    A frame's number is the last one of its name, less the study's, that differs from its neighbours'. Where some name
    has none, or a time stamp, the frames of that series are counted in the order of their names. Where two pictures of
    a study come out as one frame, and no series is given, pictures whose names differ in more than that number are
    different series.
    """
    groups: dict[tuple[str, str | None], dict[str, Parts]] = {}
    for file in sorted(parts, key=natural_key):
        groups.setdefault((parts[file].study, parts[file].series), {})[file] = parts[file]
    names: dict[str, FrameName] = {}
    for (study, series), group in groups.items():
        read = _numbers(group)
        given = {file: part.frame for file, part in group.items() if part.frame is not None}
        by_name = {file: number for file in group if file not in given and (number := read[file][0]) is not None}
        if len(given) + len(by_name) < len(group):
            unsaid = [file for file in group if file not in given]
            by_name = dict(zip(unsaid, count(max(given.values(), default=0) + 1), strict=False))
        numbers = given | by_name
        series_of = dict.fromkeys(group, series or "1")
        if series is None and len(set(numbers.values())) < len(group):
            rest = {file: read[file][1] for file in group}
            number_of = {key: str(number) for number, key in enumerate(dict.fromkeys(rest.values()), 1)}
            series_of = {file: number_of[rest[file]] for file in group}
        names |= {file: FrameName(study, series_of[file], number) for file, number in numbers.items()}
    return names


def _numbers(files: Mapping[str, Parts]) -> dict[str, tuple[int | None, tuple[str, ...]]]:
    """Each file's number, None where its name has none, and its folders and its name without it."""
    found = {}
    stems = [_without_study(stem_of(file), part.study) for file, part in files.items()]
    for file, (before, digits, after) in zip(files, split_at_frame_numbers(stems), strict=True):
        found[file] = (int(digits) if digits else None, (*_folders(file), before, after))
    return found


def _without_study(stem: str, study: str) -> str:
    """The name less the study's, whose digits number no frame; as it is where nothing but signs would be left."""
    found = re.search(rf"(?<![^\W_]){re.escape(study)}(?![^\W_])", stem)
    if found is None or (study.isdigit() and found.start() > 0):  # a number further on may be the frame's
        return stem
    before, after = stem[: found.start()], stem[found.end() :]
    return f"{before}_{after}" if any(sign.isalnum() for sign in before + after) else stem


def said_of_many(parts: Mapping[str, Parts], *, private: bool = False) -> dict[str, str]:
    """Files that share what is right for one of them only, each with the reason why nothing is known of it.

    A frame that lies in two parts of a split is one. Of `private` names no file is told.
    """
    files_of: dict[str, list[str]] = {}
    for file, part in parts.items():
        if part.of_one_file:
            files_of.setdefault(part.where, []).append(file)
    problems: dict[str, str] = {}
    for where, files in files_of.items():
        if len({_folders(file) for file in files}) > 1:
            told = "" if private else f" ({files[0]}, {files[1]})"
            reason = f"{where} fits {len(files)} files{told}; write the paths of the files, not their names alone"
            problems |= dict.fromkeys(files, reason)
    return problems


def _folders(file: str) -> tuple[str, ...]:
    """Of a file's path, without those of parts of a split."""
    return tuple(each for each in PurePosixPath(file).parent.parts if each.casefold() not in PARTS_OF_A_SPLIT)


def refuse_two_spellings(parts: Mapping[str, Parts], *, private: bool = False) -> None:
    """DatasetError where one study is spelt in two ways: its frames would end on both sides of a split.

    Of `private` names no spelling is told.
    """
    first: dict[str, tuple[str, Parts]] = {}
    for file, part in parts.items():
        other_file, other = first.setdefault(spelling(part.study), (file, part))
        if other.study == part.study:
            continue
        seen = [
            f"in {each.where}" if private else f"{each.study!r} in {each.where}, {named}"
            for named, each in ((other_file, other), (file, part))
        ]
        raise DatasetError(
            f"one study is spelt in two ways: {seen[0]}, and {seen[1]}; spell it in one, or its frames may end up on "
            "both sides of the split"
        )


def _safe(part: str) -> str:
    """The part as it is, or what a file name can hold of it with a few digits that keep different parts apart."""
    safe = _UNSAFE.sub("-", part).strip("-.")
    return part if safe == part else f"{safe or 'x'}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"
