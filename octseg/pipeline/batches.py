"""Items by their number and several at once, those before an error handed out first."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from octseg.errors import OctsegError
from octseg.pipeline.ahead import close

Item = TypeVar("Item")


def numbered(first: Item, others: Iterator[Item], number: int) -> Iterator[tuple[int, Item]]:
    """Items with their numbers, the first of which was taken before."""
    try:
        yield number, first
        del first
        yield from enumerate(others, start=number + 1)
    finally:
        close(others)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """So many items at once; those before one that cannot be had are handed out first."""
    batch: list[Item] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) >= size:
                yield batch
                batch = []
    except OctsegError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def next_or_error(items: Iterator[Item]) -> tuple[OctsegError | None, Item | None]:
    """The next item, None where there is none; or why it cannot be had."""
    try:
        return None, next(items, None)
    except OctsegError as error:
        return error, None
