"""cohort.csv, cohort_plaques.csv, cohort_frames.csv and cohort_failed.csv; each as .parquet too; cohort.json with all
four; and cohort_dictionary.csv, which says what their columns are.

The same rows and columns in each; what is None is empty in CSV and null in the others.
"""

import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from octseg.cohort.dictionary import TABLES, Column, columns, dictionary_csv
from octseg.cohort.tables import Row, Tables
from octseg.export.files import growing, growing_path, told_in_one_sentence, write_file
from octseg.export.tables import csv_line

NO_PARQUET = "the tables are written as CSV and JSON alone, for pyarrow is not installed: pip install 'octseg[cohort]'"
ROWS_AT_ONCE = 2_000  # in memory, and in a group of Parquet
ARROW = {"text": "string", "integer": "int64", "number": "float64", "boolean": "bool"}


def name_of(table: str, ending: str) -> str:
    """Of the file of a table; that of the pullbacks is the cohort's own."""
    return f"cohort{ending}" if table == "pullbacks" else f"cohort_{table}{ending}"


def missing_package() -> str | None:
    """What to say where Parquet cannot be written; None where it can."""
    return None if importlib.util.find_spec("pyarrow") is not None else NO_PARQUET


def write_tables(tables: Tables, root: Path) -> Counter[str]:
    """All files; Parquet where that can be written, and none of an earlier time where it cannot.

    Gives how many rows of pullbacks there are in each state.
    """
    intervals = bool(tables.run.get("flags", {}).get("uncertainty"))
    write_file(root / "cohort_dictionary.csv", dictionary_csv(intervals=intervals).encode())
    states: Counter[str] = Counter()
    with growing(root / "cohort.json") as file:
        file.write(json.dumps({"run": tables.run})[:-1].encode())
        for table in TABLES:
            file.write(f',\n "{table}": ['.encode())
            rows = tables.rows(table)
            if table == "pullbacks":
                rows = _counted(rows, states)
            _write_table(root, table, columns(table, intervals=intervals), rows, file)
            file.write(b"]")
        file.write(b"}\n")
    return states


def _counted(rows: Iterable[Row], states: Counter[str]) -> Iterator[Row]:
    for row in rows:
        states[row["state"]] += 1
        yield row


def _write_table(root: Path, table: str, told: Sequence[Column], rows: Iterable[Row], in_json: BinaryIO) -> None:
    """A table's own files, and its lines of cohort.json; each case is read once for all."""
    names, left, first = [each.column for each in told], iter(rows), True
    with growing(root / name_of(table, ".csv")) as in_csv, _parquet(root / name_of(table, ".parquet"), told) as add:
        in_csv.write(csv_line(names).encode())
        while group := list(islice(left, ROWS_AT_ONCE)):
            whole = [{name: row.get(name) for name in names} for row in group]
            add(whole)
            in_csv.write("".join(csv_line(row.values()) for row in whole).encode())
            lines = ",".join(f"\n  {json.dumps(row, allow_nan=False)}" for row in whole)
            in_json.write(("" if first else ",").encode() + lines.encode())
            first = False


@contextmanager
def _parquet(path: Path, told: Sequence[Column]) -> Iterator[Callable[[list[Row]], object]]:
    """Takes rows as they come; nothing of them, and no older file, where Parquet cannot be written."""
    if missing_package() is not None:
        with told_in_one_sentence(path.name):
            path.unlink(missing_ok=True)
        yield lambda _: None
        return
    # It takes seconds to load, and few need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(each.column, _arrow_type(each.type), metadata=_about(each)) for each in told])
    with growing_path(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _about(column: Column) -> Mapping[str, str]:
    return {"unit": column.unit, "description": column.meaning}


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    single = kind.removesuffix("s")
    return pa.type_for_alias(ARROW[kind]) if kind == single else pa.list_(pa.type_for_alias(ARROW[single]))
