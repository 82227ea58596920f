"""What the numbers in the names of a pullback's files tell: which frame is the first, and whether some are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from octseg.reading.names import label_of, split_at_frame_numbers

NAMED = 3  # gaps or runs that a sentence names one by one
MOST_MISSING = 4  # times as many as are there; more are no gaps of one pullback
MOST_FRAMES = 1000  # from the first number to the last


@dataclass(frozen=True)
class Numbering:
    """The number of each frame, in order, and what does not fit a run without gaps, a sentence each.

    By the names where these count the frames of one run, from 0 or any other on; else by place, from 1.
    """

    numbers: tuple[int, ...]
    warnings: tuple[str, ...] = ()

    @property
    def span(self) -> int:
        """How many frames there are from the first to the last, those that are missing among them."""
        return self.numbers[-1] - self.numbers[0] + 1


def numbering_of(stems: Sequence[str]) -> Numbering:
    """What the names of files without their endings tell, in the order of the files."""
    parts = list(split_at_frame_numbers(stems))
    by_place = tuple(range(1, len(stems) + 1))
    runs = list(dict.fromkeys(before for before, _, _ in parts))
    if not all(digits for _, digits, _ in parts):
        return Numbering(by_place)
    if len(runs) > 1:
        told = ", ".join(f"{label_of(run)}..." for run in runs[:NAMED]) + (" and others" if len(runs) > NAMED else "")
        warning = (
            f"the names tell of {len(runs)} runs ({told}), which are taken for one pullback: give each a folder of "
            "its own if they are several"
        )
        return Numbering(by_place, (warning,))
    numbers = tuple(int(digits) for _, digits, _ in parts)
    steps = {after - before for before, after in pairwise(numbers)}
    if not steps or steps == {1}:
        return Numbering(numbers)
    if len(steps) == 1 and (step := steps.pop()) > 1:
        warning = (
            f"the numbers in the names rise by {step}: frames between them are not here, so they are numbered from 1, "
            "and their spacing is that from one to the next"
        )
        return Numbering(by_place, (warning,))
    return _with_gaps(numbers, by_place)


def _with_gaps(numbers: tuple[int, ...], by_place: tuple[int, ...]) -> Numbering:
    """Of numbers that do not rise by one."""
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers) if after > before + 1]
    if any(after <= before for before, after in pairwise(numbers)):
        said = "two files bear the same number: frames may be here twice, and those behind them are shifted"
        return Numbering(by_place, (said,))
    told = [f"{first}" if first == last else f"{first} to {last}" for first, last in gaps]
    count = sum(last - first + 1 for first, last in gaps)
    more = f" and {len(told) - NAMED} more gaps" if len(told) > NAMED else ""
    said = (
        f"by the numbers in the names {count} frame{'s are' if count > 1 else ' is'} missing ({', '.join(told[:NAMED])}"
        f"{more})"
    )
    if count > MOST_MISSING * len(numbers) or numbers[-1] - numbers[0] >= MOST_FRAMES:
        return Numbering(
            by_place, (f"{said}: frames behind them are shifted, and lengths along the vessel are too short",)
        )
    return Numbering(numbers, (f"{said}: their places are kept, and nothing is said of them",))
