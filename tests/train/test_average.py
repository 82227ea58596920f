"""The mean of models' weights: what it holds, what it says of itself, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.checkpoint.calibration import Calibration
from octseg.dataset.publishing import require_publishable_weights
from octseg.errors import ConfigError, PublishingError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.view.preprocessing import PreprocessingConfig
from train.average import main, mean_of

SMALL = ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8)
RECORD = {"name": "record", "revision": "v1.0", "used": "186 frames", "attribution": "Trained on record"}
CONFIG = CheckpointConfig(
    network=SMALL,
    preprocessing=PreprocessingConfig(domain="polar"),
    training={"datasets": [RECORD], "start": "ImageNet", "seed": 5, "recipe": {"loss": "bce_dice"}},
    metrics={"phantoms": {"n_frames": 3, "dice_pooled": {"lumen": 0.9}}},
    thresholds={"lumen": 0.7},
    calibration=Calibration(least_core_logit=0.5),
)


def saved(folder: Path, value: float, config: CheckpointConfig = CONFIG) -> Path:
    """A model all of whose weights have one value."""
    network = DeepLabV3Plus(config.network)
    network.load_state_dict(
        {
            name: torch.full_like(tensor, value) if tensor.is_floating_point() else tensor
            for name, tensor in network.state_dict().items()
        }
    )
    save_checkpoint(folder, network, config, "# A card")
    return folder


def test_the_mean_has_the_mean_of_all_weights_and_nothing_that_was_fitted_to_one(tmp_path: Path) -> None:
    again = {**RECORD, "attribution": "Trained on frames of record"}
    first = saved(tmp_path / "a", 1.0)
    went_on = f"an octseg model of sha256 {load_checkpoint(first).config.sha256}, which started from: ImageNet"
    more = {"datasets": [again, {"name": "more"}], "seed": 6, "start": went_on}
    models = [first, saved(tmp_path / "b", 2.0, replace(CONFIG, training={**CONFIG.training, **more}))]
    assert main([*map(str, models), "--out", str(tmp_path / "mean")]) == 0
    mean = load_checkpoint(tmp_path / "mean")
    assert {float(t.min()) for t in mean.network.state_dict().values() if t.is_floating_point()} == {1.5}
    assert (dict(mean.config.metrics), mean.config.calibration) == ({}, Calibration())
    assert dict(mean.config.thresholds) == dict.fromkeys(SMALL.classes, 0.5)
    told = mean.config.training
    assert [data["name"] for data in told["datasets"]] == ["record", "more"]
    assert [each["seed"] for each in told["averaged"]] == [5, 6]
    one, two = (load_checkpoint(model).config.sha256 for model in models)
    assert (
        told["start"]
        == f"octseg models of sha256 {one}, which started from: ImageNet; {two}, which started from: {one}"
    )
    assert "weights: mean of the weights of 2 models" in (tmp_path / "mean" / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"network": replace(SMALL, classes=("lumen",)), "thresholds": {}}, "outline other classes"),
        ({"preprocessing": PreprocessingConfig(domain="cartesian")}, "see a frame another way"),
        ({"training": {**CONFIG.training, "validation": {"studies": ["9"]}}}, "were looked at on different frames"),
        ({"training": {"start": "ImageNet"}}, "does not say what it was trained on"),
    ],
)
def test_models_of_another_kind_have_no_mean(change: dict[str, object], why: str) -> None:
    configs = [CONFIG, replace(CONFIG, **change)]  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=why):
        mean_of([Checkpoint(config, DeepLabV3Plus(config.network)) for config in configs])


def with_training(**more: object) -> Checkpoint:
    config = replace(CONFIG, training={**CONFIG.training, **more}, sha256=str(more.get("sha256", "")))
    return Checkpoint(config, DeepLabV3Plus(SMALL))


def test_models_looked_at_on_the_same_private_frames_have_a_mean_that_is_not_published() -> None:
    looks = [{"used": "9 frames", "private": True, "best_step": step, "best_score": step / 9} for step in (3, 7)]
    public = [RECORD | {"private": False, "licence": "cc-by-4.0"}]
    _, mean = mean_of([with_training(validation=look, datasets=public) for look in looks])
    assert mean.training["validation"] == {"used": "9 frames", "private": True}
    with pytest.raises(PublishingError, match="it was looked at on frames"):
        require_publishable_weights(mean.training, {}, "mean")


def test_a_mean_keeps_what_its_models_say_of_themselves_once_each(tmp_path: Path) -> None:
    notes = ("chosen by study 003", "chosen by study 003", "chosen by study 008")
    models = [
        saved(tmp_path / str(number), number, replace(CONFIG, training={**CONFIG.training, "notes": note}))
        for number, note in enumerate(notes)
    ]
    _, config = mean_of([load_checkpoint(model) for model in models])
    assert config.training["notes"] == "chosen by study 003; chosen by study 008"


def test_of_a_chain_of_models_each_is_said_to_go_on_from_the_one_before_it() -> None:
    first = with_training(sha256="aaa")
    second = with_training(sha256="bbb", start="an octseg model of sha256 aaa, which started from: ImageNet")
    third = with_training(sha256="ccc", start="an octseg model of sha256 bbb, which started from: one of sha256 aaa")
    _, mean = mean_of([first, second, third])
    assert mean.training["start"].endswith("bbb, which started from: aaa; ccc, which started from: bbb")


def test_one_model_and_a_folder_that_holds_one_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(saved(tmp_path / "a", 1.0))
    assert main([model, "--out", str(tmp_path / "mean")]) == 1
    assert main([model, model, "--out", model]) == 1
    said = capsys.readouterr().err
    assert "give two and more" in said
    assert "a is not empty" in said
    assert not (tmp_path / "mean").exists()
