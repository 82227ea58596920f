"""What the loopback Hub answers about the insides of a repo: files, commits, branches, tags, and new commits."""

import base64
import hashlib
import json
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from starlette.responses import FileResponse, JSONResponse, Response

from tests.fakes.hub.calls import API_REPO, WEB_REPO, Call, route
from tests.fakes.hub.cards import problems
from tests.fakes.hub.pulls import note_commit, open_pull
from tests.fakes.hub.repos import paged
from tests.fakes.hub.state import Commit, Entry, HubError, Repo, lfs_pointer
from tests.fakes.hub.storage import signed

REV = "/(?P<revision>[^/]+)"


def _last_commits(repo: Repo, commit: Commit) -> dict[str, dict[str, str]]:
    """Path of each file -> the commit that brought its present content."""
    found: dict[str, dict[str, str]] = {}
    for each in repo.history(commit.oid):
        for path, entry in commit.files.items():
            if each.files.get(path) == entry and found.get(path, {}).get("after", each.oid) == each.oid:
                after = each.parents[0] if each.parents else ""
                found[path] = {"id": each.oid, "title": each.title, "date": each.date, "after": after}
    return {path: {key: last[key] for key in ("id", "title", "date")} for path, last in found.items()}


def _folder_oid(commit: Commit, folder: str) -> str:
    inside = sorted((path, entry.oid) for path, entry in commit.files.items() if path.startswith(f"{folder}/"))
    return hashlib.sha1(json.dumps(inside).encode()).hexdigest()


def _row(commit: Commit, path: str) -> dict[str, Any]:
    """A file or, where no file has this path, a folder, as `tree` and `paths-info` tell it."""
    entry = commit.files.get(path)
    if entry is None:
        return {"type": "directory", "oid": _folder_oid(commit, path), "size": 0, "path": path}
    told: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.sha256:
        pointer = len(lfs_pointer(entry.sha256, entry.size))
        told["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": pointer}
    return told


def _rows(repo: Repo, commit: Commit, paths: list[str], expand: bool) -> list[dict[str, Any]]:
    rows = [_row(commit, path) for path in paths]
    if expand:
        last = _last_commits(repo, commit)
        for row in rows:
            inside = [told for path, told in last.items() if path == row["path"] or path.startswith(f"{row['path']}/")]
            row["lastCommit"] = max(inside, key=lambda told: told["date"])
    return rows


@route("GET", API_REPO + "/tree" + REV + "(?:/(?P<folder>.+))?")
async def tree(call: Call) -> Response:
    repo = call.repo()
    commit = repo.commit(repo.resolve(call.groups["revision"]))
    folder = call.groups.get("folder", "").strip("/")
    start = f"{folder}/" if folder else ""
    below = [path for path in commit.files if path.startswith(start)]
    if folder and not below and folder not in commit.files:
        raise HubError(404, f'{folder} does not exist on "{call.groups["revision"]}"', "EntryNotFound")
    deep = call.query.get("recursive", "").lower() in ("true", "1")
    expand = call.query.get("expand", "").lower() in ("true", "1")
    found = set()
    for path in below:
        parts = path[len(start) :].split("/")
        found |= {start + "/".join(parts[:depth]) for depth in range(1, len(parts) + 1 if deep else 2)}
    size = call.hub.page_size if not expand else min(call.hub.page_size, 50)
    return paged(call, _rows(repo, commit, sorted(found), expand), size)


@route("POST", API_REPO + "/paths-info" + REV)
async def paths_info(call: Call) -> Response:
    repo = call.repo()
    commit = repo.commit(repo.resolve(call.groups["revision"]))
    if call.request.headers.get("content-type", "").startswith("application/json"):
        told = await call.json()
        asked, expand = told["paths"], bool(told.get("expand"))
    else:
        form = await call.request.form()
        asked, expand = [str(path) for path in form.getlist("paths")], str(form.get("expand")).lower() in ("true", "1")
    known = [p for p in asked if p in commit.files or any(path.startswith(f"{p}/") for path in commit.files)]
    return JSONResponse(_rows(repo, commit, known, expand))


@route("GET", API_REPO + "/refs")
async def refs(call: Call) -> Response:
    repo, kinds = call.repo(), {"heads": "branches", "convert": "converts", "tags": "tags", "pr": "pullRequests"}
    told: dict[str, list[dict[str, str]]] = {word: [] for word in kinds.values()}
    for ref, oid in repo.refs.items():
        _, kind, name = ref.split("/", 2)
        told[kinds[kind]].append({"name": name, "ref": ref, "targetCommit": oid})
    if not call.query.get("include_prs"):
        told.pop("pullRequests")
    return JSONResponse(told)


@route("GET", API_REPO + "/commits" + REV)
async def commits(call: Call) -> Response:
    repo = call.repo()
    rows = [
        {
            "id": each.oid,
            "title": each.title,
            "message": each.message,
            "authors": [{"user": each.author}],
            "date": each.date,
        }
        for each in repo.history(repo.resolve(call.groups["revision"]))
    ]
    return paged(call, rows, call.hub.page_size)


@route("POST DELETE", API_REPO + "/branch" + REV)
async def branch(call: Call) -> Response:
    repo, name = call.repo(write=True), call.groups["revision"]
    ref = name if name.startswith("refs/") else f"refs/heads/{name}"
    with call.state.lock:
        if call.request.method == "DELETE":
            if ref not in repo.refs:
                raise HubError(404, f"Reference {name} does not exist", "RevisionNotFound")
            if name == "main":
                raise HubError(403, "The main branch cannot be deleted")
            repo.set_ref(ref, None)
        elif ref in repo.refs:
            raise HubError(409, f"Reference {name} already exists")
        else:
            repo.set_ref(ref, repo.resolve((await call.json()).get("startingPoint", "main")))
    return JSONResponse({})


@route("POST DELETE", API_REPO + "/tag" + REV)
async def tag(call: Call) -> Response:
    repo, revision = call.repo(write=True), call.groups["revision"]
    told = await call.json()
    ref = f"refs/tags/{told['tag'] if call.request.method == 'POST' else revision}"
    with call.state.lock:
        if call.request.method == "POST":
            if ref in repo.refs:
                raise HubError(409, f"Tag reference exists already: {ref}")
            repo.set_ref(ref, repo.resolve(revision))
        elif ref not in repo.refs:
            raise HubError(404, f"Tag {revision} does not exist", "RevisionNotFound")
        else:
            repo.set_ref(ref, None)
    return JSONResponse({})


def _is_text(sample: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8; the last character of a sample may be cut."""
    if b"\0" in sample:
        return False
    for cut in range(4):
        try:
            sample[: len(sample) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def _ignored(rules: str, path: str) -> bool:
    """The plain part of .gitignore: names, folders, `*`; no `!`."""
    parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 2)]
    for rule in (line.strip().rstrip("/") for line in rules.splitlines()):
        if rule and not rule.startswith(("#", "!")):
            whole = "/" in rule
            if any(fnmatchcase(each if whole else each.rpartition("/")[2], rule.lstrip("/")) for each in parents):
                return True
    return False


@route("POST", API_REPO + "/preupload" + REV)
async def preupload(call: Call) -> Response:
    """Which way each file goes, and what the repo holds in its place."""
    repo, told = call.pushes(call.groups["revision"], bool(call.query.get("create_pr"))), await call.json()
    if len(told["files"]) > 256:
        raise HubError(400, "At most 256 files a call")
    commit = repo.commit(repo.resolve(call.groups["revision"]))
    rules = told.get("gitIgnore") or repo.text(commit, ".gitignore")
    rows = []
    for each in told["files"]:
        path, size = each["path"], each["size"]
        binary = call.hub.binary_lfs and not _is_text(base64.b64decode(each["sample"]))
        large = size > call.hub.lfs_over or binary or repo.tracked(commit.files, path)
        mode = "lfs" if large and size else "regular"
        entry = commit.files.get(path)
        oid = None if entry is None else entry.sha256 or entry.oid
        rows.append({"path": path, "uploadMode": mode, "shouldIgnore": _ignored(rules, path), "oid": oid})
    return JSONResponse({"files": rows})


def _check_path(path: str) -> str:
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") for part in parts):
        raise HubError(400, f"Invalid path in repo: {path}")
    return path


def _apply(call: Call, repo: Repo, files: dict[str, Entry], operations: list[dict[str, Any]]) -> None:
    """Change `files`, in the order of the operations."""
    large = []
    for operation in operations:
        value, key = operation["value"], operation["key"]
        path = _check_path(value["path"].rstrip("/"))
        if key == "file":
            content = value["content"].encode()
            content = base64.b64decode(content) if value.get("encoding") == "base64" else content
            if len(content) > call.hub.lfs_over:
                raise HubError(413, f"{path} has {len(content)} bytes: it must go to LFS")
            files[path] = repo.put(content)
        elif key == "lfsFile":
            files[path] = repo.lfs_entry(value["oid"])
            large.append(path)
        elif key in ("deletedFile", "deletedFolder"):
            gone = [each for each in files if each == path or (key == "deletedFolder" and each.startswith(f"{path}/"))]
            if not gone:
                raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
            for each in gone:
                del files[each]
        else:
            raise HubError(400, f"Unknown operation {key}")
    if clash := next((a for path in files for a in map(str, PurePosixPath(path).parents) if a in files), None):
        raise HubError(400, f"{clash} cannot be both a file and a folder")
    repo.track(files, large)


@route("POST", API_REPO + "/commit" + REV)
async def commit(call: Call) -> Response:
    """NDJSON: a header, then one operation a line."""
    revision, pull = call.groups["revision"], bool(call.query.get("create_pr"))
    repo = call.pushes(revision, pull)
    lines = [json.loads(line) for line in (await call.request.body()).splitlines() if line.strip()]
    header = next((line["value"] for line in lines if line["key"] == "header"), None)
    if header is None or not header.get("summary"):
        raise HubError(400, "A commit needs a header with a summary")
    with call.state.lock:
        head, ref = repo.resolve(revision), repo.branch(revision)
        if ref is None:
            raise HubError(404, f"Invalid rev id: {revision}, commits go to branches", "RevisionNotFound")
        if header.get("parentCommit") not in (None, head):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repo.commit(head).files)
        _apply(call, repo, files, [line for line in lines if line["key"] != "header"])
        card = files.get("README.md")
        if card and card != repo.commit(head).files.get("README.md"):
            errors, _ = problems(repo.read(card).decode(errors="replace"), repo.kind[:-1])
            if errors:
                raise HubError(400, "Invalid metadata in README.md: " + "; ".join(errors))
        oid = repo.add(files, [head], header["summary"], header.get("description", ""), call.author)
        told = {"success": True, "commitOid": oid, "commitUrl": f"{call.hub.url}/{repo.web}/commit/{oid}"}
        if pull:
            talk = open_pull(repo, call.author, header["summary"], header.get("description", ""), ref, oid)
            told["pullRequestUrl"] = f"{call.hub.url}/{repo.web}/discussions/{talk['num']}"
        else:
            repo.set_ref(ref, oid)
            if ref.startswith("refs/pr/"):
                note_commit(repo, int(ref.rpartition("/")[2]), oid)
    return JSONResponse(told)


@route("POST", API_REPO + "/super-squash" + REV)
async def super_squash(call: Call) -> Response:
    repo, revision = call.repo(write=True), call.groups["revision"]
    told = await call.json()
    with call.state.lock:
        ref = repo.branch(revision)
        if ref is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        files = repo.commit(repo.refs[ref]).files
        repo.set_ref(ref, repo.add(files, [], told.get("message") or "Super-squash", "", call.author))
    return JSONResponse({})


@route("GET HEAD", WEB_REPO + "/(?:resolve|raw)" + REV + "/(?P<path>.+)")
async def resolve(call: Call) -> Response:
    """A regular file, or where to get an LFS file."""
    repo = call.repo()
    call.open(repo)
    oid = repo.resolve(call.groups["revision"])
    path = call.groups["path"]
    entry, headers = repo.commit(oid).files.get(path), {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
    if entry is None:
        raise HubError(404, "Entry not found", "EntryNotFound", **headers)
    headers |= {"ETag": f'"{entry.oid}"'}
    if entry.sha256 is None:
        return FileResponse(repo.file(entry), headers=headers, media_type="text/plain; charset=utf-8")
    if "/raw/" in call.request.url.path:
        return Response(lfs_pointer(entry.sha256, entry.size), headers=headers, media_type="text/plain")
    name = path.rpartition("/")[2]
    link = signed(call.hub, call.hub.storage_url, f"/{repo.kind}/{repo.name}/{entry.sha256}", filename=name)
    headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size), "Location": link}
    return Response(f"Found. Redirecting to {link}", 302, headers)
