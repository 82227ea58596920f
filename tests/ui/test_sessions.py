"""Sessions of the page: each has its own description of the components, which are asked once for all of them."""

from typing import Any

import gradio as gr
from gradio.state_holder import SessionState

from octseg.ui.sessions import describe_once


class Counted(gr.Textbox):
    """A text box that counts how often it was asked what it is."""

    asked = 0

    def get_config(self, cls: Any = None) -> dict[str, Any]:
        type(self).asked += 1
        return super().get_config(cls)


def test_sessions_have_descriptions_of_their_own_that_are_worked_out_once() -> None:
    with gr.Blocks(analytics_enabled=False) as page, gr.Row():
        box = Counted("first", label="text")
    anew = SessionState(page).config_values
    describe_once(page)
    asked = Counted.asked
    one, another = SessionState(page), SessionState(page)
    assert Counted.asked == asked
    assert one.config_values == another.config_values == anew
    one._update_value_in_config(box._id, "second")
    assert one.config_values[box._id]["props"]["value"] == "second"
    assert another.config_values[box._id]["props"]["value"] == "first"
