"""A pullback on the page: what it is taken for, its frames by key, curve and button, a range, and how it is left."""

from pathlib import Path

import pytest
from PIL import Image

from octseg.phantom.pullback import random_pullback
from octseg.pullback import Frame
from tests.browser.conftest import BLACK, COUNT, SIDE, Visit, finished, send, shows

pytestmark = pytest.mark.browser
CANVAS = """() => { const canvas = document.querySelector(".oct-stage canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let blue = 0; for (let at = 0; at < data.length; at += 4) blue += data[at + 2] > data[at] + 40; return blue; }"""


def test_it_says_what_a_file_was_taken_for_and_what_is_missing(looked_at: Visit) -> None:
    said = looked_at.page.inner_text(".oct-taken")
    assert f"DICOM pullback, {COUNT} frames of {SIDE} × {SIDE} px" in said
    assert "Ruler burned into the frame" in said
    assert "the distance between frames" in said


def test_keys_wheel_slider_curve_and_buttons_lead_to_frames(looked_at: Visit) -> None:
    page = looked_at.page
    page.focus(".oct-stage")
    shows(looked_at, 1)
    for key, frame in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", COUNT), ("Home", 1)):
        page.keyboard.press(key)
        shows(looked_at, frame)
    page.hover(".oct-stage")
    page.mouse.wheel(0, 100)
    shows(looked_at, 2)
    page.fill(".oct-slider", "5")
    shows(looked_at, 5)
    curve = page.locator("[data-curve=lumen] svg")
    curve.scroll_into_view_if_needed()
    plot = curve.bounding_box()
    assert plot is not None
    page.mouse.click(plot["x"] + plot["width"] * 7.5 / COUNT, plot["y"] + plot["height"] / 2)
    shows(looked_at, 8)
    widest = page.get_attribute("[data-jump=arc]", "data-go")
    page.click("[data-jump=arc]")
    page.wait_for_selector(f".oct-stage[data-shown='{widest}']")


def test_a_withdrawn_frame_is_marked_and_has_no_numbers(looked_at: Visit) -> None:
    page = looked_at.page
    marked = page.locator("[data-curve=lumen] .oct-curve-withdrawn")
    assert (marked.get_attribute("x"), marked.get_attribute("width")) == (str(BLACK - 1), "1")
    page.fill(".oct-slider", str(BLACK))
    shows(looked_at, BLACK)
    assert "nothing is said of this frame" in page.inner_text(".oct-stage").lower()
    page.wait_for_selector("#oct-beside .oct-nothing")


def test_the_outlines_follow_the_switches_and_the_numbers_the_frame(looked_at: Visit) -> None:
    page = looked_at.page
    page.fill(".oct-slider", "1")
    shows(looked_at, 1)
    page.wait_for_selector("#oct-beside [data-measure=lumen_area_mm2][data-value]")
    areas = [float(page.get_attribute("#oct-beside [data-measure=lumen_area_mm2]", "data-value") or "nan")]
    true = random_pullback(3, COUNT, size_px=SIDE)
    assert areas[0] == pytest.approx(true.lumen_area_mm2(true.position_mm(1)), rel=0.1)
    with_lumen = page.evaluate(CANVAS)
    page.uncheck("[data-tissue-switch=lumen]")
    assert page.evaluate(CANVAS) < with_lumen - 100
    page.check("[data-tissue-switch=lumen]")


def test_a_range_and_a_spacing_are_measured_anew(vessel: Visit) -> None:
    page = vessel.page
    for end, frame in (("first", "2"), ("last", "6")):
        page.fill(f"[data-range={end}]", frame)
        page.keyboard.press("Tab")
    page.wait_for_selector(".oct-vessel >> text=2 to 6, 1 withdrawn")
    page.fill("[data-frame-spacing]", "0,5")
    page.click("[data-run-asks=spacing]")
    page.wait_for_selector(".oct-taken >> text=0.5 mm, entered by you")
    page.wait_for_selector(".oct-vessel >> text=2.5 mm")
    for wrong, told in (
        ("", "There is no distance between frames in the field"),
        ("abc", "'abc' is no number"),
        ("70", "70 mm"),
    ):
        page.fill("[data-frame-spacing]", wrong)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".oct-spacing-wrong >> text={told}")
    page.fill("[data-frame-spacing]", "0.5")
    page.keyboard.press("Enter")
    page.wait_for_selector(".oct-spacing-wrong", state="hidden")
    page.click("[data-whole]")
    page.wait_for_selector(".oct-vessel >> text='1 to 9, 1 withdrawn'")
    assert "0.5 mm, entered by you" in page.inner_text(".oct-taken")


@pytest.mark.slow
def test_a_range_is_typed_with_the_mouse(vessel: Visit) -> None:
    page = vessel.page
    for end, frame in (("first", "2"), ("last", "6")):
        page.click(f"[data-range={end}]")
        page.keyboard.type(frame)
    page.keyboard.press("Enter")
    page.wait_for_selector(".oct-vessel >> text='2 to 6, 1 withdrawn'")


@pytest.mark.slow
def test_a_spacing_of_one_pullback_does_not_stand_in_the_field_of_the_next(
    vessel: Visit, vessel_frames: list[Frame], tmp_path: Path
) -> None:
    page = vessel.page
    page.fill("[data-frame-spacing]", "0.5")
    page.keyboard.press("Enter")
    page.wait_for_selector(".oct-taken >> text=0.5 mm, entered by you")
    for number in (1, 2, 3):
        Image.fromarray(vessel_frames[number - 1]).save(tmp_path / f"frame_{number}.png", compress_level=1)
    before = page.get_attribute(".oct-pullback", "data-key")
    page.click("#oct-upload [aria-label=Clear]")
    send(vessel, *sorted(tmp_path.iterdir()))
    page.wait_for_selector(f".oct-pullback[data-state=done]:not([data-key='{before}']) [data-shown]")
    assert page.input_value("[data-frame-spacing]") == ""


@pytest.mark.slow
def test_a_duplicated_tab_and_its_first_show_what_either_asked_for_last(vessel: Visit) -> None:
    page = vessel.page
    with page.context.expect_page() as opened:
        page.evaluate("() => { window.open(location.href); }")
    twin = opened.value
    twin.wait_for_selector(".oct-pullback[data-state=done] [data-shown]")
    twin.fill("[data-range=last]", "4")
    twin.keyboard.press("Tab")
    twin.wait_for_selector(".oct-vessel >> text='1 to 4, 1 withdrawn'")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.wait_for_selector(".oct-vessel >> text='1 to 4, 1 withdrawn'")
    assert page.input_value("[data-range=last]") == "4"
    twin.close()


@pytest.mark.slow
def test_a_range_that_is_none_is_told_and_the_one_before_stays(vessel: Visit) -> None:
    page = vessel.page

    def typed(**ends: str) -> None:
        for end, frame in ends.items():
            page.fill(f"[data-range={end}]", frame)
            page.keyboard.press("Tab")

    typed(first="2", last="4")
    page.wait_for_selector(".oct-vessel >> text=2 to 4, 1 withdrawn")
    typed(first="6")
    page.wait_for_selector(".oct-range-wrong >> text=The last frame, 4, comes before the first, 6;")
    colour = page.eval_on_selector(".oct-range-wrong", "said => getComputedStyle(said).color")
    assert page.eval_on_selector("[data-range=first]", "field => getComputedStyle(field).borderTopColor") == colour
    assert page.inner_text(".oct-vessel >> text=2 to 4, 1 withdrawn")
    assert page.input_value("[data-range=first]") == "6"
    typed(last="8")  # and so a range behind the one before is typed
    page.wait_for_selector(".oct-vessel >> text=6 to 8, 0 withdrawn")
    assert page.is_hidden(".oct-range-wrong")
    for wrong in ("2.5", "0", "10"):
        typed(first=wrong)
        page.wait_for_selector(".oct-range-wrong >> text=Frames have whole numbers from 1 to 9;")
        assert page.get_attribute("[data-range=first]", "aria-invalid") == "true"
        assert page.get_attribute("[data-range=last]", "aria-invalid") == "false"
        typed(first="7")
        page.wait_for_selector(".oct-vessel >> text=7 to 8, 0 withdrawn")
    typed(first="")
    page.wait_for_selector(".oct-vessel >> text=1 to 8, 1 withdrawn")
    page.fill("[data-range=last]", "99")
    page.click("[data-whole]")
    page.wait_for_selector(".oct-vessel >> text='1 to 9, 1 withdrawn'")
    assert page.is_hidden(".oct-range-wrong")


def test_several_pictures_are_one_run_in_the_order_of_their_numbers(
    visit: Visit, vessel_frames: list[Frame], tmp_path: Path
) -> None:
    for number in (9, 10, 11):
        Image.fromarray(vessel_frames[number - 9]).save(tmp_path / f"frame_{number}.png", compress_level=1)
    send(visit, *sorted(tmp_path.iterdir()))
    finished(visit)
    assert "several files as one run, 3 frames" in visit.page.inner_text(".oct-taken")
    visit.page.focus(".oct-stage")
    visit.page.keyboard.press("Home")
    shows(visit, 9)
    assert visit.page.inner_text(".oct-at") == "9 (1 of 3)"


@pytest.mark.slow
def test_another_scale_measures_a_pullback_anew_as_often_as_it_is_given(vessel: Visit) -> None:
    page = vessel.page
    page.fill("[data-range=last]", "6")
    page.fill("[data-frame-spacing]", "0.5")
    page.keyboard.press("Enter")
    page.wait_for_selector(".oct-vessel >> text='1 to 6, 1 withdrawn'")
    page.wait_for_selector(".oct-taken >> text=0.5 mm, entered by you")
    for typed in ("0.012", "0.008"):
        before = page.get_attribute(".oct-pullback", "data-key")
        page.fill("#oct-spacing :is(input, textarea)", typed)
        page.click("#oct-spacing button")
        page.wait_for_selector(f".oct-pullback[data-state=done]:not([data-key='{before}']) [data-shown]")
        assert f"{typed}00 mm" in page.inner_text(".oct-taken")
        assert "0.5 mm, entered by you" in page.inner_text(".oct-taken")
        page.wait_for_selector(".oct-vessel >> text='1 to 6, 1 withdrawn'")
        assert [page.input_value(f"[data-{each}]") for each in ("range=last", "frame-spacing")] == ["6", "0.5"]
        page.focus(".oct-stage")
        page.keyboard.press("End")
        shows(vessel, COUNT)
        page.keyboard.press("ArrowLeft")  # one frame back, not one for each run that the page has shown
        shows(vessel, COUNT - 1)


@pytest.mark.slow
def test_a_frame_takes_the_place_of_a_pullback(vessel: Visit) -> None:
    vessel.take_example()
    assert vessel.page.query_selector(".oct-pullback") is None
    assert vessel.page.is_visible("svg.oct-picture")
    assert vessel.page.inner_text("#oct-beside") == ""


@pytest.mark.slow
def test_a_pullback_is_still_there_after_a_reload(vessel: Visit) -> None:
    vessel.reload()
    finished(vessel)
    assert f"{COUNT} frames" in vessel.page.inner_text(".oct-taken")
    vessel.take_example()
    vessel.reload()
    vessel.page.wait_for_selector(".oct-empty")
    vessel.settle()
    assert vessel.page.query_selector(".oct-pullback") is None


@pytest.mark.parametrize("size_px", [(1024, 800), (390, 844)])
def test_nothing_is_cut_off_on_a_small_screen(looked_at: Visit, size_px: tuple[int, int]) -> None:
    looked_at.page.set_viewport_size({"width": size_px[0], "height": size_px[1]})
    looked_at.page.wait_for_timeout(300)
    assert looked_at.page.evaluate("document.documentElement.scrollWidth") <= size_px[0]
    wide = """(most) => [...document.querySelectorAll(".oct-pullback *")].filter(
        (part) => !part.closest(".oct-found") && part.getBoundingClientRect().right > most).length"""
    assert looked_at.page.evaluate(wide, size_px[0]) == 0


SPREAD = """part => {
  const words = document.createRange();
  words.selectNodeContents(part);
  const ends = [...words.getClientRects()].map((box) => box.bottom);
  return Math.max(...ends) - Math.min(...ends);
}"""


@pytest.mark.parametrize(
    ("width", "part"), [(390, ".oct-wall-key"), (900, "[data-tile=lumen_area_mm2] .oct-tile-value")]
)
def test_what_belongs_together_stands_on_one_line(looked_at: Visit, width: int, part: str) -> None:
    """The words of the key, and a number with its unit."""
    looked_at.page.set_viewport_size({"width": width, "height": 844})
    shown = looked_at.page.locator(f"{part} >> visible=true").first
    assert shown.evaluate(SPREAD) < 12


def test_a_pullback_that_is_stopped_keeps_what_is_done(visit: Visit, dicom: Path) -> None:
    visit.page.check("#oct-intervals input")  # ten times as long: there is time to stop it
    send(visit, dicom)
    visit.page.wait_for_selector(".oct-stage[data-shown]")
    visit.page.click("[data-run-asks=stop]")
    finished(visit, "stopped")
    done = int(visit.page.get_attribute(".oct-pullback", "data-done") or 0)
    assert 1 <= done < COUNT
    assert f"{done} frames are done and stay" in visit.page.inner_text(".oct-run-said")
    visit.page.focus(".oct-stage")
    visit.page.keyboard.press("End")
    shows(visit, done)
