"""The source's headers as a segmentation refers to them: copies that bear the geometry of a straight vessel.

Intravascular frames lie nowhere in the patient, and a segmentation has to lie where its source does. So columns run
along x, rows along y, and frame n is at z = (n - 1) times the frames' distance.
"""

import hashlib
from collections.abc import Sequence
from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.valuerep import DSfloat

ORIENTATION = [1, 0, 0, 0, 1, 0]
SIDE = 4  # pixels of the small pictures that stand for masks while the header is made
ASKED_FOR = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime"),
)


def uid_of(*parts: str) -> str:
    """A UID that the same parts give again: 2.25 and 128 bits of their hash."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def with_geometry(headers: Sequence[Dataset], count: int, pixel_mm: float, frame_mm: float) -> list[Dataset]:
    """Copies of the headers of a source: one file of `count` frames, or as many files of a frame each."""
    reference = headers[0].get("FrameOfReferenceUID") or uid_of("frame of reference", headers[0].SOPInstanceUID)
    copies = []
    for place, header in enumerate(headers):
        copy = _copied(header)
        copy.FrameOfReferenceUID, copy.Rows, copy.Columns = reference, SIDE, SIDE
        measures = Dataset()
        measures.PixelSpacing = [DSfloat(pixel_mm, auto_format=True)] * 2
        measures.SliceThickness = measures.SpacingBetweenSlices = DSfloat(frame_mm, auto_format=True)
        if len(headers) > 1 or "NumberOfFrames" not in header:
            copy.update(measures)
            copy.ImageOrientationPatient, copy.ImagePositionPatient = ORIENTATION, _position(place, frame_mm)
        else:
            _give_planes(copy, count, measures, frame_mm)
        copies.append(copy)
    return copies


def _copied(header: Dataset) -> Dataset:
    """A header without functional groups and private elements, with all that a segmentation asks for, if empty."""
    copy = Dataset()
    for element in header:
        if not element.tag.is_private and element.keyword not in (
            "SharedFunctionalGroupsSequence",
            "PerFrameFunctionalGroupsSequence",
        ):
            copy.add(deepcopy(element))
    for keyword in ASKED_FOR:
        if keyword not in copy:
            setattr(copy, keyword, "")
    return copy


def _give_planes(copy: Dataset, count: int, measures: Dataset, frame_mm: float) -> None:
    orientation, shared = Dataset(), Dataset()
    orientation.ImageOrientationPatient = ORIENTATION
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([orientation])
    copy.NumberOfFrames = count
    copy.SharedFunctionalGroupsSequence = Items([shared])
    copy.PerFrameFunctionalGroupsSequence = Items([_plane(place, frame_mm) for place in range(count)])


def _plane(place: int, frame_mm: float) -> Dataset:
    position, frame = Dataset(), Dataset()
    position.ImagePositionPatient = _position(place, frame_mm)
    frame.PlanePositionSequence = Items([position])
    return frame


def _position(place: int, frame_mm: float) -> list[DSfloat]:
    return [DSfloat(0), DSfloat(0), DSfloat(place * frame_mm, auto_format=True)]
