"""Faults on demand and a log of requests, as an ASGI layer around the apps of the loopback Hub."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Origin = Literal["hub", "storage"]
FaultKind = Literal["status", "cut", "delay", "flip", "drop"]


UNLOGGED = ("/api/agent-harnesses",)  # huggingface_hub asks once a day, whatever it is used for


@dataclass
class Request:
    """One request, in the order of arrival. `path` is raw, with the query; `status` is 0 where no answer was sent."""

    method: str
    path: str
    token: str | None
    origin: Origin
    range: str | None = None
    status: int = 0


@dataclass
class Fault:
    """What goes wrong in the next `times` requests whose "METHOD path" `match` finds (the path raw, with its query).

    status: `code`, with Retry-After where `retry_after` is given. cut: the connection closes after `at` bytes of the
    body. flip: the byte at `at` is another, in the body of the answer or, of a PUT, in what was uploaded. Both pass by
    HEAD and by answers other than 200 and 206; without `at` they take the middle. delay: `seconds` before anything is
    done. drop: the connection closes with no answer. after: status and drop come when the request has taken effect.
    """

    match: str
    kind: FaultKind
    times: int = 1
    code: int = 503
    retry_after: str | None = None
    seconds: float = 0.0
    at: int | None = None
    after: bool = False
    met: int = 0

    def fits(self, method: str, path: str) -> bool:
        if self.kind in ("cut", "flip") and method == "HEAD":
            return False
        return self.met < self.times and re.search(self.match, f"{method} {path}") is not None


@dataclass
class Faults:
    """The faults that wait and the requests so far, shared by both origins."""

    waiting: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def meets(self, method: str, path: str) -> Fault | None:
        with self.lock:
            fault = next((each for each in self.waiting if each.fits(method, path)), None)
            if fault is not None:
                fault.met += 1
            return fault


async def _close(send: Send) -> None:
    """Close the connection below: uvicorn's `send` is a method of its request cycle, which holds the transport."""
    getattr(send, "__self__").transport.close()  # noqa: B009 - not in the type of an ASGI send
    for _ in range(3):  # until uvicorn has seen it, and answers nothing of its own
        await asyncio.sleep(0)


async def _nothing(message: Message) -> None:
    pass


class Broken:
    """The body of one answer on its way out, cut or with one byte flipped."""

    def __init__(self, fault: Fault, send_on: Send, raw: Send) -> None:
        self.fault, self.send_on, self.raw = fault, send_on, raw
        self.at, self.sent, self.over, self.untouched = 0, 0, False, False

    async def send(self, message: Message) -> None:
        if self.over:
            return
        if message["type"] == "http.response.start":
            sizes = [int(value) for name, value in message["headers"] if name.lower() == b"content-length"]
            size = sizes[0] if sizes else 0
            self.untouched = message["status"] not in (200, 206) or size == 0
            self.fault.met -= self.untouched
            self.at = size // 2 if self.fault.at is None else self.fault.at
        elif message["type"] == "http.response.body" and not self.untouched:
            piece = bytearray(message.get("body", b""))
            here = self.at - self.sent
            self.sent += len(piece)
            if 0 <= here < len(piece):
                if self.fault.kind == "cut":
                    self.over = True
                    await self.send_on({**message, "body": bytes(piece[:here]), "more_body": True})
                    await _close(self.raw)
                    return
                piece[here] ^= 0x5A
            message = {**message, "body": bytes(piece)}
        await self.send_on(message)


def _flipped(receive: Receive) -> Receive:
    """The body of an upload with the first byte that comes flipped."""
    done = False

    async def flip() -> Message:
        nonlocal done
        message = await receive()
        if message["type"] == "http.request" and message.get("body") and not done:
            done = True
            body = bytearray(message["body"])
            body[0] ^= 0x5A
            return {**message, "body": bytes(body)}
        return message

    return flip


async def _drained(receive: Receive) -> None:
    while (message := await receive()).get("more_body") and message["type"] == "http.request":
        pass


class FaultyApp:
    """`app` with the log and the faults in front of it."""

    def __init__(self, app: App, origin: Origin, faults: Faults) -> None:
        self.app, self.origin, self.faults = app, origin, faults

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        path = scope["raw_path"].decode() + (f"?{query}" if query else "")
        token = headers.get("authorization", "").removeprefix("Bearer ") or None
        entry = Request(scope["method"], path, token, self.origin, headers.get("range"))
        if path not in UNLOGGED:
            self.faults.requests.append(entry)

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            await send(message)

        fault = self.faults.meets(entry.method, path)
        if fault is None:
            await self.app(scope, receive, logged)
        else:
            await self._fail(fault, scope, receive, logged, send)

    async def _fail(
        self, fault: Fault, scope: MutableMapping[str, Any], receive: Receive, logged: Send, sent: Send
    ) -> None:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            await self.app(scope, receive, logged)
        elif fault.kind == "flip" and scope["method"] == "PUT":
            await self.app(scope, _flipped(receive), logged)
        elif fault.kind in ("cut", "flip"):
            broken = Broken(fault, logged, sent)
            await self.app(scope, receive, broken.send)
        else:
            await (self.app(scope, receive, _nothing) if fault.after else _drained(receive))
            if fault.kind == "drop":
                await _close(sent)
                return
            body = b'{"error": "this failure was asked for"}'
            names = {"content-type": "application/json", "content-length": str(len(body))}
            names |= {} if fault.retry_after is None else {"retry-after": fault.retry_after}
            pairs = [(name.encode(), value.encode()) for name, value in names.items()]
            await logged({"type": "http.response.start", "status": fault.code, "headers": pairs})
            await logged({"type": "http.response.body", "body": body})
