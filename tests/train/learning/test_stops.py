"""A run that is stopped, killed, damaged, or that has no room: it goes on to the same bits, or says why it cannot."""

import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from octseg.errors import HeldError, OctsegError
from octseg.export.locking import locked
from octseg.model import ModelConfig
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.view.preprocessing import PreprocessingConfig
from tests.fakes.forking import FORKING
from train.dataset import TrainingFrame
from train.learning.batches import batches
from train.learning.loop import Report, StoppedError, train
from train.learning.recipe import Recipe, Stage
from train.learning.state import PREVIOUS_FILE, STATE_FILE

STEPS = (6, 4)  # of two stages; a report comes after 4 steps and at each end


def drawn_frames() -> list[TrainingFrame]:
    """Three frames of noise with a bright square that is lipid."""
    frames = []
    for number in range(3):
        planes = np.zeros((64, 64, 1), np.uint8)
        planes[20 : 30 + number, 20:40] = 255
        rng = np.random.default_rng(number)
        grey = (rng.integers(0, 90, (64, 64)) + planes[..., 0] // 3).astype(np.uint8)
        has = frozenset({"lipid_core"})
        frames.append(TrainingFrame(f"frame_{number}", "001", grey, planes, (32.0, 32.0), 32.0, 20.0, 10.0, has))
    return frames


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights to start from."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("start") / "encoder.safetensors"
    save_file(MobileNetV2().state_dict(), path)
    return path


def trained(
    out: Path,
    start: Path,
    *,
    seed: int = 0,
    save_every_s: float = 1e9,
    show: Callable[[Report], object] | None = None,
    report_every: int = 4,
) -> dict[str, torch.Tensor]:
    """The weights at the end of a small run, by one thread: other numbers of threads add in other orders."""
    torch.set_num_threads(1)
    stages = tuple(Stage(steps=steps, batch=2, size=(32, 32)) for steps in STEPS)
    with patch("train.learning.loop.REPORT_EVERY", report_every):
        network = train(
            drawn_frames(),
            [],
            imagenet=start,
            network_config=ModelConfig(classes=("lipid_core",), aspp_rates=(6,), aspp_channels=8, skip_channels=8),
            preprocessing=PreprocessingConfig(domain="polar", size=(32, 32), wrap_rays=4),
            recipe=Recipe(stages=stages, phantom_share=0.0, seed=seed),
            out=out,
            save_every_s=save_every_s,
            show=show,
        )
    return network.state_dict()


def trained_slowly(out: Path, start: Path) -> None:
    """The same run, which saves after every step and pauses before, so that it can be watched."""
    trained(out, start, save_every_s=0.0, show=lambda _: time.sleep(0.1), report_every=1)


@pytest.fixture(scope="module")
def undisturbed(start: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    return trained(tmp_path_factory.mktemp("undisturbed") / "run", start)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_another_seed_gives_other_weights(start: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]) -> None:
    """The negative control of what follows."""
    assert not same(trained(tmp_path / "run", start, seed=1), undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2])
def test_a_run_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bits(
    start: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor], number: signal.Signals
) -> None:
    """Signalled after 4 steps of the first stage, and again at the end of that stage."""
    asked: list[float] = []

    def signal_once_a_run(report: Report) -> None:
        if not asked or asked[-1] != report["step"]:
            asked.append(report["step"])
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match="stopped after step 4 of stage 0; run the same command again"):
        trained(tmp_path / "run", start, show=signal_once_a_run)
    with pytest.raises(StoppedError, match="stopped after step 6 of stage 0"):
        trained(tmp_path / "run", start, show=signal_once_a_run)
    assert same(trained(tmp_path / "run", start), undisturbed)


def test_batches_that_nobody_takes_leave_no_thread() -> None:
    before = threading.enumerate()
    recipe = Recipe(stages=(Stage(steps=1000, batch=2, size=(32, 32)),))
    polar = PreprocessingConfig(domain="polar", size=(32, 32), wrap_rays=4)
    drawn = batches(drawn_frames(), [], polar, recipe, 0, 0)
    next(drawn)
    drawn.close()
    assert threading.enumerate() == before


@pytest.mark.slow
def test_a_run_killed_at_random_steps_ends_in_the_same_bits(
    start: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    """kill -9 in processes of its own, which save after every step; at least half of the kills land in mid-run."""
    run, landed = tmp_path / "run", 0
    rng = np.random.default_rng(0)
    for _ in range(3):
        process = FORKING.Process(target=trained_slowly, args=(run, start))
        process.start()
        kill_after = int(rng.integers(1, 4))
        seen: set[int] = set()
        while process.is_alive() and len(seen) < kill_after:
            with suppress(FileNotFoundError):  # between two moves
                seen.add((run / STATE_FILE).stat().st_mtime_ns)
            time.sleep(0.002)
        landed += process.is_alive()
        process.kill()
        process.join()
    assert landed >= 2
    assert same(trained(run, start), undisturbed)
    steps = [(line["stage"], line["step"]) for line in map(json.loads, (run / "log.jsonl").read_text().splitlines())]
    assert steps == sorted(set(steps))  # what was done again after a kill stands there once


def damage(path: Path) -> None:
    """One byte in its middle is another; done twice, it stays damaged."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] = (content[len(content) // 2] + 1) % 256
    path.write_bytes(content)


def test_a_damaged_state_is_noticed_and_the_one_before_taken(
    start: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    run = tmp_path / "run"
    trained(run, start)
    damage(run / STATE_FILE)
    with pytest.warns(UserWarning, match=r"state.pt is damaged; the state before it is taken"):
        assert same(trained(run, start), undisturbed)
    damage(run / STATE_FILE)
    damage(run / PREVIOUS_FILE)
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(OctsegError, match="no state in run is whole"):
        trained(run, start)


def test_a_folder_of_another_run_is_refused(start: Path, tmp_path: Path) -> None:
    trained(tmp_path / "run", start)
    with pytest.raises(OctsegError, match="another recipe, other frames or another start"):
        trained(tmp_path / "run", start, seed=5)


def test_two_runs_on_one_folder_are_refused(start: Path, tmp_path: Path) -> None:
    with (
        locked(tmp_path / "run", "training in run"),
        pytest.raises(HeldError, match="another run is training in run"),
    ):
        trained(tmp_path / "run", start)


def test_a_loss_that_is_no_number_ends_the_run_naming_the_frames(start: Path, tmp_path: Path) -> None:
    broken = {name: value.clone() for name, value in load_file(start).items()}
    next(value for value in broken.values() if value.is_floating_point()).fill_(float("nan"))
    save_file(broken, tmp_path / "broken.safetensors")
    with pytest.raises(OctsegError, match=r"no number at step 0 of stage 0, for the frames frame_\d, frame_\d"):
        trained(tmp_path / "run", tmp_path / "broken.safetensors")
    assert not (tmp_path / "run" / STATE_FILE).exists()


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_state(
    start: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    """No file may grow past 1 MB from the 4th step on: the state no longer fits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk(report: Report) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))

    run = tmp_path / "run"
    try:
        with pytest.raises(
            OctsegError, match="the state of the run in run could not be written: the file would be larger"
        ):
            trained(run, start, save_every_s=0.0, show=fill_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in run.glob(".*")] == []
    assert same(trained(run, start), undisturbed)
