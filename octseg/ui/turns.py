"""What each visitor asked for last: that is what their page ends with, whatever is finished first.

Asking is quick, a run of the model is not, and runs wait in line. So asking only notes a wish, the newest in the place
of the one before; whichever run comes up next takes it, and a run shows its result only while its wish is still the
newest. All of it happens in the server's event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from octseg.result import ModelIdentity
from octseg.ui.run import PullbackRun

REMEMBERED = 1000  # pages, about 1 kB each; the longest idle goes first


@dataclass(frozen=True, kw_only=True, eq=False)
class Wish:
    """One frame to be outlined and measured.

    spacing_mm: as typed, None for the frame's own. preset: "" for none.
    otherwise: the wish for the same frame that this one came in the place of, to return to where this cannot be had.
    """

    file: Path
    uncertainty: bool
    spacing_mm: float | None = None
    preset: str = ""
    otherwise: "Wish | None" = None


@dataclass
class Turns:
    """One visitor's page.

    newest: what was asked for last; None where the page was cleared since. shown: the wish whose numbers stand there.
    model: the one whose card stands there, None for that which the page was built with. run: the pullback under way.
    session: Gradio's name of it.
    """

    newest: Wish | None = None
    shown: Wish | None = None
    model: ModelIdentity | None = None
    session: str = ""
    run: PullbackRun | None = None
    _ticket: float = 0
    _waiting: bool = False
    _speaking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, wish: Wish | None, ticket: float, *, keep: bool = False) -> bool:
        """Note the newest wish, None to show nothing; from here on no older result is shown. False if it is not newest.

        ticket: counts what was done on the page, in its order there: what is asked later may arrive earlier.
        keep: leave what is shown standing until the wish is met.
        """
        async with self._speaking:
            if ticket < self._ticket:
                return False
            self.newest, self._waiting, self._ticket = wish, wish is not None, ticket
            if not keep:
                self.shown = None
                self.replace_run(None)
            return True

    def replace_run(self, run: PullbackRun | None) -> None:
        """End the run before, and begin this one."""
        before, self.run = self.run, run
        if before is not None:
            before.given_up_by(self.session)
            if run is not None:
                run.takes_over(before)
        if run is not None:
            run.held_by(self.session)
            run.begin()

    def same_frame(self, file: Path) -> Wish | None:
        """The wish for this file whose numbers stand there or are being made; None where there is none."""
        last = self.shown or self.newest
        return last if last is not None and last.file == file else None

    def take(self) -> Wish | None:
        """The newest wish, for the one run that meets it; None where another took it."""
        taken = self.newest if self._waiting else None
        self._waiting = False
        return taken

    def give_up(self, wish: Wish) -> Wish | None:
        """Return from a wish that cannot be met to what it came in the place of; that, where it is still to be met."""
        self.newest = self.shown or wish.otherwise
        return None if self.shown else self.newest

    @asynccontextmanager
    async def speaking(self, wish: Wish) -> AsyncIterator[bool]:
        """Whether a wish is still the newest, and for as long as this lasts no newer one is noted.

        What is yielded to Gradio in here has been sent when it ends, so whatever a newer wish shows comes after it.
        """
        async with self._speaking:
            yield self.newest is wish


class Pages:
    """The turns of each page, by Gradio's name of its session."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Turns] = OrderedDict()

    def __getitem__(self, session: str | None) -> Turns:
        """Those of one page, new ones where it is not known yet."""
        turns = self._turns.setdefault(session or "", Turns(session=session or ""))
        self._turns.move_to_end(session or "")
        while len(self._turns) > REMEMBERED:
            self._turns.popitem(last=False)
        return turns
