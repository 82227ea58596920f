"""A pullback on its way through the model: a thread that takes turns, and the files that the page draws from.

Below the run's own folder lie `run.json`, how far it is and what is measured along the vessel, and of each frame
`<number>.jpg`, its pixels, `<number>.png`, where variants disagree with them, if any were asked for, and
`<number>.json`, its outlines and numbers. No name of a file or a patient is in any.
"""

import contextvars
import json
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from octseg.drawing.doubt import inked_png
from octseg.drawing.screen import encode_jpeg, sized_for_screen
from octseg.errors import OctsegError
from octseg.export.kept import Kept
from octseg.export.segmented import Segmented
from octseg.measurement.pullback import FrameAlong, PullbackMeasures, measure_pullback
from octseg.pipeline.ahead import close
from octseg.pullback import PixelScale, Pullback
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from octseg.ui.cut import CutFiles
from octseg.ui.downloads import AT_ONCE, Downloads, Settings
from octseg.ui.faults import sentence_of
from octseg.ui.limits import ServerLimits
from octseg.ui.markup import on_page
from octseg.ui.model_turns import Line, ModelTurns
from octseg.ui.run_record import frame_record, run_record

REMEMBERED = 16  # runs that can be measured anew; of a frame 5 kB are kept
STATE_EVERY_S = 0.4
MEASURED_EVERY_S = 4.0
FRAME_QUALITY = 85
MASKS = "masks"  # folder of what files are made of
STAYS = "What is done stays."
TAG = re.compile(r"<[^>]*>")
FAILED = "The server could not go on with this pullback; what is done stays. Send it again in a minute."

State = Literal["running", "done", "stopped", "failed"]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a visitor gave beside the file.

    kind: what the file was taken for, in a few words. words: from a sentence of the library, which names options of the
    command, to one for who reads it: on the page and in its files, or in a call.
    """

    kind: str
    spacing_mm: float | None = None
    preset: str | None = None
    uncertainty: bool = False
    words: Callable[[str], str] = on_page

    def told(self, warnings: Sequence[str]) -> tuple[str, ...]:
        """Warnings in these words."""
        return tuple(map(self.words, warnings))


@dataclass(kw_only=True)
class Progress:
    """How far a run is.

    waiting_for: pullbacks that go before it. scale: of the first frame that has one, else of the first. range: numbers
    (first, last).
    asked: of each thing that can be asked, when the page last asked it, by the page's clock. refused: of what was asked
    last, why that cannot be.
    """

    state: State = "running"
    sentence: str = ""
    waiting_for: int = 0
    done: int = 0
    seconds_left: float | None = None
    size: tuple[int, int] | None = None
    scale: PixelScale | None = None
    withdrawn: dict[int, str] = field(default_factory=dict)
    range: tuple[int, int] | None = None
    asked: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class PullbackRun:
    """One pullback of one visitor; `stop` ends it after the frame under way, and keeps what is done."""

    def __init__(
        self,
        pullback: Pullback,
        given: Given,
        source: Path,
        folder: Path,
        segmenter: Segmenter,
        turns: ModelTurns,
        runs: "Runs",
        stretches: Callable[..., Iterator[FrameResult]] | None = None,
    ) -> None:
        """source: the file that it is read from.

        stretches: what gives the results on a GPU that is lent; it takes no turns at the model here.
        """
        self.pullback = replace(
            pullback, warnings=given.told(pullback.warnings), spacing_warnings=given.told(pullback.spacing_warnings)
        )
        self._said_of_spacing = self.pullback.spacing_warnings  # in each result too, whatever spacing is entered since
        self.given, self.folder, self.model = given, folder, segmenter.identity
        self.source = source
        (folder / MASKS).mkdir(mode=0o700)
        self._kept = Kept(folder / MASKS)
        self.downloads = Downloads(self._kept, folder, runs.making, self.tell, given.words)
        self._line = runs.line
        self._holders: set[str] = set()  # pages that show it
        self.frames: list[FrameAlong] = []
        self.progress = Progress()
        self._stretches = stretches
        self._segmenter, self._turns = segmenter, turns
        self._cut = CutFiles(folder)
        self._stopped, self._over = threading.Event(), threading.Event()
        self._over.set()  # until it begins: one that never does keeps nobody waiting
        self._writing = threading.Lock()
        self._measures: PullbackMeasures | None = None
        self._written_at = self._measured_at = self._begun_at = 0.0
        self.write()

    @property
    def key(self) -> str:
        """By which the page names it; nobody can guess it."""
        return self.folder.name

    def begin(self) -> None:
        """Segment in a thread of its own."""
        self._over.clear()
        asked_by = contextvars.copy_context()  # whose quota of a GPU it is
        threading.Thread(target=asked_by.run, args=(self._work,), name="octseg-pullback", daemon=True).start()

    def stop(self) -> None:
        """End after the frame under way."""
        self._stopped.set()

    def held_by(self, session: str) -> None:
        """A page shows it now."""
        self._holders.add(session)

    def given_up_by(self, session: str) -> None:
        """A page shows something else: it ends where no other shows it."""
        self._holders.discard(session)
        if not self._holders:
            self.stop()

    def left_by(self, session: str, patience_s: float) -> None:
        """A page was closed: where it showed this and no other does by then, nobody will look at it any more."""
        self._holders.discard(session)
        if self._holders or self.progress.state != "running":
            return
        waiting = threading.Timer(patience_s, self.given_up_by, args=(session,))
        waiting.daemon = True
        waiting.start()

    def wait(self, seconds: float) -> None:
        """Until no frame comes any more, or so long."""
        self._over.wait(seconds)

    def told(self) -> dict[str, Any]:
        """How far it is."""
        progress = self.progress
        told = {name: getattr(progress, name) for name in ("state", "sentence", "done", "waiting_for", "seconds_left")}
        return {**told, "frame_count": len(self.pullback)}

    def measured(self) -> dict[str, Any]:
        """What is measured along the vessel, as `<name>_pullback.json` has it."""
        return dict(self._kept.segmented(self.pullback, self._chosen()).pullback_record or {})

    def segmented(self, name: str) -> Segmented:
        """All frames that are done, called by a name, with the range that is chosen."""
        return self._kept.segmented(replace(self.pullback, name=name), self._chosen())

    @property
    def is_over(self) -> bool:
        """Whether no frame comes any more."""
        return self._over.is_set()

    def ask(
        self, *, frames: tuple[int, int] | None = None, frame_spacing_mm: float | None = None, asked: float
    ) -> None:
        """Measure along the vessel anew: a range of frames by itself, or with a spacing that the visitor knows.

        asked: when, by the page's clock; what was asked before something newer of its kind is not done.
        """
        if frame_spacing_mm is not None:
            measure_pullback([FrameAlong(frame=1)], frame_spacing_mm)  # refuses what no pullback has
        kind = "range" if frame_spacing_mm is None else "spacing"
        with self._writing:
            if asked < self.progress.asked.get(kind, 0.0):
                return
            self.progress.asked[kind], self.progress.refused = asked, {}
            if frame_spacing_mm is None:
                self.progress.range = frames
            else:
                self.pullback = self.pullback.with_frame_spacing(frame_spacing_mm)
        self.write(measure=True)

    def refuse(self, kind: str, sentence: str, asked: float) -> None:
        """Say beside its field why what was asked for cannot be."""
        with self._writing:
            if asked < self.progress.asked.get(kind, 0.0):
                return
            self.progress.asked[kind], self.progress.refused = asked, {kind: sentence}
        self.write()

    def takes_over(self, other: "PullbackRun") -> None:
        """Keep what a visitor chose for a file that runs anew: the range, and the spacing that was entered."""
        if other.source != self.source:
            return
        with self._writing:
            self.progress.range = other.progress.range
            if other.pullback.frame_spacing_source == "user" and other.pullback.frame_spacing_mm is not None:
                self.pullback = self.pullback.with_frame_spacing(other.pullback.frame_spacing_mm)
        self.write()

    def ask_files(self, formats: Sequence[str], *, asked: float) -> None:
        """Make files to download of the frames that are done. asked: as for `ask`."""
        self.progress.asked["files"] = asked
        self.downloads.ask(formats, self._as_far_as_it_is(), self._chosen(), self.settings())

    def write(self, *, measure: bool = False) -> None:
        """Write run.json; measure: along the vessel too, of the frames that are done."""
        with self._writing:
            if measure and self.frames:
                self._measures = self._measured()
            record = {
                **run_record(self.pullback, self.given, self.progress, list(self.frames), self._measures),
                "cut": self._cut.record(),
                "downloads": self.downloads.record(self.key, self.pullback, self._measures, self.settings()),
            }
            path = self.folder / "run.json"
            part = path.with_suffix(".part")
            part.write_text(json.dumps(record, allow_nan=False), encoding="utf-8")
            part.replace(path)
            self._written_at = time.monotonic()

    def _measured(self) -> PullbackMeasures:
        self._measured_at = time.monotonic()
        return measure_pullback(list(self.frames), self.pullback.frame_spacing_mm, frames=self._chosen())

    def _as_far_as_it_is(self) -> Pullback:
        """The pullback, with a warning where only the first of its frames are done."""
        pullback, done = self.pullback, len(self.frames)
        if self.progress.state == "done" or done >= len(pullback):
            return pullback
        said = f"These are the first {done} of {len(pullback)} frames: the others were not outlined when this was made."
        return replace(pullback, warnings=(said, *pullback.warnings))

    def settings(self) -> Settings:
        """Frame spacing and range, which change what is measured along the vessel."""
        return self.pullback.frame_spacing_mm, self.progress.range

    def _chosen(self) -> tuple[int, int] | None:
        """The part of the range that is done."""
        held, chosen = list(self.frames), self.progress.range
        if chosen is None or not held:
            return None
        chosen = (max(held[0].frame, chosen[0]), min(held[-1].frame, chosen[1]))
        return chosen if chosen[0] <= chosen[1] else None

    def _work(self) -> None:
        with self._line.place(self._moved_up, self._stopped):
            self._segment()
        self._end()
        self._over.set()

    def _moved_up(self, before: int) -> None:
        self.progress.waiting_for = before
        self.tell()

    def _segment(self) -> None:
        given, progress = self.given, self.progress
        self._begun_at = time.monotonic()
        try:
            segment = self._stretches or partial(self._segmenter.segment_pullback, self.pullback)
            turn = self._turns.in_between if self._stretches is None else nullcontext
            results = segment(given.spacing_mm, preset=given.preset, uncertainty=given.uncertainty)
            try:
                while not self._stopped.is_set():
                    with turn():
                        result = next(results, None)
                    if result is None:
                        progress.state = "done"
                        break
                    self._keep(result)
            finally:
                close(results)
            if progress.state == "running":
                progress.state = "stopped"
        except gr.Error as error:  # the GPU is not lent any more
            progress.state, progress.sentence = "failed", f"{TAG.sub('', error.message)} {STAYS}"
        except ValueError as error:
            progress.state, progress.sentence = "failed", str(error)
        except (OctsegError, OSError) as error:
            progress.state, progress.sentence = "failed", _told(error)
        except Exception as error:  # whatever ends the thread, the page must learn that nothing more comes
            logger.error("a pullback ended with %s", type(error).__name__)  # its words may name a patient
            progress.state, progress.sentence = "failed", FAILED

    def _end(self) -> None:
        self.progress.seconds_left = None
        try:
            self._cut.finish()
        except OSError as error:
            logger.error("the cut of a pullback could not be written (%s)", error.strerror)
        self.tell(measure=True)

    def tell(self, *, measure: bool = False) -> None:
        """Write run.json where there is room for it."""
        try:
            self.write(measure=measure)
        except OSError as error:
            logger.error("the state of a pullback could not be written (%s)", error.strerror)

    def _keep(self, result: FrameResult) -> None:
        """Write one frame's files, then say that it is there."""
        said = (each for each in self.given.told(result.warnings) if each not in self._said_of_spacing)
        result = replace(result, warnings=tuple(said))
        stem, progress = self.folder / f"{self.progress.done + 1:04d}", self.progress
        stem.with_suffix(".jpg").write_bytes(encode_jpeg(sized_for_screen(result.frame), FRAME_QUALITY))
        own = tuple(each for each in result.warnings if each not in self.pullback.warnings)  # the rest is said on top
        told = frame_record(replace(result, warnings=own), self.given.preset)
        if result.doubt is not None:
            stem.with_suffix(".png").write_bytes(inked_png(result.doubt))
        stem.with_suffix(".json").write_text(json.dumps(told, allow_nan=False, separators=(",", ":")), encoding="utf-8")
        self._cut.add(result)
        self._kept.add(result)
        self.frames.append(FrameAlong.of(result))
        if result.withdrawn is not None:
            progress.withdrawn[result.frame_number] = result.withdrawn
        if progress.scale is None or progress.scale.pixel_spacing_mm is None:
            progress.scale = result.scale
        progress.size = (result.frame.shape[0], result.frame.shape[1])
        progress.done += 1
        now = time.monotonic()
        progress.seconds_left = (now - self._begun_at) / progress.done * (len(self.pullback) - progress.done)
        if now - self._written_at > STATE_EVERY_S or progress.done == 1:
            self.write(measure=now - self._measured_at > MEASURED_EVERY_S)


def _told(error: OctsegError | OSError) -> str:
    try:
        return sentence_of(error)
    except OSError as unforeseen:
        logger.error("a pullback ended with an error of the system (%s)", unforeseen.strerror)
        return FAILED


class Runs:
    """The runs that were asked for last, by their keys; those that are forgotten are stopped, and their files stay for
    their time."""

    def __init__(self, limits: ServerLimits) -> None:
        self.line = Line(limits.pullbacks_at_once, limits.pullbacks_waiting)
        self._runs: OrderedDict[str, PullbackRun] = OrderedDict()
        self._changing = threading.Lock()
        self.making = threading.Semaphore(AT_ONCE)

    def add(self, run: PullbackRun) -> None:
        """Remember a run."""
        with self._changing:
            self._runs[run.key] = run
            while len(self._runs) > REMEMBERED:
                _, forgotten = self._runs.popitem(last=False)
                forgotten.stop()

    def end(self, patience_s: float) -> None:
        """Stop all of them, and wait until none of their threads works any more, at most so long."""
        with self._changing:
            runs = list(self._runs.values())
        for run in runs:
            run.stop()
        until = time.monotonic() + patience_s
        for run in runs:
            run.wait(max(0.0, until - time.monotonic()))

    def __contains__(self, key: str) -> bool:
        """Whether a run is remembered; that is not to ask for it."""
        return key in self._runs

    def get(self, key: str) -> PullbackRun | None:
        """The run of a key; None where it is forgotten."""
        with self._changing:
            run = self._runs.get(key)
            if run is not None:
                self._runs.move_to_end(key)
        return run
