"""A training that is looked at while it runs: it ends in the same bits, and says what was seen once each."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import train.__main__ as training
from octseg.checkpoint import CheckpointConfig, load_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.errors import DatasetError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.phantom import Phantom, make_phantom
from octseg.reading.private import is_private_file
from octseg.view.preprocessing import PreprocessingConfig
from train.dataset import Case, Data, open_data, training_frames
from train.judging.judge import kind_of
from train.judging.panels import compared
from train.learning.loop import Report, StoppedError, train
from train.learning.recipe import Recipe, Stage
from train.learning.watching import BEST_FILE, Look, Watch, best_of, chosen_cases, load_best, validation_data

ROOT = Path(__file__).parents[3]
POLAR = PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8)
NETWORK = ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8)
RECIPE = Recipe(stages=tuple(Stage(steps=n, batch=2, size=(64, 64)) for n in (4, 5)), phantom_share=0.0)


def write_part(part: Path, frames: dict[str, Phantom]) -> Path:
    """Phantoms laid out as one part of a fold of the record."""
    for kind in ("img", "mask"):
        (part / kind).mkdir(parents=True)
    for name, phantom in frames.items():
        planes = np.stack([phantom.masks[each] for each in CLASS_NAMES], axis=-1).astype(np.uint8) * 255
        Image.fromarray(phantom.frame).save(part / "img" / f"{name}.png")
        Image.fromarray(planes, "RGBA").save(part / "mask" / f"{name}.tiff", compression="tiff_lzw")
    return part


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ with a phantom of study 001, validation/ with one each of 002 and 003, and weights to start from."""
    root = tmp_path_factory.mktemp("parts")
    write_part(root / "train", {"001_1_001": make_phantom(0)})
    write_part(root / "validation", {"002_1_001": make_phantom(3), "003_1_001": make_phantom(6)})
    torch.manual_seed(0)
    save_file(MobileNetV2().state_dict(), root / "encoder.safetensors")
    return root


def watch(out: Path, parts: Path, tell: Any = lambda look, picture: None, *, private: bool = False) -> Watch:
    cases = list(open_data(parts / "validation", "validation").cases())
    return Watch(out, RECIPE, CheckpointConfig(network=NETWORK, preprocessing=POLAR), cases, 3, private, tell)


def trained(out: Path, parts: Path, observe: Watch | None, show: Any = None) -> dict[str, torch.Tensor]:
    """The weights at the end of nine steps in two stages."""
    network = train(
        training_frames(open_data(parts / "train", "train")),
        [],
        imagenet=parts / "encoder.safetensors",
        network_config=NETWORK,
        preprocessing=POLAR,
        recipe=RECIPE,
        out=out,
        observe=observe,
        show=show,
    )
    return network.state_dict()


def log(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def looks(run: Path) -> list[dict[str, Any]]:
    return [line for line in log(run) if "validation" in line]


@pytest.fixture(scope="module")
def unseen(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    return trained(tmp_path_factory.mktemp("unseen") / "run", parts, None)


@dataclass(frozen=True)
class Seen:
    """A run that was looked at: its weights, its looks, and torch's and numpy's generators before and after them."""

    run: Path
    weights: dict[str, torch.Tensor]
    looked: list[Look]
    before: list[torch.Tensor]
    after: list[torch.Tensor]
    numpy_states: tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def seen(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    before: list[torch.Tensor] = []
    after: list[torch.Tensor] = []
    looked: list[Look] = []

    class Guarded(Watch):
        def __call__(self, stage: int, step: int, average: torch.nn.Module) -> float | None:
            before.append(torch.get_rng_state())
            dice = super().__call__(stage, step, average)
            after.append(torch.get_rng_state())
            return dice

    run = tmp_path_factory.mktemp("seen") / "run"
    guarded = Guarded(**vars(watch(run, parts, lambda look, picture: looked.append(look))))
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    weights = trained(run, parts, guarded)
    return Seen(run, weights, looked, before, after, (numpy_state, np.random.get_state()[1]))  # noqa: NPY002


@pytest.mark.slow
def test_a_run_that_is_looked_at_ends_in_the_same_bits(seen: Seen, unseen: dict[str, torch.Tensor]) -> None:
    assert all(torch.equal(seen.weights[name], unseen[name]) for name in unseen)
    assert all(torch.equal(*pair) for pair in zip(seen.before, seen.after, strict=True))
    np.testing.assert_array_equal(*seen.numpy_states)
    assert [look.run_step for look in seen.looked] == [3, 6, 9]
    assert [(line["stage"], line["step"]) for line in log(seen.run) if "loss" in line] == [(0, 4), (1, 5)]


def test_each_look_leaves_a_line_and_a_picture_of_its_frames(seen: Seen) -> None:
    lines = looks(seen.run)
    assert [(line["stage"], line["step"], line["validation"]["run_step"]) for line in lines] == [
        (0, 3, 3),
        (1, 2, 6),
        (1, 5, 9),
    ]
    assert set(lines[0]["validation"]["dice"]) == set(CLASS_NAMES)
    assert lines[0]["validation"]["n_frames"] == 2
    pictures = sorted((seen.run / "pictures").iterdir())
    assert [path.name for path in pictures] == [f"validation_{step:06d}.png" for step in (3, 6, 9)]
    with Image.open(pictures[0]) as picture:
        assert picture.width == 2 * 420  # two frames side by side


def test_a_run_that_is_stopped_keeps_its_looks_once_each_and_the_best(
    parts: Path, tmp_path: Path, seen: Seen, unseen: dict[str, torch.Tensor]
) -> None:
    """Stopped at the end of the first stage, after the look at step 3; the state is of step 4."""
    whole, halved = seen.run, tmp_path / "halved"

    def stop(report: Report) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError, match="stopped after step 4 of stage 0"):
        trained(halved, parts, watch(halved, parts), stop)
    weights = trained(halved, parts, watch(halved, parts))
    assert all(torch.equal(weights[name], unseen[name]) for name in unseen)
    one, other = [[line["validation"] | {"seconds": 0} for line in looks(run)] for run in (whole, halved)]
    assert one == other
    assert best_of(whole) == best_of(halved)
    kept, again = load_file(whole / BEST_FILE), load_file(halved / BEST_FILE)
    assert all(torch.equal(kept[name], again[name]) for name in kept)


@pytest.mark.slow
def test_a_run_killed_before_its_first_state_logs_its_steps_once(parts: Path, tmp_path: Path) -> None:
    """kill -9 at the second look, before any state is there; the same run then begins anew."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.train.learning.test_watching import trained, watch\n"
        "out, parts = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "trained(out, parts, watch(out, parts, lambda look, picture: os.kill(os.getpid(), signal.SIGKILL)))\n"
    )
    run = tmp_path / "run"
    command = [sys.executable, "-c", code, str(run), str(parts)]
    killed = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [line["validation"]["run_step"] for line in looks(run)] == [3]
    trained(run, parts, watch(run, parts))
    assert [line["validation"]["run_step"] for line in looks(run)] == [3, 6, 9]


def look(dice: dict[str, float | None], arc: float | None) -> Look:
    return Look(0, 1, 1, dice, arc, 1, 0.0)


def test_the_score_is_the_mean_of_lipid_dice_and_arc_dice() -> None:
    assert look({"lumen": 1.0, "lipid_core": 0.4}, 0.6).score == 0.5
    assert look({"lumen": 0.9, "fibrous_cap": 0.5}, None).score == 0.7
    assert look({"lumen": 0.9, "lipid_core": None}, None).score is None


class Fixed(torch.nn.Module):
    """A network of one number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))


def test_the_weights_of_the_greatest_score_are_kept_the_first_of_equals(tmp_path: Path) -> None:
    config = CheckpointConfig(network=NETWORK, preprocessing=POLAR)
    keeper = Watch(tmp_path, RECIPE, config, [], 1, False, lambda look, picture: None)
    for step, score in enumerate((0.2, 0.6, 0.6, None, 0.4), start=1):
        dice = {"lipid_core": score}
        keeper._keep_if_best(Look(0, step, step, dice, score, 1, 0.0), Fixed(float(step)))
    network = Fixed(0.0)
    best = load_best(tmp_path, network)
    assert (best.run_step, best.score) == (2, 0.6)
    assert network.value.item() == 2.0


def case(name: str, study: str, lipid: bool) -> Case:
    return Case(name, study, np.zeros((4, 4, 3), np.uint8), {"lipid_core": np.full((4, 4), lipid)})


def test_frames_to_look_at_are_spread_over_studies_and_mostly_bear_lipid() -> None:
    cases = [case(f"{study}_{number}", study, number % 2 == 0) for study in "ABCD" for number in range(20)]
    data = Data(("lipid_core",), tuple(each.study for each in cases), lambda: iter(cases))
    chosen = chosen_cases(data, 8)
    assert len(chosen) == 8
    assert {each.study for each in chosen} == set("ABCD")
    assert sum(bool(each.truth["lipid_core"].any()) for each in chosen) == 6
    assert [each.name for each in chosen_cases(data, 8)] == [each.name for each in chosen]
    assert len(chosen_cases(data, 1000)) == 80


def test_a_plain_part_is_looked_at_only_with_what_is_given(parts: Path) -> None:
    data = open_data(parts / "train", "train")
    assert validation_data(data, None) is None
    given = validation_data(data, parts / "validation")
    assert given is not None
    assert given.studies == ("002", "003")
    with pytest.raises(DatasetError, match="trained on the studies 001"):
        validation_data(data, parts / "train")


def test_found_is_drawn_solid_and_true_dashed() -> None:
    """One square, found or true, on black: the solid outline covers more of its length than the dashed one."""
    square, none = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    square[20:80, 20:80] = True
    frame = np.zeros((100, 100, 3), np.uint8)
    found = compared(frame, {"lipid_core": square}, {"lipid_core": none}, 200)
    true = compared(frame, {"lipid_core": none}, {"lipid_core": square}, 200)
    lit = [(picture.max(axis=2) > 100).sum() for picture in (found, true)]
    assert 0.3 * lit[0] < lit[1] < 0.75 * lit[0]
    assert compared(np.zeros((50, 100, 3), np.uint8), {}, {}, 80).shape == (80, 80, 3)


def command(parts: Path, out: Path, *flags: str) -> int:
    start = ["--data", str(parts / "train"), "--imagenet", str(parts / "encoder.safetensors"), "--out", str(out)]
    return training.main([*start, "--phantoms", "1", "--coarse-steps", "4", *flags])


@pytest.mark.slow
def test_the_command_keeps_the_best_weights_when_asked_to(parts: Path, tmp_path: Path) -> None:
    """The same run ended twice: with the last weights, then with those of its best look."""
    run = tmp_path / "run"
    flags = ("--validation", str(parts / "validation"), "--validate-every", "2")
    assert command(parts, run, *flags) == 0
    training_of = load_checkpoint(run).config.training
    assert training_of["weights"] == "averaged weights of the last step"
    scores = {line["validation"]["run_step"]: line["validation"]["score"] for line in looks(run)}
    assert list(scores) == [2, 4]
    best = max(scores, key=lambda step: (scores[step], -step))
    assert training_of["validation"]["best_step"] == best
    assert "studies" not in training_of["validation"]
    assert command(parts, run, *flags, "--keep", "best") == 0
    checkpoint = load_checkpoint(run)
    assert checkpoint.config.training["weights"] == f"averaged weights of step {best}, the best on validation frames"
    validation = open_data(parts / "validation", "validation")
    assert kind_of(validation, checkpoint.config.training) == "frames that weights were chosen on"
    name = "encoder.features.0.0.weight"
    kept = load_file(run / BEST_FILE)[name]
    torch.testing.assert_close(checkpoint.network.state_dict()[name], kept, rtol=1e-3, atol=1e-4)  # stored as float16


def test_keeping_the_best_without_frames_to_choose_by_is_refused(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(parts, tmp_path / "run", "--keep", "best") == 1
    assert "give them with --validation DIR" in capsys.readouterr().err


def test_pictures_of_private_frames_bear_the_mark(parts: Path, tmp_path: Path) -> None:
    for private in (False, True):
        run = tmp_path / str(private)
        run.mkdir()
        looking = watch(run, parts, private=private)
        replace(looking, cases=looking.cases[:1])(1, 5, DeepLabV3Plus(NETWORK).eval())
        (picture,) = (run / "pictures").iterdir()
        assert is_private_file(picture) == private
