"""`octseg cohort` under faults: whatever happens, the same command goes on to the same bytes, nothing lost or twice."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octseg.cli import main
from tests.fakes.cohort_kills import PATIENCE_S, killed_at_random, start, until
from tests.fakes.commands import COMMAND, QUICK
from tests.fakes.forking import ROOT

pytestmark = pytest.mark.slow

FLAGS = ["--frame-spacing", "0.2", *QUICK]
KILLS, SEED = 50, 17


@pytest.fixture(scope="module")
def vessels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phantom pullbacks of four frames."""
    out = tmp_path_factory.mktemp("vessels")
    assert main(["phantom", "--out", str(out), "--count", "2", "--seed", "5", "--pullback", "4"]) == 0
    return out


@pytest.fixture(scope="module")
def whole(vessels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run leaves of them."""
    return undisturbed(vessels, tmp_path_factory.mktemp("whole"))


def undisturbed(given: Path, out: Path) -> dict[str, bytes]:
    assert main(["cohort", str(given), "--out", str(out), *FLAGS]) == 0
    return content_of(out)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def done_by(*said: Path) -> list[str]:
    """Cases that were said to be done, by all together."""
    return sorted(
        line.split(":")[1].strip() for path in said for line in path.read_text().split("\n") if ": done" in line
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_at_fifty_random_moments_leave_the_same_bytes(tmp_path: Path) -> None:
    given = tmp_path / "vessels"
    assert main(["phantom", "--out", str(given), "--count", "8", "--seed", "5", "--pullback", "12"]) == 0
    expected = undisturbed(given, tmp_path / "whole")
    done = killed_at_random(given, tmp_path / "out", [*FLAGS, "--workers", "2"], KILLS, SEED, tmp_path / "said")
    assert done.count >= KILLS // 2, done
    assert content_of(tmp_path / "out") == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_frames_that_are_killed_at_random_leave_the_same_bytes(tmp_path: Path, real_frames: Path) -> None:
    pictures = sorted((real_frames / "train" / "img").iterdir())
    for number in range(3):
        folder = tmp_path / "given" / f"P{number}"
        folder.mkdir(parents=True)
        for place, picture in enumerate(pictures[20 * number : 20 * number + 6], 1):
            shutil.copyfile(picture, folder / f"frame_{place:03d}{picture.suffix}")
    expected = undisturbed(tmp_path / "given", tmp_path / "whole")
    assert killed_at_random(tmp_path / "given", tmp_path / "out", FLAGS, 8, SEED, tmp_path / "said").count > 2
    assert content_of(tmp_path / "out") == expected


@pytest.mark.slow
def test_two_coordinators_on_one_folder_do_each_case_once(
    vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    said = [tmp_path / "first", tmp_path / "second"]
    running = [start(vessels, tmp_path / "out", FLAGS, path) for path in said]
    assert [each.wait(PATIENCE_S) for each in running] == [0, 0]
    assert content_of(tmp_path / "out") == whole
    assert done_by(*said) == ["pullback_0001", "pullback_0002"]


@pytest.mark.slow
def test_a_folder_that_is_lost_on_the_way_is_told_and_not_made_anew(
    vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out, away, said = tmp_path / "out", tmp_path / "away", tmp_path / "said"
    running = start(vessels, out, FLAGS, said)
    assert until(running, lambda: any(out.glob("cases/*.partial/*_mask.png")))
    out.rename(away)
    assert running.wait(PATIENCE_S) == 1
    assert (
        "could not be written: no such file" in said.read_text().lower() or "is not there any more" in said.read_text()
    )
    assert "Traceback" not in said.read_text()
    assert not out.exists()
    away.rename(out)
    assert start(vessels, out, FLAGS, tmp_path / "again").wait(PATIENCE_S) == 0
    assert content_of(out) == whole


def test_a_disk_that_is_full_is_told_and_the_same_command_goes_on_when_there_is_room(
    vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """In a namespace of its own, for nobody else shall have so little room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = " ".join(map(str, [*COMMAND, "cohort", vessels, "--out", disk / "out", *FLAGS]))
    script = f"""
        mount -t tmpfs -o size=1500k none {disk} || exit 77
        {command} 2>{tmp_path}/full; test $? = 1 || exit 2
        mount -o remount,size=60m {disk} && {command} && cp -r {disk}/out {tmp_path}/out
    """
    ran = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, timeout=PATIENCE_S, check=False)
    if ran.returncode == 77 or not (tmp_path / "full").exists():
        pytest.skip("no disk can be mounted here")
    assert ran.returncode == 0
    assert "the disk is full; free some space" in (tmp_path / "full").read_text()
    assert "Traceback" not in (tmp_path / "full").read_text()
    assert content_of(tmp_path / "out") == whole


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_is_told_and_leaves_nothing_half_written(
    vessels: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY));"
        "from octseg.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "cohort", str(vessels), "--out", str(tmp_path / "out"), *FLAGS]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ran.returncode == 1
    assert "allow more or choose another folder" in ran.stderr
    assert start(vessels, tmp_path / "out", FLAGS, tmp_path / "said").wait(PATIENCE_S) == 0
    assert content_of(tmp_path / "out") == whole
