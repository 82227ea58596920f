"""The report on paper, as Chromium prints it."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator

from octseg.export.bundle import frame_files
from octseg.export.report.pullback import pullback_report_html
from octseg.export.video import FRAMES_PER_SECOND, write_video
from octseg.result import FrameResult
from tests.fakes.exported import HEIGHT, WIDTH, segmented
from tests.fakes.results import TWO_CORES, WIDE, withdrawn_result

pytestmark = pytest.mark.browser

WARNING = "the scale in use, 0.01 mm per pixel (user), disagrees with the ruler, 0.012 mm per pixel: a factor of 1.44"
A_PAGE = re.compile(rb"/Type\s*/Page\b")


def measured(rows: int = 700, columns: int = 700, cores: int = 2, warnings: int = 0) -> FrameResult:
    """A frame with numbers: more cores and warnings than any real one has are asked for below."""
    frame = np.full((rows, columns, 3), 90, np.uint8)
    return replace(
        withdrawn_result(),
        frame=frame,
        masks=dict.fromkeys(("lumen", "lipid_core"), frame[..., 0] > 100),
        measures=replace(TWO_CORES, lipid_cores=(WIDE,) * cores),
        intervals_95={"lipid_arc_deg": (120.0, 190.0)},
        warnings=tuple(f"{number}: {WARNING}" for number in range(warnings)),
        withdrawn=None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize(
    "result",
    [
        measured(),
        measured(cores=8, warnings=8),
        measured(rows=1400),
        measured(columns=1400, warnings=3),
        replace(measured(), file=f"{'long name ' * 12}.png"),
        withdrawn_result(),
    ],
    ids=["usual", "full", "tall", "wide", "named", "withdrawn"],
)
def test_a_report_is_printed_on_one_page_with_its_numbers_as_text(
    browser: Browser, tmp_path: Path, result: FrameResult, paper: str
) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(frame_files(result).report)
    with browser.new_page(color_scheme="dark") as page:
        page.goto(path.as_uri())
        assert len(A_PAGE.findall(page.pdf(format=paper))) == 1
        page.emulate_media(media="print")
        said = page.inner_text("body")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    if result.withdrawn is None:
        assert "2.500 mm²" in said
        assert "157 °" in said
        assert "95 %: 120 to 190" in said


def test_the_key_of_the_wall_keeps_its_colours_where_the_system_forces_its_own(browser: Browser) -> None:
    with browser.new_page(forced_colors="active") as page:
        page.set_content(pullback_report_html(segmented(count=6, withdrawn=(3,))))
        key = page.locator(".legend span")
        colours = {
            key.nth(at).evaluate("(part) => getComputedStyle(part).backgroundColor") for at in range(key.count())
        }
        assert len(colours) == key.count() > 1


@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_of_a_pullback_fits_a_telephone_and_loads_nothing(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(pullback_report_html(segmented(count=6, withdrawn=(3,))))
    asked: list[str] = []
    with browser.new_page(viewport={"width": width, "height": 800}) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        curves = page.locator(".plot path")
        assert curves.count() == 4
        assert page.locator(".plot").first.evaluate("(plot) => plot.getBoundingClientRect().width") > width / 2
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_is_cut_has_a_shade_at_the_side_where_more_of_it_lies(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    path = tmp_path / "report.html"
    path.write_text(pullback_report_html(segmented(count=6)))
    with browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme) as page:
        page.goto(path.as_uri())
        table = page.locator(".scroll")
        assert [is_shaded(table, column) for column in (0, -1)] == [False, True]
        table.evaluate("(table) => table.scrollTo(table.scrollWidth, 0)")
        assert [is_shaded(table, column) for column in (0, -1)] == [True, False]


def is_shaded(table: Locator, column: int) -> bool:
    """Whether the ground at a column of pixels is another than in the middle of what is seen."""
    seen = np.asarray(Image.open(io.BytesIO(table.screenshot())).convert("L"), np.int16)
    ground = np.median(seen)
    return bool(abs(np.median(seen[:, column]) - ground) > 20)


def test_the_report_of_a_pullback_is_printed_on_two_pages(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(pullback_report_html(segmented(count=6, withdrawn=(3,))))
    with browser.new_page(color_scheme="dark") as page:
        page.goto(path.as_uri())
        assert len(A_PAGE.findall(page.pdf(format="A4"))) == 2
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_the_video_plays_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    write_video(segmented(count=9), tmp_path, "run")
    (tmp_path / "player.html").write_text('<video src="run_overlay.mp4" muted></video>')
    with browser.new_page() as page:
        page.goto((tmp_path / "player.html").as_uri())
        video = page.locator("video")
        page.wait_for_function("((video) => video.readyState >= 2 || video.error)(document.querySelector('video'))")
        shown = video.evaluate("(video) => [video.videoWidth, video.videoHeight, video.duration]")
    assert shown == [WIDTH + WIDTH % 2, HEIGHT + HEIGHT % 2, pytest.approx(9 / FRAMES_PER_SECOND, abs=0.01)]
