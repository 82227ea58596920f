"""What a session costs: Gradio keeps a description of every component for each, and each call of a program is one."""

from functools import partial

import gradio as gr


def describe_once(page: gr.Blocks) -> None:
    """Have each component of a finished page say once what it is, instead of anew for every session.

    Each session gets a copy, in which Gradio notes the component's value.
    """
    for component in page.blocks.values():
        vars(component)["get_config"] = partial(dict, component.get_config())
