"""The frames of a pullback in order: where each lies, and from there to a picture, one in memory at a time.

Frames that are missing at the end are left out, damaged ones between others are black, so that each keeps its number;
both are said.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from octseg.errors import ReadError
from octseg.pullback import Frame
from octseg.reading.dicom.codecs import DamagedFrameError, Decoded, Stored, decode
from octseg.reading.dicom.fragments import Place, read_place
from octseg.reading.dicom.opening import Source
from octseg.reading.dicom.painting import Painter
from octseg.reading.dicom.polar import ScanConversion
from octseg.reading.pictures.decoding import to_rgb


@dataclass(frozen=True)
class Held:
    """One frame: the file that it is in, its place there, and how it is stored."""

    source: Source
    place: Place
    stored: Stored


@dataclass(frozen=True, kw_only=True)
class Film:
    """All frames of a pullback in order, and how they become pictures of (rows, columns)."""

    held: Sequence[Held] = field(repr=False)
    painters: Sequence[Painter] = field(repr=False)
    conversion: ScanConversion | None
    shape: tuple[int, int]
    late_warnings: list[str] = field(default_factory=list)

    def frames(self, first: int, last: int) -> Iterator[Frame]:
        """Frames `first` to `last`, 0-based, `last` left out."""
        missing = 0
        last = min(last, len(self.held))
        for index, decoded in zip(range(first, last), decoded_frames(self.held[first:last]), strict=True):
            if decoded is None or decoded.samples.shape[:2] != self.shape:
                missing += 1
                continue
            yield from self._black(index - missing, missing)
            missing = 0
            yield self._shown(decoded, index)
        if missing and last == len(self.held):
            self._say(f"the last {missing} of its {len(self.held)} frames are damaged and left out")
        else:
            yield from self._black(last - missing, missing)

    def _shown(self, decoded: Decoded, index: int) -> Frame:
        levels = self.painters[min(index, len(self.painters) - 1)].paint(decoded)
        frame = to_rgb(levels if self.conversion is None else self.conversion.show(levels, index))
        return frame if frame.flags.writeable else frame.copy()  # of bytes that were read, which are not to be changed

    def _black(self, first: int, count: int) -> Iterator[Frame]:
        if not count:
            return
        which = f"frame {first + 1} is" if count == 1 else f"frames {first + 1} to {first + count} are"
        self._say(f"{which} damaged and left black, so that the others keep their numbers")
        side = None if self.conversion is None else self.conversion.size
        rows, columns = self.shape if side is None else (side, side)
        for _ in range(count):
            yield np.zeros((rows, columns, 3), np.uint8)

    def _say(self, sentence: str) -> None:
        if sentence not in self.late_warnings:
            self.late_warnings.append(sentence)


def decoded_frames(held: Sequence[Held], *, strict: bool = False) -> Iterator[Decoded | None]:
    """Each frame's samples in order, None for one that cannot be decoded; a file is opened once for all it holds.

    strict: ReadError where a frame is of a kind or a size that is not read, and not only where its file is gone.
    """
    now: Source | None = None
    with ExitStack() as files:
        for each in held:
            try:
                if each.source is not now:
                    files.close()
                    file = files.enter_context(each.source.opened())
                    now = each.source
                content = read_place(file, each.place, each.stored.encapsulated, each.stored.words_from)
            except OSError as error:
                raise ReadError(
                    f"{each.stored.label} cannot be read on: {(error.strerror or 'unknown cause').lower()}"
                ) from error
            try:
                yield None if content is None else decode(content, each.stored)
            except DamagedFrameError:
                yield None
            except ReadError:
                if strict:
                    raise
                yield None
