"""The page of two readings compared, as it is looked at and printed."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from octseg.comparison.comparing import compare
from octseg.comparison.files import write_comparison
from tests.browser.test_accessible import serious
from tests.comparison.test_comparing import SIDE, plaque, reading

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames, some with their pixels."""
    folder = tmp_path_factory.mktemp("comparison")
    found = [plaque(30 + 20 * number) for number in range(12)]
    reference = [plaque(200 - 10 * number) for number in range(12)]
    frame = np.full((SIDE, SIDE, 3), 60, np.uint8)
    compared = compare(reading("a", found), reading("b", reference))
    write_comparison(compared, folder, lambda each: frame if (each.number or 0) < 7 else None)
    return folder / "comparison.html"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_comparison(browser: Browser, comparison: Path, width: int, scheme: str) -> None:
    with browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme) as page:  # type: ignore[arg-type]
        page.goto(comparison.as_uri())
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_comparison_is_printed_dark_on_white(browser: Browser, comparison: Path) -> None:
    with browser.new_page(viewport={"width": 700, "height": 900}, color_scheme="dark") as page:
        page.goto(comparison.as_uri())
        page.emulate_media(media="print")
        ink = page.evaluate("getComputedStyle(document.querySelector('small')).color")
        assert [int(part) for part in ink[4:-1].split(",")] == [0x44] * 3
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.pdf(format="A4").startswith(b"%PDF")
