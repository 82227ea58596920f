"""The frames of a pullback in order: where each lies, and from there to a picture, one in memory at a time.

Frames that are missing at the end are left out, those between others that are damaged or of another size are black, so
that each keeps its number; both are said.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from typing import cast

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
        missing: list[str] = []
        last = min(last, len(self.held))
        for index, decoded in zip(range(first, last), decoded_frames(self.held[first:last]), strict=True):
            if (why := self._why_not(decoded)) is not None:
                missing.append(why)
                continue
            yield from self._black(index - len(missing), missing)
            missing = []
            yield self._shown(cast(Decoded, decoded), index)
        if missing and last == len(self.held):
            named = " or ".join(dict.fromkeys(missing))
            self._say(f"the last {len(missing)} of its {len(self.held)} frames are {named} and left out")
        else:
            yield from self._black(last - len(missing), missing)

    def _why_not(self, decoded: Decoded | None) -> str | None:
        """Why a frame cannot be shown among the others, after "is"; None where it can."""
        if decoded is None:
            return "damaged"
        rows, columns = decoded.samples.shape[:2]
        if (rows, columns) == self.shape:
            return None
        return f"of another size ({rows} x {columns} pixels, the others {self.shape[0]} x {self.shape[1]})"

    def _shown(self, decoded: Decoded, index: int) -> Frame:
        levels = self.painters[min(index, len(self.painters) - 1)].paint(decoded)
        frame = to_rgb(levels if self.conversion is None else self.conversion.show(levels, index))
        return frame if frame.flags.writeable else frame.copy()  # of bytes that were read, which are not to be changed

    def _black(self, first: int, missing: Sequence[str]) -> Iterator[Frame]:
        """Black frames in the place of those missing from `first` on, 0-based, of which is said why."""
        for why, alike in groupby(missing):
            count = len(list(alike))
            which = f"frame {first + 1} is" if count == 1 else f"frames {first + 1} to {first + count} are"
            self._say(f"{which} {why} and left black, so that the others keep their numbers")
            first += count
        side = None if self.conversion is None else self.conversion.size
        rows, columns = self.shape if side is None else (side, side)
        for _ in missing:
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
