"""What ends a command early: Ctrl-C, each signal that a scheduler sends before the time is up, a reader who leaves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from octseg.commands.stopping import finished
from tests.fakes.forking import Forked, start_python

WORKING = """
import signal, sys, time
from pathlib import Path
out = Path(sys.argv[1])
for name in sys.argv[2:]:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
from octseg.commands.stopping import until_stopped

def work():
    try:
        (out / "begun").touch()
        for _ in range(6000):  # a signal between two steps waits for the end of one
            time.sleep(0.01)
    finally:
        (out / "tidying").touch()
        while not (out / "go").exists():
            time.sleep(0.01)
        (out / "tidied").touch()

sys.exit(until_stopped(work, "work", "run it again"))
"""


def working(out: Path, *ignored: str) -> Forked:
    """A command that works for a minute, and tidies up until there is a file OUT/go."""
    running = start_python(["-c", WORKING, str(out), *ignored], os.environ, stderr=out / "err")
    wait_for(out / "begun", running)
    return running


def wait_for(file: Path, running: Forked) -> None:
    while running.poll() is None and not file.exists():
        time.sleep(0.005)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGHUP", "SIGINT"])
def test_each_signal_of_a_scheduler_ends_a_command_with_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "go").touch()
    running = working(tmp_path)
    running.send_signal(signal.Signals[name])
    assert running.wait(30) == 130
    by = "" if name == "SIGINT" else f" by {name}"
    assert (tmp_path / "err").read_text() == f"work: stopped{by}; run it again\n"


UNREAD = """
import sys
from octseg.commands.stopping import until_stopped

def work():
    print("x" * int(sys.argv[1]))
    if sys.argv[2:]:
        raise SystemExit(int(sys.argv[2]))
    return 0

sys.exit(until_stopped(work, "work", "run it again"))
"""


def unread(*arguments: str, with_stderr: bool = False) -> tuple[int, str]:
    """Exit status of a command whose output nobody reads, and its stderr, which may go the same way."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            stdout=writing,
            stderr=writing if with_stderr else subprocess.PIPE,
            text=True,
            env=environment,
            timeout=120,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize("length", ["1", "100000"])
def test_a_command_whose_output_is_no_longer_read_ends_with_one_line(length: str) -> None:
    """Of a short output that is noticed at the end alone."""
    assert unread("-c", UNREAD, length) == (1, "work: stopped: what is printed is no longer read\n")
    assert unread("-c", UNREAD, length, with_stderr=True) == (1, "")


def test_a_command_that_ends_by_itself_unread_keeps_its_status() -> None:
    assert unread("-c", UNREAD, "1", "2") == (2, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_that_was_started_without_output_keeps_its_status(closed: str) -> None:
    """As a service starts one."""
    code = "from octseg.commands.stopping import until_stopped as run; raise SystemExit(run(lambda: 3, 'name', ''))"
    told = subprocess.run(f'exec "{sys.executable}" -c "{code}" {closed}', shell=True, capture_output=True, timeout=60)
    assert (told.returncode, told.stderr) == (3, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["train", "train.prepare", "train.calibrate", "train.evaluate", "train.report", "hub"]
)
def test_no_command_complains_of_a_reader_who_left(module: str) -> None:
    assert unread("-m", module, "--help") == (0, "")


IN_A_CALLBACK = """
import sys, time, weakref
from pathlib import Path
out = Path(sys.argv[1])
from octseg.commands.stopping import until_stopped

class Kept:
    pass

def gone(_reference):
    (out / "begun").touch()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass

def work():
    kept = Kept()
    reference = weakref.ref(kept, gone)
    del kept
    time.sleep(60)

sys.exit(until_stopped(work, "work", "run it again"))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_that_comes_where_python_passes_over_errors_ends_a_command(tmp_path: Path, name: str) -> None:
    running = start_python(["-c", IN_A_CALLBACK, str(tmp_path)], os.environ, stderr=tmp_path / "err")
    wait_for(tmp_path / "begun", running)
    running.send_signal(signal.Signals[name])
    assert running.wait(30) == 130
    by = "" if name == "SIGINT" else f" by {name}"
    assert (tmp_path / "err").read_text() == f"work: stopped{by}; run it again\n"


AS_ON_WINDOWS = """
import os, sys
os.kill, sys.platform = lambda _process, status: os._exit(status), "win32"
""" + IN_A_CALLBACK.replace("time.sleep(60)", "while True: time.sleep(0.01)")


def test_the_same_where_os_kill_ends_a_process_at_once_as_on_windows(tmp_path: Path) -> None:
    running = start_python(["-c", AS_ON_WINDOWS, str(tmp_path)], os.environ, stderr=tmp_path / "err")
    wait_for(tmp_path / "begun", running)
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 130
    assert (tmp_path / "err").read_text() == "work: stopped; run it again\n"


def test_a_second_signal_does_not_disturb_what_is_put_in_place(tmp_path: Path) -> None:
    running = working(tmp_path)
    running.send_signal(signal.SIGUSR1)
    wait_for(tmp_path / "tidying", running)
    running.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    (tmp_path / "go").touch()
    assert running.wait(30) == 130
    assert (tmp_path / "tidied").exists()
    assert (tmp_path / "err").read_text() == "work: stopped by SIGUSR1; run it again\n"


def test_what_whoever_started_it_had_ignored_stays_ignored(tmp_path: Path) -> None:
    """As SIGHUP under `nohup`."""
    (tmp_path / "go").touch()
    running = working(tmp_path, "SIGHUP", "SIGUSR1")
    for number in (signal.SIGHUP, signal.SIGUSR1):
        running.send_signal(number)
    time.sleep(0.1)
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 130
    assert (tmp_path / "err").read_text() == "work: stopped by SIGTERM; run it again\n"


HOLDING = """
import sys, time
from pathlib import Path
out = Path(sys.argv[1])
from octseg.commands.stopping import held, until_stopped

def work():
    with held():
        (out / "begun").touch()
        while not (out / "go").exists():
            time.sleep(0.01)
        (out / "whole").touch()
    time.sleep(60)

sys.exit(until_stopped(work, "work", "run it again"))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_what_is_held_is_ended_before_the_signal_counts(tmp_path: Path, name: str) -> None:
    running = start_python(["-c", HOLDING, str(tmp_path)], os.environ, stderr=tmp_path / "err")
    wait_for(tmp_path / "begun", running)
    running.send_signal(signal.Signals[name])
    time.sleep(0.1)
    (tmp_path / "go").touch()
    assert running.wait(30) == 130
    assert (tmp_path / "whole").exists()


def test_a_second_interrupt_by_hand_ends_what_is_held(tmp_path: Path) -> None:
    running = start_python(["-c", HOLDING, str(tmp_path)], os.environ, stderr=tmp_path / "err")
    wait_for(tmp_path / "begun", running)
    for _ in range(2):
        running.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert running.wait(30) == 130
    assert not (tmp_path / "whole").exists()


def test_what_a_generator_has_finished_comes_before_the_interrupt() -> None:
    def results() -> Generator[int, None, None]:
        try:
            yield from range(9)
        except KeyboardInterrupt:
            yield from (10, 11)
            raise

    taken, stop = results(), KeyboardInterrupt()
    assert next(taken) == 0
    assert list(finished(taken, stop)) == [10, 11]
    assert list(finished(taken, stop)) == []
