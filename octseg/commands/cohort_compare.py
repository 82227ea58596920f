"""`octseg cohort compare A B`: what changed between two runs over the same pullbacks, and by how much."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from octseg.cohort.comparing import Change, Comparison, Summary, compared
from octseg.cohort.run_tables import FiledTables, HeldTables, open_tables
from octseg.commands.telling import counted, printable
from octseg.errors import OctsegError, ReadError
from octseg.export.files import growing, told_in_one_sentence, write_file
from octseg.export.tables import csv_line

TOLD = (  # in the text; all others are in the files
    ("pullbacks", "minimum_lumen_area_mm2"),
    ("pullbacks", "lipid_length_mm"),
    ("pullbacks", "lipid_volume_mm3"),
    ("pullbacks", "lipid_arc_max_deg"),
    ("pullbacks", "fibrous_cap_thickness_min_um"),
    ("frames", "lumen_area_mm2"),
    ("frames", "lipid_arc_deg"),
    ("frames", "fibrous_cap_thickness_min_um"),
)
NAMED = 5  # cases in a sentence


def compare(a: Path, b: Path, out: Path | None) -> int:
    """Print it, and write comparison.json, comparison.csv and comparison_changes.csv to `out` where one is given."""
    told_a, told_b = _tables(a), _tables(b)
    if out is not None:
        with told_in_one_sentence(f"the folder {out.name}"):
            out.mkdir(parents=True, exist_ok=True)
    try:
        comparison = compared(told_a, told_b) if out is None else _written(told_a, told_b, out)
    except ValueError as error:
        raise ReadError(f"the two runs cannot be compared: {error}") from error
    for line in _text(comparison, a, b):
        print(printable(line))
    return 0


def _tables(folder: Path) -> HeldTables | FiledTables:
    path = folder / "cohort.json"
    try:
        return open_tables(path)
    except OSError as error:
        reason = (error.strerror or "unknown cause").lower()
        raise ReadError(
            f"{path} cannot be read ({reason}): give the --out of a run of `octseg cohort` that has ended"
        ) from error
    except ValueError as error:
        raise ReadError(
            f"{path} is not whole: run `octseg cohort` in that folder again, which writes it anew"
        ) from error
    except KeyError as error:
        raise ReadError(f"{path} holds no tables of `octseg cohort`: give the --out of one of its runs") from error


def _written(a: HeldTables | FiledTables, b: HeldTables | FiledTables, out: Path) -> Comparison:
    """Compare, and write what changed as it is found: of two models that may be a hundred million numbers."""
    columns = [*(field.name for field in fields(Change)), "difference"]
    with growing(out / "comparison.json") as in_json, growing(out / "comparison_changes.csv") as in_csv:
        in_json.write(f'{{"runs": {json.dumps({"a": a.run, "b": b.run})},\n "changes": ['.encode())
        in_csv.write(csv_line(columns).encode())
        separator = "\n  "

        def tell(change: Change) -> None:
            nonlocal separator
            told = {**{name: getattr(change, name) for name in columns[:-1]}, "difference": change.difference}
            in_json.write(f"{separator}{json.dumps(told)}".encode())
            in_csv.write(csv_line(told.values()).encode())
            separator = ",\n  "

        comparison = compared(a, b, tell)
        in_json.write(f"],\n{json.dumps(_head(comparison), indent=1)[2:]}\n".encode())
    names = [field.name for field in fields(Summary)]
    lines = [csv_line(names), *(csv_line(getattr(each, name) for name in names) for each in comparison.summaries)]
    write_file(out / "comparison.csv", "".join(lines).encode())
    return comparison


def _head(comparison: Comparison) -> dict[str, Any]:
    return {
        "cases_in_both": comparison.cases,
        "cases_in_a_only": comparison.only_a,
        "cases_in_b_only": comparison.only_b,
        "cases_with_other_scales": comparison.scales_differ,
        "cases_with_other_frame_spacings": comparison.frame_spacings_differ,
        "rows_in_one_only": {table: {"a": a, "b": b} for table, (a, b) in comparison.unpaired.items()},
        "measures": [asdict(each) for each in comparison.summaries],
    }


def _text(comparison: Comparison, a: Path, b: Path) -> list[str]:
    lines = [f"{counted(comparison.cases, 'case')} in both, {a} (A) and {b} (B)."]
    for name, cases in (("A", comparison.only_a), ("B", comparison.only_b)):
        if cases:
            lines.append(f"{counted(len(cases), 'case')} with results in {name} alone: {_named(cases)}.")
    for table, (in_a, in_b) in comparison.unpaired.items():
        if in_a or in_b:
            lines.append(f"Rows of cases in both that only one has: {in_a} {table} of A, {in_b} of B.")
    for cases, what in (
        (comparison.scales_differ, "another scale, so that what is in mm differs by that too"),
        (comparison.frame_spacings_differ, "another frame spacing, so that lengths and volumes differ by that too"),
    ):
        if cases:
            lines.append(f"{counted(len(cases), 'case')} measured with {what}: {_named(cases)}.")
    changed = [summary for summary in comparison.summaries if summary.changed]
    if not changed:
        return [*lines, "Nothing changed." if comparison.cases else "Nothing can be compared."]
    told = [_line(summary) for summary in changed if (summary.table, summary.measure) in TOLD]
    of_all = f"{len(changed)} of {counted(len(comparison.summaries), 'measure')} changed"
    return [*lines, f"{of_all}; B - A:", *told] if told else [*lines, f"{of_all}, none of those that are told here."]


def _line(of: Summary) -> str:
    parts = [f"{of.changed} of {of.rows} changed"]
    if of.mean_difference is not None and of.greatest_difference is not None:
        parts.append(f"mean {of.mean_difference:+.4g}")
        if of.greatest_case:
            where = f"{of.greatest_case}, {of.greatest_row}"
            parts.append(f"greatest {of.greatest_difference:+.4g} ({where})")
    if of.lost or of.gained:
        parts.append(f"{of.lost} in A alone, {of.gained} in B alone")
    return f"  {of.table} {of.measure}: {'; '.join(parts)}"


def _named(cases: tuple[str, ...]) -> str:
    more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
    return ", ".join(cases[:NAMED]) + more


def is_asked(words: list[str]) -> bool:
    """Whether it is `compare A B`, and no list or folder; OctsegError where it is neither."""
    if len(words) == 1:
        return False
    if words[0] == "compare" and len(words) == 3:
        return True
    raise OctsegError(
        "`octseg cohort` takes one list or folder, or `compare` and the folders of two runs: "
        f"{len(words)} were given; `octseg cohort compare A B`"
    )
