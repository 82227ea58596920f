"""Functional groups of a multi-frame file: what holds for all of its frames, and for each of them."""

from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


def functional_groups(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a macro: the shared one first, then one for each frame that has it."""
    return shared_groups(dataset, keyword) + frame_groups(dataset, keyword)


def shared_groups(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The macro that holds for all frames; empty where there is none."""
    return [item for group in groups_in(dataset, SHARED)[:1] for item in groups_in(group, keyword)[:1]]


def frame_groups(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The macro of each frame that has one, in the frames' order."""
    return [item for group in groups_in(dataset, PER_FRAME) for item in groups_in(group, keyword)[:1]]


def groups_in(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty where there is none that can be read."""
    try:
        value: Any = dataset.get(keyword)
        return [item for item in value if isinstance(item, Dataset)] if isinstance(value, Iterable) else []
    except Exception:
        return []  # a sequence that cannot be read says nothing; pydicom raises whatever its bytes lead to
