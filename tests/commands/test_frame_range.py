"""`--frames`: numbers from 1, both ends included, of each pullback."""

from argparse import ArgumentTypeError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.commands.frame_range import FrameRange
from octseg.errors import ReadError
from octseg.phantom import random_pullback
from octseg.pullback import Pullback
from tests.fakes import pullbacks
from tests.fakes.commands import QUICK, measures, names


def of_numbers(count: int, first: int = 1) -> Pullback:
    """A pullback whose frames have their own numbers as grey levels."""
    frames = [np.full((40, 40, 3), number, np.uint8) for number in range(first, first + count)]
    return Pullback(name="run", frame_count=count, read_frames=lambda: iter(frames), first_number=first)


def numbers(text: str, pullback: Pullback) -> list[int]:
    """Those of the frames that a range has of a pullback."""
    return [int(frame[0, 0, 0]) for frame in pullback.frames(*FrameRange.parse(text).within(pullback))]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(("3-5", [3, 4, 5]), ("8-", [8, 9, 10]), ("-2", [1, 2]), ("4", [4]), ("10-99", [10]), ("2–3", [2, 3])),
        *(("2 - 3", [2, 3]), ("3.0", [3]), ("3,00", [3]), ("2.0\u00a0– 3.0", [2, 3]), ("9 -", [9, 10])),
    ],
)
def test_a_range_has_both_its_ends(text: str, wanted: list[int]) -> None:
    assert numbers(text, of_numbers(10)) == wanted


def test_frames_are_chosen_by_the_numbers_that_they_bear() -> None:
    assert numbers("103-104", of_numbers(10, first=101)) == [103, 104]


def test_a_range_from_0_is_of_frames_whose_names_count_from_0_and_is_told_of_others() -> None:
    assert numbers("0-1", of_numbers(10, first=0)) == [0, 1]
    assert numbers("0-2", of_numbers(10)) == [1, 2]
    asked = FrameRange.parse("0-2")
    assert asked.beyond(of_numbers(10, first=0)) == []
    assert asked.beyond(of_numbers(10)) == ["--frames 0-2 begins before its first frame, 1"]


def test_a_range_to_the_end_of_a_pullback_reads_on_until_it_ends() -> None:
    """Where a file tells only there that it ends early."""
    assert FrameRange.parse("3-99").within(of_numbers(10)) == (2, None)
    assert FrameRange.parse("3-9").within(of_numbers(10)) == (2, 9)


def test_a_range_behind_the_last_frame_is_refused_with_what_there_is() -> None:
    with pytest.raises(ReadError, match=r"^run has frames 1 to 10, and --frames 20-30 asks for none of them$"):
        FrameRange.parse("20-30").within(of_numbers(10))


@pytest.mark.parametrize("text", ["", "-", "a-b", "5-3", "1-2-3", "1.5", "1 2", "1,000", "3.-", "--3", "²"])
def test_what_is_no_range_is_a_wrong_flag(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        FrameRange.parse(text)


def test_a_range_of_a_pullback_is_named_measured_and_told_by_its_numbers(
    pullback: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["predict", str(pullback), "--out", str(out), "--frames", "2-7", "--no-overlay", *QUICK]) == 0
    assert names(out) == [
        *("measures.csv", "measures.json", "run_0002_mask.png", "run_0003_mask.png", "run_pullback.json")
    ]
    assert [entry["frame"] for entry in measures(out)] == [2, 3]
    assert "run.tif: --frames 2-7 reaches beyond its last frame, 3\n" in capsys.readouterr().err
    assert "2 of 3 frames were looked at (frames 2 to 3)" in (out / "run_pullback.json").read_text()
    assert main(["predict", str(pullback), "--out", str(out), "--frames", "-1", "--no-overlay", *QUICK]) == 0
    assert [entry["frame"] for entry in measures(out)] == [1]


def test_frames_that_no_input_has_are_told_before_any_work_or_at_the_end(
    pullback: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pullbacks.pictures_in(tmp_path / "pictures", pullbacks.frames(3))
    out = ["--out", str(tmp_path / "out"), "--frames", "30-40", *QUICK]
    assert main(["predict", str(folder), *out]) == 1
    said = "has frames 1 to 3, and --frames 30-40 asks for none of them\n"
    assert capsys.readouterr().err == f"octseg: pictures {said}"
    assert main(["predict", str(pullback), *out]) == 1
    assert capsys.readouterr().err == f"octseg: {pullback} {said}"


def test_pictures_of_a_folder_are_chosen_by_their_numbers_and_by_place_where_they_have_none(tmp_path: Path) -> None:
    for name, given in (("numbered", "frame_{}.png"), ("named", "{}")):
        folder = pullbacks.pictures_in(tmp_path / name, pullbacks.frames(3), given, first=9)
        if name == "named":
            for number, letter in zip((9, 10, 11), "abc", strict=True):
                (folder / str(number)).rename(folder / f"{letter}.png")
    for name, frames, wanted in (
        ("numbered", "10-", ["frame_10.png", "frame_11.png"]),
        ("named", "2-2", ["b.png"]),
    ):
        out = tmp_path / f"out {name}"
        assert main(["predict", str(tmp_path / name), "--out", str(out), "--frames", frames, *QUICK]) == 0
        assert [entry["file"] for entry in measures(out)] == wanted


@pytest.mark.parametrize("flags", [[], ["--smooth"]])
def test_a_part_of_a_pullback_has_the_bytes_that_it_has_in_the_whole(flags: list[str], tmp_path: Path) -> None:
    """What frames share is found in the first of a stretch of the file, not in the first that is asked for."""
    first, *rest = map(Image.fromarray, random_pullback(7, 40).pullback().frames(12, 17))
    first.save(tmp_path / "run.tif", save_all=True, append_images=rest)
    for name, frames in (("whole", "1-"), ("part", "3-4")):
        command = ["predict", str(tmp_path / "run.tif"), "--out", str(tmp_path / name), "--frames", frames]
        assert main([*command, *flags, *QUICK]) == 0
    pictures = [f"run_000{number}_{kind}.png" for number in (3, 4) for kind in ("mask", "overlay")]
    assert [name for name in names(tmp_path / "part") if name.endswith(".png")] == pictures
    for name in pictures:
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert measures(tmp_path / "part") == measures(tmp_path / "whole")[2:4]


def test_names_that_count_from_0_choose_the_same_frames_in_a_folder_and_in_a_zip_file(tmp_path: Path) -> None:
    folder = pullbacks.pictures_in(tmp_path / "run", pullbacks.frames(4), "f_{}.png", first=0)
    members = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "run.zip").write_bytes(pullbacks.zipped(members))
    chosen = {}
    for given in ("run", "run.zip"):
        out = tmp_path / f"out {given}"
        assert main(["predict", str(tmp_path / given), "--out", str(out), "--frames", "0-1", *QUICK]) == 0
        chosen[given] = [(entry["frame"], entry["frame_sha256"]) for entry in measures(out)]
    assert chosen["run"] == chosen["run.zip"]
    assert [number for number, _ in chosen["run"]] == [0, 1]
