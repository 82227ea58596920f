"""The field in which another model is named, on a server that only its own user reaches."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from octseg.errors import OctsegError
from octseg.segmenter import Segmenter
from octseg.ui.cards import error_html, intervals_info, model_html
from octseg.ui.desk import Desk
from octseg.ui.picture import controls_html

Load = Callable[[str], Segmenter]  # what a name leads to; OctsegError in one sentence where that is nothing

TITLE = "Another model"
FIELD_INFO = "A repository of the Hugging Face Hub as org/name or org/name@revision, or a folder on this machine."
NOT_LOADED = "This model was not loaded, and the one above stays"


def build_model_field(desk: Desk, load: Load, card: gr.HTML, controls: gr.HTML, intervals: gr.Checkbox) -> Any:
    """Build the field; returns the event and the state that says whether the last one changed the model."""
    changed = gr.State(value=False)
    with gr.Accordion(TITLE, open=False, elem_id="oct-models"):
        name = gr.Textbox(label="Name", info=FIELD_INFO, placeholder="org/name", max_length=300)
        button = gr.Button("Load and measure again")
        problem = gr.HTML("", apply_default_css=False)

    def change(wanted: str) -> tuple[Any, ...]:
        try:
            if not wanted.strip():
                raise OctsegError("there is no name yet; give one as org/name")
            segmenter = load(wanted.strip())
        except OctsegError as error:
            return gr.skip(), gr.skip(), gr.skip(), error_html(str(error), title=NOT_LOADED), False
        config = segmenter.config
        shown = model_html(segmenter.identity, config, segmenter.notice)
        switches = controls_html(config.network.classes)
        desk.use(segmenter)  # last: the page and the model that it names go together
        return shown, switches, gr.Checkbox(info=intervals_info(config)), "", True

    asked = gr.on(
        [button.click, name.submit],
        change,
        name,
        [card, controls, intervals, problem, changed],
        api_visibility="private",
        show_progress_on=card,
        trigger_mode="once",
    )
    return asked, changed
