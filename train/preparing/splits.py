"""Training and validation by whole studies: neighbouring frames of a pullback are near-copies.

Pure functions; the same seed gives the same split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from octseg.dataset.origin import RADIALMAMBA
from octseg.errors import DatasetError

EXHAUSTIVE = 12  # groups up to which all splits are compared
RESTARTS = 8
HOLDOUTS = {"radialmamba": RADIALMAMBA}


@dataclass(frozen=True)
class StudyCount:
    """Frames of a study, and those of them that bear the class that matters."""

    frames: int
    positive: int


def split_by_study(
    studies: Mapping[str, StudyCount], share: float, seed: int, tied: Sequence[set[str]] = ()
) -> set[str]:
    """The studies of the validation part: as near to `share` in frames and in positive frames as whole studies allow.

    `tied` studies share frames and stay on one side. Raises DatasetError where there is one group of studies only.
    """
    groups, counts = _grouped(studies, tied)
    if len(groups) < 2:
        raise DatasetError(
            f"a split by study needs two studies that share no frames, and there is {len(groups)}: "
            "add studies, or ask for --split none, or for --split frame, which leaks"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(groups))
    counts = counts[order]
    target = share * counts.sum(axis=0)
    if len(groups) <= EXHAUSTIVE:
        sides = np.array(list(product((False, True), repeat=len(groups))))[1:-1]
        best = sides[int(np.argmin(_cost(sides @ counts, counts, target)))]
    else:
        tried = [_improved(_start(len(groups), share, rng), counts, target) for _ in range(RESTARTS)]
        best = min(tried, key=lambda side: float(_cost(side @ counts, counts, target)))
    return {study for place, taken in zip(order, best, strict=True) if taken for study in groups[place]}


def folds_by_study(
    studies: Mapping[str, StudyCount], folds: int, seed: int, tied: Sequence[set[str]] = ()
) -> dict[str, int]:
    """Study -> fold from 1: as even in frames and in positive frames as whole studies allow."""
    groups, counts = _grouped(studies, tied)
    if not 2 <= folds <= len(groups):
        raise DatasetError(f"{folds} folds by study need as many studies that share no frames; there are {len(groups)}")
    rng = np.random.default_rng(seed)
    total = np.maximum(counts.sum(axis=0), 1)
    weight = (counts / total).sum(axis=1)
    order = sorted(rng.permutation(len(groups)), key=lambda place: -weight[place])
    filled = np.zeros((folds, 2))
    fold_of: dict[str, int] = {}
    for place in order:
        after = (filled + counts[place]) / total
        # The emptiest fold first; among the filled ones that which stays smallest in its larger share.
        fold = int(np.argmin(after.max(axis=1) + after.sum(axis=1)))
        filled[fold] += counts[place]
        fold_of.update(dict.fromkeys(groups[place], fold + 1))
    return fold_of


def split_by_frame(frames: int, share: float, seed: int) -> set[int]:
    """Places of the validation frames, drawn at random: the seed project's way, which leaks."""
    count = min(max(1, round(share * frames)), frames - 1)
    if count < 1:
        raise DatasetError("a split needs two frames at least")
    return {int(place) for place in np.random.default_rng(seed).permutation(frames)[:count]}


def _grouped(studies: Mapping[str, StudyCount], tied: Sequence[set[str]]) -> tuple[list[list[str]], NDArray[np.int64]]:
    """Studies that stay together, in order, and (groups, 2) their frames and positive frames."""
    group_of = {study: {study} for study in studies}
    for together in tied:
        merged = set().union(*(group_of[study] for study in together if study in group_of))
        for study in merged:
            group_of[study] = merged
    groups = sorted({tuple(sorted(group)) for group in group_of.values()})
    counts = [
        [sum(getattr(studies[study], kind) for study in group) for kind in ("frames", "positive")] for group in groups
    ]
    return [list(group) for group in groups], np.array(counts, np.int64).reshape(-1, 2)


def _cost(sums: NDArray[np.int64], counts: NDArray[np.int64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...,) squared distance of sums (..., 2) from the target (2,), as shares of counts (groups, 2)."""
    total = np.maximum(counts.sum(axis=0), 1)
    return np.asarray((((sums - target) / total) ** 2).sum(axis=-1))


def _start(groups: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(groups,) a random side of about `share` of them, neither none nor all."""
    side = np.arange(groups) < min(max(1, round(share * groups)), groups - 1)
    return rng.permutation(side)


def _improved(side: NDArray[np.bool_], counts: NDArray[np.int64], target: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(groups,) the side after the best single moves, and swaps of two, until none helps; no side is ever emptied.

    counts: (groups, 2), target: (2,) frames and positive frames.
    """
    side = side.copy()
    while True:
        sums = side @ counts
        signed = np.where(side, -1, 1)[:, None] * counts  # (groups, 2): what moving each one changes
        both = _cost(sums + signed[:, None] + signed[None], counts, target)
        np.fill_diagonal(both, _cost(sums + signed, counts, target))
        taken = side.sum() + np.add.outer(np.where(side, -1, 1), np.where(side, -1, 1))
        np.fill_diagonal(taken, side.sum() + np.where(side, -1, 1))
        both[(taken < 1) | (taken >= len(side))] = np.inf
        first, second = np.unravel_index(int(np.argmin(both)), both.shape)
        if both[first, second] >= _cost(sums, counts, target) - 1e-15:
            return side
        side[[first, second]] = ~side[[first, second]]
