"""Who may run the model now: single frames before frames of pullbacks, so that a pullback holds up nobody."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from octseg.errors import OctsegError


class BusyError(OctsegError):
    """Too many frames are waiting for the model."""


class ModelTurns:
    """So many turns at a time; all of it may be asked from several threads."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self.single_waiting = 0
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
        yield from self._taken()

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
