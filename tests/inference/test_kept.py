"""Networks as OpenVINO runs them: made once, and kept for the processes that follow."""

import copy
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13

from octseg.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from octseg.checkpoint.calibration import Calibration, Platt
from octseg.inference.kept import MOST_KEPT, kept_or_made
from octseg.inference.on_openvino import OpenVINOBackend
from octseg.model import DeepLabV3Plus
from tests.fakes.tiny import TINY

NAMES = ("whole",)


class Makes:
    """Makes networks that multiply by 3, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> list[Any]:
        self.count += 1
        given = opset13.parameter([2], np.float32)
        factors = np.full(2, 3.0, np.float32)
        return [openvino.Model([opset13.multiply(given, opset13.constant(factors))], [given])]


@pytest.fixture
def make() -> Makes:
    return Makes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCTSEG_NETWORKS", str(tmp_path / "networks"))
    return tmp_path / "networks"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A model that lies in a folder."""
    home = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    save_checkpoint(home, DeepLabV3Plus(TINY.network), TINY, "# Tiny")
    return load_checkpoint(home)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def multiplies_by_three(models: list[Any]) -> bool:
    [model] = models
    [told] = openvino.compile_model(model, "CPU")(np.array([1.0, -2.0], np.float32)).values()
    return bool((told == [3.0, -6.0]).all())


def test_a_network_is_made_once_for_all_that_ask(folder: Path, tiny: Checkpoint, make: Makes) -> None:
    for _ in range(2):
        assert multiplies_by_three(kept_or_made(tiny, NAMES, make))
    assert make.count == len(files(folder)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("bf16", [False, True])
def test_the_bundled_kind_of_network_says_the_same_to_the_last_bit(folder: Path, tiny: Checkpoint, bf16: bool) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1, *TINY.preprocessing.size), np.uint8)
    first = OpenVINOBackend(tiny, bf16=bf16)(grey)
    before = {path: path.stat().st_ino for path in files(folder)}
    np.testing.assert_array_equal(OpenVINOBackend(tiny, bf16=bf16)(grey), first)
    assert {path: path.stat().st_ino for path in files(folder)} == before


def other_weights(tiny: Checkpoint) -> Checkpoint:
    network = copy.deepcopy(tiny.network)
    with torch.no_grad():
        next(iter(network.parameters())).flatten()[0] += 0.5
    return replace(tiny, network=network)


def other_calibration(tiny: Checkpoint) -> Checkpoint:
    calibration = Calibration(probability={"lipid_core": Platt(slope=0.5, intercept=0.0)})
    return replace(tiny, config=replace(tiny.config, calibration=calibration))


@pytest.mark.parametrize("change", [other_weights, other_calibration])
def test_a_network_of_another_model_is_made_anew(
    folder: Path, tiny: Checkpoint, make: Makes, change: Callable[[Checkpoint], Checkpoint]
) -> None:
    kept_or_made(tiny, NAMES, make)
    kept_or_made(change(tiny), NAMES, make)
    assert make.count == len(files(folder)) == 2


@pytest.mark.parametrize("kept", [b"", b"short", None])
def test_a_file_that_is_not_as_it_was_written_is_made_anew(
    folder: Path, tiny: Checkpoint, make: Makes, kept: bytes | None
) -> None:
    kept_or_made(tiny, NAMES, make)
    [path] = files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if kept is None else kept)
    for _ in range(2):
        assert multiplies_by_three(kept_or_made(tiny, NAMES, make))
    assert make.count == 2


def test_a_network_that_came_from_no_file_is_not_kept(folder: Path, tiny: Checkpoint, make: Makes) -> None:
    assert multiplies_by_three(kept_or_made(Checkpoint(tiny.config, tiny.network), NAMES, make))
    assert not folder.exists()


def test_where_nothing_is_to_be_kept_or_can_be_the_network_runs_all_the_same(
    tiny: Checkpoint, make: Makes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for named in ("", str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        monkeypatch.setenv("OCTSEG_NETWORKS", named)
        assert multiplies_by_three(kept_or_made(tiny, NAMES, make))
    assert make.count == 3
    assert (tmp_path / "file").read_bytes() == b""


def test_without_room_nothing_is_left_behind(folder: Path, tiny: Checkpoint, make: Makes) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        assert multiplies_by_three(kept_or_made(tiny, NAMES, make))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(folder) == []


def test_a_folder_that_others_may_write_to_is_left_alone(folder: Path, tiny: Checkpoint, make: Makes) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    for _ in range(2):
        kept_or_made(tiny, NAMES, make)
    assert make.count == 2
    assert files(folder) == []


def test_those_that_were_not_used_for_longest_go(folder: Path, tiny: Checkpoint, make: Makes) -> None:
    folder.mkdir(mode=0o700)
    for age in range(MOST_KEPT):
        (folder / f"{age}.network").write_bytes(b"")
        os.utime(folder / f"{age}.network", (1e9 - age, 1e9 - age))
    (folder / "notes.txt").write_bytes(b"")
    kept_or_made(tiny, NAMES, make)
    left = {path.name for path in files(folder)}
    assert {f"{age}.network" for age in range(MOST_KEPT - 1)} | {"notes.txt"} <= left
    assert len(left) == MOST_KEPT + 1
