"""Plots of a cohort's measures: what stands below an axis is whole, and is the number of its place."""

import re
from itertools import pairwise

import pytest

from octseg.cohort.plots import WIDTH, Strip, spread_html

CHARACTER_PX = 7.0  # of digits 11 px high, and a little more
SHARE = {"start": 0.0, "middle": 0.5, "end": 1.0}


def labels(values: list[float]) -> list[tuple[float, float, str]]:
    """Of the axis of a figure: left and right end, and what is said."""
    html = spread_html("Area", "mm", [Strip("", values, None, {})])
    found = re.findall(r'<text x="([\d.]+)" y="\d+" text-anchor="(\w+)">([^<]*)<', html)
    wide = [CHARACTER_PX * len(said) for _, _, said in found]
    lefts = [float(x) - SHARE[anchor] * of for (x, anchor, _), of in zip(found, wide, strict=True)]
    return [(left, left + of, said) for left, of, (_, _, said) in zip(lefts, wide, found, strict=True)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([4.0, 9.3], ["4", "6", "8", "10"]),
        ([0.576, 0.5812], ["0.576", "0.578", "0.580", "0.582"]),
        ([60.32, 61.18], ["60.0", "60.5", "61.0", "61.5"]),
        ([1180.0, 14321.0], ["0", "5000", "10000", "15000"]),
        ([-0.003, 0.0021], ["-0.004", "-0.002", "0.000", "0.002", "0.004"]),
        ([100000.1, 100000.35], ["100000.1", "100000.2", "100000.3", "100000.4"]),
        ([61.18115, 61.18155], ["61.1811", "61.1816"]),
        ([0.0], ["0.0", "0.5"]),
    ],
)
def test_numbers_below_an_axis_are_not_cut_off_and_stand_apart(values: list[float], said: list[str]) -> None:
    told = labels(values)
    assert [label for _, _, label in told] == said
    assert told[0][0] >= 0
    assert told[-1][1] <= WIDTH
    assert all(right < left for (_, right, _), (left, _, _) in pairwise(told))
