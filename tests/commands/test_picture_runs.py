"""Pictures of a folder: which of them are the frames of one pullback, and what is said where they are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.commands.inputs import find_items
from octseg.commands.picture_runs import runs_in
from octseg.reading import read_pullback
from tests.fakes import pullbacks
from tests.fakes.commands import QUICK

FRAME = np.zeros((40, 40, 3), np.uint8)
ONE_BY_ONE = "pictures of run are measured one by one, so there is no run_pullback.json with lengths and volumes: "


def folder_of(root: Path, *names: str, frame: np.ndarray = FRAME) -> Path:
    """Pictures of these names, all alike."""
    folder = root / "run"
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.fromarray(frame).save(folder / name)
    return folder


def notes(folder: Path, spacing_mm: float | None = 0.2) -> str:
    """What is said of it; it holds no run."""
    runs = runs_in(find_items([folder], folder.parent / "out").items, spacing_mm)
    assert not runs.all
    return " ".join(runs.notes)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["P1_001.png", "P1_002.png", "P2_003.png", "P2_004.png"], "their names tell of 2 runs (P1_..., P2_...)"),
        (["a.png", "b.png"], "a.png has no frame's number in its name"),
        (["f1.png", "f2.png", "f1.jpg", "f2.jpg"], "f1.jpg and f1.png bear one number"),
        (["f1.png", "f2.png", "f3.png", "f3 (1).png"], "not named as the others are: f3 (1).png"),
    ],
)
def test_names_that_make_no_run_say_why_where_a_distance_is_given(tmp_path: Path, names: list[str], why: str) -> None:
    assert f"the {len(names)} {ONE_BY_ONE}{why}" in notes(folder_of(tmp_path, *names))


def test_pictures_of_several_sizes_and_such_of_several_frames_say_why(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "f1.png")
    Image.fromarray(FRAME[:-2]).save(folder / "f2.png")
    assert "they are of several sizes" in notes(folder)
    for name in ("f1", "f2"):
        (folder / f"{name}.png").unlink()
        Image.fromarray(FRAME).save(folder / f"{name}.tif", save_all=True, append_images=[Image.fromarray(FRAME)])
    assert "hold several frames" in notes(folder)


def test_without_a_distance_only_names_that_are_like_those_of_runs_say_why(tmp_path: Path) -> None:
    """Frames of many patients in one folder are no pullback that nobody measured."""
    assert notes(folder_of(tmp_path, *(f"{patient}_{patient * 7}.png" for patient in range(1, 9))), None) == ""
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    copies = [*(f"f{number}.png" for number in range(1, 9)), "f3 (1).png", "cover.png"]
    assert "cover.png has no frame's number" in notes(folder_of(tmp_path, *copies), None)


@pytest.mark.parametrize(("count", "spacing_mm", "is_said"), [(5, None, True), (4, None, False), (5, 0.2, False)])
def test_pictures_that_may_be_a_pullback_say_what_they_lack(
    tmp_path: Path, count: int, spacing_mm: float | None, is_said: bool
) -> None:
    folder = folder_of(tmp_path, *(f"P1_{number:03d}.png" for number in range(1, count + 1)))
    runs = runs_in(find_items([folder], tmp_path / "out").items, spacing_mm)
    said = "the 5 pictures of run are numbered as the frames of one pullback are, but nothing tells how far"
    assert (said in " ".join(runs.notes)) is is_said
    assert len(runs.all) == (spacing_mm is not None)


def test_what_is_of_another_size_does_not_end_a_run_and_is_named(tmp_path: Path) -> None:
    """As thumbnails, or a picture of the whole screen, beside the frames."""
    folder = folder_of(tmp_path, "f1.png", "f2.png", "f3.png")
    Image.fromarray(FRAME[:20, :20]).save(folder / "f2_thumb.png")
    runs = runs_in(find_items([folder], tmp_path / "out").items, 0.2)
    (run,) = runs.all
    assert ([*run.numbers.values()], run.name) == ([1, 2, 3], "run")
    assert folder / "f2_thumb.png" not in runs.of_picture
    assert "of another size than the 3 frames, and measured by itself: f2_thumb.png" in run.warnings


@pytest.mark.parametrize(
    ("given", "numbers", "said"),
    [
        ((4, 5, 8, 9), [4, 5, 8, 9], "2 frames are missing (6 to 7): their places are kept"),
        ((1, 3, 5, 7), [1, 2, 3, 4], "rise by 2: frames between them are not here, so they are numbered from 1"),
        ((1, 2, 90), [1, 2, 3], "87 frames are missing (3 to 89): frames behind them are shifted"),
        ((0, 1, 2), [0, 1, 2], None),
    ],
)
def test_a_folder_and_a_zip_file_number_the_same_pictures_alike(
    tmp_path: Path, given: tuple[int, ...], numbers: list[int], said: str | None
) -> None:
    frames = pullbacks.frames(len(given))
    members = {f"f_{number}.png": pullbacks.encoded(frame) for number, frame in zip(given, frames, strict=True)}
    folder = folder_of(tmp_path)
    for name, content in members.items():
        (folder / name).write_bytes(content)
    (run,) = runs_in(find_items([folder], tmp_path / "out").items, 0.2).all
    assert [*run.numbers.values()] == numbers
    zipped = read_pullback(pullbacks.zipped(members), name="run.zip")
    shown = [zipped.first_number + place for place, frame in enumerate(zipped) if frame.any()]
    assert shown == numbers
    assert len(zipped) == numbers[-1] - numbers[0] + 1
    for warnings in (run.warnings, zipped.warnings):
        assert any(said in sentence for sentence in warnings) if said else not warnings


def test_a_gap_in_the_numbers_is_as_long_in_a_folder_as_in_a_zip_file(phantoms: Path, tmp_path: Path) -> None:
    frame = np.asarray(Image.open(phantoms / "phantom_0001.png"))
    members = {f"f_{number}.png": pullbacks.encoded(frame) for number in (1, 2, 5)}
    folder = folder_of(tmp_path)
    for name, content in members.items():
        (folder / name).write_bytes(content)
    (tmp_path / "run.zip").write_bytes(pullbacks.zipped(members))
    told = []
    for given in (folder, tmp_path / "run.zip"):
        out = tmp_path / f"out {given.name}"
        assert main(["predict", str(given), "--frame-spacing=0.2", "--out", str(out), "--no-overlay", *QUICK]) == 0
        told.append(json.loads((out / "run_pullback.json").read_text())["pullback"])
    assert told[0] == told[1]
    assert (told[0]["length_mm"], told[0]["frame_count"], told[0]["withdrawn_frame_count"]) == (1.0, 5, 2)


def test_a_frame_that_is_there_twice_under_two_numbers_is_told(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [np.asarray(Image.open(phantoms / f"phantom_000{number}.png")) for number in (1, 1, 2)]
    for count, is_told in ((3, True), (2, False)):
        folder = pullbacks.pictures_in(tmp_path / f"run{count}", frames[-count:], "P_{:03d}.png")
        out = tmp_path / f"out{count}"
        assert main(["predict", str(folder), "--frame-spacing=0.2", "--out", str(out), "--no-overlay", *QUICK]) == 0
        assert ("the very frames before them" in capsys.readouterr().err) is is_told
        told = json.loads((out / f"run{count}_pullback.json").read_text())["warnings"]
        assert any("the very frames before them" in sentence for sentence in told) is is_told
