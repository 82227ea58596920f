"""What is no picture of OCT is refused or said; and nothing of a patient goes on."""

import logging
import pickle
import warnings
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.reading import Limits, read_pullback
from octseg.reading.dicom import is_dicom, read_dicom, read_dicom_series
from tests.fakes.dicom_files import PATIENT, header, pullback_file, written
from tests.reading.dicom.scene import colour_frames, furthest, grey_frames, read, said

FRAMES = colour_frames(2)
CLASSES = "1.2.840.10008.5.1.4.1.1."


def without_pixels(sop_class: str, modality: str) -> bytes:
    dataset = header(FRAMES)
    for keyword in ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = sop_class, modality
    dataset.PixelData, dataset.BitsAllocated = b"", 8
    data = written(dataset, "explicit")
    return data[: data.rindex(b"\xe0\x7f\x10\x00")]


@pytest.mark.parametrize(
    ("sop_class", "modality", "kind"),
    [
        (f"{CLASSES}88.33", "SR", r"without pictures \(Comprehensive SR Storage\)"),
        (f"{CLASSES}104.1", "DOC", r"without pictures \(Encapsulated PDF Storage\)"),
        (f"{CLASSES}481.3", "RTSTRUCT", r"without pictures \(RT Structure Set Storage\)"),
        ("1.3.6.1.4.1.4711.5", "IVOCT", "without pictures; give the file of the pullback"),
    ],
)
def test_objects_without_pixels_are_named_by_dicoms_own_list(sop_class: str, modality: str, kind: str) -> None:
    with pytest.raises(ReadError, match=f"IMG001 is a DICOM file {kind}"):
        read(without_pixels(sop_class, modality))


def test_a_header_that_ends_before_the_pixels_is_said_to_be_cut_off() -> None:
    data = without_pixels(f"{CLASSES}14.1", "IVOCT")
    kind = "cut off, or a header alone"
    with pytest.raises(ReadError, match=rf"{kind} \(Intravascular .* Image Storage - For Presentation\); export it"):
        read(data)
    before_its_class = data[: data.index(b"\x08\x00\x16\x00")]
    with pytest.raises(ReadError, match=rf"^IMG001 is a DICOM file that is {kind}; export it again, whole$"):
        read(before_its_class)


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({"SOPClassUID": f"{CLASSES}66.4", "Modality": "SEG"}, "of a segmentation, not of OCT frames"),
        ({"SOPClassUID": f"{CLASSES}481.2", "Modality": "RTDOSE"}, "of a radiotherapy dose"),
        ({"Modality": "MR"}, "of magnetic resonance, not of intravascular OCT"),
        ({"Modality": "CT"}, "of computed tomography, not of intravascular OCT"),
    ],
)
def test_pictures_that_are_no_oct_are_refused(elements: dict[str, str], kind: str) -> None:
    with pytest.raises(ReadError, match=kind):
        read(pullback_file(FRAMES, **elements))


@pytest.mark.parametrize(
    ("modality", "word"), [("US", "ultrasound"), ("XA", "X-ray angiography"), ("Erna", "of another kind")]
)
def test_other_modalities_are_read_with_a_word(modality: str, word: str) -> None:
    frames, pullback = read(pullback_file(FRAMES, Modality=modality))
    assert furthest(frames, FRAMES) == 0
    assert "the header says that this is not OCT" in said(pullback)
    assert word in said(pullback)
    assert "Erna" not in said(pullback)


@pytest.mark.parametrize("modality", ["IVOCT", "OCT", "OT", ""])
def test_oct_and_secondary_captures_are_read_without_a_word(modality: str) -> None:
    assert "not OCT" not in said(read(pullback_file(FRAMES, Modality=modality))[1])


def test_annotation_that_is_burned_in_is_told() -> None:
    assert "may name the patient" in said(read(pullback_file(FRAMES, BurnedInAnnotation="YES"))[1])
    assert "may name the patient" not in said(read(pullback_file(FRAMES, BurnedInAnnotation="NO"))[1])


@pytest.mark.parametrize(
    ("elements", "match"),
    [
        ({"BitsAllocated": 32, "BitsStored": 32}, "of 32 bits in 32"),
        ({"PhotometricInterpretation": "YBR_PARTIAL_420"}, "YBR_PARTIAL_420, which is not read"),
        ({"PhotometricInterpretation": "MONOCHROME2"}, "says MONOCHROME2 with 3 samples"),
        ({"PhotometricInterpretation": "KANARIENVOGEL"}, "a kind that DICOM does not know"),
        ({"Rows": 0}, "gives no size"),
        ({"Rows": 9000}, "at most 8192 on a side"),
        ({"Rows": 8}, "a frame has at least 32"),
    ],
)
def test_a_layout_that_cannot_be_read_is_refused_from_the_header(elements: dict[str, object], match: str) -> None:
    with pytest.raises(ReadError, match=match):
        read(pullback_file(FRAMES, **elements))


def canaries() -> list[str]:
    return [*PATIENT.values(), "Kanarienvogel", "Erna", "CANARY"]


@pytest.fixture
def telltale(tmp_path: Path) -> Path:
    """A file with a patient in its header, and in elements that are read but do not belong there."""
    dataset = header(grey_frames(3))
    dataset.NumberOfFrames = 3
    dataset.PixelData = b"".join(frame.tobytes() for frame in grey_frames(3))
    private = Dataset()
    private.PatientComments = "Kanarienvogel in a nested sequence"
    dataset.RequestAttributesSequence = [private]
    dataset.SOPClassUID, plain = "1.2.3.4", b"\x08\x00\x16\x00UI\x08\x001.2.3.4\0"
    data = written(dataset, "explicit")
    assert plain in data
    wrong = bytearray(data.replace(plain, plain[:8] + b"CANARY 1"))  # pydicom warns of it, and logs it, with its words
    spacing = b"CANARY\\Erna "
    at = wrong.index(b"\x28\x00\x00\x01US")
    wrong[at:at] = b"\x28\x00\x30\x00DS" + len(spacing).to_bytes(2, "little") + spacing
    path = tmp_path / "IMG001"
    path.write_bytes(bytes(wrong))
    return path


def test_nothing_of_a_patient_goes_on(telltale: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pullback = read_dicom(telltale, "IMG001", "IMG001", Limits())
        frames = list(pullback)
        pullbacks = read_dicom_series([telltale, telltale.read_bytes()], "study", "study", Limits())
    assert len(frames) == 3
    assert pullback.pixel_spacing_mm is None
    kept = " ".join(
        (repr(pullback), repr(pullbacks), repr(vars_of(pullback)), caplog.text, str([str(w) for w in caught]))
    )
    assert [canary for canary in canaries() if canary in kept] == []


def vars_of(pullback: object) -> list[object]:
    """All that the functions of a pullback hold on to, so far as it can be stored."""
    film = pullback.read_range.__self__  # type: ignore[attr-defined]
    return [pickle.dumps(held.stored) + repr(held).encode() for held in film.held]


def test_errors_do_not_repeat_what_a_header_says(tmp_path: Path) -> None:
    for elements in ({"Modality": "MR"}, {"PhotometricInterpretation": "ERNA"}, {"Rows": 0}):
        with pytest.raises(ReadError) as refused:
            read(pullback_file(FRAMES, **elements))
        told = str(refused.value) + repr(refused.value.__cause__) + repr(refused.value.__context__)
        assert [canary for canary in canaries() if canary.upper() in told.upper()] == []


def test_a_file_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(pullback_file(FRAMES))
    assert furthest(list(read_pullback(path)), FRAMES) == 0
    assert not is_dicom(b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert not is_dicom(bytes(600))
    assert not is_dicom(b"\x08\x00 a text file that begins oddly")
