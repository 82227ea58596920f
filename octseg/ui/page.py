"""The page: its events, and what they show. No arithmetic lives here."""

import json
from typing import Any

import gradio as gr

from octseg.ui.api import build_api
from octseg.ui.asking import Asking
from octseg.ui.cards import error_html
from octseg.ui.columns import build_frame_column, build_numbers_column, build_picture_column, html_block
from octseg.ui.desk import Desk
from octseg.ui.head import RESEARCH_USE, head_html
from octseg.ui.models import Load
from octseg.ui.share import Share
from octseg.ui.showing import Shown
from octseg.ui.turns import Pages

TITLE = "octseg: lipid-rich plaque in intravascular OCT"
MODEL_TURN = "model"  # every event that runs the model waits in this one line
AHEAD = 2  # calls that are handed to the model's own line, so that no turn passes unused
ASKING_TURN = "asking"  # those that say what it is to run on never wait
TICKET = "(...given) => window.octAsked(given)"  # app.js
ARRIVED = "(...given) => window.octArrived(given)"  # a ticket too
CLEARED = "(...given) => window.octCleared(given)"  # and one
HELD = "(held, answered) => window.octHeld(held, answered)"


def build_page(desk: Desk | None, problem: str = "", share: Share | None = None, load: Load | None = None) -> gr.Blocks:
    """The whole page; without a desk, the sentence that says why there is no model.

    share: by what results are shared. load: by what another model is loaded, where whoever reaches the page may.
    """
    limits = desk.limits if desk else None
    lifetime = (int(limits.sweep_seconds), int(limits.keep_seconds)) if limits else None
    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=lifetime, fill_width=True)
    with page:
        html_block(head_html(), "oct-head")
        if desk is None:
            html_block(error_html(problem, title="There is no model"), "oct-picture")
        else:
            html_block(gate_html(), "oct-gate")
            with gr.Row(elem_id="oct-main"):
                frame = build_frame_column(desk)
                seen = build_picture_column(desk, load, frame.intervals)
                numbers = build_numbers_column(share, desk.later)
            _connect(page, desk, Shown(frame, seen, numbers, desk.segmenter.identity))
            build_api(desk, MODEL_TURN, desk.limits.model_runs + AHEAD)
    return page


def _connect(page: gr.Blocks, desk: Desk, shown: Shown) -> None:
    """Let each event note at once what its visitor wishes for; then the model runs, in turn, on what is newest."""
    frame, asking = shown.frame, Asking(desk, shown, Pages())
    ticket = gr.Number(visible=False)  # given by the page itself, see TICKET
    page.unload(asking.left)
    chosen = [frame.upload, frame.intervals]
    scaled = [*chosen, frame.spacing, frame.preset]
    rescaled = [frame.measure.click, frame.spacing.submit, frame.preset.input]
    outputs = [frame.held, frame.answered, frame.spacing, frame.preset, *shown.outputs]
    quick: dict[str, Any] = {
        "outputs": outputs,
        "api_visibility": "private",
        "concurrency_id": ASKING_TURN,
        "concurrency_limit": None,
        "show_progress": "hidden",
        "trigger_mode": "multiple",
        "js": TICKET,
    }
    run: dict[str, Any] = {
        "outputs": shown.outputs,
        "api_visibility": "private",
        "concurrency_id": MODEL_TURN,
        "concurrency_limit": desk.limits.model_runs,
        "show_progress_on": shown.seen.picture,
        "trigger_mode": "multiple",
    }
    events = [
        frame.upload.upload(asking.new_frame, [*chosen, ticket], **{**quick, "js": ARRIVED}),
        frame.examples.click(asking.example, [frame.intervals, ticket], **quick),
        gr.on(rescaled, asking.same_frame, [*scaled, ticket], **quick),
        frame.intervals.input(asking.switched, [*chosen, ticket], **quick),
    ]
    if shown.seen.another_model is not None:
        loaded, changed = shown.seen.another_model
        events.append(loaded.then(asking.with_another_model, [changed, *chosen, ticket], **quick))
    of_run = {**quick, "outputs": [frame.said, shown.seen.pullback], "js": None}
    shown.seen.pullback.click(asking.of_run, None, **of_run)
    cleared = frame.upload.clear(asking.cleared, ticket, **{**quick, "js": CLEARED})
    for event in (*events, cleared):
        event.success(None, [frame.held, frame.answered], frame.upload, js=HELD, api_visibility="private")
    for event in events:
        outlined = event.success(asking.outlined, None, **run)
        for step in (event, outlined):
            step.failure(None, None, shown.outputs, js=f"() => {json.dumps(shown.failed())}", api_visibility="private")


def gate_html() -> str:
    """What a visitor agrees to, with one button."""
    return (
        f'<div class="oct-gate"><h2>{RESEARCH_USE}</h2><ul>'
        "<li>Outlines and numbers come from a network and can be wrong. They must not guide the care of a patient.</li>"
        "<li>Send no frame that names a patient. Files are read on this server alone, and deleted within "
        "about an hour of their last use.</li>"
        "<li>Every length is only as good as its scale: its source stands beside it.</li></ul>"
        '<button type="button" id="oct-agree">I understand, go on</button></div>'
    )
