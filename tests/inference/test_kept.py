"""Networks as OpenVINO runs them: made once, and kept for the processes that follow."""

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13
from PIL import Image

import octseg
from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.checkpoint.calibration import Calibration, Platt
from octseg.inference.kept import MOST_KEPT, kept_or_made
from octseg.inference.on_openvino import OpenVINOBackend
from octseg.model import DeepLabV3Plus
from octseg.phantom import make_phantom
from tests.fakes.tiny import TINY

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A model's folder."""
    return saved(tmp_path / "model", seed=0)


@pytest.fixture
def tiny(home: Path) -> Checkpoint:
    return load_checkpoint(home)


def saved(folder: Path, seed: int, config: CheckpointConfig = TINY) -> Path:
    torch.manual_seed(seed)
    save_checkpoint(folder, DeepLabV3Plus(config.network), config, "# Tiny")
    return folder


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


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True])
def test_the_bundled_kind_of_network_says_the_same_to_the_last_bit(folder: Path, home: Path, bf16: bool) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1, *TINY.preprocessing.size), np.uint8)
    first = OpenVINOBackend(load_checkpoint(home), bf16=bf16)(grey)
    before = {path: path.stat().st_ino for path in files(folder)}
    np.testing.assert_array_equal(OpenVINOBackend(load_checkpoint(home), bf16=bf16)(grey), first)
    assert {path: path.stat().st_ino for path in files(folder)} == before


@pytest.mark.parametrize("changed", ["weights", "calibration"])
def test_a_network_of_another_model_is_made_anew(
    folder: Path, tiny: Checkpoint, make: Makes, tmp_path: Path, changed: str
) -> None:
    calibration = Calibration(probability={"lipid_core": Platt(slope=0.5, intercept=0.0)})
    config = replace(TINY, calibration=calibration) if changed == "calibration" else TINY
    other = saved(tmp_path / "other", 1 if changed == "weights" else 0, config)
    kept_or_made(tiny, NAMES, make)
    kept_or_made(load_checkpoint(other), NAMES, make)
    assert make.count == len(files(folder)) == 2


def test_a_network_that_somebody_may_have_changed_is_made_of_what_it_is_now(
    folder: Path, tiny: Checkpoint, make: Makes
) -> None:
    with torch.no_grad():
        next(iter(tiny.network.parameters())).flatten()[0] += 0.5
    for _ in range(2):
        kept_or_made(tiny, NAMES, make)
    assert make.count == 2
    assert not folder.exists()


def test_a_frame_of_a_known_model_is_outlined_without_torch(folder: Path, tmp_path: Path) -> None:
    """torch takes a second and 180 MB; the first command needs it, to make the network ready."""
    Image.fromarray(make_phantom(2).frame).save(tmp_path / "frame.png")
    code = (
        "import sys, octseg; result = octseg.from_pretrained(device=sys.argv[1]).segment(sys.argv[2]); "
        "print('torch' in sys.modules, result.measures.lumen_area_mm2)"
    )
    asked = [sys.executable, "-c", code, "cpu", tmp_path / "frame.png"]
    first, second = (subprocess.run(asked, check=True, capture_output=True, text=True, cwd=ROOT) for _ in range(2))
    assert first.stdout.split()[0] == "True"
    assert second.stdout.split() == ["False", first.stdout.split()[1]]


@pytest.mark.slow
@pytest.mark.parametrize(("device", "is_asked"), [("nvidia0", True), ("kfd", True), ("null", False)])
def test_torch_is_asked_for_a_gpu_where_the_machine_may_have_one(tmp_path: Path, device: str, is_asked: bool) -> None:
    (tmp_path / device).touch()
    code = (
        "import pathlib, sys; from octseg.inference import backends; backends.DEVICES = pathlib.Path(sys.argv[1]); "
        "backends.has_cuda(); print('torch' in sys.modules)"
    )
    asked = [sys.executable, "-c", code, tmp_path]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.strip() == str(is_asked)


def test_a_known_model_gives_its_network_where_it_is_asked_for(folder: Path, home: Path) -> None:
    octseg.from_pretrained(home, device="cpu", backend="openvino")
    known = octseg.from_pretrained(home, device="cpu", backend="openvino")
    state, expected = known.network.state_dict(), load_checkpoint(home).network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


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


def test_what_a_killed_process_left_goes_and_what_another_is_writing_stays(
    folder: Path, tiny: Checkpoint, make: Makes
) -> None:
    folder.mkdir(mode=0o700)
    for name in (".partial-old", ".partial-new"):
        (folder / name).mkdir()
        (folder / name / "network.bin").write_bytes(b"half")
    os.utime(folder / ".partial-old", (1e9, 1e9))
    kept_or_made(tiny, NAMES, make)
    assert {path.name for path in files(folder) if path.is_dir()} == {".partial-new"}


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
