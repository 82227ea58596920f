"""What the view of a pullback shows and how it is handled: places of numbers, zoom and pan, the cut, the wall's map."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from octseg.phantom import Phantom, make_phantom
from octseg.pullback import Frame
from octseg.ui.examples import FOLDER
from tests.browser.conftest import BLACK, COUNT, SIDE, Visit, finished, send, shows

pytestmark = pytest.mark.browser
CAP_FRAME = 6


def canvas(visit: Visit) -> NDArray[np.int16]:
    """What the stage shows, (H, W, 3)."""
    visit.page.mouse.move(0, 0)
    shown = visit.page.locator(".oct-stage canvas").screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), np.int16)


def turned_white(before: NDArray[np.int16], after: NDArray[np.int16]) -> NDArray[np.float64]:
    """(n, 2) places (row, col), in pixels of the frame, that are white only afterwards."""
    new = (after.min(axis=2) > 200) & (before.min(axis=2) < 120)
    return np.argwhere(new) * (SIDE / after.shape[0])


def test_a_click_on_a_number_shows_where_it_was_measured(looked_at: Visit, vessel_phantoms: list[Phantom]) -> None:
    page = looked_at.page
    page.uncheck("#oct-places")
    page.fill(".oct-slider", str(CAP_FRAME))
    shows(looked_at, CAP_FRAME)
    page.wait_for_selector("#oct-beside [data-measure=fibrous_cap_thickness_min_um] [data-place]")
    true = vessel_phantoms[CAP_FRAME - 1].masks
    for place, tissue, within in (("cap", "fibrous_cap", 25), ("arc", "lumen", 5), ("diameter_min", "lumen", 5)):
        before = canvas(looked_at)
        page.locator(f"#oct-beside [data-measure] [data-place={place}]").first.click()
        marked = turned_white(before, canvas(looked_at))
        assert len(marked) > 100
        middle = (marked.min(axis=0) + marked.max(axis=0)) / 2
        beside = distance_transform_edt(~true[tissue])
        assert beside[tuple(np.rint(middle).astype(int))] < within  # of the cap the words above it count too
        page.locator(f"#oct-beside [data-place={place}]").first.click()
        assert np.abs(canvas(looked_at) - before).max() == 0


def test_the_button_to_the_thinnest_cap_shows_it(looked_at: Visit) -> None:
    page = looked_at.page
    page.click("[data-jump=cap]")
    shows(looked_at, int(page.get_attribute("[data-jump=cap]", "data-go") or 0))
    with_ring = canvas(looked_at)
    page.evaluate("delete document.body.dataset.octPlace; document.dispatchEvent(new Event('oct-place'))")
    assert len(turned_white(canvas(looked_at), with_ring)) > 100
    page.check("#oct-places")


@pytest.mark.slow
def test_a_single_frame_shows_its_places_too(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    page = visit.page
    assert page.locator(".oct-mark[data-mark=cap]").is_visible()
    assert not page.locator(".oct-mark[data-mark=cap] text").is_visible()
    page.click("#oct-summary [data-place=cap]")
    told = page.inner_text("#oct-summary [data-tile=fibrous_cap_thickness_min_um] .oct-tile-value")
    assert page.locator(".oct-mark[data-mark=cap] text").text_content() == " ".join(told.split())
    page.click("#oct-summary [data-place=cap]")
    page.uncheck("#oct-places")
    assert not page.locator(".oct-mark[data-mark=cap]").is_visible()
    page.check("#oct-places")


def test_a_line_of_the_table_of_cores_shows_its_core_and_no_other(visit: Visit) -> None:
    visit.upload(FOLDER / "two_cores.jpg")
    page = visit.page
    second = page.locator(".oct-cores tr[data-core='2']")
    second.locator("td").nth(1).click()
    assert page.locator(".oct-mark[data-core='2'] text").is_visible()
    assert not page.locator(".oct-mark[data-core='1'] text").is_visible()
    assert page.locator(".oct-mark[data-core='2'] text").text_content() == second.locator("td").first.text_content()
    page.focus(".oct-cores tr[data-core='1'] button")
    page.keyboard.press("Enter")
    assert page.locator(".oct-mark[data-core='1'] text").is_visible()
    assert not page.locator(".oct-mark[data-core='2'] text").is_visible()
    page.keyboard.press("Enter")
    assert not page.locator(".oct-mark[data-core='1'] text").is_visible()


def shown_on(visit: Visit, selector: str) -> NDArray[np.int16]:
    """The pixels of a canvas as it was drawn, a column a frame, (H, frames, 3)."""
    told = visit.page.evaluate(
        """(selector) => { const canvas = document.querySelector(selector), { width, height } = canvas;
          return [height, width, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]]; }""",
        selector,
    )
    height, width, levels = told
    return np.array(levels, np.int16).reshape(height, width, 4)[..., :3]


def test_the_bar_stays_off_a_strip_below_the_disc(visit: Visit, tmp_path: Path) -> None:
    """Where a millimetre is another: consoles show the vessel along its length there."""
    drawn = make_phantom(1).frame
    frame = Image.fromarray(np.pad(drawn, ((0, len(drawn) // 3), (0, 0), (0, 0)), constant_values=90))
    frame.save(tmp_path / "pullback.tif", save_all=True, append_images=[frame])
    send(visit, tmp_path / "pullback.tif")
    finished(visit)
    shown = canvas(visit)
    white = np.argwhere(shown.min(axis=2) > 240)
    ground = int(np.flatnonzero((np.abs(shown - 90).max(axis=2) < 12).mean(axis=1) > 0.5)[0])
    assert 0 < ground < len(shown) * 0.8
    in_corner = white[white[:, 1] > 0.72 * shown.shape[1], 0]
    assert len(in_corner) > 100
    assert in_corner.max() < ground
    assert in_corner.max() > ground - 0.1 * len(shown)


def test_the_cut_shows_what_lies_on_its_line_in_each_frame(looked_at: Visit, vessel_frames: list[Frame]) -> None:
    page = looked_at.page
    page.wait_for_selector(f".oct-cut canvas[data-frames='{COUNT}']")  # all of them have come
    for degrees in (90, 0):
        page.fill(".oct-angle", str(degrees))
        page.wait_for_selector(f".oct-cut canvas[aria-label='Longitudinal cut at {degrees} degrees']")
        cut = shown_on(looked_at, ".oct-cut canvas")
        assert cut.shape[1] == COUNT
        for number in (1, 6, COUNT):
            frame = vessel_frames[number - 1].mean(axis=2)
            line = frame[:, SIDE // 2] if degrees == 90 else frame[SIDE // 2]
            line = np.interp(np.linspace(0, SIDE - 1, len(cut)), np.arange(SIDE), line)
            assert np.corrcoef(line, cut[:, number - 1, 0])[0, 1] > 0.9
        assert cut[:, BLACK - 1].max() < 20


def test_the_cut_is_turned_by_the_ends_of_its_line_in_the_frame(looked_at: Visit) -> None:
    page = looked_at.page
    page.wait_for_selector(".oct-cut canvas[aria-label='Longitudinal cut at 90 degrees']")
    page.locator(".oct-stage").scroll_into_view_if_needed()
    box = page.locator(".oct-stage canvas").bounding_box()
    assert box is not None
    side, middle = min(box["width"], box["height"]), (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(middle[0], middle[1] + 0.95 * side / 2)
    page.mouse.down()
    page.mouse.move(middle[0] - 0.5 * side / 2, middle[1] + 0.5 * side / 2, steps=4)
    page.mouse.up()
    assert int(page.input_value(".oct-angle")) == pytest.approx(135, abs=3)
    page.wait_for_selector(
        f".oct-cut canvas[aria-label='Longitudinal cut at {page.input_value('.oct-angle')} degrees']"
    )


def test_the_unrolled_wall_shows_the_lipid_of_each_frame(looked_at: Visit, vessel_phantoms: list[Phantom]) -> None:
    looked_at.page.wait_for_selector(".oct-wall:not([hidden])")
    lipid = shown_on(looked_at, ".oct-wall canvas")[..., 2] > 180
    assert lipid.shape == (360, COUNT)
    for number in (5, 6):
        true = vessel_phantoms[number - 1].masks
        row, col = np.argwhere(true["lumen"]).mean(axis=0)
        points = np.argwhere(true["lipid_core"]) - (row, col)
        met = np.zeros(360, bool)
        met[np.rint(np.degrees(np.arctan2(*points.T))).astype(int) % 360] = True
        found = lipid[:, number - 1]
        assert np.count_nonzero(found) > 80
        assert np.count_nonzero(met & found) / np.count_nonzero(found) > 0.9  # what the model misses is not the map's


def test_a_click_in_the_cut_or_on_the_wall_goes_there_and_a_withdrawn_frame_is_hatched(looked_at: Visit) -> None:
    for row, number in (("cut", 7), ("wall", 3)):
        goes_where_it_is_clicked(looked_at, row, number)


def goes_where_it_is_clicked(vessel: Visit, row: str, number: int) -> None:
    plot = vessel.page.locator(f"[data-curve={row}] .oct-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    vessel.page.mouse.click(box["x"] + box["width"] * (number - 0.5) / COUNT, box["y"] + 20)
    shows(vessel, number)
    cursor = plot.locator(".oct-cursor").bounding_box()
    assert cursor is not None
    assert (cursor["x"] + 1 - box["x"]) / box["width"] == pytest.approx((number - 0.5) / COUNT, abs=0.01)
    hatched = plot.locator(".oct-hatched").bounding_box()
    assert hatched is not None
    assert (hatched["x"] - box["x"]) / box["width"] == pytest.approx((BLACK - 1) / COUNT, abs=0.01)
    assert hatched["width"] / box["width"] == pytest.approx(1 / COUNT, abs=0.01)


def test_heights_and_lengths_are_in_mm_when_they_are_known(vessel: Visit) -> None:
    page = vessel.page
    assert page.inner_text(".oct-axis").split() == [str(number) for number in range(2, COUNT + 1, 2)]
    page.fill("[data-frame-spacing]", "0.5")
    page.click("[data-run-asks=spacing]")
    page.wait_for_selector(".oct-axis >> text=1 mm")
    bar = page.locator(".oct-cut-bar").bounding_box()
    plot = page.locator(".oct-cut .oct-plot").bounding_box()
    assert bar is not None
    assert plot is not None
    assert bar["height"] / plot["height"] == pytest.approx(2 / 7.01, rel=0.03)  # of a field of 7 mm


def place_between_frames(visit: Visit, frame: float) -> tuple[float, float]:
    """On the bar of the range, so many frames from its left."""
    visit.page.locator(".oct-range-bar").scroll_into_view_if_needed()
    box = visit.page.locator(".oct-range-bar").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * frame / COUNT, box["y"] + box["height"] / 2


def measured_range(visit: Visit, told: str) -> None:
    visit.page.wait_for_selector(f".oct-vessel >> text='{told}'")


@pytest.mark.slow
def test_a_range_is_chosen_by_handles_with_the_mouse(vessel: Visit) -> None:
    page = vessel.page
    for start, end in ((0, 1), (COUNT, 6)):
        page.mouse.move(*place_between_frames(vessel, start))
        page.mouse.down()
        page.mouse.move(*place_between_frames(vessel, end), steps=5)
        page.mouse.up()
    measured_range(vessel, "2 to 6, 1 withdrawn")
    assert (page.input_value("[data-range=first]"), page.input_value("[data-range=last]")) == ("2", "6")
    numbers = page.evaluate(
        "fetch(document.querySelector('.oct-pullback').dataset.run + '/run.json').then(r => r.json())"
    )
    lumen = numbers["curves"][0]["values"][1:6]
    least = min(area for area in lumen if area is not None)
    assert f"{least:.2f} mm²" in page.inner_text("[data-jump=mla]")
    page.mouse.move(*place_between_frames(vessel, 6))
    page.mouse.down()
    page.mouse.move(*place_between_frames(vessel, -3), steps=5)
    page.mouse.up()
    measured_range(vessel, "2 to 2, 0 withdrawn")  # one handle does not pass the other
    page.click("[data-whole]")
    measured_range(vessel, f"1 to {COUNT}, 1 withdrawn")


def test_a_range_is_chosen_by_handles_with_keys(vessel: Visit) -> None:
    page = vessel.page
    page.focus("[data-end=first]")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    measured_range(vessel, f"4 to {COUNT - 1}, 1 withdrawn")
    assert page.get_attribute("[data-end=first]", "aria-valuetext") == "frame 4"
    shows(vessel, 1)  # the keys of a handle do not lead along the vessel
    page.keyboard.press("End")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    measured_range(vessel, f"1 to {COUNT}, 1 withdrawn")


@pytest.mark.slow
def test_a_range_is_chosen_by_handles_with_a_finger(vessel: Visit) -> None:
    touch = vessel.page.context.new_cdp_session(vessel.page)
    start, end = place_between_frames(vessel, COUNT), place_between_frames(vessel, 3)
    for kind, at in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
        points = [] if at is None else [{"x": at[0], "y": at[1]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    measured_range(vessel, "1 to 3, 0 withdrawn")
    touch.detach()


def stage_at(visit: Visit, x: float, y: float) -> tuple[float, float]:
    """Where on the screen a place of the stage is, given in parts of it."""
    visit.page.locator(".oct-stage").scroll_into_view_if_needed()
    box = visit.page.locator(".oct-stage canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


def read_out(visit: Visit, x: float, y: float) -> tuple[float, int]:
    """Distance from the lumen's centre in mm, and angle, as they are told of a place of the stage."""
    visit.page.mouse.move(*stage_at(visit, x, y))
    told = visit.page.inner_text(".oct-hover")
    mm, angle = told.split(" mm from the centre, ")
    return float(mm), int(angle.removesuffix("°"))


def test_the_pointer_tells_its_distance_from_the_lumens_centre(
    looked_at: Visit, vessel_phantoms: list[Phantom]
) -> None:
    page = looked_at.page
    page.fill(".oct-slider", str(CAP_FRAME))
    shows(looked_at, CAP_FRAME)
    row, col = np.argwhere(vessel_phantoms[CAP_FRAME - 1].masks["lumen"]).mean(axis=0)
    box = page.locator(".oct-stage canvas").bounding_box()
    assert box is not None
    narrow = box["height"] / box["width"]  # the frame is square and stands in the middle
    mm, angle = read_out(looked_at, 0.5 + ((col + 200) / SIDE - 0.5) * narrow, row / SIDE)
    assert mm == pytest.approx(200 * 7.01 / SIDE, abs=0.05)
    assert angle in (359, 0, 1)
    below = read_out(looked_at, 0.5 + (col / SIDE - 0.5) * narrow, (row + 150) / SIDE)
    assert below == pytest.approx((150 * 7.01 / SIDE, 90), abs=1)
    page.mouse.move(0, 0)
    assert page.inner_text(".oct-hover") == ""


@pytest.mark.slow
def test_a_double_click_shows_a_place_larger_and_another_the_whole(looked_at: Visit) -> None:
    before = read_out(looked_at, 0.8, 0.5), read_out(looked_at, 0.7, 0.5)
    looked_at.page.mouse.dblclick(*stage_at(looked_at, 0.8, 0.5))
    at, beside = read_out(looked_at, 0.8, 0.5), read_out(looked_at, 0.7, 0.5)
    assert at == pytest.approx(before[0], abs=1)  # the place stays under the pointer
    assert at[0] == pytest.approx(before[0][0], abs=0.02)
    assert at[0] - beside[0] == pytest.approx((before[0][0] - before[1][0]) / 2.5, abs=0.03)
    looked_at.page.mouse.dblclick(*stage_at(looked_at, 0.8, 0.5))
    assert (read_out(looked_at, 0.8, 0.5), read_out(looked_at, 0.7, 0.5)) == before


def test_ctrl_and_wheel_zoom_a_drag_moves_and_0_shows_the_whole(looked_at: Visit) -> None:
    page = looked_at.page
    before = read_out(looked_at, 0.75, 0.4)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    shows(looked_at, 1)  # with ctrl the wheel does not lead along the vessel
    assert read_out(looked_at, 0.75, 0.4)[0] == pytest.approx(before[0], abs=0.02)
    seen = read_out(looked_at, 0.6, 0.5)
    page.mouse.down()
    page.mouse.move(*stage_at(looked_at, 0.5, 0.45), steps=4)
    page.mouse.up()
    assert read_out(looked_at, 0.5, 0.45) == pytest.approx(seen, abs=1)
    assert read_out(looked_at, 0.5, 0.45)[0] == pytest.approx(seen[0], abs=0.02)
    page.focus(".oct-stage")
    page.keyboard.press("0")
    assert read_out(looked_at, 0.75, 0.4) == before


@pytest.mark.slow
def test_a_picture_that_was_moved_to_its_edge_comes_back_at_once(looked_at: Visit) -> None:
    page = looked_at.page
    page.mouse.dblclick(*stage_at(looked_at, 0.5, 0.5))
    page.mouse.move(*stage_at(looked_at, 0.1, 0.6))
    page.mouse.down()
    page.mouse.move(*stage_at(looked_at, 0.95, 0.6), steps=4)
    page.mouse.up()
    page.mouse.move(*stage_at(looked_at, 0.1, 0.6))
    page.mouse.down()
    page.mouse.move(*stage_at(looked_at, 0.95, 0.6), steps=4)
    page.mouse.up()
    at_edge = read_out(looked_at, 0.5, 0.6)
    page.mouse.down()
    page.mouse.move(*stage_at(looked_at, 0.4, 0.6), steps=4)
    page.mouse.up()
    assert read_out(looked_at, 0.4, 0.6)[0] == pytest.approx(at_edge[0], abs=0.03)
    page.mouse.dblclick(*stage_at(looked_at, 0.5, 0.5))


@pytest.mark.slow
def test_two_fingers_pinch_the_picture(looked_at: Visit) -> None:
    before = read_out(looked_at, 0.7, 0.5)[0] - read_out(looked_at, 0.6, 0.5)[0]
    touch = looked_at.page.context.new_cdp_session(looked_at.page)

    def fingers(kind: str, *parts: float) -> None:
        points = [dict(zip("xy", stage_at(looked_at, part, 0.5), strict=True), id=n) for n, part in enumerate(parts)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 0.6)
    fingers("touchStart", 0.6, 0.7)
    for step in range(1, 5):
        fingers("touchMove", 0.6 - 0.025 * step, 0.7 + 0.025 * step)
    fingers("touchEnd")
    touch.detach()
    after = read_out(looked_at, 0.7, 0.5)[0] - read_out(looked_at, 0.6, 0.5)[0]
    assert before / after == pytest.approx(3, rel=0.15)
    looked_at.page.mouse.dblclick(*stage_at(looked_at, 0.5, 0.5))


def test_limits_of_risk_are_drawn_where_values_reach_them(looked_at: Visit) -> None:
    page = looked_at.page
    heads = {each: page.inner_text(f"[data-curve={each}] .oct-curve-head span") for each in ("lumen", "arc", "plaque")}
    assert heads["lumen"].endswith("; dashed 3.5")
    assert "dashed" not in heads["plaque"]
    (line,) = page.locator("[data-curve=lumen] .oct-curve-limit").all()
    (most,) = re.findall(r"to ([0-9.]+)", heads["lumen"])
    height = 41 - 38 * 3.5 / float(most)  # of 44, 3 left free at either end
    assert float((line.get_attribute("d") or "").split()[1].partition("H")[0]) == pytest.approx(height, abs=0.1)


@pytest.mark.slow
def test_cine_runs_as_fast_as_is_chosen(looked_at: Visit) -> None:
    page = looked_at.page
    passed = "() => { window.octPassed = 0; new MutationObserver(() => { window.octPassed += 1; }).observe("
    passed += "document.querySelector('.oct-stage'), { attributeFilter: ['data-shown'] }); }"
    counts = []
    page.evaluate(passed)
    for speed in ("5", "30"):
        page.select_option("[data-cine]", speed)
        page.click("[data-play]")
        page.evaluate("window.octPassed = 0")
        page.wait_for_timeout(2000)
        page.click("[data-play]")
        counts.append(page.evaluate("window.octPassed"))
    assert 6 <= counts[0] <= 12
    assert counts[1] > 2 * counts[0]


def test_cine_runs_around_and_stops(looked_at: Visit) -> None:
    page = looked_at.page
    page.evaluate("""window.seen = [];
      document.addEventListener("oct-shown", (event) => window.seen.push(event.detail.frame + 1))""")
    page.focus(".oct-stage")
    page.keyboard.press("End")
    shows(looked_at, COUNT)
    page.keyboard.press("Space")
    assert page.get_attribute("[data-play]", "aria-pressed") == "true"
    page.wait_for_function(f"window.seen.length > {COUNT + 3}")
    page.click("[data-play]")
    assert page.get_attribute("[data-play]", "aria-pressed") == "false"
    page.wait_for_timeout(200)
    seen = page.evaluate("window.seen")
    assert seen[: COUNT + 2] == [COUNT, *range(1, COUNT + 1), 1]
    page.wait_for_timeout(300)
    assert page.evaluate("window.seen") == seen
