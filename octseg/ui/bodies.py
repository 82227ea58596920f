"""What a request's body may be: how large, how slow, of how many files. It is counted while it streams by."""

import asyncio
import json
import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from octseg.ui.limits import MEGABYTE, ServerLimits

UPLOAD = "/gradio_api/upload"
TOOLS, TOOL_BYTES = (
    "/gradio_api/mcp",
    4_100_000,
)  # a call may hold a file of 3 MB as base64; the package mcp takes 4 MiB


class RefusalError(Exception):
    """An answer given instead of Gradio's.

    content_type, body: what is sent, the sentence as text by default.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.content_type, self.body = "text/plain; charset=utf-8", sentence

    def as_json(self, status: int, value: object) -> "RefusalError":
        """The same in the form in which a client expects it."""
        self.status, self.content_type, self.body = status, "application/json", json.dumps(value)
        return self


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
