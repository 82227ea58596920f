"""What the names of files tell of frames: their order, and which frame of its run one is."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath, PureWindowsPath
from typing import TypeAlias

NaturalKey: TypeAlias = tuple[tuple[tuple[int, str], ...], str]

MAX_LABEL = 80  # characters of a file's name that an error repeats
DEFAULT_NAME = "frame"
NAMED = 3  # of those that a sentence names one by one
MAX_DIGITS = 6  # a pullback has hundreds of frames; dates and times have more
NAMING_OTHERS = ("left out", "the names tell of ")  # how sentences begin that name other files than a pullback's own
_AFTER_ALL_DIGITS = 1 << 30
_DIGITS = re.compile(r"([0-9]+)")


def label_of(given: str) -> str:
    """What a file is called in front of the user: its name without folders, printable and not too long."""
    base = PureWindowsPath(given).name or DEFAULT_NAME
    printable = "".join(character if character.isprintable() else "?" for character in base)
    return printable if len(printable) <= MAX_LABEL else printable[: MAX_LABEL - 1] + "…"


def names_others(warning: str) -> bool:
    """Whether a sentence about a pullback names other files than its own: those that were left out, or its runs."""
    return warning.startswith(NAMING_OTHERS)


def listed(told: Sequence[str]) -> str:
    """A few things by name, and how many more there are."""
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return ", ".join(told[:NAMED]) + more


def stem_of(label: str) -> str:
    """A file's name without its ending; numbers after a dot, as in the names that a PACS gives, are none."""
    return (PureWindowsPath(label).stem or DEFAULT_NAME) if _has_ending(label) else label


def _has_ending(name: str) -> bool:
    """Whether what stands behind the last dot is not a number."""
    return not PureWindowsPath(name).suffix[1:].isdigit()


def natural_key(name: str) -> NaturalKey:
    """Sorts names as people count: frame_2 before frame_10, whatever the case of letters; equal ones by themselves.

    Endings come last, so that image.png is before image (1).png, the second of that name.
    """
    counted = name.removesuffix(PureWindowsPath(name).suffix) if _has_ending(name) else name
    return tuple(_counted(part) for part in _DIGITS.split(counted) if part), name


def _counted(part: str) -> tuple[int, str]:
    """Digits by how many they are and then by what they are, before all words."""
    if not _DIGITS.fullmatch(part):
        return _AFTER_ALL_DIGITS, part.casefold()
    digits = part.lstrip("0")
    return len(digits), digits


def natural_path_key(path: PurePath) -> tuple[NaturalKey, ...]:
    """Sorts paths folder by folder, each as `natural_key` does."""
    return tuple(natural_key(part) for part in path.parts)


def frame_number(stem: str) -> int | None:
    """The last number in a file's name without its ending, where it can be one of a frame; None where there is none."""
    return next(frame_numbers([stem]))


def frame_numbers(stems: Iterable[str]) -> Iterator[int | None]:
    """Which frame each file of one folder is; see `split_at_frame_numbers`."""
    for _, digits, _ in split_at_frame_numbers(stems):
        yield int(digits) if digits else None


def split_at_frame_numbers(stems: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """What stands before the frame's number in each name, its digits, and what stands after them.

    Of names that differ in numbers alone it is the last number that differs: 1 and 2 of f1_704px and f2_704px; of
    others the last. One with too many digits for a frame's is none, and without one the whole name stands before.
    """
    names = [_DIGITS.split(stem) for stem in stems]
    alike: dict[tuple[str, ...], list[list[str]]] = {}
    for parts in names:
        alike.setdefault(tuple(parts[::2]), []).append(parts[1::2])
    differing = {words: _last_that_differs(numbers) for words, numbers in alike.items()}
    for parts in names:
        numbers = [place for place in range(1, len(parts), 2) if len(parts[place]) <= MAX_DIGITS]
        place = differing[tuple(parts[::2])] or next(reversed(numbers), None)
        if place not in numbers:
            place = len(parts)
        yield "".join(parts[:place]), "".join(parts[place : place + 1]), "".join(parts[place + 1 :])


def _last_that_differs(numbers: list[list[str]]) -> int | None:
    """Place in the split name of the last number that is not the same in all; None where all are, or there is one."""
    places = [place for place, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) > 1]
    return 2 * places[-1] + 1 if places else None
