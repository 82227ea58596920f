"""Pullbacks of every kind through `octseg predict`: names, spacings, what is measured along them and told."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from octseg.cli import main
from octseg.export.journal import JOURNAL_NAME
from octseg.phantom import random_pullback, random_spec, render
from tests.fakes import pullbacks
from tests.fakes.commands import OCTSEG, QUICK, measures, names
from tests.fakes.dicom_files import PATIENT, pullback_file
from tests.fakes.forking import start_python


def predict(*given: Path | str, out: Path) -> int:
    return main(["predict", *map(str, given), "--out", str(out), "--no-overlay", *QUICK])


def along(out: Path, name: str) -> dict[str, object]:
    """What NAME_pullback.json holds."""
    content = json.loads((out / f"{name}_pullback.json").read_text())
    assert isinstance(content, dict)
    return content


@pytest.fixture
def four(phantoms: Path) -> list[np.ndarray]:
    """Frames of phantoms."""
    return [np.asarray(Image.open(phantoms / f"phantom_000{number}.png")) for number in (1, 2, 1, 2)]


def test_a_spacing_that_is_given_is_in_the_tables_and_in_what_is_measured_along(pullback: Path, tmp_path: Path) -> None:
    assert predict(pullback, "--frame-spacing", "0.25", out=tmp_path / "out") == 0
    assert {(e["frame_spacing_mm"], e["frame_spacing_source"]) for e in measures(tmp_path / "out")} == {(0.25, "user")}
    told = along(tmp_path / "out", "run")
    assert (told["frame_spacing_mm"], told["frame_spacing_source"]) == (0.25, "user")
    assert told["pullback"]["length_mm"] == 0.75  # type: ignore[index]


def test_what_a_file_does_not_tell_is_told_unless_it_was_given(
    four: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "IMG001"
    path.write_bytes(pullback_file(four[:2]))
    said = "nothing tells the distance between its 2 frames"
    assert predict(path, out=tmp_path / "out") == 0
    assert said in capsys.readouterr().err
    assert said in str(along(tmp_path / "out", "IMG001")["warnings"])
    assert predict(path, "--frame-spacing", "0.2", out=tmp_path / "out") == 0
    assert said not in capsys.readouterr().err
    assert said not in str(along(tmp_path / "out", "IMG001")["warnings"])
    assert all(said not in str(entry["warnings"]) for entry in measures(tmp_path / "out"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["TIFF", "ZIP"])
def test_no_container_keeps_silent_where_nothing_tells_how_far_its_frames_lie_apart(
    four: list[np.ndarray], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    if kind == "TIFF":
        tifffile.imwrite(path, np.stack(four[:2]), photometric="rgb")
    else:
        path.write_bytes(pullbacks.zipped({f"f{n}.png": pullbacks.encoded(frame) for n, frame in enumerate(four[:2])}))
    said = "nothing tells the distance between its 2 frames"
    assert predict(path, out=tmp_path / "out") == 0
    assert capsys.readouterr().err.count(said) == 1
    assert str(along(tmp_path / "out", "run")["warnings"]).count(said) == 1
    assert predict(path, "--frame-spacing", "0.2", out=tmp_path / "out") == 0
    assert said not in capsys.readouterr().err + str(along(tmp_path / "out", "run")["warnings"])


def test_dicom_files_of_one_series_are_one_pullback_called_by_their_folder(
    four: list[np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "study" / "P7").mkdir(parents=True)
    for number, frame in enumerate(four[:2], start=1):
        content = pullback_file([frame], InstanceNumber=number, SeriesInstanceUID="1.2.3")
        (tmp_path / "study" / "P7" / f"I{9 - number}").write_bytes(content)
    (tmp_path / "study" / "IMG002").write_bytes(pullback_file(four[2:]))
    assert predict(tmp_path / "study", out=tmp_path / "out") == 0
    assert [(entry["file"], entry["frame"]) for entry in measures(tmp_path / "out")] == [
        *(("IMG002", number) for number in (1, 2)),
        *(("P7", number) for number in (1, 2)),
    ]
    assert {"P7_pullback.json", "IMG002_pullback.json"} < set(names(tmp_path / "out"))
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert not any(str(value).encode() in written for value in PATIENT.values())


def test_without_a_spacing_there_are_no_lengths_and_that_is_null_in_the_tables(pullback: Path, tmp_path: Path) -> None:
    assert predict(pullback, out=tmp_path / "out") == 0
    assert {(e["frame_spacing_mm"], e["frame_spacing_source"]) for e in measures(tmp_path / "out")} == {(None, None)}
    assert along(tmp_path / "out", "run")["pullback"]["length_mm"] is None  # type: ignore[index]


def test_a_spacing_that_no_pullback_has_is_told_before_any_work(
    pullback: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(pullback, "--frame-spacing", "200", out=tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("octseg: --frame-spacing 200: frames lie 0.001 to 5 mm apart, such as")
    assert not (tmp_path / "out").exists()


def test_pictures_of_a_folder_keep_their_names_and_are_measured_along_where_they_are_a_run(
    four: list[np.ndarray], tmp_path: Path
) -> None:
    pullbacks.pictures_in(tmp_path / "run", four, "P1_{:03d}.png", first=7)
    out = tmp_path / "out"
    assert predict(tmp_path / "run", "--frame-spacing", "0.2", out=out) == 0
    assert names(out) == [
        *(f"P1_00{number}_mask.png" for number in (7, 8, 9)),
        *("P1_010_mask.png", "measures.csv", "measures.json", "run_pullback.json"),
    ]
    whole = along(out, "run")["pullback"]
    assert (whole["first_frame"], whole["last_frame"], whole["length_mm"]) == (7, 10, 0.8)  # type: ignore[index]


def test_a_zip_file_and_a_folder_of_pullbacks_give_each_of_them(four: list[np.ndarray], tmp_path: Path) -> None:
    members = {f"{run}/f_{n}.png": pullbacks.encoded(f) for run in "ab" for n, f in enumerate(four[:2], start=3)}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "two.zip").write_bytes(pullbacks.zipped(members))
    (tmp_path / "in" / "table.xlsx").write_bytes(pullbacks.zipped({"sheet.xml": b"<sheet/>"}))
    pullbacks.video(tmp_path / "in" / "film.mp4", four[2:], options={"crf": "18"})
    assert predict(tmp_path / "in", out=tmp_path / "out") == 0
    frames = [(entry["file"], entry["frame"], entry["mask_file"]) for entry in measures(tmp_path / "out")]
    assert frames == [
        *(("film.mp4", number, f"film_000{number}_mask.png") for number in (1, 2)),
        *((run, number, f"{run}_000{number}_mask.png") for run in "ab" for number in (3, 4)),
    ]
    assert {"a_pullback.json", "b_pullback.json", "film_pullback.json"} < set(names(tmp_path / "out"))


def test_a_file_that_ends_early_gives_what_it_has_and_says_so_on_the_screen_and_in_the_files(
    four: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut, out = tmp_path / "film.avi", tmp_path / "out"
    pullbacks.video(cut, [*four, *four[:2]], "mjpeg", pixels="yuvj420p")
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * 0.7)])
    assert predict(cut, out=out) == 0
    found = len(measures(out))
    assert 2 <= found < 6
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"octseg: {cut}: ")]
    assert said
    told = along(out, "film")["warnings"]
    assert all(line.removeprefix(f"octseg: {cut}: ") in told for line in said)  # type: ignore[operator]


@pytest.mark.slow
def test_what_is_met_on_the_way_is_the_same_after_a_kill(four: list[np.ndarray], tmp_path: Path) -> None:
    """A picture of a ZIP file that cannot be decoded is black in its place; its warning comes while frames are read."""
    members = {f"f_{number}.png": pullbacks.encoded(frame) for number, frame in enumerate(four, start=1)}
    members["f_2.png"] = members["f_2.png"][:2000]
    source = tmp_path / "run.zip"
    source.write_bytes(pullbacks.zipped(members))
    assert predict(source, out=tmp_path / "whole") == 0
    (late,) = json.loads((tmp_path / "whole" / "measures.json").read_text())["late_warnings"]
    assert late["file"] == "run.zip"
    assert any("frame 2" in sentence for sentence in late["warnings"])
    out = tmp_path / "out"
    command = [*OCTSEG, "predict", str(source), "--out", str(out), "--no-overlay", *QUICK]
    running = start_python(command, os.environ, stderr=tmp_path / "err")
    while running.poll() is None and not ((out / JOURNAL_NAME).exists() and (out / "run_0003_mask.png").exists()):
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait(120)
    assert predict(source, out=out) == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == kept


def test_a_pullback_is_smoothed_where_asked_and_says_so_and_pictures_of_a_folder_say_that_they_are_not(
    four: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pullbacks.pictures_in(tmp_path / "run", four[:2])
    (tmp_path / "IMG001").write_bytes(pullback_file(four[:3]))
    given = (tmp_path / "IMG001", tmp_path / "run", "--frame-spacing", "0.2", "--smooth")
    assert predict(*given, out=tmp_path / "out") == 0
    assert "median of three frames" in str(along(tmp_path / "out", "IMG001")["smoothing"])
    assert along(tmp_path / "out", "run")["smoothing"] is None
    assert "so none was smoothed" in capsys.readouterr().err
    assert predict(*given, "--uncertainty", out=tmp_path / "out") == 1
    assert "--smooth and --uncertainty do not go together" in capsys.readouterr().err


@pytest.mark.slow
def test_a_part_of_a_video_has_the_scale_of_the_whole(tmp_path: Path) -> None:
    """The median over its first frames, of which this part has but one."""
    frames = list(random_pullback(7, 40).pullback().frames(12, 16))
    path = pullbacks.video(tmp_path / "film.mp4", frames, options={"crf": "18"})
    assert predict(path, out=tmp_path / "whole") == 0
    assert predict(path, "--frames", "4", out=tmp_path / "part") == 0
    whole, part = measures(tmp_path / "whole"), measures(tmp_path / "part")
    keys = ("frame", "pixel_spacing_mm", "pixel_spacing_source", "pixel_spacing_evidence")
    assert whole[3]["pixel_spacing_mm"] is not None
    assert [[each[key] for key in keys] for each in part] == [[whole[3][key] for key in keys]]


def test_a_ruler_that_disagrees_with_the_header_is_told_once_on_the_screen_and_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The header is right of the last two of four frames; the console's zoom was another in those before."""
    frames = [phantom_of(field_mm) for field_mm in (10.02, 10.02, 7.01, 7.01)]
    path = tmp_path / "IMG001"
    path.write_bytes(pullback_file(frames, PixelSpacing=[0.009957, 0.009957]))
    assert predict(path, out=tmp_path / "out") == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "disagrees with the burned-in" in line]
    assert told.startswith(
        f"octseg: {path}: Frames 1 to 2: the scale in use, 0.009957 mm per pixel, disagrees with the burned-in ruler, "
    )
    assert told.endswith("0.014232 mm per pixel: lumen areas are 2.04 times as large by the other.")
    assert told.removeprefix(f"octseg: {path}: ") in along(tmp_path / "out", "IMG001")["warnings"]  # type: ignore[operator]
    evidence = {entry["pixel_spacing_evidence"] for entry in measures(tmp_path / "out")}
    assert evidence == {"DICOM PixelSpacing of the file: 0.009957 mm."}
    assert along(tmp_path / "out", "IMG001")["pixel_spacing_evidence"] in evidence


def phantom_of(field_mm: float) -> np.ndarray:
    """A frame of 704 x 704 pixels, at one of the console's zooms."""
    spec = random_spec(3, field_mm=field_mm, lipid=True)
    return render(replace(spec, colouring="sepia", size_px=704, ruler=True, ruler_deg=20.0)).frame
