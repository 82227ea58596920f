"""A pullback on the page where its frames come late, or the network is away for a while."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import COUNT, Visit, send, shows

pytestmark = pytest.mark.browser
LATER_FRAMES = re.compile(r"/000[2-9]\.(jpg|json)$")
LAST = f"/{COUNT:04}.jpg"
SOON_MS, QUIET_MS, MOST_LOOKS = 10_000, 3000, 10  # at one look in 0.7 s


@dataclass
class Network:
    """What becomes of requests for all frames but the first: they wait, fail, or go on."""

    is_away: bool = False
    waiting: list[Route] | None = field(default_factory=list)

    def take(self, route: Route) -> None:
        if self.is_away:
            route.abort()
        elif self.waiting is None:
            route.continue_()
        else:
            self.waiting.append(route)

    def leave(self) -> None:
        self.is_away = True
        for route in self._waited():
            route.abort()

    def back(self) -> None:
        self.is_away = False
        for route in self._waited():
            route.continue_()

    def _waited(self) -> list[Route]:
        waited, self.waiting = self.waiting or [], None
        return waited


@pytest.fixture
def network(window: Visit) -> Iterator[Network]:
    held = Network()
    window.page.route(LATER_FRAMES, held.take)
    yield held
    window.page.unroute(LATER_FRAMES)


@pytest.fixture
def slow(network: Network, looked_at: Visit) -> Iterator[Visit]:
    """The pullback, of which the first frame has come."""
    yield looked_at
    looked_at.complaints[:] = [each for each in looked_at.complaints if "net::ERR" not in each]


def test_a_frame_that_comes_late_is_told_and_what_is_seen_meanwhile_is_named(slow: Visit, network: Network) -> None:
    page = slow.page
    shows(slow, 1)
    page.focus(".oct-stage")
    page.keyboard.press("End")
    page.wait_for_selector(f".oct-stage-said:has-text('Frame {COUNT} is on its way, this is frame 1')")
    assert page.inner_text("#oct-beside .oct-whose") == f"Of frame 1, frame {COUNT} is on its way"
    page.wait_for_function("getComputedStyle(document.querySelector('.oct-stage canvas')).opacity < 0.5")
    page.wait_for_function("getComputedStyle(document.querySelector('#oct-beside > :last-child')).opacity < 0.5")
    network.back()
    shows(slow, COUNT)
    page.wait_for_selector("#oct-beside:not([aria-busy])")
    assert page.locator(".oct-whose, .oct-stage[aria-busy]").count() == 0
    assert page.is_hidden(".oct-stage-said")


def test_who_goes_back_before_a_late_frame_came_sees_the_first_one_as_it_was(slow: Visit) -> None:
    page = slow.page
    shows(slow, 1)
    before = page.inner_text("#oct-beside")
    page.focus(".oct-stage")
    page.keyboard.press("End")
    page.wait_for_selector("#oct-beside .oct-whose")
    page.keyboard.press("Home")
    page.wait_for_selector("#oct-beside:not([aria-busy])")
    assert page.inner_text("#oct-beside") == before
    assert page.is_hidden(".oct-stage-said")


def test_a_frame_that_comes_late_while_all_are_played_leaves_no_mark(slow: Visit, network: Network) -> None:
    """At 30 a second the next frame is shown before anything that waits for 40 ms after the last."""
    page = slow.page
    page.select_option("[data-cine]", "30")
    page.click("[data-play]")
    page.wait_for_selector(".oct-stage-said:has-text('is on its way')")
    network.back()
    shows(slow, COUNT)
    page.wait_for_selector(".oct-stage:not([aria-busy])", timeout=SOON_MS)
    page.wait_for_selector("#oct-beside:not([aria-busy])", timeout=SOON_MS)
    assert page.get_attribute("[data-play]", "aria-pressed") == "true"
    page.click("[data-play]")


def test_a_frame_that_the_network_failed_for_comes_by_itself_when_it_is_back(slow: Visit, network: Network) -> None:
    page = slow.page
    network.leave()
    page.focus(".oct-stage")
    page.keyboard.press("End")
    page.wait_for_selector(f".oct-stage-said:has-text('Frame {COUNT} comes when the server answers again')")
    network.back()
    shows(slow, COUNT)
    page.wait_for_selector("#oct-beside:not([aria-busy])")
    assert page.is_hidden(".oct-stage-said")


def test_the_other_frames_are_fetched_when_the_network_is_back(slow: Visit, network: Network) -> None:
    network.leave()
    slow.page.wait_for_timeout(QUIET_MS)
    with slow.page.expect_response(lambda response: response.url.endswith(LAST) and response.ok):
        network.back()


def test_a_server_that_is_away_is_asked_once_at_a_time_however_much_is_wanted_of_it(vessel: Visit) -> None:
    page = vessel.page
    page.route("**/run.json", lambda route: route.abort())
    for _ in range(3):
        page.dispatch_event(".oct-pullback [data-frame-spacing]", "keydown", {"key": "Enter"})
    page.wait_for_timeout(3 * QUIET_MS)  # until nobody waits for an answer any more
    known = len(vessel.requests)
    page.wait_for_timeout(QUIET_MS)
    assert 1 <= sum(url.endswith("/run.json") for url in vessel.requests[known:]) <= MOST_LOOKS
    page.unroute("**/run.json")
    vessel.complaints[:] = [each for each in vessel.complaints if "net::ERR" not in each]


def test_a_run_that_the_server_forgot_is_no_longer_shown_as_going(visit: Visit, dicom: Path) -> None:
    looks = count(1)

    def running_then_gone(route: Route) -> None:
        if next(looks) > 2:
            route.fulfill(status=404)
            return
        route.fulfill(json=route.fetch().json() | {"state": "running"})

    visit.page.route("**/run.json", running_then_gone)
    send(visit, dicom)
    visit.page.wait_for_selector(".oct-going:not([hidden])")
    visit.page.wait_for_selector(".oct-run-said:has-text('The server no longer holds this pullback')")
    assert visit.page.is_hidden(".oct-going")
    visit.page.unroute("**/run.json")
