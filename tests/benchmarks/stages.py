"""What each stage of `octseg predict` takes: `python -m tests.benchmarks.stages INPUT... --out DIR [other flags]`.

Runs the command itself, its functions wrapped by clocks of their own thread's processor time, a few calls a frame; of
stages within stages each counts for itself. The network works in threads of its own, whose time the system tells. The
last line printed is JSON: processor ms a frame of each stage, of all, and looks a frame. What no stage counts is taken
from the second frame on: before that packages are loaded.
"""

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.machine import TICKS, Taken, watched

NETWORK, OTHER_THREADS, REST = "network", "OpenCV's own threads", "all else"
LOOK = "a look"


class Clocks:
    """Processor time by stage, of whatever thread is at work."""

    def __init__(self) -> None:
        self.taken_s: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._within = threading.local()
        self._lock = threading.Lock()

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time counted as that of a stage, and not as that of the stage that calls it."""

        def counted(*arguments: Any, **options: Any) -> Any:
            outer = getattr(self._within, "inner_s", 0.0)
            self._within.inner_s = 0.0
            began = time.thread_time()
            try:
                return work(*arguments, **options)
            finally:
                whole = time.thread_time() - began
                with self._lock:
                    self.taken_s[stage] += whole - self._within.inner_s
                    self.calls[stage] += 1
                self._within.inner_s = outer + whole

        return counted

    def iterated(self, stage: str, items: Iterator[Any]) -> Iterator[Any]:
        """The same items, the time of making each counted."""
        following = self.timed(stage, lambda: next(items, self))
        try:
            while (item := following()) is not self:
                yield item
        finally:
            closing = getattr(items, "close", None)
            if closing is not None:
                closing()


def threads() -> dict[int, float]:
    """Processor time of each thread of this process, s."""
    taken = {}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        taken[int(task.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return taken


class Begun:
    """How things stood when the model was loaded and had made all of its threads."""

    def __init__(self) -> None:
        self.network_threads: set[int] = set()
        self.thread_s: dict[int, float] = {}


def wrapped(clocks: Clocks, begun: Begun) -> None:
    """Put clocks around what a frame goes through."""
    import octseg.export.run as run
    import octseg.pipeline.frames as frames
    import octseg.segmenter as segmenter
    from octseg.result import FrameResult

    places: tuple[tuple[Any, str, str], ...] = (
        (frames.AlongPullback, "view", "view"),
        (frames, "scale_in", "view"),
        (segmenter, "to_input", "view"),
        (segmenter, "second_view", "view"),
        (segmenter.Segmenter, "_probability", "back to the frame"),
        (segmenter, "decode", "outlines"),
        (frames.Seen, "measured", "measures"),
        (segmenter, "_why_withdrawn", "withdrawal check"),
        (run, "mask_png", "mask as PNG"),
        (FrameResult, "drawn", "overlay drawn"),
        (run, "overlay_png", "overlay as PNG"),
        (run, "write_file", "files written"),
        (FrameResult, "to_record", "records and tables"),
        (run.RunWriter, "_written", "records and tables"),
        (run.RunWriter, "_add", "records and tables"),
    )
    for owner, name, stage in places:
        setattr(owner, name, clocks.timed(stage, getattr(owner, name)))
    numbered, choose = segmenter.numbered, segmenter.choose_backend
    segmenter.numbered = lambda first, others, number: numbered(first, clocks.iterated("decode", others), number)

    def chosen(checkpoint: Any, *where: str) -> Any:
        """The backend, once it has made all of its threads."""
        backend, before = choose(checkpoint, *where), set(threads())
        shape = checkpoint.config.preprocessing.size
        first = [backend.begin(np.zeros((1, *shape), np.uint8)) for _ in range(backend.at_once)]
        for wait in first:
            wait()
        begun.thread_s = threads()
        begun.network_threads = set(begun.thread_s) - before

        def begin(inputs: Any) -> Callable[[], Any]:
            return clocks.timed(NETWORK, waiting(inputs))

        waiting = clocks.timed(LOOK, backend.begin)
        backend.begin = begin
        return backend

    segmenter.choose_backend = chosen


def run_stages(arguments: Sequence[object], out: Path) -> tuple[Taken, dict[str, Any]]:
    """What a run in a process of its own took, and what its stages did."""
    taken = watched([sys.executable, "-m", "tests.benchmarks.stages", *arguments, "--out", out], out)
    if taken.code:
        sys.exit(taken.said)
    line = next(each for each in taken.said.splitlines() if each.startswith('{"stages"'))
    return taken, json.loads(line)


def main() -> int:
    """Run the command, then say what was taken."""
    clocks, begun, count = Clocks(), Begun(), 0
    import octseg.export.run as run
    from octseg.cli import main as command

    wrapped(clocks, begun)
    add = run.RunWriter._add
    at_first: tuple[float, float, dict[int, float]] = (0.0, 0.0, {})

    def added(writer: Any, line: Any) -> None:
        nonlocal count, at_first
        add(writer, line)
        count += 1
        if count == 1:
            at_first = time.process_time(), sum(clocks.taken_s.values()), threads()

    run.RunWriter._add = added  # type: ignore[method-assign]
    code = command(["predict", *sys.argv[1:]])
    if count < 2:
        return code or 1
    ended, python = threads(), {thread.native_id for thread in threading.enumerate()}
    others = set(ended) - python - begun.network_threads
    whole_s = time.process_time() - at_first[0]
    others_s = since(at_first[2], ended, others)
    known_s = sum(clocks.taken_s.values()) - at_first[1] + since(at_first[2], ended, begun.network_threads) + others_s
    stages = dict(clocks.taken_s)
    in_its_threads = since(begun.thread_s, ended, begun.network_threads)
    stages[NETWORK] = stages.get(NETWORK, 0.0) + stages.pop(LOOK, 0.0) + in_its_threads
    a_frame = {stage: 1e3 * taken / count for stage, taken in stages.items()}
    a_frame |= {OTHER_THREADS: 1e3 * others_s / (count - 1), REST: 1e3 * (whole_s - known_s) / (count - 1)}
    looks = clocks.calls[LOOK] / count
    print(json.dumps({"stages": a_frame, "looks": looks, "work_ms": sum(a_frame.values())}))
    return code


def since(begun: Mapping[int, float], ended: Mapping[int, float], of: set[int]) -> float:
    """Processor time of threads from one look at them to another, s."""
    return sum(taken - begun.get(task, 0.0) for task, taken in ended.items() if task in of)


if __name__ == "__main__":
    sys.exit(main())
