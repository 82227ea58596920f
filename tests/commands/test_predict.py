import csv
import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import tifffile
from PIL import Image

import octseg
from octseg.cli import main
from octseg.commands.predict import PRESETS
from octseg.commands.summaries import withdrawn_lines
from octseg.measurement.wording import NO_SCALE_DEPTH
from octseg.phantom import random_spec, render
from octseg.reading import read_pullback
from octseg.view import scale, sepia_to_grey
from tests.fakes import pictures, pullbacks
from tests.fakes.commands import QUICK, measures, names


def test_a_frame_becomes_a_mask_an_overlay_and_two_tables(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["predict", str(phantoms / "phantom_0001.png"), "--out", str(out)]) == 0
    assert names(out) == ["measures.csv", "measures.json", "phantom_0001_mask.png", "phantom_0001_overlay.png"]
    frame = Image.open(phantoms / "phantom_0001.png")
    mask = Image.open(out / "phantom_0001_mask.png")
    assert mask.mode == "P"
    assert mask.size == Image.open(out / "phantom_0001_overlay.png").size == frame.size
    printed = capsys.readouterr()
    assert "1 frame of 1 input" in printed.out
    assert "Research use only, not a medical device" in printed.out
    assert printed.err == ""


def test_without_a_scale_it_is_told_how_deep_lipid_counts(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(phantoms / "phantom_0001.png"), "--out", str(tmp_path), *QUICK]) == 0
    told = "scale: unknown (lipid counts to the depth that 1.2 mm has at 7 mm zoom: give the scale)"
    assert told in capsys.readouterr().out
    (entry,) = measures(tmp_path)
    assert entry["warnings"] == [NO_SCALE_DEPTH]
    with (tmp_path / "measures.csv").open(newline="") as file:
        assert [row["warnings"] for row in csv.DictReader(file)] == [NO_SCALE_DEPTH]


def test_the_command_tells_the_same_numbers_as_the_library(phantoms: Path, tmp_path: Path) -> None:
    path = phantoms / "phantom_0002.png"
    assert main(["predict", str(path), "--out", str(tmp_path), *QUICK]) == 0
    result = octseg.from_pretrained(backend="torch").segment(path)
    (entry,) = measures(tmp_path)
    assert entry["lipid_core_area_px"] == result.measures.lipid_core_area_px
    assert entry["lumen_area_mm2"] == result.measures.lumen_area_mm2
    assert entry["pixel_spacing_mm"] == result.pixel_spacing_mm
    mask = np.asarray(Image.open(tmp_path / "phantom_0002_mask.png"))
    np.testing.assert_array_equal(mask, np.asarray(result.palette_mask()))


def test_a_spacing_of_the_user_scales_areas_with_its_square(phantoms: Path, tmp_path: Path) -> None:
    for spacing in ("0.01", "0.005"):
        path = str(phantoms / "phantom_0001.png")
        assert main(["predict", path, "--out", str(tmp_path / spacing), "--pixel-spacing", spacing, *QUICK]) == 0
    (coarse,), (fine,) = measures(tmp_path / "0.01"), measures(tmp_path / "0.005")
    assert (coarse["pixel_spacing_mm"], coarse["pixel_spacing_source"]) == (0.01, "user")
    assert coarse["lumen_area_mm2"] == pytest.approx(4 * float(str(fine["lumen_area_mm2"])))


@pytest.mark.parametrize("preset", ["704", "7 mm"])
def test_a_preset_gives_mm_to_a_frame_that_tells_no_scale(tmp_path: Path, preset: str) -> None:
    phantom = render(random_spec(3, size_px=704, field_mm=7.01, ruler=False))
    Image.fromarray(phantom.frame).save(tmp_path / "frame.png")
    flags = ["--out", str(tmp_path / "out"), "--preset", preset, *QUICK]
    assert main(["predict", str(tmp_path / "frame.png"), *flags]) == 0
    (entry,) = measures(tmp_path / "out")
    assert entry["pixel_spacing_source"] == "preset"
    assert entry["pixel_spacing_mm"] == pytest.approx(7.01 / 704, rel=0.005)
    spacing_mm, area_px = float(str(entry["pixel_spacing_mm"])), float(str(entry["lumen_area_px"]))
    assert entry["lumen_area_mm2"] == pytest.approx(area_px * spacing_mm**2)


def test_a_ruler_goes_before_a_preset(tmp_path: Path) -> None:
    phantom = render(random_spec(3, size_px=704, field_mm=7.01, ruler=True))
    Image.fromarray(phantom.frame).save(tmp_path / "frame.png")
    flags = ["--out", str(tmp_path / "out"), "--preset", "10 mm", *QUICK]
    assert main(["predict", str(tmp_path / "frame.png"), *flags]) == 0
    (entry,) = measures(tmp_path / "out")
    assert entry["pixel_spacing_source"] == "ruler"
    assert entry["pixel_spacing_mm"] == pytest.approx(7.01 / 704, rel=0.005)


def test_a_series_of_16_bits_is_one_source(tmp_path: Path) -> None:
    """Some frames have one bright pixel above 12 bits: read one by one, every second frame would be 16 times darker."""
    grey = sepia_to_grey(render(random_spec(5, ruler=False)).frame).astype(np.uint16) * 16
    bright = grey.copy()
    bright[len(grey) // 2, len(grey) // 2] = 4200
    for folder, frames in {"series": (grey, bright), "reference": (grey // 16).astype(np.uint8)[None]}.items():
        (tmp_path / folder).mkdir()
        for number, frame in enumerate(frames):
            tifffile.imwrite(tmp_path / folder / f"{folder}_{number}.tif", frame)
        assert main(["predict", str(tmp_path / folder), "--out", str(tmp_path / "out" / folder), *QUICK]) == 0
    (reference,) = measures(tmp_path / "out" / "reference")
    first, second = measures(tmp_path / "out" / "series")
    assert first["lipid_core_area_px"] == pytest.approx(second["lipid_core_area_px"], rel=0.01)
    assert first["lumen_area_px"] == pytest.approx(reference["lumen_area_px"], rel=0.01)
    assert first["lipid_core_area_px"] == pytest.approx(reference["lipid_core_area_px"], rel=0.05)


def test_the_command_offers_the_presets_that_there_are() -> None:
    assert PRESETS == scale.PRESETS


def test_frames_of_a_pullback_are_numbered_from_one_with_four_digits(pullback: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["predict", str(pullback), "--out", str(out), "--frame-spacing", "0.2", "--no-overlay", *QUICK]) == 0
    assert names(out) == [
        *("measures.csv", "measures.json"),
        *(f"run_000{n}_mask.png" for n in (1, 2, 3)),
        "run_pullback.json",
    ]
    assert [(entry["file"], entry["frame"]) for entry in measures(out)] == [("run.tif", n) for n in (1, 2, 3)]
    assert {entry["frame_spacing_mm"] for entry in measures(out)} == {0.2}
    assert {entry["overlay_file"] for entry in measures(out)} == {None}


def test_a_bad_file_among_good_ones_is_told_at_the_end_and_the_good_ones_are_done(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((phantoms / "phantom_0001.png").read_bytes()[:3000])
    missing = tmp_path / "missing.png"
    inputs = [str(broken), str(phantoms / "phantom_0001.png"), str(missing)]
    assert main(["predict", *inputs, "--out", str(tmp_path / "out"), *QUICK]) == 1
    assert [entry["file"] for entry in measures(tmp_path / "out")] == ["phantom_0001.png"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"octseg: {broken}")
    assert lines[1].startswith(f"octseg: {missing}")


def test_a_folder_is_searched_for_pictures_and_hidden_and_other_files_are_passed_over(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"
    (folder / "deep").mkdir(parents=True)
    (folder / ".cache").mkdir()
    shutil.copy(phantoms / "phantom_0001.png", folder / "no_ending")
    shutil.copy(phantoms / "phantom_0002.png", folder / "deep" / "b.png")
    shutil.copy(phantoms / "phantom_0002.png", folder / ".hidden.png")
    shutil.copy(phantoms.parent / "masks" / "phantom_0002.png", folder / "mask.png")
    shutil.copy(phantoms / "phantom_0002.png", folder / ".cache" / "c.png")
    (folder / "notes.txt").write_text("not a picture at all")
    assert main(["predict", str(folder), "--out", str(folder / "results"), *QUICK]) == 0
    assert [entry["file"] for entry in measures(folder / "results")] == ["no_ending", "b.png"]
    assert main(["predict", str(folder), "--out", str(folder / "results"), *QUICK]) == 0
    assert len(measures(folder / "results")) == 2, "results in the folder were taken for frames"
    assert capsys.readouterr().err == ""


def test_what_is_named_as_a_frame_or_a_pullback_and_is_none_is_told_at_the_end(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a copy leaves it that broke off, or a download that is a page of an error; in a ZIP file as well."""
    folder = tmp_path / "study"
    folder.mkdir()
    shutil.copy(phantoms / "phantom_0001.png", folder / "frame_1.png")
    (folder / "frame_2.png").write_text("<html>404</html>")
    for name in ("frame_3.png", "run.mp4", "IMG1.dcm"):
        (folder / name).touch()
    assert main(["predict", str(folder), "--out", str(tmp_path / "out"), *QUICK]) == 1
    assert [entry["file"] for entry in measures(tmp_path / "out")] == ["frame_1.png"]
    told = capsys.readouterr().err
    assert all(f"{name} is " in told for name in ("frame_2.png", "frame_3.png", "run.mp4", "IMG1.dcm"))
    zipped = pullbacks.zipped({path.name: path.read_bytes() for path in folder.iterdir()})
    said = " ".join(read_pullback(zipped, name="study.zip").warnings)
    assert "run.mp4 cannot be read: it is empty" in said
    assert "IMG1.dcm cannot be read: it is empty" in said


def test_a_folder_that_is_a_link_is_followed_and_thumbnails_of_a_nas_are_passed_over(
    phantoms: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    for name in ("frame.png", "@eaDir/frame.png/SYNOFILE_THUMB_M.png"):
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(phantoms / "phantom_0001.png", scratch / name)
    (tmp_path / "project").mkdir()
    for link in ("images", "again"):
        (tmp_path / "project" / link).symlink_to(scratch)
    (scratch / "up").symlink_to(tmp_path / "project")
    assert main(["predict", str(tmp_path / "project"), "--out", str(tmp_path / "results"), *QUICK]) == 0
    assert [entry["file"] for entry in measures(tmp_path / "results")] == ["frame.png"]


def test_inputs_of_one_name_do_not_overwrite_each_other(phantoms: Path, tmp_path: Path) -> None:
    for folder, source in (("a", "phantom_0001.png"), ("b", "phantom_0002.png")):
        (tmp_path / folder).mkdir()
        shutil.copy(phantoms / source, tmp_path / folder / "frame.png")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out), "--no-overlay", *QUICK]) == 0
    assert names(out) == ["frame-2_mask.png", "frame_mask.png", "measures.csv", "measures.json"]
    assert [entry["mask_file"] for entry in measures(out)] == ["frame_mask.png", "frame-2_mask.png"]


def test_frames_of_one_name_in_the_folders_of_two_patients_are_told_apart(phantoms: Path, tmp_path: Path) -> None:
    for folder, source in (("lab/P02/pre", "phantom_0001.png"), ("lab/P01\udcfc", "phantom_0002.png")):
        (tmp_path / folder).mkdir(parents=True)
        shutil.copy(phantoms / source, tmp_path / folder / "frame.png")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "lab"), "--out", str(out), "--no-overlay", *QUICK]) == 0
    with (out / "measures.csv").open(newline="") as file:
        rows = [(row["folder"], row["file"], row["mask_file"]) for row in csv.DictReader(file)]
    assert rows == [("P01?", "frame.png", "frame_mask.png"), ("P02/pre", "frame.png", "frame-2_mask.png")]
    assert [entry["folder"] for entry in measures(out)] == ["P01?", "P02/pre"]


def test_the_pullbacks_of_two_patients_and_of_a_zip_file_say_where_they_lie(phantoms: Path, tmp_path: Path) -> None:
    sources = [phantoms / f"phantom_000{number}.png" for number in (1, 2)]
    for patient in ("P01", "P02"):
        (tmp_path / "lab" / patient / "run").mkdir(parents=True)
        for number, source in enumerate(sources, 1):
            shutil.copy(source, tmp_path / "lab" / patient / "run" / f"f_{number}.png")
    with ZipFile(tmp_path / "lab" / "both.zip", "w") as archive:
        for folder in ("a", "b"):
            for number, source in enumerate(sources, 1):
                archive.write(source, f"{folder}/{folder}_{number}.png")
    out = tmp_path / "out"
    flags = ["--no-overlay", "--frame-spacing", "0.2", *QUICK]
    assert main(["predict", str(tmp_path / "lab"), "--out", str(out), *flags]) == 0
    told = [json.loads(path.read_text()) for path in sorted(out.glob("*_pullback.json"))]
    assert sorted((each["folder"], each["file"]) for each in told) == [
        ("P01/run", "run"),
        ("P02/run", "run"),
        ("both.zip", "a"),
        ("both.zip", "b"),
    ]
    assert [entry["folder"] for entry in measures(out)] == [
        folder for folder in ("both.zip", "both.zip", "P01/run", "P02/run") for _ in range(2)
    ]


def test_an_input_is_never_overwritten_by_a_result(phantoms: Path, tmp_path: Path) -> None:
    for name in ("frame.png", "frame_mask.png"):
        shutil.copy(phantoms / "phantom_0001.png", tmp_path / name)
    inputs = [str(tmp_path / "frame.png"), str(tmp_path / "frame_mask.png")]
    assert main(["predict", *inputs, "--out", str(tmp_path), "--no-overlay", *QUICK]) == 0
    assert (tmp_path / "frame_mask.png").read_bytes() == (phantoms / "phantom_0001.png").read_bytes()
    assert [entry["mask_file"] for entry in measures(tmp_path)] == ["frame-2_mask.png", "frame_mask_mask.png"]


def test_a_folder_that_is_input_and_output_at_once_is_refused(
    phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(phantoms), "--out", str(phantoms)]) == 1
    assert "is both an input and --out" in capsys.readouterr().err
    assert names(phantoms) == ["phantom_0001.png", "phantom_0002.png"]


def test_frames_of_a_folder_come_in_the_order_of_their_numbers_and_bear_them(phantoms: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for part, numbers in (("part 2", (9, 10, 101)), ("part 10", (1, 2))):
        (folder / part).mkdir(parents=True)
        for number in numbers:
            shutil.copy(phantoms / "phantom_0001.png", folder / part / f"frame_{number}_704px.png")
    assert main(["predict", str(folder), "--out", str(tmp_path / "out"), "--no-overlay", *QUICK]) == 0
    assert [entry["frame"] for entry in measures(tmp_path / "out")] == [9, 10, 101, 1, 2]
    with (tmp_path / "out" / "measures.csv").open(newline="") as file:
        assert [row["frame"] for row in csv.DictReader(file)] == ["9", "10", "101", "1", "2"]


def test_results_among_frames_are_passed_over_and_one_given_by_hand_is_refused(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "frames"
    (folder / "results").mkdir(parents=True)
    shutil.copy(phantoms / "phantom_0001.png", folder / "frame_3.png")
    assert main(["predict", str(folder), "--out", str(folder / "results"), *QUICK]) == 0
    overlay = folder / "results" / "frame_3_overlay.png"
    shutil.copy(overlay, folder / "copy of a picture.png")
    Image.open(overlay).convert("RGB").save(folder / "for the talk.jpg", quality=80)
    capsys.readouterr()
    assert main(["predict", str(folder), "--out", str(tmp_path / "again"), *QUICK]) == 0
    assert [entry["file"] for entry in measures(tmp_path / "again")] == ["frame_3.png"]
    printed = capsys.readouterr()
    assert "1 frame of 1 input in" in printed.out
    assert "4 results of this program passed over" in printed.out
    assert printed.err == ""
    for given in (overlay, folder / "for the talk.jpg"):
        assert main(["predict", str(given), "--out", str(tmp_path / "third"), *QUICK]) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"octseg: {given} is an overlay or another picture that this program drew, not a frame")
    assert main(["predict", str(folder / "results"), "--out", str(tmp_path / "fourth"), *QUICK]) == 1
    assert "no frames found in" in (told := capsys.readouterr().err)
    assert "only 2 results of this program: give pictures" in told


def test_an_empty_folder_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == (
        f"octseg: no frames found in {tmp_path / 'empty'}: give pictures or folders of them\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_told_in_one_line(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(phantoms / "phantom_0001.png")
    assert main(["predict", path, "--out", str(tmp_path / "out"), "--model", str(tmp_path / "nowhere")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("octseg: there is no checkpoint folder nowhere")


def test_a_spacing_that_no_frame_has_is_told_once_and_before_any_work(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(phantoms), "--out", str(tmp_path / "out"), "--pixel-spacing", "9.957"]) == 1
    assert capsys.readouterr().err == (
        "octseg: --pixel-spacing 9.957: a frame has 0.0001 to 0.1 mm per pixel, such as 0.00996; give mm, not um\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_name_with_control_characters_cannot_play_with_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(tmp_path / "a\x1b[2J\nb.png"), "--out", str(tmp_path / "out"), *QUICK]) == 1
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1
    assert r"a\x1b[2J\nb.png" in err


@pytest.mark.parametrize(
    "flags",
    [
        ["predict", "x.png"],
        ["predict", "--out", "out"],
        ["predict", "x.png", "--out", "out", "--pixel-spacing", "-1"],
        ["predict", "x.png", "--out", "out", "--pixel-spacing", "nan"],
        ["predict", "x.png", "--out", "out", "--preset", "512"],
        ["predict", "x.png", "--out", "out", "--device", "tpu"],
        ["phantom", "--out", "out", "--count", "0"],
        ["phantom", "--out", "out", "--seed", "-1"],
        ["infos"],
        [],
    ],
)
def test_a_wrong_flag_ends_with_status_2(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(flags)
    assert ending.value.code == 2
    assert "usage: octseg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--count", "0"], "--count: must be a whole number from 1, not 0"),
        (["--count", "two"], "--count: must be a whole number from 1, not two"),
        (["--pullback", "2.5"], "--pullback: must be a whole number from 1, not 2.5"),
        (["--seed", "x"], "--seed: must be a whole number from 0, not x"),
    ],
)
def test_a_number_that_is_none_is_told_as_such(
    flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["phantom", "--out", str(tmp_path / "out"), *flags])
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_csv_and_the_json_tell_the_same(phantoms: Path, tmp_path: Path) -> None:
    assert main(["predict", str(phantoms), "--out", str(tmp_path), "--no-overlay", *QUICK]) == 0
    with (tmp_path / "measures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, entry in zip(rows, measures(tmp_path), strict=True):
        assert row["file"] == entry["file"]
        for key in ("lumen_area_mm2", "lipid_core_area_px", "lipid_arc_deg"):
            assert (row[key] == "" and entry[key] is None) or float(row[key]) == entry[key]


def test_a_scale_that_disagrees_with_the_ruler_of_a_picture_is_told_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "frame.png"
    Image.fromarray(render(random_spec(3, ruler=True)).frame).save(picture)
    asked = ["predict", str(picture), "--out", str(tmp_path / "out"), *QUICK]
    assert main([*asked, "--pixel-spacing", "0.02"]) == 0
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"octseg: {picture}: the scale in use, 0.02 mm per pixel (user), disagrees with")
    assert main(asked) == 0
    assert capsys.readouterr().err == ""


def test_a_withdrawn_frame_is_told_by_its_sentence_and_a_pullbacks_by_how_many() -> None:
    edge, blank = "The lumen fills the picture.", "The picture is blank."
    assert withdrawn_lines(Path("a.png"), 1, [edge]) == ["a.png: The lumen fills the picture."]
    assert withdrawn_lines(Path("run.tif"), 9, [edge, blank, edge]) == [
        "run.tif: 2 of 9 frames: The lumen fills the picture.",
        "run.tif: 1 of 9 frames: The picture is blank.",
    ]
    assert withdrawn_lines(Path("run.tif"), 9, []) == []


def test_sentences_that_differ_in_their_numbers_alone_are_told_once_with_the_least_and_the_most() -> None:
    sentences = [
        f"It is {wide} times as wide, over {percent} % of 7 rays." for wide, percent in (("0.6", 9), ("1.95", 8))
    ]
    assert withdrawn_lines(Path("run.tif"), 3, [*sentences, "It is 2 blank."]) == [
        "run.tif: 2 of 3 frames: It is 0.6 to 1.95 times as wide, over 8 to 9 % of 7 rays.",
        "run.tif: 1 of 3 frames: It is 2 blank.",
    ]


def test_a_picture_that_is_no_oct_is_told_and_ends_well(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(pictures.fundus(np.random.default_rng(0))).save(tmp_path / "fundus.png")
    inputs = [str(tmp_path / "fundus.png"), str(phantoms / "phantom_0001.png")]
    assert main(["predict", *inputs, "--out", str(tmp_path / "out"), *QUICK]) == 0
    printed = capsys.readouterr()
    fundus, phantom = measures(tmp_path / "out")
    assert fundus["withdrawn"] is not None
    assert str(fundus["withdrawn"]) in printed.err
    assert "1 of 2 frames withdrawn" in printed.out + printed.err
    assert (fundus["lumen_area_px"], fundus["lipid_arc_deg"]) == (None, None)
    assert phantom["withdrawn"] is None
    assert not np.asarray(Image.open(tmp_path / "out" / "fundus_mask.png")).any()


def test_real_frames_are_measured_in_mm(real_frames: Path, tmp_path: Path) -> None:
    assert main(["predict", str(real_frames / "test" / "img"), "--out", str(tmp_path), "--no-overlay", *QUICK]) == 0
    entries = measures(tmp_path)
    assert len(entries) == 4
    for entry in entries:
        assert entry["pixel_spacing_source"] == "ruler"
        assert 1.0 < float(str(entry["lumen_area_mm2"])) < 20.0
