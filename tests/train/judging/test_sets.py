"""Sets of figures side by side: those on other frames take no place of published ones, and none goes without a word."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from octseg.cards.score_tables import metrics_of
from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.model import DeepLabV3Plus
from tests.fakes.prepared import CC_BY, phantoms_fold, prepare_folder
from tests.fakes.tiny import TINY
from train.dataset import Data
from train.evaluate import main
from train.judging.judge import flattering, name_of


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantoms_fold(tmp_path_factory.mktemp("fold"), {"011": True, "012": True})


@pytest.fixture(scope="module")
def public(fold: Path) -> Path:
    return made(fold, "public", *CC_BY)


@pytest.fixture(scope="module")
def private(fold: Path) -> Path:
    return made(fold, "private", "--private")


def made(fold: Path, name: str, *flags: str) -> Path:
    """A dataset of a fold, all of it in the one split."""
    whole = ("--split", "none", "--classes", "all", "--size", "256")
    assert prepare_folder(fold / "train", fold / name, *whole, *flags) == 0
    return fold / name


@pytest.fixture
def run(tmp_path: Path, public: Path) -> Path:
    """A model with figures on public frames in config.json, metrics.json and card."""
    save_checkpoint(tmp_path / "run", DeepLabV3Plus(TINY.network), TINY, "# No figures yet")
    assert main([*flags(tmp_path / "run", public), "--into-config"]) == 0
    return tmp_path / "run"


def flags(run: Path, data: Path) -> list[str]:
    return ["--model", str(run), "--data", str(data), "--split", "train"]


def sets_of(run: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return held


def test_figures_on_private_frames_stand_beside_public_ones_and_are_not_published(
    run: Path, private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, config = sets_of(run), (run / "config.json").read_bytes()
    assert main(flags(run, private)) == 0
    assert "figures of unseen patients stay as they were taken before" in capsys.readouterr().err
    assert sets_of(run)["unseen patients"] == before["unseen patients"]
    assert sets_of(run)["unseen patients, private"]["private"] is True
    assert (run / "config.json").read_bytes() == config
    assert list(metrics_of(run, load_checkpoint(run).config.measured)) == ["unseen patients"]


def test_figures_of_private_frames_that_go_are_named(
    run: Path, public: Path, private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags(run, private)) == main(flags(run, public)) == 0
    assert "figures of unseen patients, private go, for they are of private frames" in capsys.readouterr().err
    assert list(sets_of(run)) == ["unseen patients"]


def of(name: str, studies: tuple[str, ...], *, private: bool = False) -> Data:
    return Data(("lumen",), studies, lambda: iter(()), {"name": name, "private": private})


@pytest.mark.parametrize(
    ("held", "name"),
    [
        ({}, "unseen patients"),
        ({"data": "Lab A", "studies": ["003"]}, "unseen patients"),
        ({"data": "Lab B", "studies": ["003"]}, "unseen patients of Lab A"),
        ({"studies": ["3", "004"]}, "unseen patients"),
        ({"studies": ["004"]}, "unseen patients of Lab A"),
    ],
)
def test_figures_on_another_dataset_are_held_under_its_name(held: dict[str, Any], name: str) -> None:
    """A set of before that names no dataset is known by its studies."""
    assert name_of(of("Lab A", ("003",)), {}, {"unseen patients": held} if held else {}) == name


@pytest.mark.parametrize(
    "known", [{"name": "Lab A", "studies": ["3"]}, {"name": "B", "doi": "10.1/x", "studies": ["003"]}]
)
def test_frames_that_thresholds_were_chosen_on_are_called_so(known: dict[str, Any]) -> None:
    training = {"thresholds": known}
    seen, other = of("Lab A", ("003", "004")), of("Lab A", ("005",))
    seen.told["doi"] = "10.1/x"
    assert name_of(seen, training, {}) == "frames that thresholds were chosen on"
    assert name_of(replace(seen, warnings=("leaks",)), training, {}).startswith("frames of a leaking split that")
    assert any("thresholds were chosen on the studies 003, so that" in said for said in flattering(training, seen))
    assert name_of(other, training, {}) == "unseen patients"
    assert flattering(training, other) == []


@pytest.mark.parametrize(
    ("thresholds", "name"),
    [({}, "frames that weights were chosen on"), ({"003"}, "frames that weights and thresholds were chosen on")],
)
def test_frames_that_weights_were_chosen_on_are_called_so(thresholds: set[str], name: str) -> None:
    training = {
        "validation": {"name": "Lab A", "studies": ["003"]},
        "thresholds": {"name": "Lab A", "studies": sorted(thresholds)},
    }
    assert name_of(of("Lab A", ("003",)), training, {}) == name
    assert name_of(of("Lab A", ("004",)), training, {}) == "unseen patients"
    assert any("weights were chosen on the studies 003" in said for said in flattering(training, of("Lab A", ("003",))))


def test_frames_that_a_run_was_only_looked_at_on_are_unseen() -> None:
    assert (
        name_of(of("Lab A", ("003",)), {"validation": {"used": "3 frames", "private": False}}, {}) == "unseen patients"
    )


def test_a_dataset_s_name_is_no_markup_in_a_table() -> None:
    before = {"unseen patients": {"data": "Lab B"}}
    assert name_of(of("A | <b>lab</b>\n[x]", ("003",)), {}, before) == "unseen patients of A b lab /b x"


def test_other_frames_of_the_same_dataset_are_told(run: Path, fold: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = (run / "README.md").read_text()
    assert main(flags(run, made(fold, "rest", "--studies", "011", *CC_BY))) == 0
    assert "figures of unseen patients were of the studies 011, 012, and are of others now" in capsys.readouterr().err
    assert metrics_of(run, load_checkpoint(run).config.measured) == {}
    assert (run / "README.md").read_text() == card
