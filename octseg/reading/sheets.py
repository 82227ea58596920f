"""CSV files as spreadsheets write them: separators and letters of many countries, a title, Excel's line `sep=;`.

Rows are numbered as spreadsheets number them, from 1; the line `sep=;` is none.
"""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from octseg.errors import ConfigError
from octseg.reading.cells import encoding_of, unquoted, visible
from octseg.reading.formats import CONTAINER_WORDS, HEAD_BYTES, container_of, picture_format

MAX_CSV_BYTES = 64 << 20
SEPARATORS = (",", ";", "\t", "|")
MOST_HEADER = 1 << 16  # letters
HEADER_ROWS = 10  # among which the header is looked for, below a title
_GUARDED = re.compile(r'="(.*)"', re.DOTALL)  # how spreadsheets are kept from taking a text for a number
_SPREADSHEETS = (
    (b"PK", "an Excel or OpenDocument file"),
    (b"\xd0\xcf\x11\xe0", "an Excel file"),
    (b"<", "a web page or XML, as some programs export tables"),
)
SPREADSHEET_MEMBERS = frozenset({"xl/workbook.xml", "xl/workbook.bin", "content.xml", "Index/Document.iwa"})
Named = Callable[[Collection[str]], tuple[bool, int]]  # a needed one, and how many, of a row's columns
_Cells = list[tuple[int, list[str]]]


@dataclass(frozen=True)
class Sheet:
    """A CSV file's columns, case-folded, as its header names them, and what stands below that: number and cells.

    Without a row that says something it has no columns.
    """

    label: str
    columns: list[str]
    rows: _Cells

    def records(self, *keys: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Number and cells by column of each row that says something and is not the header again.

        keys: columns that go over one line. Raises ConfigError where one does not, or a row has more fields than the
        header.
        """
        for number, cells in self.rows:
            if not any(cells) or list(map(_column, cells)) == self.columns:
                continue
            if any(cells[len(self.columns) :]):
                raise ConfigError(
                    f"row {number} of {self.label} has {len(cells)} fields and the header {len(self.columns)}; a name "
                    "with a comma in it is put in quotation marks"
                )
            row = dict(zip(self.columns, cells, strict=False))
            if any("\n" in row.get(key, "") for key in keys):
                raise ConfigError(
                    f"row {number} of {self.label} goes on over many lines: a quotation mark in it is not closed"
                )
            yield number, row


def read_sheet(path: Path, known: Collection[str], needed: Collection[str]) -> Sheet:
    """A CSV file; its header is that of the first rows which names most of the `known` columns, the first of equals.

    A title may be the name of a column. needed: a row that names one of these goes before one that does not. Raises
    ConfigError where it cannot be read.
    """

    def named(columns: Collection[str]) -> tuple[bool, int]:
        own = set(columns)
        return not own.isdisjoint(needed), len(own.intersection(known))

    lines = _cells(_text(path), path.name, named)
    filled = [(number, list(map(_column, cells))) for number, cells in lines if any(cells)][:HEADER_ROWS]
    header_at, columns = max(filled, key=lambda row: named(row[1]), default=(0, []))
    return Sheet(path.name, columns, [row for row in lines if row[0] > header_at])


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CSV_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {(error.strerror or 'unknown cause').lower()}") from error
    if (kind := _shown(path, content[:HEAD_BYTES])) is not None:
        raise ConfigError(f"{path.name} is {kind}, not a CSV file: give a list that names it, or the folder it lies in")
    if len(content) > MAX_CSV_BYTES:
        raise ConfigError(f"{path.name} is too large for a table of file names")
    for magic, kind in _SPREADSHEETS:
        if content.startswith(magic):
            raise ConfigError(f"{path.name} is {kind}, not a CSV file: save the sheet as CSV UTF-8")
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path.name} cannot be read as a CSV file in UTF-8 (line {line} has other letters): save it as CSV UTF-8"
        ) from error


def _shown(path: Path, head: bytes) -> str | None:
    """What a file of frames is that begins with `head`; a spreadsheet is a ZIP file with a member so called."""
    if b"\0" not in head:  # as in no picture: a title may begin with the letters of one, as BMI does
        return None
    if picture_format(head) is not None:
        return "a picture"
    container = container_of(head)
    if container == "ZIP":
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            return None if SPREADSHEET_MEMBERS.intersection(archive.namelist()) else CONTAINER_WORDS[container]
        return None
    return None if container is None else CONTAINER_WORDS[container]


def _cells(text: str, label: str, named: Named) -> _Cells:
    """The number and the cells of each row; cells without what spreadsheets put around them."""
    said = re.match(r'"?sep=(.)"?[ ]*(\r\n|\r|\n)', text, re.IGNORECASE)
    if said is not None:
        text = text[said.end() :]
    try:
        return list(enumerate(_split(text, said[1] if said else _separator(text, named)), 1))
    except csv.Error as error:
        raise ConfigError(f"{label} cannot be read as a CSV file: {error}") from error


def _separator(text: str, named: Named) -> str:
    """What parts the cells: that by which one of the first lines names most columns."""

    def named_by(line: str, separator: str) -> tuple[bool, int]:
        return named([*map(_column, *_split(line, separator))])

    lines = [line for line in text[:MOST_HEADER].splitlines() if line.strip(" ,;|\t")][:HEADER_ROWS]
    header = max(lines, key=lambda line: max(named_by(line, each) for each in SEPARATORS), default="")
    return max(SEPARATORS, key=lambda each: (named_by(header, each), header.count(each))) if header else SEPARATORS[0]


def _split(text: str, separator: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    return [[_clean(cell) for cell in cells] for cells in rows]


def _clean(cell: str) -> str:
    shown = cell.strip().strip("\0")
    guarded = _GUARDED.fullmatch(shown)
    return (unquoted(shown) if guarded is None else guarded[1]).strip()


def _column(cell: str) -> str:
    """A column's name without case, marks that are not seen and letters of other widths."""
    return unicodedata.normalize("NFKC", visible(cell)).strip().casefold()
