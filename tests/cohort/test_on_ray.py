"""Workers on a Ray cluster: the same bytes as plain processes; what ends or is lost is told and the rest goes on."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octseg.cli import main
from octseg.cohort.cases import Case
from octseg.cohort.coordinator import Coordinator, Tally
from octseg.cohort.folder import CohortFolder
from octseg.errors import OctsegError
from tests.fakes.cohort_worker import Worker, cases, look
from tests.fakes.commands import COMMAND
from tests.fakes.forking import ROOT
from tests.fakes.ray_cluster import RayCluster, new_cluster, until
from tests.fakes.two_hosts import HERE, THERE, second_host

has_ray = importlib.util.find_spec("ray") is not None
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_ray, reason="Ray is not installed: pip install 'octseg[ray]'"),
]
FLAGS = ["--no-overlay", "--frame-spacing", "0.2"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    made = new_cluster()
    try:
        made.start_head()
        made.start_second()
        yield made
    finally:
        made.stop()


def run(
    cluster: RayCluster,
    root: Path,
    given: list[Case],
    *,
    timeout_s: float = 120.0,
    say: Callable[[str], object] = print,
) -> Tally:
    from octseg.cohort.on_ray import RayTasks

    folder = CohortFolder(root)
    pool = RayTasks(cluster.address, Worker, root, root, None, 0)
    return Coordinator(folder, given, look, pool, {}, say=say, timeout_s=timeout_s).run()


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def vessels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vessels")
    assert main(["phantom", "--out", str(out), "--count", "6", "--seed", "5", "--pullback", "8"]) == 0
    return out


@pytest.fixture(scope="module")
def whole(vessels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What plain processes leave of them."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["cohort", str(vessels), "--out", str(out), *FLAGS]) == 0
    return content_of(out)


def disturbed(cluster: RayCluster, vessels: Path, out: Path, disturb: Callable[[], object]) -> str:
    """What a run on the cluster says that is disturbed while the second node works."""
    command = [*COMMAND, "cohort", str(vessels), "--out", str(out), *FLAGS, "--ray", cluster.address]
    path = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    with out.with_name("said").open("wb") as said:
        running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stderr=said)
    try:
        until(lambda: running.poll() is not None or (cluster.second_works() and any(out.glob("cases/*"))))
        assert running.poll() is None
        disturb()
        assert running.wait(600) == 0
    finally:
        running.kill()
    return out.with_name("said").read_text()


def test_a_node_that_is_killed_and_started_again_leaves_the_same_bytes(
    cluster: RayCluster, vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    def disturb() -> None:
        cluster.kill_second()
        cluster.start_second()

    told = disturbed(cluster, vessels, tmp_path / "out", disturb)
    assert "the machine that worked at it was lost; it is tried again" in told
    assert content_of(tmp_path / "out") == whole


def test_a_machine_that_is_cut_off_from_the_network_is_told_and_leaves_the_same_bytes(
    vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Ray marks it dead, and never tells who waits for its task; its worker goes on with the case all the while."""
    with second_host() as host:
        cluster = new_cluster((HERE, THERE), host.inside)
        try:
            cluster.start_head()
            cluster.start_second()
            told = disturbed(cluster, vessels, tmp_path / "out", host.pull_the_cable)
        finally:
            cluster.stop()
    assert "the machine that worked at it was lost; it is tried again" in told
    assert content_of(tmp_path / "out") == whole


def test_what_crashes_hangs_or_takes_too_much_is_told_and_the_rest_is_done(cluster: RayCluster, tmp_path: Path) -> None:
    given = cases(tmp_path, "fine", "crashes", "is unreadable", "takes all memory", "good")
    tally = run(cluster, tmp_path / "out", given)
    assert sorted(tally.made) == ["c0", "c4"]
    assert "ended 3 times: its worker ended by SIGSEGV" in tally.failed["c1"]
    assert tally.failed["c2"] == "it is no pullback"
    assert "ended 3 times: it took more memory than there is" in tally.failed["c3"]
    tally = run(cluster, tmp_path / "out2", cases(tmp_path, "hangs", "fine"), timeout_s=3.0)
    assert tally.made == ["c1"]
    assert "no frame was done for 3 s" in tally.failed["c0"]


def test_a_worker_of_ray_that_is_killed_costs_no_case(cluster: RayCluster, tmp_path: Path) -> None:
    said: list[str] = []
    given = cases(tmp_path, "hangs once", "fine")
    kill = (
        "import sys, time; sys.path.insert(0, sys.argv[1]);"
        "from tests.fakes.ray_cluster import ray_workers, until; from pathlib import Path;"
        "until(Path(sys.argv[2]).exists); [each.send_signal(9) for each in ray_workers()]"
    )
    killing = subprocess.Popen([sys.executable, "-c", kill, str(ROOT), str(tmp_path / "0.txt.seen")])
    tally = run(cluster, tmp_path / "out", given, say=said.append)
    assert killing.wait(60) == 0
    assert sorted(tally.made) == ["c0", "c1"]
    assert any("its worker was ended from outside" in line for line in said)


def test_an_address_without_a_cluster_and_a_folder_that_is_not_shared_are_told(
    cluster: RayCluster, tmp_path: Path
) -> None:
    from octseg.cohort.on_ray import RayTasks

    with pytest.raises(OctsegError, match=r"run the command on a machine of the cluster"):
        RayTasks("ray://127.0.0.1:1", Worker, tmp_path, tmp_path, None, 0)
    pool = RayTasks(cluster.address, Worker, tmp_path, tmp_path / "elsewhere", None, 0)
    try:
        with pytest.raises(OctsegError, match=r"does not see .*elsewhere: give an --out, and inputs, that lie"):
            pool.begin()
    finally:
        pool.close()
