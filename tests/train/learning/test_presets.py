"""Presets, classes and the rate that goes by Dice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import train.__main__ as training
from octseg.checkpoint import load_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.errors import ConfigError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.phantom import make_phantom
from octseg.view.preprocessing import PreprocessingConfig
from tests.train.learning.test_stops import drawn_frames, same, start  # noqa: F401
from train.dataset import Data
from train.learning.loop import Report, StoppedError, train
from train.learning.pace import Pace, optimiser_of
from train.learning.recipe import Recipe, Stage, plain_recipe, seed_recipe
from train.provenance import provenance

SMALL = ModelConfig(classes=("lipid_core",), aspp_rates=(6,), aspp_channels=8, skip_channels=8)
STAGE = Stage(steps=100, batch=2, size=(32, 32))


def write_part(part: Path, name: str, seed: int) -> Path:
    """One phantom laid out as a part of a fold of the record."""
    phantom = make_phantom(seed)
    planes = np.stack([phantom.masks[each] for each in CLASS_NAMES], axis=-1).astype(np.uint8) * 255
    for folder in ("img", "mask"):
        (part / folder).mkdir(parents=True)
    Image.fromarray(phantom.frame).save(part / "img" / f"{name}.png")
    Image.fromarray(planes, "RGBA").save(part / "mask" / f"{name}.tiff", compression="tiff_lzw")
    return part


def test_the_seeds_recipe_is_what_its_paper_did() -> None:
    recipe = seed_recipe([STAGE])
    assert {type(optimiser_of(DeepLabV3Plus(SMALL), stage, recipe)) for stage in recipe.stages} == {torch.optim.RMSprop}
    assert (recipe.stages[0].learning_rate, recipe.stages[0].encoder_learning_rate) == (1e-5, 1e-5)
    assert (recipe.loss, recipe.schedule, recipe.phantom_share) == ("bce_dice", "plateau", 0.0)


def test_the_baseline_is_plain_flips_and_no_phantoms_with_our_optimiser_and_steps() -> None:
    recipe = plain_recipe([STAGE])
    assert (recipe.loss, recipe.phantom_share, recipe.lipid_share) == ("bce_dice", 0.0, 0.0)
    ours = Recipe(stages=(STAGE,))
    for name in ("stages", "optimiser", "schedule", "weight_decay", "ema_decay", "warm_up", "seed"):
        assert getattr(recipe, name) == getattr(ours, name)
    assert recipe.augmentation.mirror
    assert not recipe.augmentation.turn


def test_weights_made_without_phantoms_do_not_name_them() -> None:
    data = Data(("lumen",), ("001",), lambda: iter(()), told={"name": "record"})
    for phantoms, names in ((0, ["record"]), (3, ["record", "octseg phantoms"])):
        told = provenance(data, phantoms, plain_recipe([STAGE]), "timm/mobilenetv2_100.ra_in1k")
        assert [each["name"] for each in told["datasets"]] == names


def test_the_rate_is_halved_when_dice_stands_still() -> None:
    recipe = seed_recipe([STAGE])
    pace = Pace(optimiser_of(DeepLabV3Plus(SMALL), recipe.stages[0], recipe), recipe, recipe.stages[0])
    rates = []
    for dice in (0.1, 0.2, 0.3, *[0.3] * 6, 0.9, 0.9):
        pace.looked(None)  # a step without a look
        pace.looked(dice)
        pace.set_rate(5)
        rates.append(pace.rates["learning_rate"])
    assert rates == [1e-5] * 8 + [0.5e-5] * 3  # six looks without a greater Dice than 0.3


def run_by_plateau(out: Path, imagenet: Path, show: object = None) -> dict[str, torch.Tensor]:
    """The seed's recipe on drawn frames; a look at each step that never sees a greater Dice."""
    recipe = seed_recipe([Stage(steps=12, batch=2, size=(32, 32))])
    network = train(
        drawn_frames(),
        [],
        imagenet=imagenet,
        network_config=SMALL,
        preprocessing=PreprocessingConfig(domain="cartesian", size=(32, 32)),
        recipe=recipe,
        out=out,
        show=show,  # type: ignore[arg-type]
        observe=lambda stage, step, average: 0.5,
    )
    return network.state_dict()


def test_a_run_by_plateau_goes_on_to_the_same_bits(
    start: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped after step 10: nine looks without progress are behind it, three of the next six too."""
    monkeypatch.setattr("train.learning.loop.REPORT_EVERY", 10)
    whole = run_by_plateau(tmp_path / "whole", start)

    def stop(report: Report) -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError):
        run_by_plateau(tmp_path / "halved", start, stop)
    assert same(run_by_plateau(tmp_path / "halved", start), whole)
    lines = [(tmp_path / run / "log.jsonl").read_text().splitlines()[-1] for run in ("whole", "halved")]
    rates = [line.split('"learning_rate": ')[1].split(",")[0] for line in lines]
    assert rates == ["5e-06", "5e-06"]


def test_classes_are_taken_in_the_order_of_the_data() -> None:
    data = Data(("lumen", "fibrous_cap", "lipid_core"), (), lambda: iter(()))
    assert training.chosen_classes(["all"], data) == data.classes
    assert training.chosen_classes(["lipid_core", "lumen"], data) == ("lumen", "lipid_core")
    with pytest.raises(ConfigError, match="the data say nothing of vasa_vasorum; they have lumen, fibrous_cap, lipid"):
        training.chosen_classes(["vasa_vasorum"], data)


@pytest.mark.slow
def test_the_seeds_task_is_trained_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_part = write_part(tmp_path / "train", "001_1_001", 0)
    validation = write_part(tmp_path / "validation", "002_1_001", 3)
    save_file(MobileNetV2().state_dict(), tmp_path / "encoder.safetensors")
    flags = ["--data", str(train_part), "--imagenet", str(tmp_path / "encoder.safetensors"), "--out"]
    flags += [str(tmp_path / "run"), "--preset", "seed", "--classes", "lipid_core", "--coarse-steps", "2"]
    assert training.main(flags) == 1
    assert "lowers its rate when the Dice on validation frames stands still" in capsys.readouterr().err
    shares = ["--phantoms", "2", "--phantom-share", "0.5", "--lipid-share", "0.25"]
    assert training.main([*flags, *shares, "--validation", str(validation)]) == 0
    config = load_checkpoint(tmp_path / "run").config
    assert config.network.classes == ("lipid_core",)
    assert (config.preprocessing.domain, config.preprocessing.size) == ("cartesian", (256, 256))
    assert config.training["recipe"]["optimiser"] == "rmsprop"
    assert [config.training["recipe"][name] for name in ("phantom_share", "lipid_share")] == [0.5, 0.25]
    assert (tmp_path / "run" / "report.html").exists()
    assert Recipe(stages=()).optimiser == "adamw"
