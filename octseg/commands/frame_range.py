"""`--frames`: which frames of each pullback are looked at, by their numbers, the first and the last included."""

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from octseg.errors import ReadError

# numpy takes time to load, which `octseg --help` does not need
if TYPE_CHECKING:
    from octseg.pullback import Pullback

_NUMBER = r"([0-9]{1,9})(?:[.,]0{1,2})?"  # 3.0 is what a spreadsheet makes of 3
_RANGE = re.compile(rf"(?:{_NUMBER})?(?:\s*(-)\s*(?:{_NUMBER})?)?")
_DASHES = str.maketrans("‐‑‒–—−", "------")


@dataclass(frozen=True)
class FrameRange:
    """Numbers of frames, both ends included; None where an end is open."""

    first: int | None = None
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> "FrameRange":
        """From `100-180`, `100-`, `-180` or `100`, or as spreadsheets write these: `2 - 4`, `3.0`.

        Raises ArgumentTypeError where it is none of them.
        """
        found = _RANGE.fullmatch(text.strip().translate(_DASHES))
        if found is None or not (found[1] or found[3]):
            raise argparse.ArgumentTypeError(f"{text} is no range of frames, such as 100-180, 100-, -180 or 100")
        first = int(found[1]) if found[1] else None
        last = (int(found[3]) if found[3] else None) if found[2] else first
        if first is not None and last is not None and last < first:
            raise argparse.ArgumentTypeError(f"{text} ends before it begins; give the first frame before the last")
        return cls(first, last)

    @classmethod
    def said(cls, text: str) -> "FrameRange":
        """From what `str` makes of one."""
        return cls.parse(text) if text != "-" else cls()

    def __str__(self) -> str:
        if self.first == self.last and self.first is not None:
            return str(self.first)
        return f"{'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def __contains__(self, number: int) -> bool:
        return (self.first is None or number >= self.first) and (self.last is None or number <= self.last)

    def shared(self, other: "FrameRange") -> "FrameRange | None":
        """The frames that both have; None where there are none."""
        first = max((each for each in (self.first, other.first) if each is not None), default=None)
        last = min((each for each in (self.last, other.last) if each is not None), default=None)
        return None if first is not None and last is not None and last < first else FrameRange(first, last)

    @property
    def is_all(self) -> bool:
        """Whether every frame is in it."""
        return self.first is None and self.last is None

    def within(self, pullback: "Pullback") -> tuple[int, int | None]:
        """The frames of a pullback that are in the range, as `Pullback.frames` takes them: 0-based, the end left out.

        None where they go to its end. Raises ReadError where there is none.
        """
        begin, count = pullback.first_number, len(pullback)
        first = 0 if self.first is None else max(self.first - begin, 0)
        last = count if self.last is None else min(self.last + 1 - begin, count)
        if first >= last:
            raise ReadError(self.not_there(pullback.name, begin, begin + count - 1))
        return first, None if last == count else last

    def beyond(self, pullback: "Pullback") -> list[str]:
        """What is said where frames before the first of a pullback, or behind its last, are asked for by number."""
        first, last = pullback.first_number, pullback.first_number + len(pullback) - 1
        said = []
        if self.first is not None and self.first < first:
            said.append(f"--frames {self} begins before its first frame, {first}")
        if self.last is not None and self.last > last:
            said.append(f"--frames {self} reaches beyond its last frame, {last}")
        return said

    def not_there(self, name: str, first: int, last: int) -> str:
        """The sentence for a pullback that has none of these frames."""
        has = f"has frame {first} alone" if first == last else f"has frames {first} to {last}"
        return f"{name} {has}, and --frames {self} asks for none of them"
