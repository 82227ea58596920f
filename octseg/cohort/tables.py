"""cohort.csv, a row a pullback; cohort_plaques.csv, a row a plaque; cohort_frames.csv, a row a frame; cohort.json.

Numbers are those of the cases' own files; units are in the names, what cannot be measured is empty or null.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from octseg.cohort.cases import Case
from octseg.cohort.folder import CohortFolder
from octseg.export.files import write_file
from octseg.export.pullback import SUFFIX
from octseg.export.run import JSON_NAME
from octseg.export.tables import csv_line

LEFT_OUT = ("plaques", "tcfa_candidates", "intervals_95", "clima", "unjudged", "lipid_cores")  # have rows of their own
SCALES = ("pixel_spacing_mm", "pixel_spacing_source", "frame_spacing_mm", "frame_spacing_source")
ABOUT = ("case", "patient", "group")
FIRST = {  # columns that a table has, with rows or without
    "pullbacks": (*ABOUT, "pullback"),
    "plaques": (*ABOUT, "pullback", "plaque"),
    "frames": (*ABOUT, "file", "frame"),
    "failed": (*ABOUT, "reason", "quarantined"),
}
Row = dict[str, Any]


def write_tables(folder: CohortFolder, cases: Sequence[Case], missing: Mapping[str, str]) -> None:
    """Of all cases that are done, in their order; missing: name -> why a case is not there."""
    tables: dict[str, list[Row]] = {name: [] for name in FIRST}
    for case in cases:
        about = {"case": case.id, "patient": case.patient, "group": case.group}
        manifest, failure = folder.manifest(case), folder.failure(case)
        if case.name in missing:
            tables["failed"].append({**about, "reason": missing[case.name], "quarantined": False})
        elif manifest is not None and folder.is_made_with(manifest, case):
            _add(tables, about, folder.results(case))
        elif failure is not None:
            tables["failed"].append({**about, **{name: failure[name] for name in ("reason", "quarantined")}})
    for name, rows in tables.items():
        path = folder.root / ("cohort.csv" if name == "pullbacks" else f"cohort_{name}.csv")
        write_file(path, _csv(FIRST[name], rows).encode())
    head = json.dumps({"run": folder.run})[:-1]
    body = "".join(f',\n "{name}": [{_lines(rows)}]' for name, rows in tables.items())
    write_file(folder.root / "cohort.json", f"{head}{body}}}\n".encode())


def _add(tables: dict[str, list[Row]], about: Row, results: Path) -> None:
    for path in sorted(results.glob(f"*{SUFFIX}")):
        record = json.loads(path.read_bytes())
        of = {**about, "pullback": path.name.removesuffix(SUFFIX)}
        scales = {name: record.get(name) for name in SCALES}
        warnings = {"warnings": record.get("warnings", [])}
        tables["pullbacks"].append({**of, **scales, **_plain(record["pullback"]), **warnings})
        for number, plaque in enumerate(record.get("plaques") or record["pullback"].get("plaques") or (), 1):
            tables["plaques"].append({**of, "plaque": number, **_plain(plaque)})
    for frame in json.loads((results / JSON_NAME).read_bytes())["frames"]:
        tables["frames"].append({**about, **_plain(frame)})


def _plain(record: Mapping[str, Any]) -> Row:
    """Without what is a table itself; an interval as `_low` and `_high`."""
    row = {name: value for name, value in record.items() if name not in LEFT_OUT}
    for name, interval in (record.get("intervals_95") or {}).items():
        row[f"{name}_low"], row[f"{name}_high"] = interval or (None, None)
    return row


def _csv(first: Sequence[str], rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    return csv_line(columns) + "".join(csv_line(row.get(name) for name in columns) for row in rows)


def _lines(rows: Iterable[Row]) -> str:
    return ",".join(f"\n  {json.dumps(row, allow_nan=False)}" for row in rows)
