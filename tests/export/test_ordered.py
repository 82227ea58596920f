"""Threads that work beside the caller: order kept, errors brought to whoever gives or waits next."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from octseg.export.ordered import Ordered


@contextmanager
def working(take: Callable[[int], None]) -> Iterator[Ordered[int]]:
    ordered = Ordered(take, threads=2, waiting=3)
    try:
        yield ordered
    finally:
        ordered.close()


def test_what_is_made_is_taken_in_the_order_given_however_long_each_takes() -> None:
    taken: list[int] = []
    second_is_made = threading.Event()

    def slow() -> int:
        assert second_is_made.wait(30)
        return 0

    def quick() -> int:
        second_is_made.set()
        return 1

    with working(taken.append) as ordered:
        ordered.give(slow)
        ordered.give(quick)
        for number in range(2, 50):
            ordered.give(lambda number=number: number)  # type: ignore[misc]
        ordered.wait()
    assert taken == list(range(50))


def test_no_more_is_under_way_than_may_wait() -> None:
    go, started = threading.Event(), []

    def held(number: int) -> int:
        started.append(number)
        assert go.wait(30)
        return number

    with working(lambda _: None) as ordered:
        for number in range(3):
            ordered.give(lambda number=number: held(number))  # type: ignore[misc]
        fourth = threading.Thread(target=lambda: ordered.give(lambda: held(3)))
        fourth.start()
        fourth.join(0.2)
        assert fourth.is_alive()
        assert len(started) == 2
        go.set()
        fourth.join(30)
        ordered.wait()
    assert sorted(started) == [0, 1, 2, 3]


@pytest.mark.parametrize("fails", ["the work", "what takes it"])
def test_the_first_error_is_raised_where_more_is_given_and_nothing_behind_it_is_taken(fails: str) -> None:
    taken: list[int] = []

    def work(number: int) -> int:
        if fails == "the work" and number >= 2:
            raise OSError(number, "no room")
        return number

    def take(number: int) -> None:
        if fails == "what takes it" and number >= 2:
            raise OSError(number, "no room")
        taken.append(number)

    def give_all(ordered: Ordered[int]) -> None:
        for number in range(100):
            ordered.give(lambda number=number: work(number))  # type: ignore[misc]
        ordered.wait()

    with working(take) as ordered, pytest.raises(OSError, match="no room"):
        give_all(ordered)
    assert taken == [0, 1]
