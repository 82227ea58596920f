"""Make the README's picture of the page, docs/app.png: `python -m tests.browser.screenshot`.

It shows a phantom, never a patient's frame.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import SWITCHES, find_chromium, watched
from tests.fakes.app_server import ROOT, running_app

PICTURE = ROOT / "docs" / "app.png"
SIZE_PX = {"width": 1400, "height": 900}
COLOURS = 256  # of the palette: the picture stays below 400 kB


def main() -> None:
    """Start the app, measure the first phantom of the page and keep what the screen shows."""
    with tempfile.TemporaryDirectory() as tmp, running_app(Path(tmp)) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        visit = watched(browser.new_page(viewport=SIZE_PX))
        visit.page.goto(app.url)
        visit.page.click("#oct-agree")
        visit.take_example()
        visit.page.mouse.move(0, 0)
        visit.page.wait_for_timeout(500)  # the button's colour fades
        shown = Image.open(io.BytesIO(visit.page.screenshot())).convert("RGB")
        browser.close()
    PICTURE.parent.mkdir(exist_ok=True)
    shown.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
