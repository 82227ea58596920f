"""What a stroke changes of a frame's labels, as runs of pixels: enough to do it, to undo it, and to see that it fits.

Pixels are counted row by row. A run is four numbers: how many pixels lie between it and the end of the run before, how
many it has, what they were, and what they are then.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.errors import CorrectionError

Labels = NDArray[np.uint8]  # (H, W) palette indices
Numbers = NDArray[np.int64]
PARTS = 4
HIGHEST = len(CLASS_NAMES)
UNLIKE = "the stroke was drawn on other outlines than those that are there; load the page again"


def changes(before: Labels, after: Labels) -> list[int]:
    """Runs of what differs."""
    old, new = before.ravel(), after.ravel()
    at = np.flatnonzero(old != new)
    if at.size == 0:
        return []
    kind = old[at].astype(np.int64) * (HIGHEST + 1) + new[at]
    begins = np.r_[0, np.flatnonzero((np.diff(at) > 1) | (np.diff(kind) != 0)) + 1]
    firsts, lengths = at[begins], np.diff(np.r_[begins, at.size])
    gaps = firsts - np.r_[0, (firsts + lengths)[:-1]]
    return np.stack([gaps, lengths, old[firsts], new[firsts]], axis=1).ravel().tolist()


def change(labels: Labels, runs: Sequence[int], *, back: bool = False) -> None:
    """Do what runs say in place, or undo it. Raises CorrectionError, and changes nothing, where they do not fit."""
    at, before, after = _pixels(runs, labels.size)
    flat = labels.reshape(-1)
    if back:
        before, after = after, before
    if not np.array_equal(flat[at], before):
        raise CorrectionError(UNLIKE)
    flat[at] = after


def steps(runs: Sequence[int]) -> set[tuple[int, int]]:
    """What was made of what, as pairs of labels."""
    return set(zip(runs[2::PARTS], runs[3::PARTS], strict=True))


def change_some(runs: Sequence[int]) -> bool:
    """Whether any pixel of runs is another then."""
    return any(before != after for before, after in steps(runs))


def are_runs(given: object) -> bool:
    """Whether it is what `changes` gives."""
    if not isinstance(given, list) or len(given) % PARTS or any(type(each) is not int for each in given):
        return False
    labels = given[2::PARTS] + given[3::PARTS]
    return (
        all(gap >= 0 for gap in given[::PARTS])
        and all(length > 0 for length in given[1::PARTS])
        and all(0 <= label <= HIGHEST for label in labels)
    )


def _pixels(runs: Sequence[int], size: int) -> tuple[Numbers, Labels, Labels]:
    """Each pixel of runs with its label before and after."""
    if sum(runs[::PARTS]) + sum(runs[1::PARTS]) > size:
        raise CorrectionError("the stroke goes beyond its frame; load the page again")
    gaps, lengths, before, after = np.array(runs, np.int64).reshape(-1, PARTS).T
    firsts = np.cumsum(gaps) + np.cumsum(lengths) - lengths
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(firsts, lengths) + within
    return at, np.repeat(before, lengths).astype(np.uint8), np.repeat(after, lengths).astype(np.uint8)
