"""`octseg cohort compare A B`: what changed between two runs over the same pullbacks, and by how much."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from octseg.cohort.comparing import KEYS, Change, Comparison, Summary, compared
from octseg.commands.telling import counted, printable
from octseg.errors import OctsegError, ReadError
from octseg.export.files import told_in_one_sentence, write_file
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
    try:
        comparison = compared(told_a, told_b)
    except ValueError as error:
        raise ReadError(f"the two runs cannot be compared: {error}") from error
    if out is not None:
        with told_in_one_sentence(f"the folder {out.name}"):
            out.mkdir(parents=True, exist_ok=True)
        _write(comparison, {"a": told_a.get("run"), "b": told_b.get("run")}, out)
    for line in _text(comparison, a, b):
        print(printable(line))
    return 0


def _tables(folder: Path) -> dict[str, Any]:
    path = folder / "cohort.json"
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or "unknown cause").lower()
        raise ReadError(
            f"{path} cannot be read ({reason}): give the --out of a run of `octseg cohort` that has ended"
        ) from error
    except ValueError as error:
        raise ReadError(
            f"{path} is not whole: run `octseg cohort` in that folder again, which writes it anew"
        ) from error
    rows = [told.get(table) for table in KEYS] if isinstance(told, dict) else [None]
    if not all(isinstance(of, list) and all(isinstance(row, dict) and "case" in row for row in of) for of in rows):
        raise ReadError(f"{path} holds no tables of `octseg cohort`: give the --out of one of its runs")
    return dict(told)


def _write(comparison: Comparison, runs: dict[str, Any], out: Path) -> None:
    summaries = [asdict(each) for each in comparison.summaries]
    changes = [{**asdict(each), "difference": each.difference} for each in comparison.changes]
    head = {
        "runs": runs,
        "cases_in_both": comparison.cases,
        "cases_in_a_only": comparison.only_a,
        "cases_in_b_only": comparison.only_b,
        "cases_with_other_scales": comparison.scales_differ,
        "rows_in_one_only": {table: {"a": a, "b": b} for table, (a, b) in comparison.unpaired.items()},
    }
    write_file(
        out / "comparison.json",
        (json.dumps({**head, "measures": summaries, "changes": changes}, indent=1) + "\n").encode(),
    )
    columns = [field.name for field in fields(Summary)]
    write_file(out / "comparison.csv", _csv(columns, summaries))
    columns = [*(field.name for field in fields(Change)), "difference"]
    write_file(out / "comparison_changes.csv", _csv(columns, changes))


def _csv(columns: list[str], rows: list[dict[str, Any]]) -> bytes:
    return "".join([csv_line(columns), *(csv_line(row[name] for name in columns) for row in rows)]).encode()


def _text(comparison: Comparison, a: Path, b: Path) -> list[str]:
    lines = [f"{counted(comparison.cases, 'case')} in both, {a} (A) and {b} (B)."]
    for name, cases in (("A", comparison.only_a), ("B", comparison.only_b)):
        if cases:
            lines.append(f"{counted(len(cases), 'case')} with results in {name} alone: {_named(cases)}.")
    for table, (in_a, in_b) in comparison.unpaired.items():
        if in_a or in_b:
            lines.append(f"Rows of cases in both that only one has: {in_a} {table} of A, {in_b} of B.")
    if comparison.scales_differ:
        count = counted(len(comparison.scales_differ), "case")
        lines.append(
            f"{count} measured with another scale, so that what is in mm differs by that too: "
            f"{_named(comparison.scales_differ)}."
        )
    changed = [summary for summary in comparison.summaries if summary.changed]
    if not changed:
        return [*lines, "Nothing changed." if comparison.cases else "Nothing can be compared."]
    lines.append(f"{len(changed)} of {counted(len(comparison.summaries), 'measure')} changed; B - A:")
    lines += [_line(summary) for summary in changed if (summary.table, summary.measure) in TOLD]
    return lines


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
