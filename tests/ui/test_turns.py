"""Whose wish a page ends with, whatever the order in which things arrive and are finished. No server."""

import asyncio
from pathlib import Path

import pytest

from octseg.ui.turns import REMEMBERED, Pages, Turns, Wish
from tests.fakes.loops import run_alone


def wish(name: str, otherwise: Wish | None = None) -> Wish:
    return Wish(file=Path(name), uncertainty=False, otherwise=otherwise)


async def is_newest(turns: Turns, one: Wish) -> bool:
    async with turns.speaking(one) as newest:
        return newest


def test_of_two_wishes_the_later_is_met_once_and_the_earlier_is_not_shown() -> None:
    async def page() -> None:
        turns, first, second = Turns(), wish("first"), wish("second")
        await turns.ask(first, 1)
        assert turns.take() is first
        await turns.ask(second, 2)
        assert not await is_newest(turns, first)
        assert (turns.take(), turns.take()) == (second, None)
        assert await is_newest(turns, second)

    run_alone(page())


def test_what_was_asked_earlier_and_arrives_later_changes_nothing() -> None:
    async def page() -> None:
        turns, second = Turns(), wish("second")
        assert await turns.ask(second, 2)
        assert not await turns.ask(wish("first"), 1)
        assert turns.take() is second

    run_alone(page())


def test_a_page_that_is_cleared_wishes_for_nothing() -> None:
    async def page() -> None:
        turns, one = Turns(), wish("one")
        await turns.ask(one, 1)
        await turns.ask(None, 2)
        assert turns.take() is None
        assert not await is_newest(turns, one)

    run_alone(page())


def test_a_newer_wish_waits_until_what_is_being_said_has_been_said() -> None:
    async def page() -> None:
        turns, one, order = Turns(), wish("one"), []
        await turns.ask(one, 1)

        async def newer() -> None:
            await turns.ask(wish("two"), 2)
            order.append("noted")

        async with turns.speaking(one) as newest:
            asking = asyncio.ensure_future(newer())
            await asyncio.sleep(0)
            assert newest
            order.append("said")
        await asking
        assert order == ["said", "noted"]

    run_alone(page())


@pytest.mark.parametrize("stands", [True, False])
def test_a_wish_that_cannot_be_met_gives_way_to_the_one_before(stands: bool) -> None:
    async def page() -> None:
        turns, one = Turns(), wish("one")
        await turns.ask(one, 1)
        turns.take()
        turns.shown = one if stands else None
        two = wish("one", otherwise=turns.same_frame(Path("one")))
        await turns.ask(two, 2, keep=stands)
        assert turns.take() is two
        assert turns.give_up(two) is (None if stands else one)  # what stands there need not be measured again
        assert await is_newest(turns, one)

    run_alone(page())


def test_another_file_is_another_frame() -> None:
    async def page() -> None:
        turns = Turns()
        await turns.ask(wish("one"), 1)
        assert turns.same_frame(Path("one")) is turns.newest
        assert turns.same_frame(Path("two")) is None

    run_alone(page())


def test_each_page_has_its_own_turns_and_the_longest_idle_is_forgotten() -> None:
    pages = Pages()
    first, second = pages["first"], pages["second"]
    assert first is not second
    for number in range(REMEMBERED - 1):
        assert pages["first"] is first
        pages[str(number)]
    assert pages["second"] is not second
