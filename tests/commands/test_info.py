import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import octseg
from octseg.checkpoint import save_checkpoint
from octseg.cli import main
from octseg.model import DeepLabV3Plus
from octseg.pretrained import BUNDLED
from tests.fakes.commands import QUICK
from tests.fakes.tiny import TINY


def test_info_tells_what_the_model_is_and_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", *QUICK]) == 0
    told = json.loads(capsys.readouterr().out)
    weights = Path(octseg.__file__).parent / "weights" / "model.safetensors"
    assert told["classes"] == ["lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"]
    assert told["checkpoint_bytes"] == weights.stat().st_size < 10_000_000
    assert (told["device"], told["backend"]) == ("cpu", "torch") or told["device"] == "cuda"
    assert 2_000_000 < told["weights"] < 8_000_000
    assert told["training"]
    assert told["metrics"]
    assert main(["info", *QUICK]) == 0
    text = capsys.readouterr().out
    assert f"{told['weights']:,}" in text
    assert told["model"]["sha256"] in text
    assert "Research use only" in text


def test_phantoms_of_one_seed_are_the_same(tmp_path: Path) -> None:
    for out in ("a", "b"):
        assert main(["phantom", "--out", str(tmp_path / out), "--count", "1", "--seed", "7"]) == 0
    (a,), (b,) = ((tmp_path / out / "images").iterdir() for out in ("a", "b"))
    assert a.read_bytes() == b.read_bytes()


def test_a_phantom_folder_that_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("")
    assert main(["phantom", "--out", str(tmp_path / "out")]) == 1
    assert "could not be written" in capsys.readouterr().err


def test_help_and_version_load_nothing_heavy() -> None:
    for flag in ("--version", "--help"):
        code = (
            "import sys\nfrom octseg.cli import main\ntry: main([sys.argv[1]])\nexcept SystemExit: pass\n"
            "sys.exit(any(name in sys.modules for name in ('torch', 'openvino', 'cv2', 'numpy')))"
        )
        done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "octseg" in done.stdout


def test_info_shows_a_foreign_checkpoint_without_letting_it_write_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "foreign"
    shutil.copytree(BUNDLED, folder)
    config = json.loads((folder / "config.json").read_text())
    config["training"] = {"said": "\x1b[2J", "loss": float("nan")}
    (folder / "config.json").write_text(json.dumps(config))
    assert main(["info", "--model", str(folder), *QUICK]) == 0
    assert "said: \\x1b[2J" in capsys.readouterr().out
    assert main(["info", "--json", "--model", str(folder), *QUICK]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["loss"] is None


def test_info_says_how_a_model_comes_by_its_figures_where_it_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "model", DeepLabV3Plus(TINY.network).eval(), TINY, "# A model")
    assert main(["info", "--model", str(tmp_path / "model"), *QUICK]) == 0
    (line,) = (each for each in capsys.readouterr().out.splitlines() if each.startswith("metrics:"))
    assert line.endswith("train.evaluate --model DIR --data DIR --into-config` puts them into config.json")
