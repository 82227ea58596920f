"""A run into a folder that holds the results of another: its tables are taken with a word, a reader's work never."""

import shutil
from pathlib import Path

import pytest

from octseg.cli import main
from tests.fakes.commands import QUICK, measures


def ran(inputs: Path, out: Path, *flags: str) -> int:
    return main(["predict", str(inputs), "--out", str(out), "--no-overlay", *QUICK, *flags])


def test_it_is_told_whose_rows_are_gone_from_the_tables_and_pictures_stay(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    assert ran(phantoms / "phantom_0001.png", out) == 0
    assert capsys.readouterr().err == ""
    assert ran(phantoms / "phantom_0002.png", out) == 0
    told = capsys.readouterr().err
    assert f"the tables in {out} were of phantom_0001.png too, and tell of this run alone now" in told
    assert [frame["file"] for frame in measures(out)] == ["phantom_0002.png"]
    assert (out / "phantom_0001_mask.png").exists()


def test_nothing_is_said_where_the_same_or_more_is_done_again(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    for inputs in (phantoms / "phantom_0001.png", phantoms / "phantom_0001.png", phantoms):
        assert ran(inputs, out) == 0
        assert capsys.readouterr().err == ""


def test_frames_that_are_no_longer_asked_for_are_told(
    pullback: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    assert ran(pullback, out) == 0
    capsys.readouterr()
    assert ran(pullback, out, "--frames", "2-") == 0
    assert "were of run.tif too" in capsys.readouterr().err


def test_results_that_a_reader_corrected_are_refused_before_anything_is_done(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    assert ran(phantoms / "phantom_0001.png", out) == 0
    log = out / "corrections_AB.jsonl"
    log.write_text("{}\n")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    assert ran(phantoms / "phantom_0002.png", out) == 1
    told = capsys.readouterr().err
    assert "has corrections by readers (corrections_AB.jsonl) to results of phantom_0001.png" in told
    assert "give another folder with --out, or move the corrections away" in told
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    shutil.move(log, tmp_path / "kept.jsonl")
    assert ran(phantoms / "phantom_0002.png", out) == 0
