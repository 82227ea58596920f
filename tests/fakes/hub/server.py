"""A Hugging Face Hub on loopback, over real HTTP, for huggingface_hub and datasets as they are.

It keeps its state on disk, sends LFS files from another origin over signed links, checks what is uploaded by sha256,
and fails where a test asks it to. Not there: Xet (clients need HF_HUB_DISABLE_XET=1), git over HTTP, buckets,
collections, likes, jobs, webhooks, the dataset viewer, copies from repo to repo, and plans that cost money.

    with HubServer(tmp_path / "hub") as hub:
        token = hub.add_user("ada", orgs={"lab": "write"})
        run_client(hub, home, "from huggingface_hub import create_repo; create_repo('ada/net')", token=token)

Kinds are "models", "datasets", "spaces"; the words of huggingface_hub ("model" and so on) do as well.
"""

import asyncio
import secrets
import socket
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, Response
from typing_extensions import Self

from tests.fakes.hub import cards, git, jobs, oidc, pulls, repos  # noqa: F401 - they register their routes
from tests.fakes.hub.calls import answer
from tests.fakes.hub.faults import Fault, FaultKind, Faults, FaultyApp, Receive, Request, Send
from tests.fakes.hub.state import KINDS, HubState, Kind, Token, read_json, write_json
from tests.fakes.hub.storage import answer_storage

__all__ = ["Fault", "HubServer", "Request"]
START_SECONDS = 10.0


@dataclass(frozen=True)
class OAuthApp:
    secret: str
    scopes: tuple[str, ...]


class HubServer:
    """The running Hub; it can be stopped and started again at the same port with the same state.

    lfs_over: files of more bytes go to LFS. multipart_over, part_bytes: LFS files of more bytes go up in parts of so
    many. page_size: rows of one page of any list. binary_lfs: whether files that are no text go to LFS whatever their
    name. link_seconds: how long a signed link works. For sign-in, see `add_oauth_app`: browser_user, auto_approve,
    oauth_seconds. All of them may be changed at any time.
    """

    def __init__(
        self,
        root: Path,
        port: int = 0,
        *,
        lfs_over: int = 10_000_000,
        multipart_over: int = 50_000_000,
        part_bytes: int = 16_000_000,
        page_size: int = 1000,
        binary_lfs: bool = True,
        link_seconds: float = 3600.0,
    ) -> None:
        self.state = HubState(root)
        self.lfs_over, self.multipart_over, self.part_bytes = lfs_over, multipart_over, part_bytes
        self.page_size, self.binary_lfs, self.link_seconds = page_size, binary_lfs, link_seconds
        self.port, self.storage_port = port, 0
        self.browser_user: str | None = None
        self.auto_approve = False
        self.oauth_seconds = 8 * 3600.0
        self.oauth_apps: dict[str, OAuthApp] = {}
        self.oauth_codes: dict[str, dict[str, str]] = {}
        self.secret = bytes.fromhex(read_json(root / "secret.json", None) or secrets.token_hex(32))
        write_json(root / "secret.json", self.secret.hex())
        self._faults = Faults()
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage_url(self) -> str:
        """Another origin, so that clients drop their token on the way to it."""
        return f"http://localhost:{self.storage_port}"

    def start(self) -> None:
        """Listen; returns once both origins answer. Ports stay those of the first start."""
        listening = [_bound(self.port), _bound(self.storage_port)]
        self.port, self.storage_port = (each.getsockname()[1] for each in listening)
        apps = (self._app(answer, "hub"), self._app(answer_storage, "storage"))
        self._servers = [uvicorn.Server(_config(app)) for app in apps]

        async def serve() -> None:
            pairs = zip(self._servers, listening, strict=True)
            await asyncio.gather(*(server.serve(sockets=[each]) for server, each in pairs))

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True, name="hub")
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not all(server.started for server in self._servers):
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError("the loopback hub did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Close both ports and every connection; the state stays on disk."""
        if self._thread is None:
            return
        for server in self._servers:
            server.should_exit = True
        self._thread.join(START_SECONDS)
        self._thread = None

    def _app(
        self,
        answering: Callable[["HubServer", StarletteRequest], Awaitable[Response]],
        origin: Literal["hub", "storage"],
    ) -> FaultyApp:
        async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            try:
                response = await answering(self, StarletteRequest(scope, receive))
            except ClientDisconnect:
                return
            except Exception:  # a fault of ours is shown to the client as the Hub shows its own
                traceback.print_exc()
                response = JSONResponse({"error": "Internal error: see the traceback of the loopback hub"}, 500)
            await response(scope, receive, send)

        return FaultyApp(app, origin, self._faults)

    # what tests ask of it

    @property
    def requests(self) -> list[Request]:
        """Every request so far, to both origins, in the order of arrival."""
        return self._faults.requests

    def clear_requests(self) -> None:
        self._faults.requests.clear()

    def fail(
        self,
        match: str,
        kind: FaultKind,
        times: int = 1,
        *,
        code: int = 503,
        retry_after: str | None = None,
        seconds: float = 0.0,
        at: int | None = None,
        after: bool = False,
    ) -> Fault:
        """Let something go wrong, see `Fault`; its `met` counts how often it has."""
        fault = Fault(match, kind, times, code, retry_after, seconds, at, after)
        self._faults.waiting.append(fault)
        return fault

    def clear_faults(self) -> None:
        self._faults.waiting.clear()

    def add_user(
        self, name: str, orgs: Mapping[str, str] | Iterable[str] = (), role: Literal["read", "write"] = "write"
    ) -> str:
        """A user and a token of theirs; `role` is the token's. `orgs` may give roles, which are "write" otherwise."""
        roles = dict(orgs) if isinstance(orgs, Mapping) else dict.fromkeys(orgs, "write")
        self.state.add_user(name, roles)
        return self.state.add_token(Token(name, role))

    def add_token(self, user: str, role: Literal["read", "write"] = "write") -> str:
        return self.state.add_token(Token(user, role))

    def revoke(self, token: str) -> None:
        self.state.revoke(token)

    def add_oauth_app(self, client: str, *scopes: str) -> dict[str, str]:
        """An app, such as a Space with `hf_oauth`; returns what its environment holds of that.

        Who signs in is `browser_user`, who presses a button unless `auto_approve`; tokens last `oauth_seconds`.
        """
        app = OAuthApp(secrets.token_hex(16), scopes or ("openid", "profile"))
        self.oauth_apps[client] = app
        return {
            "OAUTH_CLIENT_ID": client,
            "OAUTH_CLIENT_SECRET": app.secret,
            "OAUTH_SCOPES": " ".join(dict.fromkeys(("openid", "profile", *app.scopes))),
            "OPENID_PROVIDER_URL": self.url,
        }

    def grant(self, repo: str, user: str, kind: str = "models") -> None:
        """Let a user into a gated repo."""
        found = self.state.repo(_kind(kind), repo)
        found.change(granted=[*found.meta["granted"], user])

    def create_repo(
        self,
        kind: str,
        repo: str,
        private: bool = False,
        gated: Literal["auto", "manual", False] | bool = False,
        sdk: str | None = None,
    ) -> None:
        visibility = "private" if private else "public"
        gate = "auto" if gated is True else gated
        author = repo.partition("/")[0]
        self.state.create(_kind(kind), repo, author, visibility=visibility, gated=gate, sdk=sdk)

    def put_commit(
        self,
        kind: str,
        repo: str,
        files: Mapping[str, bytes],
        message: str = "Add files",
        branch: str = "main",
        lfs: Iterable[str] = (),
        deleted: Iterable[str] = (),
    ) -> str:
        """Commit without a client; a branch that is not there starts at main.

        LFS are those of `lfs`, those that .gitattributes names and those of more than `lfs_over` bytes.
        """
        found = self.state.repo(_kind(kind), repo)
        with self.state.lock:
            ref = found.branch(branch) or f"refs/heads/{branch}"
            head = found.resolve(ref if ref in found.refs else "main")
            tree = {path: entry for path, entry in found.commit(head).files.items() if path not in set(deleted)}
            large = [
                path
                for path, content in files.items()
                if path in set(lfs) or found.tracked(tree, path) or len(content) > self.lfs_over
            ]
            for path, content in files.items():
                tree[path] = found.put_lfs(content) if path in large else found.put(content)
            found.track(tree, large)
            oid = found.add(tree, [head], message, "", found.namespace)
            found.set_ref(ref, oid)
        return oid

    def files(self, kind: str, repo: str, revision: str = "main") -> dict[str, bytes]:
        """Path -> content of everything at a revision, .gitattributes too."""
        found = self.state.repo(_kind(kind), repo)
        entries = found.commit(found.resolve(revision)).files
        return {path: found.read(entry) for path, entry in entries.items()}

    def lfs_files(self, kind: str, repo: str, revision: str = "main") -> set[str]:
        found = self.state.repo(_kind(kind), repo)
        return {path for path, entry in found.commit(found.resolve(revision)).files.items() if entry.sha256}

    def head(self, kind: str, repo: str, branch: str = "main") -> str:
        return self.state.repo(_kind(kind), repo).resolve(branch)

    def commits(self, kind: str, repo: str, revision: str = "main") -> list[str]:
        """Titles, newest first."""
        found = self.state.repo(_kind(kind), repo)
        return [each.title for each in found.history(found.resolve(revision))]

    def jobs(self) -> list[dict[str, Any]]:
        """What each job was asked for, and its `status`, which a test may change."""
        return self.state.jobs

    def jobs_end_as(self, stage: str) -> None:
        """Jobs that are started from now on have ended at once."""
        self.state.job_stage = stage

    def bucket(self, name: str) -> dict[str, Any] | None:
        return self.state.buckets.get(name)

    def add_bucket(self, name: str, *, private: bool) -> None:
        self.state.buckets[name] = jobs.bucket(name, private=private)

    def repo_exists(self, kind: str, repo: str) -> bool:
        return self.state.find(_kind(kind), repo) is not None

    def is_private(self, kind: str, repo: str) -> bool:
        return bool(self.state.repo(_kind(kind), repo).meta["visibility"] == "private")


def _kind(word: str) -> Kind:
    kind = word if word.endswith("s") else f"{word}s"
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, not {word!r}")
    return kind


def _bound(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


def _config(app: FaultyApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
