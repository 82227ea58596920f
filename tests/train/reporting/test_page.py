"""The report of a training: complete, standing alone, safe to open, and marked where it is private."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from octseg.cards.model import model_card
from octseg.checkpoint import load_checkpoint, save_checkpoint
from octseg.phantom import make_phantom
from train.dataset import Case, Data
from train.report import main
from train.reporting.page import N_WORST, best_step, duration_s, read_log, write_report

pytestmark = pytest.mark.usefixtures("without_openvino")
BUNDLED = Path(__file__).parents[3] / "octseg" / "weights"
HOSTILE = '<script>alert("x")</script>'


def run_in(folder: Path) -> Path:
    """The bundled weights as a run with a log of two stages and three looks."""
    shutil.copytree(BUNDLED, folder / "run")
    config = json.loads((folder / "run" / "config.json").read_text())
    config["training"]["recipe"] = config["training"].pop("averaged")[-1]["recipe"]
    (folder / "run" / "config.json").write_text(json.dumps(config))
    lines: list[dict[str, object]] = []
    for stage, step in ((0, 800), (0, 1600), (1, 900)):
        rates = {"learning_rate": 1e-3, "encoder_learning_rate": 2e-4, "steps_per_s": 2.0}
        lines.append({"stage": stage, "step": step, "loss": 0.5, **rates})
        seen = {"run_step": 1600 * stage + step, "dice": {"lipid_core": 0.1}, "lipid_arc_dice": 0.1, "score": 0.1}
        seen |= {"n_frames": 2, "seconds": 5.0} | ({"score": 0.9} if step == 1600 else {})
        lines.append({"stage": stage, "step": step, "validation": seen})
    (folder / "run" / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "run"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_in(tmp_path)


def data_of(*names: str, private: bool = False) -> Data:
    phantom = make_phantom(0)
    cases = [Case(name, "900", phantom.frame, phantom.masks, 0.01) for name in names]
    return Data(tuple(phantom.masks), ("900",) * len(names), lambda: iter(cases), {"name": "own", "private": private})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a run on three frames, one of which has a hostile name."""
    return write_report(run_in(tmp_path_factory.mktemp("page")), data_of("frame_0", "frame_1", HOSTILE)).read_text()


def test_figures_on_frames_that_thresholds_were_chosen_on_are_called_so(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["training"]["thresholds"] = {"name": "own", "studies": ["900"], "private": False}
    (run / "config.json").write_text(json.dumps(config))
    page = write_report(run, data_of("frame_0")).read_text()
    assert "<td>frames that thresholds were chosen on</td>" in page
    assert "Figures on frames that weights or thresholds were chosen on flatter." in page


def test_the_page_stands_alone_and_tells_what_was_trained(page: str) -> None:
    assert re.findall(r"(?:src|url)\s*[=(]\s*[\"']?https?:", page) == []
    assert "<script" not in page
    for words in (
        "186 frames of the study 001",
        "10.5281/zenodo.14478210",
        "size 208 x 256",
        "zoom 0.45 to 2.0",
        "cc-by-4.0",
        "Stage 1",
        "frame_0",
        "frame_1",
    ):
        assert words in page
    assert page.count("<img") >= 2
    assert all('alt="' in image for image in re.findall(r"<img[^>]*>", page))


def test_the_page_of_a_mean_tells_how_each_model_of_it_was_trained(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path / "mean")
    page = write_report(tmp_path / "mean", None).read_text()
    for number, seed in ((1, 7), (2, 9)):
        assert "phantom share 0.6" in page.split(f"Model {number}: Recipe")[1].split("</tr>")[0]
        assert f"<td>{seed}</td>" in page.split(f"Model {number}: Seed")[1].split("</tr>")[0]
        assert f"Model {number}: Seed" in page
    assert "None" not in page


def test_the_page_of_a_mean_of_means_tells_of_the_trainings(tmp_path: Path) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "mean")
    config = json.loads((folder / "config.json").read_text())
    own = {"recipe": {"loss": "bce_dice"}, "seed": 3}
    config["training"]["averaged"] = [own, {"averaged": config["training"]["averaged"]}]
    (folder / "config.json").write_text(json.dumps(config))
    page = write_report(folder, None).read_text()
    for number, seed in (("1", 3), ("2.1", 7), ("2.2", 9)):
        assert f"<td>{seed}</td>" in page.split(f"Model {number}: Seed")[1].split("</tr>")[0]
    assert "None" not in page.split("Model 1: ")[1].split("Software")[0]


@pytest.mark.slow
def test_the_worst_twelve_frames_are_shown_and_no_more(run: Path) -> None:
    page = write_report(run, data_of(*(f"frame_{number}" for number in range(N_WORST + 3)))).read_text()
    assert page.count("with outlines found") == 12


def test_a_hostile_name_is_shown_as_it_is_written(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("told", [{}, {"studies": ["7"]}])
def test_weights_of_the_best_look_flatter_all_figures_only_where_nothing_tells_which(run: Path, told: Any) -> None:
    config = json.loads((run / "config.json").read_text())
    config["training"] |= {"weights": "averaged weights of step 2, the best on validation frames", "validation": told}
    (run / "config.json").write_text(json.dumps(config))
    said = "The weights were chosen on such frames" in write_report(run, data_of("frame_0")).read_text()
    assert said == (told == {})


def test_a_report_of_private_frames_says_so_before_all_else(run: Path, page: str) -> None:
    assert "PRIVATE" not in page
    private = write_report(run, data_of("frame_0", private=True)).read_text()
    assert private.index("PRIVATE: do not publish") < private.index("<h1>")


def test_a_report_of_weights_from_private_frames_is_private_whatever_is_measured(run: Path) -> None:
    checkpoint = load_checkpoint(run)
    training = {**checkpoint.config.training, "datasets": [{"name": "own", "used": "2 frames", "private": True}]}
    config = replace(checkpoint.config, training=training)
    save_checkpoint(run, checkpoint.network, config, model_card(config))
    assert "PRIVATE: do not publish" in write_report(run, None).read_text()


def test_the_best_look_and_the_time_taken_are_read_from_the_log(run: Path) -> None:
    lines = read_log(run / "log.jsonl")
    assert best_step([line for line in lines if "validation" in line]) == 1600
    assert duration_s(lines) == pytest.approx((1600 + 900) / 2.0 + 3 * 5.0)


def test_a_log_that_was_cut_off_in_its_last_line_is_read_up_to_there(run: Path) -> None:
    log = run / "log.jsonl"
    log.write_text(log.read_text() + '{"stage": 1, "st')
    assert len(read_log(log)) == 6


def test_the_command_writes_the_report_of_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", str(run)]) == 0
    assert "Not measured" in (run / "report.html").read_text()
    assert main(["--run", str(run / "nothing")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
