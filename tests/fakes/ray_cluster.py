"""A Ray cluster of two nodes on loopback, started as people start one, each node with one core."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.fakes.forking import ROOT

STORE_BYTES = 80_000_000
PATIENCE_S = 120.0


@dataclass
class RayCluster:
    """The head, which stays, and a second node that may be killed and started again.

    addresses: of both. second_in: what stands before a command of the second node.
    """

    port: int
    home: Path
    addresses: tuple[str, str] = ("127.0.0.1", "127.0.0.1")
    second_in: Sequence[str] = ()
    second: list[psutil.Process] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.addresses[0]}:{self.port}"

    def start_head(self, cores: int = 1) -> None:
        flags = ("--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self.home}")
        self._start(*flags, cores=cores, ip=self.addresses[0])

    def start_second(self) -> None:
        before = {each.pid for each in self._of_ray()}
        self._start(f"--address={self.address}", ip=self.addresses[1], within=self.second_in)
        self.second = [each for each in self._of_ray() if each.pid not in before]

    def second_works(self) -> bool:
        """Whether a task of the second node has its process with a model, or is loading it."""
        whole = [child for each in self.second for child in _children(each)]
        return any("spawn_main" in " ".join(_line(each)) for each in whole)

    def kill_second(self) -> None:
        """As a machine that loses its power: all of its processes at once, with those that they started."""
        whole = [*self.second, *(child for each in self.second for child in _children(each))]
        for each in whole:
            _send(each, signal.SIGKILL)

    def stop(self) -> None:
        for each in self._of_ray():
            _send(each, signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def _start(self, *flags: str, ip: str, cores: int = 1, within: Sequence[str] = ()) -> None:
        common = [f"--num-cpus={cores}", f"--node-ip-address={ip}", "--disable-usage-stats"]
        command = [*within, sys.executable, "-m", "ray.scripts.scripts", "start", *flags, *common]
        subprocess.run(
            [*command, f"--object-store-memory={STORE_BYTES}"],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE_S,
        )

    def _of_ray(self) -> list[psutil.Process]:
        """Every process of this cluster: by its folder, or by a parent that has it."""
        named = [each for each in psutil.process_iter() if str(self.home) in " ".join(_line(each))]
        return list({each.pid: each for own in named for each in (own, *_children(own))}.values())


def new_cluster(addresses: tuple[str, str] = ("127.0.0.1", "127.0.0.1"), second_in: Sequence[str] = ()) -> RayCluster:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # its sockets' paths have 107 characters
    return RayCluster(port, home, addresses, second_in)


def ray_workers() -> list[psutil.Process]:
    """Processes in which tasks of Ray run, of any cluster here."""
    return [each for each in psutil.process_iter() if "".join(_line(each)).startswith("ray::_made")]


def until(ready: object, patience_s: float = PATIENCE_S) -> None:
    """Wait until a call gives something true."""
    end = time.monotonic() + patience_s
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)
