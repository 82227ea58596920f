"""Reviews of what the page has made: a frame's or a pullback's result as the server keeps it, below its key.

A result's review lies in its own folder, which only who has its key can name, and is deleted with it. It is made when
it is opened; a few are held open, and one that is let go is read again from its log.
"""

import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from octseg.correction.corrections import Corrections
from octseg.correction.frames import ANY_NAME, CaseFrames, Given
from octseg.correction.log import CorrectionLog, head_of
from octseg.correction.measuring import Measuring
from octseg.correction.saved import MASK_END, open_saved
from octseg.errors import CorrectionError, OctsegError
from octseg.export.always import write_masks, write_tables
from octseg.export.bundle import safe_stem
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import DOUBT_ENDING, doubt_png, mask_png
from octseg.export.run import JSON_NAME
from octseg.pullback import Pullback
from octseg.reading import read_pullback
from octseg.ui.downloads import Settings
from octseg.ui.later import Held as HeldFrame
from octseg.ui.later import Later, tables
from octseg.ui.markup import SEND_AGAIN
from octseg.ui.review.session import ReviewSession
from octseg.ui.run import PullbackRun, Runs

FOLDER, LOG_NAME = "review", "corrections.jsonl"
MOST_OPEN = 8  # reviews, some 60 MB each
MOST_LOG_BYTES = 16_000_000  # of one: 35,000 strokes as readers draw them
MOST_LOGS_BYTES = 32_000_000  # of those that are open, which take some eight times that in memory
MOST_AT_ONCE = 16  # requests that one review answers, or lets wait: browsers send six
BUSY = "too much is asked of this review at once; wait until that is done"
KEPT_EVERY_S = 60.0  # that the files of a review in use count as new
GONE = "the server no longer holds this result; send the frames again on the page"
UNDER_WAY = "this pullback is still under way; wait until it is done, or stop it on the page"


@dataclass(frozen=True)
class _Result:
    """What is reviewed. settings: of a pullback. write: its results into a folder.

    read: its frames.
    """

    folder: Path
    stem: str
    source: Path
    settings: Settings | None
    write: Callable[[Path], None]
    read: Callable[[], Pullback]


@dataclass
class _Held:
    """A review, open or not. users: requests that it answers now. kept_at: when its files last counted as new."""

    users: int = 0
    session: ReviewSession | None = None
    log: CorrectionLog | None = None
    settings: Settings | None = None
    kept_at: float = 0.0
    opening: threading.Lock = field(default_factory=threading.Lock)

    @property
    def log_bytes(self) -> int:
        """Of the strokes that it holds."""
        return 0 if self.log is None else self.log.n_bytes

    def close(self) -> None:
        """Let its log go, where it was opened."""
        if self.session is not None:
            self.session.close()
        self.session = self.log = None


class Reviews:
    """The reviews of one server, by their results' keys; asked from several threads."""

    def __init__(self, runs: Runs, later: Later, visitors: Path) -> None:
        """visitors: the folder that a single frame's folder lies in."""
        self._runs, self._later, self._visitors = runs, later, visitors
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._changing = threading.Lock()

    @contextmanager
    def using(self, key: str, is_worked_on: bool = False) -> Iterator[ReviewSession]:
        """The review of a result, opened where it is not yet; CorrectionError where the result is not held.

        is_worked_on: whether its files count as new from now on, and are deleted that much later.
        """
        result = self._result(key)
        held = self._taken(key)
        try:
            with held.opening:
                session = _opened(held, result, self._runs.making)
                if is_worked_on and time.monotonic() - held.kept_at > KEPT_EVERY_S:
                    held.kept_at = time.monotonic()
                    _keep(result)
            yield session
        finally:
            with self._changing:
                held.users -= 1
            self._let_go()

    def _taken(self, key: str) -> _Held:
        with self._changing:
            held = self._held.setdefault(key, _Held())
            if held.users >= MOST_AT_ONCE:
                raise CorrectionError(BUSY)
            self._held.move_to_end(key)
            held.users += 1
        return held

    def _let_go(self) -> None:
        """Close those whose result is gone, and of too many the ones that were not asked for the longest."""
        with self._changing:  # until they are closed: a log is opened by nobody else before
            free = [key for key, held in self._held.items() if held.users == 0]
            gone = [key for key in free if not self._is_there(key)]
            for key in gone:
                self._held.pop(key).close()
            for key in (key for key in free if key not in gone):
                if not self._are_too_many():
                    break
                self._held.pop(key).close()
        for key in gone:
            shutil.rmtree(self._visitors / key / FOLDER, ignore_errors=True)

    def _are_too_many(self) -> bool:
        return len(self._held) > MOST_OPEN or sum(held.log_bytes for held in self._held.values()) > MOST_LOGS_BYTES

    def _is_there(self, key: str) -> bool:
        return key in self._runs or self._later.held(self._visitors / key) is not None

    def _result(self, key: str) -> _Result:
        run = self._runs.get(key)
        if run is not None:
            return _of_run(run)
        frame = self._later.held(self._visitors / key)
        if frame is None:
            raise CorrectionError(GONE)
        return _of_frame(self._visitors / key, frame)


def _of_run(run: PullbackRun) -> _Result:
    if not run.is_over or run.progress.done == 0:
        raise CorrectionError(UNDER_WAY)
    stem = safe_stem(run.pullback.name)

    def write(folder: Path) -> None:
        segmented = run.segmented(stem)
        write_tables(segmented, folder, stem)
        if not (folder / LOG_NAME).exists():  # else the masks are there
            write_masks(segmented, folder, stem)

    return _Result(run.folder, stem, run.source, run.settings(), write, lambda: run.pullback)


def _of_frame(folder: Path, frame: HeldFrame) -> _Result:
    stem = safe_stem(frame.result.name)

    def write(to: Path) -> None:
        result = frame.whole()
        write_file(to / JSON_NAME, tables(result)[1].encode())
        write_file(to / f"{stem}{MASK_END}", mask_png(result))
        if (doubt := doubt_png(result)) is not None:
            write_file(to / f"{stem}{DOUBT_ENDING}", doubt)

    return _Result(folder, stem, frame.source, None, write, lambda: read_pullback(frame.source))


def _opened(held: _Held, result: _Result, room: AbstractContextManager[object]) -> ReviewSession:
    """The review as it is, or opened: anew where spacing or range of its pullback are others than they were.

    room: held while exports are made.
    """
    if held.session is not None and held.settings == result.settings:
        if not held.session.case.table.is_file():
            raise CorrectionError(GONE)
        return held.session
    held.close()
    folder = result.folder / FOLDER / result.stem
    with _gone_in_a_sentence(), told_in_one_sentence(result.stem):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        result.write(folder)
    case = open_saved(folder)
    frames = CaseFrames(case, [Given((ANY_NAME,), lambda: [result.read()], (result.source,))], SEND_AGAIN)
    log = CorrectionLog(folder / LOG_NAME, head_of(case.run, ""), MOST_LOG_BYTES)
    try:
        corrections = Corrections(case, log)
    except BaseException:  # whatever it is, the log is let go
        log.close()
        raise
    held.session = ReviewSession(case, corrections, Measuring(case, frames), is_visitor=True, room=room)
    held.log, held.settings = log, result.settings
    return held.session


@contextmanager
def _gone_in_a_sentence() -> Iterator[None]:
    """Files of a result that were deleted meanwhile."""
    try:
        yield
    except (OSError, OctsegError) as error:
        if isinstance(error.__cause__ or error, FileNotFoundError):
            raise CorrectionError(GONE) from None
        raise


def _keep(result: _Result) -> None:
    """Let the files of a result be as new as if they were made now."""
    for path in (result.source, *result.folder.rglob("*")):
        with suppress(OSError):
            os.utime(path)
