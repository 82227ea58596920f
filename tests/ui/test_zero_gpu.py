"""The app on a ZeroGPU Space, whose GPU is lent for one call, in another process. No GPU here: a package stands in."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from octseg.ui.examples import FOLDER
from octseg.ui.showing import meet
from octseg.ui.turns import Turns, Wish
from tests.fakes.app_server import App, running_app
from tests.fakes.loops import run_alone

# What spaces 0.51 does with a call and its result: through pickle and back, and of an error the name of its class.
SPACES = """
import pickle, sys
assert "torch" not in sys.modules, "spaces must be imported before torch"
import gradio

def GPU(duration):
    print(f"lends {duration} seconds", flush=True)
    return lambda task: lambda *given, **named: called(task, pickle.dumps((given, named)))

def called(task, sent):
    given, named = pickle.loads(sent)
    try:
        return pickle.loads(pickle.dumps(task(*given, **named)))
    except Exception as error:
        raise gradio.Error(type(error).__name__)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    tmp = tmp_path_factory.mktemp("zero_gpu")
    (tmp / "packages").mkdir()
    (tmp / "packages" / "spaces.py").write_text(SPACES)
    with running_app(tmp, python=sys.executable, PYTHONPATH=str(tmp / "packages")) as running:
        yield running


def measures(app: App, folder: Path, **named: object) -> dict[str, Any]:
    client = Client(app.url, download_files=str(folder), verbose=False, analytics_enabled=False)
    frame = handle_file(FOLDER / "two_cores.jpg")
    told: dict[str, Any] = client.predict(frame, **named, api_name="/segment")[0]
    return told


def test_a_frame_is_outlined_on_a_gpu_that_is_asked_for_20_seconds(app: App, tmp_path: Path) -> None:
    assert measures(app, tmp_path)["frames"][0]["lumen_area_px"] > 0
    assert "lends 20 seconds" in (app.tmp / "app.log").read_text()


def test_what_the_visitor_can_mend_is_told_as_without_a_gpu(app: App, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="the presets are 704, 1024, 5 mm, 7 mm, 10 mm"):
        measures(app, tmp_path, preset="512")


def test_a_page_whose_gpu_is_refused_tells_its_visitor_and_a_newer_wish_is_not_told_of_it() -> None:
    def refused(*_: object, **__: object) -> None:
        raise gr.Error("You have exceeded your ZeroGPU quota")

    async def met(turns: Turns, then: Wish | None) -> list[object]:
        await turns.ask(Wish(file=FOLDER / "two_cores.jpg", uncertainty=False), 1)
        running = meet(SimpleNamespace(segment=refused), SimpleNamespace(), turns)  # type: ignore[arg-type]
        step = asyncio.ensure_future(anext(running, None))
        await asyncio.sleep(0)  # the run has taken its wish
        if then is not None:
            await turns.ask(then, 2)
        return [await step]

    with pytest.raises(gr.Error, match="exceeded your ZeroGPU quota"):
        run_alone(met(Turns(), None))
    assert run_alone(met(Turns(), Wish(file=FOLDER / "no_lipid.jpg", uncertainty=False))) == [None]
