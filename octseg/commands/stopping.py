"""What ends a command early: Ctrl-C, what a scheduler sends before it ends a job, and a reader who leaves (`| head`).

Slurm sends what --signal names, most often SIGUSR1, and then SIGTERM; Grid Engine SIGUSR1, SIGUSR2 and SIGXCPU; LSF
SIGUSR2; PBS and Kubernetes SIGTERM; a terminal that is closed SIGHUP. All but SIGTERM and SIGINT mean nothing where
whoever started the command had them ignored, as `nohup` does with SIGHUP.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO, TypeVar

Made = TypeVar("Made")

STOPPED_STATUS, UNREAD_STATUS = 130, 1
AGAIN_S = 0.02  # until a signal comes again, whose interrupt came where Python passes over errors
ALWAYS = (signal.SIGINT, signal.SIGTERM)
UNLESS_IGNORED = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")  # a system without one of them does without


def stop_signals() -> list[signal.Signals]:
    """Those that this process is to heed."""
    there = [signal.Signals[name] for name in UNLESS_IGNORED if hasattr(signal, name)]
    return [*ALWAYS, *(each for each in there if signal.getsignal(each) is not signal.SIG_IGN)]


class _Holding:
    """Whether a signal is to wait, and the one that does."""

    on = False
    waiting: KeyboardInterrupt | None = None

    def interrupt(self, by: KeyboardInterrupt) -> None:
        """Raise it, or keep it; a second one is raised whatever is going on."""
        if not self.on or self.waiting is not None:
            raise by
        self.waiting = by


_HOLDING = _Holding()  # of the process, as its signals are


@contextmanager
def held() -> Iterator[None]:
    """What is done in it is not interrupted by a first signal, which is raised behind it."""
    _HOLDING.on, _HOLDING.waiting = True, None
    try:
        yield
    finally:
        _HOLDING.on = False
    if _HOLDING.waiting is not None:
        raise _HOLDING.waiting


def finished(results: Generator[Made, None, None], interrupt: KeyboardInterrupt) -> Iterator[Made]:
    """What a generator of results that stops at an interrupt has finished, as Segmenter.segment_pullback's does."""
    try:
        result = results.throw(interrupt)
        while True:
            yield result
            result = next(results)
    except (KeyboardInterrupt, StopIteration):
        return


def until_stopped(command: Callable[[], int], name: str, advice: str) -> int:
    """The exit status of a command that runs to its end, or until a signal stops it: then a line on stderr says so.

    The first is enough: while what is done is put in place, only Ctrl-C interrupts that. So does a line where what is
    printed is no longer read.
    """
    heeded = stop_signals()

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in heeded:
            if each != signal.SIGINT:
                signal.signal(each, signal.SIG_IGN)
        _HOLDING.interrupt(KeyboardInterrupt(signal.Signals(number).name))

    def stop_by_hand(_number: int, _frame: FrameType | None) -> None:
        _HOLDING.interrupt(KeyboardInterrupt())

    def heed(each: signal.Signals) -> None:
        signal.signal(each, stop_by_hand if each == signal.SIGINT else stop)

    def swallowed(told: "sys.UnraisableHookArgs") -> None:
        """What Python does with an error of a finaliser or a weak reference's callback: an interrupt comes again."""
        if not isinstance(told.exc_value, KeyboardInterrupt):
            hook_before(told)
            return
        number = signal.Signals[told.exc_value.args[0]] if told.exc_value.args else signal.SIGINT
        heed(number)
        again = threading.Timer(AGAIN_S, _send, (number,))
        again.daemon = True
        again.start()

    for each in heeded:
        heed(each)
    hook_before, sys.unraisablehook = sys.unraisablehook, swallowed
    try:
        return _while_read(command, name)
    except KeyboardInterrupt as interrupt:
        by = f" by {interrupt.args[0]}" if interrupt.args else ""  # Ctrl-C, which needs no name
        print(f"{name}: stopped{by}; {advice}", file=sys.stderr)
        return STOPPED_STATUS
    finally:
        sys.unraisablehook = hook_before


def _send(number: signal.Signals) -> None:
    """Send this process a signal, which os.kill does not on Windows: there it ends the process at once."""
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)


def _while_read(command: Callable[[], int], name: str) -> int:
    """The exit status of a command, or that of one whose output nobody reads, as in `octseg predict ... | head`."""
    try:
        status = command()
        if sys.stdout is not None:
            sys.stdout.flush()  # a short output waits here, and may find nobody there
    except BrokenPipeError:
        with suppress(BrokenPipeError):  # where stderr goes the same way
            print(f"{name}: stopped: what is printed is no longer read", file=sys.stderr)
        return UNREAD_STATUS
    finally:
        _let_go(sys.stdout)
        _let_go(sys.stderr)
    return status


def _let_go(stream: TextIO | None) -> None:
    """Print what waits, or drop it where nobody reads it: Python would complain of it at its end.

    stream: None where it was closed before the command began, as by a service.
    """
    if stream is None:
        return
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
