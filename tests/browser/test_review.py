"""Outlines corrected in a real browser: by mouse and finger, undone after a reload, and kept when the server dies."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

import octseg
from octseg.correction.corrections import Corrections
from octseg.measurement.pullback import FrameAlong
from octseg.ui.run_record import curves
from tests.browser.conftest import PATIENCE_MS, Visit, watched
from tests.browser.test_accessible import backgrounds, complaints, forced_colours
from tests.fakes.corrected import LIPID, SIDE, opened, save_results, vessel
from tests.fakes.review_server import Review, running_review
from tests.ui.test_files import becomes_true

UI = Path(octseg.__file__).parent / "ui"
pytestmark = pytest.mark.browser

WALL = (352, 60)  # x, y of a place in the wall where there is no tissue
IS_DIMMED = "shown => getComputedStyle(shown).opacity < 0.5"
AREA = "[data-tile=lipid_core_area_mm2] .oct-tile-value"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_results(tmp_path, vessel(3), withdrawn=3)


@pytest.fixture
def review(folder: Path) -> Iterator[Review]:
    with running_review(folder) as running:
        yield running


@pytest.fixture
def page(browser: Browser, review: Review) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1300, "height": 900}, has_touch=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        visit = watched(context.new_page())
        arrive(visit.page, review.url)
        yield visit.page
        assert [each for each in visit.complaints if "Failed to load" not in each] == []


def arrive(page: Page, url: str, frame: int = 0) -> None:
    page.goto(url)
    page.wait_for_selector(f".oct-stage[data-shown='{frame}']")


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """A pixel of the frame on the screen."""
    box = page.locator(".oct-stage").bounding_box()
    assert box
    scale = min(box["width"], box["height"]) / SIDE
    left = box["x"] + (box["width"] - SIDE * scale) / 2
    return left + x * scale, box["y"] + (box["height"] - SIDE * scale) / 2 + y * scale


def brush(page: Page, to: tuple[int, int] = (40, 0), *, up: bool = True) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(*at(page, *WALL))
    page.mouse.down()
    page.mouse.move(*at(page, WALL[0] + to[0], WALL[1] + to[1]), steps=8)
    if up:
        page.mouse.up()


def whose(page: Page, words: str) -> None:
    page.wait_for_selector(f".oct-whose:has-text('{words}')")


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "corrections.jsonl").read_text().splitlines()[1:]]


def corrected(folder: Path, review: Review) -> Corrections:
    review.process.send_signal(signal.SIGTERM)
    review.process.wait()
    _, corrections = opened(folder, "")
    corrections.log.close()
    return corrections


def test_a_stroke_of_the_mouse_is_what_the_log_holds(page: Page, folder: Path, review: Review) -> None:
    brush(page)
    whose(page, "corrected outlines (1 stroke)")
    (stroke,) = lines(folder)
    assert (stroke["kind"], stroke["class"], stroke["frame"]) == ("brush", "lipid_core", "vessel_0001")
    labels = corrected(folder, review).labels("vessel_0001")
    assert (labels[WALL[1], WALL[0] : WALL[0] + 40] == LIPID).all()
    assert abs(int((labels[:, WALL[0] + 20] == LIPID).sum()) - 8) <= 1  # as thick as the brush


def test_tool_and_tissues_are_seen_in_forced_colours(page: Page) -> None:
    with forced_colours(page):
        tissues = [f".oct-tissue:nth-of-type({number}) i" for number in (1, 2, 3, 4)]
        assert len({*backgrounds(page, *tissues)}) == 4
        for one, other in (
            ("[data-tool=brush]", "[data-tool=eraser]"),
            ("label:has([value=now])", "label:has([value=both])"),
        ):
            assert len({*backgrounds(page, one, other)}) == 2


def test_no_level_of_headings_is_left_out(page: Page) -> None:
    page.wait_for_selector(".oct-vessel h3")
    levels = page.eval_on_selector_all("h1, h2, h3", "(all) => all.map((each) => Number(each.tagName[1]))")
    assert all(below <= above + 1 for above, below in pairwise([0, *levels]))


def test_curves_join_frames_of_one_vessel_alone(browser: Browser) -> None:
    """Of five frames 1 and 2 are of one vessel, 3 is a picture by itself, 4 and 5 are of another vessel."""
    page = browser.new_page()
    page.set_content('<div id="host"><div class="oct-lines"></div><div class="oct-axis"></div></div>')
    page.add_script_tag(path=UI / "curves.js")
    told = {"frame_count": 5, "first_number": 1, "withdrawn": [], "joins": [False, True, False, False, True]}
    curve = {
        "name": "arc",
        "label": "Lipid arc",
        "unit": "°",
        "digits": 0,
        "values": [10, 10, 10, 10, 10],
        "limits": [],
    }
    page.evaluate("told => octCurves(host, () => {}).update(told)", {**told, "curves": [curve]})
    drawn = page.get_attribute("path", "d")
    page.close()
    assert drawn == "M0.5 3.0L1.5 3.0M2.1 3.0h.8M3.5 3.0L4.5 3.0"


def test_a_plaque_that_was_not_found_is_drawn_as_0_and_told_as_a_dash_as_on_the_card(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<div id="host"><div class="oct-lines"></div><div class="oct-axis"></div></div>')
    page.add_script_tag(path=UI / "curves.js")
    frames = [
        FrameAlong(frame=1, lipid_area_mm2=0.0, lumen_area_mm2=5.0, lipid_arc_deg=0.0),
        FrameAlong(frame=2, lipid_area_mm2=1.5, lumen_area_mm2=5.0, lipid_arc_deg=90.0),
    ]
    run = {"frame_count": 2, "first_number": 1, "withdrawn": [], "curves": curves(frames)}
    page.evaluate("run => { window.shown = octCurves(host, () => {}); shown.update(run); }", run)
    values = {each: page.locator(f"[data-curve={each}] b") for each in ("plaque", "arc")}
    first = {each: value.inner_text() for each, value in values.items()}
    drawn = page.get_attribute("[data-curve=plaque] path", "d")
    page.evaluate("shown.at(1)")
    second = values["plaque"].inner_text()
    page.close()
    assert (first, second) == ({"plaque": "–", "arc": "0°"}, "1.50 mm²")
    assert drawn == "M0.5 41.0L1.5 3.0"


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (1, [("0 mm", 0.0), ("5 mm", 0.5)]),
        (61, [("30 mm", 0.0), ("35 mm", 0.5)]),
        (60, [("30 mm", 0.05), ("35 mm", 0.55)]),
        (0, [("0 mm", 0.05), ("5 mm", 0.55)]),
    ],
)
def test_the_axis_in_mm_counts_from_frame_1_of_the_pullback(
    browser: Browser, first: int, told: list[tuple[str, float]]
) -> None:
    page = browser.new_page(viewport={"width": 170, "height": 200})
    page.set_content('<div id="host"><div class="oct-lines"></div><div class="oct-axis"></div></div>')
    page.add_script_tag(path=UI / "curves.js")
    run = {"frame_count": 20, "first_number": first, "withdrawn": [], "frame_spacing_mm": 0.5, "curves": []}
    page.evaluate("run => octCurves(host, () => {}).update(run)", run)
    marks = [(mark.inner_text(), mark.get_attribute("style")) for mark in page.locator(".oct-axis span").all()]
    page.close()
    assert [(text, pytest.approx(place)) for text, place in told] == [
        (text, float(re.findall(r"[0-9.]+", style or "")[0]) / 100) for text, style in marks
    ]


def test_the_axis_has_as_many_marks_as_there_is_room_for(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 200})
    page.set_content('<div id="host"><div class="oct-lines"></div><div class="oct-axis"></div></div>')
    page.add_script_tag(path=UI / "curves.js")
    run = {"frame_count": 300, "first_number": 1, "withdrawn": [], "frame_spacing_mm": 0.2, "curves": []}
    page.evaluate("run => octCurves(host, () => {}).update(run)", run)
    wide = page.locator(".oct-axis span").count()
    page.set_viewport_size({"width": 366, "height": 200})
    page.wait_for_function("document.querySelectorAll('.oct-axis span').length < 5")
    page.close()
    assert wide == 6  # a mark each 10 mm


@pytest.mark.slow
def test_it_is_dark_where_the_system_is_unless_the_reader_has_chosen(page: Page, review: Review) -> None:
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("body.dark")
    page.evaluate("localStorage.setItem('oct-theme', 'light')")
    arrive(page, review.url)
    page.wait_for_selector("body:not(.dark)")
    page.evaluate("localStorage.removeItem('oct-theme')")
    arrive(page, review.url)
    page.wait_for_selector("body.dark")


def test_undo_goes_across_frames_and_a_reload(page: Page, folder: Path, review: Review) -> None:
    brush(page)
    whose(page, "corrected")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".oct-stage[data-shown='1']")
    brush(page)
    whose(page, "corrected")
    arrive(page, review.url)
    page.keyboard.press("Control+z")
    page.wait_for_selector(".oct-stage[data-shown='1']")
    whose(page, "model")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".oct-stage[data-shown='0']")
    whose(page, "model")
    page.keyboard.press("Control+y")
    whose(page, "corrected")
    assert [line["kind"] for line in lines(folder)] == ["brush", "brush", "undo", "undo", "redo"]


def test_numbers_of_the_vessel_follow_and_lead_to_their_frames(page: Page) -> None:
    page.wait_for_selector("#oct-along .oct-whose:has-text('of the model')")
    page.wait_for_selector("#oct-along table")
    page.click(".oct-jumps [data-jump=mla]")
    number = int(page.inner_text(".oct-jumps [data-jump=mla] small").split()[-1])
    page.wait_for_selector(f".oct-stage[data-shown='{number - 1}']")
    before = page.inner_text("#oct-along .oct-vessel")
    page.click("[data-do=clear]")
    page.wait_for_selector("#oct-along .oct-whose:has-text('your outlines in 1 of 3 frames')")
    assert page.inner_text("#oct-along .oct-vessel") != before
    page.keyboard.press("Control+z")
    page.wait_for_selector("#oct-along .oct-whose:has-text('of the model')")
    assert page.inner_text("#oct-along .oct-vessel") == before


@pytest.mark.slow
def test_a_finger_draws_and_two_fingers_move_the_picture(page: Page, folder: Path) -> None:
    send = page.context.new_cdp_session(page).send

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": at(page, x, y)[0], "y": at(page, x, y)[1], "id": n} for n, (x, y) in enumerate(places)]
        send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", WALL)
    for step in range(6):
        touch("touchMove", (WALL[0] + 6 * step, WALL[1]))
    touch("touchEnd")
    whose(page, "(1 stroke)")
    touch("touchStart", (300, 300))
    touch("touchStart", (300, 300), (400, 400))
    for step in range(6):
        touch("touchMove", (300 - 10 * step, 300 - 10 * step), (400 + 10 * step, 400 + 10 * step))
    touch("touchEnd")
    page.wait_for_selector(".oct-stage.oct-zoomed")
    assert len(lines(folder)) == 1


def test_an_outline_is_dragged_and_its_neighbour_gives_way(page: Page, folder: Path, review: Review) -> None:
    phantom = vessel(3)[1]
    cols = phantom.masks["lipid_core"].any(axis=0).nonzero()[0]
    col = int(cols[len(cols) // 2])
    rows = phantom.masks["fibrous_cap"][:, col].nonzero()[0]
    lipid = phantom.masks["lipid_core"][:, col].nonzero()[0]
    border, way = (int(rows.max()) + 1, 1) if lipid.mean() > rows.mean() else (int(rows.min()), -1)
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".oct-stage[data-shown='1']")
    page.keyboard.press("2")
    page.keyboard.press("d")
    page.mouse.move(*at(page, col, border))
    page.mouse.down()
    page.mouse.move(*at(page, col, border + 8 * way), steps=6)
    page.mouse.up()
    whose(page, "(1 stroke)")
    runs = lines(folder)[0]["runs"]
    steps = set(zip(runs[2::4], runs[3::4], strict=True))
    assert steps == {(LIPID, 2)}  # the cap grew into the lipid, and nothing else changed
    assert sum(runs[1::4]) > 20


def test_a_polygon_is_filled(page: Page, folder: Path) -> None:
    page.keyboard.press("p")
    for x, y in ((300, 30), (340, 30), (340, 60), (300, 60)):
        page.mouse.click(*at(page, x, y))
    page.keyboard.press("Enter")
    whose(page, "(1 stroke)")
    assert sum(lines(folder)[0]["runs"][1::4]) == pytest.approx(40 * 30, rel=0.1)


def test_lipid_in_the_lumen_needs_the_switch(page: Page, folder: Path) -> None:
    middle = at(page, 352, 352)
    page.mouse.click(*middle)
    page.keyboard.press("o")
    page.mouse.click(*middle)
    whose(page, "anatomy overruled")
    assert [line["overruled"] for line in lines(folder)] == [True]


@pytest.mark.slow
def test_what_another_tab_draws_is_shown(page: Page, review: Review) -> None:
    other = page.context.new_page()
    arrive(other, review.url)
    brush(page)
    whose(page, "(1 stroke)")
    whose(other, "(1 stroke)")
    brush(other, (0, 40))
    whose(other, "(2 strokes)")
    whose(page, "(2 strokes)")


@pytest.mark.slow
def test_a_killed_server_loses_the_stroke_under_way_and_no_other(page: Page, folder: Path, review: Review) -> None:
    brush(page)
    whose(page, "(1 stroke)")
    brush(page, (0, 40), up=False)
    review.process.kill()
    review.process.wait()
    page.mouse.up()
    page.wait_for_selector(".oct-run-said:has-text('The server does not answer')")
    brush(page, (-40, 0))  # nothing more is drawn, which would be lost too
    with running_review(folder) as again:
        other = page.context.new_page()
        arrive(other, again.url)
        whose(other, "(1 stroke)")
        brush(other, (0, 40))
        whose(other, "(2 strokes)")


@pytest.mark.slow
def test_a_killed_tab_loses_the_stroke_under_way_and_no_other(page: Page, folder: Path, review: Review) -> None:
    brush(page)
    whose(page, "(1 stroke)")
    brush(page, (0, 40), up=False)
    arrive(page, review.url)
    whose(page, "(1 stroke)")
    assert len(lines(folder)) == 1


def test_frames_in_doubt_are_judged_by_key(page: Page, folder: Path) -> None:
    page.keyboard.press("n")
    page.wait_for_selector("#oct-doubt:has-text('withdrawn')")
    page.wait_for_selector(".oct-stage-said:has-text('Withdrawn')")  # before it is there, nothing can be said of it
    page.keyboard.press("r")
    page.keyboard.type("no lumen")
    page.keyboard.press("Enter")
    page.wait_for_selector("#oct-judged:has-text('rejected')")
    assert [(line["verdict"], line["reason"]) for line in lines(folder)] == [("rejected", "no lumen")]


def test_a_frame_between_corrected_ones_is_interpolated_and_waits(page: Page, folder: Path) -> None:
    brush(page)
    whose(page, "(1 stroke)")
    page.keyboard.press("End")
    page.wait_for_selector(".oct-stage[data-shown='2']")
    brush(page)
    whose(page, "(1 stroke)")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".oct-stage[data-shown='1']")
    page.keyboard.press("i")
    whose(page, "interpolated")
    page.wait_for_selector("#oct-judged:has-text('not for training until accepted')")
    page.keyboard.press("a")
    whose(page, "corrected")
    assert [line["kind"] for line in lines(folder)] == ["brush", "brush", "interpolated", "judged"]


class Keys:
    """Who has no mouse: the cross-hair begins at the lumen's centre, and goes where it is steered."""

    def __init__(self, page: Page, frame: int = 0) -> None:
        x, y = page.request.get(f"{page.url}frames/{frame}.json").json()["centre"]
        self.page, self.at = page, (x + 0.5, y + 0.5)

    def to(self, x: float, y: float) -> None:
        for axis, (less, more) in enumerate((("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))):
            by = round((x, y)[axis] - self.at[axis])
            for step, held in ((10, "Shift"), (1, "Shift+Control")):
                for _ in range(abs(by) // step):
                    self.page.keyboard.press(f"{held}+{more if by > 0 else less}")
                by = by % step if by > 0 else -(-by % step)
        self.at = tuple(at + round(to - at) for at, to in zip(self.at, (x, y), strict=True))

    def press(self) -> None:
        self.page.keyboard.press("x")


def said(page: Page, words: str) -> None:
    page.wait_for_selector(f"#oct-live:has-text('{words}')", state="attached")


@pytest.mark.slow
def test_a_brush_is_drawn_by_keys_and_told_of(page: Page, folder: Path, review: Review) -> None:
    keys = Keys(page)
    keys.to(*WALL)
    said(page, "brush lifted, no tissue, ")
    said(page, " mm from the centre at ")
    keys.press()
    said(page, "painting lipid core, lipid core")
    keys.to(WALL[0] + 40, WALL[1])
    keys.press()
    whose(page, "corrected outlines (1 stroke)")
    (stroke,) = lines(folder)
    assert (stroke["kind"], stroke["class"]) == ("brush", "lipid_core")
    labels = corrected(folder, review).labels("vessel_0001")
    assert (labels[WALL[1], WALL[0] : WALL[0] + 40] == LIPID).all()
    assert abs(int((labels[:, WALL[0] + 20] == LIPID).sum()) - 8) <= 1


@pytest.mark.slow
def test_a_polygon_is_set_by_keys(page: Page, folder: Path) -> None:
    keys = Keys(page)
    page.keyboard.press("p")
    for x, y in ((300, 30), (340, 30), (340, 60), (300, 60)):
        keys.to(x, y)
        keys.press()
    said(page, "4 corners of lipid core")
    page.keyboard.press("Enter")
    whose(page, "(1 stroke)")
    assert sum(lines(folder)[0]["runs"][1::4]) == pytest.approx(40 * 30, rel=0.02)


@pytest.mark.slow
def test_an_outline_is_dragged_by_keys_and_escape_drops_it(page: Page, folder: Path) -> None:
    rows = vessel(3)[0].masks["lumen"][:, SIDE // 2].nonzero()[0]
    keys = Keys(page)
    page.keyboard.press("1")
    page.keyboard.press("d")
    keys.press()
    said(page, "No outline of lumen is near the cross-hair")
    keys.to(SIDE // 2, int(rows.max()) + 1)
    keys.press()
    keys.to(SIDE // 2, int(rows.max()) + 21)
    said(page, "dragging the outline of lumen")
    page.keyboard.press("Escape")
    keys.to(SIDE // 2, int(rows.max()) + 1)
    keys.press()
    keys.to(SIDE // 2, int(rows.max()) + 21)
    page.keyboard.press("Enter")
    whose(page, "(1 stroke)")
    (stroke,) = lines(folder)
    assert (stroke["kind"], set(stroke["runs"][3::4])) == ("drag", {1})


def test_the_cross_hair_stays_in_sight_and_a_mouse_takes_over(page: Page, folder: Path) -> None:
    keys = Keys(page)
    keys.to(352, 352)
    for _ in range(4):
        page.keyboard.press("+")
    assert page.locator(".oct-stage.oct-zoomed").count() == 1
    keys.to(60, 352)
    keys.press()
    keys.press()
    whose(page, "(1 stroke)")
    page.keyboard.press("0")
    brush(page)
    whose(page, "(2 strokes)")
    first, second = lines(folder)
    assert first["kind"] == second["kind"] == "brush"
    assert sum(first["runs"][1::4]) == pytest.approx(3.14 * 4**2, abs=6)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1300, 390])
def test_axe_finds_nothing_serious_in_a_review_be_it_light_or_dark(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.click(".oct-shown label:has([value=both])")
    brush(page)
    page.wait_for_selector("#oct-along table")
    page.keyboard.press("Shift+ArrowUp")
    whose(page, "(1 stroke)")
    assert complaints(Visit(page)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@contextmanager
def held_back(page: Page, address: str) -> Iterator[None]:
    """What the page asks of an address inside is answered behind it."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route))
    yield
    for route in held:
        route.continue_()
    page.unroute(address)


def test_nothing_is_drawn_or_judged_before_the_frame_that_was_asked_for_is_there(page: Page, folder: Path) -> None:
    page.wait_for_selector(".oct-stage[data-shown='0']:not([aria-busy])")
    with held_back(page, "**/frames/1.json"):
        page.reload()
        page.wait_for_selector(".oct-stage[data-shown='0']:not([aria-busy])")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(".oct-at:has-text('2 of 3')")
        brush(page)
        page.wait_for_selector(".oct-stage-said:has-text('Not drawn: frame 2 is not there yet')")
        page.keyboard.press("x")
        page.click("[data-do=clear]")
        page.keyboard.press("a")
        page.wait_for_selector(".oct-stage-said:has-text('Not judged: frame 2 is not there yet')")
        assert lines(folder) == []
    page.wait_for_selector(".oct-stage[data-shown='1']:not([aria-busy])")
    brush(page)
    whose(page, "corrected outlines (1 stroke)")
    assert not page.is_visible(".oct-stage-said")
    assert [(line["kind"], line["frame"]) for line in lines(folder)] == [("brush", "vessel_0002")]


def test_numbers_of_another_frame_than_the_counter_says_are_dimmed_and_say_so(page: Page) -> None:
    page.wait_for_selector(".oct-stage[data-shown='0']:not([aria-busy])")
    with held_back(page, "**/frames/1.json"):
        page.reload()
        page.wait_for_selector(".oct-stage[data-shown='0']:not([aria-busy])")
        page.keyboard.press("ArrowRight")
        whose(page, "Of frame 1, frame 2 is on its way")
        assert page.inner_text(".oct-stage-said") == "Frame 2 is on its way, this is frame 1"
        assert becomes_true(lambda: bool(page.eval_on_selector("#oct-beside .oct-tiles", IS_DIMMED)))
    page.wait_for_selector(".oct-stage[data-shown='1']:not([aria-busy])")
    assert page.eval_on_selector("#oct-beside .oct-tiles", "tiles => getComputedStyle(tiles).opacity") == "1"
    assert not page.is_visible(".oct-stage-said")


def test_a_frame_that_is_passed_before_its_turn_is_not_asked_for(browser: Browser, tmp_path: Path) -> None:
    with running_review(save_results(tmp_path, vessel(6))) as review, browser.new_context() as context:
        visit = watched(context.new_page())
        with held_back(visit.page, "**/frames/1.json"):
            arrive(visit.page, review.url)
            for _ in range(4):
                visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_selector(".oct-stage[data-shown='4']")
        visit.settle()
    asked = [int(found[1]) for url in visit.requests if (found := re.search(r"frames/(\d)\.json", url))]
    assert asked == [0, 1, 4, 5, 3]
