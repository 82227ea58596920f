"""All that a pullback may come in, by the same uploader: chosen, dropped, as one file, several, or a folder."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from octseg.pullback import Frame
from tests.browser.conftest import Visit, finished, send, shows
from tests.fakes.app_server import running_app
from tests.fakes.pullbacks import encoded, pictures_in, video, zipped

pytestmark = pytest.mark.browser
FRAMES = 3


@pytest.fixture(scope="session")
def few(vessel_frames: list[Frame]) -> list[Frame]:
    return vessel_frames[4 : 4 + FRAMES]


def of_kind(kind: str, frames: list[Frame], folder: Path) -> Path:
    first, *others = [Image.fromarray(frame) for frame in frames]
    path = folder / kind
    if kind in ("run.tif", "run.gif"):
        first.save(path, save_all=True, append_images=others)
    elif kind == "run.mp4":
        video(path, frames)
    else:
        path.write_bytes(zipped({f"frame_{n}.png": encoded(frame) for n, frame in enumerate(frames, start=1)}))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("run.tif", "TIFF of several pages"),
        ("run.gif", "GIF"),
        ("run.mp4", "video"),
        ("run.zip", "ZIP file of frames"),
    ],
)
def test_a_file_of_each_kind_is_taken_for_what_it_is(
    visit: Visit, few: list[Frame], tmp_path: Path, kind: str, told: str
) -> None:
    send(visit, of_kind(kind, few, tmp_path))
    finished(visit)
    assert f"{told}, {FRAMES} frames" in visit.page.inner_text(".oct-taken")
    assert "--" not in visit.page.inner_text(".oct-taken")  # options are the command's
    visit.page.focus(".oct-stage")
    visit.page.keyboard.press("End")
    shows(visit, FRAMES)


def drop(visit: Visit, target: str, *paths: Path) -> None:
    """Drop files or folders as from a window of the system."""
    box = visit.page.locator(target).bounding_box()
    assert box is not None
    data: dict[str, Any] = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = visit.page.context.new_cdp_session(visit.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 40}
        session.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})
    session.detach()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["#oct-picture", "#oct-upload"])
def test_a_folder_that_is_dropped_is_one_run(visit: Visit, few: list[Frame], tmp_path: Path, target: str) -> None:
    folder = pictures_in(tmp_path / "run", few, first=9)
    (folder / "notes.txt").write_text("no frame")
    drop(visit, target, folder)
    finished(visit)
    assert f"several files as one run, {FRAMES} frames" in visit.page.inner_text(".oct-taken")
    assert "run.zip" in visit.page.inner_text("#oct-upload").replace("\n", "")  # by the name of the folder
    visit.page.focus(".oct-stage")
    visit.page.keyboard.press("End")
    shows(visit, 9 + FRAMES - 1)  # the numbers in their names, in the order that people count in


def test_several_files_that_are_dropped_into_the_uploader_are_one_run(
    visit: Visit, few: list[Frame], tmp_path: Path
) -> None:
    drop(visit, "#oct-upload", *sorted(pictures_in(tmp_path / "run", few).iterdir()))
    finished(visit)
    assert f"{FRAMES} frames" in visit.page.inner_text(".oct-taken")


def test_several_files_are_not_called_by_the_name_of_a_file_that_nobody_sent(visit: Visit, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("notes.txt", "table.csv")]
    for file in files:
        file.write_text("no frame")
    send(visit, *files)
    said = visit.page.inner_text("#oct-picture .oct-error")
    assert "What was sent is a set of files that holds no frame that can be read" in said
    assert "frames.zip" not in said


def test_an_empty_folder_is_said_to_hold_nothing(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drop(visit, "#oct-picture", tmp_path / "empty")
    visit.page.wait_for_selector("#oct-gathering >> text=There is no file in what was given")
    visit.take_example()  # and the page works on


@pytest.mark.slow
def test_what_is_too_large_is_refused_before_it_is_sent(window: Visit, few: list[Frame], tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    with running_app(tmp_path / "app", OCTSEG_MAX_UPLOAD_BYTES="600000") as small, window.at(small.url):
        page = window.page
        page.click("#oct-agree")
        assert "up to 0.6 MB" in page.inner_text("#oct-note")
        files = sorted(pictures_in(tmp_path / "run", few).iterdir())
        send(window, *files)
        page.wait_for_selector("#oct-gathering >> text=These 3 files take")
        large = tmp_path / "large.tif"
        large.write_bytes(bytes(700_000))
        drop(window, "#oct-picture", large)
        page.wait_for_selector("#oct-gathering >> text=This file takes 1 MB, and the server takes up to 1 MB")
        assert not [request for request in window.requests if "/upload" in request]


def test_an_upload_shows_how_far_it_is(visit: Visit, dicom: Path) -> None:
    session = visit.page.context.new_cdp_session(visit.page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 300_000}
    session.send("Network.emulateNetworkConditions", slow)
    send(visit, dicom)
    visit.page.wait_for_selector("#oct-upload .uploading, #oct-upload progress", state="attached")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    session.detach()
    finished(visit)


@pytest.mark.slow
def test_first_frames_are_shown_while_the_rest_is_computed(visit: Visit, dicom: Path) -> None:
    visit.page.check("#oct-intervals input")  # so it takes seconds
    visit.page.evaluate("""() => { window.first = null; document.addEventListener("oct-shown", (event) => {
      window.first ??= event.target.dataset.state; }); }""")
    send(visit, dicom)
    visit.page.wait_for_selector(".oct-stage[data-shown]")
    assert visit.page.evaluate("window.first") == "running"
    assert visit.page.is_visible(".oct-going progress")
    visit.page.click("[data-run-asks=stop]")
    finished(visit, "stopped")
    assert "are done and stay" in visit.page.inner_text(".oct-run-said")
