"""What happens on the page while a frame is being outlined: it ends with what was asked for last, whatever came first.

Frames are measured with intervals here, so that a run takes seconds and is under way when the next thing is done.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

import octseg
from octseg.phantom import make_phantom
from octseg.ui.examples import EXAMPLES, FOLDER
from tests.browser.conftest import PATIENCE_MS, Visit, watched
from tests.fakes.app_server import App

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SEEDS = (1, 2, 3)
OUTLINING = "#oct-picture .oct-empty:has-text('Outlining')"
INPUT = "#oct-upload input[type=file]"
CLEAR = "#oct-upload [aria-label=Clear]"
TYPED = "#oct-spacing :is(input:not([type]), input[type=text], textarea)"


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("frames")
    paths = [folder / f"frame_{seed}.png" for seed in SEEDS]
    for seed, path in zip(SEEDS, paths, strict=True):
        Image.fromarray(make_phantom(seed).frame).save(path, compress_level=1)
    return paths


@pytest.fixture
def busy(visit: Visit, frames: list[Path]) -> Iterator[Visit]:
    """A page whose first frame is being outlined."""
    visit.page.check("#oct-intervals input")
    visit.page.set_input_files(INPUT, frames[0])
    visit.page.wait_for_selector(OUTLINING)
    yield visit
    visit.page.unroute_all()


def send(visit: Visit, frame: Path) -> None:
    """Put a frame in the place of the one that is there, without waiting for anything."""
    visit.page.click(CLEAR)
    visit.page.set_input_files(INPUT, frame)


def drop(visit: Visit, frame: Path, target: str = "#oct-picture") -> None:
    """Drop a file on a part of the page, as from a folder's window."""
    given = visit.page.evaluate_handle(
        """([name, content]) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([Uint8Array.from(atob(content), (each) => each.charCodeAt(0))], name));
          return dropped;
        }""",
        [frame.name, base64.b64encode(frame.read_bytes()).decode()],
    )
    for kind in ("dragenter", "dragover", "drop"):
        visit.page.dispatch_event(target, kind, {"dataTransfer": given})


def assert_ends_with(visit: Visit, frame: Path, segmenter: octseg.Segmenter) -> None:
    """The page comes to rest with this frame in the uploader, in the picture and in the numbers."""
    visit.page.wait_for_selector(f"#oct-picture figcaption:has-text('{frame.name}')")
    visit.page.wait_for_selector("#oct-files button:not([disabled]) >> nth=4")
    visit.settle()
    assert_shows(visit, frame, segmenter)


def assert_shows(visit: Visit, frame: Path, segmenter: octseg.Segmenter) -> None:
    shown = visit.page.inner_text("#oct-picture figcaption")
    sent = visit.page.locator("#oct-upload .filename").inner_text().replace("\n", "")
    assert (shown.split()[0], sent) == (frame.name, frame.name)
    assert visit.measure("lumen_area_px") == pytest.approx(segmenter.segment(frame).measures.lumen_area_px)
    with visit.page.expect_download() as waiting:
        visit.page.click("#oct-files >> text=JSON")
    (record,) = json.loads(waiting.value.path().read_bytes())["frames"]
    assert record["file"] == frame.name
    assert record["lumen_area_px"] == visit.measure("lumen_area_px")


@pytest.mark.parametrize("put", [send, drop])
def test_a_frame_that_is_sent_while_another_is_outlined_is_the_one_that_is_measured(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter, put: Callable[[Visit, Path], None]
) -> None:
    put(busy, frames[1])
    assert_ends_with(busy, frames[1], segmenter)
    assert busy.complaints == []


def test_of_frames_sent_one_after_the_other_the_last_is_measured(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    for frame in (frames[1], frames[2], frames[0], frames[2]):
        drop(busy, frame)
    assert_ends_with(busy, frames[2], segmenter)
    assert busy.complaints == []


def test_an_example_that_is_chosen_while_a_frame_is_outlined_takes_its_place(
    busy: Visit, segmenter: octseg.Segmenter
) -> None:
    busy.page.locator("[data-example]").nth(1).click()
    assert_ends_with(busy, FOLDER / EXAMPLES[1].file, segmenter)


def test_an_example_that_is_chosen_during_a_slow_upload_comes_after_it(
    visit: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    held: list[Route] = []
    visit.page.route("**/gradio_api/upload?*", lambda route: held.append(route))
    visit.page.set_input_files(INPUT, frames[0])
    visit.page.wait_for_selector("#oct-upload .uploading")
    visit.page.locator("[data-example]").nth(2).click()
    held[0].continue_()
    assert_ends_with(visit, FOLDER / EXAMPLES[2].file, segmenter)
    assert visit.page.locator("#oct-upload .filename").count() == 1
    visit.page.unroute_all()


def test_a_frame_that_is_dropped_during_a_slow_upload_comes_after_it(
    visit: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    held: list[Route] = []
    visit.page.route("**/gradio_api/upload?*", lambda route: route.continue_() if held else held.append(route))
    visit.page.set_input_files(INPUT, frames[0])
    visit.page.wait_for_selector("#oct-upload .uploading")
    drop(visit, frames[1])
    held[0].continue_()
    assert_ends_with(visit, frames[1], segmenter)
    visit.page.unroute_all()


def test_a_page_that_is_cleared_while_a_frame_is_outlined_stays_clear_and_another_tab_has_its_own(
    busy: Visit, app: App, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    busy.page.click(CLEAR)
    with busy.page.context.new_page() as page:
        other = watched(page)
        other.page.set_default_timeout(PATIENCE_MS)
        other.page.goto(app.url)
        other.page.click("#oct-agree")
        other.page.set_input_files(INPUT, frames[1])
        assert_ends_with(other, frames[1], segmenter)  # runs wait in one line, so that of the first tab is over
    assert "Drop an OCT frame" in busy.page.inner_text("#oct-picture")
    assert busy.page.locator("#oct-picture svg.oct-picture, [data-measure]").count() == 0
    assert busy.page.locator("#oct-files button:not([disabled]), #oct-upload .filename").count() == 0


def test_a_scale_that_is_typed_while_a_frame_is_outlined_is_the_one_it_is_measured_with(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    busy.page.fill(TYPED, "0,006")
    busy.page.click("#oct-spacing button")
    busy.page.wait_for_selector(".oct-scale[data-source=user]")
    assert_ends_with(busy, frames[0], segmenter)
    assert busy.measure("lumen_area_mm2") == pytest.approx(busy.measure("lumen_area_px") * 0.006**2, rel=1e-6)


@pytest.mark.parametrize("typed", ["ten", "7"])
def test_a_scale_that_is_mistyped_while_a_frame_is_outlined_costs_no_result(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter, typed: str
) -> None:
    busy.page.fill(TYPED, typed)
    busy.page.click("#oct-spacing button")
    assert_ends_with(busy, frames[0], segmenter)
    assert typed in busy.page.inner_text("#oct-said .oct-error p")
    assert busy.page.get_attribute(".oct-scale", "data-source") == "ruler"


def test_intervals_that_are_switched_off_while_a_frame_is_outlined_are_not_shown(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    busy.page.uncheck("#oct-intervals input")
    assert_ends_with(busy, frames[0], segmenter)
    assert busy.page.locator("[data-interval]").count() == 0


def test_a_page_that_is_loaded_anew_while_a_frame_is_outlined_is_empty_and_works(
    busy: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    busy.page.reload()
    busy.page.wait_for_selector(INPUT, state="attached")
    assert busy.page.locator("#oct-upload .filename").count() == 0
    busy.page.set_input_files(INPUT, frames[2])
    assert_ends_with(busy, frames[2], segmenter)


def test_an_answer_that_comes_after_a_newer_file_does_not_take_its_place(
    visit: Visit, frames: list[Path], segmenter: octseg.Segmenter
) -> None:
    page = visit.page
    page.set_input_files(INPUT, frames[0])
    assert_ends_with(visit, frames[0], segmenter)
    send(visit, frames[1])
    assert_ends_with(visit, frames[1], segmenter)  # asked: the first file, to clear it, the second
    late = "([held, answered]) => window.octHeld(held, answered) ?? 'nothing'"
    assert page.evaluate(late, ["the first file", 1]) == "nothing"
    assert page.evaluate(late, [None, 2]) == "nothing"
    assert page.evaluate(late, ["the second file", 3]) == "the second file"
    page.locator("[data-example]").nth(1).click()
    assert_ends_with(visit, FOLDER / EXAMPLES[1].file, segmenter)
    assert page.evaluate(late, ["the second file", 3]) == "nothing"


@pytest.mark.parametrize("locale", ["de-DE", "ja-JP"])
def test_the_uploader_is_emptied_in_whatever_language_its_button_is_named(
    browser: Browser, app: App, locale: str, tmp_path: Path
) -> None:
    with browser.new_context(locale=locale) as context:
        visit = watched(context.new_page())
        visit.page.set_default_timeout(PATIENCE_MS)
        visit.page.goto(app.url)
        visit.page.click("#oct-agree")
        visit.take_example(1)
        assert visit.page.locator("#oct-upload [aria-label=Clear]").count() == 0
        second = tmp_path / "second.png"
        Image.fromarray(make_phantom(8).frame).save(second)
        with visit.new_result():
            drop(visit, second)
        assert "second.png" in visit.page.inner_text(".oct-figure")
