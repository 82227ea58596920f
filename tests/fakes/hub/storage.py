"""The storage behind the loopback Hub, on an origin of its own: signed links, no tokens, parts, ranges.

A link is a path with the second of its expiry and an HMAC of both: whoever has it needs no other right, and nobody
else can make one. What is uploaded waits in `incoming/` of its repo until the Hub has checked its sha256.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from tests.fakes.hub.calls import WEB_REPO, Call, failure, route
from tests.fakes.hub.state import HubError, Kind, Repo

if TYPE_CHECKING:
    from tests.fakes.hub.server import HubServer

OBJECT = re.compile(
    r"/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})(?:\.(?P<part>\d+))?"
)


def signed(hub: HubServer, origin: str, path: str, **query: str) -> str:
    """A link to `path` at `origin` that works for `hub.link_seconds`."""
    until = str(int(time.time() + hub.link_seconds))
    told = "".join(f"&{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{origin}{path}?until={until}&signature={_signature(hub, path, until)}{told}"


def _signature(hub: HubServer, path: str, until: str) -> str:
    return hmac.new(hub.secret, f"{path} {until}".encode(), "sha256").hexdigest()


def check_signature(hub: HubServer, request: Request) -> None:
    """Raises HubError on a link that is not ours or too old."""
    until, given = request.query_params.get("until", "0"), request.query_params.get("signature", "")
    if not hmac.compare_digest(given, _signature(hub, request.url.path, until)) or int(until) < time.time():
        raise HubError(403, "The link is not signed, or has expired")


async def answer_storage(hub: HubServer, request: Request) -> Response:
    found = OBJECT.fullmatch(request.url.path)
    try:
        check_signature(hub, request)
        repo = found and hub.state.find(cast(Kind, found["kind"]), found["name"])
        if not found or not repo:
            return failure(HubError(404, "NoSuchKey"))
        if request.method == "PUT":
            return await _keep(repo, request, found["oid"], found["part"])
        path = repo.lfs_file(found["oid"])
        if not path.is_file():
            return failure(HubError(404, "NoSuchKey"))
        name = request.query_params.get("filename", found["oid"])
        return FileResponse(
            path,
            media_type="application/octet-stream",
            headers={"ETag": f'"{found["oid"]}"'} | {"Content-Disposition": f'inline; filename="{quote(name)}"'},
        )
    except HubError as error:
        return failure(error)


async def _keep(repo: Repo, request: Request, oid: str, part: str | None) -> Response:
    """Write what is uploaded to `incoming/`; the ETag is its md5, as of S3."""
    target = _incoming(repo, oid, part)
    target.parent.mkdir(exist_ok=True)
    draft, digest = target.with_name(f"{target.name}-{secrets.token_hex(4)}"), hashlib.md5()
    with draft.open("wb") as content:
        async for piece in request.stream():
            content.write(piece)
            digest.update(piece)
    draft.replace(target)
    return Response(status_code=200, headers={"ETag": f'"{digest.hexdigest()}"'})


def _incoming(repo: Repo, oid: str, part: str | None = None) -> Path:
    return repo.folder / "incoming" / (oid if part is None else f"{oid}.{part}")


@route("POST", WEB_REPO + r"\.git/info/lfs/objects/batch")
async def lfs_batch(call: Call) -> Response:
    """Where to put each object; no `actions` for one that the repo has."""
    told = await call.json()
    if told["operation"] != "upload":
        raise HubError(422, "Only uploads go this way; downloads go by resolve")
    # without a ref the upload is for a new pull request
    repo = call.pushes(told.get("ref", {}).get("name", ""), pull="ref" not in told)
    objects = [_instruction(call, repo, each["oid"], each["size"], told["transfers"]) for each in told["objects"]]
    many = any("chunk_size" in each.get("actions", {}).get("upload", {}).get("header", {}) for each in objects)
    return JSONResponse({"transfer": "multipart" if many else "basic", "objects": objects})


def _instruction(call: Call, repo: Repo, oid: str, size: int, transfers: list[str]) -> dict[str, Any]:
    hub, found = call.hub, repo.lfs_file(oid)
    if not re.fullmatch("[0-9a-f]{64}", oid):
        return {"oid": oid, "size": size, "error": {"code": 422, "message": "oid is no sha256"}}
    if found.is_file():
        if found.stat().st_size != size:
            return {"oid": oid, "size": size, "error": {"code": 422, "message": "object has another size"}}
        return {"oid": oid, "size": size}
    at = f"/{repo.kind}/{repo.name}/{oid}"
    verify = {"href": f"{hub.url}/{repo.web}.git/info/lfs/objects/verify"}
    if size > hub.multipart_over and "multipart" in transfers:
        parts = -(-size // hub.part_bytes)
        links = {str(part): signed(hub, hub.storage_url, f"{at}.{part}") for part in range(1, parts + 1)}
        complete = signed(hub, hub.url, f"/{repo.web}.git/info/lfs/objects/complete")
        upload = {"href": complete, "header": {"chunk_size": str(hub.part_bytes)} | links}
    else:
        upload = {"href": signed(hub, hub.storage_url, at)}
    return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}


@route("POST", WEB_REPO + r"\.git/info/lfs/objects/complete")
async def lfs_complete(call: Call) -> Response:
    """Join the parts of an upload and check the whole."""
    check_signature(call.hub, call.request)
    told = await call.json()
    kind = cast(Kind, (call.groups.get("prefix") or "models/").rstrip("/"))
    repo, oid = call.state.repo(kind, call.groups["name"]), told["oid"]
    parts = [_incoming(repo, oid, str(part["partNumber"])) for part in told["parts"]]
    draft = _incoming(repo, oid, f"whole-{secrets.token_hex(4)}")
    with draft.open("wb") as whole:
        for path, part in zip(parts, told["parts"], strict=True):
            content = path.read_bytes() if path.is_file() else b""
            if hashlib.md5(content).hexdigest() != part["etag"].strip('"'):
                raise HubError(400, f"InvalidPart: part {part['partNumber']} was not found, or is another")
            whole.write(content)
    repo.take(draft, oid)
    for path in parts:
        path.unlink()
    return JSONResponse({"success": True})


@route("POST", WEB_REPO + r"\.git/info/lfs/objects/verify")
async def lfs_verify(call: Call) -> Response:
    """Take an upload into the repo, if its bytes are those that were announced."""
    told = await call.json()
    repo, oid = call.repo(), told["oid"]
    call.signed_in()
    with call.state.lock:
        kept = repo.lfs_file(oid)
        if not kept.is_file():
            if not _incoming(repo, oid).is_file():
                raise HubError(404, f"LFS object {oid} was not uploaded")
            repo.take(_incoming(repo, oid), oid, told["size"])
        if kept.stat().st_size != told["size"]:
            raise HubError(422, f"LFS object {oid} has {kept.stat().st_size} bytes, not {told['size']}")
    return JSONResponse({"success": True})
