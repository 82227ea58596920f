"""The addresses of a review, below a key that nobody can guess, and the server of this machine that answers them.

Whoever has the key may read and correct: it stands in the link that the command prints, and no other page in the
browser and no other user of the machine knows it.
"""

import errno
import secrets
import socket
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from octseg.errors import OctsegError
from octseg.ui.review.page import page_html
from octseg.ui.review.session import ReviewSession

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
KEY_BYTES = 16
MAX_BODY = 8 << 20  # bytes of a stroke
REFUSED, TOO_LARGE = 409, 413
HOST = "127.0.0.1"


def new_key() -> str:
    """What stands in a review's link."""
    return secrets.token_urlsafe(KEY_BYTES)


def app_of(session: ReviewSession, key: str) -> Starlette:
    """What answers."""

    async def page(_: Request) -> Response:
        return HTMLResponse(page_html(session.case.folder.name), headers=HEADERS)

    async def picture(request: Request) -> Response:
        return await answered(
            lambda: Response(session.picture(_number(request)), media_type="image/jpeg", headers=HEADERS)
        )

    asked: list[Route] = [
        Route("/", page),
        Route("/frames/{number:int}.jpg", picture),
        Route("/case.json", _json(lambda _request, _body: session.told())),
        Route("/frames/{number:int}.json", _json(lambda request, _body: session.frame(_number(request)))),
    ]
    posted: dict[str, Callable[[Request, Any], Any]] = {
        "/frames/{number:int}/draw": lambda request, body: session.draw(_number(request), body),
        "/frames/{number:int}/judge": lambda request, body: session.judge(_number(request), body),
        "/frames/{number:int}/interpolate": lambda request, _body: session.interpolate(_number(request)),
        "/undo": lambda _request, _body: session.step("undo"),
        "/redo": lambda _request, _body: session.step("redo"),
        "/export": lambda _request, _body: session.export(),
    }
    later = BackgroundTask(session.measure_all)  # what several frames were changed by
    asked += [Route(path, _json(work, later), methods=["POST"]) for path, work in posted.items()]
    return Starlette(routes=[Mount(f"/{key}", routes=asked)])


def serve(session: ReviewSession, listening: socket.socket, key: str) -> None:
    """Answer until the process is told to stop."""
    measuring = Thread(target=session.measure_all)
    measuring.start()
    try:
        config = uvicorn.Config(app_of(session, key), log_level="warning", access_log=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        session.stopped.set()
        measuring.join()


def listen(port: int) -> socket.socket:
    """A socket of this machine alone; 0 for any port that is free. OctsegError where it is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({(error.strerror or '').lower()})"
        raise OctsegError(f"port {port} {why}: choose another by --port, or leave --port out") from error
    listening.listen()  # whoever has the link may come before the server is ready
    return listening


def _number(request: Request) -> int:
    return int(request.path_params["number"])


def _json(
    work: Callable[[Request, Any], Any], later: BackgroundTask | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """A route that answers by JSON; its body, where it has one, is an object. later: what is done behind the answer."""

    async def route(request: Request) -> Response:
        body: Any = {}
        if request.method == "POST":
            if int(request.headers.get("content-length") or 0) > MAX_BODY:
                return _refused("this is more than a stroke; load the page again", TOO_LARGE)
            try:
                body = await request.json() if await request.body() else {}
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict):
                return _refused("this is no stroke; load the page again")
        return await answered(lambda: JSONResponse(work(request, body), headers=HEADERS, background=later))

    return route


async def answered(make: Callable[[], Response]) -> Response:
    """A response made beside the others; what a reader can meet and mend is told in its sentence."""
    try:
        return await run_in_threadpool(make)
    except OctsegError as error:
        return _refused(str(error))


def _refused(sentence: str, status: int = REFUSED) -> Response:
    return PlainTextResponse(sentence, status, headers=HEADERS)
