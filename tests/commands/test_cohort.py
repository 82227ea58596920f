"""`octseg cohort`: pullbacks of a folder or a table, killed on the way, and the tables of all."""

import csv
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from octseg.cli import main
from octseg.cohort.coordinator import Coordinator
from octseg.cohort.folder import CohortFolder
from octseg.cohort.processes import Processes
from octseg.commands.cohort_cases import Looking, cases_in
from octseg.commands.cohort_work import WorkOptions
from tests.fakes.cohort_worker import make_counting
from tests.fakes.commands import OCTSEG, QUICK
from tests.fakes.forking import start_python

FLAGS = ["--no-overlay", "--frame-spacing", "0.2", *QUICK]


@pytest.fixture(scope="module")
def vessels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phantom pullbacks of four frames."""
    out = tmp_path_factory.mktemp("vessels")
    assert main(["phantom", "--out", str(out), "--count", "2", "--seed", "5", "--pullback", "4"]) == 0
    return out


@pytest.fixture(scope="module")
def whole(vessels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed run leaves of them, for tests that only look."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert main(["cohort", str(vessels), "--out", str(out), *FLAGS]) == 0
    return out


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_killed_workers_leave_the_same_bytes_and_tables_with_a_row_a_pullback(
    vessels: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    running = start_python(
        [*OCTSEG, "cohort", str(vessels), "--out", str(out), *FLAGS], os.environ, stderr=tmp_path / "err"
    )
    for case in ("pullback_0001", "pullback_0002"):
        partial = out / "cases" / f"{case}.partial"
        while running.poll() is None and not partial.exists():
            time.sleep(0.005)
        for child in psutil.Process(running.process.pid or 0).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGKILL)
    assert running.wait(120) == 0
    assert content_of(out) == content_of(whole)
    with (out / "cohort.csv").open(newline="") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["pullback_0001", "pullback_0002"]
    with (out / "cohort_frames.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 8
    assert (out / "cohort_failed.csv").read_text().split() == ["case,patient,group,state,reason"]


def test_a_dry_run_says_what_is_found_and_what_is_missing_and_does_nothing(
    vessels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "list.csv"
    table.write_text(
        f"Path;Case;Group;Frame_spacing\n{vessels}/pullback_0001/images;A;x;0,2\nnone.dcm;B;y;\n"
        f"{vessels}/pullback_0002/images;C;y;\n"
    )
    assert main(["cohort", str(table), "--out", str(tmp_path / "out"), "--dry-run"]) == 1
    said = capsys.readouterr().out
    assert "A (patient A, group x): 4 pictures, all frames, scale: of the file, between frames: 0.2 mm\n" in said
    assert "B (patient B, group y): it is not there" in said
    assert "C (patient C, group y): 4 pictures, all frames, scale: of the file, between frames: not known, so" in said
    assert "3 cases, 1 of them with nothing to read. No frame was read, so others may fail too; nothing" in said
    assert not (tmp_path / "out").exists()


def test_a_file_that_took_another_s_place_with_its_size_and_time_is_noticed(tmp_path: Path) -> None:
    path, status = tmp_path / "in" / "f_1.png", (1_700_000_000, 1_700_000_000)
    path.parent.mkdir()
    looking, folder = Looking(tmp_path / "out"), CohortFolder(tmp_path / "out")

    def put(grey: int) -> None:
        Image.new("L", (64, 64), grey).save(path)
        os.utime(path, status)

    put(100)
    size = path.stat().st_size
    [case], _ = cases_in(path.parent, tmp_path / "out")
    folder.begin_partial(case)
    folder.write_manifest(case, looking(case), [])
    folder.put_in_place(case)
    assert folder.is_done(case, looking(case))
    put(101)
    assert path.stat().st_size == size
    assert not folder.is_done(case, looking(case))


def test_a_link_that_leads_nowhere_is_told_and_is_no_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, given = tmp_path / "in", ["cohort", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--dry-run"]
    for folder in ("P1", "P2"):
        (root / folder).mkdir(parents=True)
        Image.new("L", (64, 64)).save(root / folder / "frame_1.png")
    for link, target in (("P9", "/nowhere"), ("P1/frame_2.png", "gone.png"), ("around.dcm", "around.dcm")):
        (root / link).symlink_to(target)
    assert main(given) == 1
    said = capsys.readouterr()
    assert [line.partition(":")[0] for line in said.out.splitlines()[:-1]] == ["P1 (patient P1)", "P2 (patient P2)"]
    told = [f"octseg: {root / link} is a link to what is not there" for link in ("around.dcm", "P9", "P1/frame_2.png")]
    assert sorted(said.err.splitlines()) == sorted(told)


def test_a_case_that_is_named_twice_is_refused_with_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("path,case\na.dcm,A\nb.dcm,A\n")
    assert main(["cohort", str(tmp_path / "list.csv"), "--out", str(tmp_path / "out")]) == 1
    assert "row 3 of list.csv names the case A again, after row 2" in capsys.readouterr().err


@pytest.mark.slow
def test_two_runs_are_compared_and_a_folder_without_a_table_is_told(
    vessels: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, out = whole, tmp_path / "b", tmp_path / "out"
    (tmp_path / "list.csv").write_text(f"path,case\n{vessels}/pullback_0001/images,pullback_0001\n")
    given = [str(tmp_path / "list.csv"), "--out", str(b), "--frame-spacing", "0.4"]
    assert main(["cohort", *given, "--no-overlay", *QUICK]) == 0
    capsys.readouterr()
    assert main(["cohort", "compare", str(a), str(b), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1 case with results in A alone: pullback_0002" in said
    assert "1 case measured with another frame spacing, so that lengths and volumes differ by that too" in said
    assert "another scale" not in said
    with (out / "comparison.csv").open(newline="") as file:
        by_measure = {row["measure"]: row for row in csv.DictReader(file) if row["table"] == "pullbacks"}
    assert float(by_measure["length_mm"]["mean_difference"]) == pytest.approx(0.8)
    assert by_measure["minimum_lumen_area_mm2"]["changed"] == "0"
    assert main(["cohort", "compare", str(a), str(vessels)]) == 1
    assert "give the --out of a run of `octseg cohort`" in capsys.readouterr().err


@pytest.mark.slow
def test_workers_that_start_at_once_on_one_folder_leave_what_one_alone_does(
    vessels: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [*OCTSEG, "cohort", str(vessels), "--out", str(out), "--worker", *FLAGS]
    said = [tmp_path / "first", tmp_path / "second"]
    running = [start_python(command, os.environ, stderr=path) for path in said]
    assert [each.wait(120) for each in running] == [0, 0]
    assert content_of(out) == content_of(whole)
    done = [line.split(":")[1].strip() for path in said for line in path.read_text().splitlines() if ": done" in line]
    assert sorted(done) == ["pullback_0001", "pullback_0002"], "each made once"


def test_ray_that_is_not_installed_is_told_with_what_to_do(
    vessels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "octseg.cohort.on_ray", raising=False)
    assert main(["cohort", str(vessels), "--out", str(tmp_path / "out"), "--ray", "auto"]) == 1
    assert "pip install 'octseg[ray]'" in capsys.readouterr().err


def test_what_is_refused_before_any_case_is_one_sentence_and_no_tally(
    vessels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["cohort", str(vessels), "--out", str(tmp_path / "out"), *FLAGS, "--model", str(tmp_path / "none")]
    assert main(given) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "there is no checkpoint folder none" in told.err


@pytest.mark.slow
def test_a_worker_loads_its_model_once_for_all_its_cases(vessels: Path, tmp_path: Path) -> None:
    cases, _ = cases_in(vessels, tmp_path)
    four = [replace(case, name=f"{case.name}{n}") for case in cases for n in (1, 2)]
    options, log = WorkOptions(root=tmp_path / "out", backend="torch", overlays=False), tmp_path / "loads"
    pool, folder = Processes(make_counting, (options, log), 2), CohortFolder(options.root)
    look = Looking(options.root)
    tally = Coordinator(folder, four, look, pool, options.flags, say=lambda _: None, timeout_s=60.0).run()
    assert len(tally.made) == 4
    loads = log.read_text().split()
    assert len(loads) == len(set(loads)) <= 2
