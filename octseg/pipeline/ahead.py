"""What is done to one frame after the other, in threads that work ahead of each other a few frames.

OpenCV, OpenVINO, NumPy and zlib let other threads run while they work, so a chain of these uses all cores. Order is
kept, memory is bounded, an error is raised where its frame would have been taken, and closing the last of a chain ends
all of its threads.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

ROOM = 2  # items that wait between two threads
LAST_S = 1.0  # that is waited for an item in the making, where no more are wanted


class _Channel(Generic[Item]):
    """Items on their way from the thread that makes them to the one that takes them, in order."""

    def __init__(self, room: int) -> None:
        self._queue: Queue[tuple[list[Item], BaseException | None]] = Queue(room)
        self._closed = threading.Event()

    def fill(self, source: Iterable[Item]) -> None:
        """Hand over all items of a source, until nobody takes them; the source is closed, an error handed over."""
        error = None
        items = iter(source)
        try:
            while not self._closed.is_set():
                self._queue.put(([next(items)], None))
        except StopIteration:
            pass
        except BaseException as raised:  # whatever it is, whoever takes the items is to meet it
            error = raised
        finally:
            close(items)
            self._queue.put(([], error))

    def next(self) -> Item:
        """The next item when it comes; what was raised while it was made is raised in its place."""
        items, error = self._queue.get()
        if error is not None:
            raise error
        if not items:
            raise StopIteration
        return items[0]

    def made(self) -> Iterator[Item]:
        """The last items: those that wait, and the one in the making if it comes soon."""
        self._closed.set()
        until = time.monotonic() + LAST_S
        with suppress(Empty):
            while True:
                items, error = self._queue.get(timeout=max(0.0, until - time.monotonic()))
                if error is not None or not items:
                    return
                yield items[0]

    def close(self, filling: threading.Thread) -> None:
        """Take nothing any more, and wait until nothing is made."""
        self._closed.set()
        while filling.is_alive():
            with suppress(Empty):
                self._queue.get(timeout=0.01)


class Ahead(Iterator[Item]):
    """The items of a source in their order, made in a thread of their own up to `room` before they are taken.

    Nothing is made before the first is asked for. Where this is closed the source is closed too, by its thread.
    """

    def __init__(self, source: Iterable[Item], room: int = ROOM) -> None:
        self._channel = _Channel[Item](room)
        self._filling = threading.Thread(target=self._channel.fill, args=(source,), daemon=True)
        self._source: Iterable[Item] | None = source  # until it has a thread that closes it
        self._is_closed = False

    def __iter__(self) -> "Ahead[Item]":
        return self

    def __next__(self) -> Item:
        if self._is_closed:
            raise StopIteration
        if self._source is not None:
            self._source = None
            self._filling.start()
        try:
            return self._channel.next()
        except Exception:
            self.close()
            raise

    def __del__(self) -> None:
        self.close()

    def made(self) -> Iterator[Item]:
        """What is made already, with the one in the making, and no more."""
        return self._channel.made()

    def close(self) -> None:
        """Make nothing any more."""
        self._is_closed = True
        if self._source is not None:
            close(self._source)
            self._source = None
        elif self._filling is not threading.current_thread():  # as where memory is tidied up there
            self._channel.close(self._filling)


def each(source: Iterable[Item], work: Callable[[Item], Made]) -> Generator[Made, None, None]:
    """What `work` makes of each item; a source that can be closed is closed at the end, however that comes."""
    try:
        for item in source:
            yield work(item)
    finally:
        close(source)


def close(source: object) -> None:
    """Close what can be closed."""
    closing = getattr(source, "close", None)
    if closing is not None:
        closing()
