"""The layer of doubt: where variants of a frame disagree, on the page and in a review, by its switch and its key."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE_MS, Visit, finished, send, shows, watched
from tests.browser.test_accessible import complaints
from tests.browser.test_review import arrive, at
from tests.fakes.corrected import SIDE, disc, save_results, vessel
from tests.fakes.review_server import running_review

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DOUBTED = 6  # a frame of the phantom pullback in which variants disagree about a whole core
SPOT = (150, 110)  # x, y in the dark corner of the frames


def ink(page: Page, where: str) -> int:
    """How many pixels of a part of the page are of the layer's colour."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(150)
    shot = Image.open(io.BytesIO(page.locator(where).first.screenshot(animations="disabled"))).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(shot, np.int16), 2, 0)
    return int(((red > green + 40) & (blue > green + 25)).sum())


def test_a_review_shows_it_by_key(browser: Browser, tmp_path: Path) -> None:
    doubt = disc((SIDE, SIDE), SPOT[1], SPOT[0], 25).astype(np.uint8) * 255
    folder = save_results(tmp_path, vessel(3), withdrawn=2, doubt=doubt)
    with running_review(folder) as review, browser.new_context(viewport={"width": 1300, "height": 900}) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = watched(context.new_page()).page
        arrive(page, review.url)
        assert ink(page, ".oct-stage") == 0
        page.keyboard.press("h")
        scale = (at(page, 100, 0)[0] - at(page, 0, 0)[0]) / 100
        assert ink(page, ".oct-stage") == pytest.approx(np.pi * (25 * scale) ** 2, rel=0.1)
        assert complaints(Visit(page)) == []
        page.keyboard.press("ArrowRight")  # a withdrawn frame, without
        page.wait_for_selector(".oct-stage[data-shown='1']")
        assert ink(page, ".oct-stage") == 0
        assert not page.locator(".oct-doubt").is_visible()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(".oct-stage[data-shown='2']")
        assert ink(page, ".oct-stage") > 0
        page.keyboard.press("h")
        assert ink(page, ".oct-stage") == 0


def test_a_frame_shows_it_where_intervals_were_asked_for(visit: Visit, plain_file: Path) -> None:
    visit.upload(plain_file)
    assert not visit.page.locator(".oct-doubt").is_visible()
    with visit.new_result():
        visit.page.click("#oct-intervals label")
    assert visit.page.locator(".oct-doubt").is_visible()
    before = ink(visit.page, "svg.oct-picture")
    visit.page.focus(".oct-figure")
    visit.page.keyboard.press("h")
    assert ink(visit.page, "svg.oct-picture") > before + 100
    assert complaints(visit) == []
    visit.page.click(".oct-doubt label")
    assert ink(visit.page, "svg.oct-picture") == before


def test_a_pullback_shows_it_where_intervals_were_asked_for(visit: Visit, dicom: Path) -> None:
    visit.page.click("#oct-intervals label")
    send(visit, dicom)
    finished(visit)
    visit.page.focus(".oct-stage")
    visit.page.keyboard.press("Home")
    for _ in range(DOUBTED - 1):
        visit.page.keyboard.press("ArrowRight")
    shows(visit, DOUBTED)
    before = ink(visit.page, ".oct-stage")
    visit.page.keyboard.press("h")
    assert ink(visit.page, ".oct-stage") > before + 100
    with visit.page.expect_popup() as opened:
        visit.page.click(".oct-correct a:visible")
    review = opened.value
    review.wait_for_selector(".oct-stage[data-shown='0'][data-doubt]", timeout=PATIENCE_MS)
    review.close()
