"""Workers of a cohort: one that needs no model, some of whose cases end it each time; and one that counts its model."""

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from octseg.cohort.cases import Case, Look
from octseg.cohort.coordinator import Outcome
from octseg.cohort.folder import CohortFolder
from octseg.commands import cohort_work
from octseg.commands.cohort_work import CaseWorker, WorkOptions, make_worker
from octseg.errors import OctsegError

TOGETHER_S = 30.0
RUN = {"model": "none", "octseg": "0"}


def make_counting(asked: tuple[WorkOptions, Path]) -> CaseWorker:
    """The worker that is in use, which notes each time that it loads a model."""
    options, log = asked
    load = cohort_work.loaded

    def counted(*given: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return load(*given)

    cohort_work.loaded = counted
    return make_worker(options)


def make_of_two(root: Path) -> "Worker":
    """One that is loaded when two are loading."""
    (root / f"loading {os.getpid()}").touch()
    until = time.monotonic() + TOGETHER_S
    while len(list(root.glob("loading *"))) < 2:
        if time.monotonic() > until:
            raise OctsegError("no other worker loads meanwhile")
        time.sleep(0.01)
    return Worker(root)


def cases(folder: Path, *kinds: str) -> list[Case]:
    """One of each kind, in a file that says so."""
    made = []
    for number, kind in enumerate(kinds):
        (folder / f"{number}.txt").write_text(kind)
        made.append(Case(name=f"c{number}", id=f"c{number}", path=folder / f"{number}.txt"))
    return made


def look(case: Case) -> Look:
    return Look((case.path,), case.path.read_text())


class Worker:
    def __init__(self, root: Path) -> None:
        self.run: dict[str, Any] = RUN
        self.folder = CohortFolder(root)
        with (root / "loaded").open("a") as file:
            file.write("1\n")

    def __call__(self, case: Case, out: Path) -> Outcome:
        self.folder.run = self.folder.agreed()
        out.mkdir(exist_ok=True)
        kind = case.path.read_text()
        if kind == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if kind == "hangs":
            time.sleep(600)
        if kind == "hangs once" and not case.path.with_suffix(".txt.seen").exists():
            case.path.with_suffix(".txt.seen").touch()
            time.sleep(600)
        if kind == "takes all memory":
            resource.setrlimit(resource.RLIMIT_AS, (1 << 33, resource.RLIM_INFINITY))
            bytearray(1 << 34)
        if kind == "is unreadable":
            return Outcome("failed", "it is no pullback")
        (out / "result").write_text(kind)
        self.folder.write_manifest(case, look(case), [])
        return Outcome("made")
