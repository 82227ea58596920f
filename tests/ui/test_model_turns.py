"""Who runs the model next."""

import threading

import pytest

from octseg.ui.model_turns import BusyError, ModelTurns

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
