"""Training and measuring from a dataset folder: its classes, its splits, its warnings."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

import train.__main__ as training
from octseg.checkpoint import load_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.errors import DatasetError
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.phantom import make_phantom
from train import evaluate, prepare
from train.dataset import open_data, training_frames

SEEDS = {"001": 0, "002": 1, "003": 2}  # study -> phantom


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of lipid core alone, one phantom a study: two to train on, one to validate with."""
    folder = tmp_path_factory.mktemp("data")
    for kind in ("img", "mask"):
        (folder / "fold" / kind).mkdir(parents=True)
    for study, seed in SEEDS.items():
        phantom = make_phantom(seed)
        planes = np.stack([phantom.masks[name] for name in CLASS_NAMES], axis=-1).astype(np.uint8) * 255
        Image.fromarray(phantom.frame).save(folder / "fold" / "img" / f"{study}_1_001.png")
        Image.fromarray(planes, "RGBA").save(folder / "fold" / "mask" / f"{study}_1_001.tiff")
    made = prepare.main(["--source", "folder", "--data", str(folder / "fold"), "--out", str(folder / "ds")])
    assert made == 0
    return folder / "ds"


def test_a_split_of_a_dataset_gives_its_frames_with_the_classes_it_speaks_of(dataset: Path) -> None:
    data = open_data(dataset, "train")
    assert data.classes == ("lipid_core",)
    assert len(data.studies) == 2
    for frame in training_frames(data):
        lipid = make_phantom(SEEDS[frame.study]).masks["lipid_core"]
        assert frame.planes.shape == (512, 512, 1)
        share = lipid.mean() * (lipid.shape[0] / max(lipid.shape)) ** 2
        assert (frame.planes > 127).mean() == pytest.approx(share, abs=0.002)
        assert frame.has == (frozenset({"lipid_core"}) if lipid.any() else frozenset())


def test_a_split_that_is_not_there_is_refused_naming_those_that_are(dataset: Path) -> None:
    with pytest.raises(DatasetError, match="no frames for test; it has train, validation"):
        open_data(dataset, "test")


def test_a_model_of_one_class_is_trained_on_a_dataset_and_measured_on_its_validation(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, encoder = tmp_path / "run", tmp_path / "encoder.safetensors"
    save_file(MobileNetV2().state_dict(), encoder)
    flags = ["--data", str(dataset), "--imagenet", str(encoder), "--out", str(run)]
    assert training.main([*flags, "--phantoms", "1", "--coarse-steps", "2"]) == 0
    config = load_checkpoint(run).config
    assert config.network.classes == ("lipid_core",)
    assert config.training["datasets"][0]["studies"] == sorted(set(open_data(dataset, "train").studies))
    assert evaluate.main(["--model", str(run), "--data", str(dataset)]) == 0
    assert "| unseen patients | 1 |" in capsys.readouterr().out


def test_a_study_that_was_trained_on_is_not_measured(dataset: Path) -> None:
    data = open_data(dataset, "train")
    trained = {"datasets": [{"name": data.told["name"], "studies": list(data.studies)}]}
    with pytest.raises(DatasetError, match=f"trained on the studies {', '.join(sorted(data.studies))}"):
        evaluate.refuse_seen(trained, data)
    evaluate.refuse_seen(trained, open_data(dataset, "validation"))
