"""Runs of `octseg predict` that are killed, stopped, without room or beside another: the same command goes on."""

import errno
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.commands.inputs import Item, content_sum
from octseg.export.journal import JOURNAL_NAME
from octseg.phantom import random_pullback
from tests.fakes.commands import OCTSEG, QUICK, measures, names
from tests.fakes.disks import can_be_had
from tests.fakes.forking import Forked, python, start_python
from tests.fakes.full_disk import files_limited_to

FRAMES, PICTURES = 5, 3
FLAGS = ["--no-overlay", "--frame-spacing", "0.2", *QUICK]
KILLS = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


@pytest.fixture(scope="module")
def inputs(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A TIFF of some frames of one vessel, and a folder of some pictures, which is a run."""
    folder = tmp_path_factory.mktemp("inputs")
    vessel = random_pullback(7, 40).pullback().frames(12, 12 + FRAMES)
    first, *rest = map(Image.fromarray, vessel)
    first.save(folder / "run.tif", save_all=True, append_images=rest)
    (folder / "pictures").mkdir()
    for number in range(1, PICTURES + 1):
        shutil.copy(phantoms / f"phantom_000{1 + number % 2}.png", folder / "pictures" / f"frame_{number}.png")
    return [str(folder / "run.tif"), str(folder / "pictures")]


@pytest.fixture(scope="module")
def whole(inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run leaves that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["predict", *inputs, "--out", str(out), *FLAGS]) == 0
    return content_of(out)


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def noted(out: Path) -> int:
    """How many frames the journal says are done."""
    try:
        return max(0, (out / JOURNAL_NAME).read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def started(inputs: list[str], out: Path, err: Path) -> Forked:
    return start_python([*OCTSEG, "predict", *inputs, "--out", str(out), *FLAGS], os.environ, stderr=err)


def until(running: Forked, out: Path, frames: int) -> None:
    while running.poll() is None and noted(out) < frames:
        time.sleep(0.002)


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_goes_on_to_the_same_bytes(
    inputs: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    out, chance, begun = tmp_path / "out", random.Random(), []
    for number, kill in enumerate(KILLS):
        running, done = started(inputs, out, tmp_path / f"err{number}"), noted(out)
        until(running, out, done + 1)
        time.sleep(chance.random() * 0.2)
        running.send_signal(kill)
        running.wait(120)
        begun.append(done)
    last = started(inputs, out, tmp_path / "err")
    assert last.wait(120) == 0
    assert begun == sorted(begun)
    assert len(set(begun)) > 2, "none was killed on the way"
    assert content_of(out) == whole


@pytest.mark.slow
def test_a_run_that_is_stopped_has_whole_tables_and_says_that_it_can_go_on(
    inputs: list[str], whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    running = started(inputs, out, tmp_path / "err")
    until(running, out, 2)
    running.send_signal(signal.SIGUSR1)
    assert running.wait(120) == 130
    done = measures(out)
    assert 2 <= len(done) < FRAMES + PICTURES
    assert main(["predict", *inputs, "--out", str(out), *FLAGS]) == 0
    assert f"octseg: going on after frame {len(done)} of the run that was ended\n" in capsys.readouterr().err
    assert content_of(out) == whole


@pytest.mark.slow
@pytest.mark.parametrize("size", [2_000, 15_000])
def test_a_run_without_room_is_told_in_one_sentence_and_goes_on_when_there_is_some(
    inputs: list[str], whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    out = tmp_path / "out"
    with files_limited_to(size):
        assert main(["predict", *inputs, "--out", str(out), *FLAGS]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("octseg: ")
    assert "could not be written: the file would be larger than allowed here" in told
    done = noted(out)
    assert main(["predict", *inputs, "--out", str(out), *FLAGS]) == 0
    assert content_of(out) == whole
    assert (f"going on after frame {done} of" in capsys.readouterr().err) == (done > 0)


@pytest.fixture
def unfinished(inputs: list[str], whole: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder in which a run was killed when four frames were done."""
    out = tmp_path / "unfinished"
    running = started(inputs, out, tmp_path / "err")
    until(running, out, 4)
    running.kill()
    running.wait(120)
    journal = (out / JOURNAL_NAME).read_bytes().splitlines(keepends=True)
    (out / JOURNAL_NAME).write_bytes(b"".join(journal[:5]))
    return out


def goes_on(inputs: list[str], out: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """What it says on stderr."""
    capsys.readouterr()
    assert main(["predict", *inputs, "--out", str(out), *FLAGS, *flags]) == 0
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_line_that_was_cut_off_and_a_frame_whose_mask_is_gone_are_done_again(
    inputs: list[str], whole: dict[str, bytes], unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = unfinished / JOURNAL_NAME
    journal.write_bytes(journal.read_bytes()[:-40])
    (unfinished / "run_0003_mask.png").unlink()
    (unfinished / ".run_0004_mask.png.4711.part").write_bytes(b"half")
    assert "going on after frame 2 of" in goes_on(inputs, unfinished, capsys)
    assert content_of(unfinished) == whole


@pytest.mark.slow
def test_other_flags_start_anew_and_that_is_said(
    inputs: list[str], whole: dict[str, bytes], unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = goes_on(inputs, unfinished, capsys, "--pixel-spacing", "0.01")
    assert said.startswith("octseg: the unfinished run in unfinished was with other flags: this one starts anew\n")
    assert {entry["pixel_spacing_mm"] for entry in measures(unfinished)} == {0.01}


@pytest.mark.slow
def test_frames_of_another_precision_are_not_mixed_with_those_of_this_one(
    inputs: list[str], whole: dict[str, bytes], unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a run that was begun on another machine."""
    journal = unfinished / JOURNAL_NAME
    head, rest = journal.read_text().split("\n", 1)
    journal.write_text(f"{json.dumps({**json.loads(head), 'precision': 'bf16'})}\n{rest}")
    said = goes_on(inputs, unfinished, capsys)
    assert said.startswith("octseg: the unfinished run in unfinished was in another precision: this one starts anew\n")
    assert content_of(unfinished) == whole


@pytest.mark.slow
def test_a_changed_input_starts_anew_and_that_is_said(
    inputs: list[str], whole: dict[str, bytes], unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = Path(inputs[0]).stat()
    try:
        os.utime(inputs[0], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert "was for other inputs, or these have changed: this one starts anew" in goes_on(
            inputs, unfinished, capsys
        )
    finally:
        os.utime(inputs[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_of(unfinished) == whole


@pytest.mark.slow
def test_another_file_of_the_same_name_size_and_time_starts_anew(
    inputs: list[str], whole: dict[str, bytes], unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `cp -p` leaves it where exports of one size have one name each."""
    path = Path(inputs[0])
    status, before = path.stat(), path.read_bytes()
    try:
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert "was for other inputs, or these have changed: this one starts anew" in goes_on(
            inputs, unfinished, capsys
        )
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("size", [10, 5000, 3_000_000])
def test_a_change_of_what_is_in_a_file_is_noticed_at_its_start_middle_and_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "film.avi"

    def told(changed: int | None) -> str:
        content = bytearray(size)
        if changed is not None:
            content[changed] = 1
        path.write_bytes(content)
        return content_sum([Item(path, (path,))])

    assert told(None) == told(None)
    assert len({told(place) for place in (None, 0, size // 2, size - 1)}) == 4


@pytest.mark.parametrize("count", [2, 32])
def test_a_change_of_all_frames_of_a_stack_is_noticed_in_spite_of_their_black_margins(
    tmp_path: Path, count: int
) -> None:
    path, stack = tmp_path / "stack.raw", np.zeros((count, 512, 512), np.uint8)

    def told(grey: int) -> str:
        stack[:, 16:-16, 16:-16] = grey
        path.write_bytes(stack.tobytes())
        return content_sum([Item(path, (path,))])

    assert told(100) != told(101)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_is_not_disturbed(
    inputs: list[str], whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    first = started(inputs, out, tmp_path / "err")
    until(first, out, 1)
    os.kill(first.process.pid or 0, signal.SIGSTOP)
    try:
        assert main(["predict", *inputs, "--out", str(out), *FLAGS]) == 1
        told = capsys.readouterr()
    finally:
        os.kill(first.process.pid or 0, signal.SIGCONT)
    assert told.err == "octseg: another run is writing into out; wait for it, or choose another folder\n"
    assert first.wait(120) == 0
    assert content_of(out) == whole


def test_a_run_that_ended_well_runs_again_from_its_first_frame(
    inputs: list[str], whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert "going on" not in goes_on(inputs[1:], tmp_path / "out", capsys)
        assert JOURNAL_NAME not in names(tmp_path / "out")
        (tmp_path / "out" / "frame_1_mask.png").write_bytes(b"")
    assert len(measures(tmp_path / "out")) == PICTURES


def test_the_journal_holds_no_name_of_a_folder(inputs: list[str], unfinished: Path) -> None:
    text = (unfinished / JOURNAL_NAME).read_text()
    assert str(Path(inputs[0]).parent) not in text
    assert {json.loads(line)["record"]["file"] for line in text.splitlines()[1:]} == {"run.tif"}


ON_SUCH_A_DISK = """
import sys
from octseg.cli import main
from tests.fakes.disks import locks_fail_with
locks_fail_with(int(sys.argv[1]))
sys.exit(main(["predict", *sys.argv[2:]]))
"""


@pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
def test_a_disk_that_cannot_lock_is_said_and_used_all_the_same(inputs: list[str], tmp_path: Path) -> None:
    flags = [inputs[1], "--out", str(tmp_path / "out"), "--frames", "1", *FLAGS]
    done = python(["-c", ON_SUCH_A_DISK, str(errno.ENOLCK), *flags], os.environ)
    assert done.returncode == 0
    assert done.stderr.startswith("octseg: the disk of out cannot lock files (no locks available), so a second run")
    assert len(measures(tmp_path / "out")) == 1
