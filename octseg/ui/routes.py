"""What the page answers beside Gradio: the files of a pullback in one ZIP, streamed as they are read."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from octseg.ui.run import Runs

GONE = "The server no longer holds these files; make them again on the page."


def routes_of(runs: Runs) -> list[Route]:
    """The addresses of what runs have made."""

    def results(request: Request) -> Response:
        run = runs.get(request.path_params["key"])
        made = None if run is None else run.downloads.made(request.path_params["number"])
        if made is None:
            return PlainTextResponse(GONE, 404)
        name = quote(f"{made.stem}_results.zip")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(made.zipped(), media_type="application/zip", headers=headers)

    return [Route("/octseg/results/{key}/{number:int}", results)]
