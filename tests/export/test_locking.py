"""A folder that one run holds, and a disk that cannot say who holds it."""

import errno
import os
from pathlib import Path

import pytest

from octseg.errors import HeldError
from octseg.export.locking import UNLOCKED, locked
from tests.fakes.disks import can_be_had
from tests.fakes.forking import python

ON_SUCH_A_DISK = """
import sys
from pathlib import Path
from octseg.errors import OctsegError
from tests.fakes.disks import locks_fail_with
from octseg.export.locking import locked
locks_fail_with(int(sys.argv[2]))
try:
    with locked(Path(sys.argv[1]), "training in run"):
        print("held")
except OctsegError as error:
    print(error)
"""


def told(folder: Path, number: int, **environment: str) -> str:
    """What a run in a folder says where its disk answers with that errno."""
    done = python(["-c", ON_SUCH_A_DISK, str(folder), str(number)], os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_folder_is_held_by_one_run_and_free_after_it(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "run", "training in run"),
        pytest.raises(HeldError, match="another run is training in ru"),
    ):
        locked(tmp_path / "run", "training in run").__enter__()
    with locked(tmp_path / "run", "training in run"):
        pass


@pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_disk_that_cannot_lock_is_told_as_such(tmp_path: Path, number: int) -> None:
    said = told(tmp_path / "run", number)
    assert said.startswith(f"the disk of run cannot lock files ({os.strerror(number).lower()})")
    assert said.endswith("or set OCTSEG_UNLOCKED=1 and see to it yourself that there is one run alone")
    assert "another run is" not in said
    assert told(tmp_path / "run", number, **{UNLOCKED: "1"}) == "held"


@pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_another_has_is_told_as_such_whatever_the_disk(tmp_path: Path, number: int) -> None:
    said = told(tmp_path / "run", number, **{UNLOCKED: "1"})
    assert said == "another run is training in run; wait for it, or choose another folder"
