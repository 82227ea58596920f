"""Nothing is called done that holds nothing: datasets, trainings and calibrations without a mask of lipid."""

import shutil
from pathlib import Path

import pytest

from octseg.pretrained import BUNDLED
from tests.fakes.dataset import lines_of
from tests.fakes.prepared import CC_BY, box, disc, discs_fold, encoded, planes_of, prepare_folder, write_frame
from train import __main__ as training
from train import calibrate, prepare

POSITIVES = ("001", "002", "003", "004")  # of `discs_fold`: the first frame of each study


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A fold in which every mask with lipid has one row too many."""
    fold = discs_fold(tmp_path / "fold", POSITIVES)
    for mask in fold.rglob("mask/*_1_001.tiff"):
        masks = {"lumen": box(60, 60, 10, 10, (129, 128)), "lipid_core": box(30, 40, 20, 20, (129, 128))}
        mask.write_bytes(encoded(planes_of(masks), "TIFF"))
    return fold


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A dataset of three studies with a lumen and no lipid."""
    for study in ("001", "002", "003"):
        write_frame(tmp_path / "fold", f"{study}_1_001", disc(int(study)), {"lumen": box(60, 60, 10, 10)})
    assert prepare_folder(tmp_path / "fold", tmp_path / "healthy", *CC_BY) == 0
    return tmp_path / "healthy"


def test_no_dataset_is_made_where_all_positives_were_left_out(
    spoilt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare_folder(spoilt, tmp_path / "dataset", *CC_BY) == 1
    told = capsys.readouterr().err
    assert "none of the 4 frames that are left bears lipid core, and 4 files were left out" in told
    assert "129 x 128 pixels" in told
    assert not (tmp_path / "dataset").exists()


def test_unless_that_is_asked_for(spoilt: Path, tmp_path: Path) -> None:
    assert prepare_folder(spoilt, tmp_path / "dataset", *CC_BY, "--negatives-only") == 0
    assert len(lines_of(tmp_path / "dataset")) == 4


def test_a_dataset_of_healthy_vessels_says_so(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(lines_of(healthy)) == 3
    assert prepare.main(["--check", str(healthy)]) == 0
    assert "no frame bears lipid core" in capsys.readouterr().out


def test_a_training_without_one_mask_of_lipid_ends_before_it_begins(
    healthy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(healthy), "--out", str(tmp_path / "run"), "--start", "bundled", "--threads", "1"]
    assert training.main(flags) == 1
    assert "no frame for training bears lipid core" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_calibration_without_lipid_or_on_one_frame_changes_nothing(
    healthy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    before = (model / "config.json").read_bytes()
    assert calibrate.main(["--model", str(model), "--data", str(healthy)]) == 1
    assert "1 validation frame cannot set thresholds right" in capsys.readouterr().err
    assert (model / "config.json").read_bytes() == before
