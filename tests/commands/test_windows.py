"""The command where an open file is not deleted and there is no fcntl; nothing of this was run on Windows itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.commands import QUICK, measures, names
from tests.fakes.forking import ROOT
from tests.fakes.windows import can_be_had

pytestmark = pytest.mark.skipif(not can_be_had(), reason="what Windows refuses is acted on Linux alone")
TWO_RUNS = """
from pathlib import Path
from tests.fakes.windows import from_now_on
from_now_on()
from octseg.errors import HeldError
from octseg.export.journal import Journal
first = Journal(Path("."))
first.begin({"run": 1})
first.add({"of": [0, 0], "files": {}})
try:
    Journal(Path("."))
except HeldError as error:
    print(error)
print(list(first.lines((0, 0))))
first.close(finished=True)
print(list(Path(".").iterdir()))
"""
A_CLAIM = """
from pathlib import Path
from tests.fakes.windows import from_now_on
from_now_on()
from octseg.cohort.cases import Case
from octseg.cohort.folder import CohortFolder
folder, case = CohortFolder(Path(".")), Case(name="A", id="A", path=Path("A"))
claim = folder.claim(case)
print(folder.claim(case))
claim.release()
print(list(Path("claims").iterdir()))
"""
A_STATE = """
from pathlib import Path
from tests.fakes.windows import from_now_on
from_now_on()
from train.learning.state import RunState, load_state, save_state
for step in (1, 2):
    save_state(Path("."), RunState(0, step, {}, {}, {}, {}, made_from="frames", log_bytes=0))
print(load_state(Path("."), "frames").step)
"""
A_PAGE = """
import os
from pathlib import Path
from tests.fakes.windows import from_now_on
from_now_on()
from octseg.ui.private import delete_orphans, private_folders
parent = Path(os.environ["TMPDIR"])
with private_folders(os.environ) as folders:
    delete_orphans(parent)
    print(folders.visitors.is_dir())
print(list(parent.iterdir()))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_a_pullback_is_predicted_and_nothing_unfinished_stays(pullback: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "tests.fakes.windows", "predict", str(pullback), "--out", str(tmp_path / "out"), *QUICK)
    assert done.returncode == 0, done.stderr
    assert len(measures(tmp_path / "out")) > 1
    assert not [name for name in names(tmp_path / "out") if name.startswith((".", "unfinished"))]


def test_a_second_run_in_a_folder_is_refused_there_too(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", TWO_RUNS)
    refused = "another run is writing into ; wait for it, or choose another folder"
    assert done.stdout.splitlines() == [refused, "[{'of': [0, 0], 'files': {}}]", "[]"], done.stderr


def test_a_case_of_a_cohort_is_claimed_once_and_let_go(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", A_CLAIM)
    assert done.stdout.splitlines() == ["None", "[]"], done.stderr


def test_the_state_of_a_training_is_saved_where_no_folder_can_be_opened(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", A_STATE)
    assert done.stdout.splitlines() == ["2"], done.stderr


def test_the_private_folder_of_the_page_is_held_and_goes_with_it(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", A_PAGE)
    assert done.stdout.splitlines() == ["True", "[]"], done.stderr
