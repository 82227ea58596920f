"""Masks as a DICOM segmentation, as highdicom, SimpleITK and dcmqi open it and dicom3tools judges it."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK

from octseg.errors import NotExportedError
from octseg.export.dicom import write_dicom_seg
from octseg.reading import read_pullback
from tests.fakes.dicom_files import PATIENT, pullback_file
from tests.fakes.exported import CLASS_NAMES, FRAME_MM, HEIGHT, MODEL, PIXEL_MM, WIDTH, frame_of, masks_of, segmented

COUNT = 6


@pytest.fixture(scope="module")
def source() -> bytes:
    return pullback_file([frame_of(number) for number in range(1, COUNT + 1)])


def written(source: bytes, folder: Path, **more: object) -> Path:
    headers = read_pullback(source).read_headers
    (name,) = write_dicom_seg(segmented(read_headers=headers, **more), folder, "run")  # type: ignore[arg-type]
    return folder / name


def segment_of(item: pydicom.Dataset) -> int:
    return int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def headers(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)


def test_highdicom_has_each_mask_of_each_source_frame(source: bytes, tmp_path: Path) -> None:
    seg = highdicom.seg.segread(written(source, tmp_path))
    uid = headers(source).SOPInstanceUID
    planes = seg.get_pixels_by_source_frame(uid, list(range(1, COUNT + 1)))
    assert planes.shape == (COUNT, HEIGHT, WIDTH, len(CLASS_NAMES))
    for number in range(1, COUNT + 1):
        for plane, name in enumerate(CLASS_NAMES):
            assert np.array_equal(planes[number - 1, ..., plane], masks_of(number)[name]), (number, name)


def test_it_refers_to_the_study_and_the_series_of_its_source(source: bytes, tmp_path: Path) -> None:
    seg, of = pydicom.dcmread(written(source, tmp_path)), headers(source)
    assert seg.StudyInstanceUID == of.StudyInstanceUID
    assert seg.SeriesInstanceUID != of.SeriesInstanceUID
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == of.SeriesInstanceUID
    assert seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == of.SOPInstanceUID
    assert (seg.PatientID, str(seg.PatientName)) == (PATIENT["PatientID"], PATIENT["PatientName"])
    assert "InstitutionName" not in seg
    assert seg.SegmentsOverlap == "YES"
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == [
        *("Lumen", "Fibrous cap", "Lipid core", "Vasa vasorum")
    ]
    assert seg.DeviceSerialNumber == MODEL.sha256


@pytest.mark.parametrize("first", [1, 3])
def test_frames_run_from_the_first_to_the_last_along_z_in_every_reader(
    source: bytes, tmp_path: Path, first: int
) -> None:
    """By the file's order and its indices, by positions, by ITK, and by dcmqi."""
    path = written(source, tmp_path, first=first, count=COUNT + 1 - first)
    numbers = list(range(first, COUNT + 1))
    seg = pydicom.dcmread(path)
    lumens = [item for item in seg.PerFrameFunctionalGroupsSequence if segment_of(item) == 1]
    of = [item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber for item in lumens]
    assert [int(number) for number in of] == numbers
    assert [item.FrameContentSequence[0].DimensionIndexValues[1] for item in lumens] == [n - first + 1 for n in numbers]
    z = [float(item.PlanePositionSequence[0].ImagePositionPatient[2]) for item in lumens]
    assert z == pytest.approx([(number - 1) * FRAME_MM for number in numbers])
    by_itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert [np.array_equal(by_itk[n - first] > 0, masks_of(n)["lumen"]) for n in numbers] == [True] * len(numbers)
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("segimage2itkimage")), "--inputDICOM", str(path)),
            *("--outputDirectory", str(tmp_path), "--outputType", "nrrd", "--prefix", "dcmqi"),
        ],
        check=True,
        capture_output=True,
    )
    for segment, name in enumerate(CLASS_NAMES[:3], start=1):
        volume = SimpleITK.ReadImage(str(tmp_path / f"dcmqi-{segment}.nrrd"))
        assert volume.GetSpacing() == pytest.approx((PIXEL_MM, PIXEL_MM, FRAME_MM))
        assert volume.GetOrigin() == pytest.approx((0, 0, (first - 1) * FRAME_MM))
        planes = SimpleITK.GetArrayFromImage(volume)
        assert [np.array_equal(planes[n - first] > 0, masks_of(n)[name]) for n in numbers] == [True] * len(numbers)


def test_dicom3tools_has_nothing_against_it(source: bytes, tmp_path: Path) -> None:
    judge = shutil.which("dciodvfy")
    if judge is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run([judge, str(written(source, tmp_path))], capture_output=True, text=True, check=False)
    assert "Error" not in done.stdout + done.stderr


def test_the_same_frames_give_the_same_bytes_and_other_masks_another_instance(source: bytes, tmp_path: Path) -> None:
    for folder in ("one", "two", "other"):
        (tmp_path / folder).mkdir()
    one, two = (written(source, tmp_path / folder) for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    other = written(source, tmp_path / "other", withdrawn=(2,))
    assert pydicom.dcmread(other).SOPInstanceUID != pydicom.dcmread(one).SOPInstanceUID


def test_what_is_no_dicom_file_has_nothing_to_refer_to(tmp_path: Path) -> None:
    with pytest.raises(NotExportedError, match="give the DICOM file, or take nifti"):
        write_dicom_seg(segmented(), tmp_path, "run")
    assert list(tmp_path.iterdir()) == []
