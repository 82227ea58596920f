"""Discussions and pull requests of the loopback Hub.

A pull request is a discussion with a branch `refs/pr/{number}`; merging it makes a commit with two parents, file by
file: a path that changed on both sides since they parted, to different content, is a conflict.
"""

import secrets
from difflib import unified_diff
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.fakes.hub.calls import API_REPO, Call, route
from tests.fakes.hub.state import MAIN, Commit, Entry, HubError, Repo, lfs_pointer, now

TALK = API_REPO + r"/discussions/(?P<number>\d+)"


def event(kind: str, author: str, **data: Any) -> dict[str, Any]:
    return {"id": secrets.token_hex(12), "type": kind, "createdAt": now(), "author": {"name": author}, "data": data}


def _comment(author: str, text: str) -> dict[str, Any]:
    latest = {"raw": text, "html": text, "updatedAt": now(), "author": {"name": author}}
    return event("comment", author, edited=False, hidden=False, latest=latest, history=[latest])


def open_discussion(repo: Repo, author: str, title: str, text: str, base: str | None = None) -> dict[str, Any]:
    """Number and keep a new one; a pull request where it has a `base`, which is a full ref."""
    talks = repo.discussions
    told = {
        "num": len(talks) + 1,
        "title": title,
        "status": "open",
        "author": {"name": author},
        "createdAt": now(),
        "isPullRequest": base is not None,
        "base": base,
        "mergeCommitId": None,
        "events": [_comment(author, text)] if text else [],
    }
    repo.keep_discussion(told)
    return told


def open_pull(repo: Repo, author: str, title: str, text: str, base: str, oid: str) -> dict[str, Any]:
    """A pull request that brings the commit `oid`."""
    told = open_discussion(repo, author, title, text, base)
    repo.set_ref(f"refs/pr/{told['num']}", oid)
    note_commit(repo, told["num"], oid)
    return told


def note_commit(repo: Repo, number: int, oid: str) -> None:
    talk, commit = repo.discussion(number), repo.commit(oid)
    talk["events"].append(event("commit", commit.author, subject=commit.title, oid=oid))
    repo.keep_discussion(talk)


def _changes(repo: Repo, talk: dict[str, Any]) -> tuple[Commit, Commit, Commit]:
    """Commits of a pull request: where it parted from its base, the base now, its own last."""
    head = repo.refs[f"refs/pr/{talk['num']}"]
    base = repo.refs[talk["base"]]
    known = set(repo.ancestors(base))
    parted = next(oid for oid in repo.ancestors(head) if oid in known)
    return repo.commit(parted), repo.commit(base), repo.commit(head)


def _changed(old: Commit, new: Commit) -> dict[str, Entry | None]:
    """Path -> what it became; None where it was deleted."""
    paths = sorted(old.files.keys() | new.files.keys())
    return {path: new.files.get(path) for path in paths if old.files.get(path) != new.files.get(path)}


def _conflicts(parted: Commit, base: Commit, head: Commit) -> list[str]:
    ours, theirs = _changed(parted, base), _changed(parted, head)
    return [path for path, entry in theirs.items() if path in ours and ours[path] != entry]


def _lines(repo: Repo, entry: Entry | None) -> list[str] | None:
    """Lines of a file as git sees it, so of an LFS file the pointer; None where it is no text."""
    if entry is None:
        return []
    content = lfs_pointer(entry.sha256, entry.size) if entry.sha256 else repo.read(entry)
    return None if b"\0" in content else content.decode(errors="replace").splitlines(keepends=True)


def _diff(repo: Repo, old: Commit, new: Commit) -> str:
    """The changes as git tells them."""
    told = []
    for path in _changed(old, new):
        before, after = _lines(repo, old.files.get(path)), _lines(repo, new.files.get(path))
        told.append(f"diff --git a/{path} b/{path}\n")
        if before is None or after is None:
            told.append(f"Binary files a/{path} and b/{path} differ\n")
            continue
        names = (f"a/{path}" if path in old.files else "/dev/null", f"b/{path}" if path in new.files else "/dev/null")
        lines = unified_diff(before, after, *names)
        told += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(told)


def _told(call: Call, repo: Repo, talk: dict[str, Any], details: bool = False) -> dict[str, Any]:
    keys = ("num", "title", "status", "author", "createdAt", "isPullRequest")
    told = {key: talk[key] for key in keys} | {"repo": {"name": repo.name, "type": repo.kind[:-1]}}
    if details:
        told["events"] = talk["events"]
        if talk["isPullRequest"]:
            parted, base, head = _changes(repo, talk)
            merged = talk["status"] == "merged"
            told["changes"] = {"base": talk["base"], "mergeCommitId": talk["mergeCommitId"]}
            told["filesWithConflicts"] = [] if merged else _conflicts(parted, base, head)
            if call.query.get("diff"):
                told["diff"] = talk.get("diff") or _diff(repo, parted, head)
    return told


@route("GET", API_REPO + "/discussions")
async def discussions(call: Call) -> Response:
    """Newest first, page `p` of so many."""
    repo, query = call.repo(), call.query
    pull = {"pull_request": (True,), "discussion": (False,)}.get(query.get("type", ""), (True, False))
    status = {"open": ("open", "draft"), "closed": ("closed", "merged")}.get(query.get("status", ""))
    rows = [
        _told(call, repo, talk)
        for talk in reversed(repo.discussions)
        if talk["isPullRequest"] in pull
        and (status is None or talk["status"] in status)
        and query.get("author") in (None, talk["author"]["name"])
    ]
    start = int(query.get("p", "0")) * call.hub.page_size
    return JSONResponse({"discussions": rows[start : start + call.hub.page_size], "count": len(rows), "start": start})


@route("POST", API_REPO + "/discussions")
async def new_discussion(call: Call) -> Response:
    repo, told = call.talks(), await call.json()
    with call.state.lock:
        pull = bool(told.get("pullRequest"))
        title, text = told["title"], told.get("description", "")
        talk = open_discussion(repo, call.author, title, text, MAIN if pull else None)
        if pull:
            talk["status"] = "draft"
            repo.keep_discussion(talk)
            repo.set_ref(f"refs/pr/{talk['num']}", repo.refs[MAIN])
    return JSONResponse({"num": talk["num"], "url": f"{call.hub.url}/{repo.web}/discussions/{talk['num']}"})


@route("GET", TALK)
async def discussion(call: Call) -> Response:
    repo = call.repo()
    return JSONResponse(_told(call, repo, repo.discussion(int(call.groups["number"])), details=True))


@route("POST", TALK + "/(?P<what>comment|title|status)")
async def change_discussion(call: Call) -> Response:
    """Comment as anybody; rename, close and open again as its author or the owner of the repo."""
    repo, told, what = call.talks(), await call.json(), call.groups["what"]
    with call.state.lock:
        talk = repo.discussion(int(call.groups["number"]))
        if what != "comment" and not (call.writes(repo) or talk["author"]["name"] == call.author):
            raise HubError(403, "Only its author and who writes to the repo may change it")
        if told.get("comment"):
            talk["events"].append(_comment(call.author, told["comment"]))
        if what == "title":
            talk["events"].append(event("title-change", call.author, **{"from": talk["title"], "to": told["title"]}))
            talk["title"] = told["title"]
        elif what == "status":
            if talk["status"] == "merged":
                raise HubError(400, "A merged pull request stays merged")
            talk["events"].append(event("status-change", call.author, status=told["status"]))
            talk["status"] = told["status"]
        repo.keep_discussion(talk)
    word = {"comment": "newMessage", "title": "newTitle", "status": "newStatus"}[what]
    return JSONResponse({word: talk["events"][-1]})


@route("POST", TALK + "/comment/(?P<event>[0-9a-f]+)/(?P<what>edit|hide)")
async def change_comment(call: Call) -> Response:
    repo, told = call.talks(), await call.json()
    with call.state.lock:
        talk = repo.discussion(int(call.groups["number"]))
        found = next((each for each in talk["events"] if each["id"] == call.groups["event"]), None)
        if found is None or found["author"]["name"] != call.author:
            raise HubError(403, "Only its author may change a comment")
        hide, data = call.groups["what"] == "hide", found["data"]
        latest = _comment(call.author, "" if hide else told["content"])["data"]["latest"]
        data |= {"hidden": hide, "edited": True, "latest": latest, "history": [latest, *data["history"]]}
        repo.keep_discussion(talk)
    return JSONResponse({"updatedComment": found})


@route("POST", TALK + "/merge")
async def merge(call: Call) -> Response:
    repo = call.repo(write=True)
    with call.state.lock:
        talk = repo.discussion(int(call.groups["number"]))
        if not talk["isPullRequest"] or talk["status"] != "open":
            raise HubError(400, f"Only an open pull request can be merged; this is {talk['status']}")
        parted, base, head = _changes(repo, talk)
        if conflicts := _conflicts(parted, base, head):
            raise HubError(409, f"Merge conflicts in {', '.join(conflicts)}")
        files = dict(base.files)
        for path, entry in _changed(parted, head).items():
            files.pop(path, None)
            if entry is not None:
                files[path] = entry
        title = f"{talk['title']} (#{talk['num']})"
        talk["diff"] = _diff(repo, parted, head)
        talk["mergeCommitId"] = repo.add(files, [base.oid, head.oid], title, "", call.author)
        repo.set_ref(talk["base"], talk["mergeCommitId"])
        talk["status"] = "merged"
        talk["events"].append(event("status-change", call.author, status="merged"))
        repo.keep_discussion(talk)
    return JSONResponse({"mergeCommitId": talk["mergeCommitId"]})
