import threading
import time
from collections.abc import Iterator

import pytest

from octseg.pipeline import Ahead, each


class Source:
    """Numbers, that knows how many were made, in which threads, and whether it was closed."""

    def __init__(self, count: int, breaks_at: int | None = None) -> None:
        self.count, self.breaks_at = count, breaks_at
        self.made = 0
        self.closed = False
        self.threads = set[int]()

    def numbers(self) -> Iterator[int]:
        try:
            for number in range(self.count):
                if number == self.breaks_at:
                    raise OSError("the disk went away")
                self.made += 1
                self.threads.add(threading.get_ident())
                yield number
        finally:
            self.closed = True


def chain(source: Source) -> Ahead[int]:
    """Three threads, one after the other."""
    return Ahead(each(Ahead(each(Ahead(source.numbers()), lambda n: n + 1)), lambda n: 10 * n))


def test_order_is_kept_and_work_is_done_in_other_threads() -> None:
    before = threading.active_count()
    source = Source(50)
    assert list(chain(source)) == [10 * n + 10 for n in range(50)]
    assert threading.get_ident() not in source.threads
    assert threading.active_count() == before


def test_no_more_is_made_ahead_than_there_is_room_for() -> None:
    source = Source(1000)
    taken = Ahead(source.numbers(), room=2)
    assert [next(taken) for _ in range(3)] == [0, 1, 2]
    time.sleep(0.2)
    assert source.made <= 3 + 2 + 1  # taken, waiting, and one in the maker's hand
    taken.close()


def test_nothing_is_made_before_the_first_is_asked_for() -> None:
    source = Source(3)
    taken = chain(source)
    time.sleep(0.05)
    assert source.made == 0
    assert next(taken) == 10


def test_an_error_comes_after_all_that_was_made_before_it() -> None:
    before = threading.active_count()
    source, got = Source(9, breaks_at=5), []
    with pytest.raises(OSError, match="the disk went away"):
        got.extend(chain(source))
    taken = chain(Source(9, breaks_at=5))
    assert [next(taken) for _ in range(5)] == [10, 20, 30, 40, 50]
    with pytest.raises(OSError, match="the disk went away"):
        next(taken)
    assert threading.active_count() == before


def test_an_error_in_the_middle_of_the_chain_closes_what_comes_before_it() -> None:
    def breaks(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    before = threading.active_count()
    source = Source(1000)
    with pytest.raises(ValueError, match="three"):
        list(Ahead(each(Ahead(source.numbers()), breaks)))
    assert source.closed
    assert source.made < 20
    assert threading.active_count() == before


def test_closing_early_ends_all_threads_and_closes_the_source() -> None:
    before = threading.active_count()
    source = Source(1000)
    taken = chain(source)
    assert next(taken) == 10
    taken.close()
    assert source.closed
    assert source.made < 20
    assert threading.active_count() == before


def test_what_is_made_when_an_interrupt_comes_can_still_be_taken_and_no_more_is_made() -> None:
    source = Source(1000)
    taken = Ahead(source.numbers(), room=2)
    assert next(taken) == 0
    while source.made < 4:  # two wait, and one in the maker's hand
        time.sleep(0.001)
    assert list(taken.made()) == [1, 2, 3]
    time.sleep(0.05)
    assert source.made == 4
    taken.close()
    assert source.closed
    assert list(taken) == []
