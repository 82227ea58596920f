"""The addresses of a review, below a key that nobody can guess, and the server of this machine that answers them.

Whoever has the key may read and correct: it stands in the link that the command prints, and no other page in the
browser and no other user of the machine knows it.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from octseg.errors import OctsegError
from octseg.ui.ports import bound
from octseg.ui.review.page import page_html
from octseg.ui.review.sent import Sent
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
Using = Callable[[Request], AbstractContextManager[ReviewSession]]
Work = Callable[[ReviewSession, Request, Any], Response]
KEY_BYTES = 16
MAX_BODY = 8 << 20  # bytes of a stroke
REFUSED, TOO_LARGE, UNFORESEEN = 409, 413, 500
FAILED = "this could not be done, for a reason that the program does not know; load the page again"
THREADS = 48  # of reviews alone: who asks much of one takes none of those that answer the rest of the page

logger = logging.getLogger(__name__)


def new_key() -> str:
    """What stands in a review's link."""
    return secrets.token_urlsafe(KEY_BYTES)


def app_of(session: ReviewSession, key: str) -> Starlette:
    """What answers of one session."""
    return Starlette(routes=[Mount(f"/{key}", routes=review_routes(lambda _: nullcontext(session)))])


def review_routes(using: Using, words: Callable[[str], str] = str) -> list[Route]:
    """The addresses of a review; using: the session that a request is about, held as long as it is answered.

    words: from a sentence of the command on what cannot be done to one for who reads it.
    """
    threads = ThreadPoolExecutor(THREADS, "octseg-review")

    async def measured(session: ReviewSession) -> None:
        await _in_thread(threads, session.measure_all)

    def page(session: ReviewSession, _request: Request, _body: Any) -> Response:
        later = BackgroundTask(measured, session)  # of a log that was opened again
        return HTMLResponse(page_html(session.case.folder.name), headers=HEADERS, background=later)

    def picture(session: ReviewSession, request: Request, _body: Any) -> Response:
        return Response(session.picture(_number(request)), media_type="image/jpeg", headers=HEADERS)

    def doubt(session: ReviewSession, request: Request, _body: Any) -> Response:
        return Response(session.doubt(_number(request)), media_type="image/png", headers=HEADERS)

    asked: dict[str, Work] = {
        "/": page,
        "/frames/{number:int}.jpg": picture,
        "/frames/{number:int}.png": doubt,
        "/case.json": _told(lambda session, _request, _body: session.told()),
        "/frames/{number:int}/vessel": _told(
            lambda session, request, _body: session.vessel(_number(request)), measured
        ),
        "/frames/{number:int}.json": _told(lambda session, request, _body: session.frame(_number(request))),
    }
    posted: dict[str, Callable[[ReviewSession, Request, Any], Any]] = {
        "/frames/{number:int}/draw": lambda session, request, body: session.draw(_number(request), body),
        "/frames/{number:int}/judge": lambda session, request, body: session.judge(_number(request), body),
        "/frames/{number:int}/interpolate": lambda session, request, _body: session.interpolate(_number(request)),
        "/undo": lambda session, _request, _body: session.step("undo"),
        "/redo": lambda session, _request, _body: session.step("redo"),
        "/export": lambda session, _request, body: session.export(body),
    }
    return [
        Route("/results.zip", _sending(using, threads, words), methods=["GET"]),
        *(Route(path, _answering(using, work, threads, words), methods=["GET"]) for path, work in asked.items()),
        *(
            Route(path, _answering(using, _told(work, measured), threads, words), methods=["POST"])
            for path, work in posted.items()
        ),
    ]


def serve(session: ReviewSession, listening: socket.socket, key: str) -> None:
    """Answer until the process is told to stop."""
    measuring = Thread(target=session.measure_all)
    measuring.start()
    try:
        config = uvicorn.Config(app_of(session, key), log_level="warning", access_log=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        session.stop()
        measuring.join()


def listen(port: int) -> socket.socket:
    """A socket of this machine alone; 0 for any port that is free. OctsegError where it is taken."""
    listening = bound(port, "choose another by --port, or leave --port out")
    listening.listen()  # whoever has the link may come before the server is ready
    return listening


def _number(request: Request) -> int:
    return int(request.path_params["number"])


async def _in_thread(threads: Executor, work: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _told(
    work: Callable[[ReviewSession, Request, Any], Any],
    measured: Callable[[ReviewSession], Awaitable[None]] | None = None,
) -> Work:
    """What is told as JSON; measured: what measures frames that were changed by it, behind the answer."""

    def answer(session: ReviewSession, request: Request, body: Any) -> Response:
        told = work(session, request, body)
        later = None if measured is None else BackgroundTask(measured, session)
        return JSONResponse(told, headers=HEADERS, background=later)

    return answer


def _answering(
    using: Using, work: Work, threads: Executor, words: Callable[[str], str]
) -> Callable[[Request], Awaitable[Response]]:
    """A route whose body, where it has one, is an object; it is answered beside the others.

    What a reader can meet and mend is told in its sentence.
    """

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

        def answer() -> Response:
            with using(request) as session:
                return work(session, request, body)

        return await _answered(answer, threads, words)

    return route


def _sending(using: Using, threads: Executor, words: Callable[[str], str]) -> Callable[[Request], Awaitable[Response]]:
    """The route of what a visitor takes home: its review is held until it was sent."""

    async def route(request: Request) -> Response:
        kinds = request.query_params.get("kinds", "").split()

        def pieces() -> Generator[bytes, None, None]:
            with using(request) as session:
                yield from session.zipped(session.kinds_of(kinds))

        def answer() -> Response:
            making = pieces()
            first = next(making)
            return Sent(first, making, threads, {**HEADERS, "content-disposition": "attachment"})

        return await _answered(answer, threads, words)

    return route


async def _answered(answer: Callable[[], Response], threads: Executor, words: Callable[[str], str]) -> Response:
    """An answer made in a thread, or a sentence on why there is none."""
    try:
        answered: Response = await _in_thread(threads, answer)
    except OctsegError as error:
        return _refused(words(str(error)))
    except Exception as error:  # whatever it is, its words are not logged: they may name a patient
        logger.error("a review was not answered: %s", type(error).__name__)
        return _refused(FAILED, UNFORESEEN)
    return answered


def _refused(sentence: str, status: int = REFUSED) -> Response:
    return PlainTextResponse(sentence, status, headers=HEADERS)
