"""Files of a pullback, made when they are asked for."""

import csv
import gzip
import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

from octseg.errors import OctsegError
from octseg.export.kept import Kept
from octseg.pullback import Pullback
from octseg.reading import read_pullback
from octseg.ui.downloads import Downloads
from octseg.ui.faults import FULL_DISK
from octseg.ui.formats import FORMATS
from tests.fakes.dicom_files import pullback_file
from tests.fakes.exported import FRAME_MM, frame_of, masks_of, result_of
from tests.fakes.full_disk import files_limited_to

COUNT, PATIENCE_S = 4, 60.0
ROOM = threading.Semaphore(1)
KEY = "ab" * 16
EVERYTHING = [each.name for each in FORMATS]


def held(tmp_path: Path, count: int = COUNT) -> tuple[Downloads, Kept]:
    (tmp_path / "masks").mkdir()
    kept = Kept(tmp_path / "masks")
    for number in range(1, count + 1):
        kept.add(result_of(number, measured=True))
    return Downloads(kept, tmp_path, ROOM, lambda: None), kept


def dicom(name: str = "IMG001", **header: str) -> Pullback:
    frames = [frame_of(number) for number in range(1, COUNT + 1)]
    return replace(read_pullback(pullback_file(frames, **{"SpacingBetweenSlices": str(FRAME_MM), **header})), name=name)


def made(downloads: Downloads, pullback: Pullback, *names: str) -> dict[str, object]:
    """What the page is told once the files are there, or are not."""
    downloads.ask(names, pullback, None)
    deadline = time.monotonic() + PATIENCE_S
    while (told := downloads.record(KEY, pullback, None))["state"] in ("waiting", "making"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return told


def members(downloads: Downloads, number: int = 0) -> zipfile.ZipFile:
    files = downloads.made(number)
    assert files is not None
    return zipfile.ZipFile(io.BytesIO(b"".join(files.zipped())))


def test_nothing_is_made_until_it_is_asked_for(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    assert downloads.record(KEY, dicom(), None)["state"] == "none"
    assert {path.name for path in tmp_path.iterdir()} == {"masks"}


def test_all_formats_come_in_one_zip_that_says_where_they_are_from(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    pullback = dicom()
    told = made(downloads, pullback, *EVERYTHING)
    assert (told["state"], told["refused"], told["file"]) == ("ready", [], "IMG001_results.zip")
    assert told["href"] == f"octseg/results/{KEY}/0"
    archive = members(downloads)
    assert archive.testzip() is None
    rows = list(csv.DictReader(io.StringIO(archive.read("IMG001_measures.csv").decode())))
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4"]
    assert {row["model_sha256"] for row in rows} == {"ab" * 32}
    assert len(json.loads(archive.read("IMG001_measures.json"))["frames"]) == COUNT
    assert json.loads(archive.read("IMG001_pullback.json"))["frame_spacing_mm"] == FRAME_MM
    mask = Image.open(io.BytesIO(archive.read("IMG001_masks/IMG001_0002_mask.png")))
    assert np.array_equal(np.asarray(mask) == 3, masks_of(2)["lipid_core"] & ~masks_of(2)["vasa_vasorum"])
    assert "ab" * 32 in mask.info["Model"]
    volume = nibabel.Nifti1Image.from_bytes(gzip.decompress(archive.read("IMG001_lumen.nii.gz")))
    assert volume.header.get_zooms()[2] == pytest.approx(FRAME_MM)
    seg = pydicom.dcmread(io.BytesIO(archive.read("IMG001_seg.dcm")))
    assert seg.Modality == "SEG"
    assert {"IMG001.geojson", "IMG001_coco.json", "IMG001_overlay.mp4", "IMG001_report.html", "README.txt"} <= set(
        archive.namelist()
    )


def test_one_file_comes_as_it_is_and_is_called_after_what_was_dropped(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    told = made(downloads, dicom(name="Fall 7/../LAD"), "report")
    assert told["file"] == "Fall_7_.._LAD_report.html"
    assert re.fullmatch(f"gradio_api/file={tmp_path}/files-[^/]+/Fall_7_.._LAD_report.html", str(told["href"]))


def test_nothing_of_the_patient_is_in_any_file_but_the_one_that_says_so(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    told = made(downloads, dicom(PatientName="CANARY^JANE", PatientID="CANARY7"), *EVERYTHING)
    assert told["state"] == "ready"
    archive = members(downloads)
    bearing = [name for name in archive.namelist() if b"CANARY" in archive.read(name)]
    assert bearing == ["IMG001_seg.dcm"]
    assert [each.name for each in FORMATS if each.patient] == ["dicom-seg"]


def offers(downloads: Downloads, pullback: Pullback) -> dict[str, str]:
    return {each["name"]: each["why_not"] for each in downloads.record(KEY, pullback, None)["offers"]}


@pytest.mark.parametrize(
    ("change", "refused", "said"),
    [
        (lambda pullback: replace(pullback, read_headers=None), {"dicom-seg"}, "Only of a DICOM file"),
        (lambda pullback: replace(pullback, read_headers=_unnamed(pullback)), {"dicom-seg"}, "which study"),
        (lambda pullback: replace(pullback, frame_spacing_mm=None), {"dicom-seg", "nifti"}, "distance between frames"),
    ],
)
def test_what_cannot_be_made_is_said_before_it_is_asked_for(
    tmp_path: Path, change: Callable[[Pullback], Pullback], refused: set[str], said: str
) -> None:
    downloads, _ = held(tmp_path)
    told = offers(downloads, change(dicom()))
    assert {name for name, why_not in told.items() if why_not} == refused
    assert all(said in told[name] for name in refused)


def _unnamed(pullback: Pullback) -> Callable[[], list[pydicom.Dataset]]:
    assert pullback.read_headers is not None
    headers = list(pullback.read_headers())
    del headers[0].StudyInstanceUID
    return lambda: headers


def test_a_format_whose_package_is_missing_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads, _ = held(tmp_path)
    monkeypatch.setattr("octseg.export.kinds.find_spec", lambda name: None if name == "nibabel" else name)
    assert offers(downloads, dicom())["nifti"] == "Not installed on this server."


def test_files_during_a_run_are_of_the_frames_that_are_done(tmp_path: Path) -> None:
    downloads, kept = held(tmp_path, count=2)
    assert made(downloads, dicom(), "mp4", "tables")["state"] == "ready"
    kept.add(result_of(3, measured=True))
    assert made(downloads, dicom(), "tables")["state"] == "ready"
    frames = [json.loads(members(downloads, n).read("IMG001_measures.json"))["frames"] for n in (0, 1)]
    assert [len(each) for each in frames] == [2, 3]


def test_a_full_disk_is_a_sentence_of_the_page_and_the_next_try_works(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    with files_limited_to(10):
        told = made(downloads, dicom(), "geojson")
    assert (told["state"], told["sentence"]) == ("failed", FULL_DISK)
    assert {path.name for path in tmp_path.iterdir()} == {"masks"}
    assert made(downloads, dicom(), "geojson")["state"] == "ready"


def test_frames_that_are_gone_are_a_sentence(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)

    def gone(first: int, last: int) -> object:
        raise FileNotFoundError(2, "no such file", "/visitors/DOE_JANE.dcm")

    told = made(downloads, replace(dicom(), read_range=gone, read_frames=lambda: gone(0, 1)), "mp4")
    assert told["sentence"] == "The server no longer has the frames of this pullback; send it again."


def test_files_that_were_deleted_are_no_longer_handed_out(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    made(downloads, dicom(), "tables")
    next(tmp_path.glob("files-*/IMG001_measures.csv")).unlink()
    assert downloads.made(0) is None
    assert downloads.made(7) is None


@pytest.mark.parametrize("names", [[], ["nifty"], ["report", "../x"]])
def test_what_is_no_format_is_refused(tmp_path: Path, names: list[str]) -> None:
    downloads, _ = held(tmp_path)
    with pytest.raises(OctsegError, match="choose what to download"):
        downloads.ask(names, dicom(), None)


def test_a_second_wish_waits_for_the_first_of_the_same_pullback(tmp_path: Path) -> None:
    downloads, _ = held(tmp_path)
    with ROOM:
        downloads.ask(["report"], dicom(), None)
        with pytest.raises(OctsegError, match="being made already"):
            downloads.ask(["tables"], dicom(), None)


def test_one_making_at_a_time_takes_the_server(tmp_path: Path) -> None:
    room = threading.Semaphore(1)
    (tmp_path / "masks").mkdir()
    kept = Kept(tmp_path / "masks")
    kept.add(result_of(1, measured=True))
    downloads = Downloads(kept, tmp_path, room, lambda: None)
    with room:
        downloads.ask(["tables"], dicom(), None)
        assert downloads.record(KEY, dicom(), None)["state"] == "waiting"
