"""Stages in threads: order, bounds, errors and an early end."""

import threading
import time
from collections.abc import Generator

import pytest

from octseg.segmenting.ahead import AHEAD, ahead


def test_the_items_come_in_their_order_through_several_stages() -> None:
    assert list(ahead(number * 2 for number in ahead(iter(range(50))))) == list(range(0, 100, 2))


def test_no_more_is_made_than_the_queue_holds() -> None:
    made = []

    def items() -> Generator[int, None, None]:
        for number in range(100):
            made.append(number)
            yield number

    stage = ahead(items())
    next(stage)
    time.sleep(0.3)
    assert len(made) <= AHEAD + 2  # one handed out, one that waits for room
    stage.close()


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("the third page is damaged")

    stage = ahead(items())
    assert next(stage) == 1
    with pytest.raises(ValueError, match="third page"):
        next(stage)


def test_closed_early_it_leaves_no_thread_and_what_it_read_from_is_closed() -> None:
    closed = []

    def items() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    before = set(threading.enumerate())
    stage = ahead(items())
    next(stage)
    stage.close()
    assert closed == [True]
    assert set(threading.enumerate()) <= before
