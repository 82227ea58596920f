"""Corrected results beside the saved ones: what changes, what stays, and that a training takes them as they stand."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from octseg.comparison.comparing import compare
from octseg.comparison.formats import open_reading
from octseg.correction.corrections import Corrections
from octseg.correction.exporting import Exported, export
from octseg.correction.frames import ANY_NAME, CaseFrames, Given
from octseg.correction.log import CorrectionLog, head_of
from octseg.correction.measuring import Measuring
from octseg.correction.runs import changes
from octseg.correction.saved import SavedCase, open_saved
from octseg.errors import CorrectionError, OwnResultError, ReadError
from octseg.export.png import rgb_png
from octseg.model import ModelConfig
from octseg.reading import read_pullback
from octseg.reading.private import is_private_file, mark_of
from tests.fakes.corrected import LIPID, LUMEN, SIDE, disc, opened, painted, save_results, vessel
from train import prepare
from train.__main__ import goes_on
from train.dataset import open_data
from train.provenance import load_start

COUNT = 5
SPOT = disc((SIDE, SIDE), 80, 352, 12)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[SavedCase, Corrections, Exported, dict[str, bytes]]:
    """Frame 1 has a stroke, 2 too and is rejected, 3 is accepted as it is, 4 is interpolated."""
    folder = save_results(tmp_path_factory.mktemp("case"), vessel(COUNT))
    saved = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0001")
    corrections.draw("vessel_0001", "brush", changes(before, painted(before, SPOT, LIPID)), "lipid_core")
    before = corrections.labels("vessel_0002")
    half = (before == LUMEN) & (np.arange(SIDE)[:, None] > SIDE // 2)
    corrections.draw("vessel_0002", "eraser", changes(before, painted(before, half, 0)), "lumen")
    corrections.judge("vessel_0002", "rejected", "blood")
    corrections.judge("vessel_0003", "accepted")
    before = corrections.labels("vessel_0004")
    corrections.interpolate([("vessel_0004", changes(before, painted(before, SPOT, LIPID)))])
    exported = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    return case, corrections, exported, saved


def frames_in(folder: Path) -> list[dict]:
    return json.loads((folder / "measures.json").read_text())["frames"]


def test_the_saved_files_stay_as_they_are(made: tuple) -> None:
    case, _, _, saved = made
    assert {name: (case.folder / name).read_bytes() for name in saved} == saved


def test_each_number_says_whose_outlines_it_is_of(made: tuple) -> None:
    records = frames_in(made[2].folder)
    interpolated = "interpolated between corrected frames, not accepted"
    assert [each["outlines"] for each in records] == [
        *("corrected by hand", "corrected by hand", "by the model", interpolated, "by the model")
    ]
    assert [each["strokes"] for each in records] == [1, 1, 0, 1, 0]
    assert records[1]["reader_says_why"] == "blood"


def test_what_was_not_corrected_keeps_its_numbers_and_the_others_have_new_ones(made: tuple) -> None:
    case, _, exported, _ = made
    saved, now = frames_in(case.folder), frames_in(exported.folder)
    assert {name: now[2][name] for name in saved[2] if name != "overlay_file"} == {
        name: value for name, value in saved[2].items() if name != "overlay_file"
    }
    mm = case.record("vessel_0002")["pixel_spacing_mm"]
    drawn = (made[1].labels("vessel_0002") == LUMEN).sum()
    assert now[1]["lumen_area_mm2"] == pytest.approx(drawn * mm**2, rel=0.01)
    assert now[1]["lumen_area_mm2"] < 0.7 * saved[1]["lumen_area_mm2"]


def test_the_table_has_as_many_cells_in_each_row(made: tuple) -> None:
    with (made[2].folder / "measures.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == COUNT + 1


def test_the_log_goes_along(made: tuple) -> None:
    assert (made[2].folder / "corrections.jsonl").read_bytes() == made[1].log.path.read_bytes()


def test_a_training_takes_what_was_drawn_or_accepted_by_hand_as_it_stands(made: tuple, tmp_path: Path) -> None:
    folder, out = made[2].folder, tmp_path / "data"
    given = ["--source", "folder", "--data", str(folder), "--classes", "all", "--split", "none", "--out", str(out)]
    assert prepare.main(given) == 0
    rows = [json.loads(line) for line in (out / "train" / "metadata.jsonl").read_text().splitlines()]
    assert [(row["study"], row["frame"]) for row in rows] == [("vessel", 1), ("vessel", 3)]
    true = made[0].labels("vessel_0003")
    mm = made[0].record("vessel_0003")["pixel_spacing_mm"]
    for value, name in ((1, "lumen"), (2, "fibrous_cap"), (3, "lipid_core")):
        assert rows[1][f"{name}_area_mm2"] == pytest.approx((true == value).sum() * mm**2, rel=0.01)
    assert prepare.main(["--check", str(out)]) == 0


def test_masks_to_train_on_are_no_pullbacks(made: tuple) -> None:
    for path in (made[2].folder / "mask").iterdir():
        with pytest.raises(
            OwnResultError, match=f"{path.name} is a file of masks that this program wrote, not a frame"
        ):
            read_pullback(path)


def test_the_command_in_the_readme_makes_data_on_which_the_bundled_model_goes_on(
    made: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (made[2].folder / "README.txt").read_text()
    [command] = [line for line in readme.splitlines() if "train.prepare" in line]
    monkeypatch.chdir(made[2].folder.parent)
    assert prepare.main([*shlex.split(command)[3:-1], str(tmp_path / "data")]) == 0
    data = open_data(tmp_path / "data", "train")
    assert goes_on(load_start(Path("bundled")), ModelConfig(classes=data.classes)).classes == data.classes


def test_several_corrected_cases_are_one_source(made: tuple, tmp_path: Path) -> None:
    for study in ("one", "two"):
        for kind in ("img", "mask"):
            (tmp_path / "cases" / study / kind).mkdir(parents=True)
            for path in (made[2].folder / kind).iterdir():
                (tmp_path / "cases" / study / kind / path.name).write_bytes(path.read_bytes())
        told = (made[2].folder / "studies.csv").read_text().replace(",vessel,", f",{study},")
        (tmp_path / "cases" / study / "studies.csv").write_text(told)
    out = tmp_path / "data"
    given = ["--source", "folder", "--data", str(tmp_path / "cases"), "--split", "none", "--out", str(out)]
    assert prepare.main(given) == 0
    rows = [json.loads(line) for line in (out / "train" / "metadata.jsonl").read_text().splitlines()]
    assert [row["study"] for row in rows] == ["one", "one", "two", "two"]


def test_pictures_of_a_folder_are_no_patients_each(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    (folder / "vessel_pullback.json").unlink()
    case, corrections = opened(folder)
    for stem in case.stems:
        corrections.judge(stem, "accepted")
    exported = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    rows = list(csv.DictReader((exported.folder / "studies.csv").open(newline="")))
    assert [(row["study"], row["frame"]) for row in rows] == [("results", "1"), ("results", "2")]


def test_two_readers_are_compared_by_what_each_exports(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    case = open_saved(folder)
    for reader, tissue in (("AB", LIPID), ("CD", LUMEN)):
        log = CorrectionLog(folder / f"corrections_{reader}.jsonl", head_of(case.run, reader))
        corrections = Corrections(case, log)
        before = corrections.labels("vessel_0001")
        half = (before == LUMEN) & (np.arange(SIDE)[:, None] > SIDE // 2)
        after = painted(before, SPOT, LIPID) if tissue == LIPID else painted(before, half, 0)
        corrections.draw("vessel_0001", "brush", changes(before, after))
        export(case, corrections, Measuring(case, CaseFrames(case)))
        log.close()
    readings = [open_reading(folder / f"corrected_{reader}", None, None) for reader in ("AB", "CD")]
    (alone,) = compare(*readings).frames
    assert alone.label == "vessel_0001"  # the other one no reader has touched
    compared = compare(*readings, all_frames=True)
    assert compared.words == ("AB", "CD")
    other = (corrections.labels("vessel_0001") == LUMEN).sum()
    whole = (case.labels("vessel_0001") == LUMEN).sum()
    assert compared.frames[0].overlaps["lumen"].dice == pytest.approx(2 * other / (other + whole))
    assert compared.frames[1].overlaps["lumen"].dice == 1


@pytest.mark.parametrize("beside", [True, False])
def test_a_private_frame_stays_marked_as_private_in_what_is_exported(tmp_path: Path, beside: bool) -> None:
    first, second = vessel(2)
    folder = save_results(tmp_path, (first, second), frames=beside)
    private = folder / "vessel_frames/vessel_0001.png" if beside else tmp_path / "1.png"
    private.write_bytes(rgb_png(first.frame, mark_of(private=True)))
    given = [] if beside else [Given((ANY_NAME,), lambda: [read_pullback(private)], (private,))]
    case, corrections = opened(folder)
    corrections.judge("vessel_0001", "accepted")
    if beside:
        corrections.judge("vessel_0002", "accepted")
    made = export(case, corrections, Measuring(case, CaseFrames(case, given)))
    kept = {path.name: is_private_file(path) for path in (made.folder / "img").iterdir()}
    assert kept == {"vessel_0001.png": True, **({"vessel_0002.png": False} if beside else {})}


def test_what_a_user_has_changed_in_an_export_is_kept_by_the_next(tmp_path: Path) -> None:
    """The studies, which tell a split who is one patient, go on; another file is kept beside."""
    case, corrections = opened(save_results(tmp_path, vessel(2)))
    corrections.judge("vessel_0001", "accepted")
    folder = export(case, corrections, Measuring(case, CaseFrames(case))).folder
    studies, table = folder / "studies.csv", folder / "measures.csv"
    studies.write_text(studies.read_text().replace(",vessel,", ",PATIENT7,"))
    table.write_text("mine")
    corrections.judge("vessel_0002", "accepted")
    export(case, corrections, Measuring(case, CaseFrames(case)))
    rows = {row["file"]: row["study"] for row in csv.DictReader(studies.read_text().splitlines())}
    assert rows["vessel_0001.png"] == "PATIENT7"
    assert len(rows) == 2
    assert (folder / "measures.csv.changed").read_text() == "mine"
    assert table.read_text() != "mine"
    export(case, corrections, Measuring(case, CaseFrames(case)))
    assert sorted(path.name for path in folder.glob("*.changed")) == ["measures.csv.changed", "studies.csv.changed"]
    corrections.log.close()


def test_results_whose_masks_a_run_is_writing_anew_are_neither_reviewed_nor_compared(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    (folder / "unfinished.jsonl").touch()
    with pytest.raises(CorrectionError, match="under way or was ended"):
        open_saved(folder)
    with pytest.raises(ReadError, match="under way or was ended"):
        open_reading(folder)
