"""`octseg review` in a process of its own, for tests over real HTTP."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.commands import OCTSEG
from tests.fakes.forking import ROOT, Forked, start_python, stop

START_SECONDS = 240


@dataclass(frozen=True)
class Review:
    """A running review: its link, and its process."""

    url: str
    process: Forked | subprocess.Popen[bytes]


@contextmanager
def running_review(folder: Path, *flags: str, anew: bool = False) -> Iterator[Review]:
    """Start it, wait until its link answers, stop it as Ctrl-C would.

    anew: in an interpreter that starts anew, as a reader's does, not forked from one that has imported the library.
    """
    command = [*OCTSEG, "review", str(folder), "--no-browser", *flags]
    with tempfile.TemporaryDirectory() as temporary:
        said = Path(temporary, "said")
        process = _anew(command, said) if anew else start_python(command, os.environ, stdout=said, stderr=said)
        try:
            link = _link(process, said)
            urllib.request.urlopen(link, timeout=START_SECONDS).close()  # from now on the server takes its signals
            yield Review(link, process)
        finally:
            stop(process)


def _anew(command: list[str], said: Path) -> subprocess.Popen[bytes]:
    with said.open("wb") as stream:
        return subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=stream, stderr=stream)


def _link(process: Forked | subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if said.exists() and (link := re.search(r"(http://\S+)\n", said.read_text())):
            return link.group(1)
        time.sleep(0.02)
    raise AssertionError(f"the review did not start: {said.read_text()}")
