"""A file that is made while it is sent: none of it lies on the disk, and its making ends with whoever takes it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Generator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from threading import Lock

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

STALLED_S = 60.0  # in which nothing is taken


class Sent(StreamingResponse):
    """Pieces made one after the other in threads; closed once all are sent, or the other side is gone or stalled."""

    def __init__(
        self, first: bytes, pieces: Generator[bytes, None, None], threads: Executor, headers: Mapping[str, str]
    ) -> None:
        """first: what was taken from the pieces already."""
        self._first, self._pieces, self._threads, self._asking = first, pieces, threads, Lock()
        super().__init__(self._all(), media_type="application/zip", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; what is not sent to its end ends the connection, so that nobody takes it for whole."""

        async def in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), STALLED_S)

        try:
            with suppress(OSError, asyncio.TimeoutError, ClientDisconnect):
                await super().__call__(scope, receive, in_time)
        finally:
            self._threads.submit(self._close)

    async def _all(self) -> AsyncIterator[bytes]:
        piece: bytes | None = self._first
        while piece is not None:
            yield piece
            piece = await asyncio.get_running_loop().run_in_executor(self._threads, self._next)

    def _next(self) -> bytes | None:
        with self._asking:
            try:
                return next(self._pieces, None)
            except Exception as error:  # whatever it is, its words are not logged: they may name a patient
                logger.error("an export was cut off: %s", type(error).__name__)
                raise ConnectionAbortedError from None

    def _close(self) -> None:
        with self._asking:  # a piece that is being made is made to its end
            self._pieces.close()
