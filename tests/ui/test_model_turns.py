"""Who runs the model next."""

import threading

import pytest

from octseg.ui.model_turns import BusyError, Line, ModelTurns

PATIENCE_S = 30.0


def test_a_single_frame_goes_before_the_next_frame_of_a_pullback() -> None:
    turns, order = ModelTurns(1), []
    asked = threading.Event()

    def single() -> None:
        asked.set()
        with turns.single(PATIENCE_S):
            order.append("single")

    def pullback() -> None:
        with turns.in_between():
            order.append("pullback")

    with turns.in_between():
        first = threading.Thread(target=single)
        first.start()
        asked.wait(PATIENCE_S)
        while not turns.single_waiting:
            pass
        second = threading.Thread(target=pullback)
        second.start()
    first.join(PATIENCE_S)
    second.join(PATIENCE_S)
    assert order == ["single", "pullback"]


def test_who_waits_too_long_is_told_that_the_server_is_busy_and_the_turn_is_not_lost() -> None:
    turns = ModelTurns(1)
    with turns.in_between(), pytest.raises(BusyError, match="busy with other frames"), turns.single(0.01):
        pass
    with turns.single(0.01):
        pass


def test_a_turn_comes_back_after_an_error() -> None:
    turns = ModelTurns(1)
    with pytest.raises(ValueError, match="broken"), turns.single(1.0):
        raise ValueError("broken")
    with turns.in_between():
        pass


def test_pullbacks_wait_in_the_order_in_which_they_came_and_hear_how_many_go_before() -> None:
    line, order = Line(1, 5), []
    told: dict[str, list[int]] = {"second": [], "third": []}
    ended = {name: threading.Event() for name in told}

    def wait(name: str) -> None:
        with line.place(told[name].append, threading.Event()):
            order.append(name)
            ended[name].wait(PATIENCE_S)

    with line.place(lambda before: None, threading.Event()):
        threads = []
        for number, name in enumerate(told, start=1):
            threads.append(threading.Thread(target=wait, args=(name,)))
            threads[-1].start()
            while told[name] != [number]:
                pass
    while told["third"][-1] != 1 or not order:  # who comes next is told so before the other is under way
        pass
    assert order == ["second"]
    for event in ended.values():
        event.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["second", "third"]
    assert told == {"second": [1, 0], "third": [2, 1, 0]}


def test_who_gives_up_leaves_the_line_at_once() -> None:
    line, given_up = Line(1, 1), threading.Event()
    given_up.set()
    refused = pytest.raises(BusyError, match="as many pullbacks wait already as this server takes, 1")
    with line.place(lambda before: None, threading.Event()), line.place(lambda before: None, given_up), refused:
        line.check_room()
    line.check_room()
