"""The page in a real browser, from the gate to the files."""

import io
import itertools
import json
import zipfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import octseg
from tests.browser.conftest import Visit, looks_the_same
from tests.fakes.app_server import App

pytestmark = pytest.mark.browser

HOSTILE_NAMES = ["<img src=x onerror=alert(1)>.png", '"><svg onload=alert(2)>.png', "${alert(3)}{{value}}.png"]


def test_two_clicks_lead_from_landing_to_a_result(landing: Visit) -> None:
    page = landing.page
    assert page.locator(".oct-gate").inner_text().startswith("Research use only, not a medical device")
    assert not page.locator("#oct-main").is_visible()
    page.click("#oct-agree")
    landing.take_example()
    assert landing.measure("lumen_area_mm2") > 0
    assert not page.locator(".oct-gate").is_visible()
    assert page.locator(".oct-research").is_visible()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_agreement_and_theme_survive_a_reload(landing: Visit, system: Literal["light", "dark"]) -> None:
    page = landing.page
    page.emulate_media(color_scheme=system)
    page.reload()
    is_dark = "document.body.classList.contains('dark')"
    page.wait_for_function(f"{is_dark} === {str(system == 'dark').lower()}")
    page.click("#oct-agree")
    page.click("#oct-theme")
    page.reload()
    page.wait_for_selector("#oct-upload input[type=file]", state="attached")
    assert page.locator("#oct-main").is_visible()
    assert not page.locator(".oct-gate").is_visible()
    assert page.evaluate(is_dark) is (system == "light")
    page.emulate_media(color_scheme="light")


def test_every_example_is_measured_with_the_scale_of_its_ruler(visit: Visit) -> None:
    for number in range(visit.page.locator("[data-example]").count()):
        visit.take_example(number)
        assert visit.page.get_attribute(".oct-scale", "data-source") == "ruler"
        found_mm = float(visit.page.get_attribute("[data-scale]", "data-scale") or 0)
        assert found_mm == pytest.approx(7.01 / 704, rel=0.005)


def test_what_is_true_stands_beside_an_example_and_not_beside_a_visitors_frame(
    visit: Visit, phantom_file: Path
) -> None:
    visit.take_example()
    tile = visit.page.locator("[data-tile=lipid_core_area_mm2]")
    assert "true: 4.19 mm²" in tile.inner_text()
    visit.type_scale("0,02")
    assert "true: 4.19 mm²" in tile.inner_text()
    visit.upload(phantom_file)
    assert visit.page.locator("[data-true]").count() == 0


def test_the_plaque_area_on_the_page_is_the_librarys(
    visit: Visit, phantom_file: Path, segmenter: octseg.Segmenter
) -> None:
    visit.upload(phantom_file)
    measures = segmenter.segment(phantom_file).measures
    assert measures.lipid_core_area_mm2 is not None
    assert visit.measure("lipid_core_area_mm2") == pytest.approx(measures.lipid_core_area_mm2, rel=1e-6)
    assert visit.measure("lipid_arc_deg") == pytest.approx(measures.lipid_arc_deg)
    tile = visit.page.locator("[data-tile=lipid_core_area_mm2]").inner_text()
    assert f"{measures.lipid_core_area_mm2:.2f} mm²" in tile


def test_a_real_frames_numbers_on_the_page_are_the_librarys(
    visit: Visit, real_frames: Path, segmenter: octseg.Segmenter
) -> None:
    frame = real_frames / "test" / "img" / "003_1_060.png"
    visit.upload(frame)
    measures = segmenter.segment(frame).measures
    assert visit.page.get_attribute(".oct-scale", "data-source") == "ruler"
    assert 1 < visit.measure("lumen_area_mm2") < 20
    for name in ("lumen_area_mm2", "lumen_diameter_min_mm", "lipid_core_area_mm2", "lipid_arc_deg"):
        expected = getattr(measures, name)
        assert visit.measure(name) == pytest.approx(np.nan if expected is None else expected, rel=1e-6, nan_ok=True)


def test_a_switch_takes_its_tissue_off_the_picture_and_back_without_asking_the_server(
    visit: Visit, phantom_file: Path
) -> None:
    visit.upload(phantom_file)
    visit.settle()
    visit.requests.clear()
    visit.page.uncheck("#oct-places")  # Chromium draws such thin lines anew in other greys
    before = visit.picture()
    visit.page.uncheck("[data-tissue-switch=lumen]")
    without = visit.picture()
    visit.page.check("[data-tissue-switch=lumen]")
    assert not looks_the_same(without, before)
    assert looks_the_same(visit.picture(), before)
    assert visit.requests == []


def test_style_and_opacity_change_the_picture_without_asking_the_server(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    visit.settle()
    visit.requests.clear()
    pictures = []
    for style in ("Outline", "Fill"):
        visit.page.click(f".oct-segments label:has-text('{style}')")
        pictures.append(visit.picture())
    visit.page.locator("#oct-opacity").fill("90")
    pictures.append(visit.picture())
    assert not any(looks_the_same(one, other) for one, other in itertools.combinations(pictures, 2))
    assert visit.requests == []


def test_a_grey_background_has_no_colour_of_its_own(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    for tissue in visit.page.locator("[data-tissue-switch]").all():
        tissue.uncheck()
    visit.page.check("#oct-grey")
    visit.page.wait_for_timeout(300)  # the grey frame is fetched when it is first looked at
    colours = visit.picture()
    assert colours.max() > 100
    assert np.ptp(colours, axis=2).max() <= 3


@pytest.mark.slow
def test_settings_of_the_picture_outlive_the_next_frame(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    visit.page.uncheck("[data-tissue-switch=lumen]")
    visit.take_example()
    assert not visit.page.locator("g[data-tissue=lumen]").is_visible()


@pytest.mark.slow
def test_a_typed_scale_is_used_named_and_forgotten_with_the_next_frame(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    visit.type_scale("0,012")
    assert visit.page.get_attribute(".oct-scale", "data-source") == "user"
    assert visit.measure("lumen_area_mm2") == pytest.approx(visit.measure("lumen_area_px") * 0.012**2, rel=1e-6)
    visit.take_example()
    assert visit.page.get_attribute(".oct-scale", "data-source") == "ruler"
    assert visit.page.input_value("#oct-spacing :is(input, textarea)") == ""
    example = visit.page.get_attribute("#oct-spacing :is(input, textarea)", "placeholder") or ""
    assert example.startswith("e.g. ")  # not taken for the scale in use


@pytest.mark.slow
def test_a_preset_measures_a_frame_without_a_ruler_and_is_forgotten_with_the_next(
    visit: Visit, plain_file: Path
) -> None:
    visit.upload(plain_file)
    assert visit.page.get_attribute(".oct-scale", "data-source") == "none"
    visit.choose_preset("704")
    assert visit.page.get_attribute(".oct-scale", "data-source") == "preset"
    assert "Preset 704: 0.009957 mm per pixel" in visit.page.locator(".oct-scale").inner_text()
    assert visit.measure("lumen_area_mm2") == pytest.approx(visit.measure("lumen_area_px") * 0.009957**2, rel=1e-6)
    visit.upload(plain_file)
    assert visit.page.get_attribute(".oct-scale", "data-source") == "none"
    assert visit.page.locator("#oct-spacing label:has(:checked)").first.inner_text() == "none"


@pytest.mark.slow
def test_a_preset_of_another_size_gives_no_mm_and_says_why(visit: Visit, plain_file: Path) -> None:
    visit.upload(plain_file)
    visit.choose_preset("1024")
    assert visit.page.get_attribute(".oct-scale", "data-source") == "none"
    assert "the preset 1024 does not fit this frame" in visit.page.locator(".oct-scale").inner_text()
    [said] = visit.page.locator(".oct-warnings li", has_text="is for frames of 1024 x 1024 pixels").all_inner_texts()
    assert "and this one has 704 x 704" in said


@pytest.mark.slow
def test_a_ruler_goes_before_a_preset_and_the_page_says_so(visit: Visit) -> None:
    visit.take_example()
    visit.choose_preset("10 mm")
    assert visit.page.get_attribute(".oct-scale", "data-source") == "ruler"
    said = visit.page.locator(".oct-scale").inner_text()
    assert "Not the preset 10 mm: the ruler in the frame was used" in said


@pytest.mark.slow
def test_a_scale_that_is_none_is_answered_with_a_sentence_and_leaves_picture_and_numbers(
    visit: Visit, phantom_file: Path
) -> None:
    visit.upload(phantom_file)
    parts = ("table.oct-table", ".oct-tiles", "#oct-picture figure", ".oct-scale")
    before = [visit.page.inner_html(part) for part in parts]
    for typed in ("ten", "-1", "0", "7"):
        visit.page.fill("#oct-spacing :is(input, textarea)", typed)
        visit.page.click("#oct-spacing button")
        visit.page.wait_for_selector(f"#oct-said .oct-error p:has-text('{typed}')")
        assert [visit.page.inner_html(part) for part in parts] == before
        assert visit.page.locator("#oct-files button:not([disabled])").count() == 5
    visit.type_scale("0.012")
    assert visit.page.locator("#oct-said .oct-error").count() == 0


def test_the_zip_holds_masks_overlay_report_and_the_numbers_on_the_page(
    visit: Visit, phantom_file: Path, segmenter: octseg.Segmenter
) -> None:
    visit.upload(phantom_file)
    with visit.page.expect_download() as waiting:
        visit.page.click("#oct-files >> text=Download all")
    assert waiting.value.suggested_filename == "phantom_7_octseg.zip"
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.testzip() is None
        assert {"phantom_7_mask.png", "phantom_7_overlay.png", "measures.csv", "measures.json", "report.html"} <= set(
            archive.namelist()
        )
        record = json.loads(archive.read("measures.json"))
        mask = np.array(Image.open(io.BytesIO(archive.read("phantom_7_mask.png"))))
        report = archive.read("report.html").decode()
    assert record["notice"] == "Research use only, not a medical device"
    assert record["frames"][0]["lipid_core_area_mm2"] == visit.measure("lipid_core_area_mm2")
    assert np.array_equal(mask, np.array(segmenter.segment(phantom_file).palette_mask()))
    assert f"{visit.measure('lipid_core_area_mm2'):.3f} mm²" in report


def test_each_file_can_be_had_alone(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    starts = {"mask.png": b"\x89PNG", "overlay.png": b"\x89PNG", "measures.csv": b"file,", "measures.json": b"{"}
    for label, (name, start) in zip(("Mask", "Overlay", "CSV", "JSON"), starts.items(), strict=True):
        with visit.page.expect_download() as waiting:
            visit.page.click(f"#oct-files >> text={label}")
        assert waiting.value.suggested_filename == f"phantom_7_{name}"
        assert Path(waiting.value.path()).read_bytes().startswith(start)


def test_a_scale_without_a_frame_is_told_that_there_is_none(visit: Visit) -> None:
    visit.page.click("#oct-spacing button")
    assert visit.page.inner_text(".oct-error h3") == "There is nothing to measure"


def test_a_broken_file_is_answered_with_one_sentence_and_no_old_result(
    visit: Visit, phantom_file: Path, tmp_path: Path
) -> None:
    visit.upload(phantom_file)
    broken = tmp_path / "broken.png"
    broken.write_bytes(phantom_file.read_bytes()[:5000])
    visit.upload(broken)
    sentence = visit.page.locator(".oct-error p").inner_text()
    assert "broken" in sentence
    assert len(sentence.splitlines()) == 1
    assert visit.page.locator("[data-measure]").count() == 0
    assert visit.page.locator("#oct-files button:not([disabled])").count() == 0


@pytest.mark.parametrize("whole", [True, False])
def test_a_files_name_is_shown_and_never_run(visit: Visit, phantom_file: Path, tmp_path: Path, whole: bool) -> None:
    for name in HOSTILE_NAMES:
        hostile = tmp_path / name
        hostile.write_bytes(phantom_file.read_bytes() if whole else b"no picture")
        visit.upload(hostile)
        assert visit.dialogs == []
        assert visit.page.locator("#oct-main :is(img[src=x], [onload], [onerror])").count() == 0


def test_no_request_leaves_for_another_host(visit: Visit, app: App, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    visit.page.check("#oct-grey")
    visit.page.click("footer button:has-text('API')")
    visit.page.wait_for_timeout(1500)
    hosts = {urlsplit(url).netloc for url in visit.requests if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {urlsplit(app.url).netloc}


def test_the_browser_has_nothing_to_complain_about(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    assert visit.complaints == []


def test_nothing_is_cut_off_sideways(visit: Visit, phantom_file: Path) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 844})
    visit.upload(phantom_file)
    for width in (360, 390, 768, 1024, 1440):
        visit.page.set_viewport_size({"width": width, "height": 844})
        for _ in ("light", "dark"):
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            assert visit.page.evaluate(CUT_OFF) == []
            visit.page.click("#oct-theme")


CUT_OFF = """() => [...document.querySelectorAll("#oct-main *, #oct-head *")].filter((part) => {
  const box = part.getBoundingClientRect();
  return box.width && !part.closest("svg, #oct-upload") && (box.left < -1 || box.right > innerWidth + 1);
}).map((part) => part.outerHTML.slice(0, 80))"""


def test_between_phone_and_desktop_the_numbers_stand_below_the_picture_before_the_model(
    visit: Visit, phantom_file: Path
) -> None:
    visit.upload(phantom_file)
    names = ("oct-picture", "oct-summary", "oct-table", "oct-model")
    for width in (800, 1024, 1180):
        visit.page.set_viewport_size({"width": width, "height": 800})
        boxes = [visit.page.locator(f"#{name}").first.bounding_box() for name in names]
        tops = [box["y"] for box in boxes if box]
        assert (tops, len(tops)) == (sorted(tops), len(names)), width
        assert len({box["x"] for box in boxes if box}) == 1, width


def test_a_button_to_download_is_there_once(visit: Visit) -> None:
    labels = [button.inner_text() for button in visit.page.locator("button:visible").all()]
    downloads = [
        label for label in labels if label in ("Download", "Download all (ZIP)", "Mask", "Overlay", "CSV", "JSON")
    ]
    assert downloads == ["Download all (ZIP)", "Mask", "Overlay", "CSV", "JSON"]


def test_on_a_phone_the_picture_and_its_numbers_come_before_the_settings(visit: Visit, phantom_file: Path) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.upload(phantom_file)
    names = ("oct-picture", "oct-summary", "oct-spacing")
    tops = [visit.page.locator(f"#{name}").first.bounding_box() for name in names]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    assert len([box for box in tops if box]) == 3


def test_text_stands_out_from_what_is_behind_it(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    visit.page.evaluate("document.querySelector('[data-tile=lumen_area_mm2]').classList.add('oct-unsure')")
    for _ in ("light", "dark"):
        visit.page.mouse.move(0, 0)
        visit.page.wait_for_timeout(400)  # colours fade
        assert {selector for selector in TEXTS if visit.page.evaluate(CONTRAST, selector) < 4.5} == set()
        visit.page.click("#oct-theme")


TEXTS = (
    ".oct-tile-value",
    ".oct-tile-note",
    ".oct-unsure .oct-tile-value",
    ".oct-unsure .oct-tile-note",
    ".oct-cores td",
    ".oct-unseen",
    ".oct-scale p",
    ".oct-table th small",
    ".oct-table td",
    ".oct-chip",
    "figcaption",
    ".oct-model dt",
    ".oct-research",
    "#oct-files button",
)
CONTRAST = """(selector) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const part = document.querySelector(selector);
  let behind = part;
  const alpha = (element) => channels(getComputedStyle(element).backgroundColor)[3] ?? 1;
  while (behind.parentElement && alpha(behind) === 0) behind = behind.parentElement;
  const pair = [getComputedStyle(part).color, getComputedStyle(behind).backgroundColor].map(channels).map(luminance);
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


@pytest.mark.slow
def test_a_switch_gives_each_measure_its_interval_and_takes_it_away_again(visit: Visit, phantom_file: Path) -> None:
    visit.page.check("#oct-intervals input")  # without a frame it is for the next one
    visit.upload(phantom_file)
    shown = visit.page.locator("[data-tile=lipid_arc_deg] .oct-interval").inner_text()
    low, high = (float(end) for end in shown.removeprefix("95 %: ").split(" to "))
    assert low < visit.measure("lipid_arc_deg") < high
    assert visit.page.locator("[data-interval]").count() > 10
    before = visit.measure("lipid_arc_deg")
    visit.page.uncheck("#oct-intervals input")
    visit.page.wait_for_selector("[data-interval]", state="detached")
    visit.page.wait_for_selector("[data-measure=lipid_arc_deg]")
    assert visit.measure("lipid_arc_deg") == before
