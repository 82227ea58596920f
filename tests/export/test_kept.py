"""Exports of results that a program has, without the command line."""

import io
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from octseg.errors import OctsegError
from octseg.export.kept import export_pullback
from octseg.export.kinds import foreseen
from octseg.reading import read_pullback
from tests.fakes.dicom_files import pullback_file
from tests.fakes.exported import FRAME_MM, frame_of, masks_of, result_of

COUNT = 5


def test_results_that_stream_become_the_files_that_were_asked_for(tmp_path: Path) -> None:
    content = pullback_file([frame_of(number) for number in range(1, COUNT + 1)], SpacingBetweenSlices=str(FRAME_MM))
    pullback = read_pullback(content)
    held: list[int] = []

    def results():  # type: ignore[no-untyped-def]
        for number in range(1, COUNT + 1):
            held.append(number)
            yield result_of(number, measured=True)

    exported = export_pullback(results(), pullback, tmp_path / "out", ["nifti", "dicom-seg", "geojson"])
    assert held == list(range(1, COUNT + 1))
    assert exported.refused == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(exported.files)
    lumen = nibabel.load(tmp_path / "out" / f"{pullback.name}_lumen.nii.gz")
    assert lumen.header.get_zooms()[2] == pytest.approx(FRAME_MM)
    planes = np.asarray(lumen.dataobj).transpose(2, 1, 0)
    assert [np.array_equal(plane, masks_of(n)["lumen"]) for n, plane in enumerate(planes, 1)] == [True] * COUNT
    seg = pydicom.dcmread(tmp_path / "out" / f"{pullback.name}_seg.dcm")
    assert seg.StudyInstanceUID == pydicom.dcmread(io.BytesIO(content)).StudyInstanceUID


def test_a_kind_that_is_not_allowed_is_said_and_the_others_are_written(tmp_path: Path) -> None:
    pullback = read_pullback(pullback_file([frame_of(1), frame_of(2)]))
    exported = export_pullback((result_of(n) for n in (1, 2)), pullback, tmp_path, ["nifti", "geojson"])
    assert exported.files == [f"{pullback.name}.geojson"]
    assert len(exported.refused) == 1


def test_a_package_that_is_missing_is_told_before_anything_is_segmented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octseg.export.kinds.find_spec", lambda name: None)
    results = iter([result_of(1)])
    with pytest.raises(OctsegError, match="needs nibabel"):
        export_pullback(results, read_pullback(pullback_file([frame_of(1), frame_of(2)])), tmp_path, ["nifti"])
    assert len(list(results)) == 1


def test_what_a_pullback_does_not_allow_is_known_before_it_is_segmented() -> None:
    frames = [frame_of(1), frame_of(2)]
    known = read_pullback(pullback_file(frames, SpacingBetweenSlices=str(FRAME_MM)))
    assert foreseen(["nifti", "dicom-seg", "mp4"], known) == {}
    assert set(foreseen(["nifti", "mp4"], read_pullback(pullback_file(frames)))) == {"nifti"}
    no_source = foreseen(["dicom-seg", "coco"], replace(known, read_headers=None))
    assert list(no_source) == ["dicom-seg"]
    assert "give the DICOM file, or take nifti" in no_source["dicom-seg"]
