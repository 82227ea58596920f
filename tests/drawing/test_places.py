"""The lines that show where a number was measured, held against places that are known."""

from itertools import pairwise

import numpy as np
import pytest

from octseg.drawing.places import Mark, marks_of
from octseg.measurement.places import FramePlaces, Point

CENTRE = (200.0, 300.0)


def at(degrees: float, radius: float = 100.0) -> Point:
    """Clockwise from the right, seen from the centre."""
    turn = np.radians(degrees)
    return float(CENTRE[0] + radius * np.sin(turn)), float(CENTRE[1] + radius * np.cos(turn))


def angle_of(point: Point) -> float:
    return float(np.degrees(np.arctan2(point[0] - CENTRE[0], point[1] - CENTRE[1]))) % 360


def arc(first_deg: float, last_deg: float) -> Mark:
    (mark,) = marks_of(FramePlaces(centre=CENTRE, arcs=((at(first_deg), at(last_deg)),)), unit=1)
    return mark


@pytest.mark.parametrize(
    ("first", "last", "middle"), [(20, 110, 65), (300, 30, 345), (10, 250, 130), (350, 349, 169.5)]
)
def test_an_arc_is_drawn_clockwise_from_its_first_end_to_its_last(first: float, last: float, middle: float) -> None:
    mark = arc(first, last)
    ends, bow = mark.lines
    assert ends[1] == CENTRE
    assert (angle_of(ends[0]), angle_of(ends[2])) == (pytest.approx(first), pytest.approx(last))
    assert (angle_of(bow[0]), angle_of(bow[-1])) == (pytest.approx(first), pytest.approx(last))
    assert angle_of(mark.words_at) == pytest.approx(middle)
    length = sum(np.hypot(*np.subtract(one, other)) for one, other in pairwise(bow))
    assert length == pytest.approx(np.radians((last - first) % 360) * 50, rel=0.01)


def test_a_core_without_ends_leaves_the_others_their_numbers() -> None:
    marks = marks_of(FramePlaces(centre=CENTRE, arcs=(None, (at(0), at(90)))), unit=1)
    assert [mark.core for mark in marks] == [1]


def test_a_cap_is_a_line_with_two_ends_across_it_and_a_ring_about_it() -> None:
    wall, lipid = at(40, 100), at(40, 106)
    (mark,) = marks_of(FramePlaces(centre=CENTRE, cap_min=(wall, lipid)), unit=2)
    line, *ends = mark.lines
    assert line == (wall, lipid)
    along = np.subtract(lipid, wall)
    for end, point in zip(ends, (wall, lipid), strict=True):
        assert np.mean(end, axis=0) == pytest.approx(point)
        assert np.dot(np.subtract(*end), along) == pytest.approx(0, abs=1e-9)
    assert mark.ring is not None
    assert mark.ring[0] == pytest.approx(at(40, 103))
    assert mark.ring[1] > 3


def test_a_frame_without_lipid_shows_its_diameters_alone() -> None:
    places = FramePlaces(centre=CENTRE, diameter_min=(at(0), at(180)), diameter_max=(at(90, 130), at(270, 130)))
    assert {mark.name: mark.lines for mark in marks_of(places, unit=1)} == {
        "diameter_max": ((at(90, 130), at(270, 130)),),
        "diameter_min": ((at(0), at(180)),),
    }
