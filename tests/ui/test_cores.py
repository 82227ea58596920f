"""What the page says of single lipid cores, and of a frame of which nothing is said."""

import re
from dataclasses import replace

from octseg.measurement import FrameMeasures
from octseg.ui.cards import withdrawn_html
from octseg.ui.cores import cores_html, tcfa_html
from octseg.ui.numbers import summary_html, table_html, tiles_html
from octseg.ui.picture import picture_html
from tests.fakes.results import REASON, TWO_CORES, WIDE, withdrawn_result
from tests.ui.test_parts import shown


def test_the_tcfa_card_names_the_core_it_judges_and_its_margins_in_words() -> None:
    said = shown(tcfa_html(TWO_CORES))
    assert "Core 1 of 2 meets both frame criteria" in said
    assert "Cap under 65 µm ✓ met : 26 µm thinner than the limit of 65 µm" in said
    assert "Arc over 90° ✓ met : 8° wider than the limit of 90°" in said


def test_a_verdict_that_an_interval_leaves_open_says_so_and_is_not_red() -> None:
    html = tcfa_html(TWO_CORES, {"tcfa_cap_margin_um": (-45.0, 124.0), "tcfa_arc_margin_deg": (2.0, 60.0)})
    said = shown(html)
    assert "Core 1 of 2 meets both frame criteria; undecided: the 95 % interval holds the limit" in said
    assert "26 µm thinner than the limit of 65 µm; the 95 % interval holds the limit" in said
    assert "8° wider than the limit of 90° " in said
    assert "data-undecided" in html
    sure = tcfa_html(TWO_CORES, {"tcfa_cap_margin_um": (-45.0, -2.0), "tcfa_arc_margin_deg": (2.0, 60.0)})
    assert "data-undecided" not in sure + tcfa_html(TWO_CORES)
    assert "interval" not in shown(sure)


def test_two_intervals_of_one_core_are_explained_where_they_are_shown() -> None:
    why = "Its 95 % interval is not that of the arc above"
    assert why in shown(table_html(TWO_CORES, {"lipid_arc_deg": (0.0, 138.0), "lipid_arc_widest_deg": (0.0, 110.0)}))
    assert why not in shown(table_html(TWO_CORES))


def test_a_frame_without_lipid_meets_no_criteria_and_one_without_a_scale_is_not_judged() -> None:
    without = FrameMeasures(meets_tcfa_criteria=False, lipid_cores=())
    assert "No lipid core spans an arc" in shown(tcfa_html(without))
    assert "Cannot be judged here" in shown(tcfa_html(replace(TWO_CORES, meets_tcfa_criteria=None)))


def test_each_core_has_its_line_and_the_arc_says_that_it_is_a_sum() -> None:
    said = shown(cores_html(TWO_CORES))
    assert "1 98° 1.75 mm² 39 µm yes" in said
    assert "2 59° 0.75 mm² – no" in said
    assert "Lipid arc 157 ° 2 cores, widest 98°" in shown(tiles_html(TWO_CORES))
    assert cores_html(FrameMeasures(lipid_cores=())) == ""


def test_the_line_of_a_core_leads_to_its_arc_unless_that_has_no_ends() -> None:
    assert re.findall(r'data-core="(\d)" data-place="core-(\d)"', cores_html(TWO_CORES)) == [("1", "1"), ("2", "2")]
    around = replace(WIDE, arc_deg=360.0)
    assert "data-place" not in cores_html(FrameMeasures(lipid_cores=(around,)))


def test_a_withdrawn_frame_shows_its_sentence_and_neither_tiles_nor_verdict() -> None:
    result = withdrawn_result()
    alert, summary = withdrawn_html(result.withdrawn), summary_html(result)
    assert 'role="alert"' in alert
    assert f"Nothing is said of this frame {REASON}." in shown(alert)
    assert "oct-tile" not in summary
    assert "oct-tcfa" not in summary
    assert not re.search(r"\d", shown(summary))
    picture = picture_html(result, "frame.jpg", "grey.jpg")
    assert "oct-tissue" not in picture
    assert 'aria-label="photo.png: nothing is said of this frame"' in picture
    assert withdrawn_html(None) == ""
