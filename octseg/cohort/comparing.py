"""What differs between the tables of two runs over the same pullbacks: each change, and by measure how large they are.

Pullbacks and frames are held side by side. Plaques are not: two runs may part one plaque differently.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

Row = Mapping[str, Any]
Key = tuple[Any, ...]
KEYS = {"pullbacks": ("case", "pullback"), "frames": ("case", "folder", "file", "frame")}
NO_MEASURES = frozenset({"patient", "group", "results_folder", "mask_file", "overlay_file"})
SCALES = ("pixel_spacing_mm", "frame_spacing_mm")


@dataclass(frozen=True)
class Change:
    """One value of a row that is not the same in both. difference: b - a; None where one of them is no number."""

    table: str
    case: str
    row: str
    measure: str
    a: Any
    b: Any

    @property
    def difference(self) -> float | None:
        """B - a, of two numbers."""
        return self.b - self.a if _is_number(self.a) and _is_number(self.b) else None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A measure over the rows of both. mean_difference and greatest_difference: b - a, with its sign, of `compared`.

    compared: rows with a number in both. lost: in a alone; gained: in b alone.
    """

    table: str
    measure: str
    rows: int
    changed: int
    compared: int
    lost: int
    gained: int
    mean_difference: float | None
    greatest_difference: float | None
    greatest_case: str
    greatest_row: str


@dataclass(frozen=True)
class Comparison:
    """Of run a with run b. only_a, only_b: cases with results in one; scales_differ: cases with other spacings."""

    cases: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    scales_differ: tuple[str, ...]
    unpaired: Mapping[str, tuple[int, int]]
    summaries: tuple[Summary, ...]
    changes: tuple[Change, ...]


def compared(a: Mapping[str, Sequence[Row]], b: Mapping[str, Sequence[Row]]) -> Comparison:
    """Of the tables of two runs, name -> rows; ValueError where a table names one row twice."""
    cases_a, cases_b = _cases(a), _cases(b)
    both = set(cases_a) & set(cases_b)
    summaries: list[Summary] = []
    changes: list[Change] = []
    unpaired = {}
    for table in KEYS:
        rows_a, rows_b = _by_key(table, a[table], both), _by_key(table, b[table], both)
        pairs = {key: (row, rows_b[key]) for key, row in rows_a.items() if key in rows_b}
        unpaired[table] = (len(rows_a) - len(pairs), len(rows_b) - len(pairs))
        for measure in _measures(table, pairs):
            values = {key: (ours.get(measure), theirs.get(measure)) for key, (ours, theirs) in pairs.items()}
            found = [
                Change(table, str(key[0]), _row(key), measure, *of) for key, of in values.items() if of[0] != of[1]
            ]
            changes.extend(found)
            summaries.append(_summary(table, measure, list(values.values()), found))
    return Comparison(
        len(both),
        tuple(case for case in cases_a if case not in both),
        tuple(case for case in cases_b if case not in both),
        tuple(dict.fromkeys(change.case for change in changes if change.measure in SCALES)),
        unpaired,
        tuple(summaries),
        tuple(changes),
    )


def _summary(table: str, measure: str, values: Sequence[tuple[Any, Any]], found: Sequence[Change]) -> Summary:
    numbers = [(a, b) for a, b in values if _is_number(a) and _is_number(b)]
    far = max((change for change in found if change.difference is not None), key=_distance, default=None)
    return Summary(
        table=table,
        measure=measure,
        rows=len(values),
        changed=len(found),
        compared=len(numbers),
        lost=sum(a is not None and b is None for a, b in values),
        gained=sum(a is None and b is not None for a, b in values),
        mean_difference=fmean(b - a for a, b in numbers) if numbers else None,
        greatest_difference=far.difference if far else 0.0 if numbers else None,
        greatest_case=far.case if far else "",
        greatest_row=far.row if far else "",
    )


def _distance(change: Change) -> float:
    return abs(change.difference or 0.0)


def _cases(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    return list(dict.fromkeys(str(row["case"]) for row in tables["frames"]))


def _by_key(table: str, rows: Sequence[Row], cases: set[str]) -> dict[Key, Row]:
    made: dict[Key, Row] = {}
    for row in rows:
        if str(row["case"]) in cases:
            key = tuple(row.get(name) for name in KEYS[table])
            if key in made:
                raise ValueError(f"the table {table} has the row {_row(key) or key[0]} of the case {key[0]} twice")
            made[key] = row
    return made


def _measures(table: str, pairs: Mapping[Key, tuple[Row, Row]]) -> Iterator[str]:
    names = dict.fromkeys(name for pair in pairs.values() for row in pair for name in row)
    yield from (name for name in names if name not in KEYS[table] and name not in NO_MEASURES)


def _row(key: Key) -> str:
    return "/".join(str(part) for part in key[1:] if part not in (None, ""))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
