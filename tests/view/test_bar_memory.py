"""Bars along a pullback: read once where they stay as they are, and anew where they change."""

from collections.abc import Callable

import pytest

from octseg.phantom import ScaleBar
from octseg.view.bar import LabelMemory, find_bars
from octseg.view.bar.memory import Label
from octseg.view.bar.shape import Grey, Stroke
from tests.view.test_bar import screen, through_jpeg, with_bar


class Counting(LabelMemory):
    """Knows how often something was read."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0

    def label_of(
        self, grey: Grey, stroke: Stroke, upright: bool, read: Callable[[Grey, Stroke], Label | None]
    ) -> Label | None:
        def counted(grey: Grey, stroke: Stroke) -> Label | None:
            self.readings += 1
            return read(grey, stroke)

        return super().label_of(grey, stroke, upright, counted)


def test_a_bar_that_stays_is_read_once_and_measured_in_each_frame() -> None:
    memory = Counting()
    frames = [with_bar(100.0, frame=screen(seed=seed)) for seed in range(4)]
    alone = [find_bars(frame) for frame in frames]
    assert len(alone[0]) == 1
    first = find_bars(frames[0], memory)
    read = memory.readings
    assert [first, *(find_bars(frame, memory) for frame in frames[1:])] == alone
    assert memory.readings == read > 0


@pytest.mark.parametrize(
    ("before", "after", "digit_px"), [("0.5 mm", "0.2 mm", 20), ("1 mm", "2 mm", 20), ("2 mm", "5 mm", 16)]
)
def test_a_label_that_changes_is_read_anew(before: str, after: str, digit_px: int) -> None:
    """On a bar of the same pixels: only the number has changed, and with it the scale."""
    memory = LabelMemory()
    for label in (before, after, before):
        bar = ScaleBar(label=label, length_mm=1.0, digit_px=digit_px)
        found = find_bars(through_jpeg(with_bar(150.0, bar), 95), memory)
        assert [each.length_mm for each in found] == [float(label.split()[0])]


def test_a_bar_that_comes_and_goes_is_seen_while_it_is_there() -> None:
    memory, without, with_one = LabelMemory(), screen(), with_bar(100.0)
    assert [len(find_bars(frame, memory)) for frame in (without, with_one, without, with_one)] == [0, 1, 0, 1]
