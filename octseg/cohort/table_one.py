"""Table 1 as papers print it: median [first to third quartile], or n (%), of all and of each group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from octseg.cohort.measures import ALONG, LENGTH, OF_PLAQUES, WITH_LIPID, WITH_TCFA, Measure, Row, Share
from octseg.cohort.summing import quartiles
from octseg.export.report.page import wide

Rows = Sequence[Row]
NONE = "-"
CLIMA = ("clima_lumen_under_3_5_mm2", "clima_cap_under_75_um", "clima_arc_over_180_deg")


@dataclass(frozen=True)
class Group:
    """Rows of its pullbacks that are measured, and of their plaques."""

    pullbacks: Rows
    plaques: Rows

    def of(self, name: str) -> "Group":
        """Those of one group."""
        ours = [[row for row in rows if row["group"] == name] for rows in (self.pullbacks, self.plaques)]
        return Group(*ours)


def table_one(groups: Mapping[str, Group]) -> list[tuple[str, list[str]]]:
    """Each line's name, with its unit or form, and its cell of each group."""
    lines: list[tuple[str, Callable[[Group], str]]] = [
        ("Patients, n", lambda group: str(len({row["patient"] for row in group.pullbacks}))),
        ("Pullbacks, n", lambda group: str(len(group.pullbacks))),
        ("Frames, n", lambda group: str(_sum(group.pullbacks, "frame_count"))),
        ("Frames withdrawn, n (%)", _withdrawn),
        _along(LENGTH),
        *(_along(measure) for measure in ALONG[:2]),
        _with(WITH_LIPID),
        *(_along(measure) for measure in ALONG[2:]),
        _with(WITH_TCFA),
        ("Plaques, n", lambda group: str(len(group.plaques))),
        *(_of_plaques(measure) for measure in OF_PLAQUES),
        (
            "Plaques with three CLIMA criteria, n (%)",
            lambda group: _share([_meets_clima(row) for row in group.plaques]),
        ),
    ]
    return [(name, [cell(group) for group in groups.values()]) for name, cell in lines]


def table_one_html(groups: Mapping[str, Group]) -> str:
    """The table; a group's name heads its column."""
    head = "".join(f'<th class="number">{escape(name)}</th>' for name in groups)
    body = "".join(
        f"<tr><th>{escape(name)}</th>" + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells) + "</tr>"
        for name, cells in table_one(groups)
    )
    return table_html("Table 1", f"<th></th>{head}", body, "one")


def table_html(label: str, head: str, body: str, kind: str = "") -> str:
    """A table that scrolls where the page is narrow; head: its first line's cells, body: all others with theirs."""
    return wide(label, f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _along(measure: Measure) -> tuple[str, Callable[[Group], str]]:
    return _name(measure), lambda group: _middle(measure, group.pullbacks)


def _of_plaques(measure: Measure) -> tuple[str, Callable[[Group], str]]:
    return _name(measure), lambda group: _middle(measure, group.plaques)


def _name(measure: Measure) -> str:
    with_lipid = ", where there is lipid" if measure.with_lipid else ""
    return f"{measure.label}{with_lipid}, {measure.unit}"


def _middle(measure: Measure, rows: Rows) -> str:
    """Median [quartiles], and of how many where that is not all."""
    values = measure.sample(rows).values
    told = quartiles(values)
    if told is None:
        return NONE
    words = f"{measure.words(told.median)} [{measure.words(told.low)} to {measure.words(told.high)}]"
    return words if told.count == len(rows) else f"{words}, n = {told.count}"


def _with(share: Share) -> tuple[str, Callable[[Group], str]]:
    return f"{share.label}, n (%)", lambda group: _share(
        [_is_above_0(row.get(share.column)) for row in group.pullbacks]
    )


def _is_above_0(count: int | None) -> bool | None:
    return None if count is None else count > 0


def _meets_clima(row: Row) -> bool | None:
    """All criteria that are measured; one that is not met tells, whatever the others are."""
    if any(row.get(name) is False for name in CLIMA):
        return False
    count = row.get("clima_met_count")
    return None if count is None else count >= len(CLIMA)


def _share(answers: Sequence[bool | None]) -> str:
    """How many are so, and of how many where that is not all."""
    known = [answer for answer in answers if answer is not None]
    if not known:
        return NONE
    words = f"{sum(known)} ({100 * sum(known) / len(known):.0f} %)"
    return words if len(known) == len(answers) else f"{words}, n = {len(known)}"


def _withdrawn(group: Group) -> str:
    count, whole = _sum(group.pullbacks, "withdrawn_frame_count"), _sum(group.pullbacks, "frame_count")
    return f"{count} ({100 * count / whole:.1f} %)" if whole else NONE


def _sum(rows: Rows, column: str) -> int:
    return sum(int(row[column] or 0) for row in rows)
