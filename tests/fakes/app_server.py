"""The real app in a process of its own, on a free port of this machine, for tests over real HTTP."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from octseg.inference.kept import FOLDER as KEPT_IN
from tests.fakes.forking import Forked, start_python, stop

ROOT = Path(__file__).parents[2]
START_SECONDS = 240


@dataclass(frozen=True)
class App:
    """A running app: its address, its process, and the folder that was its TMPDIR when it started."""

    url: str
    port: int
    process: Forked | subprocess.Popen[bytes]
    tmp: Path

    @property
    def visitors(self) -> Path:
        """Where it keeps what visitors send and get."""
        (private,) = self.tmp.glob("octseg-page-*")
        return private / "visitors"

    def visitor_files(self) -> list[Path]:
        """The server may delete folders meanwhile, which `os.walk` passes over."""
        return [Path(folder) / name for folder, _, names in os.walk(self.visitors) for name in names]


@contextmanager
def running_app(
    tmp: Path, folder: Path = ROOT, python: str = "", port: int | None = None, **environment: str
) -> Iterator[App]:
    """Start app.py of `folder` with `environment`, wait until it answers, stop it as Ctrl-C would.

    python: an interpreter that starts anew; without one the process is forked from one that has imported the library.
    port: that of a server that was there before.
    """
    port = free_port() if port is None else port
    ours = ("OCTSEG_", "GRADIO_")
    own = {name: value for name, value in os.environ.items() if name == KEPT_IN or not name.startswith(ours)}
    given = own | {"TMPDIR": str(tmp), "GRADIO_SERVER_PORT": str(port), **environment}
    log, script = tmp / "app.log", str(folder / "app.py")
    with log.open("ab") as stream:
        process = (
            subprocess.Popen([python, script], env=given, stdout=stream, stderr=stream, cwd=folder)
            if python
            else start_python([script], given, stdout=log, stderr=log)
        )
    app = App(f"http://127.0.0.1:{port}", port, process, tmp)
    try:
        wait_until_it_answers(app)
        yield app
    finally:
        stop(process)


def wait_until_it_answers(app: App) -> None:
    deadline = time.monotonic() + START_SECONDS
    while app.process.poll() is None and time.monotonic() < deadline:
        if answers(app):
            return
        time.sleep(0.1)
    raise AssertionError(f"the app did not start:\n{(app.tmp / 'app.log').read_text()}")


def answers(app: App) -> bool:
    try:
        urllib.request.urlopen(f"{app.url}/config", timeout=5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
