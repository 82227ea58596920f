"""Who does not see the screen, has no mouse, or has a phone: axe's rules, focus, what is announced, and targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Visit, finished, send, shows

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # all that dark and light differ in
LOW = """(least) => [...document.querySelectorAll(
    "#oct-theme, :is(#oct-main, #oct-gate) :is(button, a[href], input, select, textarea, summary, [role=slider])")]
  .filter((part) => part.checkVisibility({ checkVisibilityCSS: true }))
  .map((part) => [part, part.matches("[type=checkbox], [type=radio]") ? part.closest("label") : part])
  .map(([part, touched]) => [part.outerHTML.slice(0, 100), touched.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && Math.round(box.height) < least)
  .map(([html, box]) => `${box.height}: ${html}`)"""

BEYOND = """([parts, edge]) => [...document.querySelectorAll(parts)]
  .map((part) => [part.outerHTML.slice(0, 100), part.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.left < edge || box.right > innerWidth - edge))
  .map(([html, box]) => `${box.left} to ${box.right}: ${html}`)"""

BESIDE_ITS_TITLE = """(card) => {
  const parts = [...card.querySelectorAll(":scope > button > span"), card];
  const [title, arrow, edge] = parts.map((part) => part.getBoundingClientRect());
  return [(arrow.top + arrow.bottom - title.top - title.bottom) / 2, edge.right - arrow.right];
}"""


def complaints(visit: Visit) -> list[str]:
    """What axe calls serious or critical on the page as it stands, and in the dark what it says of colours."""
    found = []
    for rules in (RULES, COLOURS):
        visit.page.mouse.move(0, 0)
        visit.page.wait_for_timeout(400)  # colours fade
        found += serious(visit.page, rules)
        visit.page.click("#oct-theme")
    return found


def serious(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe calls serious or critical on any page, in the colours that it has."""
    return [
        f"{each['id']}: {node['target']} {node['html'][:120]}"
        for each in Axe().run(page, options=rules).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.slow
def test_axe_finds_nothing_serious(landing: Visit, phantom_file: Path, dicom: Path) -> None:
    assert complaints(landing) == []
    landing.page.click("#oct-agree")
    assert complaints(landing) == []
    landing.take_example(1)
    assert complaints(landing) == []
    landing.upload(phantom_file)
    landing.type_scale("0.008")  # not what its ruler says: it is warned of
    assert landing.page.locator(".oct-warnings li").count() > 0
    assert complaints(landing) == []
    send_instead(landing, dicom)
    assert complaints(landing) == []


def send_instead(visit: Visit, dicom: Path) -> None:
    visit.page.click("#oct-upload [aria-label=Clear]")
    visit.page.wait_for_selector(".oct-empty")
    send(visit, dicom)
    finished(visit)


def test_the_focus_goes_to_the_result_and_its_numbers_are_announced(visit: Visit) -> None:
    visit.take_example(1)
    assert visit.page.evaluate("document.activeElement.className") == "oct-figure"
    said = visit.page.locator("#oct-live")
    visit.page.wait_for_selector("#oct-live:has-text('Thinnest cap')", state="attached")
    shown = visit.page.inner_text("[data-tile=lipid_arc_deg] .oct-tile-value")
    assert f"Lipid arc {shown}" in (said.text_content() or "")


def test_the_focus_goes_to_the_uploader_from_a_button_that_is_gone(landing: Visit) -> None:
    page = landing.page
    for gone in ("#oct-agree", ".oct-steps button"):
        page.press(gone, "Enter")
        assert page.evaluate("document.activeElement.matches('#oct-upload button')")
        page.evaluate("document.activeElement.blur()")
    landing.take_example(1)
    page.press("#oct-upload [aria-label=Clear]", "Enter")
    page.wait_for_selector("#oct-upload .upload-container:focus")


def test_the_first_steps_put_away_beside_a_result_leave_the_focus_on_it(visit: Visit) -> None:
    visit.take_example(1)
    visit.page.press(".oct-steps button", "Enter")
    assert visit.page.evaluate("document.activeElement.className") == "oct-figure"


def test_the_uploader_is_called_what_is_read_on_it(visit: Visit) -> None:
    page = visit.page
    (name,) = page.locator("#oct-upload").get_by_role("button").all()
    assert name.get_attribute("aria-label") is None
    assert "Click to Upload" in name.inner_text()


def test_names_that_say_how_a_number_was_measured_are_targets_of_24_px(looked_at: Visit) -> None:
    heights = "(all) => all.map((each) => Math.round(each.getBoundingClientRect().height))"
    looked_at.page.wait_for_selector("#oct-beside .oct-how")
    assert min(looked_at.page.eval_on_selector_all("#oct-beside .oct-how summary", heights)) >= 24


def test_the_focus_stays_with_who_types_a_scale(visit: Visit, plain_file: Path) -> None:
    visit.upload(plain_file)
    visit.type_scale("0.00996")
    assert visit.page.evaluate("document.activeElement.closest('#oct-spacing') !== null")


def test_a_pullback_has_the_focus_and_each_frame_is_announced(vessel: Visit) -> None:
    page = vessel.page
    assert page.evaluate("document.activeElement.matches('.oct-stage')")
    page.keyboard.press("ArrowRight")
    shows(vessel, 2)
    page.wait_for_selector("#oct-live:has-text('Frame 2: ')", state="attached")
    assert "Lumen area" in (page.locator("#oct-live").text_content() or "")


def test_a_key_held_down_on_the_agreement_opens_no_file_dialog(landing: Visit) -> None:
    dialogs: list[object] = []
    landing.page.on("filechooser", lambda dialog: dialogs.append(dialog))
    landing.page.focus("#oct-agree")
    for _ in range(4):
        landing.page.keyboard.down("Enter")
    landing.page.keyboard.up("Enter")
    landing.page.wait_for_selector("#oct-agree", state="hidden")
    landing.page.wait_for_timeout(300)
    assert dialogs == []


def test_the_arrow_of_an_accordion_stands_beside_its_title_on_a_phone(landing: Visit) -> None:
    landing.page.set_viewport_size({"width": 390, "height": 844})
    landing.page.click("#oct-agree")
    for accordion in ("#oct-share", "#oct-models"):
        lower, to_the_edge = landing.page.eval_on_selector(accordion, BESIDE_ITS_TITLE)
        assert abs(lower) < 2
        assert to_the_edge > 8


@contextmanager
def forced_colours(page: Page) -> Iterator[None]:
    """As where a visitor's system has high contrast."""
    page.emulate_media(forced_colors="active")
    try:
        yield
    finally:
        page.emulate_media(forced_colors="none")


def backgrounds(page: Page, *selectors: str) -> list[str]:
    """Of the first part of each selector, once colours have faded."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    return page.evaluate(
        "(all) => all.map((one) => getComputedStyle(document.querySelector(one)).backgroundColor)", selectors
    )


def test_what_is_chosen_is_seen_in_forced_colours(looked_at: Visit) -> None:
    page = looked_at.page
    with forced_colours(page):
        for chosen in ("#oct-spacing label", ".oct-segments label"):
            assert len({*backgrounds(page, f"{chosen}:has(:checked)", f"{chosen}:not(:has(:checked))")}) == 2
        bar, card = backgrounds(page, ".oct-range-chosen", "#oct-pullback .oct-curves")
        assert bar != card
        assert len({*backgrounds(page, "[data-key=lipid]", "[data-key=unjudged]")}) == 2


def test_a_pullback_fits_a_window_320_px_wide(looked_at: Visit) -> None:
    looked_at.page.set_viewport_size({"width": 320, "height": 640})
    assert looked_at.page.evaluate(BEYOND, [".oct-handle", 0]) == []
    assert looked_at.page.evaluate(BEYOND, [".oct-pullback :not(.oct-handle, .oct-found *)", 12]) == []


@pytest.mark.slow
def test_targets_are_48_px_high_on_a_phone(landing: Visit, dicom: Path) -> None:
    page = landing.page
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(LOW, 48) == []
    page.click("#oct-agree")
    assert page.evaluate(LOW, 48) == []
    landing.take_example(1)
    assert page.evaluate(LOW, 48) == []
    send_instead(landing, dicom)
    page.wait_for_selector("#oct-beside .oct-place")
    assert page.evaluate(LOW, 48) == []
