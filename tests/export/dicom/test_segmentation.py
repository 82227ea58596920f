"""Masks as a DICOM segmentation, as highdicom, SimpleITK and dcmqi open it and dicom3tools judges it."""

import io
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from octseg.errors import NotExportedError
from octseg.export.dicom import write_dicom_seg
from octseg.export.dicom.segments import ascii_of
from octseg.reading import read_pullback, read_pullbacks
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


def by_dcmqi(path: Path, folder: Path) -> None:
    """A volume of each segment, dcmqi-<number>.nrrd."""
    command = [str(Path(sys.executable).with_name("segimage2itkimage")), "--inputDICOM", str(path)]
    command += ["--outputDirectory", str(folder), "--outputType", "nrrd", "--prefix", "dcmqi"]
    subprocess.run(command, check=True, capture_output=True)


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
    by_dcmqi(path, tmp_path)
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
    for given in (segmented(), replace(segmented(), measures=None)):
        with pytest.raises(NotExportedError, match="give the DICOM file, or take nifti"):
            write_dicom_seg(given, tmp_path, "run")
    assert list(tmp_path.iterdir()) == []


def singles(folder: Path, **elements: object) -> list[pydicom.Dataset]:
    """A series of single-frame files, their names in another order than their instances; their headers."""
    uids = {"SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
    made = []
    for number in range(1, COUNT + 1):
        own = {name: value(number) if callable(value) else value for name, value in elements.items()}
        content = pullback_file([frame_of(number)], InstanceNumber=number, **uids, **own)  # type: ignore[arg-type]
        dataset = pydicom.dcmread(io.BytesIO(content))
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        del dataset.NumberOfFrames
        dataset.save_as(folder / f"{COUNT - number}.dcm")
        made.append(dataset)
    return made


def test_a_series_of_single_frames_is_referred_to_file_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    files = singles(folder)
    (pullback,) = read_pullbacks(folder)
    (name,) = write_dicom_seg(segmented(read_headers=pullback.read_headers), tmp_path, "run")
    seg = highdicom.seg.segread(tmp_path / name)
    planes = seg.get_pixels_by_source_instance([file.SOPInstanceUID for file in files])
    for number in range(1, COUNT + 1):
        for plane, tissue in enumerate(CLASS_NAMES):
            assert np.array_equal(planes[number - 1, ..., plane], masks_of(number)[tissue]), (number, tissue)
    references = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {each.ReferencedSOPClassUID for each in references} == {SecondaryCaptureImageStorage}
    assert len(references) == COUNT


def test_planes_that_the_source_has_are_kept(tmp_path: Path) -> None:
    folder, reference = tmp_path / "series", generate_uid()
    folder.mkdir()
    singles(
        folder,
        FrameOfReferenceUID=reference,
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        ImagePositionPatient=lambda number: [5.0 - 0.25 * number, 2.0, 3.0],
    )
    (pullback,) = read_pullbacks(folder)
    (name,) = write_dicom_seg(segmented(read_headers=pullback.read_headers), tmp_path, "run")
    seg = pydicom.dcmread(tmp_path / name)
    assert seg.FrameOfReferenceUID == reference
    assert seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient == [
        0,
        1,
        0,
        0,
        0,
        -1,
    ]
    x = [item.PlanePositionSequence[0].ImagePositionPatient[0] for item in seg.PerFrameFunctionalGroupsSequence[:COUNT]]
    assert x == [4.75, 4.5, 4.25, 4.0, 3.75, 3.5]


@pytest.mark.parametrize(
    "elements",
    [
        {"SOPClassUID": "1.2.826.0.1.3680043.2.1143.99.1"},
        {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Kanarienvögel^Jörg"},
        {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎"},
        {"SpecificCharacterSet": "GB18030", "PatientName": "王^小明"},
        {"StudyDate": "2019.02.03", "StudyTime": "12:30:00"},
        {"PatientSex": "Male", "PatientBirthDate": "1933", "PatientID": "7" * 90},
    ],
    ids=["class", "latin", "japanese", "chinese", "dates", "values"],
)
def test_what_a_header_says_of_patient_and_study_is_kept_as_it_is(elements: dict[str, object], tmp_path: Path) -> None:
    content = pullback_file([frame_of(number) for number in range(1, COUNT + 1)], **elements)  # type: ignore[arg-type]
    seg, of = pydicom.dcmread(written(content, tmp_path)), headers(content)
    for keyword in ("SpecificCharacterSet", "PatientName", "PatientID", "PatientSex", "PatientBirthDate", "StudyDate"):
        assert seg.get(keyword) == of.get(keyword), keyword
    assert seg.SourceImageSequence[0].ReferencedSOPClassUID == of.SOPClassUID


def test_of_a_header_without_a_patient_nothing_is_made_up(tmp_path: Path) -> None:
    dataset = headers(pullback_file([frame_of(number) for number in range(1, COUNT + 1)]))
    for keyword in (*PATIENT, "PatientSex", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        del dataset[keyword]
    (name,) = write_dicom_seg(segmented(read_headers=lambda: [dataset]), tmp_path, "run")
    seg = pydicom.dcmread(tmp_path / name)
    assert (str(seg.PatientName), seg.PatientID, seg.StudyDate, seg.StudyInstanceUID) == (
        *("", "", ""),
        dataset.StudyInstanceUID,
    )


def test_a_source_without_the_names_that_are_referred_to_is_refused(tmp_path: Path) -> None:
    dataset = headers(pullback_file([frame_of(1), frame_of(2)]))
    del dataset.StudyInstanceUID
    with pytest.raises(NotExportedError, match="no StudyInstanceUID to refer to"):
        write_dicom_seg(segmented(count=2, read_headers=lambda: [dataset]), tmp_path, "run")


def test_it_says_by_which_model_and_at_which_scale(source: bytes, tmp_path: Path) -> None:
    seg = pydicom.dcmread(written(source, tmp_path))
    said = seg.SegmentSequence[2].SegmentDescription
    assert MODEL.sha256 in said
    assert "between frames: 0.2 mm, source: user" in said


def test_nothing_is_logged_of_the_patient(source: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        written(source, tmp_path)
    said = caplog.text + "".join(str(each.message) for each in warned)
    assert not any(value in said for value in PATIENT.values())


def test_a_name_in_other_letters_keeps_those_that_any_character_set_has() -> None:
    assert ascii_of("corrected by Zoë") == "corrected by Zoe"
