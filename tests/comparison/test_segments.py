"""DICOM segmentations as other programs write them: the right masks, or one sentence."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from octseg.classes import CLASS_NAMES
from octseg.comparison.comparing import compare
from octseg.comparison.formats import open_reading
from octseg.errors import ReadError
from octseg.export.dicom import write_dicom_seg
from octseg.reading import read_pullback
from tests.comparison.test_formats import COUNT, assert_drawn
from tests.fakes.dicom_files import pullback_file
from tests.fakes.exported import HEIGHT, PIXEL_MM, WIDTH, frame_of, masks_of, segmented


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """What octseg writes: BINARY, a plane for each class and frame."""
    folder = tmp_path_factory.mktemp("seg")
    source = pullback_file([frame_of(number) for number in range(1, COUNT + 1)])
    made = segmented(count=COUNT, read_headers=read_pullback(source).read_headers)
    (name,) = write_dicom_seg(made, folder, "run")
    return pydicom.dcmread(folder / name)


def saved(folder: Path, held: Dataset) -> Path:
    held.save_as(folder / "a.dcm")
    return folder / "a.dcm"


def planes(held: Dataset) -> np.ndarray:
    return np.asarray(held.pixel_array).reshape(-1, HEIGHT, WIDTH)


def with_pixels(held: Dataset, pixels: np.ndarray) -> Dataset:
    """The same with a byte or two for each pixel."""
    bits = 8 * pixels.dtype.itemsize
    held.BitsAllocated = held.BitsStored = bits
    held.HighBit, held.NumberOfFrames = bits - 1, len(pixels)
    held.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    held["PixelData"].VR = "OW" if bits == 16 else "OB"
    held.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return held


@pytest.mark.parametrize(("kind", "greatest"), [("OCCUPANCY", 255), ("PROBABILITY", 100), ("PROBABILITY", 1)])
def test_a_half_of_what_is_fractional_is_taken_with_a_word(
    binary: Dataset, tmp_path: Path, kind: str, greatest: int
) -> None:
    held = deepcopy(binary)
    held.SegmentationType, held.SegmentationFractionalType = "FRACTIONAL", kind
    held.MaximumFractionalValue = greatest
    less = int(0.49 * greatest)
    shades = np.where(planes(held) > 0, -(-greatest // 2), less).astype(np.uint8)  # a half, rounded up, and less
    reading = open_reading(saved(tmp_path, with_pixels(held, shades)))
    assert_drawn(reading)
    assert f"a.dcm holds {kind.lower()}: from a half on" in compare(reading, reading).warnings[0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_labelmap_holds_the_number_of_a_segment_in_each_pixel(binary: Dataset, tmp_path: Path, kind: type) -> None:
    held = labelmap(binary, kind)
    reading = open_reading(saved(tmp_path, held))
    assert reading.classes == CLASS_NAMES
    assert [frame.number for frame in reading.frames] == [1, 2, 3, 4]
    for number, frame in enumerate(reading.frames, start=1):
        read, expected = frame.read(), labels_of(number)
        for at, name in enumerate(CLASS_NAMES, start=1):
            assert np.array_equal(read[name], expected == at)


def labels_of(number: int) -> np.ndarray:
    """A pixel has the number of the last class that it has."""
    drawn, labels = masks_of(number), np.zeros((HEIGHT, WIDTH), np.uint8)
    for at, name in enumerate(CLASS_NAMES, start=1):
        labels[drawn[name]] = at
    return labels


def labelmap(binary: Dataset, kind: type) -> Dataset:
    """As the 2024 edition has it: a plane for each frame, and no segment named for any; background is segment 0."""
    held = deepcopy(binary)
    held.SegmentationType, held.SOPClassUID = "LABELMAP", "1.2.840.10008.5.1.4.1.1.66.7"
    held.file_meta.MediaStorageSOPClassUID = held.SOPClassUID
    background = Dataset()
    background.SegmentNumber, background.SegmentLabel = 0, "Background"
    held.SegmentSequence.insert(0, background)
    items = {}
    for item in held.PerFrameFunctionalGroupsSequence:
        frame = int(item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
        items[frame] = item
        if "SegmentIdentificationSequence" in item:
            del item.SegmentIdentificationSequence
    held.PerFrameFunctionalGroupsSequence = Items([items[frame] for frame in sorted(items)])
    return with_pixels(held, np.stack([labels_of(frame) for frame in sorted(items)]).astype(kind))


def test_planes_in_another_order_are_of_the_frames_that_they_name(binary: Dataset, tmp_path: Path) -> None:
    held = deepcopy(binary)
    held.SegmentationType, held.MaximumFractionalValue = "FRACTIONAL", 1
    order = np.random.default_rng(0).permutation(len(held.PerFrameFunctionalGroupsSequence))
    pixels = planes(held)[order]
    held.PerFrameFunctionalGroupsSequence = Items([held.PerFrameFunctionalGroupsSequence[at] for at in order])
    assert_drawn(open_reading(saved(tmp_path, with_pixels(held, pixels.astype(np.uint8)))))


def renamed(binary: Dataset, label: str) -> Dataset:
    held = deepcopy(binary)
    for number, segment in enumerate(held.SegmentSequence, start=1):
        segment.SegmentLabel = f"{label} {number}"
    return held


def test_segments_are_known_by_the_code_of_what_they_are(binary: Dataset, tmp_path: Path) -> None:
    assert_drawn(open_reading(saved(tmp_path, renamed(binary, "Region"))))


def test_a_code_that_all_segments_have_makes_no_lumen_of_them(binary: Dataset, tmp_path: Path) -> None:
    held = deepcopy(binary)
    code = codes.SCT.LumenOfBloodVessel
    for segment, label in zip(held.SegmentSequence, ("Lumen", "EEL", "Lipid core", "Calcium"), strict=True):
        segment.SegmentLabel = label
        segment.SegmentedPropertyTypeCodeSequence[0].CodeValue = code.value
        segment.SegmentedPropertyTypeCodeSequence[0].CodingSchemeDesignator = code.scheme_designator
        segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = code.meaning
    reading = open_reading(saved(tmp_path, held))
    assert reading.classes == ("lumen", "lipid_core")
    assert reading.ignored == ("EEL", "Calcium")
    assert np.array_equal(reading.frames[0].read()["lumen"], masks_of(1)["lumen"])


def test_free_labels_are_explained_by_the_caller(binary: Dataset, tmp_path: Path) -> None:
    held = renamed(binary, "ROI")
    for segment in held.SegmentSequence:
        del segment.SegmentedPropertyTypeCodeSequence
    path = saved(tmp_path, held)
    with pytest.raises(ReadError, match=r"none is a class here \(1 ROI 1, 2 ROI 2, 3 ROI 3, 4 ROI 4\); say which"):
        open_reading(path)
    assert_drawn(open_reading(path, {1: "lumen", 2: "fibrous_cap", 3: "lipid_core", 4: "vasa_vasorum"}))


def two_sources(held: Dataset) -> None:
    source = held.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    other = deepcopy(source[0])
    other.ReferencedFrameNumber = int(other.ReferencedFrameNumber) + 1
    source.append(other)


def list_of_frames(held: Dataset) -> None:
    source = held.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedFrameNumber = [1, 2, 3]


def twice(held: Dataset) -> None:
    first, second = held.PerFrameFunctionalGroupsSequence[:2]
    for name in ("DerivationImageSequence", "SegmentIdentificationSequence"):
        setattr(second, name, deepcopy(getattr(first, name)))


def no_frames(held: Dataset) -> None:
    for item in held.PerFrameFunctionalGroupsSequence:
        del item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber


def single_files(held: Dataset) -> None:
    for item in held.PerFrameFunctionalGroupsSequence:
        item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = generate_uid()


def no_sources(held: Dataset) -> None:
    del held.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (two_sources, "refers to several frames by one plane"),
        (list_of_frames, "refers to several frames by one plane"),
        (twice, "does not tell one plane of frame 1 alone for segment"),
        (no_frames, "does not tell which of its planes is of which frame"),
        (single_files, "refers to single-frame files, whose order it does not tell"),
        (no_sources, "does not tell which frames its outlines are of"),
    ],
)
def test_planes_of_which_the_frame_is_not_known_are_refused(
    binary: Dataset, tmp_path: Path, spoil: Callable[[Dataset], None], said: str
) -> None:
    held = deepcopy(binary)
    spoil(held)
    with pytest.raises(ReadError, match=f"{said}.*give NIfTI instead"):
        open_reading(saved(tmp_path, held))


def test_a_segmentation_of_one_picture_is_its_only_frame(binary: Dataset, tmp_path: Path) -> None:
    """A secondary capture has no frames to name."""
    held = deepcopy(binary)
    items = [
        (at, item)
        for at, item in enumerate(held.PerFrameFunctionalGroupsSequence)
        if item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == 2
    ]
    pixels = planes(held)[[at for at, _ in items]]
    held.PerFrameFunctionalGroupsSequence = Items([item for _, item in items])
    held.SegmentationType, held.MaximumFractionalValue = "FRACTIONAL", 1
    no_frames(held)
    (frame,) = open_reading(saved(tmp_path, with_pixels(held, pixels.astype(np.uint8)))).frames
    for name in CLASS_NAMES:
        assert np.array_equal(frame.read()[name], masks_of(2)[name])
    assert frame.pixel_spacing_mm == pytest.approx(PIXEL_MM, rel=1e-6)
