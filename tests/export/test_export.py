import csv
import io
import json
import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import octseg
from octseg.drawing.palette import palette_indices
from octseg.errors import OctsegError
from octseg.export.bundle import free_stem, safe_stem, zip_bytes
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import mask_png, overlay_png
from octseg.export.run import RunWriter
from octseg.export.tables import csv_cell, csv_under, measures_csv
from octseg.measurement import CoreMeasures, FrameMeasures
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity
from tests.fakes.full_disk import files_limited_to
from tests.fakes.results import withdrawn_result

MODEL = ModelIdentity(name="octseg-bundled", source="bundled", sha256="ab" * 32)
RULER = PixelScale(pixel_spacing_mm=0.00668, source="ruler", evidence="Burned-in ruler: 9 dots, 149.7 px per mm")
CONTRACT = {  # keys of a frame in measures.json that other people's programs rely on
    *("file", "frame", "height", "width", "pixel_spacing_mm", "pixel_spacing_source", "warnings"),
    *("lipid_core_area_px", "lipid_core_area_mm2", "lipid_core_percent_of_disc", "lipid_arc_deg", "lumen_area_mm2"),
    *("lumen_diameter_min_mm", "lumen_diameter_max_mm", "lumen_diameter_mean_mm", "meets_tcfa_criteria"),
    *("fibrous_cap_thickness_min_um", "fibrous_cap_thickness_mean_um"),
}


def square(top: int, size: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top : top + size, 10 : 10 + size] = True
    return mask


def result(**changes: Any) -> FrameResult:
    """A result of 60 x 80 px: lumen 30 px square, lipid core 20 px square that overlaps its lower 10 rows."""
    masks = {
        "lumen": square(5, 30),
        "fibrous_cap": square(0, 0),
        "lipid_core": square(25, 20),
        "vasa_vasorum": square(0, 0),
    }
    made = FrameResult(
        name="frame",
        file="frame.png",
        frame=np.full((60, 80, 3), 100, np.uint8),
        masks=masks,
        probabilities={name: mask.astype(np.float32) for name, mask in masks.items()},
        measures=FrameMeasures(
            pixel_spacing_mm=0.00668,
            lipid_core_area_px=400.0,
            lipid_core_area_mm2=400 * 0.00668**2,
            lipid_core_areas_px=(300.0, 100.0),
            lipid_arc_deg=95.5,
            meets_tcfa_criteria=False,
        ),
        scale=RULER,
        device="cpu",
        backend="openvino",
        model=MODEL,
    )
    return replace(made, **changes)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_palette_counts_classes_from_one_and_the_higher_priority_covers_the_lower() -> None:
    indices = palette_indices(result().masks)
    assert indices.shape == (60, 80)
    assert indices[0, 0] == 0
    assert indices[10, 15] == 1  # lumen
    assert indices[30, 15] == 3  # lipid core over lumen
    assert np.count_nonzero(indices == 3) == 400


def test_priority_decides_whatever_the_order_of_the_masks() -> None:
    masks = result().masks
    backwards = {name: masks[name] for name in reversed(masks)}
    np.testing.assert_array_equal(palette_indices(backwards), palette_indices(masks))


def test_the_mask_file_is_a_palette_picture_in_the_classes_colours() -> None:
    image = Image.open(io.BytesIO(mask_png(result())))
    assert image.mode == "P"
    assert image.convert("RGB").getpixel((15, 30)) == (86, 180, 233)
    assert np.asarray(image)[30, 15] == 3


@pytest.mark.parametrize("encode", [mask_png, overlay_png])
def test_each_picture_says_which_model_made_it_and_what_it_must_not_be_used_for(encode: Any) -> None:
    texts = Image.open(io.BytesIO(encode(result()))).text
    assert texts["Software"] == f"octseg {octseg.__version__}"
    assert "ab" * 32 in texts["Model"]
    assert texts["Pixel spacing"].startswith("0.00668 mm per pixel, source: ruler (Burned-in ruler: 9 dots")
    assert texts["Disclaimer"] == "Research use only, not a medical device"


def test_a_picture_without_scale_says_so_instead_of_a_number() -> None:
    texts = Image.open(io.BytesIO(mask_png(result(scale=PixelScale())))).text
    assert texts["Pixel spacing"] == "unknown, so nothing is given in mm"


def test_the_files_name_is_not_written_into_pictures() -> None:
    png = mask_png(result(name="Doe^Jane", file="Doe^Jane.png")) + overlay_png(result(name="Doe^Jane"))
    assert b"Doe" not in png


def test_a_record_has_every_key_of_the_contract_and_none_is_nan() -> None:
    record = result(measures=FrameMeasures(lumen_area_mm2=math.nan, lumen_diameter_max_mm=math.inf)).to_record()
    assert record.keys() >= CONTRACT
    assert record["lumen_area_mm2"] is None
    assert record["lumen_diameter_max_mm"] is None
    json.dumps(record, allow_nan=False)


def test_numpy_numbers_become_plain_ones() -> None:
    measures = FrameMeasures(lipid_core_area_px=np.float32(4.5), vasa_vasorum_count=np.int64(3))  # type: ignore[arg-type]
    record = result(measures=measures).to_record()
    assert json.loads(json.dumps(record))["lipid_core_area_px"] == 4.5
    assert type(record["vasa_vasorum_count"]) is int


def test_a_file_name_that_is_no_text_does_not_break_the_tables(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    write_run(tmp_path, [result(file=name)])
    assert json.loads((tmp_path / "measures.json").read_text("utf-8"))["frames"][0]["file"] == "caf?.png"
    assert rows_of((tmp_path / "measures.csv").read_text("utf-8"))[0]["file"] == "caf?.png"


def write_run(folder: Path, results: list[FrameResult], **options: Any) -> None:
    with RunWriter(folder, MODEL, "cpu", "openvino", **options) as writer:
        for number, made in enumerate(results, start=1):
            writer.write(made, f"{made.name}_{number:04d}")


def test_a_run_leaves_a_mask_and_an_overlay_a_frame_and_two_tables_and_nothing_else(tmp_path: Path) -> None:
    write_run(tmp_path / "new" / "out", [result(), result(frame_number=2)])
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == [
        "frame_0001_mask.png",
        "frame_0001_overlay.png",
        "frame_0002_mask.png",
        "frame_0002_overlay.png",
        "measures.csv",
        "measures.json",
    ]


def test_overlays_can_be_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, [result()], overlays=False)
    assert not list(tmp_path.glob("*_overlay.png"))


def test_the_json_of_a_run_names_model_version_and_device(tmp_path: Path) -> None:
    write_run(tmp_path, [result(), result(frame_number=2)])
    content = json.loads((tmp_path / "measures.json").read_text())
    assert content["model"] == {
        "name": "octseg-bundled",
        "source": "bundled",
        "revision": None,
        "sha256": "ab" * 32,
    }
    assert (content["octseg"], content["device"], content["backend"]) == (octseg.__version__, "cpu", "openvino")
    assert [frame["frame"] for frame in content["frames"]] == [1, 2]
    assert content["frames"][0]["lipid_core_areas_px"] == [300.0, 100.0]
    assert content["frames"][0]["fibrous_cap_thickness_min_um"] is None


def test_the_csv_of_a_run_has_one_header_and_numbers_that_read_back_as_they_were(tmp_path: Path) -> None:
    write_run(tmp_path, [result(), result(frame_number=2)])
    first, second = rows_of((tmp_path / "measures.csv").read_text())
    assert float(first["lipid_core_area_mm2"]) == 400 * 0.00668**2
    assert first["fibrous_cap_thickness_min_um"] == ""
    assert first["meets_tcfa_criteria"] == "false"
    assert first["lipid_core_areas_px"] == "300.0; 100.0"
    assert (first["model_sha256"], first["octseg"]) == ("ab" * 32, octseg.__version__)
    assert second["frame"] == "2"


def test_each_core_is_an_object_in_the_json_and_no_column_of_the_csv(tmp_path: Path) -> None:
    core = CoreMeasures(start_deg=350.0, arc_deg=95.5, area_px=300.0, tcfa_arc_margin_deg=5.5)
    write_run(tmp_path, [result(measures=FrameMeasures(lipid_cores=(core,), tcfa_core=0)), result()])
    first, second = json.loads((tmp_path / "measures.json").read_text())["frames"]
    assert first["lipid_cores"][0]["start_deg"] == 350.0
    assert first["lipid_cores"][0]["area_mm2"] is None
    assert (first["tcfa_core"], second["lipid_cores"]) == (0, None)
    assert "lipid_cores" not in rows_of((tmp_path / "measures.csv").read_text())[0]


def test_a_withdrawn_frame_has_its_sentence_in_both_tables_and_says_so_on_its_overlay(tmp_path: Path) -> None:
    plain, told = withdrawn_result(), "The lumen reaches the edge of the picture all around"
    write_run(tmp_path, [plain])
    (row,) = rows_of((tmp_path / "measures.csv").read_text())
    (entry,) = json.loads((tmp_path / "measures.json").read_text())["frames"]
    assert row["withdrawn"] == entry["withdrawn"] == told
    assert row["lipid_core_area_px"] == row["lipid_arc_deg"] == ""
    assert entry["lipid_core_area_px"] is entry["lipid_arc_deg"] is None
    assert overlay_png(plain) != overlay_png(replace(plain, withdrawn=None))


def write_then_interrupt(folder: Path) -> None:
    with RunWriter(folder, MODEL, "cpu", "torch") as writer:
        writer.write(result(), "frame")
        raise KeyboardInterrupt


def test_a_run_that_is_interrupted_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_then_interrupt(tmp_path)
    assert len(json.loads((tmp_path / "measures.json").read_text())["frames"]) == 1
    assert len(rows_of((tmp_path / "measures.csv").read_text())) == 1


def test_a_run_without_a_frame_leaves_older_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "measures.json").write_text("older")
    with RunWriter(tmp_path, MODEL, "cpu", "torch"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["measures.json"]
    assert (tmp_path / "measures.json").read_text() == "older"


def test_where_a_table_cannot_grow_the_frames_before_are_whole(tmp_path: Path) -> None:
    many = [result(frame_number=number) for number in range(1, 100)]
    with (
        files_limited_to(20_000),
        pytest.raises(
            OctsegError,
            match=r"(measures\.(json|csv)|unfinished\.jsonl) could not be written: the file would be larger",
        ),
    ):
        write_run(tmp_path, many, overlays=False)
    frames = json.loads((tmp_path / "measures.json").read_text())["frames"]
    assert 1 < len(frames) < 99
    assert [row["frame"] for row in rows_of((tmp_path / "measures.csv").read_text())] == [
        str(frame["frame"]) for frame in frames
    ]
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_told_in_one_sentence() -> None:
    with (
        pytest.raises(OctsegError, match=r"^frame_mask\.png could not be written: the disk is full; free some space$"),
        told_in_one_sentence("frame_mask.png"),
        Path("/dev/full").open("wb", buffering=0) as device,
    ):
        device.write(b"0")


def test_a_file_that_cannot_be_written_leaves_the_older_one_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    write_file(path, b"older")
    with files_limited_to(1000), pytest.raises(OctsegError, match=r"mask\.png could not be written"):
        write_file(path, b"0" * 5000)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_folder_that_is_a_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with (
        pytest.raises(OctsegError, match="the folder out could not be written: a file of that name is in the way"),
        RunWriter(tmp_path / "out", MODEL, "cpu", "torch"),
    ):
        pass


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " ="])
def test_text_that_a_spreadsheet_would_run_is_defused(start: str) -> None:
    assert csv_cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


def test_negative_numbers_stay_numbers() -> None:
    assert csv_cell(-1.5) == -1.5
    assert csv_cell(-3) == -3


def test_a_hostile_file_name_arrives_in_the_csv_as_harmless_text(tmp_path: Path) -> None:
    write_run(tmp_path, [result(file='=cmd|" /C calc"!A0,x\n.png')])
    (row,) = rows_of((tmp_path / "measures.csv").read_text())
    assert row["file"] == "'" + '=cmd|" /C calc"!A0,x\n.png'
    assert row["height"] == "60"


def test_the_zip_holds_pictures_tables_and_a_readme_that_all_open() -> None:
    archive = zipfile.ZipFile(io.BytesIO(zip_bytes([result()])))
    assert archive.testzip() is None
    assert archive.namelist() == [
        "frame_mask.png",
        "frame_overlay.png",
        "report.html",
        "measures.csv",
        "measures.json",
        "README.txt",
    ]
    assert np.asarray(Image.open(archive.open("frame_mask.png")))[30, 15] == 3
    assert json.load(archive.open("measures.json"))["frames"][0]["lipid_arc_deg"] == 95.5
    assert float(rows_of(archive.read("measures.csv").decode())[0]["lipid_arc_deg"]) == 95.5
    assert 'data-measure="lipid_arc_deg">96 °' in archive.read("report.html").decode()
    readme = archive.read("README.txt").decode()
    assert "Research use only, not a medical device" in readme
    assert "ab" * 32 in readme
    assert "0.00668 mm per pixel, source: ruler" in readme


def test_the_zip_shows_the_overlay_it_is_told_to_draw() -> None:
    drawn = Image.new("RGB", (80, 60), (1, 2, 3))
    archive = zipfile.ZipFile(io.BytesIO(zip_bytes([result()], draw=lambda _: drawn)))
    assert Image.open(archive.open("frame_overlay.png")).getpixel((0, 0)) == (1, 2, 3)


def test_the_same_result_gives_the_same_zip() -> None:
    assert zip_bytes([result()]) == zip_bytes([result()])


def test_two_results_of_one_name_do_not_overwrite_each_other_in_the_zip() -> None:
    names = zipfile.ZipFile(io.BytesIO(zip_bytes([result(), result(name="FRAME")]))).namelist()
    assert names[:4] == ["frame_mask.png", "frame_overlay.png", "FRAME-2_mask.png", "FRAME-2_overlay.png"]


def test_frames_of_a_pullback_are_named_by_their_number_in_the_zip() -> None:
    names = zipfile.ZipFile(io.BytesIO(zip_bytes([result(), result(frame_number=2)]))).namelist()
    assert names[0] == "frame_0001_mask.png"
    assert names[2] == "frame_0002_mask.png"
    assert {"frame_0001_report.html", "frame_0002_report.html"} < set(names)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("IMG001", "IMG001"),
        ("../../etc/passwd", "etc_passwd"),
        ("..\\a:b", "a_b"),
        ("<img src=x>", "img_src_x"),
        ("", "frame"),
        ("...", "frame"),
        ("\u202egnp.exe", "gnp.exe"),
        ("x" * 300, "x" * 80),
        ("Mu\u0308ller 12", "M\xfcller_12"),
        ("\u75c5\u5909-01", "\u75c5\u5909-01"),
        ("\u75c5" * 300, "\u75c5" * 66),
        ("\u0e20\u0e32\u0e1e\u0e17\u0e35\u0e48 1", "\u0e20\u0e32\u0e1e\u0e17\u0e35\u0e48_1"),
        ("CON", "frame_CON"),
        ("nul.2020", "frame_nul.2020"),
        ("console", "console"),
        ("frame. ", "frame"),
    ],
)
def test_a_name_in_the_zip_is_safe_on_every_system(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


def test_a_stem_that_is_taken_gets_a_number_that_is_free() -> None:
    taken: set[str] = set()
    assert [free_stem(stem, taken) for stem in ("a", "a-2", "a", "A")] == ["a", "a-2", "a-3", "A-4"]


def test_the_result_can_be_shown_without_loading_torch() -> None:
    code = "import sys, octseg.result, octseg.export.bundle; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_table_has_the_columns_of_all_records_and_no_number_under_another_name() -> None:
    """As where a reader corrected a frame that had been withdrawn, so that it has no intervals."""
    run = {"octseg": "0", "model": {"name": "m"}}
    records = [{"file": "a", "warnings": []}, {"file": "b", "intervals_95": {"arc": [1.0, 2.0]}, "warnings": ["w"]}]
    rows = list(csv.DictReader(measures_csv(run, records).splitlines()))
    assert [(row["file"], row["arc_low"], row["arc_high"]) for row in rows] == [("a", "", ""), ("b", "1.0", "2.0")]
    assert [(row["warnings"], row["model_name"], row["octseg"]) for row in rows] == [("", "m", "0"), ("w", "m", "0")]
    with pytest.raises(ValueError, match="c"):
        csv_under(["a", "b"], {"a": 1, "c": 2})
