"""Many pullbacks by one and by two workers, each held to one core: `python -m tests.benchmarks.cohort [--ray]`.

24 short phantom pullbacks, folders of pictures, with masks, overlays, manifests and tables as `octseg cohort` makes
them, by turns in one run:

* one worker on one core;
* two workers on two cores;
* the same two by Ray on this machine, with --ray (in a Python that has it).

Each side runs in a process of its own, and cases are dealt out as they are in use. `from begin to end` is of all
cases, from the first one's begin on: it holds that the last case leaves a worker idle. `all at work` is of the time in
which all workers are there and have a case. What the protocol takes is the time from the first case's begin to the
last one's place in its folder less that in which frames were worked on, of one worker alone. `by processor` is how much
faster workers would be if none waited for a core, by the processor time of a frame. Of each worker: its most memory,
and how often it loaded the model.
`--cases 4 --frames 4 --rounds 1` is a short run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from octseg.cohort.coordinator import Coordinator, Pool
from octseg.cohort.folder import CohortFolder
from octseg.cohort.processes import Processes
from octseg.commands import cohort_work
from octseg.commands.cohort_cases import Looking, cases_in
from octseg.commands.cohort_work import CaseWorker, WorkOptions, make_worker
from octseg.phantom import write_pullbacks
from tests.benchmarks.machine import ROOT, machine, peak_mb, size_mb
from tests.fakes.ray_cluster import new_cluster

PROCESSES = "processes"
SEED = 11
SPACING_MM = 0.2
COLUMNS = (
    *("", "frames a second, from begin to end", "times one worker", "all at work", "times one worker"),
    *("ms of processor a frame", "times by processor", "idle and protocol, %", "loads a worker", "load, s"),
    *("peak of a worker, MB", "written, MB"),
)
AIMS = {"times": 1.8, "overhead_percent": 2.0, "peak_mb": 1200.0}


@dataclass(frozen=True)
class Side:
    """A way through the cases. cores: how many it may use."""

    name: str
    workers: int
    cores: int
    pool: str = PROCESSES


SIDES = (Side("one worker, one core", 1, 1), Side("two workers, a core each", 2, 2))


def main() -> None:
    """Draw the vessels, run all sides in turn, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="also by Ray, started here for the time")
    parser.add_argument("--side", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is not None:
        pool, workers, given, out, log = options.side
        work(pool, int(workers), Path(given), Path(out), Path(log))
        return
    with tempfile.TemporaryDirectory() as temporary, cluster(options.ray) as address:
        sides = (*SIDES, *(Side("two workers by Ray", 2, 2, each) for each in address))
        home = Path(temporary)
        given = home / "vessels"
        write_pullbacks(given, options.frames, options.cases, SEED, lambda *_: None)
        taken: dict[Side, list[dict[str, Any]]] = {side: [] for side in sides}
        for number in range(options.rounds):
            for side in sides:
                told = run(side, given, home)
                taken[side].append(told)
                said = f"{told['span_s']:.1f} s for {told['frames']} frames"
                print(f"round {number + 1}: {side.name}: {said}", file=sys.stderr, flush=True)
        print(f"{machine()}\n{options.cases} pullbacks of {options.frames} frames, {size_mb(given):.0f} MB; medians\n")
    report(taken)


@contextmanager
def cluster(asked: bool) -> Iterator[list[str]]:
    """The address of a Ray cluster of two cores, where one is asked for; its workers have the priority of others."""
    if not asked:
        yield []
        return
    made = new_cluster()
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - so Ray spells it
    try:
        made.start_head(cores=2)
        yield [made.address]
    finally:
        made.stop()


def run(side: Side, given: Path, home: Path) -> dict[str, Any]:
    """One side's turn in a process of its own."""
    out, log = home / "out", home / "log"
    held = sorted(os.sched_getaffinity(0))[: side.cores]
    command = [sys.executable, "-m", "tests.benchmarks.cohort", "--side", side.pool, side.workers, given, out, log]
    path = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    subprocess.run(
        ["taskset", "-c", ",".join(map(str, held)), *map(str, command)], cwd=ROOT, env=environment, check=True
    )
    told = summed([json.loads(line) for line in log.read_text().splitlines()], size_mb(out))
    shutil.rmtree(out)
    log.unlink()
    return told


def work(pool: str, workers: int, given: Path, out: Path, log: Path) -> None:
    """The process of a side: all cases, each noted in `log`."""
    cases, _ = cases_in(given, out)
    spaced = [replace(case, frame_spacing_mm=SPACING_MM) for case in cases]
    asked = (WorkOptions(root=out), log)
    folder = CohortFolder(out)
    coordinator = Coordinator(
        folder, spaced, Looking(out), pool_of(pool, asked, workers), asked[0].flags, say=lambda _: None, timeout_s=900.0
    )
    tally = coordinator.run()
    ended = time.perf_counter()
    assert len(tally.made) == len(cases), tally
    note(log, ended=ended)


def make_timed(asked: tuple[WorkOptions, Path]) -> CaseWorker:
    """The worker of a cohort, that notes when it loaded its model and when it worked on frames."""
    options, log = asked
    plain = cohort_work.segment_found

    def timed(*given: Any) -> None:
        begun, work_s = time.perf_counter(), time.process_time()
        plain(*given)
        ended = time.perf_counter()
        frames = given[5].frame_count
        note(log, begun=begun, done=ended, work_s=time.process_time() - work_s, frames=frames, peak_mb=peak_mb())

    cohort_work.segment_found = timed  # type: ignore[assignment]
    begun = time.perf_counter()
    worker = make_worker(options)
    note(log, load_s=time.perf_counter() - begun)
    return worker


def note(log: Path, **told: Any) -> None:
    """A line; short ones are added whole, also by several processes."""
    with log.open("a") as file:
        file.write(json.dumps({"pid": os.getpid(), **told}) + "\n")


def pool_of(kind: str, asked: tuple[WorkOptions, Path], workers: int) -> Pool:
    """Processes of this machine, or tasks of the cluster at an address; each finds the worker by its module's name."""
    from tests.benchmarks import cohort

    if kind == PROCESSES:
        return Processes(cohort.make_timed, asked, workers, at_once=True)
    from octseg.cohort.on_ray import RayTasks

    return RayTasks(kind, cohort.make_timed, asked, asked[0].root, workers, 0)


def summed(lines: Sequence[dict[str, Any]], out_mb: float) -> dict[str, Any]:
    """What a side took. span_s: from the first case's begin to the last one's place. busy_s: on frames, of all."""
    cases = [line for line in lines if "begun" in line]
    loads = Counter(line["pid"] for line in lines if "load_s" in line)
    [ended] = [line["ended"] for line in lines if "ended" in line]
    return {
        "at_work": _rate_at_work(cases),
        "span_s": ended - min(line["begun"] for line in cases),
        "busy_s": sum(line["done"] - line["begun"] for line in cases),
        "ms": 1e3 * sum(line["work_s"] for line in cases) / sum(line["frames"] for line in cases),
        "frames": sum(line["frames"] for line in cases),
        "peak_mb": max(line["peak_mb"] for line in cases),
        "loads": sorted(loads.values()),
        "workers": len(loads),
        "load_s": max(line["load_s"] for line in lines if "load_s" in line),
        "out_mb": out_mb,
    }


def _rate_at_work(cases: Sequence[dict[str, Any]]) -> float:
    """Frames a second while all workers have a case, each case's frames evenly over its time."""
    of_workers: dict[int, list[dict[str, Any]]] = {}
    for case in cases:
        of_workers.setdefault(case["pid"], []).append(case)
    first = max(min(case["begun"] for case in own) for own in of_workers.values())
    last = min(max(case["done"] for case in own) for own in of_workers.values())
    frames = 0.0
    for case in cases:
        inside = max(0.0, min(case["done"], last) - max(case["begun"], first))
        frames += case["frames"] * inside / (case["done"] - case["begun"])
    return frames / (last - first) if last > first else float("nan")


def report(taken: dict[Side, list[dict[str, Any]]]) -> None:
    """A line a side; ratios to one worker are of the same round."""
    first = next(iter(taken.values()))
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for side, runs in taken.items():
        times = median([one["span_s"] / each["span_s"] for one, each in zip(first, runs, strict=True)])
        rate = median([each["frames"] / each["span_s"] for each in runs])
        steady = median([each["at_work"] for each in runs])
        faster = median([each["at_work"] / one["at_work"] for one, each in zip(first, runs, strict=True)])
        work = median([each["ms"] for each in runs])
        lost = median([100 * (1 - each["busy_s"] / each["span_s"] / side.workers) for each in runs])
        loads = sorted({count for each in runs for count in each["loads"]})
        load, peak = median([each["load_s"] for each in runs]), max(each["peak_mb"] for each in runs)
        ideal = median([one["ms"] * side.workers / each["ms"] for one, each in zip(first, runs, strict=True)])
        cells = [side.name, f"{rate:.2f}", f"{times:.2f}", f"{steady:.2f}", f"{faster:.2f}", f"{work:.0f}"]
        cells += [f"{ideal:.2f}", f"{lost:.2f}", ", ".join(map(str, loads)), f"{load:.1f}", f"{peak:.0f}"]
        print(f"| {' | '.join([*cells, format(runs[0]['out_mb'], '.0f')])} |")
    print(
        f"\nAims: {AIMS['times']} times with two; under {AIMS['overhead_percent']:g} % of one worker's time for the "
        f"protocol; under {AIMS['peak_mb']:.0f} MB a worker; one load a worker."
    )


def median(values: Sequence[float]) -> float:
    """The middle one, or between both."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


if __name__ == "__main__":
    main()
