"""cohort.html: Table 1, what failed, and outliers that lead to their pictures, on a page that loads nothing."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from octseg.cohort.page import cohort_html, write_page
from octseg.cohort.table_one import Group, table_one
from tests.fakes.cohort_made import areas, made_case, made_cohort

ALIKE = [4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6, 4.7]


def cells(html: str, name: str) -> list[list[str]]:
    """Of the lines of tables that begin with a name."""
    rows = re.findall(r"<tr><th>(.*?)</th>(.*?)</tr>", html)
    return [re.findall(r"<td[^>]*>(.*?)</td>", rest) for head, rest in rows if unescape(head) == name]


def test_an_outlier_leads_to_the_picture_of_its_frame(tmp_path: Path) -> None:
    tables = made_cohort(tmp_path, areas([*ALIKE, 20.0]))
    write_page(tables, tmp_path)
    html = (tmp_path / "cohort.html").read_text(encoding="utf-8")
    links = {unescape(link) for link in re.findall(r'href="(.*?)"', html)}
    assert links == {"cases/8/o%232.png"}
    assert all((tmp_path / unquote(link)).is_file() for link in links)
    assert "8, run, frame 2" in html


def test_it_loads_nothing_and_runs_nothing_and_takes_no_name_for_markup(tmp_path: Path) -> None:
    case = made_case("x", "<i>P</i>", "<img src=http://there>", "<script>alert(1)</script>")
    failed = {made_case("y", identity="<b>"): "<u>why</u>"}
    html = cohort_html(made_cohort(tmp_path, {case: {"minimum_lumen_area_mm2": 4.0}}, failed), tmp_path)
    assert not re.search(r"<script|<link|<img|<i>|<u>|<b>|url\(|@import", html)
    assert "&lt;u&gt;why&lt;/u&gt;" in html


def test_tables_wider_than_the_page_are_scrolled_with_keys_and_named(tmp_path: Path) -> None:
    failed = {made_case("z"): "it is no pullback"}
    html = cohort_html(made_cohort(tmp_path, areas([*ALIKE, 20.0]), failed), tmp_path)
    assert html.count("<table") == 4
    named = re.findall(r'<div class="wide" tabindex="0" role="region" aria-label="([^"]+)"><table', html)
    assert named == ["Table 1", "Medians", "Outliers", "What failed"]


def test_medians_stand_beside_their_intervals_and_two_groups_beside_their_difference(tmp_path: Path) -> None:
    few = areas([1.0, 2.0, 3.0], "a")
    many = areas([11.0] * 9, "b")
    html = cohort_html(made_cohort(tmp_path, {**few, **many}), tmp_path)
    told = cells(html, "Minimum lumen area, mm²")
    assert told == [
        ["11.00 [9.00 to 11.00]", "2.00 [1.50 to 2.50]", "11.00 [11.00 to 11.00]"],
        ["2.00 (3 patients)", "11.00 (11.00 to 11.00)", "+9.00 (3 patients)"],
    ]
    assert cells(html, "Patients, n") == [["12", "3", "9"]]


def test_a_share_of_none_or_all_has_no_interval(tmp_path: Path) -> None:
    cases = {made_case(f"c{n}"): {"tcfa_candidates": [], "lipid_frame_count": n % 2} for n in range(20)}
    html = cohort_html(made_cohort(tmp_path, cases), tmp_path)
    assert cells(html, "With a TCFA candidate, %") == [["0 (20 patients)"]]
    [[told]] = cells(html, "With lipid, %")
    assert re.fullmatch(r"50 \((25|30) to (70|75)\)", told)


def test_table_1_counts_and_says_of_how_many() -> None:
    pullbacks = [
        {"patient": "P", "group": "", "lipid_frame_count": 3, "lipid_length_mm": 2.0, "tcfa_candidate_count": 1},
        {"patient": "P", "group": "", "lipid_frame_count": 0, "lipid_length_mm": 0.0, "tcfa_candidate_count": 0},
        {"patient": "Q", "group": "", "lipid_frame_count": 5, "lipid_length_mm": 4.0, "tcfa_candidate_count": 0},
        {"patient": "Q", "group": "", "lipid_frame_count": None, "lipid_length_mm": None},
    ]
    rows = [{"frame_count": 10, "withdrawn_frame_count": 1, **row} for row in pullbacks]
    told = {name: cell for name, [cell] in table_one({"All": Group(rows, [{"clima_met_count": 3}])})}
    assert told["Patients, n"] == "2"
    assert told["Frames withdrawn, n (%)"] == "4 (10.0 %)"
    assert told["With lipid, n (%)"] == "2 (67 %), n = 3"
    assert told["Lipid length, where there is lipid, mm"] == "3.0 [2.5 to 3.5], n = 2"
    assert told["Minimum lumen area, mm²"] == "-"
    assert told["With a TCFA candidate, n (%)"] == "1 (33 %), n = 3"
    assert told["Plaques with three CLIMA criteria, n (%)"] == "1 (100 %)"


def test_criteria_that_could_not_be_judged_are_unknown_and_not_no(tmp_path: Path) -> None:
    cases = {made_case(f"c{n}"): {"tcfa_candidates": [] if n else None} for n in range(3)}
    html = cohort_html(made_cohort(tmp_path, cases), tmp_path)
    assert cells(html, "With a TCFA candidate, n (%)") == [["0 (0 %), n = 2"]]
    assert cells(html, "With a TCFA candidate, %") == [["0 (2 patients), n = 2"]]
    met, unknown = {"clima_met_count": 3}, {"clima_met_count": None, "clima_cap_under_75_um": None}
    plaques = [met, {**unknown, "clima_arc_over_180_deg": True}, {**unknown, "clima_arc_over_180_deg": False}]
    told = {name: cell for name, [cell] in table_one({"All": Group([], plaques)})}
    assert told["Plaques with three CLIMA criteria, n (%)"] == "1 (50 %), n = 2"


@pytest.mark.parametrize(
    ("patients", "said"),
    [
        (["P", "P", "P"], ""),
        (["P", "Q", "R"], ""),
        (["P", "P", "c2"], ""),  # one alone is whoever it is
        (["c0", "c1", "c2"], "Each case counts as a patient of its own"),
        (["P", "c1", "c2"], "2 cases for which none is given count as a patient of its own"),
    ],
)
def test_it_says_which_cases_count_as_patients_for_want_of_one(tmp_path: Path, patients: list[str], said: str) -> None:
    cases = {made_case(f"c{n}", patient): {} for n, patient in enumerate(patients)}
    html = cohort_html(made_cohort(tmp_path, cases), tmp_path)
    assert ("a patient of its own" in html) is bool(said)
    assert said in html


def test_many_values_are_drawn_as_bars(tmp_path: Path) -> None:
    html = cohort_html(made_cohort(tmp_path, areas([4.0 + number / 100 for number in range(200)])), tmp_path)
    assert html.count("<circle") == 0
    assert html.count('class="bar"') > 20


def test_a_cohort_of_which_nothing_is_measured_says_why(tmp_path: Path) -> None:
    html = cohort_html(made_cohort(tmp_path, {}, {made_case("A"): "it is no pullback"}), tmp_path)
    assert "it is no pullback" in html
    assert "0 pullbacks of 0 of 1 cases" in html
