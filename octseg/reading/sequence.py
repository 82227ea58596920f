"""The pictures of a folder or an archive as one pullback: those of one size, in the order in which people count.

A picture that cannot be read keeps its place as a black frame, so that no number moves.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.along import frames_of, spaced
from octseg.reading.entries import Entry
from octseg.reading.levels import SourceLevels
from octseg.reading.limits import Limits
from octseg.reading.names import listed, split_at_frame_numbers
from octseg.reading.numbering import numbering_of
from octseg.reading.pictures.reading import looked_at, read_picture
from octseg.reading.survey import Stored, survey


@dataclass(frozen=True)
class Picture:
    """A file of one frame, its (height, width) in pixels as stored; without a size where its header tells none."""

    entry: Entry
    size: tuple[int, int] | None
    is_deep: bool = False


def pullbacks_of(pictures: Sequence[Picture], name: str, limits: Limits, failures: list[str]) -> list[Pullback]:
    """The pictures of a folder as one pullback: those of the size that most of them have, and what says nothing of it.

    Where no two are of one size, each is a frame by itself.
    """
    sizes = Counter(each.size for each in pictures if each.size is not None)
    if not sizes:
        return _sequence(pictures, name, limits, failures) if pictures else []
    if max(sizes.values()) == 1 and len(sizes) > 1:
        single = [[each] for each in pictures if each.size is not None]
        return [pullback for each in single for pullback in _sequence(each, each[0].entry.stem, limits, failures)]
    size = max(sizes, key=lambda each: (sizes[each], each))
    kept = _with_unreadable(pictures, size)
    failures += [f"{p.entry.name} cannot be read as a picture" for p in pictures if p.size is None and p not in kept]
    others = [f"{p.entry.name} ({p.size[0]} x {p.size[1]})" for p in pictures if p.size not in (size, None) and p.size]
    warnings: tuple[str, ...] = ()
    if others:
        count = f"{sizes[size]} picture{'s' * (sizes[size] != 1)}"
        warnings = (f"left out, for the {count} of {name} are {size[0]} x {size[1]} pixels: {listed(others)}",)
    return _sequence(kept, name if len(kept) > 1 else kept[0].entry.stem, limits, failures, warnings)


def _with_unreadable(pictures: Sequence[Picture], size: tuple[int, int]) -> list[Picture]:
    """The pictures of that size, and among them those that cannot be read and are named as frames of the same run."""
    names = list(split_at_frame_numbers(each.entry.path.stem for each in pictures))
    patterns = [(before, after, p.entry.path.suffix) for (before, _, after), p in zip(names, pictures, strict=True)]
    of_run = {pattern for pattern, picture in zip(patterns, pictures, strict=True) if picture.size == size}
    return [
        picture
        for (_, digits, _), pattern, picture in zip(names, patterns, pictures, strict=True)
        if picture.size == size or (picture.size is None and digits and pattern in of_run)
    ]


def _sequence(
    pictures: Sequence[Picture], name: str, limits: Limits, failures: list[str], warnings: tuple[str, ...] = ()
) -> list[Pullback]:
    """One pullback of pictures in order; nothing, and why, where none of them can be decoded.

    Those that are missing by the numbers in the names are black, as those that cannot be read.
    """
    levels = _levels(pictures)

    def single(place: int) -> Pullback:
        entry = pictures[place].entry
        return read_picture(entry.content(), entry.name, entry.stem, limits, levels)

    try:
        first = _first_that_is_read(single, len(pictures))
    except ReadError as error:
        failures.append(str(error))
        return []
    height, width = next(iter(first)).shape[:2]
    if len(pictures) == 1:
        limits.check_pullback(1, height * width, name)
        return [replace(first, warnings=(*warnings, *first.warnings))]
    numbering = numbering_of([each.entry.path.stem for each in pictures])
    first_number, count = numbering.numbers[0], numbering.span
    limits.check_pullback(count, count * height * width, name)
    places = {number - first_number: place for place, number in enumerate(numbering.numbers)}
    late: list[str] = []

    def decoded(number: int) -> Frame:
        place = places.get(number)
        return np.zeros((height, width, 3), np.uint8) if place is None else next(iter(single(place)))

    def read_range(start: int, stop: int) -> Iterator[Frame]:
        return frames_of(decoded, start, stop, (height, width), late, first_number)

    pullback = Pullback(
        name=name,
        frame_count=count,
        read_frames=lambda: read_range(0, count),
        read_range=read_range,
        warnings=(*warnings, *numbering.warnings, *first.warnings),
        late_warnings=late,
        first_number=first_number,
    )
    return [pullback if numbering.warnings else spaced(pullback)]


def _first_that_is_read(single: Callable[[int], Pullback], count: int) -> Pullback:
    """The first of some pictures that can be read, as a pullback of one frame; ReadError of the last where none can."""
    for number in range(count - 1):
        with suppress(ReadError):
            return single(number)
    return single(count - 1)


def _levels(pictures: Sequence[Picture]) -> SourceLevels:
    """One rule of levels for the pictures of more than 8 bits, by some of them spread evenly from first to last."""
    deep = [each.entry for each in pictures if each.is_deep]
    if not deep:
        return SourceLevels()
    return survey(Stored(entry.head, entry.content) for entry in looked_at(deep))
