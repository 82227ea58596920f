"""What the page itself has made, corrected in a page of its own and taken home."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from octseg.correction.saved import open_saved
from octseg.correction.unpacking import unpacked
from tests.browser.conftest import COUNT, PATIENCE_MS, Visit, watched
from tests.browser.test_accessible import complaints
from tests.browser.test_review import WALL, brush, whose
from tests.fakes.corrected import LIPID

pytestmark = pytest.mark.browser


@contextmanager
def reviewing(visit: Visit, frame: int = 0) -> Iterator[Page]:
    """The page that the button opens, at a frame from 0."""
    with visit.page.expect_popup() as opened:
        visit.page.click(".oct-correct a:visible")
    page = opened.value
    page.set_default_timeout(PATIENCE_MS)
    other = watched(page)
    page.wait_for_selector(f".oct-stage[data-shown='{frame}']")
    yield page
    page.close()
    assert other.complaints == []


def taken_home(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("[data-do=export]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return unpacked(path)


def test_a_frame_is_corrected_and_taken_home(visit: Visit, plain_file: Path, tmp_path: Path) -> None:
    visit.upload(plain_file)
    before = visit.page.inner_text("[data-tile=lipid_core_area_mm2] .oct-tile-value")
    with reviewing(visit) as page:
        assert page.inner_text("[data-tile=lipid_core_area_mm2] .oct-tile-value") == before
        brush(page)
        whose(page, "corrected outlines (1 stroke)")
        folder = taken_home(page, tmp_path)
    assert open_saved(folder / "corrected").labels("plain")[WALL[1], WALL[0] + 20] == LIPID
    assert open_saved(folder).labels("plain")[WALL[1], WALL[0] + 20] != LIPID


@pytest.mark.slow
def test_where_a_result_is_shown_it_is_said_that_it_was_corrected(visit: Visit, plain_file: Path) -> None:
    visit.upload(plain_file)
    said = visit.page.locator(".oct-correct p >> visible=true")
    before = said.inner_text()
    with reviewing(visit) as page:
        brush(page)
        visit.page.wait_for_selector(".oct-correct p >> text=You have corrected 1 frame.")
        page.click("[data-do=undo]")
        visit.page.wait_for_selector(f".oct-correct p >> text={before}")
        brush(page)
        visit.page.wait_for_selector(".oct-correct p >> text=You have corrected 1 frame.")
        assert "Numbers and files here are the model's" in said.inner_text()
    visit.upload(plain_file)
    assert said.inner_text() == before


def test_a_pullback_is_corrected_and_taken_home(vessel: Visit, tmp_path: Path) -> None:
    address = str(vessel.page.evaluate("document.querySelector('.oct-correct a').pathname.slice(1)"))
    vessel.page.focus(".oct-stage")
    vessel.page.keyboard.press("ArrowRight")
    with reviewing(vessel, frame=1) as page:
        brush(page)
        whose(page, "corrected outlines (1 stroke)")
        for kind in ("report", "geojson"):
            page.check(f"#oct-export [value={kind}]")
        assert "Needs a pullback" in page.inner_text("#oct-export label:has([value=nifti])")
        folder = taken_home(page, tmp_path)
        told = page.inner_text("#oct-kept")
    (report,) = folder.glob("corrected/*_report.html")
    assert "outlines of 1 frame corrected by a reader without a name" in report.read_text()
    assert len(list(folder.glob("corrected/*.geojson"))) == 1
    assert "deletes all of it" in told
    lines = [json.loads(line) for line in (folder / "corrections.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines[1:]] == [2]
    other = vessel.page.request.get(vessel.page.url + address.replace(address.split("/")[2], "0" * 32))
    assert (other.status, "no longer holds" in other.text()) == (409, True)
    assert "default-src 'none'" in vessel.page.request.get(vessel.page.url + address).headers["content-security-policy"]


@pytest.mark.slow
def test_an_open_review_follows_the_spacing_and_the_range_of_the_page(vessel: Visit) -> None:
    with reviewing(vessel) as page:
        brush(page)
        whose(page, "corrected outlines (1 stroke)")
        page.check("#oct-export [value=report]")
        vessel.page.fill("[data-frame-spacing]", "0.5")
        vessel.page.click("[data-run-asks=spacing]")
        page.wait_for_selector(f"#oct-along tr:has-text('Length') >> text={COUNT * 0.5:.1f} mm")
        page.wait_for_selector("#oct-along .oct-whose:has-text('your outlines in 1 of')")
        page.wait_for_selector(".oct-axis >> text=2 mm")
        assert page.is_checked("#oct-export [value=report]")
        assert page.is_enabled("#oct-export [value=nifti]")
        vessel.page.fill("[data-range=last]", "4")
        vessel.page.press("[data-range=last]", "Tab")
        page.wait_for_selector("#oct-along >> text=In the range")
        page.wait_for_selector("#oct-along tr:has-text('Length') >> text=2.0 mm")


@pytest.mark.slow
def test_axe_finds_nothing_serious_be_it_light_or_dark(vessel: Visit) -> None:
    vessel.page.set_viewport_size({"width": 390, "height": 844})
    with reviewing(vessel) as page:
        assert complaints(Visit(page)) == []
    assert complaints(vessel) == []
