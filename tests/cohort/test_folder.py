"""The folder of a cohort on a disk that cannot say who holds a case."""

import errno
import os
from pathlib import Path

import pytest

from octseg.cohort.cases import Case, Look, apart
from octseg.cohort.folder import CohortFolder
from octseg.errors import OctsegError
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


def test_a_worker_that_is_started_while_the_disk_is_away_makes_no_folder_in_its_place(tmp_path: Path) -> None:
    CohortFolder(tmp_path / "out")
    folder = CohortFolder(tmp_path / "out", is_there=True)
    (tmp_path / "out").rename(tmp_path / "away")
    case = Case(name="A", id="A", path=Path("A"))
    for begun in (lambda: CohortFolder(tmp_path / "out", is_there=True), lambda: folder.begin_partial(case)):
        with pytest.raises(OctsegError, match=r"out is not there any more; bring its disk back"):
            begun()
    assert not (tmp_path / "out").exists()


def test_what_is_worked_at_again_is_not_whole_until_it_is_done(tmp_path: Path) -> None:
    folder, case, look = CohortFolder(tmp_path / "out"), Case(name="A", id="A", path=tmp_path / "A"), Look()
    folder.begin_partial(case)
    folder.write_manifest(case, look, [])
    assert folder.is_whole(case, look)
    folder.begin_partial(case)
    assert not folder.is_whole(case, look)


def test_no_case_has_a_folder_that_windows_takes_for_a_device() -> None:
    names = ["CON", "nul", "aux.2", "com1", "Conrad", "case_CON"]
    con, *others, taken = apart([(name, name) for name in names])
    assert others == ["case_nul", "case_aux.2", "case_com1", "Conrad"]
    assert con.startswith("case_CON-")
    assert taken.startswith("case_CON-")
    assert con != taken
