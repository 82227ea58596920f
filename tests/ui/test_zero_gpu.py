"""The app on a ZeroGPU Space, whose GPU is lent for one call, in another process. No GPU here: a package stands in."""

import asyncio
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from octseg.reading import read_pullback
from octseg.result import FrameResult
from octseg.segmenter import Segmenter
from octseg.ui.desk import Desk
from octseg.ui.examples import FOLDER
from octseg.ui.gpu import Lent
from octseg.ui.limits import ServerLimits
from octseg.ui.run import Given
from octseg.ui.showing import meet
from octseg.ui.turns import Turns, Wish
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.fakes.app_server import App, running_app
from tests.fakes.loops import run_alone

pytestmark = pytest.mark.slow

COUNT = 102  # frames: a stretch and two

# What spaces 0.51 does with a call and its result: through pickle and back, of an error the name of its class; a
# function that yields is streamed, and a duration may be a function of what is given.
SPACES = """
import inspect, pickle, sys
assert "torch" not in sys.modules, "spaces must be imported before torch"
import gradio

def GPU(task=None, *, duration=60, size="large"):
    if task is None:
        return lambda task: GPU(task, duration=duration)
    run = streamed if inspect.isgeneratorfunction(task) else called

    def lent(*given, **named):
        asked = duration(*given, **named) if callable(duration) else duration
        print(f"lends {asked} seconds", flush=True)
        return run(task, pickle.dumps((given, named)))

    return lent

def streamed(task, sent):
    given, named = pickle.loads(sent)
    try:
        for result in task(*given, **named):
            yield pickle.loads(pickle.dumps(result))
    except Exception as error:
        raise gradio.Error(type(error).__name__)

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


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More frames than one stretch has, of every second pixel: they are the sooner done."""
    streams = coded(frame[::2, ::2] for frame in phantom_frames(2, 704)) * (COUNT // 2)
    return write_dicom(tmp_path_factory.mktemp("long") / "IMG001", streams, 352)


def pullback(app: App, folder: Path, file: Path, **named: object) -> Any:
    client = Client(app.url, download_files=str(folder), verbose=False, analytics_enabled=False)
    job = client.submit(handle_file(file), **named, api_name="/segment_pullback")
    job.result()
    return job.outputs()[-1]


def test_a_pullback_is_lent_a_gpu_in_stretches_that_ask_for_as_long_as_their_frames_take(
    app: App, long_file: Path, tmp_path: Path
) -> None:
    progress, along, _ = pullback(app, tmp_path, long_file)
    assert (progress["done"], along["pullback"]["last_frame"]) == (COUNT, COUNT)
    asked = [line for line in (app.tmp / "app.log").read_text().splitlines() if line.startswith("lends")]
    assert asked[-2:] == [f"lends {10 + 15} seconds", f"lends {10 + 1} seconds"]


def test_what_a_visitor_may_ask_for_is_said_before(app: App) -> None:
    with urllib.request.urlopen(f"{app.url}/config", timeout=60) as config:
        said = config.read().decode()
    assert "20 s for a frame, 25 s for each 100 frames of a pullback" in said


def test_where_the_quota_ends_what_is_done_stays(
    app: App, segmenter: Segmenter, long_file: Path, tmp_path: Path
) -> None:
    def stretches(path: str, *_: object, **__: object) -> Iterator[FrameResult]:
        yield from segmenter.segment_pullback(path, last=2)
        raise gr.Error("You have exceeded your <b>GPU quota</b>.")

    lent = Lent(segmenter.segment, stretches)
    desk = Desk(segmenter, ServerLimits(), tmp_path, lent)
    run = desk.pullback(read_pullback(long_file), long_file, Given(kind=""))
    run.begin()
    run.wait(120)
    assert (run.progress.state, run.progress.done) == ("failed", 2)
    assert run.progress.sentence == "You have exceeded your GPU quota. What is done stays."


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
