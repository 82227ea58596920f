"""What trackio is told of a training, read back by trackio itself; each in a process of its own with its own folder."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.forking import python
from train.learning.state import STATE_FILE

TOLD = """
import json, sys
from pathlib import Path
from train.learning.recipe import Recipe, Stage
from train.learning.tracking import open_tracker
from train.learning.watching import Look

out, private, steps = Path(sys.argv[1]), sys.argv[2] == "private", [int(step) for step in sys.argv[3:]]
recipe = Recipe(stages=(Stage(steps=100, batch=2, size=(64, 64)),))
tracker = open_tracker("tests", out, recipe, {"seed": 7}, private=private)
for step in steps:
    rates = {"learning_rate": 1e-3, "encoder_learning_rate": 2e-4}
    tracker.report({"stage": 0, "step": step, "loss": step / 100.0, **rates, "steps_per_s": 2.0})
    look = Look(0, step, step, {"lipid_core": 0.5, "lumen": None}, 0.7, 4, 1.0)
    tracker.look(look, out / "pictures" / "validation_000020.png")
tracker.close()
"""
READ = """
import json, trackio
from trackio.sqlite_storage import SQLiteStorage
runs = list(trackio.Api().runs("tests"))
logs = [SQLiteStorage.get_logs("tests", run.name, run_id=run.id) for run in runs]
print(json.dumps([[run.name, run.config["seed"], run.config["_Username"], log] for run, log in zip(runs, logs)]))
"""


def run(code: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRACKIO_")}
    return python(["-c", code, *arguments], clean | {"TRACKIO_DIR": str(folder / "trackio"), **environment})


def read(folder: Path) -> list[Any]:
    """Name, seed, user and log of each run that trackio knows."""
    return json.loads(run(READ, folder).stdout.splitlines()[-1])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "run" / "pictures").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "run" / "pictures" / "validation_000020.png")
    return tmp_path / "run"


def test_trackio_is_told_loss_rates_figures_and_pictures(out: Path, tmp_path: Path) -> None:
    done = run(TOLD, tmp_path, str(out), "public", "20")
    assert done.returncode == 0, done.stderr
    [[name, seed, _, (report, look)]] = read(tmp_path)
    assert name.startswith("run-")
    assert seed == 7
    assert (report["step"], report["loss"], report["steps_per_s"]) == (20, 0.2, 2.0)
    assert (report["learning_rate"], report["encoder_learning_rate"]) == (1e-3, 2e-4)
    assert (look["step"], look["validation/dice_lipid_core"], look["validation/lipid_arc_dice"]) == (20, 0.5, 0.7)
    assert look["validation/score"] == 0.6
    assert "validation/dice_lumen" not in look
    assert look["validation/frames"]["_type"] == "trackio.image"
    assert len(list((tmp_path / "trackio" / "media").rglob("*.png"))) == 1


@pytest.mark.slow
def test_a_run_that_goes_on_goes_on_in_the_same_run_of_trackio(out: Path, tmp_path: Path) -> None:
    """Stopped after step 40, gone on with from the state of step 20; then begun anew."""
    assert run(TOLD, tmp_path, str(out), "public", "20", "40").returncode == 0
    (out / STATE_FILE).touch()
    assert run(TOLD, tmp_path, str(out), "public", "40", "60").returncode == 0
    [[_, _, _, log]] = read(tmp_path)
    assert [entry["step"] for entry in log if "loss" in entry] == [20, 40, 60]
    (out / STATE_FILE).unlink()
    told = json.loads((out / "trackio.json").read_text())
    (out / "trackio.json").write_text(json.dumps(told | {"name": "another"}))
    assert run(TOLD, tmp_path, str(out), "public", "20").returncode == 0
    assert len(read(tmp_path)) == 2


def test_pictures_of_private_frames_are_not_handed_over(out: Path, tmp_path: Path) -> None:
    assert run(TOLD, tmp_path, str(out), "private", "20").returncode == 0
    [[_, _, _, (_, look)]] = read(tmp_path)
    assert look["validation/score"] == 0.6
    assert "validation/frames" not in look
    assert not list((tmp_path / "trackio").rglob("*.png"))


def test_private_figures_are_not_sent_elsewhere(out: Path, tmp_path: Path) -> None:
    done = run(TOLD, tmp_path, str(out), "private", "20", TRACKIO_SPACE_ID="org/space")
    assert done.returncode == 1
    assert "the data are private and TRACKIO_SPACE_ID would have trackio send" in done.stderr


def test_a_local_run_asks_the_hub_nothing_even_where_somebody_is_signed_in(out: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        hub = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_TOKEN": "hf_of_somebody"}
        assert run(TOLD, tmp_path, str(out), "public", "20", **hub).returncode == 0
    finally:
        server.shutdown()
    assert asked == []
    [[_, _, user, _]] = read(tmp_path)
    assert user is None


def test_a_missing_package_is_told_in_one_sentence(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['trackio'] = None\n"
        "from train.__main__ import main\n"
        "sys.exit(main(['--data', sys.argv[1], '--out', sys.argv[2], '--imagenet', sys.argv[3], '--track']))"
    )
    (tmp_path / "data" / "img").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "data" / "img" / "001_1_001.png")
    weights = tmp_path / "encoder.safetensors"
    weights.touch()
    done = run(code, tmp_path, str(tmp_path / "data"), str(tmp_path / "run"), str(weights))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "train: --track needs the package trackio: pip install trackio; "
        "without --track, log.jsonl holds the same figures"
    )
    assert "Traceback" not in done.stderr


def test_a_project_name_that_trackio_keeps_for_itself_is_refused(out: Path, tmp_path: Path) -> None:
    done = run(TOLD.replace('"tests"', '"registry-x"'), tmp_path, str(out), "public", "20")
    assert "ConfigError: trackio does not take the project's name" in done.stderr
