"""What a page asks of its pullback, in the order in which it was asked and not in which it arrives."""

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import octseg
from octseg.errors import OctsegError
from octseg.measurement.pullback import FrameAlong
from octseg.reading import read_pullback
from octseg.ui.limits import ServerLimits
from octseg.ui.markup import in_call, on_page
from octseg.ui.model_turns import ModelTurns
from octseg.ui.run import Given, PullbackRun, Runs
from tests.fakes.dicom_files import pullback_file
from tests.fakes.exported import frame_of

COUNT = 4


@pytest.fixture
def run(tmp_path: Path, segmenter: octseg.Segmenter) -> PullbackRun:
    """All its frames done, each with a lumen."""
    pullback = read_pullback(pullback_file([frame_of(number) for number in range(1, COUNT + 1)]))
    made = PullbackRun(
        pullback, Given(kind=""), tmp_path / "file", tmp_path, segmenter, ModelTurns(1), Runs(ServerLimits())
    )
    made.frames = [FrameAlong(frame=number, lumen_area_px=100.0 * number) for number in range(1, COUNT + 1)]
    return made


def told(run: PullbackRun) -> dict[str, Any]:
    return dict(json.loads((run.folder / "run.json").read_text()))


def test_one_that_never_begins_keeps_no_server_waiting_that_is_stopped(run: PullbackRun) -> None:
    """As of a call that is refused for a format that cannot be made."""
    assert run.is_over
    run.wait(3600)


def test_of_two_ranges_the_one_that_was_asked_later_stays(run: PullbackRun) -> None:
    run.ask(frames=(2, 3), asked=2000.0)
    run.ask(frames=(1, 2), asked=1000.0)
    assert (told(run)["range"], told(run)["asked"]) == ([2, 3], 2000.0)
    run.ask(asked=3000.0)
    assert (told(run)["range"], told(run)["asked"]) == (None, 3000.0)


def test_a_range_that_arrives_after_a_newer_spacing_counts(run: PullbackRun) -> None:
    run.ask(frame_spacing_mm=0.5, asked=2000.0)
    run.ask(frames=(2, 3), asked=1000.0)
    assert (told(run)["range"], told(run)["frame_spacing_mm"]) == ([2, 3], 0.5)


def test_files_of_a_pullback_that_was_stopped_say_how_much_of_it_they_are(
    tmp_path: Path, segmenter: octseg.Segmenter
) -> None:
    pullback = read_pullback(pullback_file([frame_of(number) for number in range(1, 31)]))
    run = PullbackRun(
        pullback, Given(kind=""), tmp_path / "file", tmp_path, segmenter, ModelTurns(1), Runs(ServerLimits())
    )
    run.begin()
    while not run.progress.done:
        time.sleep(0.01)
    run.stop()
    run.wait(60)
    run.ask_files(["tables"], asked=0.0)
    while not run.downloads.is_over:
        time.sleep(0.01)
    with zipfile.ZipFile(run.downloads.latest().zip_file()) as archive:
        record = json.loads(next(archive.read(name) for name in archive.namelist() if "_pullback" in name))
    said = f"These are the first {run.progress.done} of 30 frames: the others were not outlined when this was made."
    assert record["warnings"][0] == said


def test_a_run_of_the_same_file_keeps_the_range_and_the_spacing_that_was_entered(
    run: PullbackRun, tmp_path: Path, segmenter: octseg.Segmenter
) -> None:
    run.ask(frames=(2, 3), asked=1000.0)
    run.ask(frame_spacing_mm=0.5, asked=2000.0)
    for name, kept in (("file", ([2, 3], 0.5)), ("other", (None, None))):
        folder = tmp_path / f"run of {name}"
        folder.mkdir()
        source, turns, runs = tmp_path / name, ModelTurns(1), Runs(ServerLimits())
        pullback = read_pullback(pullback_file([frame_of(number) for number in range(1, COUNT + 1)]))
        anew = PullbackRun(pullback, Given(kind=""), source, folder, segmenter, turns, runs)
        anew.takes_over(run)
        assert (told(anew)["range"], told(anew)["entered_spacing_mm"]) == kept


def test_why_a_spacing_is_refused_stands_there_until_another_is_taken(run: PullbackRun) -> None:
    run.refuse("spacing", "That is no number.", asked=2000.0)
    assert (told(run)["refused"], told(run)["asked"]) == ({"spacing": "That is no number."}, 2000.0)
    run.refuse("spacing", "Too late.", asked=1000.0)
    assert told(run)["refused"] == {"spacing": "That is no number."}
    run.ask(frame_spacing_mm=0.5, asked=3000.0)
    assert told(run)["refused"] == {}


def test_a_spacing_that_no_pullback_has_changes_nothing(run: PullbackRun) -> None:
    before = told(run)
    with pytest.raises(OctsegError, match="70 mm is outside"):
        run.ask(frame_spacing_mm=70.0, asked=1000.0)
    assert told(run) == before


@pytest.mark.parametrize(
    ("words", "said"), [(on_page, "enter it in mm under the curves"), (in_call, "give it in mm (frame_spacing_mm)")]
)
def test_files_name_the_field_of_who_reads_them_and_no_option_of_the_command(
    tmp_path: Path, segmenter: octseg.Segmenter, words: Callable[[str], str], said: str
) -> None:
    pullback = read_pullback(pullback_file([frame_of(number) for number in (1, 2)]))
    given = Given(kind="", words=words)
    run = PullbackRun(pullback, given, tmp_path / "file", tmp_path, segmenter, ModelTurns(1), Runs(ServerLimits()))
    run.begin()
    run.wait(60)
    run.ask_files(["report", "tables"], asked=0.0)
    while not run.downloads.is_over:
        time.sleep(0.01)
    with zipfile.ZipFile(run.downloads.latest().zip_file()) as archive:
        held = {Path(name).name.split("_")[-1]: archive.read(name).decode() for name in archive.namelist()}
    assert {name for name, text in held.items() if said in text} >= {"report.html", "pullback.json", "measures.json"}
    assert [name for name, text in held.items() if "--frame-spacing" in text] == []
    run.ask(frame_spacing_mm=0.5, asked=1.0)
    run.ask_files(["tables"], asked=1.0)
    while not run.downloads.is_over:
        time.sleep(0.01)
    with zipfile.ZipFile(run.downloads.latest().zip_file()) as archive:
        record = json.loads(next(archive.read(name) for name in archive.namelist() if name.endswith("measures.json")))
        assert [name for name in archive.namelist() if said in archive.read(name).decode()] == []
    spacings = {(frame["frame_spacing_mm"], frame["frame_spacing_source"]) for frame in record["frames"]}
    assert spacings == {(0.5, "user")}  # and no frame says any more that it is not known
