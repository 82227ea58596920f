"""What differs between the tables of two runs over the same pullbacks: each change, and by measure how large they are.

Pullbacks and frames are held side by side. Plaques are not: two runs may part one plaque differently.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]
Key = tuple[Any, ...]
KEYS = {"pullbacks": ("case", "pullback"), "frames": ("case", "folder", "file", "frame")}
NO_MEASURES = frozenset({"patient", "group", "results_folder", "mask_file", "overlay_file"})
PIXELS, BETWEEN_FRAMES = "pixel_spacing_mm", "frame_spacing_mm"


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
    """Of run a with run b. only_a, only_b: cases with results in one.

    scales_differ, frame_spacings_differ: cases with another spacing of pixels, or from frame to frame.
    """

    cases: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    scales_differ: tuple[str, ...]
    frame_spacings_differ: tuple[str, ...]
    unpaired: Mapping[str, tuple[int, int]]
    summaries: tuple[Summary, ...]


class Tables(Protocol):
    """The tables of a run, of which the rows of one case are in memory at a time: a cohort has millions of frames."""

    def cases(self, table: str) -> Sequence[str]:
        """Those that a table has rows of, in order."""

    def rows(self, table: str, case: str) -> Sequence[Row]:
        """The rows of a case."""


def compared(a: Tables, b: Tables, tell: Callable[[Change], object] = lambda _: None) -> Comparison:
    """Of two runs; ValueError where a table names one row twice. tell: of each value that changed, in order."""
    cases_a, cases_b = a.cases("frames"), b.cases("frames")
    in_b = set(cases_b)
    both = [case for case in cases_a if case in in_b]
    differ: dict[str, dict[str, None]] = {PIXELS: {}, BETWEEN_FRAMES: {}}
    summaries: list[Summary] = []
    unpaired = {}
    for table in KEYS:
        found = _Table(table)
        for case in both:
            for change in found.add(a.rows(table, case), b.rows(table, case)):
                tell(change)
                if change.measure in differ:
                    differ[change.measure][change.case] = None
        summaries += found.summaries()
        unpaired[table] = found.only_a, found.only_b
    in_both = set(both)
    return Comparison(
        len(both),
        tuple(case for case in cases_a if case not in in_both),
        tuple(case for case in cases_b if case not in in_both),
        tuple(differ[PIXELS]),
        tuple(differ[BETWEEN_FRAMES]),
        unpaired,
        tuple(summaries),
    )


class _Table:
    """What a table comes to, case by case. only_a, only_b: how many rows one run alone has."""

    def __init__(self, table: str) -> None:
        self.only_a = self.only_b = 0
        self._table, self._rows = table, 0
        self._measures: dict[str, _Measure] = {}

    def add(self, rows_a: Sequence[Row], rows_b: Sequence[Row]) -> Iterator[Change]:
        """What changed in a case."""
        ours, theirs = _by_key(self._table, rows_a), _by_key(self._table, rows_b)
        pairs = {key: (row, theirs[key]) for key, row in ours.items() if key in theirs}
        self._rows += len(pairs)
        self.only_a += len(ours) - len(pairs)
        self.only_b += len(theirs) - len(pairs)
        for measure in _measures(self._table, pairs):
            of = self._measures.setdefault(measure, _Measure())
            for key, (row, other) in pairs.items():
                first, second = row.get(measure), other.get(measure)
                of.add(first, second)
                if first != second:
                    change = Change(self._table, str(key[0]), _row(key), measure, first, second)
                    of.note(change)
                    yield change

    def summaries(self) -> Iterator[Summary]:
        """Of each measure, in the order in which they were met."""
        for measure, of in self._measures.items():
            yield of.summary(self._table, measure, self._rows)


@dataclass
class _Measure:
    """Sums over the rows of a measure; far: the change with the greatest difference."""

    changed: int = 0
    compared: int = 0
    lost: int = 0
    gained: int = 0
    sums: tuple[float, float] = (0.0, 0.0)  # of differences, and what adding them has rounded off
    far: Change | None = None

    def add(self, a: Any, b: Any) -> None:
        self.lost += a is not None and b is None
        self.gained += a is None and b is not None
        if _is_number(a) and _is_number(b):
            self.compared += 1
            self.sums = _added(*self.sums, b - a)

    def note(self, change: Change) -> None:
        self.changed += 1
        distance = change.difference
        if distance is not None and (self.far is None or abs(distance) > abs(self.far.difference or 0.0)):
            self.far = change

    def summary(self, table: str, measure: str, rows: int) -> Summary:
        far = self.far
        return Summary(
            table=table,
            measure=measure,
            rows=rows,
            changed=self.changed,
            compared=self.compared,
            lost=self.lost,
            gained=self.gained,
            mean_difference=sum(self.sums) / self.compared if self.compared else None,
            greatest_difference=far.difference if far else 0.0 if self.compared else None,
            greatest_case=far.case if far else "",
            greatest_row=far.row if far else "",
        )


def _added(total: float, rest: float, value: float) -> tuple[float, float]:
    """The sum of millions of numbers as exact as that of a few (Neumaier)."""
    after = total + value
    lost = (total - after) + value if abs(total) >= abs(value) else (value - after) + total
    return after, rest + lost


def _by_key(table: str, rows: Sequence[Row]) -> dict[Key, Row]:
    made: dict[Key, Row] = {}
    for row in rows:
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
