"""Make the pictures of docs/tour.md, docs/tour/*.webp: `python -m tests.browser.tour_pictures`.

They show phantoms, never a patient's frame.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.browser.conftest import SWITCHES, find_chromium, watched
from tests.fakes.app_server import ROOT, running_app

PICTURES = ROOT / "docs" / "tour"
SIZE_PX = {"width": 1280, "height": 860}
FRAMES, SIDE, SPACING_MM = 36, 704, "0.2"
QUALITY, METHOD = 60, 6  # of WebP: the pictures stay below 1 MB together


def main() -> None:
    """Walk from the landing to the report of a pullback, and keep what the screen shows on the way."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        tmp = Path(temporary)
        file = write_dicom(tmp / "IMG001", coded(phantom_frames(FRAMES, SIDE)), SIDE)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        with running_app(tmp) as app:
            visit = watched(browser.new_page(viewport=SIZE_PX))
            visit.page.set_default_timeout(120_000)
            visit.page.goto(app.url)
            visit.page.wait_for_selector("#oct-agree")
            keep(visit.page, "1_landing")
            visit.page.click("#oct-agree")
            keep(visit.page, "2_choose")
            visit.take_example()
            keep(visit.page, "3_frame")
            pullback(visit.page, file)
            report(visit.page, tmp)
        browser.close()


def pullback(page: Page, file: Path) -> None:
    """While it runs, done, and with the distance between frames."""
    page.click("#oct-upload [aria-label=Clear]")
    page.wait_for_selector(".oct-empty")
    page.set_input_files("#oct-upload input[type=file]", file)
    page.wait_for_selector(".oct-pullback[data-state=running] [data-shown]")
    keep(page, "4_running")
    page.wait_for_selector(".oct-pullback[data-state=done] [data-shown]")
    page.fill("[data-frame-spacing]", SPACING_MM)
    page.click("[data-run-asks=spacing]")
    page.wait_for_selector(".oct-taken >> text=entered by you")
    page.click("[data-jump=cap]")
    page.evaluate("window.scrollTo(0, 0)")
    keep(page, "5_thinnest_cap")
    page.locator(".oct-curves").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.oct-jumps').scrollIntoView()")
    keep(page, "6_along_the_vessel")
    page.evaluate("document.querySelector('.oct-downloads').scrollIntoView({ block: 'end' })")
    keep(page, "7_take_it_home")


def report(page: Page, tmp: Path) -> None:
    """The report, as it opens in a browser."""
    with page.expect_download() as download:
        page.click(".oct-downloads [data-act=take]")
    path = tmp / "report.html"
    download.value.save_as(path)
    page.goto(path.as_uri())
    keep(page, "8_report")


def keep(page: Page, name: str) -> None:
    """What the screen shows, as docs/tour/<name>.webp."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # colours fade, and the numbers of a frame follow it
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shown.save(PICTURES / f"{name}.webp", quality=QUALITY, method=METHOD)


if __name__ == "__main__":
    main()
