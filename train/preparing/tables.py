"""Which study, series and frame a file is, from a CSV file as spreadsheets write it.

A row names a file by its name or by a path, of this machine or of another: of the rows that fit a file, the one whose
path agrees with it over the most folders counts. Rows are numbered as spreadsheets number them, from the header's 1.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from octseg.errors import ConfigError, DatasetError
from octseg.reading.cells import as_read, visible, whole_numbers, why_no_name
from octseg.reading.sheets import read_sheet
from train.preparing.names import NameRule, Parts, composed, frame_number, stem_of

COLUMNS = ("file", "study", "series", "frame")
DIFFERENT = ("studies", "series", "frames")  # as of COLUMNS[1:]
PATIENT_COLUMNS = ("patient", "patient_id", "patientid", "subject", "subject_id", "subjectid")  # of a header line
# Names of columns that tell patients apart, without what parts their words: Patient ID, Pat-Nr, subject_number, MRN.
OF_PATIENTS = re.compile(r"(patients?|pat|subjects?|subj|person)(id|nr|no|num|number|code|key|identifier)?|mrn|pid")
KINDS_OF_FOLDER = ("img", "images", "mask", "masks")  # which a path may name or leave out
ROOT_FOLDERS = 4  # of the source's own path, that may be among those of the rows


@dataclass(frozen=True)
class Row:
    """What one row says. folders: of the path that it names, without `images` and the like. frame: as it is written."""

    number: int
    folders: tuple[str, ...]
    name: str
    study: str
    series: str
    frame: str

    @property
    def said(self) -> tuple[str, str, str]:
        """Which frame it is."""
        return self.study, self.series, self.frame


@dataclass(frozen=True)
class Table:
    """The rows of a CSV file. root: the last folders of the source's own path. private: no name is told."""

    label: str
    rows: tuple[Row, ...]
    root: tuple[str, ...] = ()
    private: bool = False

    def where(self, *rows: Row) -> str:
        """Where rows stand, in a sentence."""
        if len(rows) == 1:
            return f"row {rows[0].number} of {self.label}"
        return f"rows {', '.join(str(row.number) for row in rows[:-1])} and {rows[-1].number} of {self.label}"


def by_csv(path: Path, among: Collection[str] = (), root: PurePath | None = None, *, private: bool = False) -> NameRule:
    """By a CSV file with the columns file and study, and series and frame where there are such.

    among: the files of the source, and `root`, where it lies: what of the rows' paths is of another place is told by
    them. Of `private` names none is told.

    Raises ConfigError where it cannot be read, lacks a column, or says two things of one file.
    """
    table = Table(path.name, tuple(_rows(path, private)), _root_folders(root), private)
    if not table.rows:
        raise ConfigError(f"{path.name} has a header line, and no row that names a file")
    _refuse_two_words_on_one_file(table)
    finder = _Finder(table)
    if among and not any(finder.rows_of(file) for file in among):
        finder = _Finder(replace(table, rows=tuple(_without_common_folders(table.rows))))

    def parts_of(file: str) -> Parts:
        rows = finder.rows_of(file)
        if not rows:
            first = table.rows[0]
            raise DatasetError(
                f"{table.label} has no row for it" + ("" if private else f" (row {first.number} is for {first.name})")
            )
        if len({row.said for row in rows}) > 1:
            raise DatasetError(
                f"{table.where(*rows[:2])} both fit it, and give it {_what_differs(*rows[:2])}; write the paths of "
                "the files, not their names alone"
            )
        return _parts(rows[0], table)

    return NameRule(parts_of)


def _parts(row: Row, table: Table) -> Parts:
    where = table.where(row)
    if not row.study:
        raise DatasetError(
            f"{where} gives it no study; of merged cells only the first row keeps what they hold: write it into each"
        )
    if (fault := why_no_name(row.study)) is not None:
        told = "" if table.private else f" {row.study!r}"
        raise DatasetError(f"{where} gives it the study{told}, {fault}; write there who the patient is")
    frame = frame_number(row.frame, where, shown=not table.private) if row.frame else None
    return Parts(row.study, row.series or None, frame, where, of_one_file=True)


class _Finder:
    """Looks up the rows that fit a file."""

    def __init__(self, table: Table) -> None:
        self._root = tuple(map(_folded, table.root))
        self._named_folders = {_folded(folder) for row in table.rows for folder in row.folders}
        self._by_stem: dict[str, list[Row]] = {}
        for row in table.rows:
            self._by_stem.setdefault(_folded(stem_of(row.name)), []).append(row)

    def rows_of(self, file: str) -> list[Row]:
        """Those whose path agrees with the file's over the most folders; none where each speaks against it."""
        folders, name = _split_path(file)
        fitting = [row for row in self._by_stem.get(_folded(stem_of(name)), ()) if self._fits(row, folders)]
        if any(_folded(row.name) == _folded(name) for row in fitting):
            bare = [row for row in fitting if stem_of(row.name) == composed(row.name)]
            fitting = [row for row in fitting if _folded(row.name) == _folded(name) or row in bare]
        best = max((_agreement(row, folders, name) for row in fitting), default=None)
        return [row for row in fitting if _agreement(row, folders, name) == best]

    def _fits(self, row: Row, folders: Sequence[str]) -> bool:
        """Whether no folder speaks against it, of the file's path and, before that, of the source's own."""
        ours, theirs = [_folded(each) for each in folders], [_folded(each) for each in row.folders]
        shared = min(len(ours), len(theirs))
        if shared and ours[-shared:] != theirs[-shared:]:
            return False
        beyond = theirs[: len(theirs) - shared]
        known = [folder for folder in self._root if folder in self._named_folders]
        return not beyond or not known or known[-1] in beyond


def _agreement(row: Row, folders: Sequence[str], name: str) -> tuple[int, bool]:
    """How many folders row and file share, and whether down to the case of letters."""
    shared = min(len(folders), len(row.folders))
    ours = folders[len(folders) - shared :]
    theirs = row.folders[len(row.folders) - shared :]
    return shared, (*ours, stem_of(name)) == (*theirs, stem_of(row.name))


def _rows(path: Path, private: bool) -> Iterator[Row]:
    """The rows that name a file; ConfigError where the columns are not right."""
    sheet = read_sheet(path, (*COLUMNS, *PATIENT_COLUMNS), COLUMNS[:1])
    _require_columns(sheet.columns, path.name)
    told = [(number, {column: composed(cell) for column, cell in row.items()}) for number, row in sheet.records("file")]
    patients = [column for column in sheet.columns if OF_PATIENTS.fullmatch(re.sub(r"[\W_]+", "", column))]
    _refuse_patients_in_pieces(told, patients, path.name, private)
    for column in COLUMNS[1:]:
        texts = whole_numbers([as_read(row.get(column, "")) for _, row in told])
        for (_, row), text in zip(told, texts, strict=True):
            row[column] = text
    for number, row in told:
        if row.get("file"):
            folders, name = _split_path(row["file"])
            yield Row(number, folders, name, *(row[column] for column in COLUMNS[1:]))


def _require_columns(columns: Sequence[str], label: str) -> None:
    if twice := sorted({column for column in columns if column in COLUMNS and columns.count(column) > 1}):
        raise ConfigError(f"{label} has two columns {twice[0]}; keep one")
    if not {"file", "study"} <= set(columns):
        there = ", ".join(column for column in columns if column) or "none"
        raise ConfigError(
            f"{label} needs a header line with file,study (and series,frame where there are such); its columns are "
            f"{there}. A study is a patient: call the column that tells patients apart study"
        )


def _refuse_patients_in_pieces(
    rows: Iterable[tuple[int, Mapping[str, str]]], patients: Sequence[str], label: str, private: bool
) -> None:
    """ConfigError where a column of `patients` says that one has two studies: they would leak over a split."""
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for number, row in rows:
        for column in patients:
            if not row.get(column) or why_no_name(row[column]) is not None:
                continue
            before, study = first.setdefault((column, row[column].casefold()), (number, row.get("study", "")))
            if study != row.get("study", ""):
                named = "" if private else f" ({study}, {row.get('study')})"
                raise ConfigError(
                    f"rows {before} and {number} of {label} give one patient two studies{named}; frames of one patient "
                    "on both sides of a split leak: put the patient into the column study"
                )


def _what_differs(one: Row, other: Row) -> str:
    """In what two rows say different things, in words."""
    differ = [kind for kind, a, b in zip(DIFFERENT, one.said, other.said, strict=True) if a != b]
    return f"different {' and '.join(differ or DIFFERENT[-1:])}"


def _refuse_two_words_on_one_file(table: Table) -> None:
    first: dict[tuple[str, ...], Row] = {}
    for row in table.rows:
        other = first.setdefault((*row.folders, row.name), row)
        if other.said == row.said:
            continue
        if table.private:
            differ = _what_differs(other, row)
            raise ConfigError(f"{table.where(other, row)} name one file and give it {differ}; keep one of them")
        told = [
            f"row {each.number} says "
            + ", ".join(f"{kind} {text}" for kind, text in zip(COLUMNS[1:], each.said, strict=True) if text)
            for each in (other, row)
        ]
        raise ConfigError(f"{table.label} names {row.name} twice: {told[0]}, and {told[1]}; keep one of them")


def _split_path(path: str) -> tuple[tuple[str, ...], str]:
    """Folders and name of a path as any machine writes it; `.`, `..`, the drive and folders of a kind are dropped."""
    parts = [part for part in composed(path).replace("\\", "/").split("/") if part not in ("", ".")]
    folders: list[str] = []
    for part in parts[:-1]:
        if part == "..":
            folders = folders[:-1]
        elif not re.fullmatch(r"[A-Za-z]:", part) and part.casefold() not in KINDS_OF_FOLDER:
            folders.append(part)
    return tuple(folders), re.sub(r"^[A-Za-z]:", "", parts[-1]) if parts else ""


def _without_common_folders(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows without the folders that all of their paths begin with: those of the machine that the table is from."""
    paths = [row.folders for row in rows]
    shared = 0
    while all(len(path) > shared for path in paths) and len({_folded(path[shared]) for path in paths}) == 1:
        shared += 1
    return (replace(row, folders=row.folders[shared:]) for row in rows)


def _root_folders(root: PurePath | None) -> tuple[str, ...]:
    if root is None:
        return ()
    names = [stem_of(part) for part in root.parts if part.casefold() not in KINDS_OF_FOLDER]
    return tuple(names[-ROOT_FOLDERS:])


def _folded(text: str) -> str:
    return visible(composed(text)).casefold()
