"""Children that a test stops by SIGINT, as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeding_sigint() -> Iterator[None]:
    """A program that is started inside heeds SIGINT, also where the tests were started with it ignored.

    So they are by `make test &` in a script and by many a scheduler, and what is ignored stays so in another program. A
    handler does not: in its place comes the default. From the main thread.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
