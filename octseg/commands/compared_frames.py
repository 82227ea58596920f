"""The pixels of frames that are compared, where they are at hand: for pictures of both outlines on them."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from octseg.commands.given import frames_given
from octseg.commands.inputs import find_items, pullbacks_of
from octseg.comparison.comparing import FrameCompared
from octseg.correction.exporting import FOLDER
from octseg.correction.frames import CaseFrames
from octseg.correction.saved import SavedCase, open_saved
from octseg.errors import CorrectionError, ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.survey import FolderLevels

FrameOf = Callable[[FrameCompared], Frame | None]


def frames_at_hand(readings: Sequence[Path], inputs: Sequence[Path]) -> FrameOf:
    """What gives a frame's pixels (H, W, 3), or None.

    readings: of them results know their frames by their pixels, of `inputs` or of copies beside them. Where none are
    results, a picture of `inputs` is a frame by its name, and a pullback's frame by its number.
    """
    cases = [CaseFrames(case, frames_given(inputs, case.folder)) for case in _cases(readings)]
    if cases or not inputs:
        return lambda frame: _first(cases, frame.label)
    return _by_names(inputs, readings[0])


def _cases(readings: Sequence[Path]) -> list[SavedCase]:
    """Results among readings; copies of frames lie beside those that were corrected."""
    folders = [each for path in readings for each in ((path, path.parent) if path.name.startswith(FOLDER) else (path,))]
    return [case for folder in folders if (case := _results(folder)) is not None]


def _results(folder: Path) -> SavedCase | None:
    try:
        return open_saved(folder)
    except CorrectionError:
        return None


def _first(cases: Sequence[CaseFrames], stem: str) -> Frame | None:
    return next((frame for frames in cases if (frame := _frame(frames, stem)) is not None), None)


def _frame(frames: CaseFrames, stem: str) -> Frame | None:
    try:
        return frames(stem)
    except CorrectionError:
        return None


def _by_names(inputs: Sequence[Path], out: Path) -> FrameOf:
    items = find_items(inputs, out).items
    named = Counter(item.path.stem for item in items if item.is_picture)
    pictures = {item.path.stem: item for item in items if item.is_picture and named[item.path.stem] == 1}
    levels = FolderLevels([item.path for item in pictures.values()])

    def frame_of(frame: FrameCompared) -> Frame | None:
        try:
            if frame.label in pictures:
                return next(iter(pullbacks_of(pictures[frame.label], levels)[0]), None)
            return _numbered(pullbacks_of(items[0], levels)[0], frame.number) if len(items) == 1 else None
        except (ReadError, OSError):
            return None

    return frame_of


def _numbered(pullback: Pullback, number: int | None) -> Frame | None:
    place = -1 if number is None else number - pullback.first_number
    return next(iter(pullback.frames(place, place + 1)), None) if 0 <= place < len(pullback) else None
