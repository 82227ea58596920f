"""Work done in threads beside the caller's, its results taken in the order in which it was given."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Ordered(Generic[Made]):
    """A few threads that work, and hand what they made to `take`, one at a time and in order.

    The first error, of the work or of `take`, ends it: nothing is taken any more, and who gives or waits next gets it.
    """

    def __init__(self, take: Callable[[Made], None], *, threads: int, waiting: int) -> None:
        """waiting: how much work may be under way before `give` waits."""
        self._take = take
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="octseg-write")
        self._room = threading.BoundedSemaphore(waiting)
        self._changed = threading.Condition()
        self._made: dict[int, Made] = {}
        self._given = self._taken = self._ended = 0
        self._error: BaseException | None = None

    def give(self, work: Callable[[], Made]) -> None:
        """Have it done; waits while too much is under way."""
        self._raise()
        self._room.acquire()
        number = self._given
        self._given += 1
        try:
            self._pool.submit(self._do, number, work)
        except BaseException:
            self._room.release()
            raise

    def wait(self) -> None:
        """Until all that was given is taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended == self._given)
        self._raise()

    def close(self) -> None:
        """End the threads when all that was given is done, whatever came of it."""
        self._pool.shutdown()

    def _do(self, number: int, work: Callable[[], Made]) -> None:
        try:
            made = None if self._error else (work(),)
        except BaseException as error:  # told where it can be told: in the thread that gives or waits
            made = None
            self._fail(error)
        self._room.release()
        with self._changed:
            if made is not None:
                self._made[number] = made[0]
            self._take_in_turn()
            self._ended += 1
            self._changed.notify_all()

    def _take_in_turn(self) -> None:
        try:
            while self._error is None and self._taken in self._made:
                self._take(self._made.pop(self._taken))
                self._taken += 1
        except BaseException as error:  # as above
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
