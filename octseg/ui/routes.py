"""What the page answers beside Gradio: the files of a pullback in one ZIP, and reviews of what is kept."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from octseg.ui.desk import Desk
from octseg.ui.markup import on_page
from octseg.ui.review.server import review_routes

GONE = "The server no longer holds these files; make them again on the page."


def routes_of(desk: Desk) -> list[BaseRoute]:
    """The addresses of what runs have made, and of the reviews of results, each below its result's key."""

    def results(request: Request) -> Response:
        run = desk.runs.get(request.path_params["key"])
        made = None if run is None else run.downloads.made(request.path_params["number"])
        if made is None:
            return PlainTextResponse(GONE, 404)
        name = quote(f"{made.stem}_results.zip")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(made.zipped(), media_type="application/zip", headers=headers)

    reviews = review_routes(
        lambda request: desk.reviews.using(request.path_params["key"], request.method == "POST"), on_page
    )
    return [Route("/octseg/results/{key}/{number:int}", results), Mount("/octseg/review/{key}", routes=reviews)]
