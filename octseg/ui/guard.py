"""What stands between the network and Gradio: which addresses exist, what a request may be, headers.

Gradio limits the size of one file alone: neither the body of a request, nor its number of files, nor its duration.
Every refusal is one sentence in plain text with the status that belongs to it.
"""

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from octseg.errors import OctsegError
from octseg.ui.bodies import TOOLS, UPLOAD, BodyCheck, RefusalError
from octseg.ui.calls import with_own_files
from octseg.ui.faults import FULL, FULL_DISK, sentence_of
from octseg.ui.limits import ServerLimits
from octseg.ui.log import kind_and_place

FILE = "/gradio_api/file="
ADDRESSES = re.compile(  # what the page and the API need; whatever else Gradio has or will have does not exist here
    r"/|/config|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json|/(assets|static|svelte)/.+"
    r"|/octseg/results/[0-9a-f]{32}/\d{1,4}"
    r"|/octseg/review/[0-9a-f]{32}/(frames/\d{1,6}(\.jpg|\.png|\.json|/[a-z]+)|[a-z]+(\.json|\.zip)?)?"
    r"|/gradio_api/mcp(/|/schema)?"
    r"|/gradio_api/(info|openapi\.json|startup-events|theme\.css|login_check|upload|upload_progress|cancel|reset"
    r"|queue/(join|data)|call/.+|heartbeat/[^/]+|file=(?!\w+://).+)"
)
# Not `app_id`: by that Gradio's page finds that a server is back, and loads itself anew without what it showed.
REVIEW = "/octseg/review/"  # whose own page says what it may load, which is less
CALL = re.compile(r"/gradio_api/(queue/join|call/.+)")
PROGRAMS = "/gradio_api/call/"
NO_FILE_PART = "Send each file as a part of the form named files, with its file name, as curl -F files=@NAME does."
UNFORESEEN = "The server met an error that nobody foresaw; its log names the kind and the place. Try again."
CALL_NUMBER, INVALID_REQUEST = re.compile(rb'"id"\s*:\s*(\d+|"[^"\\]*")'), -32600  # of JSON-RPC
END_BYTES = 1024  # of a body that is too large, where the package mcp writes a call's number
LINGER_SECONDS = 5.0  # after a refusal the rest of the body is read and dropped: a closed door loses the sentence
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio puts its configuration and handlers into the page
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)

logger = logging.getLogger(__name__)


class Guard:
    """ASGI middleware that refuses what is too large, too slow, too much at once or not there.

    visitors: the folder of visitors' files, the only ones that a program may name in a call.
    frame_ancestors: the sites that may show the page in a frame, as a Content-Security-Policy lists them.
    more_addresses: those of sign-in, where there is one. make: puts a file there that was promised.
    seconds_a_call: what one takes of late. programs: how many values each endpoint for programs takes, by its name.
    client_calls: the numbers by which gradio_client calls these.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: ServerLimits,
        visitors: Path,
        frame_ancestors: str = "'self'",
        more_addresses: Collection[str] = (),
        make: Callable[[Path], None] | None = None,
        seconds_a_call: Callable[[], float] = lambda: 1.0,
        programs: Mapping[str, int] | None = None,
        client_calls: Collection[int] = (),
    ) -> None:
        self.app, self.make, self.seconds_a_call = app, make, seconds_a_call
        self.more_addresses, self.programs, self.client_calls = more_addresses, programs, client_calls
        self.limits, self.visitors = limits, visitors.resolve()
        self.uploads: Counter[str] = Counter()  # address -> uploads under way
        self.headers = (
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"content-security-policy", f"{CONTENT_SECURITY_POLICY}; frame-ancestors {frame_ancestors}".encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, self._with_headers(scope, send))
        else:
            await send({"type": "websocket.close", "code": 1008})  # Gradio has no websocket

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Gradio's answer, unless the request is refused before that begins."""
        refusals: list[RefusalError] = []
        started = failed = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal started, failed
            if message.get("status") == 503 and CALL.fullmatch(scope["path"]) and not refusals:  # Gradio's line is full
                refusals.append(RefusalError(503, self._full()))
            failed = failed or message.get("status") == 500
            if started or not (failed or refusals):  # what was refused while its body came in is answered below
                started = True
                await send(message)

        try:
            await self._checked(scope, receive, send_unless_refused, refusals.append)
        except RefusalError as refusal:
            refusals.append(refusal)
        except Exception as error:
            if not refusals:  # one mid-body breaks the reader behind it, who raises what it likes: that was meant
                if started:
                    raise
                refusals.append(_refusal_of(error, scope))
        if failed and not refusals:
            refusals.append(RefusalError(500, UNFORESEEN))
        if refusals and not started:
            await _send_refusal(await _to_who_asks(refusals[0], scope, receive), receive, send)

    async def _checked(
        self, scope: Scope, receive: Receive, send: Send, refuse: Callable[[RefusalError], None]
    ) -> None:
        if not ADDRESSES.fullmatch(scope["path"]) and scope["path"] not in self.more_addresses:
            raise RefusalError(404, "Not found.")
        if self.make is not None and scope["path"].startswith(FILE):
            await self._made(self.make, Path(scope["path"].removeprefix(FILE)))
        if scope["path"].startswith(TOOLS) and scope["method"] == "GET" and _awaits_events(scope):
            raise RefusalError(405, "Send messages by POST; this server sends none by itself.")
        async with self._upload_slot(scope):
            checked: Receive = BodyCheck(scope, receive, self.limits, refuse).receive
            if CALL.fullmatch(scope["path"]) and scope["method"] == "POST":
                if scope["path"].startswith(PROGRAMS):
                    takes = self._values_of(scope["path"].removeprefix(PROGRAMS))
                    checked = await with_own_files(checked, self.visitors, takes)
                else:
                    checked = await with_own_files(checked, self.visitors, of_client=self.client_calls)
            await self.app(scope, checked, send)

    def _values_of(self, endpoint: str) -> int:
        """How many values an endpoint for programs takes."""
        if not self.programs:  # a page without a model
            return 0
        if endpoint not in self.programs:
            named = " and ".join(f"/{name}" for name in self.programs)
            raise RefusalError(404, f"There is no such endpoint; there are {named}.")
        return self.programs[endpoint]

    def _full(self) -> str:
        waiting, seconds = self.limits.queue_size, self.limits.queue_size * self.seconds_a_call()
        return f"The queue is full: {waiting} calls wait, about {max(1, round(seconds))} s; try again then."

    @staticmethod
    async def _made(make: Callable[[Path], None], path: Path) -> None:
        """Wait until a file that was promised is there."""
        try:
            await asyncio.to_thread(make, path)
        except (OctsegError, OSError) as error:
            sentence = sentence_of(error)
            raise RefusalError(507 if sentence == FULL_DISK else 404, sentence) from None

    @asynccontextmanager
    async def _upload_slot(self, scope: Scope) -> AsyncIterator[None]:
        """Hold one of the places for uploads; other requests pass."""
        if scope["path"] != UPLOAD or scope["method"] != "POST":
            yield
            return
        address = caller(scope, self.limits.trusted_proxies)
        if self.uploads[address] >= self.limits.uploads_per_address:
            raise RefusalError(
                429,
                f"{self.limits.uploads_per_address} uploads from your address are under way; "
                "wait until one is done and try again.",
            )
        if self.uploads.total() >= self.limits.uploads_at_once:
            raise RefusalError(503, "The server is taking as many uploads as it can; try again in a minute.")
        self.uploads[address] += 1
        try:
            yield
        finally:
            self.uploads[address] -= 1
            if not self.uploads[address]:
                del self.uploads[address]

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        ours: tuple[tuple[bytes, bytes], ...] = self.headers
        own = "/file=" in scope["path"] or scope["path"].startswith(("/gradio_api/queue/", "/octseg/"))
        if own or scope["path"] in self.more_addresses:
            ours = (*ours, (b"cache-control", b"private, no-store"))  # no patient's frame stays in a shared browser
        if scope["path"].startswith(REVIEW):
            ours = tuple(each for each in ours if each[0] != b"content-security-policy")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                replaced = {name for name, _ in ours}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in replaced]
                message = {**message, "headers": [*kept, *ours]}
            await send(message)

        return send_with_headers


def caller(scope: Scope, trusted_proxies: int) -> str:
    """The caller's address: the connection's, or what the outermost trusted proxy wrote into X-Forwarded-For."""
    connection = scope["client"][0] if scope.get("client") else "unknown"
    if trusted_proxies == 0:
        return connection
    hops = [hop.strip() for hop in ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",") if hop.strip()]
    return hops[-min(trusted_proxies, len(hops))] if hops else connection


def _refusal_of(error: Exception, scope: Scope) -> RefusalError:
    """The answer where Gradio ended with an error; the log learns no file's name, which may name a patient."""
    if isinstance(error, OSError) and error.errno in FULL:
        logger.error("no space left for visitors' files")
        return RefusalError(507, FULL_DISK)
    if isinstance(error, TypeError) and scope["path"] == UPLOAD:  # text where a file should be
        return RefusalError(400, NO_FILE_PART)
    logger.error("a request ended with %s", kind_and_place(error))
    return RefusalError(500, UNFORESEEN)


def _awaits_events(scope: Scope) -> bool:
    return "text/event-stream" in Headers(scope=scope).get("accept", "")


async def _to_who_asks(refusal: RefusalError, scope: Scope, receive: Receive) -> RefusalError:
    """A refusal as an error of JSON-RPC where that is what is spoken: of any other the package mcp ends its session."""
    if refusal.status != 413 or not scope["path"].startswith(TOOLS):
        return refusal
    found = CALL_NUMBER.findall(await _drop_rest_of_body(receive))
    if not found:
        return refusal
    error = {"code": INVALID_REQUEST, "message": refusal.sentence}
    return refusal.as_json(200, {"jsonrpc": "2.0", "id": json.loads(found[-1]), "error": error})


async def _send_refusal(refusal: RefusalError, receive: Receive, send: Send) -> None:
    body = refusal.body.encode()
    headers = [
        (b"content-type", refusal.content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if refusal.status == 413:
        await _drop_rest_of_body(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drop_rest_of_body(receive: Receive) -> bytes:
    """The end of a body that nobody reads."""
    end = b""

    async def drop() -> None:
        nonlocal end
        message: dict[str, Any] = {"more_body": True}
        while message.get("more_body", False):
            message = dict(await receive())
            end = (end + message.get("body", b""))[-END_BYTES:]

    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(drop(), LINGER_SECONDS)
    return end
