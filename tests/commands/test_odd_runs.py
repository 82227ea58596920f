import csv
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from octseg.cli import main
from tests.fakes.commands import COMMAND, OCTSEG, QUICK, measures
from tests.fakes.forking import python, start_python


def test_the_command_itself_shows_no_progress_bar_where_there_is_no_terminal(phantoms: Path, tmp_path: Path) -> None:
    done = python([*OCTSEG, "predict", str(phantoms), "--out", str(tmp_path), "--no-overlay", *QUICK], os.environ)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "2 frames of 2 inputs" in done.stdout


@pytest.mark.parametrize(("stop", "by"), [(signal.SIGINT, ""), (signal.SIGUSR1, " by SIGUSR1")])
def test_a_run_that_is_stopped_keeps_what_is_done(
    phantoms: Path, tmp_path: Path, stop: signal.Signals, by: str
) -> None:
    folder, out = tmp_path / "many", tmp_path / "out"
    folder.mkdir()
    for number in range(200):
        os.link(phantoms / "phantom_0001.png", folder / f"{number:03d}.png")
    command = [*OCTSEG, "predict", str(folder), "--out", str(out), *QUICK]
    running = start_python(command, os.environ, stderr=tmp_path / "err")
    while running.poll() is None and not (out / "001_mask.png").exists():
        time.sleep(0.05)
    running.send_signal(stop)
    assert running.wait(120) == 130
    last = (tmp_path / "err").read_text().splitlines()[-1]
    assert last == f"octseg: stopped{by}; what was done until then is kept"
    done = measures(out)
    assert 1 <= len(done) < 200
    assert all((out / str(entry["mask_file"])).exists() for entry in done)
    with (out / "measures.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(done)
    assert not list(out.glob(".*"))


def test_a_long_name_in_any_script_is_shortened_and_does_not_end_the_run(phantoms: Path, tmp_path: Path) -> None:
    first, second = sorted(phantoms.iterdir())
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(first, folder / f"{'漢' * 78}.png")  # 234 bytes, and 12 more in _overlay.png
    shutil.copy(second, folder / "～.png")  # comes after it
    assert main(["predict", str(folder), "--out", str(tmp_path / "out"), *QUICK]) == 0
    assert [frame["file"] for frame in measures(tmp_path / "out")] == [f"{'漢' * 78}.png", "～.png"]


@pytest.mark.parametrize("name", ["a" * 300, "loop.png"])
def test_an_input_that_cannot_be_looked_at_is_told_at_the_end(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    good = str(phantoms / "phantom_0001.png")
    assert main(["predict", str(tmp_path / name), good, "--out", str(tmp_path / "out"), *QUICK]) == 1
    assert [frame["file"] for frame in measures(tmp_path / "out")] == ["phantom_0001.png"]
    assert capsys.readouterr().err.count("\n") == 1


def test_a_pipe_in_a_folder_is_passed_over(phantoms: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(phantoms / "phantom_0001.png", folder)
    os.mkfifo(folder / "pipe.png")
    command = [*OCTSEG, "predict", str(folder), "--out", str(tmp_path / "out"), *QUICK]
    assert python(command, os.environ, timeout=120).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_may_not_be_searched_is_told_at_the_end(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = tmp_path / "in" / "closed"
    closed.mkdir(parents=True, mode=0o000)
    shutil.copy(phantoms / "phantom_0001.png", tmp_path / "in")
    assert main(["predict", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *QUICK]) == 1
    assert f"{closed} cannot be searched: permission denied" in capsys.readouterr().err
    assert len(measures(tmp_path / "out")) == 1


def test_an_input_that_links_into_the_output_is_not_overwritten(phantoms: Path, tmp_path: Path) -> None:
    out, linked = tmp_path / "out", tmp_path / "x.png"
    out.mkdir()
    shutil.copy(phantoms / "phantom_0001.png", out / "x_mask.png")
    linked.symlink_to(out / "x_mask.png")
    assert main(["predict", str(linked), "--out", str(out), *QUICK]) == 0
    assert (out / "x_mask.png").read_bytes() == (phantoms / "phantom_0001.png").read_bytes()


@pytest.mark.slow
def test_a_reader_that_leaves_early_gets_one_line(phantoms: Path, tmp_path: Path) -> None:
    command = [*COMMAND, "predict", str(phantoms), "--out", str(tmp_path / "out"), *QUICK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 1
    assert said.splitlines() == ["octseg: stopped: what is printed is no longer read"]
    assert len(measures(tmp_path / "out")) >= 1


@pytest.mark.slow
def test_a_name_that_the_terminal_cannot_show_does_not_end_the_run(phantoms: Path, tmp_path: Path) -> None:
    shutil.copy(phantoms / "phantom_0001.png", tmp_path / "漢.png")
    command = [*COMMAND, "predict", str(tmp_path / "漢.png"), "--out", str(tmp_path / "ü"), *QUICK]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0
    assert b"\\u6f22.png" in done.stdout


def test_a_length_that_is_no_number_is_told_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "frame.png", "--out", "out", "--pixel-spacing", "wide"])
    assert "wide is no length in mm above 0" in capsys.readouterr().err
