"""What each event of the page asks for. Every function answers at once; what it asks for is met by `showing.meet`."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import gradio as gr

from octseg.errors import OctsegError
from octseg.ui.cards import error_html, notice_html
from octseg.ui.columns import CHOOSE
from octseg.ui.desk import Desk
from octseg.ui.faults import sentence_of
from octseg.ui.markup import whole_sentence
from octseg.ui.run import PullbackRun
from octseg.ui.showing import Shown, Updates, meet
from octseg.ui.turns import Pages, Wish

NO_SPACING = "there is no distance between frames in the field: write the millimetres as 0.2"
NOTHING_YET = "There is nothing to measure"
NO_FRAME = "there is no frame yet: drop a file, or choose a phantom"


class Asking:
    """The events of one server's pages.

    file: the path of the frame that a page holds, None for none; ticket: see `Turns.ask`. Every answer holds the
    frame that it is about out to the uploader again: answers come in order, and what a visitor does meanwhile does not.
    """

    def __init__(self, desk: Desk, shown: Shown, pages: Pages) -> None:
        self.desk, self.shown, self.pages = desk, shown, pages

    async def new_frame(self, file: str | None, uncertainty: bool, ticket: float, request: gr.Request) -> Updates:
        """A frame just came in: find its scale anew, whatever was typed or chosen for the one before."""
        if file is None:
            return await self.cleared(ticket, request)
        wish = Wish(file=Path(file), uncertainty=uncertainty)
        if not await self.pages[request.session_hash].ask(wish, ticket):
            return self.shown.as_it_is()
        frame = self.shown.frame
        return {**self.shown.working(), **self._held(file, ticket), frame.spacing: "", frame.preset: ""}

    async def example(self, uncertainty: bool, ticket: float, event: gr.EventData, request: gr.Request) -> Updates:
        """An example was chosen: it takes the place of the frame that was sent."""
        try:
            file = str(self.desk.example(str(event.file)))
        except (OctsegError, OSError) as error:
            return {**await self.cleared(ticket, request), **self.shown.nothing(error_html(sentence_of(error)))}
        return await self.new_frame(file, uncertainty, ticket, request)

    async def same_frame(
        self, file: str | None, uncertainty: bool, typed: str, preset: str, ticket: float, request: gr.Request
    ) -> Updates:
        """The frame is there already: measure it with what was typed, its own scale or the preset, in this order."""
        if file is None:
            return {
                **await self.cleared(ticket, request),
                **self.shown.nothing(error_html(NO_FRAME, title=NOTHING_YET)),
            }
        try:
            spacing_mm = typed_mm(typed)
        except OctsegError as error:
            return self.shown.unchanged(str(error))
        wish = Wish(file=Path(file), uncertainty=uncertainty, spacing_mm=spacing_mm, preset=preset)
        return await self._again(wish, ticket, request)

    async def switched(self, file: str | None, uncertainty: bool, ticket: float, request: gr.Request) -> Updates:
        """Intervals were asked for or no longer; without a frame that is for the next one."""
        if file is None:
            return self.shown.as_it_is()
        before = self.pages[request.session_hash].same_frame(Path(file)) or Wish(file=Path(file), uncertainty=False)
        return await self._again(replace(before, uncertainty=uncertainty), ticket, request)

    async def with_another_model(
        self, changed: bool, file: str | None, uncertainty: bool, ticket: float, request: gr.Request
    ) -> Updates:
        """The frame that is there is measured again, where there is one and the model is another."""
        if not changed:
            return self.shown.as_it_is()
        turns = self.pages[request.session_hash]
        turns.model = self.desk.segmenter.identity
        if file is None:
            return self.shown.as_it_is()
        before = turns.same_frame(Path(file)) or Wish(file=Path(file), uncertainty=False)
        wish = replace(before, uncertainty=uncertainty, otherwise=None)
        if not await turns.ask(wish, ticket):  # and no number of the model before stays
            return self.shown.as_it_is()
        return {**self.shown.working(), **self._held(file, ticket)}

    async def cleared(self, ticket: float, request: gr.Request) -> Updates:
        """The frame was taken away: nothing is wished for any more."""
        if not await self.pages[request.session_hash].ask(None, ticket):
            return self.shown.as_it_is()
        return {**self.shown.nothing(notice_html(CHOOSE)), **self._held(None, ticket)}

    def of_run(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Something was asked of a pullback that is shown: to end it, to measure a range, to take a frame spacing.

        "again" shows one that a page showed before it was loaded anew, as long as it is held.
        """
        run = self.desk.runs.get(str(event.key))
        if event.wants == "again":
            self.pages[request.session_hash].run = run
            if run is not None:
                run.held_by(request.session_hash or "")
            return {self.shown.frame.said: ""} if run is None else self.shown.again(run)
        if run is None:
            return self.shown.unchanged("this pullback is no longer held here: send it again")
        try:
            if event.wants == "stop":
                run.stop()
            elif event.wants == "files":
                run.ask_files(str(event.kinds).split(), asked=float(event.asked))
            elif event.wants == "spacing":
                _take_spacing(run, str(event.spacing), float(event.asked))
            else:
                frames = (int(event.first), int(event.last)) if event.wants == "range" else None
                run.ask(frames=frames, asked=float(event.asked))
        except (OctsegError, OSError, ValueError) as error:
            sentence = str(error) if isinstance(error, ValueError) else sentence_of(error)
            return self.shown.unchanged(sentence)
        return {self.shown.frame.said: ""}

    def left(self, request: gr.Request) -> None:
        """A page was closed, or is being loaded anew."""
        session = request.session_hash or ""
        run = self.pages[session].run
        if run is not None:
            run.left_by(session, self.desk.limits.left_seconds)

    async def outlined(self, request: gr.Request) -> AsyncIterator[Updates]:
        """The model's turn came up for a page."""
        async for updates in meet(self.desk, self.shown, self.pages[request.session_hash]):
            yield updates
        yield self.shown.as_it_is()  # Gradio wants a value of every run

    async def _again(self, wish: Wish, ticket: float, request: gr.Request) -> Updates:
        """Ask for the frame that is there; until it is measured anew its picture and numbers stay, where they stand."""
        turns = self.pages[request.session_hash]
        before = turns.same_frame(wish.file)
        keep = turns.shown is not None and turns.shown is before
        if not await turns.ask(replace(wish, otherwise=before), ticket, keep=keep):
            return self.shown.as_it_is()
        shown = {self.shown.frame.said: ""} if keep else self.shown.working()
        return {**shown, **self._held(str(wish.file), ticket)}

    def _held(self, file: str | None, ticket: float) -> Updates:
        """The frame that an answer is about, for the uploader, with what it answers."""
        return {self.shown.frame.held: file, self.shown.frame.answered: ticket}


def _take_spacing(run: PullbackRun, typed: str, asked: float) -> None:
    """Measure a run with the frame spacing that was typed, or say beside its field why not."""
    try:
        spacing_mm = typed_mm(typed, "the millimetres between frames as 0.2")
        if spacing_mm is None:
            raise OctsegError(NO_SPACING)
        run.ask(frame_spacing_mm=spacing_mm, asked=asked)
    except (OctsegError, ValueError) as error:
        run.refuse("spacing", whole_sentence(str(error)), asked)


def typed_mm(typed: str, what: str = "the millimetres per pixel as 0.00668") -> float | None:
    """Mm as typed, with a point or a comma; None for an empty field. what: is to be written, and how."""
    if not typed.strip():
        return None
    try:
        return float(typed.strip().replace(",", "."))
    except ValueError:
        raise OctsegError(f"{typed!r} is no number; write {what}") from None
