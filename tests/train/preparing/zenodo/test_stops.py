"""Runs on the Zenodo record that are stopped, killed or meet each other, and the runs after them."""

import random
import re
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from octseg.errors import DatasetError
from octseg.export.locking import locked
from tests.fakes.record import (
    as_process,
    brought,
    complete,
    content_of,
    differing,
    flags,
    packed,
    places,
    refused,
    same_but_for_the_source,
    spans,
    sums,
)
from tests.fakes.stopping import heeding_sigint
from tests.fakes.zenodo_server import (
    Asked,
    Fault,
    RecordFrame,
    Zenodo,
    by_study,
    members_of,
    running_zenodo,
    write_zip,
)
from train import prepare

KILLS = 30


@pytest.mark.slow
def test_a_second_run_on_the_same_cache_is_refused_and_the_first_comes_to_its_end(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.bytes_per_s = 200_000
    first = as_process(flags(zenodo, tmp_path))
    wait_for(lambda: len(spans(zenodo)) > 0, first)
    assert "another run is fetching from the record; wait for it" in refused(flags(zenodo, tmp_path), capsys)
    zenodo.bytes_per_s = None
    assert first.wait(60) == 0, first.stderr.read()
    assert prepare.main(["--check", str(tmp_path / "ds")]) == 0


def test_a_second_run_to_the_same_folder_is_refused(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / "ds.partial", "making ds"):
        assert "another run is making ds; wait for it" in refused(flags(zenodo, tmp_path), capsys)
    assert not (tmp_path / "ds").exists()


@pytest.mark.slow
@pytest.mark.parametrize("whole_file", [False, True])
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    zenodo: Zenodo, remote: tuple[Path, list[Asked]], tmp_path: Path, whole_file: bool
) -> None:
    """No file may grow past a limit here: the one way to a full disk that needs no disk."""
    limit = 3_000_000 if whole_file else max(map(len, image_bytes(zenodo.content))) - 1
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    arguments = flags(zenodo, tmp_path, *(["--whole-file"] if whole_file else []))
    stopped = as_process(arguments, before)
    _, told = stopped.communicate(timeout=60)
    (line,) = told.splitlines()
    assert stopped.returncode == 1
    assert re.search(r"could not be written: the file would be larger than allowed here; allow more or choose", line)
    kept = [stop - start for start, stop in complete(zenodo.content, tmp_path).values()]
    kept += [path.stat().st_size for path in (tmp_path / "cache").rglob("fold_1.zip.part")]
    assert sum(kept) > 300_000
    zenodo.log.clear()
    assert prepare.main(arguments) == 0
    assert same_but_for_the_source(remote[0], tmp_path / "ds")
    assert sum(asked.sent for asked in zenodo.log) < zenodo.size - sum(kept) + 20_000


def test_a_whole_file_that_is_there_needs_no_room_on_the_disk(frames: list[RecordFrame], tmp_path: Path) -> None:
    """Its size is more than the disk has free, by a hole that takes no room."""
    hole_bytes = shutil.disk_usage(tmp_path).free + (1 << 30)
    content = write_zip(tmp_path / "f.zip", members_of(frames), hole_bytes=hole_bytes)
    kept = tmp_path / "cache" / "zenodo-14478210" / "fold_1.zip"
    kept.parent.mkdir(parents=True)
    with running_zenodo(content, md5="0" * 32) as running:
        with pytest.raises(DatasetError, match=r"are to be fetched and .* are free; make room"):
            brought(running, tmp_path / "cache", whole_file=True)
        kept.hardlink_to(content)
        assert content_of(brought(running, tmp_path / "cache", whole_file=True)) == packed(frames)
        assert spans(running) == []


def image_bytes(fold: Path) -> list[bytes]:
    with zipfile.ZipFile(fold) as archive:
        return [archive.read(name) for name in archive.namelist() if "/img/" in name]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until the condition holds, or the process has ended."""
    while process.poll() is None and not condition():
        time.sleep(0.005)


@pytest.mark.parametrize("waiting", [False, True])
def test_ctrl_c_in_mid_download_ends_the_run_at_once_with_one_line(
    zenodo: Zenodo, tmp_path: Path, waiting: bool
) -> None:
    """Nobody waits for the rest of the requests that are under way, nor for the server's Retry-After."""
    zenodo.bytes_per_s = 50_000
    if waiting:
        zenodo.fail(Fault("status", status=429, retry_after="30", times=1000, larger_than=1_000_000))
    with heeding_sigint():
        run = as_process(flags(zenodo, tmp_path))
    wait_for(lambda: len(spans(zenodo)) > 0, run)
    time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    try:
        _, told = run.communicate(timeout=20)  # the rest would take a minute and more
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert told.splitlines()[-1] == "train.prepare: stopped; run the same command again to go on"
    assert "Traceback" not in told


def test_what_a_run_killed_at_its_very_end_left_is_cleared_away_by_the_next(zenodo: Zenodo, tmp_path: Path) -> None:
    """Killed when the dataset was in its place and the folder beside it not yet removed."""
    assert prepare.main(flags(zenodo, tmp_path)) == 0
    left = tmp_path / "ds.partial" / "frames"
    left.mkdir(parents=True)
    (left / "001_1_001.image.png").write_bytes(b"left")
    before = sums(tmp_path / "ds")
    prepare.main(flags(zenodo, tmp_path))
    assert sums(tmp_path / "ds") == before
    assert not (tmp_path / "ds.partial").exists()


class Killed:
    """Runs of the same command that are killed, until one comes to its end; then a folder anew."""

    def __init__(self, zenodo: Zenodo, folder: Path, seed: int) -> None:
        self.zenodo, self.folder, self.random = zenodo, folder, random.Random(seed)
        self.moments: list[str] = []
        self.finished: list[Path] = []
        self.asked_twice: set[str] = set()
        self.errors: list[str] = []

    def run(self, kills: int) -> None:
        while len(self.moments) < kills:
            self.chain(self.folder / f"{len(self.finished)}", kills)

    def chain(self, here: Path, kills: int) -> None:
        """One dataset, made by runs that are killed while there are kills left."""
        made = False
        while not made or (here / "ds.partial").exists():
            there, asked_before = complete(self.zenodo.content, here), len(self.zenodo.log)
            process = as_process(flags(self.zenodo, here))
            if len(self.moments) < kills:
                self.kill(process, here, asked_before)
            _, told = process.communicate(timeout=60)
            for asked in self.zenodo.log[asked_before:]:
                self.asked_twice |= {
                    name for name, (start, stop) in there.items() if asked.start <= start and stop <= asked.stop
                }
            if made or told:
                self.errors += [] if made else [told]  # once made, a run may say that it is there
                break
            made = (here / "ds").exists()
        self.finished.append(here)

    def kill(self, process: subprocess.Popen[str], here: Path, asked_before: int) -> None:
        """At a random moment after its first request."""
        wait_for(lambda: len(self.zenodo.log) > asked_before, process)
        time.sleep(self.random.uniform(0.0, 1.2))
        running = process.poll() is None
        process.kill()
        process.wait()
        wanted = sum("mask_color" not in name for name in places(self.zenodo.content))
        fetched = len(complete(self.zenodo.content, here)) == wanted
        over = not running or (here / "ds").exists()
        self.moments.append("late" if over else "processing" if fetched else "download")


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_and_ends_as_if_undisturbed(
    frames: list[RecordFrame], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """30 kills -9 in two chains at a time: the same bytes, nothing left over, nothing whole asked for twice."""
    path = write_zip(tmp_path / "fold_1.zip", by_study(frames))
    with running_zenodo(path) as calm, running_zenodo(path) as one, running_zenodo(path) as other:
        assert as_process(flags(calm, tmp_path / "calm")).wait(60) == 0
        one.bytes_per_s = other.bytes_per_s = 1_500_000
        chains = [Killed(one, tmp_path / "one", 1), Killed(other, tmp_path / "other", 2)]
        threads = [threading.Thread(target=chain.run, args=(KILLS // 2,)) for chain in chains]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    moments = chains[0].moments + chains[1].moments
    counted = {moment: moments.count(moment) for moment in ("download", "processing", "late")}
    print(f"kills: {counted}, datasets: {len(chains[0].finished) + len(chains[1].finished)}")
    record_property("kills", counted)
    assert chains[0].errors + chains[1].errors == []
    assert counted["download"] + counted["processing"] >= KILLS // 2
    assert min(counted["download"], counted["processing"]) > 0
    assert [chain.asked_twice for chain in chains] == [set(), set()]
    for here in (*chains[0].finished, *chains[1].finished):
        assert differing(tmp_path / "calm" / "ds", here / "ds") == set()
        assert not (here / "ds.partial").exists()
        assert not list(here.rglob("*.part"))
