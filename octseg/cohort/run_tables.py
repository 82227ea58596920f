"""The tables of a run, read from its cohort.json case by case: 10,000 pullbacks have three million frames.

A row has a line there (`table_files`); one pass notes where the rows of each case lie. A file that another program has
written anew is read whole.
"""

import json
from collections.abc import Mapping, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, BinaryIO

from octseg.cohort.comparing import KEYS, Row

CASE = b'{"case": "'  # how a row begins
Extents = dict[str, list[tuple[int, int]]]  # case -> where its rows begin and end, in bytes


class HeldTables:
    """Tables in memory, name -> rows. run: what the run was asked for."""

    def __init__(self, tables: Mapping[str, Sequence[Row]], run: Any = None) -> None:
        self.run = run
        self._rows: dict[str, dict[str, list[Row]]] = {}
        for table in KEYS:
            of_case = self._rows.setdefault(table, {})
            for row in tables[table]:
                of_case.setdefault(str(row["case"]), []).append(row)

    def cases(self, table: str) -> Sequence[str]:
        """Those that a table has rows of, in order."""
        return list(self._rows[table])

    def rows(self, table: str, case: str) -> Sequence[Row]:
        """The rows of a case."""
        return self._rows[table].get(case, [])


class FiledTables:
    """Tables in a file that stays open; rows are read when they are asked for."""

    def __init__(self, file: BinaryIO, run: Any, extents: Mapping[str, Extents]) -> None:
        self.run, self._file, self._extents = run, file, extents

    def cases(self, table: str) -> Sequence[str]:
        """Those that a table has rows of, in order."""
        return list(self._extents[table])

    def rows(self, table: str, case: str) -> Sequence[Row]:
        """The rows of a case; ValueError where they are no JSON."""
        rows: list[Row] = []
        for begin, end in self._extents[table].get(case, ()):
            self._file.seek(begin)
            rows += (_row(line) for line in self._file.read(end - begin).decode().split("\n") if line)
        return rows


def open_tables(path: Path) -> HeldTables | FiledTables:
    """Of a cohort.json. ValueError where it is not whole, or holds no tables of a cohort; OSError as it comes."""
    file = path.open("rb")
    try:
        found = _filed(file)
    except BaseException:  # whatever it is, the file is let go
        file.close()
        raise
    if found is not None:
        return found
    file.close()
    return _held(json.loads(path.read_bytes()))


def _held(told: Any) -> HeldTables:
    rows = [told.get(table) for table in KEYS] if isinstance(told, dict) else [None]
    if not all(isinstance(of, list) and all(isinstance(row, dict) and "case" in row for row in of) for of in rows):
        raise KeyError("tables")
    return HeldTables(told, told.get("run"))


def _filed(file: BinaryIO) -> FiledTables | None:
    """The tables of a file with a line a row; None where it has others."""
    first = file.readline()
    try:
        run = json.loads(first.rstrip().rstrip(b",") + b"}")["run"]
    except (ValueError, KeyError, TypeError):
        return None
    extents: dict[str, Extents] = {}
    here: Extents = {}
    at, last = len(first), first
    for line in file:
        if line.startswith(b' "'):
            here = extents.setdefault(line[2:].partition(b'"')[0].decode(), {})
        else:
            case = _case(line)
            if case is None:
                return None
            of_case = here.setdefault(case, [])
            if of_case and of_case[-1][1] == at:
                of_case[-1] = of_case[-1][0], at + len(line)
            else:
                of_case.append((at, at + len(line)))
        at, last = at + len(line), line
    whole = last.endswith(b"]}\n") and extents.keys() >= KEYS.keys()
    return FiledTables(file, run, extents) if whole else None


def _case(line: bytes) -> str | None:
    """The case of a row; None where the line holds none."""
    text = line.strip()
    if not text.startswith(CASE):
        return None
    try:
        return str(scanstring(text.decode(), len(CASE))[0])
    except ValueError:
        return None


def _row(line: str) -> Row:
    """A row, whatever stands behind it in its line."""
    row = json.JSONDecoder().raw_decode(line.strip())[0]
    if not isinstance(row, dict):
        raise ValueError("no row")
    return row
