"""`octseg predict --export`: what is written of a pullback, of pictures, and after a kill."""

import contextlib
import io
import json
import os
import random
import shutil
import time
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pycocotools.coco import COCO

from octseg.cli import main
from octseg.export.journal import JOURNAL_NAME
from octseg.export.kinds import NAMES
from octseg.phantom import random_pullback
from tests.fakes.commands import OCTSEG, QUICK, names
from tests.fakes.dicom_files import PATIENT, pullback_file
from tests.fakes.forking import start_python
from tests.fakes.full_disk import files_limited_to
from tests.fakes.pullbacks import video

FRAMES = 3


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DICOM file of some frames of one vessel, as consoles write it: without an ending."""
    frames = [phantom.frame for phantom in random_pullback(7, 40).phantoms(12, 11 + FRAMES)]
    path = tmp_path_factory.mktemp("dicom") / "IMG001"
    path.write_bytes(pullback_file(frames, SpacingBetweenSlices="0.2"))
    return path


@pytest.fixture(scope="module")
def out(dicom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all exports of it are."""
    out = tmp_path_factory.mktemp("out")
    assert main(["predict", str(dicom), "--out", str(out), "--export", ",".join(NAMES), *QUICK]) == 0
    return out


def test_volumes_contours_and_segmentation_have_the_masks_that_the_pictures_show(dicom: Path, out: Path) -> None:
    labels = np.asarray(nibabel.load(out / "IMG001_labels.nii.gz").dataobj).transpose(2, 1, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(out / "IMG001_coco.json"))
    seg = pydicom.dcmread(out / "IMG001_seg.dcm")
    for number in range(1, FRAMES + 1):
        mask = np.asarray(Image.open(out / f"IMG001_000{number}_mask.png"))
        assert np.array_equal(labels[number - 1], mask)
        (lumen,) = coco.loadAnns(coco.getAnnIds(number, catIds=[1]))
        in_volume = np.asarray(nibabel.load(out / "IMG001_lumen.nii.gz").dataobj)[..., number - 1].T
        assert np.array_equal(coco.annToMask(lumen), in_volume)
        assert np.array_equal(seg.pixel_array[number - 1], in_volume)


def test_nothing_of_the_patient_is_in_any_file_but_the_segmentation(out: Path) -> None:
    for path in (path for path in out.rglob("*") if path.is_file()):
        bears = any(value.encode() in path.read_bytes() for value in PATIENT.values())
        assert bears == (path.name == "IMG001_seg.dcm"), path.name
    with zipfile.ZipFile(out / "results.zip") as archive:
        assert {"IMG001_seg.dcm", "IMG001_frames/IMG001_0001.json", "measures.csv"} <= set(archive.namelist())


def test_what_exports_are_made_of_is_not_left_behind(out: Path) -> None:
    others = [name for name in names(out) if not name.startswith(("IMG001_", "measures."))]
    assert others == ["IMG001.geojson", "results.zip"]


def test_an_unknown_export_is_told_with_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["predict", "frame.png", "--out", str(tmp_path / "out"), "--export", "nifti,stl"])
    assert ended.value.code == 2
    assert "stl is no export; there are coco, " in capsys.readouterr().err


def test_a_package_that_is_missing_is_told_before_anything_is_done(
    dicom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octseg.export.kinds.find_spec", lambda name: None)
    assert main(["predict", str(dicom), "--out", str(tmp_path / "out"), "--export", "dicom-seg"]) == 1
    said = capsys.readouterr().err
    assert said == "octseg: --export dicom-seg needs highdicom, not installed here: pip install 'octseg[export]'\n"
    assert not (tmp_path / "out").exists()


def test_pictures_by_themselves_are_one_file_of_contours_and_no_volume(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["predict", str(phantoms), "--out", str(out), "--export", "coco,nifti", *QUICK]) == 1
    images = json.loads((out / "images_coco.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["phantom_0001.png", "phantom_0002.png"]
    assert "no NIfTI is written: these frames are no pullback" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_goes_on_to_the_same_exports(dicom: Path, out: Path, tmp_path: Path) -> None:
    asked = ["predict", str(dicom), "--export", ",".join(NAMES), *QUICK, "--out"]
    whole, out, chance = out, tmp_path / "out", random.Random()
    for number in range(3):
        running = start_python([*OCTSEG, *asked, str(out)], os.environ, stderr=tmp_path / f"err{number}")
        while running.poll() is None and not (out / JOURNAL_NAME).exists():
            time.sleep(0.002)
        time.sleep(chance.random() * 4)
        running.kill()
        running.wait(120)
    assert main([*asked, str(out)]) == 0
    assert content_of(out) == content_of(whole)
    assert zipfile.ZipFile(out / "results.zip").testzip() is None


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_input_that_lies_in_the_folder_of_the_results_is_not_written_over(phantoms: Path, tmp_path: Path) -> None:
    pictures = [np.asarray(Image.open(path)) for path in sorted(phantoms.iterdir())]
    own = video(tmp_path / "run_overlay.mp4", pictures, "mpeg4", options={"qscale": "2"})
    shutil.copy(own, tmp_path / "run.mp4")
    before = own.read_bytes()
    inputs = [str(own), str(tmp_path / "run.mp4")]
    assert main(["predict", *inputs, "--out", str(tmp_path), "--export", "mp4,coco", "--no-overlay", *QUICK]) == 0
    assert own.read_bytes() == before
    assert {"run-2_overlay.mp4", "run_overlay_overlay.mp4", "run-2_coco.json"} <= set(names(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nifti", "dicom-seg", "mp4"])
def test_a_disk_without_room_is_told_in_one_sentence_and_the_run_goes_on_when_there_is_some(
    dicom: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    asked = ["predict", str(dicom), "--no-overlay", "--export", kind, "--out", str(tmp_path / "out"), *QUICK]
    with files_limited_to(9_000 if kind == "nifti" else 30_000):
        assert main(asked) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if "frame" not in line]
    assert len(told) == 1
    assert "could not be written: the file would be larger than allowed here" in told[0]
    assert main(asked) == 0
    made = content_of(tmp_path / "out")
    assert not [name for name in made if name.endswith(".part")]
    for name in made.keys() - {"measures.csv", "measures.json"}:
        assert made[name] == (out / name).read_bytes(), name


def test_frames_that_were_written_are_passed_over_where_a_folder_is_searched(
    out: Path, phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    shutil.copytree(out / "IMG001_frames", study / "results" / "IMG001_frames")
    shutil.copy(phantoms / "phantom_0001.png", study)
    assert main(["predict", str(study), "--out", str(tmp_path / "out"), *QUICK]) == 0
    assert "1 frame of 1 input" in capsys.readouterr().out


def test_what_a_file_does_not_allow_is_told_before_its_frames_are_segmented_and_again_at_the_end(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = video(tmp_path / "run.mp4", [np.asarray(Image.open(path)) for path in sorted(phantoms.iterdir())], "mpeg4")
    assert main(["predict", str(own), "--out", str(tmp_path / "out"), "--export", "dicom-seg,geojson", *QUICK]) == 1
    said = capsys.readouterr().err
    first, last = said.index("no DICOM SEG is written"), said.rindex("no DICOM SEG is written")
    assert first < said.index("nothing tells the distance") < last
    assert (tmp_path / "out" / "run.geojson").is_file()


def test_where_no_frame_can_be_read_no_zip_file_is_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "broken.png"), "--out", str(out), "--export", "zip", *QUICK]) == 1
    said = capsys.readouterr().err
    assert "broken.png" in said
    assert "results.zip" not in said
