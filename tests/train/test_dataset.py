"""Training and measuring from a dataset folder: its classes, its splits, its warnings."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

import train.__main__ as training
from octseg.checkpoint import load_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.dataset.folder import read_lines
from octseg.dataset.publishing import PROVENANCE_FILE, SUMS_FILE
from octseg.errors import DatasetError
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.phantom import make_phantom
from tests.fakes.prepared import CC_BY, phantoms_fold, prepare_folder
from train import evaluate, prepare
from train.dataset import open_data, training_frames
from train.judging.judge import maybe_seen, refuse_seen

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


def counted(frames: Any) -> dict[str, Any]:
    return {"train": {"by_study": {"001": {"frames": frames}}}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("origin", value) for value in ([], {}, {"title": "T", "author": "A"}, {"title": 5}, {"title": "\ud800"})),
        *(("classes", value) for value in (5, [], ["lumen", "lumen"], ["stent"], [["lumen"]])),
        *(("counts", value) for value in (None, [], {"train": "x"}, {"train": {"by_study": [1]}})),
        *(("counts", counted(frames)) for frames in ("x", None, -1, 1.5, True, 10**12)),
        *(("changes", value) for value in (None, "cropped", [1])),
        *(("split", value) for value in ("by study", {"description": "by study"}, {"leaks": False})),
        ("private", "no"),
    ],
)
def test_a_provenance_that_says_something_else_is_refused_in_a_sentence(
    dataset: Path, tmp_path: Path, key: str, value: Any
) -> None:
    provenance = json.loads((dataset / PROVENANCE_FILE).read_text())
    (tmp_path / PROVENANCE_FILE).write_text(json.dumps(provenance | {key: value}))
    with pytest.raises(DatasetError, match=f"says of {key} what this version does not understand; make it again"):
        open_data(tmp_path, "train")


def test_a_provenance_that_lacks_a_part_is_refused_in_a_sentence(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "old")
    provenance = json.loads((dataset / PROVENANCE_FILE).read_text())
    del provenance["changes"]
    (tmp_path / "old" / PROVENANCE_FILE).write_text(json.dumps(provenance))
    with pytest.raises(DatasetError, match="says nothing of changes; make it again"):
        open_data(tmp_path / "old", "train")


def frames_of(folder: Path) -> list[str]:
    return [case.name for case in open_data(folder, "train").cases()]


@pytest.mark.parametrize("changed", ["provenance.json", "train/metadata.jsonl", "image", "mask"])
def test_what_was_changed_since_a_dataset_was_made_is_not_trained_on(
    dataset: Path, tmp_path: Path, changed: str
) -> None:
    """As a mask that was drawn over, or a line by which private frames pass for public."""
    copy = Path(shutil.copytree(dataset, tmp_path / "copy"))
    assert len(frames_of(copy)) == 2
    name = changed if "." in changed else f"train/{read_lines(copy, 'train')[1][f'{changed}_file_name']}"
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(DatasetError, match=f"{name} of copy is not as SHA256SUMS says: it was changed or added"):
        frames_of(copy)


def test_parquet_that_was_changed_is_not_trained_on(tmp_path: Path) -> None:
    fold = phantoms_fold(tmp_path / "fold", {"011": True})
    assert prepare_folder(fold / "train", tmp_path / "ds", "--split", "none", *CC_BY) == 0
    assert prepare.main(["--parquet", str(tmp_path / "ds"), "--out", str(tmp_path / "copy")]) == 0
    assert frames_of(tmp_path / "copy") == ["011_1_001"]
    shard = tmp_path / "copy" / "data" / "train-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes() + b" ")
    with pytest.raises(DatasetError, match=f"data/{shard.name} of copy is not as SHA256SUMS says"):
        frames_of(tmp_path / "copy")


def test_a_dataset_without_its_sums_is_not_trained_on(dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "copy"))
    (copy / SUMS_FILE).unlink()
    with pytest.raises(DatasetError, match="copy has no SHA256SUMS that can be read"):
        open_data(copy, "train")


@pytest.mark.slow
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
        refuse_seen(trained, data)
    refuse_seen(trained, open_data(dataset, "validation"))


def test_studies_of_one_doi_are_the_same_however_title_and_names_are_written(dataset: Path) -> None:
    data = replace(open_data(dataset, "train"), studies=("001", "P07"))
    told = replace(data, told={**data.told, "name": "My copy", "doi": "10.5281/zenodo.1"})
    trained = {"datasets": [{"name": "The record", "doi": "10.5281/zenodo.1", "studies": ["1", "p7", "100"]}]}
    with pytest.raises(DatasetError, match="trained on the studies 001, P07"):
        refuse_seen(trained, told)
    refuse_seen(trained, replace(told, studies=("10", "P70")))


def test_studies_that_are_named_as_those_of_another_dataset_are_told(dataset: Path) -> None:
    """Two labs may both have a patient 001; a copy of a dataset under another title has the very same."""
    data = replace(open_data(dataset, "train"), studies=("001", "002"))
    trained = {"datasets": [{"name": "The record", "studies": ["001", "005"]}]}
    refuse_seen(trained, data)
    (said,) = maybe_seen(trained, data)
    assert "trained on studies of The record that are named as these are (001): if they are the same patients" in said
    assert maybe_seen(trained, replace(data, studies=("002",))) == []
