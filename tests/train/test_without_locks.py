"""Runs stopped by a scheduler and gone on with, on a disk that cannot lock files, as NFS without its lock daemon."""

import errno
import json
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from octseg.checkpoint import WEIGHTS_FILE, CheckpointConfig, save_checkpoint
from octseg.export.locking import UNLOCKED
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.view.preprocessing import PreprocessingConfig
from tests.fakes.disks import can_be_had
from tests.fakes.forking import Forked, start_python
from tests.fakes.prepared import CC_BY, contents, discs_fold, prepare_folder
from train.learning.state import STATE_FILE

pytestmark = pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
ON_SUCH_A_DISK = """
import runpy
import sys
from dataclasses import replace
from tests.fakes.disks import locks_fail_with
from train.learning import presets
locks_fail_with(int(sys.argv[1]))
presets.DOMAINS["polar"] = replace(presets.POLAR, size=(128, 128))  # a step is the less work
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
ALONE = os.environ | {UNLOCKED: "1"}
SMALL = CheckpointConfig(
    network=ModelConfig(classes=("lipid_core",), aspp_rates=(6,), aspp_channels=8, skip_channels=8),
    preprocessing=PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8),
)


def started(command: list[str], said: Path, environment: dict[str, str] = ALONE) -> Forked:
    """`python -m COMMAND` in a process whose every flock fails with ENOLCK."""
    return start_python(["-c", ON_SUCH_A_DISK, str(errno.ENOLCK), *command], environment, stderr=said)


def stopped(running: Forked, number: signal.Signals, done: Callable[[], int]) -> int:
    """The exit status of a run that was sent a signal once it had done more than before."""
    before = done()
    while done() <= before:
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(number)
    return running.wait(60)


def written_ns(path: Path) -> int:
    """When a file was written last, 0 before it is there: between two moves it is not."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "stderr"


@pytest.mark.slow
def test_a_dataset_stopped_by_a_scheduler_is_gone_on_with(tmp_path: Path, said: Path) -> None:
    fold = discs_fold(tmp_path / "fold", [f"{n:03d}" for n in range(1, 4)], per_study=20)
    out, notes = tmp_path / "dataset", tmp_path / "dataset.partial" / "frames"
    flags = ["--source", "folder", "--data", str(fold), "--out", str(out), "--size", "64", "--workers", "1", *CC_BY]
    command = ["train.prepare", *flags]
    refused = started(command, said, dict(os.environ)).wait(60)
    assert (refused, said.read_text().startswith("train.prepare: the disk of dataset.partial cannot lock")) == (1, True)
    for name in ("SIGUSR1", "SIGTERM"):
        said.unlink()
        status = stopped(started(command, said), signal.Signals[name], lambda: len(list(notes.glob("*.json"))))
        told = f"train.prepare: stopped by {name}; run the same command again to go on\n"
        assert (status, said.read_text(), out.exists()) == (130, told, False)
    made = {path.stem: (notes / f"{path.stem}.image.png").stat().st_ino for path in notes.glob("*.json")}
    assert started(command, said).wait(60) == 0
    assert made.items() <= {path.stem: path.stat().st_ino for path in out.glob("*/images/*.png")}.items()
    assert prepare_folder(fold, tmp_path / "in_one_go", *CC_BY) == 0
    assert contents(out) == contents(tmp_path / "in_one_go")


@pytest.mark.slow
def test_a_training_stopped_by_a_scheduler_saves_its_state_and_is_gone_on_with(tmp_path: Path, said: Path) -> None:
    assert prepare_folder(discs_fold(tmp_path / "fold"), tmp_path / "dataset", *CC_BY) == 0
    save_checkpoint(tmp_path / "start", DeepLabV3Plus(SMALL.network), SMALL, "# A start")
    sources = ["--data", str(tmp_path / "dataset"), "--start", str(tmp_path / "start")]
    steps = ["--phantoms", "0", "--domain", "polar", "--coarse-steps", "6", "6"]
    steps += ["--threads", "1", "--save-every", "0"]
    run, state = tmp_path / "run", tmp_path / "run" / STATE_FILE
    command = ["train", *sources, *steps, "--out", str(run)]

    refused = started(command, said, dict(os.environ)).wait(60)
    assert (refused, "train: the disk of run cannot lock files" in said.read_text()) == (1, True), said.read_text()
    done = []
    for name in ("SIGUSR1", "SIGTERM"):
        said.unlink()
        status = stopped(started(command, said), signal.Signals[name], lambda: written_ns(state))
        found = re.search(
            r"train: stopped after step (\d+) of stage (\d); run the same command again", said.read_text()
        )
        assert (status, found is not None) == (130, True), said.read_text()
        done.append((int(found[2]), int(found[1])))
    assert done == sorted(set(done))  # each run went on from the state before
    assert started(command, said).wait(60) == 0
    assert (run / WEIGHTS_FILE).exists()
    told = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps_told = [(line["stage"], line["step"]) for line in told]  # a look has a line of its own
    assert steps_told == sorted(steps_told)
    assert steps_told[-1] == (1, 6)
