"""What ends a command early: Ctrl-C, and each signal that a scheduler sends before the time is up."""

import os
import signal
import time
from pathlib import Path

import pytest

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
