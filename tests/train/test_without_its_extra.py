import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from train import NEEDED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", ["train", "train.evaluate"])
def test_a_command_of_training_without_its_packages_says_how_to_get_them(command: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['monai'] = sys.modules['requests'] = None\n")
    path = os.pathsep.join(map(str, (tmp_path, ROOT)))
    ran = subprocess.run(
        [sys.executable, "-m", command, "--help"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        "training needs monai and requests, not installed here: pip install -e '.[train]' in octseg's checkout\n"
    )


def test_what_training_needs_is_what_its_extra_installs() -> None:
    extra = re.search(r"^train = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert extra is not None
    assert set(NEEDED) <= set(re.findall(r'"([a-z]+)>', extra[1]))
