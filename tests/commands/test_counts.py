"""Numbers on the command line that are none: argparse says which flag, what it takes, and what it was given."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hub.__main__ import main as hub_main
from octseg.cli import main as octseg_main
from octseg.commands.flags import length_mm
from train.__main__ import main as train_main
from train.prepare import main as prepare_main

Main = Callable[[Sequence[str]], int]
JOBS = (hub_main, ("jobs", "lab/cases", "lab/results"))
COHORT = (octseg_main, ("cohort", "list.csv"))
TRAIN = (train_main, ("--data", "none", "--out", "run"))
PREPARE = (prepare_main, ("--source", "folder", "--out", "run"))


@pytest.mark.parametrize(
    ("command", "flag", "given", "takes"),
    [
        (TRAIN, "--seed", "-1", "a whole number from 0"),
        (TRAIN, "--save-every", "nan", "a number from 0"),
        (TRAIN, "--phantom-share", "75", "a number from 0 to 1"),
        (TRAIN, "--lipid-share", "-0.1", "a number from 0 to 1"),
        (TRAIN, "--save-every", "-5", "a number from 0"),
        (TRAIN, "--save-every", "1,000", "a number from 0"),
        (TRAIN, "--save-every", "often", "a number from 0"),
        (PREPARE, "--seed", "-1", "a whole number from 0"),
        (PREPARE, "--max-bad", "-3", "a whole number from 0"),
        (COHORT, "--timeout", "0", "a number above 0"),
        (COHORT, "--timeout", "soon", "a number above 0"),
        (JOBS, "--workers", "0", "a whole number from 1"),
        (JOBS, "--attempts", "-1", "a whole number from 1"),
    ],
)
def test_a_number_that_a_flag_cannot_have_is_told_before_anything_is_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[Main, tuple[str, ...]],
    flag: str,
    given: str,
    takes: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    main, flags = command
    with pytest.raises(SystemExit, match="2"):
        main([*flags, flag, given])
    assert f"argument {flag}: must be {takes}, not {given}" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_state_may_be_saved_after_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_main(["--data", "none", "--out", "run", "--save-every", "0", "--coarse-steps", "0"]) == 1
    assert "no steps to train for" in capsys.readouterr().err  # what comes after the flags


def test_a_comma_that_may_part_thousands_is_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        octseg_main(["predict", "frame.png", "--frame-spacing", "1,500"])
    assert "1,500 (write 1500 or 1.500) is no length in mm above 0" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "mm"), [("0,200", 0.2), ("0,2", 0.2), ("0.00668", 0.00668), (" 0,00668", 0.00668)])
def test_a_length_has_a_point_or_a_comma(text: str, mm: float) -> None:
    assert length_mm(text) == mm
