"""Processes forked from one that has imported the library once; nothing in it may import huggingface_hub.

The server that forks is one for the whole test process, and so is what it imports beforehand.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    [
        "tests.fakes.gradio_stubs",
        "octseg.pretrained",
        # what the app, a training, the client of the Hub and test modules import besides
        *("fastapi", "httpx2", "matplotlib.pyplot", "pandas", "pyarrow.dataset", "pytest"),
        *("scipy.signal", "torch.distributed.tensor"),
    ]
)


@dataclass(frozen=True)
class Forked:
    """A process, with what tests need of subprocess.Popen."""

    process: BaseProcess

    @property
    def pid(self) -> int:
        return self.process.pid or 0  # of none before it is started

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout or 0.0)
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self.process.pid is not None:
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()


def stop(process: "Forked | subprocess.Popen[bytes]") -> None:
    """End a server as whoever runs it would; by force where it does not end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_python(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: str | Path = os.devnull,
    stdout: str | Path = os.devnull,
    stderr: str | Path = os.devnull,
) -> Forked:
    """`python ARGUMENTS` in the checkout, as if it were started anew, but without the seconds that imports take.

    It heeds SIGINT and what schedulers send, whether or not the tests do.
    arguments: "-m" and a module, "-c" and source, or a script, each with its own. The streams are files or terminals.
    What the interpreter itself would read of the environment, such as PYTHONPATH, has no effect.
    """
    given = (list(arguments), dict(environment), [str(stream) for stream in (stdin, stdout, stderr)])
    process = FORKING.Process(target=_python, args=given)
    process.start()
    return Forked(process)


def python(
    arguments: Sequence[str], environment: Mapping[str, str], stdin: str | Path = os.devnull, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """`start_python`, run to its end, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        running = start_python(arguments, environment, stdin, out, err)
        try:
            status = running.wait(timeout)
        finally:
            running.kill()
        return subprocess.CompletedProcess(list(arguments), status, out.read_text(), err.read_text())


def _python(arguments: list[str], environment: dict[str, str], streams: list[str]) -> None:
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0)
    # What the tests ignore, SIGINT in a script's background and SIGHUP under `nohup`, the server that forks does too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    tempfile.tempdir = None  # TMPDIR may be another one now
    try:
        _run(*arguments)
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)


def _run(kind: str, *rest: str) -> None:
    if kind == "-m":
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        main = sys.modules["__main__"] = ModuleType("__main__")
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), vars(main))
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")
