"""Workers on the nodes of a Ray cluster: one task a pullback. Claims, manifests and retries are those of all workers.

A task keeps a process with the model beside it, which the next task on the same worker of Ray finds there; how that
process ends says whose fault it was, which Ray does not. Paths lead to the same folders on every node.
"""

import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import ray
from ray import exceptions

from octseg.cohort.cases import Case
from octseg.cohort.coordinator import Outcome
from octseg.cohort.folder import CLAIMS
from octseg.cohort.processes import Maker, Processes
from octseg.cores import CORES
from octseg.errors import OctsegError

Given: TypeAlias = tuple[Maker, Any]  # of `Processes`
CLIENT = "ray://"
LOST_NODE = "the machine that worked at it was lost"
_HELD: dict[Given, Processes] = {}  # of a worker of Ray: its process with a model


NODES_S = 5.0  # between looks at which machines are there
GRACE_S = 20.0  # for Ray to tell itself that a task is gone; of a machine that is cut off from the network it does not


@dataclass(frozen=True)
class Begun:
    """What a task says first: that it has a worker, and on which node."""

    node: str


@dataclass(eq=False)
class _Task:
    case: Case
    told: Any  # Ray's generator of what the task says
    node: str = ""
    killed: str = ""
    gone: float | None = None  # since when it should have ended, seconds of the clock


class RayTasks:
    """A pool of tasks. make, asked: as of `Processes`. count: how many at most; None for the cores of the cluster.

    gpus: of a task.
    """

    def __init__(self, address: str, make: Maker, asked: Any, root: Path, count: int | None, gpus: int) -> None:
        if address.startswith(CLIENT):
            raise OctsegError(
                f"--ray {address}: run the command on a machine of the cluster and give `auto` or HOST:PORT; over a "
                "ray:// address Ray does not tell how a task ends"
            )
        self._address, self._root, self._count = address, root.absolute(), count
        self._given = (make, asked)
        # Retries are the coordinator's, and so counted; a model is loaded once for all tasks of a worker.
        options = {"num_cpus": 1, "num_gpus": gpus, "max_retries": 0, "max_calls": 0}
        self._begin, self._do = (ray.remote(**options)(each) for each in (_run_of, _made))
        self._tasks: list[_Task] = []
        self._run: dict[str, Any] = {}
        self._looked = 0.0

    def begin(self) -> dict[str, Any]:
        """Join the cluster, and load a model on one of its nodes."""
        try:
            ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise OctsegError(f"--ray {self._address}: there is no cluster to join: {said}") from error
        try:
            told = ray.get(self._begin.remote(self._given, self._root))
        except exceptions.RayError as error:
            raise OctsegError(f"no worker of the cluster could load the model: {_first_line(error)}") from error
        if isinstance(told, str):
            raise OctsegError(told)
        self._run = told
        return self._run

    def room(self) -> int:
        """Up to the cores of the cluster as it is now; one more than there are lets it grow."""
        cores = int(ray.cluster_resources().get("CPU", 0))
        most = max(cores, 1) if self._count is None else self._count
        return max(0, most - len(self._tasks))

    def give(self, case: Case, out: Path) -> None:
        """As a task."""
        placed = replace(case, path=case.path.absolute())
        self._tasks.append(_Task(case, self._do.remote(self._given, self._root, self._run, placed, out.absolute())))

    def waits(self, case: Case) -> bool:
        """Whether it has no worker yet."""
        return any(task.case == case and not task.node for task in self._tasks)

    def ended(self, wait_s: float) -> list[tuple[Case, Outcome]]:
        """Of tasks that are done, and of those that are lost."""
        if not self._tasks:
            time.sleep(wait_s)
            return []
        ready, _ = ray.wait([task.told for task in self._tasks], num_returns=1, timeout=wait_s)
        heard = [(task, self._heard(task)) for task in list(self._tasks) if task.told in ready]
        heard += [(task, _silent(task)) for task in self._given_up() if task.told not in ready]
        for task, outcome in heard:
            if outcome is not None:
                self._tasks.remove(task)
        return [(task.case, outcome) for task, outcome in heard if outcome is not None]

    def kill(self, case: Case, said: str) -> None:
        """End the worker of a case; `ended` gives it."""
        for task in self._tasks:
            if task.case == case:
                task.killed, task.gone = said, task.gone or time.monotonic()
                ray.cancel(task.told, force=True)

    def close(self) -> None:
        """End all tasks, and leave the cluster as it was."""
        if ray.is_initialized():
            for task in self._tasks:
                with suppress(exceptions.RayError):
                    ray.cancel(task.told, force=True)
            self._tasks = []
            ray.shutdown()

    def _given_up(self) -> list[_Task]:
        """Tasks that should have ended a while ago, of which Ray says nothing."""
        now = time.monotonic()
        if now - self._looked > NODES_S:
            self._looked = now
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            for task in self._tasks:
                if task.node and task.node not in alive:
                    task.gone = task.gone or now
        return [task for task in self._tasks if task.gone is not None and now - task.gone > GRACE_S]

    def _heard(self, task: _Task) -> Outcome | None:
        """What a task says, or what is to be said of one that is gone; None where it has begun."""
        try:
            told = ray.get(next(task.told))
        except StopIteration:
            return Outcome("lost", "its task ended without a word")
        except exceptions.RayError as error:
            return _end_of(task, error)
        if isinstance(told, Begun):
            task.node = told.node
            return None
        return told if isinstance(told, Outcome) else Outcome("died", f"its task said {told!r}")


def _silent(task: _Task) -> Outcome:
    """Of a task of whose end Ray says nothing."""
    return Outcome("died", task.killed) if task.killed else Outcome("lost", LOST_NODE)


def _end_of(task: _Task, error: exceptions.RayError) -> Outcome:
    """Of a task that Ray says is gone: whether by its case's fault."""
    if task.killed:
        return Outcome("died", task.killed)
    if isinstance(error, exceptions.OutOfMemoryError):
        return Outcome("died", "it took more memory than its machine has, and Ray ended its worker")
    if isinstance(error, exceptions.RayTaskError):
        return Outcome("died", _first_line(error.cause or error))
    if isinstance(error, exceptions.NodeDiedError):
        return Outcome("lost", LOST_NODE)
    return Outcome("lost", f"its worker was ended from outside ({type(error).__name__})")


def _run_of(given: Given, root: Path) -> dict[str, Any] | str:
    """The first task: what results of this cluster say of the model; or why there is none."""
    if said := _not_shared(root):
        return said
    try:
        return dict(_held(given)[1])
    except OctsegError as error:
        return str(error)


def _made(given: Given, root: Path, run: dict[str, Any], case: Case, out: Path) -> Iterator[Begun | Outcome]:
    """The task of a case."""
    yield Begun(ray.get_runtime_context().get_node_id())
    if said := _not_shared(root):
        yield Outcome("stopped", said)
        return
    try:
        pool, own = _held(given)
        if own != run:
            differ = [name for name in run if own.get(name) != run[name]]
            yield Outcome("stopped", f"{_here()} would make other results ({', '.join(differ)}), not to be mixed in")
            return
        pool.give(case, out)
        while not (told := pool.ended(60.0)):
            pass
        yield told[0][1]
    except OctsegError as error:
        yield Outcome("stopped", str(error))


def _held(given: Given) -> tuple[Processes, dict[str, Any]]:
    """The process with a model beside this worker of Ray, and what its results say of it."""
    if given not in _HELD:
        for other in _HELD.values():
            other.close()
        _HELD.clear()
        os.environ[CORES] = "1"  # as the task asked for; it is not held to one, for another may be busy there
        pool = Processes(*given, 1)
        pool.begin()
        _HELD[given] = pool
    pool = _HELD[given]
    while not pool.room():  # one that was ended by its last case is started again
        pool.ended(1.0)
    return pool, pool.run


def _not_shared(root: Path) -> str:
    """What to say on a node that does not see the folder of the cohort; "" where it does."""
    if (root / CLAIMS).is_dir():
        return ""
    return f"{_here()} does not see {root}: give an --out, and inputs, that lie at the same path on all machines"


def _here() -> str:
    return f"the machine {platform.node()} of the cluster"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
