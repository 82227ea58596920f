"""A pullback that a caller made, and a range of its frames: what is none gets a sentence."""

import numpy as np
import pytest

from octseg.measurement import measure_pullback
from octseg.pullback import Pullback
from octseg.segmenter import Segmenter


@pytest.mark.parametrize("given", [{"first": -1}, {"first": "0"}, {"first": None}, {"last": 1.5}, {"last": True}])
def test_a_range_of_no_frames_gets_a_sentence(segmenter: Segmenter, given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"(first|last) must be a whole number from 0 on, not "):
        segmenter.segment_pullback(np.zeros((64, 64), np.uint8), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frame", [None, np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3)), np.zeros((64, 64, 4), np.uint8)]
)
def test_a_pullback_made_by_hand_of_other_frames_gets_a_sentence(segmenter: Segmenter, frame: object) -> None:
    made = Pullback(name="mine", frame_count=1, read_frames=lambda: iter([frame]))  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"a pullback's frames must be arrays \(H, W, 3\) uint8, not "):
        segmenter.segment(made)


def test_a_pullback_made_by_hand_of_no_function_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"read_frames must be a function .* not list"):
        Pullback(name="mine", frame_count=1, read_frames=[])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"frame_count must be a whole number from 0 on, not '2'"):
        Pullback(name="mine", frame_count="2", read_frames=lambda: iter([]))  # type: ignore[arg-type]


@pytest.mark.parametrize("results", [None, 5, [1, 2], "run"])
def test_results_that_are_none_get_a_sentence(results: object) -> None:
    with pytest.raises(ValueError, match=r"results must be those of segment_pullback"):
        measure_pullback(results, 0.2)  # type: ignore[arg-type]
