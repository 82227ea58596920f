"""Exports of corrected outlines: they hold the correction, say whose hand it was, and none of before stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from octseg.correction.corrections import Corrections
from octseg.correction.exporting import Exported, export
from octseg.correction.frames import CaseFrames, Given
from octseg.correction.measuring import Measuring
from octseg.correction.placing import LIST_NAME, placed
from octseg.correction.runs import changes
from octseg.correction.saved import SavedCase
from octseg.errors import CorrectionError, HeldError
from octseg.export.kinds import KINDS
from octseg.export.pictures import frame_png
from octseg.reading import read_pullback
from octseg.reading.private import is_private_file, mark_of
from tests.fakes.corrected import LIPID, LUMEN, SIDE, disc, opened, painted, save_results, vessel
from tests.fakes.dicom_files import PATIENT, pullback_file

COUNT = 4
SPOT = disc((SIDE, SIDE), 80, 352, 12)
SAID = "of 2 frames corrected by AB, 1 of them interpolated and not accepted"
ALL = list(KINDS)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[tuple[SavedCase, Corrections, Measuring]]:
    """Of a DICOM file: lipid was painted on frame 2, and frame 3 is interpolated."""
    folder = save_results(tmp_path, vessel(COUNT), frames=False)
    source = tmp_path / "vessel.dcm"
    source.write_bytes(pullback_file([phantom.frame for phantom in vessel(COUNT)]))
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0002")
    corrections.draw("vessel_0002", "brush", changes(before, painted(before, SPOT, LIPID)), "lipid_core")
    before = corrections.labels("vessel_0003")
    corrections.interpolate([("vessel_0003", changes(before, painted(before, SPOT, LIPID)))])
    given = Given(("vessel.dcm",), lambda: [read_pullback(source)], (source,))
    yield case, corrections, Measuring(case, CaseFrames(case, [given]))
    corrections.log.close()


def text_of(made: Exported, name: str) -> str:
    return (made.folder / name).read_text()


def test_each_kind_is_written_and_says_whose_hand_it_was(case: tuple) -> None:
    made = export(*case, ALL)
    assert made.notes == []
    assert SAID in text_of(made, "vessel_report.html")
    for name in ("vessel_coco.json", "vessel.geojson"):
        assert '"corrected_by": "AB", "corrected_frame_count": 2' in text_of(made, name)
    assert json.loads(text_of(made, "vessel_frames/vessel_0002.json"))["octseg"]["outlines"] == "corrected by hand"
    assert SAID.encode() in (made.folder / "vessel_overlay.mp4").read_bytes()
    (comment,) = nibabel.load(made.folder / "vessel_labels.nii.gz").header.extensions
    assert f"Outlines {SAID}." in comment.get_content().decode().rstrip("\0")


def test_volumes_hold_the_correction_where_it_was_drawn(case: tuple) -> None:
    made = export(*case, ["nifti"])
    labels = np.asarray(nibabel.load(made.folder / "vessel_labels.nii.gz").dataobj)
    assert [labels[352, 80, place] for place in range(COUNT)] == [0, LIPID, LIPID, 0]


def test_a_segmentation_holds_it_as_half_automatic_and_in_a_series_of_its_own(case: tuple) -> None:
    saved, corrections, measuring = case
    corrected = pydicom.dcmread(export(*case, ["dicom-seg"]).folder / "vessel_seg.dcm")
    corrections.undo()
    corrections.undo()
    models = pydicom.dcmread(export(saved, corrections, measuring, ["dicom-seg"]).folder / "vessel_seg.dcm")
    kinds = [{each.SegmentAlgorithmType for each in seg.SegmentSequence} for seg in (corrected, models)]
    assert kinds == [{"SEMIAUTOMATIC"}, {"AUTOMATIC"}]
    assert f"Outlines {SAID}." in corrected.SegmentSequence[0].SegmentDescription
    assert "corrected" not in models.SegmentSequence[0].SegmentDescription
    assert corrected.SeriesInstanceUID != models.SeriesInstanceUID
    assert corrected.SOPInstanceUID != models.SOPInstanceUID
    assert str(corrected.PatientName) == PATIENT["PatientName"]


def test_the_report_has_the_numbers_of_the_corrected_outlines(case: tuple) -> None:
    made = export(*case, ["report"])
    told = json.loads(text_of(made, "vessel_pullback.json"))["pullback"]
    assert told["lipid_volume_mm3"] > 0
    assert f'data-measure="lipid_volume_mm3">{told["lipid_volume_mm3"]:.2f}' in text_of(made, "vessel_report.html")


def test_outlines_of_coco_say_which_frames_were_corrected(case: tuple) -> None:
    images = json.loads(text_of(export(*case, ["coco"]), "vessel_coco.json"))["images"]
    interpolated = "interpolated between corrected frames, not accepted"
    assert [each["outlines"] for each in images] == [
        *("by the model", "corrected by hand", interpolated, "by the model")
    ]


def test_exports_of_outlines_before_do_not_stay(case: tuple) -> None:
    made = export(*case, ALL)
    assert (made.folder / "vessel_0003_overlay.png").is_file()
    case[1].undo()
    export(*case)
    left = {path.name for path in made.folder.iterdir()}
    assert (
        not {"vessel_report.html", "vessel_seg.dcm", "vessel_labels.nii.gz", "vessel_frames", "vessel_0003_overlay.png"}
        & left
    )
    assert {"measures.csv", "vessel_pullback.json", "vessel_0001_mask.png"} <= left


def test_a_readers_own_files_stay_and_so_do_those_that_were_changed(case: tuple) -> None:
    made = export(*case, ["labelme"])
    own, changed = made.folder / "vessel_frames" / "mine.json", made.folder / "vessel_frames" / "vessel_0001.json"
    own.write_text("{}")
    changed.write_text("{}")
    export(*case)
    assert sorted(path.name for path in (made.folder / "vessel_frames").iterdir()) == [own.name, changed.name]


def test_an_export_that_fails_leaves_the_one_before_as_it_was(case: tuple, tmp_path: Path) -> None:
    saved, corrections, _ = case
    made = export(*case, ["report"])
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    corrections.judge("vessel_0001", "accepted")
    with pytest.raises(CorrectionError, match="is not there"):
        export(saved, corrections, Measuring(saved, CaseFrames(saved)), ["report"])
    assert {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()} == before


def test_two_exports_into_one_folder_do_not_mix(case: tuple, tmp_path: Path) -> None:
    with placed(tmp_path / "corrected") as one:
        (one / "report.html").write_text("one")
        with pytest.raises(HeldError, match="exporting into corrected"), placed(tmp_path / "corrected"):
            pass
    assert (tmp_path / "corrected" / "report.html").read_text() == "one"
    (tmp_path / "corrected" / LIST_NAME).write_text('{"../vessel.dcm": "0"}')
    with placed(tmp_path / "corrected"):
        pass
    assert (tmp_path / "vessel.dcm").is_file()


def test_what_the_reader_rejected_is_said_along_the_vessel(case: tuple) -> None:
    case[1].judge("vessel_0001", "rejected", "blood")
    made = export(*case, ["report"])
    said = "Rejected by the reader, but counted in these numbers: frame 1"
    assert said in json.loads(text_of(made, "vessel_pullback.json"))["warnings"]
    assert said in text_of(made, "vessel_report.html")


def test_an_acceptance_from_before_outlines_were_interpolated_is_none(tmp_path: Path) -> None:
    case, corrections = opened(save_results(tmp_path, vessel(2)))
    corrections.judge("vessel_0002", "accepted")
    before = corrections.labels("vessel_0002")
    corrections.interpolate([("vessel_0002", changes(before, painted(before, SPOT, LIPID)))])
    made = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    assert json.loads(text_of(made, "measures.json"))["frames"][1]["reader_says"] == "open"


def test_a_frame_that_told_no_scale_is_measured_with_its_pullbacks(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    mm = vessel(2)[0].pixel_spacing_mm
    for name in ("measures.json", "vessel_pullback.json"):
        told = json.loads((folder / name).read_text())
        told.update({"pixel_spacing_mm": mm, "pixel_spacing_source": "ruler"} if "pullback" in name else {})
        for frame in told.get("frames", [])[1:]:
            frame.update(pixel_spacing_mm=None, pixel_spacing_source=None, withdrawn="It is black")
        (folder / name).write_text(json.dumps(told))
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0002")
    corrections.draw("vessel_0002", "brush", changes(before, painted(before, SPOT, LIPID)), "lipid_core")
    made = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    frame = json.loads(text_of(made, "measures.json"))["frames"][1]
    assert (frame["pixel_spacing_mm"], frame["pixel_spacing_source"]) == (mm, "ruler")
    assert frame["lumen_area_mm2"] > 0


def test_what_was_said_of_reading_stays_beside_corrected_numbers(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    path = folder / "vessel_pullback.json"
    told = json.loads(path.read_text())
    told["warnings"].append("The file ends early.")
    path.write_text(json.dumps(told))
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0001")
    corrections.draw("vessel_0001", "eraser", changes(before, painted(before, before == LUMEN, 0)), "lumen")
    made = export(case, corrections, Measuring(case, CaseFrames(case)))
    corrections.log.close()
    warnings = json.loads(text_of(made, path.name))["warnings"]
    assert "The file ends early." in warnings
    assert "1 of 2 frames have outlines that were corrected by hand" in warnings


def test_pictures_by_themselves_have_a_report_each_and_no_volume(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    (folder / "vessel_pullback.json").unlink()
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0001")
    corrections.draw("vessel_0001", "brush", changes(before, painted(before, SPOT, LIPID)), "lipid_core")
    made = export(case, corrections, Measuring(case, CaseFrames(case)), ["nifti", "report"])
    corrections.log.close()
    assert "corrected by hand" in text_of(made, "vessel_0001_report.html")
    assert "<dd>by the model</dd>" in text_of(made, "vessel_0002_report.html")
    (note,) = made.notes
    assert note.startswith("no NIfTI is written: these frames are no pullback")
    assert note in text_of(made, "README.txt")


def test_without_the_dicom_file_there_is_no_segmentation_and_all_else(tmp_path: Path) -> None:
    case, corrections = opened(save_results(tmp_path, vessel(2)))
    made = export(case, corrections, Measuring(case, CaseFrames(case)), ["dicom-seg", "nifti"])
    corrections.log.close()
    (note,) = made.notes
    assert note.startswith("no DICOM SEG is written")
    assert (made.folder / "vessel_labels.nii.gz").is_file()


def test_a_note_names_the_frames_it_is_about_where_there_are_several(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    table = json.loads((folder / "measures.json").read_text())
    table["frames"][1]["folder"] = "apart"  # of no pullback
    (folder / "measures.json").write_text(json.dumps(table))
    case, corrections = opened(folder)
    made = export(case, corrections, Measuring(case, CaseFrames(case)), ["nifti"])
    corrections.log.close()
    assert [note.partition(", no NIfTI")[0] for note in made.notes] == ["of vessel_0002"]
    assert (made.folder / "vessel_labels.nii.gz").is_file()


def test_copies_of_private_frames_bear_their_mark(tmp_path: Path) -> None:
    folder = save_results(tmp_path, vessel(2))
    for number, phantom in enumerate(vessel(2), start=1):
        content = frame_png(phantom.frame, mark_of(private=True))
        (folder / "vessel_frames" / f"vessel_{number:04d}.png").write_bytes(content)
    case, corrections = opened(folder)
    made = export(case, corrections, Measuring(case, CaseFrames(case)), ["labelme"])
    corrections.log.close()
    assert is_private_file(made.folder / "vessel_frames" / "vessel_0001.png")


def test_contours_need_nothing_along_the_vessel(tmp_path: Path) -> None:
    """Results of before each ray's cap was saved: corrections of them are exported all the same."""
    folder = save_results(tmp_path, vessel(2))
    told = json.loads((folder / "vessel_pullback.json").read_text())
    del told["en_face"]["fibrous_caps"]
    (folder / "vessel_pullback.json").write_text(json.dumps(told))
    case, corrections = opened(folder)
    before = corrections.labels("vessel_0001")
    corrections.draw("vessel_0001", "brush", changes(before, painted(before, SPOT, LIPID)), "lipid_core")
    made = export(case, corrections, Measuring(case, CaseFrames(case)), ["coco", "geojson", "labelme", "report"])
    corrections.log.close()
    assert '"corrected_by": "AB"' in text_of(made, "vessel_coco.json")
    assert {"vessel.geojson", "vessel_frames/vessel_0001.json"} <= set(made.files)
    assert made.notes[0].startswith("vessel_pullback.json is not written: nothing along the vessel can be measured")
