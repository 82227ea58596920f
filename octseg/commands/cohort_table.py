"""The table of a cohort's cases: a CSV file with a header line, as spreadsheets write it."""

import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from octseg.cohort.cases import Case, apart
from octseg.commands.cohort_cases import telling
from octseg.commands.counts import finite
from octseg.commands.frame_range import FrameRange
from octseg.commands.spacings import why_no_spacing
from octseg.errors import ConfigError
from octseg.reading.cells import as_read, folded, spelling, whole_numbers, why_no_name
from octseg.reading.folders import is_folder
from octseg.reading.sheets import read_sheet

NAMES = {
    "path": ("path", "file", "input", "pullback"),
    "case": ("case", "case_id", "id"),
    "patient": ("patient", "patient_id", "subject", "subject_id"),
    "group": ("group", "arm", "cohort"),
    "frames": ("frames", "range"),
    "pixel_spacing_mm": ("pixel_spacing_mm", "pixel_spacing"),
    "frame_spacing_mm": ("frame_spacing_mm", "frame_spacing"),
}
SPELLINGS = {"patient": spelling, "group": folded}  # what two spellings of one share
WHO = {"patient": "who the patient is", "group": "which group it is of"}


def cases_of(table: Path, frames: str = "-", tell: Callable[[str], object] | None = None) -> list[Case]:
    """A case a row; paths count from the folder of the table, and `frames` where a row gives none.

    tell: of frames that count twice. Raises ConfigError with the row where one is not right.
    """
    rows = _rows(table)
    labels = _labels([_words(row["path"], table.parent) for _, row in rows])
    texts = [(row["case"] or label, row["path"] + row["frames"]) for (_, row), label in zip(rows, labels, strict=True)]
    cases: dict[int, Case] = {}
    seen: dict[str, int] = {}
    for (number, row), name, (text, stands) in zip(rows, apart(texts), texts, strict=True):
        where = f"row {number} of {table.name}"
        asked = _frames(row["frames"], where) if row["frames"] else FrameRange.said(frames)
        place = f"{os.path.realpath(_place(row['path'], table.parent))} {asked}"
        for known, words in ((f"case {row['case']}", f"the case {text}"), (f"path {place}", f"the path {stands}")):
            if known != "case " and known in seen:
                raise ConfigError(f"{where} names {words} again, after row {seen[known]}: it would count twice")
            seen[known] = number
        cases[number] = Case(
            name=name,
            id=row["case"] or name,
            path=_place(row["path"], table.parent),
            patient=row["patient"] or name,
            group=row["group"],
            frames=str(asked),
            pixel_spacing_mm=_length(row, "pixel_spacing_mm", where),
            frame_spacing_mm=_length(row, "frame_spacing_mm", where),
        )
    for sentence in _counted_twice(cases, table.name):
        if tell is not None:
            tell(sentence)
    return list(cases.values())


def _counted_twice(cases: Mapping[int, Case], table: str) -> Iterator[str]:
    """Frames of one path that two rows have, a sentence each; ConfigError where the rows give them two patients.

    A file is of one patient, whichever frames of it; a folder may hold pictures of several. cases: by their row's
    number.
    """
    of_path: dict[str, list[tuple[int, Case]]] = {}
    for number, case in cases.items():
        others = of_path.setdefault(os.path.realpath(case.path), [])
        for before, other in others:
            rows, shared = f"rows {before} and {number} of {table}", _shared(other, case)
            are_two = case.patient != other.patient
            are_named = case.patient != case.name and other.patient != other.name
            if are_two and are_named and (shared or not is_folder(case.path)):
                raise ConfigError(
                    f"{rows} give {shared or case.path.name} to two patients, {other.patient!r} and {case.patient!r}; "
                    f"a {'frame' if shared else 'file'} is of one"
                )
            if shared:
                also = ", as of two patients: give both rows the patient" if are_two else ""
                yield f"{rows} both have {shared}, which count twice{also}"
        others.append((number, case))


def _shared(one: Case, other: Case) -> str:
    """The frames of one path that two cases have, in words; empty where there are none."""
    shared = FrameRange.said(one.frames).shared(FrameRange.said(other.frames))
    return "" if shared is None else f"frames {shared} of {other.path.name}"


def _place(path: str, folder: Path) -> Path:
    return folder / path.replace("\\", "/")


def _words(path: str, folder: Path) -> list[str]:
    """The folders and the name of a path, without an ending and without a last folder that says nothing of a case."""
    place = _place(path, folder)
    parts = [part for part in Path(path.replace("\\", "/")).parts if part not in ("/", "..")] or [place.name]
    return telling(parts, is_file=bool(place.suffix) and not is_folder(place))


def _labels(paths: Sequence[list[str]]) -> list[str]:
    """The last word of each; where others end in the same, all but what every path begins with."""
    last = [words[-1].casefold() for words in paths]
    shared = len(list(takewhile(lambda words: len(set(words)) == 1, zip(*paths, strict=False))))
    return [
        words[-1] if last.count(words[-1].casefold()) == 1 else "_".join(words[shared:]) or words[-1] for words in paths
    ]


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Number and cells of each row that says something, under our own names."""
    sheet = read_sheet(table, [column for spellings in NAMES.values() for column in spellings], NAMES["path"])
    if not sheet.columns:
        raise ConfigError(f"{table.name} is empty: it needs a header line with path, and a row a pullback")
    ours = _names_of(sheet.columns, table.name)
    rows = []
    for number, cells in sheet.records(*NAMES["path"]):
        row = dict.fromkeys(NAMES, "")
        row |= {ours[column]: cell for column, cell in cells.items() if column}
        if not row["path"]:
            raise ConfigError(f"row {number} of {table.name} names no path")
        rows.append((number, row))
    for column, of in SPELLINGS.items():
        names = whole_numbers([as_read(row[column]) for _, row in rows])
        for (number, row), name in zip(rows, names, strict=True):
            row[column] = name
            if name and (fault := why_no_name(name, column)) is not None:
                raise ConfigError(
                    f"row {number} of {table.name} gives the {column} {name!r}, {fault}; write there {WHO[column]}, or "
                    "leave it empty"
                )
        _refuse_two_spellings(rows, column, of, table.name)
    return rows


def _refuse_two_spellings(
    rows: Sequence[tuple[int, Mapping[str, str]]], column: str, of: Callable[[str], str], table: str
) -> None:
    """ConfigError where one patient or group is spelt in two ways, and would count as two; of: what both share."""
    first: dict[str, tuple[int, str]] = {}
    for number, row in rows:
        before, name = first.setdefault(of(row[column]), (number, row[column]))
        if name != row[column]:
            raise ConfigError(
                f"one {column} is spelt in two ways: {name!r} in row {before} of {table}, and {row[column]!r} in "
                f"row {number}; spell it in one, or it counts as two {column}s"
            )


def _names_of(columns: Sequence[str], table: str) -> dict[str, str]:
    """Our own name of each column that has a name."""
    ours = {cell: name for name, spellings in NAMES.items() for cell in spellings}
    unknown = [column for column in columns if column and column not in ours]
    named = {column: ours[column] for column in columns if column in ours}
    if unknown or "path" not in named.values():
        wrong = f"has the column {unknown[0]}" if unknown else "has no column path"
        raise ConfigError(f"{table} {wrong}; its columns are {', '.join(NAMES)}, of which path is needed")
    for name in NAMES:
        twice = [column for column in columns if named.get(column) == name]
        if len(twice) > 1:
            told = twice[0] if len(set(twice)) == 1 else f"for {name}, {' and '.join(twice)}"
            raise ConfigError(f"{table} has {'two' if len(twice) == 2 else len(twice)} columns {told}; keep one")
    return named


def _frames(text: str, where: str) -> FrameRange:
    try:
        return FrameRange.parse(text)
    except ArgumentTypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _length(row: Mapping[str, str], name: str, where: str) -> float | None:
    if not row[name]:
        return None
    value = finite(row[name])
    if value is None or value <= 0:
        raise ConfigError(f"{where}: {name} is {row[name]}, which is no length in mm above 0")
    if (fault := why_no_spacing(name.partition("_")[0], value)) is not None:
        raise ConfigError(f"{where}: {name} is {row[name]}; {fault}")
    return value
