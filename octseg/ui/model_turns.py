"""Who may run the model now: single frames before frames of pullbacks, so that a pullback holds up nobody.

Of pullbacks themselves so many are under way, and the others wait in the order in which they came.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from octseg.errors import OctsegError

FIRST_GUESS_S, WEIGHT_OF_LAST = 0.3, 0.1  # of what a turn takes
LOOK_S = 0.5


class BusyError(OctsegError):
    """Too many frames are waiting for the model."""


class ModelTurns:
    """So many turns at a time; all of it may be asked from several threads.

    seconds: that a single frame's turn took of late. single_waiting: frames by themselves that wait for one.
    """

    def __init__(self, at_once: int) -> None:
        self.at_once = self._free = at_once
        self.single_waiting, self.seconds = 0, FIRST_GUESS_S
        self._changed = threading.Condition()

    @contextmanager
    def single(self, wait_seconds: float) -> Iterator[None]:
        """A turn for a frame by itself; BusyError where none came up in time."""
        with self._changed:
            self.single_waiting += 1
            try:
                if not self._changed.wait_for(lambda: self._free > 0, wait_seconds):
                    raise BusyError("the server is busy with other frames; try again in a minute")
                self._free -= 1
            finally:
                self.single_waiting -= 1
                self._changed.notify_all()
        began = time.monotonic()
        yield from self._taken()
        self.seconds += (time.monotonic() - began - self.seconds) * WEIGHT_OF_LAST

    @contextmanager
    def in_between(self) -> Iterator[None]:
        """A turn for one frame of a pullback, when no single frame waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 and not self.single_waiting)
            self._free -= 1
        yield from self._taken()

    def _taken(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()


class Line:
    """Pullbacks in the order in which they came; the first so many of them are under way.

    most: that may wait besides.
    """

    def __init__(self, at_once: int, most: int) -> None:
        self._at_once, self._most = at_once, most
        self._line: list[object] = []
        self._moved = threading.Condition()

    def check_room(self) -> None:
        """BusyError where too many wait already."""
        if len(self._line) - self._at_once >= self._most:
            raise BusyError(
                f"as many pullbacks wait already as this server takes, {self._most}; try again in some minutes"
            )

    @contextmanager
    def place(self, told: Callable[[int], None], given_up: threading.Event) -> Iterator[None]:
        """A place under way, once it comes up; `told` hears how many go before, whenever that changes.

        It comes up at once for who has given up, so that nobody waits for nothing.
        """
        me, before = object(), -1
        with self._moved:
            self._line.append(me)
        try:
            while not given_up.is_set():
                with self._moved:
                    now = max(0, self._line.index(me) - self._at_once + 1)
                    if now == before and now:
                        self._moved.wait(LOOK_S)
                if now != before:
                    told(now)
                if now == 0:
                    break
                before = now
            yield
        finally:
            with self._moved:
                self._line.remove(me)
                self._moved.notify_all()
