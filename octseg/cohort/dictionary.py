"""What each column of the tables is: its type, its unit, what it means and where it comes from, from dictionary.csv."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

from octseg.export.tables import csv_line

TABLES = ("pullbacks", "plaques", "frames", "failed")
FILE = Path(__file__).with_name("dictionary.csv")
ENDS = {"low": "Lower", "high": "Upper"}


@dataclass(frozen=True)
class Column:
    """type: text, integer, number, boolean, texts or numbers, the latter two lists. unit: "" where it has none."""

    table: str
    column: str
    type: str
    unit: str
    meaning: str
    source: str


def columns(table: str, *, intervals: bool) -> list[Column]:
    """Of a table, in order; intervals: also those of the ends of 95 % intervals, behind their measures."""
    return [each for each, is_end in _all() if each.table == table and (intervals or not is_end)]


def dictionary_csv(*, intervals: bool) -> str:
    """A line a column of each table."""
    head = csv_line(field.name for field in fields(Column))
    rows = [each for table in TABLES for each in columns(table, intervals=intervals)]
    return head + "".join(csv_line(asdict(row).values()) for row in rows)


def dictionary_markdown() -> str:
    """The same to read: a section a table."""
    return "\n".join(_section(table) for table in TABLES)


def _section(table: str) -> str:
    lines = [f"## {table}", "", "| column | type | unit | what it is | source |", "|---|---|---|---|---|"]
    lines += [
        f"| `{each.column}` | {each.type} | {each.unit} | {each.meaning} | {each.source} |"
        for each in columns(table, intervals=False)
    ]
    return "\n".join([*lines, ""])


@cache
def _all() -> Sequence[tuple[Column, bool]]:
    """Each column of each table, and whether it is an end of an interval."""
    found: list[tuple[Column, bool]] = []
    with FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for table in row["tables"].split():
                own = Column(table, row["column"], row["type"], row["unit"], row["meaning"], row["source"])
                ends = ENDS if table in row["intervals_in"].split() else ()
                found += [(own, False), *((_end_of(own, end), True) for end in ends)]
    return found


def _end_of(measure: Column, end: str) -> Column:
    said = f"{ENDS[end]} end of the 95 % interval of {measure.column}."
    return Column(measure.table, f"{measure.column}_{end}", "number", measure.unit, said, measure.source)
