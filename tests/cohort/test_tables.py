"""The tables of a cohort: the same rows and values in CSV, Parquet and JSON, and what failed in all of them."""

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from octseg.cli import main
from octseg.cohort.dictionary import TABLES, columns
from octseg.cohort.table_files import name_of
from octseg.export.tables import csv_cell
from tests.fakes.commands import QUICK


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a pullback of three frames, one whose spacing nothing tells, one that is no picture, and one that is gone."""
    home = tmp_path_factory.mktemp("cohort")
    assert main(["phantom", "--out", str(home / "vessels"), "--count", "2", "--seed", "5", "--pullback", "3"]) == 0
    (home / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"nothing")
    (home / "list.csv").write_text(
        "path,case,patient,group,frame_spacing_mm\n"
        "vessels/pullback_0001/images,A,P1,before,0.2\n"
        "vessels/pullback_0002/images,B,P2,after,\n"
        "broken.dcm,C,P3,after,\n"
        "gone,D,P1,before,\n"
    )
    command = ["cohort", str(home / "list.csv"), "--out", str(home / "out"), "--uncertainty", "--no-overlay", *QUICK]
    assert main(command) == 1
    return home / "out"


def in_csv(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / name_of(table, ".csv")).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def in_parquet(folder: Path, table: str) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / name_of(table, ".parquet")).to_pylist())


def in_json(folder: Path, table: str) -> list[dict[str, Any]]:
    return list(json.loads((folder / "cohort.json").read_bytes())[table])


@pytest.mark.parametrize("table", TABLES)
def test_csv_parquet_and_json_hold_the_same_rows_and_values(cohort: Path, table: str) -> None:
    rows = in_json(cohort, table)
    assert rows == in_parquet(cohort, table)
    assert [{name: str(csv_cell(value)) for name, value in row.items()} for row in rows] == in_csv(cohort, table)


def test_there_is_a_row_a_pullback_a_plaque_and_a_frame(cohort: Path) -> None:
    record = json.loads((cohort / "cases" / "A" / "images_pullback.json").read_bytes())["pullback"]
    [row] = [row for row in in_json(cohort, "pullbacks") if row["state"] == "measured"]
    assert row["minimum_lumen_area_mm2"] == record["minimum_lumen_area_mm2"]
    assert row["lipid_volume_mm3_high"] == record["intervals_95"]["lipid_volume_mm3"][1]
    assert row["unjudged_guide_wire_percent"] == record["unjudged"]["guide_wire_percent"]
    plaques = in_json(cohort, "plaques")
    assert [(each["plaque"], each["lipid_length_mm"]) for each in plaques] == [
        (number, plaque["lipid_length_mm"]) for number, plaque in enumerate(record["plaques"], 1)
    ]
    frames = [(each["case"], each["pullback"], each["frame"]) for each in in_json(cohort, "frames")]
    assert frames == [*(("A", "images", n) for n in (1, 2, 3)), *(("B", None, n) for n in (1, 2, 3))]


def test_cases_without_measures_along_a_vessel_are_rows_with_their_reason(cohort: Path) -> None:
    told = {row["case"]: (row["state"], row["reason"]) for row in in_csv(cohort, "pullbacks")}
    assert told["A"] == ("measured", "")
    assert told["B"][0] == "frames only"
    assert "give its frame_spacing_mm" in told["B"][1]
    assert told["C"][1].count("broken.dcm") == 1
    assert {case: state for case, (state, _) in told.items()} == {
        "A": "measured",
        "B": "frames only",
        "C": "failed",
        "D": "missing",
    }
    assert [(row["case"], row["patient"], row["state"]) for row in in_csv(cohort, "failed")] == [
        ("C", "P3", "failed"),
        ("D", "P1", "missing"),
    ]
    assert "leads to nothing" in told["D"][1]


def test_nothing_that_a_case_s_files_say_is_left_out_of_the_columns(cohort: Path) -> None:
    frames = json.loads((cohort / "cases" / "A" / "measures.json").read_bytes())["frames"]
    names = {each.column for each in columns("frames", intervals=True)}
    for frame in frames:
        assert set(frame) - {"intervals_95", "lipid_cores"} <= names
        assert {f"{name}_low" for name in frame["intervals_95"]} <= names
    record = json.loads((cohort / "cases" / "A" / "images_pullback.json").read_bytes())["pullback"]
    names = {each.column for each in columns("pullbacks", intervals=True)}
    assert {f"{name}_low" for name in record["intervals_95"]} <= names


def test_parquet_fields_say_their_unit(cohort: Path) -> None:
    field = pq.read_schema(cohort / "cohort_frames.parquet").field("lumen_area_mm2")
    assert field.metadata[b"unit"].decode() == "mm²"
    assert b"lumen" in field.metadata[b"description"]


def test_without_pyarrow_there_are_the_others_and_it_is_told(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(cohort, out)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    command = ["cohort", str(cohort.parent / "list.csv"), "--out", str(out), "--uncertainty", "--no-overlay"]
    assert main([*command, *QUICK]) == 1
    assert "pip install 'octseg[cohort]'" in capsys.readouterr().err
    assert not list(out.glob("*.parquet"))
    assert (out / "cohort.csv").read_bytes() == (cohort / "cohort.csv").read_bytes()
