"""Which numbers lead to a place in the picture, and what is written there."""

from dataclasses import replace

import pytest

from octseg.measurement.places import FramePlaces
from octseg.ui.numbers import table_html, tiles_html
from octseg.ui.places import marks_record, marks_svg, shown
from tests.fakes.results import TWO_CORES, withdrawn_result

ENDS = ((10.0, 20.0), (30.0, 20.0))
PLACES = FramePlaces(
    centre=(20.0, 10.0), diameter_min=ENDS, diameter_max=ENDS, cap_min=((5.0, 6.0), (5.0, 9.25)), arcs=(ENDS, ENDS)
)
MEASURED = replace(TWO_CORES, lumen_diameter_min_mm=2.031, lumen_diameter_max_mm=2.5)
RESULT = replace(withdrawn_result(), withdrawn=None, measures=MEASURED, places=PLACES)


def test_each_place_says_its_own_number() -> None:
    marks = [(mark["name"], mark["said"]) for mark in marks_record(RESULT, unit=1)]
    expected = [
        ("diameter_max", "2.50 mm"),
        ("diameter_min", "2.03 mm"),
        ("arc", "98°"),
        ("arc", "59°"),
        ("cap", "39 µm"),
    ]
    assert marks == expected


def test_each_arc_names_its_core() -> None:
    assert [mark["core"] for mark in marks_record(RESULT, unit=1)] == [None, None, 1, 2, None]
    assert marks_svg(RESULT, unit=1).count('data-mark="arc" data-core="2"') == 1


def test_lines_are_across_then_down_in_tenths_of_a_pixel() -> None:
    cap = next(mark for mark in marks_record(RESULT, unit=1) if mark["name"] == "cap")
    assert cap["lines"][0] == [60, 50, 92, 50]
    assert '<path d="M6 5 9.2 5' in marks_svg(RESULT, unit=1)


def test_what_has_no_number_has_no_mark() -> None:
    unscaled = replace(RESULT, measures=replace(TWO_CORES, fibrous_cap_thickness_min_um=None))
    assert {mark["name"] for mark in marks_record(unscaled, unit=1)} == {"arc"}
    assert marks_record(withdrawn_result(), unit=1) == []


@pytest.mark.parametrize(("value", "leads"), [(None, False), (0.0, False), (98.0, True), (360.0, False)])
def test_an_arc_leads_to_its_ends_where_it_has_some(value: float | None, leads: bool) -> None:
    assert ("<button" in shown("lipid_arc_deg", value, "told")) is leads


def test_tiles_and_table_lead_to_places() -> None:
    for html in (tiles_html(MEASURED), table_html(MEASURED)):
        assert 'data-place="cap"' in html
        assert 'data-place="arc"' in html
    assert 'data-place="diameter_min"' in table_html(MEASURED)
