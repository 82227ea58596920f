"""A first visit is led in three steps, and names of numbers say how these were measured."""

from pathlib import Path

from tests.browser.conftest import Visit
from tests.fakes.app_server import ROOT

CURRENT = ".oct-steps [aria-current=step]"


def test_three_steps_lead_a_first_visit_and_stay_away_once_they_are_put_away(visit: Visit) -> None:
    page = visit.page
    assert page.inner_text(CURRENT).startswith("1")
    visit.take_example()
    page.wait_for_selector(f"{CURRENT} >> text=Read the numbers")
    page.click(".oct-steps button")
    assert page.query_selector(".oct-steps") is None
    visit.reload()
    page.wait_for_selector(".oct-empty")
    assert page.query_selector(".oct-steps") is None
    assert visit.complaints == []


def test_a_frame_without_a_scale_is_led_to_the_scale(visit: Visit, plain_file: Path) -> None:
    visit.upload(plain_file)
    visit.page.wait_for_selector(f"{CURRENT} >> text=Check the scale")


def test_a_click_on_the_name_of_a_number_says_how_it_was_measured(visit: Visit) -> None:
    visit.take_example()
    arc = visit.page.locator("[data-tile=lipid_arc_deg] .oct-how")
    assert not arc.locator("p").is_visible()
    arc.locator("summary").click()
    assert "360 rays are drawn from the lumen's centroid" in arc.locator("p").inner_text()


def test_the_pictures_of_the_tour_are_there_and_small() -> None:
    pictures = sorted((ROOT / "docs" / "tour").iterdir())
    text = (ROOT / "docs" / "tour.md").read_text()
    assert pictures
    assert all(f"(tour/{path.name})" in text for path in pictures)
    assert sum(path.stat().st_size for path in pictures) < 1_000_000
