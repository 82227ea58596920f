"""What a benchmark says of the machine, and what a command takes in a process of its own. Linux only."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
POLL_S = 0.005
FIRST = "*_overlay.png"  # the first file of that name in the folder of results says that start-up is over


@dataclass(frozen=True)
class Taken:
    """What a command took from its first frame on, seconds; start_s is all before that, work_s processor time.

    peak_mb: most memory that its process held. code: its exit status. said: what it printed, errors behind the rest.
    """

    start_s: float
    wall_s: float
    work_s: float
    peak_mb: float
    code: int
    said: str


def watched(command: Sequence[object], out: Path, root: Path = ROOT, limit_s: float = float("inf")) -> Taken:
    """Run a command of the checkout in `root` that writes to the folder `out`, and look from outside what it takes.

    Processor time is that of the process with all of its children. It is ended where it takes longer than limit_s.
    """
    environment = {**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1"}
    environment.pop("OMP_NUM_THREADS", None)
    said = out.with_name(f"{out.name}.said")
    with said.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), cwd=root, env=environment, stdout=file, stderr=file)
        first_s, first_work_s, peak_kb = 0.0, 0.0, 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not first_s and next(out.glob(FIRST), None) is not None:
                first_s, first_work_s = time.perf_counter() - began, _work_s(process.pid)
            peak_kb = max(peak_kb, _peak_kb(process.pid))
            if time.perf_counter() - began > limit_s:
                process.kill()
            time.sleep(POLL_S if not first_s else 10 * POLL_S)
        whole_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    work_s = usage.ru_utime + usage.ru_stime - first_work_s
    text = said.read_text(errors="replace")
    said.unlink()
    return Taken(first_s, whole_s - first_s, work_s, peak_kb / 1024, process.returncode, text)


def _work_s(pid: int) -> float:
    """Processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICKS


def _peak_kb(pid: int) -> int:
    """What getrusage tells of a child begins with what its parent held, so this looks by itself."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def peak_mb() -> float:
    """Most memory that this process has held."""
    return _peak_kb(os.getpid()) / 1024


def processor() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def machine() -> str:
    """Processor, cores that this process may use, load, Python."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{processor()}, {cores} cores, load {load:.1f}; Python {sys.version.split()[0]}"


def size_mb(path: Path) -> float:
    """Of a file, or of a folder with all in it."""
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6
