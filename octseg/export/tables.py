"""Measures as text: measures.csv, a row a frame, and measures.json, an entry a frame.

Numbers stay numbers; what cannot be measured is an empty cell in CSV and null in JSON.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would run such a cell
LIST_SEPARATOR = "; "


def csv_cell(value: Any) -> str | int | float:
    """A value as one cell; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return csv_cell(LIST_SEPARATOR.join(str(csv_cell(held)) for held in value))
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def csv_line(values: Iterable[Any]) -> str:
    """One line of CSV, its end included."""
    line = io.StringIO()
    csv.writer(line).writerow([csv_cell(value) for value in values])
    return line.getvalue()


def csv_row(run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A frame's record and the run's provenance side by side, as column -> value; an interval is `_low` and `_high`.

    The table of cores has no column: it is in measures.json.
    """
    record = {name: value for name, value in record.items() if name != "lipid_cores"}
    for name, interval in record.pop("intervals_95", {}).items():
        record[f"{name}_low"], record[f"{name}_high"] = interval or (None, None)
    model = {f"model_{key}": value for key, value in run["model"].items()}
    return {**record, **model, **{key: value for key, value in run.items() if key != "model"}}


def csv_under(columns: Sequence[str], row: Mapping[str, Any]) -> str:
    """A row's line under these columns, an empty cell where it has none of them; ValueError where it has others."""
    if others := row.keys() - set(columns):
        raise ValueError(f"a row of the table has columns that its head lacks: {sorted(others)}")
    return csv_line(row.get(name) for name in columns)


def measures_csv(run: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """All of measures.csv, under the columns of all records: frames that were corrected may lack some."""
    rows = [csv_row(run, record) for record in records]
    columns = list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))
    return csv_line(columns) + "".join(csv_under(columns, row) for row in rows) if rows else ""


def json_head(run: Mapping[str, Any]) -> str:
    """measures.json up to its first frame."""
    return json.dumps(run, allow_nan=False)[:-1] + ',\n "frames": ['


def json_entry(record: Mapping[str, Any], *, first: bool) -> str:
    """One frame of measures.json."""
    return ("\n  " if first else ",\n  ") + json.dumps(record, allow_nan=False)


def json_tail(late_warnings: Sequence[Mapping[str, Any]] = ()) -> str:
    """measures.json behind its last frame; late_warnings: `file` and `warnings` of each pullback that has some."""
    return f'\n],\n "late_warnings": {json.dumps(late_warnings)}}}\n' if late_warnings else "\n]}\n"


def measures_json(run: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> str:
    """All of measures.json."""
    entries = (json_entry(record, first=number == 0) for number, record in enumerate(records))
    return json_head(run) + "".join(entries) + json_tail()
