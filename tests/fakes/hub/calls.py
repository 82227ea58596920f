"""One request to the loopback Hub: who asks, for what, with what right; and the table of routes.

Routes match the raw path, since revisions and folders arrive as one encoded segment (`refs%2Fpr%2F1`); the groups of a
route are decoded after the match.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.fakes.hub.state import HubError, Kind, Moved, Repo, Token, User

if TYPE_CHECKING:
    from tests.fakes.hub.server import HubServer

API_REPO = r"/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
WEB_REPO = r"/(?P<prefix>datasets/|spaces/)?(?P<name>[^/]+/[^/]+?)"


class Call:
    """A request with its caller; `groups` are the decoded parts of the path."""

    def __init__(self, hub: HubServer, request: Request) -> None:
        self.hub, self.state, self.request = hub, hub.state, request
        self.query: QueryParams = request.query_params
        self.groups: dict[str, str] = {}
        self.token: Token | None = None
        self.user: User | None = None

    def identify(self) -> None:
        """Who asks. Raises HubError on a token that nobody has."""
        scheme, _, text = self.request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return
        self.token = self.state.token(text)
        self.user = self.state.user(self.token.user) if self.token else None
        if self.user is None or (self.token and self.token.until is not None and self.token.until < time.time()):
            raise HubError(401, "Invalid credentials in Authorization header")

    async def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self.request.body() or b"{}")
        return told

    @property
    def author(self) -> str:
        return "" if self.user is None else self.user.name

    def signed_in(self) -> User:
        if self.user is None:
            # of a repo the client makes RepositoryNotFoundError of a 401, over http:// only with this code
            raise HubError(401, "Invalid username or password.", "RepoNotFound" if "name" in self.groups else None)
        return self.user

    def _of(self, namespace: str) -> str | None:
        """Role of the caller in a namespace."""
        if self.user is None:
            return None
        return "admin" if self.user.name == namespace else self.user.orgs.get(namespace)

    def _covers(self, repo: Repo, *scopes: str) -> bool:
        """Whether the token reaches the repo: always one of the user's own, one of an app by its scopes."""
        if self.token is None or self.token.scopes is None:
            return True
        made = "contribute-repos" in self.token.scopes and repo.meta.get("client") == self.token.client
        return made or any(scope in self.token.scopes for scope in scopes)

    def reads(self, repo: Repo) -> bool:
        if repo.meta["visibility"] != "private":
            return True
        return self._of(repo.namespace) is not None and self._covers(repo, "read-repos", "write-repos", "manage-repos")

    def writes(self, repo: Repo) -> bool:
        role = self._of(repo.namespace)
        can = role in ("admin", "write", "contributor") and self.token is not None and self.token.role == "write"
        return can and self._covers(repo, "write-repos", "manage-repos")

    def may_create(self, namespace: str) -> bool:
        if self.token is None or self.token.role != "write":
            return False
        scopes = self.token.scopes
        allowed = scopes is None or "contribute-repos" in scopes or "manage-repos" in scopes
        return allowed and self._of(namespace) in ("admin", "write", "contributor")

    def repo(self, write: bool = False) -> Repo:
        """The repo of the path. Raises HubError where it is not there for the caller, Moved where it was renamed."""
        if "kind" in self.groups:
            kind = cast(Kind, self.groups["kind"])
        else:
            kind = cast(Kind, (self.groups.get("prefix") or "models/").rstrip("/"))
        name = self.groups["name"]
        found = self.state.find(kind, name)
        if found is None and (new := self.state.moved(kind, name)):
            raise Moved(name, new)
        if found is None or not self.reads(found):
            status, message = (401, "Invalid username or password.") if self.user is None else (404, "")
            raise HubError(status, message or "Repository not found", "RepoNotFound")
        if write and not self.writes(found):
            self.signed_in()
            raise HubError(403, f"You don't have the rights to write to {found.name}, or your token has not")
        return found

    def pushes(self, revision: str, pull: bool = False) -> Repo:
        """The repo, for who may commit to `revision`: writers; the author of its pull request; anybody to a new one."""
        number = re.fullmatch(r"refs/pr/(\d+)", revision)
        known = number is not None and revision in self.repo().refs
        own = number and known and self.repo().discussion(int(number[1]))["author"]["name"] == self.author
        return self.talks() if pull or own else self.repo(write=True)

    def talks(self) -> Repo:
        """The repo, for who may open and answer discussions in it."""
        repo = self.repo()
        self.signed_in()
        allowed = self.token is not None and self.token.role == "write" and self._covers(repo, "write-discussions")
        if not allowed and not self.writes(repo):
            raise HubError(403, "The token has no right to discussions and pull requests here")
        return repo

    def open(self, repo: Repo) -> None:
        """Raises HubError where the files of a gated repo are closed to the caller."""
        meta = repo.meta
        if not meta["gated"] or self.author in meta["granted"] or self._of(repo.namespace):
            return
        status = 401 if self.user is None else 403
        raise HubError(status, f"Access to {repo.web} is restricted. You must be authorised to access it.", "GatedRepo")


Handler = Callable[[Call], Awaitable[Response]]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(methods: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler for "GET HEAD"-like `methods` and a pattern of the whole raw path."""

    def register(handler: Handler) -> Handler:
        ROUTES.extend((method, re.compile(pattern), handler) for method in methods.split())
        return handler

    return register


def failure(error: HubError) -> Response:
    """The Hub's way to say no: the reason as JSON and in headers."""
    text = error.message.encode("ascii", "replace").decode().replace("\n", " ")
    headers = {"X-Error-Message": text} | ({"X-Error-Code": error.code} if error.code else {})
    return JSONResponse({"error": error.message}, error.status, headers | error.headers)


async def answer(hub: HubServer, request: Request) -> Response:
    """Find the route and run it; errors of ours become answers."""
    path = request.scope["raw_path"].decode()
    call = Call(hub, request)
    try:
        for method, pattern, handler in ROUTES:
            if method == request.method and (found := pattern.fullmatch(path)):
                call.groups = {key: unquote(text) for key, text in found.groupdict().items() if text is not None}
                call.identify()
                return await handler(call)
        return failure(HubError(404, f"Cannot {request.method} {path}"))
    except HubError as error:
        return failure(error)
    except Moved as moved:
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(status_code=307, headers={"Location": path.replace(moved.old, moved.new, 1) + query})
    except (json.JSONDecodeError, KeyError) as error:
        return failure(HubError(400, f"Malformed request: {error!r}"))
