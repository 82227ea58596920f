"""Repos of the loopback Hub as wholes: who am I, create, delete, move, settings, what is in them, lists, Spaces."""

import json
from html import escape
from typing import Any, cast

from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.fakes.hub.calls import API_REPO, WEB_REPO, Call, route
from tests.fakes.hub.cards import card_data, tags_of
from tests.fakes.hub.state import MAIN, Commit, HubError, Kind, Repo, lfs_pointer, now


@route("GET", "/api/agent-harnesses")
async def agent_harnesses(call: Call) -> Response:
    """What huggingface_hub looks for, once a day, to say in its user agent what runs it: nothing."""
    return JSONResponse({"standardEnvVars": [], "harnesses": {}})


@route("GET", "/api/whoami-v2")
async def whoami(call: Call) -> Response:
    user = call.signed_in()
    token = call.token
    body: dict[str, Any] = {
        "type": "user",
        "id": user.name,
        "name": user.name,
        "fullname": user.name.title(),
        "email": user.email,
        "emailVerified": True,
        "isPro": False,
        "canPay": False,
        "avatarUrl": f"{call.hub.url}/avatars/{user.name}.svg",
        "orgs": [
            {"type": "org", "name": name, "fullname": name, "roleInOrg": role} for name, role in user.orgs.items()
        ],
    }
    if token is not None:
        named = {"displayName": "test", "role": token.role}
        body["auth"] = {"type": "oauth" if token.client else "access_token", "accessToken": named}
    return JSONResponse(body)


def _asked_for(call: Call, told: dict[str, Any]) -> tuple[Kind, str]:
    namespace = told.get("organization") or call.signed_in().name
    return cast(Kind, f"{told.get('type') or 'model'}s"), f"{namespace}/{told['name']}"


@route("POST", "/api/repos/create")
async def create(call: Call) -> Response:
    told = await call.json()
    call.signed_in()
    kind, name = _asked_for(call, told)
    namespace = name.partition("/")[0]
    if not call.may_create(namespace):
        raise HubError(403, f"You don't have the rights to create a {kind[:-1]} under the namespace {namespace!r}")
    visibility = told.get("visibility") or ("private" if told.get("private") else "public")
    with call.state.lock:
        found = call.state.find(kind, name)
        repo = found or call.state.create(
            kind,
            name,
            call.author,
            visibility=visibility,
            client=call.token.client if call.token else None,
            sdk=told.get("sdk"),
            secrets={each["key"]: each for each in told.get("secrets") or []},
            variables={each["key"]: each for each in told.get("variables") or []},
        )
    body = {"url": f"{call.hub.url}/{repo.web}", "name": name, "id": name}
    if found is not None:
        message = f"You already created this {kind[:-1]} repo"
        return JSONResponse(body | {"error": message}, 409, {"X-Error-Message": message})
    return JSONResponse(body)


def _own(call: Call, kind: Kind, name: str) -> Repo:
    """A repo that the caller may delete or rename: an app's token may not, unless it manages repos."""
    call.groups = {"kind": kind, "name": name}
    repo = call.repo(write=True)
    if call.token is not None and call.token.scopes is not None and "manage-repos" not in call.token.scopes:
        raise HubError(403, "The app's token has not the scope manage-repos")
    return repo


@route("DELETE", "/api/repos/delete")
async def delete(call: Call) -> Response:
    call.state.delete(_own(call, *_asked_for(call, await call.json())))
    return JSONResponse({})


@route("POST", "/api/repos/move")
async def move(call: Call) -> Response:
    told = await call.json()
    kind = cast(Kind, f"{told['type']}s")
    repo = _own(call, kind, told["fromRepo"])
    if not call.may_create(told["toRepo"].partition("/")[0]):
        raise HubError(403, f"You may not move {told['fromRepo']} to {told['toRepo']}")
    if call.state.find(kind, told["toRepo"]):
        raise HubError(409, f"{told['toRepo']} already exists")
    call.state.move(repo, told["toRepo"])
    return JSONResponse({})


@route("PUT", API_REPO + "/settings")
async def settings(call: Call) -> Response:
    repo, told = call.repo(write=True), await call.json()
    if "private" in told:
        told["visibility"] = "private" if told["private"] else "public"
    repo.change(**{key: told[key] for key in ("visibility", "gated") if key in told})
    return JSONResponse({key: repo.meta[key] for key in ("visibility", "gated")})


def sibling(path: str, commit: Commit, blobs: bool) -> dict[str, Any]:
    entry = commit.files[path]
    told: dict[str, Any] = {"rfilename": path}
    if blobs:
        told |= {"size": entry.size, "blobId": entry.oid}
        if entry.sha256:
            pointer = len(lfs_pointer(entry.sha256, entry.size))
            told["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": pointer}
    return told


def described(repo: Repo, oid: str, blobs: bool = False) -> dict[str, Any]:
    """What the Hub tells of a repo at a commit."""
    meta, commit = repo.meta, repo.commit(oid)
    card = card_data(repo.text(commit, "README.md"))
    told = {
        "_id": repo.name,
        "id": repo.name,
        "author": repo.namespace,
        "sha": oid,
        "lastModified": commit.date,
        "createdAt": meta["created"],
        "private": meta["visibility"] == "private",
        "gated": meta["gated"],
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": tags_of(card),
        # dates and the like of the YAML become text
        "cardData": json.loads(json.dumps(card, default=str)),
        "siblings": [sibling(path, commit, blobs) for path in commit.files],
        "usedStorage": sum({entry.oid: entry.size for entry in commit.files.values()}.values()),
    }
    if repo.kind == "models":
        told |= {"modelId": repo.name, "pipeline_tag": card.get("pipeline_tag")}
        told |= {"library_name": card.get("library_name"), "model-index": told["cardData"].get("model-index")}
    if repo.kind == "spaces":
        told |= {"sdk": card.get("sdk"), "runtime": runtime(repo), "models": card.get("models", [])}
        told |= {"subdomain": repo.name.replace("/", "-"), "datasets": card.get("datasets", [])}
    return told


@route("GET HEAD", API_REPO + "(?:/revision/(?P<revision>[^/]+))?")
async def info(call: Call) -> Response:
    repo = call.repo()
    blobs = call.query.get("blobs", "").lower() == "true"
    told = described(repo, repo.resolve(call.groups.get("revision", "main")), blobs)
    if expand := call.query.getlist("expand") or call.query.getlist("expand[]"):
        told = {key: told[key] for key in ("_id", "id", *expand) if key in told}
    return JSONResponse({key: value for key, value in told.items() if value is not None})


def paged(call: Call, rows: list[Any], size: int) -> Response:
    """One page of `rows`; a Link header names the next."""
    start = int(call.query.get("cursor", "0"))
    headers = {}
    if start + size < len(rows):
        url = call.request.url.include_query_params(cursor=start + size)
        target = f"{call.hub.url}{call.request.scope['raw_path'].decode()}?{url.query}"
        headers["Link"] = f'<{target}>; rel="next"'
    return JSONResponse(rows[start : start + size], headers=headers)


@route("GET", "/api/(?P<kind>models|datasets|spaces)")
async def listing(call: Call) -> Response:
    query, rows = call.query, []
    for repo in call.state.repos(cast(Kind, call.groups["kind"])):
        if not call.reads(repo) or query.get("author") not in (None, repo.namespace):
            continue
        told = described(repo, repo.resolve(MAIN))
        wanted = [tag for text in query.getlist("filter") for tag in text.split(",")]
        known = {*told["tags"], *(tag.partition(":")[2] for tag in told["tags"])}
        if query.get("search", "").lower() not in repo.name.lower() or not known.issuperset(wanted):
            continue
        if expand := query.getlist("expand") or query.getlist("expand[]"):
            told = {key: told[key] for key in ("_id", "id", *expand) if key in told}
        elif query.get("full") not in ("True", "true"):
            told = {key: value for key, value in told.items() if key not in ("siblings", "cardData", "usedStorage")}
        rows.append(told)
    rows.sort(key=lambda told: str(told.get(query.get("sort") or "lastModified")), reverse=True)
    return paged(call, rows, min(int(query.get("limit", call.hub.page_size)), call.hub.page_size))


@route("GET", API_REPO + "/auth-check(?:/(?P<write>write))?")
async def auth_check(call: Call) -> Response:
    repo = call.repo(write="write" in call.groups)
    call.open(repo)
    return JSONResponse({})


@route("POST", API_REPO + "/user-access-request/(?:grant|handle)")
async def grant_access(call: Call) -> Response:
    """Let a user into a gated repo, or refuse."""
    repo, told = call.repo(write=True), await call.json()
    granted = [name for name in repo.meta["granted"] if name != told["user"]]
    repo.change(granted=granted + [told["user"]] * (told.get("status", "accepted") == "accepted"))
    return JSONResponse({})


@route("GET", r"/(?!api/|oauth/|\.)" + WEB_REPO[1:] + "(?:/(?:commit|tree|blob|discussions)/.+)?")
async def page(call: Call) -> Response:
    """Something to see where a link to a repo leads."""
    repo = call.repo()
    rows = "".join(f"<li>{escape(path)}</li>" for path in repo.commit(repo.resolve(MAIN)).files)
    return HTMLResponse(f"<!doctype html><title>{escape(repo.web)}</title><h1>{escape(repo.web)}</h1><ul>{rows}</ul>")


@route("GET", r"/avatars/[^/]+\.svg")
async def avatar(call: Call) -> Response:
    circle = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><circle cx="1" cy="1" r="1"/></svg>'
    return Response(circle, media_type="image/svg+xml")


def runtime(repo: Repo) -> dict[str, Any]:
    hardware = {"current": "cpu-basic", "requested": "cpu-basic"}
    return {"stage": repo.meta.get("stage", "RUNNING"), "hardware": hardware, "gcTimeout": 172800}


SPACE = r"/api/(?P<kind>spaces)/(?P<name>[^/]+/[^/]+)"


@route("GET", SPACE + "/runtime")
async def space_runtime(call: Call) -> Response:
    return JSONResponse(runtime(call.repo()))


@route("POST", SPACE + "/(?P<what>restart|pause)")
async def space_stage(call: Call) -> Response:
    repo = call.repo(write=True)
    repo.change(stage="RUNNING" if call.groups["what"] == "restart" else "PAUSED")
    return JSONResponse(runtime(repo))


@route("GET POST DELETE", SPACE + "/(?P<what>secrets|variables)")
async def space_values(call: Call) -> Response:
    """Secrets can be written and deleted, and their names read; variables can be read too."""
    repo, what = call.repo(write=True), call.groups["what"]
    with call.state.lock:
        values: dict[str, dict[str, Any]] = repo.meta.get(what) or {}
        if call.request.method != "GET":
            told = await call.json()
            if call.request.method == "DELETE":
                values.pop(told["key"], None)
            else:
                values[told["key"]] = told | {"updatedAt": now()}
            repo.change(**{what: values})
    hidden = ("value",) if what == "secrets" else ()
    shown = {name: {k: v for k, v in each.items() if k not in hidden} for name, each in values.items()}
    return JSONResponse(shown)
