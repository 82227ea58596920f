"""How the page is served: Gradio's settings, the guard in front of it and the janitor behind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import cv2
import gradio as gr
from starlette.middleware import Middleware

from octseg.cores import usable_cores
from octseg.pipeline.opencv import opencv_threads
from octseg.ui.desk import Desk
from octseg.ui.guard import Guard
from octseg.ui.janitor import start_janitor
from octseg.ui.limits import ServerLimits, on_a_space
from octseg.ui.log import log_no_values
from octseg.ui.ports import port_of
from octseg.ui.private import PrivateFolders
from octseg.ui.routes import routes_of
from octseg.ui.sessions import describe_once
from octseg.ui.share import door, sign_in_paths
from octseg.ui.theme import HEAD, theme
from octseg.ui.tools import tools_of

SPACE_PAGES = "https://huggingface.co https://*.huggingface.co"
ENDING_S = 10.0  # that pullbacks which are under way have for the frame that they are at
CLOSING_S = 1  # that answers under way have then; pages that are open ask for one that never ends
LINE_LOOKED_AT_S = 0.01  # Gradio looks at its line of calls a thousand times a second, also where there is none


def serve(
    page: gr.Blocks,
    limits: ServerLimits,
    folders: PrivateFolders,
    environment: Mapping[str, str],
    desk: Desk | None = None,
) -> None:
    """Serve `page` until the process is told to stop; desk: what it is about, where there is a model."""
    space = on_a_space(environment)
    programs = {
        number: (function.api_name, len(function.inputs))
        for number, function in page.fns.items()
        if isinstance(function.api_name, str) and function.api_visibility == "public"
    }
    guard = Middleware(
        Guard,
        limits=limits,
        visitors=folders.visitors,
        frame_ancestors=f"'self' {SPACE_PAGES}" if space else "'self'",
        more_addresses=sign_in_paths(door(environment, limits)),
        make=desk.later.make if desk else None,
        seconds_a_call=desk.seconds_a_call if desk else lambda: 1.0,
        programs=dict(programs.values()),
        client_calls=frozenset(programs),
    )
    for folder in (folders.visitors, folders.root / "tmp"):
        start_janitor(folder, limits)
    tools = tools_of(page, folders.visitors) if desk else None
    if tools is not None:
        page.mcp_server_obj, page.mcp_server = tools, True  # as `mcp_server=True` below would, with Gradio's own
    cv2.setNumThreads(opencv_threads(usable_cores(), limits.model_runs))
    describe_once(page)
    page.queue(max_size=limits.queue_size, api_open=False, default_concurrency_limit=limits.model_runs)
    page._queue.sleep_when_free = LINE_LOOKED_AT_S
    log_no_values()
    with _ending(desk):
        page.launch(
            server_name=environment.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else "127.0.0.1"),  # noqa: S104
            server_port=port_of(environment),
            theme=theme(),
            head=HEAD,
            footer_links=["api"],
            app_kwargs={
                "middleware": [guard],
                **({} if tools is None else {"lifespan": tools.lifespan}),
                "routes": routes_of(desk) if desk else [],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
            max_file_size=limits.max_upload_bytes,
            state_session_capacity=limits.sessions,
            max_threads=40,
            show_error=False,
            run_history=False,
            enable_monitoring=False,
            allowed_paths=[],
            strict_cors=True,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            prevent_thread_lock=True,
        )
        page.server.config.timeout_graceful_shutdown = CLOSING_S
        page.block_thread()


@contextmanager
def _ending(desk: Desk | None) -> Iterator[None]:
    """At the end no run works any more: their threads write visitors' files, which are deleted next."""
    try:
        yield
    finally:
        if desk is not None:
            desk.runs.end(ENDING_S)
