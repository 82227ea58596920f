"""The source of a segmentation: what it is called in its study, and where its frames lie.

Intravascular frames lie nowhere in the patient, and a segmentation has to lie where its source does. So where the
source does not say it of every frame, columns run along x, rows along y, and frame n is at z = (n - 1) times the
frames' distance.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage, SecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from octseg.errors import NotExportedError
from octseg.reading.dicom.quiet import quiet

ALONG_AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SIDE = 4  # pixels of the small pictures that stand for masks while the header is made
# What a segmentation takes over of the patient and the study, as it stands, so that it is filed with its source.
OF_PATIENT_AND_STUDY = (
    *("SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription"),
)
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
Position = tuple[float, float, float]  # x, y, z in mm


@dataclass(frozen=True)
class Source:
    """headers: of one file of several frames, or of files of one frame each, in order.

    frame_count: how many there are. reference: the Frame of Reference. positions: of each frame its first pixel's
    middle; orientation: of rows and columns.
    """

    headers: Sequence[Dataset] = field(repr=False)
    frame_count: int
    reference: str
    orientation: tuple[float, ...]
    positions: Sequence[Position] = field(repr=False)

    @property
    def is_one_file(self) -> bool:
        """Whether frames are told by their number, and not by their file."""
        return len(self.headers) == 1 and "NumberOfFrames" in self.headers[0]

    @property
    def first(self) -> Dataset:
        """The header that what is said once is taken from."""
        return self.headers[0]

    def number_of(self, item: Dataset) -> int:
        """Which frame an item of a segmentation refers to."""
        if self.is_one_file:
            return int(item.ReferencedFrameNumber)
        uids = [str(header.SOPInstanceUID) for header in self.headers]
        return uids.index(str(item.ReferencedSOPInstanceUID)) + 1


def uid_of(*parts: str) -> str:
    """A UID that the same parts give again: 2.25 and 128 bits of their hash."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def check_source(read_headers: Callable[[], Sequence[Dataset]] | None) -> Sequence[Dataset]:
    """The headers of a source that a segmentation can refer to; NotExportedError where it can not."""
    if read_headers is None:
        raise NotExportedError(
            "no DICOM SEG is written: it has to refer to DICOM frames that are shown as they are stored; give the "
            "DICOM file, or take nifti"
        )
    with quiet():
        headers = read_headers()
    for header in headers:
        if missing := [name for name in NEEDED if not header.get(name)]:
            raise NotExportedError(
                f"no DICOM SEG is written: the source has no {' and no '.join(missing)} to refer to; export it again "
                "from the console"
            )
    return headers


def source_of(headers: Sequence[Dataset], least_count: int, frame_mm: float) -> Source:
    """The source; least_count: how many frames it has at least, whatever it declares. frame_mm: from one to the next.

    headers: from `check_source`.
    """
    first = headers[0]
    declared = int(first.get("NumberOfFrames") or 1) if len(headers) == 1 else len(headers)
    count = max(declared, least_count)
    told = _told_planes(headers, count)
    if told is not None and first.get("FrameOfReferenceUID"):
        return Source(headers, count, str(first.FrameOfReferenceUID), *told)
    along_z = [(0.0, 0.0, place * frame_mm) for place in range(count)]
    has_own = told is None and first.get("FrameOfReferenceUID")
    reference = str(first.FrameOfReferenceUID) if has_own else uid_of("frame of reference", str(first.SOPInstanceUID))
    return Source(headers, count, reference, ALONG_AXES, along_z)


def as_small_pictures(source: Source, pixel_mm: float, frame_mm: float) -> list[Dataset]:
    """Data sets that say where the frames lie and nothing of the patient: what highdicom makes a header from.

    They bear the names of the source's instances, and a class that highdicom knows.
    """
    measures = Dataset()
    measures.PixelSpacing = [DSfloat(pixel_mm, auto_format=True)] * 2
    measures.SliceThickness = measures.SpacingBetweenSlices = DSfloat(frame_mm, auto_format=True)
    return [_small(source, place, measures) for place in range(len(source.headers))]


def take_over(seg: Dataset, source: Source) -> None:
    """What a segmentation has of its source as that has it, whatever it is: patient, study, class."""
    for keyword in OF_PATIENT_AND_STUDY:
        if keyword in source.first:
            seg[keyword] = deepcopy(source.first[keyword])
    classes = {str(header.SOPInstanceUID): header.SOPClassUID for header in source.headers}
    for item in _references(seg):
        item.ReferencedSOPClassUID = classes[str(item.ReferencedSOPInstanceUID)]


def _references(dataset: Dataset) -> Iterable[Dataset]:
    """Every item that refers to an instance."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "ReferencedSOPInstanceUID" in item:
                    yield item
                yield from _references(item)


def _small(source: Source, place: int, measures: Dataset) -> Dataset:
    header, small = source.headers[place], Dataset()
    for keyword in EMPTY:
        setattr(small, keyword, "")
    for keyword in (*NEEDED[1:], *(name for name in LOSSY if name in header)):
        small[keyword] = deepcopy(header[keyword])
    small.FrameOfReferenceUID, small.Modality = source.reference, "IVOCT"
    small.Rows, small.Columns = SIDE, SIDE
    if source.is_one_file:
        small.SOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
        small.NumberOfFrames = source.frame_count
        orientation, shared = Dataset(), Dataset()
        orientation.ImageOrientationPatient = _numbers(source.orientation)
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([orientation])
        small.SharedFunctionalGroupsSequence = Items([shared])
        small.PerFrameFunctionalGroupsSequence = Items([_plane(position) for position in source.positions])
    else:
        small.SOPClassUID = SecondaryCaptureImageStorage
        small.update(measures)
        small.ImageOrientationPatient = _numbers(source.orientation)
        small.ImagePositionPatient = _numbers(source.positions[place])
    return small


def _plane(position: Position) -> Dataset:
    held, frame = Dataset(), Dataset()
    held.ImagePositionPatient = _numbers(position)
    frame.PlanePositionSequence = Items([held])
    return frame


def _numbers(values: Iterable[float]) -> list[DSfloat]:
    return [DSfloat(value, auto_format=True) for value in values]


def _told_planes(headers: Sequence[Dataset], count: int) -> tuple[tuple[float, ...], list[Position]] | None:
    """Orientation and positions, where the source has one orientation and a position of its own for every frame."""
    if len(headers) == 1 and "NumberOfFrames" in headers[0]:
        shared = _first(headers[0], "SharedFunctionalGroupsSequence")
        frames: Sequence[Dataset] = list(headers[0].get("PerFrameFunctionalGroupsSequence") or [])
        orientations = [_of(frame, shared, "PlaneOrientationSequence", "ImageOrientationPatient") for frame in frames]
        positions = [_of(frame, shared, "PlanePositionSequence", "ImagePositionPatient") for frame in frames]
    else:
        orientations = [_told(header, "ImageOrientationPatient", 6) for header in headers]
        positions = [_told(header, "ImagePositionPatient", 3) for header in headers]
    whole = len(positions) == count and None not in positions and None not in orientations
    if not whole or len(set(orientations)) > 1 or len(set(positions)) < count:
        return None
    return orientations[0], positions  # type: ignore[return-value]


def _of(frame: Dataset, shared: Dataset, macro: str, keyword: str) -> tuple[float, ...] | None:
    return _told(
        _first(frame, macro) if macro in frame else _first(shared, macro), keyword, 6 if "Or" in keyword else 3
    )


def _first(dataset: Dataset, keyword: str) -> Dataset:
    items = dataset.get(keyword)
    return items[0] if items else Dataset()


def _told(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    values: Any = dataset.get(keyword)
    return tuple(map(float, values)) if values is not None and len(values) == count else None
