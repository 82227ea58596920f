"""Chromium, driven through the real app in a process of its own; every request that the page makes is written down."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from octseg.phantom import Phantom, make_phantom, random_spec, render
from octseg.phantom.pullback import random_pullback
from octseg.pullback import Frame
from tests.fakes.app_server import App, running_app
from tests.fakes.dicom_files import jpeg, pullback_file

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-opt",  # a page lives for seconds, and to optimise its scripts takes more of them than it saves
]
SIZE_PX = (1440, 900)  # width, height
PATIENCE_MS = 120_000.0  # of a machine that has other things to do
PHANTOM_SEED = 7
CORNER_PX = 20
COUNT, SIDE, BLACK = 9, 704, 4  # frames of a vessel, pixels, number of the frame that shows nothing
QUIET_MS = 500
ENDED = ("AbortError", "Unexpected error Connection errored out")  # how Gradio tells of a request that was ended
KEEP = "(kept) => Object.entries(kept).forEach(([name, value]) => sessionStorage.setItem(name, value))"
MARK_AS_OLD = """() => document.querySelectorAll("#oct-picture :is(svg, .oct-error)")
  .forEach((shown) => shown.classList.add("old"))"""


@dataclass
class Visit:
    """A page past its gate, what it asked for and complained about on the way, and the dialogs it wanted to show."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @contextmanager
    def at(self, url: str, size_px: tuple[int, int] = SIZE_PX) -> Iterator[None]:
        """The page of `url` as somebody meets it who has never been there; nothing of the visit stays."""
        for noted in (self.requests, self.complaints, self.dialogs):
            noted.clear()
        self.page.set_viewport_size({"width": size_px[0], "height": size_px[1]})
        self.page.goto(url)
        try:
            yield
        finally:
            self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
            self.page.context.clear_cookies()
            self.page.mouse.move(0, 0)
            self.page.goto("about:blank")

    @contextmanager
    def new_result(self) -> Iterator[None]:
        """Wait until what is done inside has led to a new picture and its files, or to a refusal."""
        self.page.evaluate(MARK_AS_OLD)
        yield
        self.page.wait_for_selector("#oct-picture :is(svg.oct-picture, .oct-error):not(.old)")
        if self.page.query_selector("svg.oct-picture"):
            self.page.wait_for_selector("#oct-files button:not([disabled]) >> nth=4")

    def settle(self) -> None:
        """Wait until the page asks for nothing more: the part that shares hears of a result after its files."""
        known = -1
        while known != len(self.requests):
            known = len(self.requests)
            self.page.wait_for_timeout(QUIET_MS)

    def reload(self) -> None:
        """Load the page anew. It ends what is under way, of which Gradio complains: that is no fault of the page."""
        self.settle()
        known = len(self.complaints)
        self.page.reload()
        self.complaints[known:] = [each for each in self.complaints[known:] if not each.startswith(ENDED)]

    def upload(self, path: Path) -> None:
        """Send a file, in the place of the one that is there."""
        if self.page.query_selector("#oct-upload [aria-label=Clear]"):
            self.page.click("#oct-upload [aria-label=Clear]")
            self.page.wait_for_selector(".oct-empty")
        with self.new_result():
            self.page.set_input_files("#oct-upload input[type=file]", path)

    def take_example(self, number: int = 0) -> None:
        """Choose one of the phantoms on the page."""
        with self.new_result():
            self.page.locator("[data-example]").nth(number).click()

    def type_scale(self, typed: str) -> None:
        """Give the millimetres per pixel by hand."""
        self.page.fill("#oct-spacing :is(input, textarea)", typed)
        with self.new_result():
            self.page.click("#oct-spacing button")

    def choose_preset(self, preset: str) -> None:
        """Choose the display's field by hand."""
        with self.new_result():
            self.page.click(f"#oct-spacing label:has-text('{preset}'):has([type=radio])")

    def measure(self, name: str) -> float:
        """A measure as it stands in the table, in full."""
        return float(self.page.get_attribute(f"[data-measure={name}]", "data-value") or "nan")

    def picture(self) -> NDArray[np.int16]:
        """What the picture looks like, (H, W, 3) RGB, without the rounded corners of its frame."""
        shown = self.page.locator("svg.oct-picture").screenshot(animations="disabled")
        whole = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), np.int16)
        return whole[CORNER_PX:-CORNER_PX, CORNER_PX:-CORNER_PX]


def looks_the_same(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    """Whether two pictures are equal but for the smooth edges of lines, which Chromium redraws a few levels off.

    Where two tissues share a border, as lumen and cap do, lines lie over one another, and single pixels differ more.
    """
    if one.shape != other.shape:
        return False
    apart = np.abs(one - other).max(axis=2)
    return bool(apart.max() <= 64 and np.count_nonzero(apart > 24) <= 6)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or name one in OCTSEG_CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield running
        running.close()


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[Visit]:
    """The page that all tests visit one after the other: Chromium reads Gradio's scripts but once."""
    with browser.new_context(accept_downloads=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield watched(context.new_page())


@pytest.fixture(scope="session")
def phantom_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("phantom") / "phantom_7.png"
    Image.fromarray(make_phantom(PHANTOM_SEED).frame).save(path, compress_level=1)
    return path


@pytest.fixture(scope="session")
def plain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 704 x 704 pixels and a field of 7.01 mm, without a ruler."""
    path = tmp_path_factory.mktemp("plain") / "plain.png"
    spec = random_spec(PHANTOM_SEED, size_px=704, field_mm=7.01, lipid=True, ruler=False)
    Image.fromarray(render(spec).frame).save(path, compress_level=1)
    return path


@pytest.fixture
def landing(window: Visit, app: App) -> Iterator[Visit]:
    """The page as a first visitor meets it, before the gate."""
    with window.at(app.url):
        window.page.wait_for_selector("#oct-agree")
        yield window


@pytest.fixture
def visit(landing: Visit) -> Visit:
    """The page past its gate."""
    landing.page.click("#oct-agree")
    return landing


@pytest.fixture(scope="session")
def vessel_phantoms() -> list[Phantom]:
    return list(random_pullback(3, COUNT, size_px=SIDE).phantoms())


@pytest.fixture(scope="session")
def vessel_frames(vessel_phantoms: list[Phantom]) -> list[Frame]:
    frames = [phantom.frame for phantom in vessel_phantoms]
    frames[BLACK - 1] = np.zeros_like(frames[BLACK - 1])
    return frames


@pytest.fixture(scope="session")
def dicom(vessel_frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vessel") / "IMG001"
    streams = [jpeg(frame, quality=95, subsampling=2) for frame in vessel_frames]
    path.write_bytes(pullback_file(vessel_frames, syntax="jpeg", photometric="YBR_FULL_422", streams=streams))
    return path


@pytest.fixture
def vessel(visit: Visit, dicom: Path) -> Iterator[Visit]:
    send(visit, dicom)
    finished(visit)
    yield visit
    assert visit.complaints == []


@pytest.fixture(scope="module")
def kept_of_it() -> dict[str, str]:
    """What a page keeps of the pullback for the time when it is loaded anew, once one has shown it."""
    return {}


@pytest.fixture
def looked_at(window: Visit, app: App, dicom: Path, kept_of_it: dict[str, str]) -> Iterator[Visit]:
    """The same pullback, outlined once for all tests of a file that ask nothing of it, each with a page of its own."""
    with window.at(f"{app.url}/theme.css"):  # next to nothing, from the same place
        page = window.page
        page.evaluate(KEEP, kept_of_it)
        page.goto(app.url)
        if not kept_of_it:
            page.click("#oct-agree")
            send(window, dicom)
        finished(window)
        kept_of_it.update(page.evaluate("({ ...sessionStorage })"))
        yield window
    assert window.complaints == []


def send(visit: Visit, *paths: Path) -> None:
    visit.page.evaluate("document.querySelector('#oct-upload input[type=file]').multiple = true")
    visit.page.set_input_files("#oct-upload input[type=file]", paths)


def finished(visit: Visit, state: str = "done") -> None:
    visit.page.wait_for_selector(f".oct-pullback[data-state={state}] [data-shown]")


def shows(visit: Visit, frame: int) -> None:
    visit.page.wait_for_selector(f".oct-stage[data-shown='{frame}']")


def find_chromium() -> str | None:
    return os.environ.get("OCTSEG_CHROMIUM") or shutil.which("chromium")


def watched(page: Page) -> Visit:
    visit = Visit(page)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (visit.dialogs.append(dialog.message), dialog.dismiss()))
    return visit
