"""What the numbers in the names of a pullback's files tell: which frame is the first, and whether some are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from octseg.reading.names import label_of, split_at_frame_numbers

NAMED = 3  # gaps or runs that a sentence names one by one
FIRST = 1


@dataclass(frozen=True)
class Numbering:
    """The number of the first frame, 0 where the names count from 0; what does not fit a run without gaps."""

    first: int = FIRST
    warnings: tuple[str, ...] = ()


def numbering_of(stems: Sequence[str]) -> Numbering:
    """What the names of files without their endings tell, in the order of the files."""
    parts = list(split_at_frame_numbers(stems))
    runs = list(dict.fromkeys(before for before, _, _ in parts))
    if len(runs) > 1 and all(digits for _, digits, _ in parts):
        told = ", ".join(f"{label_of(run)}..." for run in runs[:NAMED]) + (" and others" if len(runs) > NAMED else "")
        return Numbering(
            warnings=(
                f"the names tell of {len(runs)} runs ({told}), which are taken for one pullback: give each a folder of "
                "its own if they are several",
            )
        )
    if not all(digits for _, digits, _ in parts):
        return Numbering()
    numbers = [int(digits) for _, digits, _ in parts]
    steps = {after - before for before, after in pairwise(numbers)}
    if steps == {1}:
        return Numbering(numbers[0])
    if len(steps) == 1 and (step := steps.pop()) > 1:
        return Numbering(warnings=(f"the numbers in the names rise by {step}: frames between them are not here",))
    return Numbering(warnings=(_gaps(numbers),))


def _gaps(numbers: Sequence[int]) -> str:
    """What is said of numbers that do not rise by one."""
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers) if after > before + 1]
    if not gaps:
        return "two files bear the same number: frames may be here twice, and those behind them are shifted"
    told = [f"{first}" if first == last else f"{first} to {last}" for first, last in gaps]
    count = sum(last - first + 1 for first, last in gaps)
    more = f" and {len(told) - NAMED} more gaps" if len(told) > NAMED else ""
    return (
        f"by the numbers in the names {count} frame{'s are' if count > 1 else ' is'} missing ({', '.join(told[:NAMED])}"
        f"{more}): frames behind them are shifted, and lengths along the vessel are too short"
    )
