"""The folder of a cohort on a disk that cannot say who holds a case."""

import errno
import os
from pathlib import Path

import pytest

from octseg.export.locking import UNLOCKED
from tests.fakes.disks import can_be_had
from tests.fakes.forking import python

ON_SUCH_A_DISK = """
import sys
from pathlib import Path
from octseg.cohort.cases import Case
from octseg.cohort.folder import CohortFolder
from octseg.errors import OctsegError
from tests.fakes.disks import locks_fail_with
locks_fail_with(int(sys.argv[2]))
folder = CohortFolder(Path(sys.argv[1]))
for held in (lambda: folder.agree({}), lambda: folder.claim(Case(name="A", id="A", path=Path("A")))):
    try:
        held()
        print("held")
    except OctsegError as error:
        print(error)
"""


@pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_that_cannot_lock_is_told_before_two_could_take_one_case(tmp_path: Path, number: int) -> None:
    command = ["-c", ON_SUCH_A_DISK, str(tmp_path / "out"), str(number)]
    said = python(command, dict(os.environ)).stdout.splitlines()
    assert len(said) == 2
    for line in said:
        assert line.startswith(f"the disk of out cannot lock files ({os.strerror(number).lower()})")
        assert line.endswith("set OCTSEG_UNLOCKED=1 and see to it yourself that there is one `octseg cohort` alone")
    assert python(command, os.environ | {UNLOCKED: "1"}).stdout.splitlines() == ["held", "held"]
