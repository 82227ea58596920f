"""Gives cases to workers, one after another, and settles what becomes of each; any number may work in one folder."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from octseg.cohort.cases import Case, Look
from octseg.cohort.folder import Claim, CohortFolder, Past
from octseg.errors import OctsegError

MOST_CRASHES = 3  # of workers, by one case
MOST_LOST = 10  # ends without a trace and without a frame done in between
POLL_S = 1.0  # between looks at cases that others hold
Kind = Literal["made", "failed", "missing", "held", "stopped", "died", "lost"]


@dataclass(frozen=True)
class Outcome:
    """What became of a case in a worker.

    kind: made; failed, for it cannot be read; missing, for it is not there any more; held, by another process;
        stopped, for nothing can be written; died, and its worker too, by its own fault; lost, by that of another.
    said: why, in a sentence. failures: of a case that is made, what of it cannot be read.
    """

    kind: Kind
    said: str = ""
    failures: tuple[str, ...] = ()


class Pool(Protocol):
    """Workers, each with one model for all its cases."""

    def begin(self) -> dict[str, Any]:
        """Start them; what their results say of the model and where it runs."""

    def room(self) -> int:
        """How many cases may be given now."""

    def give(self, case: Case, out: Path) -> None:
        """Have a case's results made in a folder."""

    def waits(self, case: Case) -> bool:
        """Whether a case that was given has no worker yet."""

    def ended(self, wait_s: float) -> list[tuple[Case, Outcome]]:
        """Those that have ended, waiting a while for one."""

    def kill(self, case: Case, said: str) -> None:
        """End the worker of a case, by whose fault that is; `ended` gives it."""

    def close(self) -> None:
        """End all workers."""


@dataclass
class _Held:
    """A case that is under way. size: of its journal when it last grew, at `grown`, seconds of the clock."""

    case: Case
    look: Look
    claim: Claim
    past: Past
    size: int
    grown: float


@dataclass
class Tally:
    """Names of the cases, by what is known of them."""

    done_before: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def is_begun(self) -> bool:
        """Whether anything is known of any case."""
        return bool(self.done_before or self.made or self.failed or self.missing or self.elsewhere)


class Coordinator:
    """One of those that work in a folder.

    look: tells what there is of a case now. flags: options that all results depend on. wait: whether to stay until
    those cases are settled that others hold, which are taken over where their holder is gone.
    """

    def __init__(
        self,
        folder: CohortFolder,
        cases: Sequence[Case],
        look: Callable[[Case], Look],
        pool: Pool,
        flags: Mapping[str, Any],
        *,
        say: Callable[[str], None],
        timeout_s: float,
        wait: bool = True,
        retry: bool = False,
    ) -> None:
        self._folder, self._look, self._pool, self._flags, self._say = folder, look, pool, flags, say
        self._timeout_s, self._wait, self._retry = timeout_s, wait, retry
        self._open = list(cases)
        self._under_way: dict[str, _Held] = {}
        self.tally = Tally()
        self._count = len(cases)

    def run(self) -> Tally:
        """Until all cases are settled. Raises OctsegError where nothing can be written any more."""
        try:
            self._folder.agree({**self._pool.begin(), "flags": dict(self._flags)})
            while True:
                self._give_all()
                if not self._under_way:
                    if not self._open or (not self._wait and self._pool.room()):
                        break
                    self._pool.ended(POLL_S)  # of no case: a worker that is gone, or there again
                    continue
                for case, outcome in self._pool.ended(0.2):
                    self._settle(self._under_way.pop(case.name), outcome)
                self._end_hanging()
        finally:
            try:
                self._pool.close()
            finally:
                for held in self._under_way.values():
                    self._let_go(held)
        self.tally.elsewhere = [case.name for case in self._open]
        return self.tally

    def _give_all(self) -> None:
        while self._pool.room() and (held := self._next()) is not None:
            self._under_way[held.case.name] = held
            self._pool.give(held.case, self._folder.partial(held.case))

    def _next(self) -> _Held | None:
        """The next case that nobody has; those that are settled are struck off."""
        for case in list(self._open):
            look = self._look(case)
            if self._is_settled(case, look):
                self._open.remove(case)
                continue
            claim = self._folder.claim(case)
            if claim is None:
                self._open.remove(case)
                self._open.append(case)  # so that each of many workers passes it over once, not before each case
                continue
            self._open.remove(case)
            held = self._begun(case, look, claim)
            if held is not None:
                return held
        return None

    def _is_settled(self, case: Case, look: Look) -> bool:
        if look.problem:
            self.tally.missing[case.name] = look.problem
            self._say(f"{case.id}: {look.problem}")
        elif self._folder.is_done(case, look):
            self.tally.done_before.append(case.name)
        elif not self._retry and self._folder.has_failed(case, look):
            self.tally.failed[case.name] = str((self._folder.failure(case) or {}).get("reason"))
        else:
            return False
        return True

    def _begun(self, case: Case, look: Look, claim: Claim) -> _Held | None:
        """A case that is claimed, to be given; None where nothing is left to do."""
        try:
            if self._is_settled(case, look):  # by who held it before
                claim.release()
                return None
            past = self._folder.past(case, look)
            frames = self._folder.frames_done(case)
            if past.open:
                past = replace(past, lost=1 if frames > past.frames else past.lost + 1)
            past = replace(past, open=True, frames=frames)
            if self._folder.is_whole(case, look):
                self._folder.put_in_place(case)
                self._made(case, ())
                claim.release()
                return None
            if past.lost >= MOST_LOST:
                self._quarantine(case, look, f"{past.lost} workers were lost over it and did no frame")
                claim.release()
                return None
            self._folder.note(case, past)
        except BaseException:
            claim.release()
            raise
        return _Held(case, look, claim, past, self._folder.size_of_journal(case), time.monotonic())

    def _settle(self, held: _Held, outcome: Outcome) -> None:
        case, past = held.case, held.past
        try:
            if outcome.kind == "made":
                self._folder.put_in_place(case)
                self._made(case, outcome.failures)
            elif outcome.kind == "failed":
                self._folder.fail(case, held.look, outcome.said)
                self.tally.failed[case.name] = outcome.said
                self._say(f"{case.id}: {outcome.said}")
            elif outcome.kind == "missing":
                self._folder.note(case, replace(past, open=False))
                self.tally.missing[case.name] = outcome.said
                self._say(f"{case.id}: {outcome.said}")
            elif outcome.kind == "stopped":
                self._folder.note(case, replace(past, open=False))
                raise OctsegError(outcome.said)
            else:
                self._again(held, outcome)
        finally:
            held.claim.release()

    def _again(self, held: _Held, outcome: Outcome) -> None:
        """A case whose worker is gone, or that another process still holds: later, unless that was too often."""
        case, past = held.case, held.past
        crashes = past.crashes + (outcome.kind == "died")
        frames = self._folder.frames_done(case)
        lost = past.lost + 1 if frames <= past.frames else 1
        past = replace(past, open=False, crashes=crashes, frames=frames, last=outcome.said)
        if outcome.kind == "lost":
            past = replace(past, lost=lost)
        if crashes >= MOST_CRASHES:
            self._quarantine(case, held.look, f"its worker ended {crashes} times: {outcome.said}")
        elif past.lost >= MOST_LOST:
            self._quarantine(case, held.look, f"{past.lost} workers were lost over it and did no frame")
        else:
            self._folder.note(case, past)
            self._open.append(case)
            if outcome.kind == "held":  # by a worker that was given up, and still is at it
                time.sleep(POLL_S)
            else:
                self._say(f"{case.id}: {outcome.said}; it is tried again")

    def _quarantine(self, case: Case, look: Look, said: str) -> None:
        reason = f"{said}; it is left out, and `--retry` tries it again"
        self._folder.fail(case, look, reason, quarantined=True)
        self.tally.failed[case.name] = reason
        self._say(f"{case.id}: {reason}")

    def _made(self, case: Case, failures: Sequence[str]) -> None:
        self.tally.made.append(case.name)
        for failure in failures:
            self._say(f"{case.id}: {failure}")
        settled = self._count - len(self._open) - len(self._under_way)
        self._say(f"{case.id}: done, {settled} of {self._count}")

    def _end_hanging(self) -> None:
        now = time.monotonic()
        for held in self._under_way.values():
            size = self._folder.size_of_journal(held.case)
            if size != held.size or self._pool.waits(held.case):
                held.size, held.grown = size, now
            elif now - held.grown > self._timeout_s:
                held.grown = now
                self._pool.kill(held.case, f"no frame was done for {self._timeout_s:g} s")

    def _let_go(self, held: _Held) -> None:
        """Of a case that was under way when this was ended."""
        try:
            self._folder.note(held.case, replace(held.past, open=False))
        except OctsegError:
            pass  # it counts as lost once: what ended this is told
        finally:
            held.claim.release()
