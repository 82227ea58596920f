"""cohort.csv, cohort_plaques.csv, cohort_frames.csv and cohort_failed.csv; each as .parquet too; cohort.json with all
four; and cohort_dictionary.csv, which says what their columns are.

The same rows and columns in each; what is None is empty in CSV and null in the others.
"""

import importlib.util
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from octseg.cohort.dictionary import TABLES, Column, columns, dictionary_csv
from octseg.cohort.tables import Row, Tables
from octseg.export.files import growing, growing_path, told_in_one_sentence, write_file
from octseg.export.tables import csv_line

NO_PARQUET = "the tables are written as CSV and JSON alone, for pyarrow is not installed: pip install 'octseg[cohort]'"
ROWS_AT_ONCE = 5_000  # in memory, and in a group of Parquet
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
    of_tables = {table: columns(table, intervals=intervals) for table in TABLES}
    for table, told in of_tables.items():
        _write_csv(root / name_of(table, ".csv"), told, tables.rows(table))
        path = root / name_of(table, ".parquet")
        if missing_package() is None:
            _write_parquet(path, told, tables.rows(table))
        else:
            with told_in_one_sentence(path.name):
                path.unlink(missing_ok=True)
    with growing(root / "cohort.json") as file:
        file.write(json.dumps({"run": tables.run})[:-1].encode())
        for table, told in of_tables.items():
            file.write(f',\n "{table}": ['.encode())
            for line in _json_lines(told, tables.rows(table)):
                file.write(line.encode())
            file.write(b"]")
        file.write(b"}\n")
    return Counter(row["state"] for row in tables.rows("pullbacks"))


def _write_csv(path: Path, told: Iterable[Column], rows: Iterable[Row]) -> None:
    names = [each.column for each in told]
    with growing(path) as file:
        file.write(csv_line(names).encode())
        for row in rows:
            file.write(csv_line(row.get(name) for name in names).encode())


def _json_lines(told: Iterable[Column], rows: Iterable[Row]) -> Iterator[str]:
    names = [each.column for each in told]
    for number, row in enumerate(rows):
        whole = {name: row.get(name) for name in names}
        yield f"{',' if number else ''}\n  {json.dumps(whole, allow_nan=False)}"


def _write_parquet(path: Path, told: Iterable[Column], rows: Iterable[Row]) -> None:
    # It takes seconds to load, and few need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(each.column, _arrow_type(each.type), metadata=_about(each)) for each in told])
    left = iter(rows)
    with growing_path(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        while group := list(islice(left, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _about(column: Column) -> Mapping[str, str]:
    return {"unit": column.unit, "description": column.meaning}


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    single = kind.removesuffix("s")
    return pa.type_for_alias(ARROW[kind]) if kind == single else pa.list_(pa.type_for_alias(ARROW[single]))
