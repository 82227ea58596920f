"""What is made while it is sent: that its making ends where nobody takes it."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.types import Message

from octseg.errors import OctsegError
from octseg.ui.review.sent import Sent
from tests.fakes.loops import run_alone


@pytest.mark.parametrize("ending", ["gone", "stalled"])
def test_making_ends_where_the_other_side_is_gone_or_takes_nothing_more(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octseg.ui.review.sent.STALLED_S", 0.05)
    ended = threading.Event()

    def pieces() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"piece"
        finally:
            ended.set()

    async def ask() -> None:
        taken = asyncio.Event()

        async def receive() -> Message:
            await (taken.wait() if ending == "gone" else asyncio.Event().wait())
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body"):
                taken.set()
                await (asyncio.sleep(0) if ending == "gone" else asyncio.Event().wait())

        with ThreadPoolExecutor(1) as threads:
            making = pieces()
            await Sent(next(making), making, threads, {})({"type": "http"}, receive, send)
            assert await asyncio.to_thread(ended.wait, 10)
            assert making.gi_frame is None

    run_alone(ask())


def test_what_fails_on_its_way_is_not_taken_for_whole_and_its_words_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def pieces() -> Generator[bytes, None, None]:
        yield b"piece"
        raise OctsegError("Mueller.dcm is gone")

    sent: list[Message] = []

    async def ask() -> None:
        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        with ThreadPoolExecutor(1) as threads:
            making = pieces()
            await Sent(next(making), making, threads, {})({"type": "http"}, receive, send)

    run_alone(ask())
    assert [message.get("body") for message in sent[1:]] == [b"piece"]  # no last one, which would be its end
    assert "cut off" in caplog.text
    assert "Mueller" not in caplog.text
