"""`<name>_seg.dcm`: a DICOM segmentation, BINARY and uncompressed, a segment for each class, for masks overlap.

highdicom makes the header from pictures of a few pixels, which say where a mask is empty; the masks' bits go into the
file one frame after the other. So memory is that of one frame, whatever the pullback.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from octseg.classes import BY_NAME
from octseg.errors import NotExportedError
from octseg.export.dicom.source import SIDE, uid_of, with_geometry
from octseg.export.growing import growing
from octseg.export.nifti import spacings
from octseg.export.segmented import Segmented

SUFFIX = "_seg.dcm"
DATED = ("Content", "Acquisition", "Series", "Study")
NO_DATE, NO_TIME = "19000101", "000000"  # of a source without any
CATEGORIES = {
    "lumen": codes.SCT.AnatomicalStructure,
    "fibrous_cap": codes.SCT.MorphologicallyAbnormalStructure,
    "lipid_core": codes.SCT.Substance,
    "vasa_vasorum": codes.SCT.AnatomicalStructure,
}
TYPES = {  # SNOMED's where the edition that DICOM may use has one
    "lumen": codes.SCT.LumenOfArtery,
    "fibrous_cap": Code("fibrous_cap", "99OCTSEG", "Fibrous cap"),
    "lipid_core": codes.SCT.Lipid,
    "vasa_vasorum": Code("vasa_vasorum", "99OCTSEG", "Vasa vasorum"),
}
MANUFACTURER, SERIES_NUMBER = "octseg", 9001


def write_dicom_seg(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the file; its name. NotExportedError where the source is none that a segmentation can refer to."""
    pixel_mm, frame_mm = spacings(segmented, "DICOM SEG")
    if segmented.read_headers is None:
        raise NotExportedError(
            "no DICOM SEG is written: it has to refer to DICOM frames that are shown as they are "
            "stored; give the DICOM file, or take nifti"
        )
    headers = segmented.read_headers()
    filled, overlap, digest = _looked_through(segmented)
    if not filled.any():
        raise NotExportedError("no DICOM SEG is written: nothing is outlined in any frame")
    count = len(headers) if len(headers) > 1 else int(headers[0].get("NumberOfFrames") or 1)
    source = with_geometry(headers, max(count, segmented.numbers[-1]), pixel_mm, frame_mm)
    dataset = _header(segmented, source, filled, digest)
    dataset.SegmentsOverlap = "YES" if overlap else "NO"
    name = f"{stem}{SUFFIX}"
    with growing(folder / name) as file:
        _write(file, dataset, segmented)
    return [name]


def _looked_through(segmented: Segmented) -> tuple[NDArray[np.bool_], bool, str]:
    """Which masks are not empty (frames, classes), whether any overlap, and a hash of all."""
    filled = np.zeros((len(segmented), len(segmented.classes)), bool)
    overlap, digest = False, hashlib.sha256()
    for place, masks in enumerate(segmented.masks()):
        planes = [masks[name] for name in segmented.classes]
        filled[place] = [plane.any() for plane in planes]
        overlap = overlap or bool(np.any(np.sum(planes, axis=0, dtype=np.uint8) > 1))
        for plane in planes:
            digest.update(np.packbits(plane).data)
    return filled, overlap, digest.hexdigest()


def _header(segmented: Segmented, source: Sequence[Dataset], filled: NDArray[np.bool_], digest: str) -> Dataset:
    from highdicom.seg import Segmentation, SegmentationTypeValues

    run, first = segmented.run, source[0]
    planes = len(source) if len(source) > 1 else int(first.get("NumberOfFrames", 1))
    small = np.zeros((planes, SIDE, SIDE, len(segmented.classes)), np.uint8)
    for number, classes in zip(segmented.numbers, filled, strict=True):
        small[number - 1, 0, 0] = classes
    identity = (first.SOPInstanceUID, run["model"]["sha256"], run["octseg"], digest)
    seg = Segmentation(
        source_images=list(source),
        pixel_array=small,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=_segments(segmented, identity),
        series_instance_uid=uid_of("series", *identity[:3]),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of("instance", *identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=run["model"]["name"][:64],
        software_versions=run["octseg"],
        device_serial_number=run["model"]["sha256"],
        content_label="OCTSEG",
        series_description="Tissues by octseg; research use only",
        omit_empty_frames=True,
    )
    seg.Rows, seg.Columns = segmented.records[0]["height"], segmented.records[0]["width"]
    seg.ContentCreatorName = ""
    _put_in_order(seg)
    _date_by_source(seg, first)
    organisation = uid_of("dimensions", seg.SOPInstanceUID)
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation
    return seg


def _put_in_order(seg: Dataset) -> None:
    """Items by segment, then by frame of the source, also by their indices.

    highdicom goes against z; who reads a file in its order, as SimpleITK does, would have the vessel turned round.
    """
    items = sorted(seg.PerFrameFunctionalGroupsSequence, key=lambda item: _of_item(item, seg)[::-1])
    numbers = sorted({_of_item(item, seg)[0] for item in items})
    for item in items:
        number, segment = _of_item(item, seg)
        item.FrameContentSequence[0].DimensionIndexValues = [segment, numbers.index(number) + 1]
    seg.PerFrameFunctionalGroupsSequence = Items(items)


def _date_by_source(seg: Dataset, source: Dataset) -> None:
    """The date of the frames, so that the same frames and model give the same bytes, whenever that is."""
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        delattr(seg, keyword)
    for equipment in seg.get("ContributingEquipmentSequence", []):
        equipment.pop("ContributionDateTime", None)
    dates = (source.get(f"{name}Date") for name in DATED)
    times = (source.get(f"{name}Time") for name in DATED)
    seg.ContentDate = next(filter(None, dates), NO_DATE)
    seg.ContentTime = next(filter(None, times), NO_TIME)


def _segments(segmented: Segmented, identity: Sequence[str]) -> list[Any]:
    from highdicom.color import CIELabColor
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

    run = segmented.run
    algorithm = AlgorithmIdentificationSequence(
        name=run["model"]["name"],
        version=run["octseg"],
        family=codes.DCM.ArtificialIntelligence,
        source="octseg",
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=BY_NAME[name].label,
            segmented_property_category=CATEGORIES[name],
            segmented_property_type=TYPES[name],
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=uid_of("segment", name, *identity),
            tracking_id=f"octseg {name}",
            display_color=CIELabColor.from_rgb(*BY_NAME[name].colour),
        )
        for number, name in enumerate(segmented.classes, start=1)
    ]


def _write(file: BinaryIO, dataset: Dataset, segmented: Segmented) -> None:
    """The header, and behind it the bits of all masks that are not empty, in the order of its items."""
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    bits = len(dataset.PerFrameFunctionalGroupsSequence) * dataset.Rows * dataset.Columns
    size = -(-bits // 8)
    size += size % 2
    file.write(b"\xe0\x7f\x10\x00OB\0\0" + size.to_bytes(4, "little"))
    written = 0
    for piece in _bytes_of(_in_order(dataset, segmented)):
        written += file.write(piece)
    file.write(b"\0" * (size - written))


def _in_order(dataset: Dataset, segmented: Segmented) -> Iterator[NDArray[np.bool_]]:
    """The mask of each item, read one by one."""
    place_of = {number: place for place, number in enumerate(segmented.numbers)}
    for item in dataset.PerFrameFunctionalGroupsSequence:
        number, segment = _of_item(item, dataset)
        yield segmented.read_masks(place_of[number])[segmented.classes[segment - 1]]


def _of_item(item: Dataset, dataset: Dataset) -> tuple[int, int]:
    """Number of the source frame and of the segment of an item."""
    source = item.DerivationImageSequence[0].SourceImageSequence[0]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    segment = item.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
    return int(source.ReferencedFrameNumber), int(segment[0].ReferencedSegmentNumber)


def _bytes_of(planes: Iterator[NDArray[np.bool_]]) -> Iterator[bytes]:
    """Bits of planes (H, W) one behind the other, the first pixel the lowest bit; a plane need not end with a byte."""
    left = np.zeros(0, bool)
    for plane in planes:
        bits = np.concatenate([left, plane.ravel()])
        whole = bits.size - bits.size % 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    yield np.packbits(left, bitorder="little").tobytes()
