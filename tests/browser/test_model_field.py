"""Another model by its name on the Hub, in Chromium, against the loopback Hub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from octseg.pretrained import BUNDLED
from tests.browser.conftest import Visit
from tests.fakes.app_server import running_app
from tests.fakes.hub.client import environment
from tests.fakes.hub.server import HubServer

FILES = {name: (BUNDLED / name).read_bytes() for name in ("config.json", "model.safetensors")}


def eager() -> dict[str, bytes]:
    """The bundled model with low thresholds, which finds more of everything."""
    config = json.loads(FILES["config.json"])
    return FILES | {"config.json": json.dumps(config | {"thresholds": dict.fromkeys(config["classes"], 0.05)}).encode()}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(tmp_path / "hub") as running:
        running.create_repo("model", "lab/eager")
        running.put_commit("model", "lab/eager", eager(), lfs=("model.safetensors",))
        yield running


@pytest.fixture
def visit(window: Visit, hub: HubServer, tmp_path: Path) -> Iterator[Visit]:
    settings = {name: value for name, value in environment(hub, tmp_path).items() if name.startswith(("HF_", "HOME"))}
    with running_app(tmp_path, **settings) as app, window.at(app.url):
        window.page.click("#oct-agree")
        yield window


def name_model(visit: Visit, name: str) -> None:
    visit.page.fill("#oct-models :is(input, textarea)", name)
    visit.page.click("#oct-models button:has-text('Load and measure again')")


@pytest.mark.slow
def test_a_model_of_the_hub_takes_over_and_a_wrong_name_changes_nothing(visit: Visit, hub: HubServer) -> None:
    visit.take_example()
    before = visit.measure("lipid_core_area_mm2")
    visit.page.click("#oct-models > button")
    name_model(visit, "lab/nothing")
    problem = visit.page.wait_for_selector("#oct-models .oct-error")
    assert problem is not None
    assert "There is no repository lab/nothing on the Hub, or it is private" in problem.inner_text()
    assert "octseg-bundled" in visit.page.inner_text("#oct-model")
    assert visit.measure("lipid_core_area_mm2") == before
    with visit.new_result():
        name_model(visit, "lab/eager")
    assert visit.measure("lipid_core_area_mm2") > before
    shown = visit.page.inner_text("#oct-model")
    assert "lab/eager, from the Hub" in shown
    assert hub.head("model", "lab/eager") in shown
    assert visit.page.query_selector("#oct-models .oct-error") is None
    visit.page.uncheck("[data-tissue-switch=lipid_core]")
    assert visit.page.locator("svg.oct-picture [data-tissue=lipid_core]").first.is_hidden()
    assert visit.complaints == []


@pytest.mark.slow
def test_a_hub_that_is_gone_is_told_with_what_to_do_and_asked_again_where_it_falters(
    visit: Visit, hub: HubServer
) -> None:
    visit.page.click("#oct-models > button")
    hub.stop()
    name_model(visit, "lab/eager")
    problem = visit.page.wait_for_selector("#oct-models .oct-error")
    assert problem is not None
    said = problem.inner_text()
    assert "The Hub does not answer for lab/eager" in said
    assert said.endswith("try again in a minute, or name a folder on this machine.")
    assert "octseg-bundled" in visit.page.inner_text("#oct-model")
    hub.start()
    falters = hub.fail("GET /api/models/lab/eager", "status", times=2)
    name_model(visit, "lab/eager")
    visit.page.wait_for_selector("#oct-model:has-text('lab/eager, from the Hub')")
    assert falters.met == 2
    assert visit.page.query_selector("#oct-models .oct-error") is None
