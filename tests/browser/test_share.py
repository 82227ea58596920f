"""Sharing from the page in a real browser, on one's own machine, on a server for others, and on a Space."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Error, Request

from octseg.dataset.publishing import PRIVATE_KEYWORD, PRIVATE_TEXT
from octseg.phantom import make_phantom
from octseg.ui.limits import ServerLimits
from octseg.ui.share import Door, door
from tests.browser.conftest import Visit
from tests.fakes.app_server import App, running_app
from tests.fakes.hub.client import environment
from tests.fakes.hub.server import HubServer

pytestmark = pytest.mark.browser

SPACE = {"SYSTEM": "spaces", "SPACE_ID": "lab/octseg"}
SIGN_IN = dict.fromkeys(("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"), "x")


class Sharing:
    """A visit whose part for sharing is open, and every answer that the page got."""

    def __init__(self, visit: Visit, app: App) -> None:
        self.visit, self.page, self.app = visit, visit.page, app
        self.answered: list[Request] = []
        self.page.on("requestfinished", self._note)

    def leave(self) -> None:
        self.page.remove_listener("requestfinished", self._note)

    def open(self) -> None:
        """From landing to a result and the open part."""
        self.page.wait_for_selector("#oct-agree", state="attached")
        if self.page.locator("#oct-agree").is_visible():  # not after signing in
            self.page.click("#oct-agree")
        self.visit.take_example()
        self.page.click("#oct-share > button")
        self.page.wait_for_selector("#oct-share button:has-text('Show what would be sent'):not([disabled])")

    def look(self) -> str:
        """Ask what would be sent; what is said then."""
        self.page.click("#oct-share button:has-text('Show what would be sent')")
        return self._said(".oct-offer")

    def send(self) -> str:
        self.page.click("#oct-send")
        return self._said(".oct-shared")

    def undo(self) -> str:
        self.page.click("#oct-undo")
        return self._said(".oct-shared:has-text('Taken back')")

    def fill(self, label: str, value: str) -> None:
        self.page.fill(f"#oct-share label:has-text('{label}') :is(input, textarea)", value)

    def _note(self, request: Request) -> None:
        self.answered.append(request)

    def _said(self, awaited: str) -> str:
        self.page.wait_for_selector(f"#oct-share-said :is({awaited}, .oct-share-problem)")
        return self.page.locator("#oct-share-said").inner_text().strip()

    def everything(self) -> str:
        """The page as it stands, every answer to it, and what the server logged."""
        bodies = [_text(request) for request in self.answered]
        return "\n".join([self.page.content(), *bodies, (self.app.tmp / "app.log").read_text()])


def _text(request: Request) -> str:
    """The answer's text; "" for pictures, redirects, and what the browser dropped when it went to another page."""
    answer = request.response()
    kind = answer.headers.get("content-type", "") if answer and answer.ok else ""
    if answer is None or "/assets/" in request.url or not kind.startswith(("text/", "application/json")):
        return ""
    try:
        return answer.text()
    except Error:
        return ""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def host_token(hub: HubServer) -> str:
    """The token of whoever runs the app."""
    return hub.add_user("host")


@contextmanager
def app_of(hub: HubServer, folder: Path, token: str, **more: str) -> Iterator[App]:
    given = {name: value for name, value in environment(hub, folder, token).items() if name.startswith("HF_")}
    with running_app(folder, **given, **more) as app:
        yield app


@pytest.fixture(scope="module")
def own_app(hub: HubServer, host_token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app_of(hub, tmp_path_factory.mktemp("own"), host_token) as app:
        yield app


@contextmanager
def sharing_at(window: Visit, app: App, url: str) -> Iterator[Sharing]:
    sharing = Sharing(window, app)
    try:
        with window.at(url, (1440, 1000)):
            yield sharing
    finally:
        sharing.leave()


@pytest.fixture
def sharing(window: Visit, own_app: App) -> Iterator[Sharing]:
    with sharing_at(window, own_app, own_app.url) as opened:
        opened.open()
        yield opened


def writes(hub: HubServer) -> list[str]:
    """What was asked of the Hub that changes it."""
    return [request.path for request in hub.requests if request.method != "GET" and request.method != "HEAD"]


def test_a_result_is_listed_then_sent_then_taken_back(hub: HubServer, sharing: Sharing) -> None:
    hub.clear_requests()
    sharing.fill("Repository", "host/first")
    offered = sharing.look()
    assert "host/first, a new private dataset repository" in offered
    assert offered.count("cases/") == 6
    assert "look at it for a name or a date that is burned in" in offered
    assert writes(hub) == []
    assert sharing.page.inner_text("#oct-send") == "Upload 6 files to host/first, private"
    assert sharing.send().startswith("Shared: commit")
    commit = hub.head("dataset", "host/first")
    link = f"{hub.url}/datasets/host/first/commit/{commit}"
    assert sharing.page.get_attribute(".oct-shared a", "href") == link
    assert hub.is_private("dataset", "host/first")
    assert "The history of the repository still holds it" in sharing.undo()
    assert not any(path.startswith("cases/") for path in hub.files("dataset", "host/first"))
    assert sharing.visit.complaints == []


@pytest.mark.slow
def test_what_was_listed_is_no_longer_offered_once_something_changes(sharing: Sharing) -> None:
    sharing.look()
    sharing.fill("Repository", "host/other")
    sharing.page.wait_for_selector("#oct-send", state="hidden")
    assert sharing.page.locator(".oct-offer").count() == 0
    sharing.look()
    sharing.visit.take_example(1)
    sharing.page.wait_for_selector("#oct-send", state="hidden")


@pytest.mark.slow
def test_a_public_repository_takes_a_tick(hub: HubServer, sharing: Sharing) -> None:
    hub.create_repo("dataset", "host/open")
    sharing.fill("Repository", "host/open")
    assert "host/open is public, so everybody could see what is sent there" in sharing.look()
    sharing.page.check("#oct-share label:has-text('Everybody may see it') input")
    sharing.page.wait_for_selector(".oct-share-problem", state="detached")
    assert "host/open, a public dataset repository" in sharing.look()
    assert sharing.page.inner_text("#oct-send").endswith("host/open, public")
    assert sharing.send().startswith("Shared: commit")


@pytest.mark.slow
def test_a_refusal_is_one_sentence_in_place_and_names_no_token(hub: HubServer, sharing: Sharing) -> None:
    wrong = "hf_WrongToken" + "7" * 20
    sharing.fill("Token", wrong)
    said = sharing.look()
    assert len(said.splitlines()) == 1
    assert "does not take the token" in said
    assert any(request.token == wrong for request in hub.requests)
    assert wrong not in sharing.everything()


@pytest.mark.slow
def test_a_typed_token_is_used_in_place_of_the_machines_and_shown_nowhere(hub: HubServer, sharing: Sharing) -> None:
    token = hub.add_user("kim")
    hub.clear_requests()
    sharing.fill("Token", token)
    assert "kim/octseg-results" in sharing.look()
    sharing.send()
    assert {request.token for request in hub.requests if request.origin == "hub"} == {token}
    assert token not in sharing.everything()


def test_the_machines_token_is_shown_nowhere(sharing: Sharing, host_token: str) -> None:
    sharing.look()
    sharing.send()
    assert host_token not in sharing.everything()


def test_a_frame_that_is_marked_as_private_is_not_shared(hub: HubServer, sharing: Sharing, tmp_path: Path) -> None:
    mark = PngInfo()
    mark.add_text(PRIVATE_KEYWORD, PRIVATE_TEXT)
    Image.fromarray(make_phantom(7).frame).save(tmp_path / "frame.png", pnginfo=mark)
    sharing.visit.upload(tmp_path / "frame.png")
    hub.clear_requests()
    assert "bears the mark of private frames" in sharing.look()
    assert hub.requests == []


@pytest.mark.slow
def test_a_server_for_others_never_uses_its_own_token(
    hub: HubServer, host_token: str, window: Visit, tmp_path: Path
) -> None:
    hub.clear_requests()
    with (
        app_of(hub, tmp_path, host_token, GRADIO_SERVER_NAME="0.0.0.0") as app,
        sharing_at(window, app, app.url) as opened,
    ):
        opened.open()
        assert opened.look() == "Type a token first."
    assert hub.requests == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "own"),
        ({"GRADIO_SERVER_NAME": "localhost"}, "own"),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, "typed"),
        (SPACE, "closed"),
        ({"SPACE_ID": "lab/octseg", **SIGN_IN}, "closed"),
        (SPACE | SIGN_IN, "sign-in" if find_spec("authlib") else "closed"),
    ],
)
def test_whose_token_is_used_depends_on_where_the_page_runs(given: dict[str, str], expected: Door) -> None:
    assert door(given, ServerLimits()) == expected


def test_behind_a_proxy_visitors_are_not_the_owner() -> None:
    assert door({}, ServerLimits(trusted_proxies=1)) == "typed"


def test_there_is_no_sign_in_where_it_is_not_set_up(own_app: App) -> None:
    for path in ("/login/huggingface", "/login/callback", "/logout"):
        with pytest.raises(HTTPError) as refused:
            urlopen(own_app.url + path, timeout=10)
        assert refused.value.code == 404


@pytest.mark.slow
@pytest.mark.skipif(find_spec("authlib") is None, reason="gradio[oauth] is not installed")
def test_on_a_space_a_visitor_signs_in_and_shares_under_their_own_name(
    hub: HubServer, host_token: str, window: Visit, tmp_path: Path
) -> None:
    hub.add_user("bea")
    hub.browser_user = "bea"
    given = {**SPACE, **hub.add_oauth_app("space-1", "contribute-repos"), "AUTHLIB_INSECURE_TRANSPORT": "1"}
    hub.clear_requests()
    with (
        app_of(hub, tmp_path, host_token, **given, GRADIO_SERVER_NAME="127.0.0.1") as app,
        sharing_at(window, app, f"http://localhost:{app.port}") as opened,  # a Secure cookie is kept for localhost
    ):
        opened.open()
        assert opened.look() == "Sign in first."
        assert hub.requests == []
        opened.page.click("#oct-sign-in")
        opened.page.click("button:has-text('Authorize')")
        opened.page.wait_for_selector("#oct-upload input[type=file]", state="attached")
        opened.open()
        assert "bea/octseg-results, a new private dataset repository" in opened.look()
        assert opened.send().startswith("Shared: commit")
        assert "Taken back" in opened.undo()
        used = {request.token for request in hub.requests if (request.token or "").startswith("hf_")}
        (visitors,) = used
        assert visitors.startswith("hf_oauth_")
        everything = opened.everything()
    assert host_token not in used
    assert host_token not in everything
    assert visitors not in everything
