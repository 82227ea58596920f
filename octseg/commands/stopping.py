"""Signals that ask a command to stop: Ctrl-C, and what a scheduler sends before it ends a job.

Slurm sends what --signal names, most often SIGUSR1, and then SIGTERM; Grid Engine SIGUSR1, SIGUSR2 and SIGXCPU; LSF
SIGUSR2; PBS and Kubernetes SIGTERM; a terminal that is closed SIGHUP. All but SIGTERM and SIGINT mean nothing where
whoever started the command had them ignored, as `nohup` does with SIGHUP.
"""

import signal
import sys
from collections.abc import Callable
from types import FrameType

STOPPED_STATUS = 130
ALWAYS = (signal.SIGINT, signal.SIGTERM)
UNLESS_IGNORED = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")  # a system without one of them does without


def stop_signals() -> list[signal.Signals]:
    """Those that this process is to heed."""
    there = [signal.Signals[name] for name in UNLESS_IGNORED if hasattr(signal, name)]
    return [*ALWAYS, *(each for each in there if signal.getsignal(each) is not signal.SIG_IGN)]


def until_stopped(command: Callable[[], int], name: str, advice: str) -> int:
    """The exit status of a command that runs to its end, or until one of them stops it: then a line on stderr says so.

    The first is enough: while what is done is put in place, only Ctrl-C interrupts that.
    """
    heeded = stop_signals()

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in heeded:
            if each != signal.SIGINT:
                signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    for each in heeded:
        signal.signal(each, signal.default_int_handler if each == signal.SIGINT else stop)
    try:
        return command()
    except KeyboardInterrupt as interrupt:
        by = f" by {interrupt.args[0]}" if interrupt.args else ""  # Ctrl-C, which needs no name
        print(f"{name}: stopped{by}; {advice}", file=sys.stderr)
        return STOPPED_STATUS
