"""What becomes of visitors' files: where they lie, who can enter, and that they go."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from octseg.ui.janitor import StoredFile, sweep, to_delete
from octseg.ui.limits import ServerLimits
from octseg.ui.private import MADE_WITHIN_S, PREFIX, delete_orphans
from tests.fakes.app_server import ROOT, App, running_app
from tests.fakes.disks import can_be_had
from tests.fakes.forking import python
from tests.ui.test_limits import MULTIPART, UPLOAD, SlowUpload, multipart, send

NO_MODEL = {"OCTSEG_MODEL": "/nowhere"}
PATIENCE_SECONDS = 60


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def upload(app: App) -> None:
    assert send(app, "POST", UPLOAD, multipart(b"a patient's frame"), MULTIPART)[0] == 200


def test_uploads_lie_in_a_folder_that_only_the_server_can_enter_and_that_goes_with_it(
    tmp_path: Path,
) -> None:
    with running_app(tmp_path, **NO_MODEL) as app:
        upload(app)
        assert [file.read_bytes() for file in app.visitor_files()] == [b"a patient's frame"]
        for folder in (app.visitors.parent, app.visitors):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {path.name for path in tmp_path.iterdir()} == {"app.log", app.visitors.parent.name}
    assert [path.name for path in tmp_path.iterdir()] == ["app.log"]


@pytest.mark.skipif(not can_be_had(), reason="such a disk is had on Linux alone")
def test_a_temporary_folder_on_a_disk_that_cannot_lock_serves_the_page_and_goes_with_it(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from octseg.ui.private import private_folders\n"
        "from tests.fakes.disks import locks_fail_with\n"
        f"locks_fail_with({errno.ENOLCK})\n"
        "with private_folders(os.environ) as folders:\n"
        "    print(folders.visitors.is_dir())\n"
    )
    done = python(["-c", code], os.environ | {"TMPDIR": str(tmp_path)})
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_a_killed_server_left_goes_when_the_next_one_starts(tmp_path: Path) -> None:
    with running_app(tmp_path, **NO_MODEL) as app:
        upload(app)
        left = app.visitors
        app.process.send_signal(signal.SIGKILL)
        app.process.wait()
        assert left.exists()
        with running_app(tmp_path, **NO_MODEL) as second:
            assert not left.exists()
            assert second.visitors.exists()


def test_a_folder_that_has_lost_its_lock_goes_and_one_that_is_being_made_stays(tmp_path: Path) -> None:
    old, new = (tmp_path / f"{PREFIX}{name}" for name in ("old", "new"))
    for folder in (old, new):
        (folder / "visitors").mkdir(parents=True)
        (folder / "visitors" / "0001.jpg").write_bytes(b"a patient's frame")
    os.utime(old, (0, time.time() - 2 * MADE_WITHIN_S))
    delete_orphans(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.slow
def test_a_second_server_leaves_the_files_of_the_first(tmp_path: Path) -> None:
    with running_app(tmp_path, **NO_MODEL) as app:
        upload(app)
        files = app.visitor_files()
        with running_app(tmp_path, **NO_MODEL):
            assert all(file.exists() for file in files)


@pytest.mark.slow
def test_finished_and_broken_off_uploads_are_deleted_by_age(tmp_path: Path) -> None:
    with running_app(tmp_path, OCTSEG_KEEP_SECONDS="2", OCTSEG_SWEEP_SECONDS="1", **NO_MODEL) as app:
        upload(app)
        for _ in range(10):
            SlowUpload(app).close()
        assert becomes_true(lambda: not app.visitor_files())
        upload(app)  # and the server still works


def file(age_seconds: float, n_bytes: int) -> StoredFile:
    return StoredFile(Path(f"{age_seconds:g}"), age_seconds, n_bytes)


def test_files_go_that_are_too_old_and_then_the_oldest_that_do_not_fit() -> None:
    files = [file(5, 10), file(700, 10), file(90, 10), file(40, 10)]
    assert to_delete(files, keep_seconds=600, disk_bytes=25) == [file(90, 10), file(700, 10)]


def test_a_link_is_deleted_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    visitors = tmp_path / "visitors"
    visitors.mkdir()
    (visitors / "link").symlink_to(outside)
    assert sweep(visitors, ServerLimits(disk_bytes=1, keep_seconds=0.001)) == 1
    assert (outside / "kept.txt").read_text() == "kept"


def test_importing_the_app_does_nothing(tmp_path: Path) -> None:
    code = "import sys, app; print(sorted({'torch', 'gradio', 'spaces'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"TMPDIR": str(tmp_path)}, capture_output=True)
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == (b"[]\n", b"", [])


def refused(tmp_path: Path, **environment: str) -> str:
    """The one sentence with which the app ends instead of starting."""
    given = {"TMPDIR": str(tmp_path), **environment}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=given, capture_output=True, timeout=120)
    assert done.returncode == 1
    (said,) = done.stderr.decode().splitlines()
    return said


@pytest.mark.parametrize("value", ["-1", "a lot"])
def test_a_limit_that_is_none_ends_the_start_with_one_sentence(tmp_path: Path, value: str) -> None:
    assert refused(tmp_path, OCTSEG_QUEUE_SIZE=value).startswith("octseg: OCTSEG_QUEUE_SIZE must be ")


def test_a_port_that_is_taken_and_one_that_is_none_end_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert refused(tmp_path, GRADIO_SERVER_PORT=port).startswith(f"octseg: port {port} is taken: choose another")
    for none in ("70000", "web"):
        assert refused(tmp_path, GRADIO_SERVER_PORT=none).startswith("octseg: GRADIO_SERVER_PORT must be a port, ")
