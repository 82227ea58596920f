"""What the page shows while a frame is outlined, afterwards, and where that fails. No arithmetic lives here."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from octseg.errors import OctsegError
from octseg.measurement import FrameMeasures
from octseg.result import FrameResult, ModelIdentity
from octseg.ui.along import pullback_html
from octseg.ui.cards import (
    correct_html,
    error_html,
    intervals_info,
    model_html,
    notice_html,
    scale_html,
    withdrawn_html,
)
from octseg.ui.columns import FrameColumn, NumbersColumn, PictureColumn
from octseg.ui.desk import Desk, ManyFramesError, Screen
from octseg.ui.examples import true_values
from octseg.ui.faults import sentence_of
from octseg.ui.numbers import summary_html, table_html, tiles_html
from octseg.ui.picture import controls_html, picture_html
from octseg.ui.run import Given, PullbackRun
from octseg.ui.turns import Turns, Wish

WORKING = "Outlining the tissues …"
FAILED = "The server did not outline it: a notice in the corner says why. Try again in a minute."
UNCHANGED = "Nothing was changed"

Updates = dict[Any, Any]  # component -> what it shows now; those that are not named stay as they are


@dataclass(frozen=True)
class Shown:
    """The components in which a result is shown."""

    frame: FrameColumn
    seen: PictureColumn
    numbers: NumbersColumn
    model: ModelIdentity  # the one whose card the page was built with

    @property
    def outputs(self) -> list[Any]:
        """All of them."""
        frame, seen, numbers = self.frame, self.seen, self.numbers
        result = [seen.picture, frame.scale, numbers.summary, numbers.table, *numbers.files, numbers.shareable]
        return [*result, frame.said, seen.card, seen.controls, frame.intervals, seen.pullback]

    def nothing(self, picture: str) -> Updates:
        """No result: `picture` in the place of the picture, and neither numbers nor files."""
        return {
            self.seen.picture: picture,
            self.seen.pullback: "",
            self.frame.scale: "",
            self.frame.said: "",
            self.numbers.summary: tiles_html(FrameMeasures()),
            self.numbers.table: "",
            **self._no_files(),
        }

    def working(self) -> Updates:
        """That a frame is being outlined."""
        return self.nothing(notice_html(WORKING))

    def as_it_is(self) -> Updates:
        """No change at all."""
        return {self.seen.picture: gr.skip()}

    def unchanged(self, sentence: str) -> Updates:
        """Why what was asked for the frame that is shown is not done; its picture and numbers stay."""
        return {self.frame.said: error_html(sentence, title=UNCHANGED)}

    def result(
        self, result: FrameResult, screen: Screen, wish: Wish, true: dict[str, float | None] | None, review: str
    ) -> Updates:
        """Picture and numbers; review: the key of its review."""
        drawn = picture_html(
            result,
            _address(screen.frame),
            _address(screen.grey),
            "" if screen.doubt is None else _address(screen.doubt),
        )
        return {
            self.seen.picture: withdrawn_html(result.withdrawn) + drawn + correct_html(review),
            self.seen.pullback: "",
            self.frame.scale: scale_html(result.scale, wish.preset or None, is_withdrawn=result.withdrawn is not None),
            self.numbers.summary: summary_html(result, true),
            self.numbers.table: (
                table_html(result.measures, result.intervals_95, true) if result.withdrawn is None else ""
            ),
        }

    def run(self, run: PullbackRun) -> Updates:
        """The view of a pullback, which the page fills by itself from the run's files."""
        return {**self.nothing(""), **self.again(run)}

    def again(self, run: PullbackRun) -> Updates:
        """That view by itself."""
        return {self.seen.pullback: pullback_html(_address(run.folder), run.key)}

    def card(self, desk: Desk) -> Updates:
        """The card of the desk's model, its switches, and what its intervals rest on."""
        segmenter = desk.segmenter
        return {
            self.seen.card: model_html(segmenter.identity, segmenter.config, segmenter.notice),
            self.seen.controls: controls_html(segmenter.config.network.classes),
            self.frame.intervals: gr.Checkbox(info=intervals_info(segmenter.config)),
        }

    def files(self, files: dict[str, Path]) -> Updates:
        """A button for each file to download, and the folder of what can be shared; they are made when asked for."""
        buttons = zip(self.numbers.files, files.values(), strict=True)
        filled = {button: gr.DownloadButton(value=str(file), interactive=True) for button, file in buttons}
        return {**filled, self.numbers.shareable: str(next(iter(files.values())).parent)}

    def _no_files(self) -> Updates:
        buttons = {button: gr.update(value=None, interactive=False) for button in self.numbers.files}
        return {**buttons, self.numbers.shareable: ""}

    def failed(self) -> list[Any]:
        """What the browser shows by itself where the server gave no answer, a value for each of `outputs`."""
        updates = self.nothing(error_html(FAILED, title="This frame was not measured"))
        return [updates.get(component, gr.skip()) for component in self.outputs]


async def meet(desk: Desk, shown: Shown, turns: Turns) -> AsyncIterator[Updates]:
    """Meet a page's newest wish: picture, numbers, files. What is no longer wished for is not shown.

    A wish that cannot be met leaves what stands there, or gives way to the one that it came in the place of.
    """
    wish, refused = turns.take(), ""
    while wish is not None:
        try:
            result, updates = await asyncio.to_thread(_measured, desk, shown, wish)
        except (OctsegError, OSError) as error:
            sentence = sentence_of(error)
            async with turns.speaking(wish) as newest:
                if not newest:
                    return
                wish = turns.give_up(wish)
                yield shown.unchanged(sentence) if turns.newest else shown.nothing(error_html(sentence))
            refused = sentence
            continue
        except gr.Error:
            if turns.newest is wish:
                raise
            return
        async with turns.speaking(wish) as newest:
            if not newest:
                return
            if result.model != (turns.model or shown.model) and result.model == desk.segmenter.identity:
                updates, turns.model = {**updates, **shown.card(desk)}, result.model
            turns.shown = wish
            turns.replace_run(result if isinstance(result, PullbackRun) else None)
            yield {**updates, **shown.unchanged(refused)} if refused else updates
        if isinstance(result, PullbackRun):
            return
        return


def _measured(desk: Desk, shown: Shown, wish: Wish) -> tuple[FrameResult | PullbackRun, Updates]:
    """Outline and measure the frame of a wish, and what the page shows of it; a pullback is made ready to begin."""
    try:
        result = desk.segment(wish.file, wish.spacing_mm, wish.preset or None, uncertainty=wish.uncertainty)
    except ManyFramesError as held:
        preset = wish.preset or None
        given = Given(kind="", spacing_mm=wish.spacing_mm, preset=preset, uncertainty=wish.uncertainty)
        run = desk.pullback(held.pullback, wish.file, given)
        return run, shown.run(run)
    files = desk.files(result, wish.file)
    drawn = shown.result(result, desk.screen(result), wish, true_values(wish.file), review_of(files))
    return result, {**drawn, **shown.files(files)}


def review_of(files: Mapping[str, Path]) -> str:
    """The key of a frame's review: the folder that its files are promised in."""
    return next(iter(files.values())).parent.name


def _address(file: Path) -> str:
    return f"gradio_api/file={file}"
