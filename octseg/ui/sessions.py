"""What a session costs: Gradio keeps a description of every component for each, and each call of a program is one."""

from typing import Any

import gradio as gr
from gradio.blocks import Block, BlocksConfig
from typing_extensions import Self


class DescribedOnce(BlocksConfig):
    """The configuration of a finished page, in which each component says once what it is.

    Sessions get copies of it, and a description of their own of each component, in which Gradio notes its value.
    """

    def __init__(self, finished: BlocksConfig) -> None:
        vars(self).update(vars(finished))
        self._known = {
            number: super(DescribedOnce, self).config_for_block(number, [], component)
            for number, component in self.blocks.items()
        }
        self._finished = dict(self.blocks)

    def __copy__(self) -> Self:
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(super().__copy__()), _known=self._known, _finished=self._finished)  # type: ignore[no-untyped-call]
        return copied

    def config_for_block(  # type: ignore[override]  # Gradio's is static
        self, number: int, rendered_ids: list[int], block: Block, renderable: Any = None
    ) -> dict[str, Any]:
        """What a component is; of those that a visitor has changed it is worked out anew."""
        if renderable is not None or self._finished.get(number) is not block:
            return super().config_for_block(number, rendered_ids, block, renderable)
        known = self._known[number]
        return {**known, "props": dict(known["props"])}


def describe_once(page: gr.Blocks) -> None:
    """Have each component of a finished page say once what it is, instead of anew for every session."""
    page.default_config = DescribedOnce(page.default_config)
