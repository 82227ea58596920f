"""Two processes, over gloo, do what one does with the whole batch."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from octseg.errors import ConfigError
from octseg.export.locking import locked
from tests.train.learning.test_stops import start  # noqa: F401
from train.learning.engine import share_of

ROOT = Path(__file__).parents[3]


def run(out: Path, start: Path, *more: str, processes: int) -> subprocess.CompletedProcess[str]:  # noqa: F811
    launch = ["torch.distributed.run", f"--nproc_per_node={processes}", "--standalone", "-m"] if processes > 1 else []
    command = [sys.executable, "-m", *launch, "tests.fakes.train_process", str(out), str(start), *more]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=150, check=False)


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    out = tmp_path_factory.mktemp("alone") / "run"
    assert run(out, start, processes=1).returncode == 0
    return out


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_with_the_whole_batch(alone: Path, start: Path, tmp_path: Path) -> None:  # noqa: F811
    done = run(tmp_path / "run", start, processes=2)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(losses(alone)) == len(losses(tmp_path / "run")) == 12
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(alone), rtol=1e-6)
    one, two = load_file(alone / "weights.safetensors"), load_file(tmp_path / "run" / "weights.safetensors")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_stop_of_one_process_stops_both_and_one_alone_goes_on(alone: Path, start: Path, tmp_path: Path) -> None:  # noqa: F811
    """Stopped after step 5 of 12 in two processes; gone on with in one."""
    stopped = run(tmp_path / "run", start, "5", processes=2)
    assert stopped.returncode != 0
    assert stopped.stderr.count("told: stopped after step 5 of stage 0") == 2
    assert run(tmp_path / "run", start, processes=1).returncode == 0
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(alone), rtol=1e-6)


@pytest.fixture
def own_accelerator() -> Iterator[None]:
    """Accelerate holds one precision for a process; another test of it may want another, before or after."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("own_accelerator")
def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    assert [share_of(6, 2, process) for process in range(2)] == [range(3), range(3, 6)]
    with pytest.raises(ConfigError, match="a batch of 3 frames cannot be shared evenly by 2 processes"):
        share_of(3, 2, 0)


@pytest.mark.slow
def test_what_the_main_process_meets_ends_all_and_is_told_once(start: Path, tmp_path: Path) -> None:  # noqa: F811
    with locked(tmp_path / "run", "training in run"):
        done = run(tmp_path / "run", start, processes=2)
    assert done.returncode != 0
    assert done.stderr.count("told: another run is training in run") == 1
    assert "connection" not in done.stderr.lower()
