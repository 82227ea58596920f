"""`octseg review` in a process of its own, for tests over real HTTP."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30


@dataclass(frozen=True)
class Review:
    """A running review: its link, and its process."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def running_review(folder: Path, *flags: str) -> Iterator[Review]:
    """Start it, wait for its link, stop it as Ctrl-C would."""
    command = [sys.executable, "-m", "octseg", "review", str(folder), "--no-browser", *flags]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        link = re.search(r"http://\S+", process.stdout.readline())
        assert link, "the review did not start"
        yield Review(link.group(), process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
