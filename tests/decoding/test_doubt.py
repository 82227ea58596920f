"""Where other looks at a frame outline it otherwise."""

import numpy as np
import pytest

from octseg.boxed import BoxedMap
from octseg.decoding.doubt import labels_of, share_that_differs

SHAPE = (6, 8)


def boxed(rows: slice, cols: slice) -> BoxedMap:
    """1 there, and 0.4, which is not outlined, in a pixel beside it."""
    values = np.ones((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    values[0, 0] = 0.4
    return BoxedMap(values, (rows, cols), SHAPE)


def test_labels_are_those_of_the_palette_and_lipid_goes_before_its_cap() -> None:
    labels = labels_of(
        {"lipid_core": boxed(slice(0, 2), slice(2, 4)), "fibrous_cap": boxed(slice(0, 3), slice(0, 4))}, SHAPE
    )
    assert labels.tolist()[:4] == [
        [0, 2, 2, 3, 0, 0, 0, 0],
        [2, 2, 3, 3, 0, 0, 0, 0],
        [2, 2, 2, 2, 0, 0, 0, 0],
        [0] * 8,
    ]


@pytest.mark.parametrize(("count", "shares"), [(8, [0, 32, 64, 255]), (4, [0, 64, 128, 255]), (3, [0, 85, 170, 255])])
def test_a_share_is_of_all_looks(count: int, shares: list[int]) -> None:
    labels = np.array([[1, 1, 1, 1]], np.uint8)
    others = [labels.copy() for _ in range(count)]
    others[0][0, 1] = others[0][0, 2] = others[1][0, 2] = 3
    for other in others:
        other[0, 3] = 0
    assert share_that_differs(labels, others).tolist() == [shares]
