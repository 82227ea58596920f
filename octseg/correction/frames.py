"""The frames of saved results: copies beside them, or what `octseg predict` was given, each known by its pixels."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from octseg.correction.numbers import Record
from octseg.correction.recent import Recent
from octseg.correction.saved import MASK_END, SavedCase
from octseg.errors import CorrectionError, ReadError
from octseg.export.run import FRAMES_ENDING
from octseg.pullback import Frame, Pullback, frame_sha256
from octseg.reading import read_pullback
from octseg.reading.private import is_private_file

HELD_FRAMES = 12
ANY_NAME = ""  # of what may hold frames under any name, as DICOM files that are several series
GIVE = "name with --frames what `octseg predict` was given"


@dataclass(frozen=True)
class Given:
    """What may hold frames. names: of its files, as measures.json has them. open: its pullbacks, when needed.

    files: that it consists of.
    """

    names: Collection[str]
    open: Callable[[], list[Pullback]]
    files: Collection[Path] = ()

    @cached_property
    def pullbacks(self) -> list[Pullback]:
        """Those, opened once."""
        return self.open()


class CaseFrames:
    """The frames of a case, decoded when they are asked for; a few are kept."""

    def __init__(self, case: SavedCase, given: Iterable[Given] = (), advice: str = GIVE) -> None:
        """advice: what to do where a frame is not there."""
        self._case, self._advice = case, advice
        self._copies = copies(case)
        self._all_given = tuple(given)
        self._given: dict[str, list[Given]] = {}
        for each in self._all_given:
            for name in each.names:
                self._given.setdefault(name, []).append(each)
        self._holding: dict[str, list[Given]] = {}  # what may hold the frames of a file
        self._held: Recent[Frame] = Recent(HELD_FRAMES, lambda frame: frame.nbytes)

    def apart(self) -> "CaseFrames":
        """The same frames for another thread, which holds its own."""
        return CaseFrames(self._case, self._all_given, self._advice)

    def missing(self) -> list[str]:
        """Frames for which nothing is there that may be them."""
        return [
            stem for stem, record in self._case.records.items() if stem not in self._copies and not self._of(record)
        ]

    def __call__(self, stem: str) -> Frame:
        """A frame (H, W, 3). Raises CorrectionError where it is not there, or is not the one that was outlined."""
        return self._held.get(stem, self._found)

    def is_private(self, stem: str) -> bool:
        """Whether a file that may hold a frame bears the mark of private frames."""
        files = [path for each in self._of(self._case.record(stem)) for path in each.files]
        return any(map(is_private_file, [*files, *([self._copies[stem]] if stem in self._copies else [])]))

    def pullback(self, stem: str) -> Pullback | None:
        """What was given that holds a frame; None where nothing was, as of copies that lie beside the results."""
        record = self._case.record(stem)
        with self._told():
            found = (of for of, frame in self._in_given(record) if frame_sha256(frame) == record["frame_sha256"])
            return next(found, None)

    def _found(self, stem: str) -> Frame:
        record = self._case.record(stem)
        seen = False
        for frame in self._candidates(stem, record):
            if frame_sha256(frame) == record["frame_sha256"]:
                return frame
            seen = True
        label = f"frame {record['frame']} of {record['file']}"
        if seen:
            raise CorrectionError(f"{label} is not the one that was outlined: its pixels differ; {self._advice}")
        raise CorrectionError(f"{label} is not there; {self._advice}")

    def _candidates(self, stem: str, record: Record) -> Iterator[Frame]:
        with self._told():
            if stem in self._copies:
                yield from read_pullback(self._copies[stem])
            yield from (frame for _, frame in self._in_given(record))

    def _in_given(self, record: Record) -> Iterator[tuple[Pullback, Frame]]:
        """The frames of a number in what was given, each with the pullback that holds it."""
        for each in self._of(record):
            for pullback in each.pullbacks:
                yield from ((pullback, frame) for frame in _at(pullback, record["frame"]))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (ReadError, OSError) as error:
            raise CorrectionError(f"a frame cannot be read: {error}; {self._advice}") from error

    def _of(self, record: Record) -> list[Given]:
        """By its name; else by the pixels of the first frame of that name, as a page calls a ZIP file otherwise."""
        file = record["file"]
        if file not in self._holding:
            named = self._given.get(file) or self._given.get(ANY_NAME)
            self._holding[file] = named or [each for each in self._all_given if self._holds(each, file)]
        return self._holding[file]

    def _holds(self, given: Given, file: str) -> bool:
        first, *others = (record for record in self._case.records.values() if record["file"] == file)
        try:
            pullbacks = [each for each in given.pullbacks if len(each) > 1 or not others]
            frames = [frame for pullback in pullbacks for frame in _at(pullback, first["frame"])]
        except (ReadError, OSError):
            return False
        return any(frame_sha256(frame) == first["frame_sha256"] for frame in frames)


def _at(pullback: Pullback, number: int) -> Iterator[Frame]:
    """The frame of a number; of a single picture the one that there is, whatever number its name gives it."""
    place = number - pullback.first_number
    if len(pullback) == 1:
        yield from islice(iter(pullback), 1)
    elif 0 <= place < len(pullback):
        yield from islice(pullback.frames(place, place + 1), 1)


def copies(case: SavedCase) -> dict[str, Path]:
    """Frames that lie in the folder of the results: those that an export wrote, or that a case is shared with."""
    there = {path.name: path for path in sorted(case.folder.glob(f"*{FRAMES_ENDING}/*.png"))}
    found = {}
    for stem, record in case.records.items():
        beside = case.folder / Path(record["file"]).name
        is_copy = len(case.records) == 1 and beside.suffix.lower() == ".png" and not beside.name.endswith(MASK_END)
        if f"{stem}.png" in there:
            found[stem] = there[f"{stem}.png"]
        elif is_copy and beside.is_file():
            found[stem] = beside
    return found
