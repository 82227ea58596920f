"""Workers that are processes of this machine, each with one model for all its cases."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from octseg.cohort.cases import Case
from octseg.cohort.coordinator import Outcome
from octseg.errors import OctsegError

MOST_EARLY_ENDS = 3  # of workers in a row, before their model is loaded, by a fault of their own
MOST_EARLY_KILLS = 100  # the same, from outside
VMSTAT = Path("/proc/vmstat")


class Worker(Protocol):
    """What makes the results of cases, with a model that is loaded. run: what its results say of that."""

    run: dict[str, Any]

    def __call__(self, case: Case, out: Path) -> Outcome:
        """Make a case's results in a folder, or go on there."""


Maker = Callable[[Any], Worker]


@dataclass(eq=False)
class _Slot:
    process: SpawnProcess
    pipe: Connection
    number: int
    ready: bool = False
    case: Case | None = None
    killed: str = ""
    kernel_kills: int = 0


class Processes:
    """A pool of `count` of them."""

    def __init__(self, make: Maker, asked: Any, count: int, *, at_once: bool = False) -> None:
        """make: a function of a module, that loads a worker in each. asked: what it is given.

        at_once: all load together, for what they load is here; else the others load once the first has fetched it.
        """
        self._make, self._asked, self._count, self._at_once = make, asked, count, at_once
        self._slots: list[_Slot] = []
        self._run: dict[str, Any] = {}
        self._early_ends = 0.0  # since a model was loaded last

    def begin(self) -> dict[str, Any]:
        """Start all; one is ready when this ends, the others soon."""
        together = self._count if self._at_once else 1
        for number in range(together):
            self._start(number)
        while not self._run:
            self.ended(1.0)
        for number in range(together, self._count):
            self._start(number)
        return self._run

    @property
    def run(self) -> dict[str, Any]:
        """What their results say of the model; empty until one has loaded it."""
        return self._run

    def waits(self, case: Case) -> bool:
        """Whether a case has no worker yet."""
        return all(slot.case != case for slot in self._slots)

    def room(self) -> int:
        """Workers that wait."""
        return sum(slot.ready and slot.case is None for slot in self._slots)

    def give(self, case: Case, out: Path) -> None:
        """To one of those."""
        slot = next(slot for slot in self._slots if slot.ready and slot.case is None)
        slot.case, slot.killed, slot.kernel_kills = case, "", kernel_kills()
        with suppress(BrokenPipeError, ConnectionResetError):  # it is gone, which `ended` tells
            slot.pipe.send((case, out))

    def ended(self, wait_s: float) -> list[tuple[Case, Outcome]]:
        """Also starts anew what is gone."""
        waited_for: dict[Any, _Slot] = {slot.pipe: slot for slot in self._slots}
        waited_for |= {slot.process.sentinel: slot for slot in self._slots}
        ready = [waited_for[each] for each in connection.wait(list(waited_for), wait_s)]
        told = [(slot.case, self._heard(slot)) for slot in dict.fromkeys(ready)]
        return [(case, outcome) for case, outcome in told if case is not None and outcome is not None]

    def kill(self, case: Case, said: str) -> None:
        """End the worker of a case; `ended` gives it."""
        for slot in self._slots:
            if slot.case == case:
                slot.killed = said
                slot.process.kill()

    def close(self) -> None:
        """End all, at once: what is done is noted frame by frame."""
        for slot in self._slots:
            slot.process.kill()
        for slot in self._slots:
            slot.process.join()
            slot.pipe.close()
        self._slots = []

    def _start(self, number: int) -> None:
        context, cores = get_context("spawn"), _cores(number, self._count)
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._make, self._asked, cores), daemon=True)
        process.start()
        theirs.close()
        self._slots.append(_Slot(process, ours, number, kernel_kills=kernel_kills()))

    def _heard(self, slot: _Slot) -> Outcome | None:
        """What a worker says, or what is to be said of one that is gone; None where that is nothing of a case."""
        try:
            message = slot.pipe.recv() if slot.pipe.poll() else None
        except (EOFError, OSError):
            message = None
        if message is None:
            return self._gone(slot)
        if isinstance(message, Outcome):
            slot.case = None
            return message
        if isinstance(message, str):
            raise OctsegError(message)
        self._run, slot.ready, self._early_ends = dict(message), True, 0.0
        return None

    def _gone(self, slot: _Slot) -> Outcome:
        """What became of its case; another is started in its place."""
        slot.process.kill()
        slot.process.join()
        slot.pipe.close()
        self._slots.remove(slot)
        outcome = _end_of(slot)
        if not slot.ready:
            self._early_ends += 1 if outcome.kind == "died" else MOST_EARLY_ENDS / MOST_EARLY_KILLS
        if self._early_ends >= MOST_EARLY_ENDS:
            raise OctsegError(f"workers end again and again before their model is loaded: {outcome.said}")
        self._start(slot.number)
        return outcome


def _end_of(slot: _Slot) -> Outcome:
    """Of a worker that is gone: whether by its case's fault."""
    code = slot.process.exitcode or 0
    if slot.killed:
        return Outcome("died", slot.killed)
    if _by(code) != "SIGKILL":  # which Windows does not have
        return Outcome("died", f"its worker ended by {_by(code)}")
    if kernel_kills() != slot.kernel_kills:
        return Outcome("died", "it took more memory than there is, and its worker was ended")
    return Outcome("lost", "its worker was killed from outside (SIGKILL)")


def serve(pipe: Connection, make: Maker, asked: Any, cores: frozenset[int]) -> None:
    """A worker's life: load, and make what is given until the pipe is closed."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # of a terminal, to all of its group: who gives the cases decides
    _end_with_parent()
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    try:
        worker = make(asked)
    except OctsegError as error:
        pipe.send(str(error))
        return
    pipe.send(worker.run)
    while True:
        try:
            case, out = pipe.recv()
        except EOFError:
            return
        try:
            outcome = worker(case, out)
        except MemoryError:
            pipe.send(Outcome("died", "it took more memory than there is"))
            continue
        pipe.send(outcome)


def kernel_kills() -> int:
    """How many processes this machine has ended for want of memory; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in VMSTAT.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _cores(number: int, count: int) -> frozenset[int]:
    """Those of one of several workers: its share of what this process may use; none where there is no share."""
    if count == 1 or not hasattr(os, "sched_getaffinity"):
        return frozenset()
    cores = sorted(os.sched_getaffinity(0))
    return frozenset(cores[number::count]) if len(cores) >= count else frozenset()


def _end_with_parent() -> None:
    """However it ends: it holds the claims."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _by(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
