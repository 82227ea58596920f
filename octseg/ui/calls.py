"""What a call of an endpoint holds: values, and a file that must lie among those that visitors sent to this server."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Receive

from octseg.ui.bodies import RefusalError

NO_FILE = (
    "The first value must be a file that this server holds: upload it to /gradio_api/upload, and send "
    '{"path": what was answered, "meta": {"_type": "gradio.FileData"}}.'
)
NO_HANDLE = 'give it as handle_file("frame.png") of gradio_client, which sends it to this server'
INVALID = {"__type__": "validate", "is_valid": False, "parameter_name": "file"}  # as gradio_client reads what is wrong
OWN_FILE = re.compile(r"\w+://[^/]+/gradio_api/file=(/.+)")


async def with_own_files(
    receive: Receive, visitors: Path, takes: int | None = None, of_client: Collection[int] = ()
) -> Receive:
    """Read a call's body, refuse it where a file in it is an address on the web, and hand it on.

    Gradio would fetch that address from here: nobody's errands are run. A file of this server may be named by its
    address, whose path Gradio then holds against what this visitor may read.

    visitors: where the first value of a program's call, its file, has to lie. takes: how many values that takes, of
    which the last may be left out, where Gradio would say that some are missing; None for what the page sends, and
    gradio_client by the same address. of_client: the numbers by which the latter calls what programs call.
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
        if takes is None and _is_of_client(called, of_client) and not _names_file_of(visitors, called):
            raise RefusalError(422, NO_HANDLE).as_json(422, {"detail": [{**INVALID, "message": NO_HANDLE}]})
        if takes is not None and not _names_file_of(visitors, called):
            raise RefusalError(400, NO_FILE)
        if takes is not None and len(called["data"]) < takes:
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


def _is_of_client(called: Any, numbers: Collection[int]) -> bool:
    number = called.get("fn_index") if isinstance(called, dict) else None
    return isinstance(number, int) and number in numbers


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
