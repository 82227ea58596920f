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


def again(cohort: Path, out: Path) -> int:
    """The command by which a cohort was made, on a copy of its folder."""
    command = ["cohort", str(cohort.parent / "list.csv"), "--out", str(out), "--uncertainty", "--no-overlay"]
    return main([*command, *QUICK])


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


def test_a_frame_by_itself_has_its_scale_beside_why_it_is_no_pullback(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(cohort.parent / "vessels" / "pullback_0001" / "images" / "frame_0001.png", tmp_path / "in")
    assert main(["cohort", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--no-overlay", *QUICK]) == 0
    [row], [frame] = (in_json(tmp_path / "out", table) for table in ("pullbacks", "frames"))
    assert row["state"] == "frames only"
    assert (row["pixel_spacing_mm"], row["pixel_spacing_source"]) == (frame["pixel_spacing_mm"], "ruler")


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
    assert again(cohort, out) == 1
    assert "pip install 'octseg[cohort]'" in capsys.readouterr().err
    assert not list(out.glob("*.parquet"))
    assert (out / "cohort.csv").read_bytes() == (cohort / "cohort.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("measures.json", b'{"frames": []}', "measures.json of its results was changed or removed"),
        ("measures.json", b"half a", "measures.json of its results was changed or removed"),
        ("images_pullback.json", None, "images_pullback.json of its results was changed or removed"),
    ],
)
def test_numbers_that_are_not_those_that_were_made_are_left_out_and_told(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, words: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(cohort, out)
    if content is None:
        (out / "cases" / "A" / name).unlink()
    else:
        (out / "cases" / "A" / name).write_bytes(content)
    assert again(cohort, out) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert "1 of them changed since they were made and left out" in said.out
    [row] = [row for row in in_json(out, "pullbacks") if row["case"] == "A"]
    assert (row["state"], row["minimum_lumen_area_mm2"]) == ("changed", None)
    assert words in row["reason"]
    assert not [row for row in in_json(out, "frames") if row["case"] == "A"]


def test_a_case_whose_folder_is_removed_is_made_anew(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(cohort, out)
    shutil.rmtree(out / "cases" / "A")
    again(cohort, out)
    assert (out / "cohort.json").read_bytes() == (cohort / "cohort.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("frame_0002_mask.png", "frame_0002_mask.png of its results was removed"),
        ("measures.csv", "its measures.csv was changed, and the numbers here are those of measures.json"),
    ],
)
def test_what_else_of_a_case_is_not_as_it_was_made_is_told_beside_its_numbers(
    cohort: Path, tmp_path: Path, name: str, words: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(cohort, out)
    if name == "measures.csv":
        (out / "cases" / "A" / name).write_bytes(b"frame;lumen_area_mm2\r\n1;4,2\r\n")
    else:
        (out / "cases" / "A" / name).unlink()
    again(cohort, out)
    [row] = [row for row in in_json(out, "pullbacks") if row["case"] == "A"]
    [before] = [row for row in in_json(cohort, "pullbacks") if row["case"] == "A"]
    assert words in row["reason"]
    assert {**row, "reason": ""} == before
    assert ("A", "in part") in [(row["case"], row["state"]) for row in in_json(out, "failed")]


def test_corrections_beside_results_are_no_change_of_them(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(cohort, out)
    (out / "cases" / "A" / "corrections.jsonl").write_text("{}\n")
    (out / "cases" / "A" / "corrected").mkdir()
    again(cohort, out)
    assert (out / "cohort.json").read_bytes() == (cohort / "cohort.json").read_bytes()


def test_the_same_pictures_under_two_names_are_told(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = cohort.parent / "vessels" / "pullback_0001" / "images"
    shutil.copytree(images, tmp_path / "copy" / "of it")
    rows = (
        f"{images},A,P1,0.2\n{tmp_path / 'copy' / 'of it'},B,P2,0.2\n{images.parents[1]}/pullback_0002/images,C,P3,0.2"
    )
    (tmp_path / "list.csv").write_text(f"path,case,patient,frame_spacing_mm\n{rows}\n")
    assert main(["cohort", str(tmp_path / "list.csv"), "--out", str(tmp_path / "out"), "--no-overlay", *QUICK]) == 0
    assert "A: its pictures are those of B, so they count more than once" in capsys.readouterr().err
    told = {
        row["case"]: [said for said in row["warnings"] if "more than once" in said]
        for row in in_json(tmp_path / "out", "pullbacks")
    }
    assert [len(said) for said in told.values()] == [1, 1, 0]
    assert "B: its pictures are those of A" in (tmp_path / "out" / "cohort.html").read_text(encoding="utf-8")
