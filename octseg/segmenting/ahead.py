"""Work that runs ahead of whoever waits for it: a stage in a thread of its own, a few items before the next stage."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
AHEAD = 3  # items between two stages
LOOK_S = 0.1  # how often a stage that waits for room looks whether it is to stop


class _End:
    """After the last item; error: what ended the stage, None where it came to its end."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item], most: int = AHEAD) -> Generator[Item, None, None]:
    """The items in their order, made in a thread that is at most so many ahead.

    What is raised there is raised here, after the items before it. Closed early, the thread ends and `items` is closed
    in it before this returns.
    """
    made: queue.Queue[Item | _End] = queue.Queue(most)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(made, items, stop), name="octseg stage", daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _fill(made: "queue.Queue[Item | _End]", items: Iterable[Item], stop: threading.Event) -> None:
    """Put items into the queue until they end or `stop` is set."""
    error: BaseException | None = None
    iterator: Iterator[Item] = iter(items)
    try:
        for item in iterator:
            if not _put(made, item, stop):
                break
    except BaseException as raised:  # whatever it is, it belongs to whoever waits for the items
        error = raised
    finally:
        if isinstance(iterator, Generator):
            try:
                iterator.close()
            except BaseException as raised:  # the same
                error = error or raised
        _put(made, _End(error), stop)


def _put(made: "queue.Queue[Item | _End]", item: Item | _End, stop: threading.Event) -> bool:
    """Whether there was room for an item before `stop` was set."""
    while not stop.is_set():
        try:
            made.put(item, timeout=LOOK_S)
        except queue.Full:
            continue
        return True
    return False
