"""What stands between the network and Gradio: which addresses exist, how large and slow a request may be, headers.

Gradio limits the size of one file alone: neither the body of a request, nor its number of files, nor its duration.
Every refusal is one sentence in plain text with the status that belongs to it.
"""

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from octseg.errors import OctsegError
from octseg.ui.faults import FULL, FULL_DISK, sentence_of
from octseg.ui.limits import MEGABYTE, ServerLimits
from octseg.ui.log import kind_and_place

UPLOAD, FILE = "/gradio_api/upload", "/gradio_api/file="
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
TOOLS, TOOL_BYTES = "/gradio_api/mcp", 4 * MEGABYTE  # a call may hold a file as base64; the package mcp takes 4 MiB
PROGRAMS = "/gradio_api/call/"
NO_FILE = (
    "The first value must be a file that this server holds: upload it to /gradio_api/upload, and send "
    '{"path": what was answered, "meta": {"_type": "gradio.FileData"}}.'
)
NO_FILE_PART = "Send each file as a part of the form named files, with its file name, as curl -F files=@NAME does."
UNFORESEEN = "The server met an error that nobody foresaw; its log names the kind and the place. Try again."
OWN_FILE = re.compile(r"\w+://[^/]+/gradio_api/file=(/.+)")
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


class RefusalError(Exception):
    """An answer given instead of Gradio's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """ASGI middleware that refuses what is too large, too slow, too much at once or not there.

    visitors: the folder of visitors' files, the only ones that a program may name in a call.
    frame_ancestors: the sites that may show the page in a frame, as a Content-Security-Policy lists them.
    more_addresses: those of sign-in, where there is one. make: puts a file there that was promised.
    seconds_a_call: what one takes of late. programs: how many values each endpoint for programs takes, by its name.
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
    ) -> None:
        self.app, self.make, self.seconds_a_call = app, make, seconds_a_call
        self.more_addresses, self.programs = more_addresses, programs
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
            await _send_refusal(refusals[0], receive, send)

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
                is_program = scope["path"].startswith(PROGRAMS)
                takes = self._values_of(scope["path"].removeprefix(PROGRAMS)) if is_program else 0
                checked = await _with_own_files(checked, self.visitors if is_program else None, takes)
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


class BodyCheck:
    """A request's `receive` that counts bytes, files and seconds, and tells `refuse` before it raises."""

    def __init__(
        self, scope: Scope, receive: Receive, limits: ServerLimits, refuse: Callable[[RefusalError], None]
    ) -> None:
        headers = Headers(scope=scope)
        self.inner, self.limits, self.refuse = receive, limits, refuse
        self.is_upload = scope["path"] == UPLOAD
        self.max_bytes = limits.max_json_bytes
        if self.is_upload or scope["path"].startswith(TOOLS):
            self.max_bytes = limits.max_upload_bytes if self.is_upload else TOOL_BYTES
        self.delimiters = DelimiterCounter(headers.get("content-type", "")) if self.is_upload else None
        self.n_bytes = 0
        self.complete = False
        self.deadline: float | None = None
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next part of the body; once the body is complete, whatever comes (the client going away)."""
        if self.complete:
            return await self.inner()
        try:
            message = await asyncio.wait_for(self.inner(), self._patience_seconds())
            self._count(message)
        except asyncio.TimeoutError:
            refusal = self._too_slow()
        except RefusalError as too_much:
            refusal = too_much
        else:
            return message
        self.refuse(refusal)
        raise refusal

    def _patience_seconds(self) -> float:
        now = asyncio.get_running_loop().time()
        if self.deadline is None:
            self.deadline = now + self.limits.total_seconds
        return max(0.0, min(self.limits.idle_seconds, self.deadline - now))

    def _count(self, message: Message) -> None:
        body = message.get("body", b"")
        self.n_bytes += len(body)
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        if self.n_bytes > self.max_bytes:
            raise self._too_large()
        if self.delimiters and self.delimiters.count(body) > self.limits.max_files + 1:
            raise RefusalError(413, f"More than {self.limits.max_files} files in one upload; send one frame at a time.")

    def _too_large(self) -> RefusalError:
        what = "upload" if self.is_upload else "request"
        return RefusalError(
            413, f"The {what} is larger than {self.max_bytes / MEGABYTE:g} MB, the most this server takes."
        )

    def _too_slow(self) -> RefusalError:
        return RefusalError(
            408,
            f"The request paused for more than {self.limits.idle_seconds:g} s or took more than "
            f"{self.limits.total_seconds:g} s in all; try again over a faster connection.",
        )


class DelimiterCounter:
    """Counts the delimiters of a multipart body as it streams by, one that is cut in two included.

    There is one before each file and one at the end.
    """

    def __init__(self, content_type: str) -> None:
        found = re.search(r'boundary="?([^";,]+)', content_type)
        self.delimiter = b"--" + found.group(1).strip().encode("latin-1") if found else None
        self.tail = b""
        self.n_delimiters = 0

    def count(self, body: bytes) -> int:
        """Delimiters seen so far, those of `body` included."""
        if self.delimiter is None:
            return 0
        seen = self.tail + body
        self.n_delimiters += seen.count(self.delimiter)
        after = seen[seen.rfind(self.delimiter) + len(self.delimiter) :] if self.delimiter in seen else seen
        self.tail = after[-(len(self.delimiter) - 1) :]
        return self.n_delimiters


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


async def _with_own_files(receive: Receive, visitors: Path | None, takes: int) -> Receive:
    """Read a call's body, refuse it where a file in it is an address on the web, and hand it on.

    Of the values that it takes the last may be left out: Gradio would say nothing but that some are missing.

    Gradio would fetch that address from here: nobody's errands are run. A file of this server may be named by its
    address, whose path Gradio then holds against what this visitor may read.

    visitors: where the first value of the call, its file, has to lie; None for calls of the page.
    """
    body, message = b"", await receive()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
        message = await receive()
    try:
        called = json.loads(body)
        if _with_own_paths(called):
            body = json.dumps(called).encode()
        if _holds_address(called):
            raise RefusalError(400, "Send the file itself; addresses on the web are not fetched.")
        if visitors is not None and not _names_file_of(visitors, called):
            raise RefusalError(400, NO_FILE)
        if visitors is not None and len(called["data"]) < takes:
            called["data"] += [None] * (takes - len(called["data"]))
            body = json.dumps(called).encode()
    except (ValueError, RecursionError):
        raise RefusalError(400, "The request is not JSON, or nested too deeply.") from None
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _with_own_paths(value: object) -> bool:
    """Put paths in the place of addresses of this server's files; whether there were any."""
    if isinstance(value, list):
        return sum(map(_with_own_paths, value)) > 0
    if not isinstance(value, dict):
        return False
    own = OWN_FILE.fullmatch(str(value.get("path", "")))
    if own:
        value["path"] = unquote(own.group(1))
    return sum(map(_with_own_paths, value.values())) > 0 or own is not None


def _names_file_of(visitors: Path, called: Any) -> bool:
    """Whether the first value of a call is a file below a folder, in Gradio's form."""
    data = called.get("data") if isinstance(called, dict) else None
    file = data[0] if isinstance(data, list) and data else None
    if not isinstance(file, dict) or file.get("meta") != {"_type": "gradio.FileData"}:
        return False
    path = file.get("path")
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(visitors) and Path(path).is_file()
    except (OSError, ValueError):  # characters that no path has, or too many
        return False


def _holds_address(value: object) -> bool:
    if isinstance(value, dict):
        return "://" in str(value.get("path", "")) or any(map(_holds_address, value.values()))
    return isinstance(value, list) and any(map(_holds_address, value))


async def _send_refusal(refusal: RefusalError, receive: Receive, send: Send) -> None:
    body = refusal.sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if refusal.status == 413:
        await _drop_rest_of_body(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drop_rest_of_body(receive: Receive) -> None:
    async def drop() -> None:
        message: dict[str, Any] = {"more_body": True}
        while message.get("more_body", False):
            message = dict(await receive())

    try:
        await asyncio.wait_for(drop(), LINGER_SECONDS)
    except asyncio.TimeoutError:
        return
