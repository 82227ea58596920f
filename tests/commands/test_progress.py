"""The line that `octseg predict` shows on a terminal: frames done of all, their rate and the time left."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest
from PIL import Image

from octseg.phantom import random_pullback
from tests.fakes.commands import QUICK

LINE = re.compile(r"(\d+)%\|[^|]*\| (\d+)/(\d+) \[\d\d:\d\d<(\d\d:\d\d|\?), +([\d.]+|\?) ?(frame/s|s/frame)\]")


@pytest.mark.slow
def test_a_terminal_is_shown_frames_done_their_rate_and_the_time_left_and_then_the_line_is_gone(tmp_path: Path) -> None:
    first, *rest = map(Image.fromarray, random_pullback(7, 40).pullback().frames(12, 16))
    first.save(tmp_path / "run.tif", save_all=True, append_images=rest)
    command = [sys.executable, "-m", "octseg", "predict", str(tmp_path / "run.tif"), "--out", str(tmp_path / "out")]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # without a width there is no line
    shown: list[bytes] = []
    with subprocess.Popen([*command, *QUICK], stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        reading = threading.Thread(target=_read, args=(ours, shown))
        reading.start()
        assert running.wait(120) == 0
        reading.join(60)
    os.close(ours)
    text = b"".join(shown).decode()
    lines = [found.groups() for found in LINE.finditer(text)]
    assert {total for _, _, total, *_ in lines} <= {"1", "4"}
    assert any(total == "4" and left != "?" and rate != "?" for _, _, total, left, rate, _ in lines)
    counts = [int(count) for _, count, *_ in lines]
    assert counts == sorted(counts)
    assert text.rstrip("\r").rsplit("\r", 1)[-1].strip() == ""


def _read(terminal: int, shown: list[bytes]) -> None:
    """All that a terminal is shown until nobody writes to it."""
    try:
        while part := os.read(terminal, 4096):
            shown.append(part)
    except OSError:  # as Linux says that the other end is closed
        pass
