"""A pullback whose page is loaded anew, closed, or left alone by its server while it runs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from playwright.sync_api import Browser, Page

from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.browser.conftest import PATIENCE_MS
from tests.fakes.app_server import App, running_app
from tests.ui.test_files import becomes_true

pytestmark = pytest.mark.slow

COUNT, SIDE = 240, 704
Living: TypeAlias = Callable[[int | None], App]


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pullback that takes long enough to be interrupted."""
    return write_dicom(tmp_path_factory.mktemp("long") / "IMG001", coded(phantom_frames(4, SIDE)) * (COUNT // 4), SIDE)


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Gives an app for all tests of this file, and another after it was killed, at a port where that is given."""
    started: list[App] = []
    with ExitStack() as stack:

        def one(port: int | None) -> App:
            if not started or started[-1].process.poll() is not None:
                settings = {"OCTSEG_LEFT_SECONDS": "3", "OCTSEG_PULLBACKS_AT_ONCE": "1"}
                started.append(stack.enter_context(running_app(tmp_path_factory.mktemp("left"), port=port, **settings)))
            return started[-1]

        yield one


@pytest.fixture
def own_app(living: Living) -> App:
    return living(None)


def begun(browser: Browser, app: App, file: Path) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(app.url)
    page.click("#oct-agree")
    page.set_input_files("#oct-upload input[type=file]", file)
    page.wait_for_selector(".oct-pullback[data-state=running]")
    return page


def done(app: App) -> int:
    return len(list(app.visitors.glob("*/masks/*.masks")))


def test_a_reload_in_mid_run_goes_on_and_a_closed_tab_ends_it(browser: Browser, own_app: App, long_file: Path) -> None:
    page = begun(browser, own_app, long_file)
    page.wait_for_selector(".oct-stage[data-shown]")
    page.reload()
    page.wait_for_selector(".oct-pullback[data-state=running] [data-shown]")
    with page.context.expect_page() as opened:
        page.evaluate("() => { window.open(location.href); }")
    opened.value.wait_for_selector(".oct-pullback[data-state=running] [data-shown]")
    opened.value.close()  # a duplicate that is closed ends nothing of the tab that it was made of
    page.wait_for_timeout(6000)  # twice what a page may be away
    assert page.get_attribute(".oct-pullback", "data-state") == "running"

    second = begun(browser, own_app, long_file)
    second.wait_for_selector(".oct-going-said >> text=Waiting: 1 pullback goes before it")
    page.context.close()
    second.wait_for_selector(".oct-pullback[data-state=running] [data-shown]")  # the first has made room
    assert COUNT > done(own_app) > 0
    second.context.close()
    last = [-1]
    assert becomes_true(lambda: not last.append(done(own_app)) and last[-1] == last[-2] and not second.context.pages)


def test_what_is_shown_stays_where_a_button_is_pressed_while_the_server_starts_again(
    browser: Browser, living: Living
) -> None:
    first = living(None)
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(first.url)
    page.click("#oct-agree")
    page.locator("[data-example]").first.click()
    page.wait_for_selector("svg.oct-picture")
    first.process.kill()
    first.process.wait()
    page.click("#oct-spacing button")
    page.wait_for_selector("#oct-away >> text=The server does not answer. What is shown stays")
    assert page.is_hidden("#oct-away button")
    living(first.port)
    page.wait_for_timeout(6000)  # Gradio's page asks every two seconds
    assert page.is_visible("svg.oct-picture")
    page.wait_for_selector("#oct-away >> text=The server answers again. What is shown stays until you load")
    assert page.locator(".toast-body").count() == 0  # Gradio's, which says for ever that it tries to reconnect
    page.click("#oct-away button")
    page.wait_for_selector("svg.oct-picture", state="detached")
    page.locator("[data-example]").nth(1).click()  # the page works on
    page.wait_for_selector("svg.oct-picture")
    page.context.close()


def test_a_server_that_was_killed_is_a_sentence_and_what_is_shown_stays(
    browser: Browser, own_app: App, long_file: Path
) -> None:
    page = begun(browser, own_app, long_file)
    page.wait_for_selector(".oct-stage[data-shown]")
    own_app.process.kill()
    page.wait_for_selector(".oct-run-said >> text=The server does not answer; what is shown stays.")
    assert page.is_visible(".oct-stage canvas")
    page.context.close()
