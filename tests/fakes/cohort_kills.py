"""A run of `octseg cohort` that is killed at random moments, again and again, until it is done."""

import os
import random
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.fakes.commands import OCTSEG
from tests.fakes.forking import Forked, start_python

EACH_FIFTH = 5  # kill takes the process that gives the cases
MOST_PAUSE_S = 0.3
PATIENCE_S = 600.0


@dataclass
class Kills:
    """How many were killed. moments: what had been written last in a case's folder -> how often."""

    workers: int = 0
    coordinators: int = 0
    moments: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.workers + self.coordinators


def start(given: Path, out: Path, flags: Sequence[str], said: Path) -> Forked:
    return start_python([*OCTSEG, "cohort", str(given), "--out", str(out), *flags], os.environ, stderr=said)


def until(running: Forked, ready: Callable[[], bool]) -> bool:
    """Whether it comes to that before the run ends."""
    end = time.monotonic() + PATIENCE_S
    while running.poll() is None and time.monotonic() < end:
        if ready():
            return True
        time.sleep(0.002)
    return False


def killed_at_random(given: Path, out: Path, flags: Sequence[str], kills: int, seed: int, said: Path) -> Kills:
    """Run to the end, begun anew each time that its coordinator was killed.

    Each kill comes at a random time after a frame was done since the last: ten without one would leave a case out.
    """
    chance, done = random.Random(seed), Kills()
    running = start(given, out, flags, said)
    while True:
        before = _grown(out)
        if done.count >= kills or not until(running, lambda before=before: _grown(out) != before):
            if running.wait(PATIENCE_S) == 0:
                return done
            running = start(given, out, flags, said)
            continue
        time.sleep(chance.uniform(0.0, MOST_PAUSE_S))
        workers = _workers_of(running)
        if (done.count + 1) % EACH_FIFTH == 0:
            _note(done, out)
            running.kill()
            running.wait(PATIENCE_S)
            done.coordinators += 1
            running = start(given, out, flags, said)
        elif workers:
            _note(done, out)
            chance.choice(workers).send_signal(signal.SIGKILL)
            done.workers += 1


def _note(done: Kills, out: Path) -> None:
    """What was written last, as it was killed."""
    files = list(out.glob("cases/*.partial/*"))
    last = max(files, key=_time_of, default=None)
    kind = "nothing yet" if last is None else re.sub(r"^\.|\.\d+\.part$|^.*_(?=\w+\.\w+$)", "", last.name)
    done.moments[kind] = done.moments.get(kind, 0) + 1


def _time_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _workers_of(running: Forked) -> list[psutil.Process]:
    try:
        children = psutil.Process(running.process.pid or 0).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def _grown(out: Path) -> int:
    """Bytes of all journals and manifests, which another process writes and takes away."""
    return sum(map(_size_of, [*out.glob("cases/*/unfinished.jsonl"), *out.glob("cases/*/manifest.json")]))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
