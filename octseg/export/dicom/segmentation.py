"""`<name>_seg.dcm`: a DICOM segmentation, BINARY and uncompressed, a segment for each class, for masks overlap.

highdicom makes the header from pictures of a few pixels, which say where a mask is empty; the masks' bits go into the
file one frame after the other. So memory is that of one frame, whatever the pullback. What is taken over of the patient
is put in behind it, as the source has it: highdicom would check it, and tell its values where it finds fault.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from octseg.errors import NotExportedError
from octseg.export.dicom.segments import ascii_of, described
from octseg.export.dicom.source import SIDE, Source, as_small_pictures, check_source, source_of, take_over, uid_of
from octseg.export.files import growing
from octseg.export.nifti import spacings
from octseg.export.provenance import corrected_words
from octseg.export.segmented import Segmented
from octseg.reading.dicom.quiet import quiet

SUFFIX = "_seg.dcm"
DATED = ("Content", "Acquisition", "Series", "Study")
NO_DATE, NO_TIME = "19000101", "000000"  # of a source without any
DATE, TIME = re.compile(r"[0-9]{8}"), re.compile(r"[0-9]{6}(\.[0-9]{1,6})?")
MANUFACTURER, SERIES_NUMBER = "octseg", 9001
MOST_BYTES = 0xFFFFFFFE  # of an element whose length is told


def write_dicom_seg(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the file; its name. NotExportedError where the source is none that a segmentation can refer to."""
    headers = check_source(segmented.read_headers)
    pixel_mm, frame_mm = spacings(segmented, "DICOM SEG")
    filled, overlap, digest = _looked_through(segmented)
    if not filled.any():
        raise NotExportedError("no DICOM SEG is written: nothing is outlined in any frame")
    name = f"{stem}{SUFFIX}"
    with quiet():
        source = source_of(headers, segmented.numbers[-1], frame_mm)
        dataset = _header(segmented, source, as_small_pictures(source, pixel_mm, frame_mm), filled, digest)
        dataset.SegmentsOverlap = "YES" if overlap else "NO"
        take_over(dataset, source)
        with growing(folder / name) as file:
            _write(file, dataset, segmented, source)
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


def _header(
    segmented: Segmented, source: Source, small: Sequence[Dataset], filled: NDArray[np.bool_], digest: str
) -> Dataset:
    from highdicom.seg import Segmentation, SegmentationTypeValues

    run, corrected = segmented.run, corrected_words(segmented.run)
    present = np.zeros((source.frame_count, SIDE, SIDE, len(segmented.classes)), np.uint8)
    present[np.array(segmented.numbers) - 1, 0, 0] = filled
    by = (run["model"]["sha256"], run["octseg"], *([run["corrected_by"]] if corrected else []))
    identity = (str(source.first.SOPInstanceUID), *by, digest)
    seg = Segmentation(
        source_images=list(small),
        pixel_array=present,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=described(segmented, identity),
        series_instance_uid=uid_of("series", str(source.first.SeriesInstanceUID), *by),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of("instance", *identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=ascii_of(run["model"]["name"])[:64],
        software_versions=run["octseg"],
        device_serial_number=run["model"]["sha256"],
        content_label="OCTSEG",
        series_description=f"Tissues by octseg{', corrected' if corrected else ''}; research use only",
        omit_empty_frames=True,
    )
    seg.Rows, seg.Columns = segmented.records[0]["height"], segmented.records[0]["width"]
    seg.ContentCreatorName = ""
    _put_in_order(seg, source)
    _date_by_source(seg, source.first)
    organisation = uid_of("dimensions", *identity)
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation
    return seg


def _put_in_order(seg: Dataset, source: Source) -> None:
    """Items by segment, then by frame of the source, also by their indices.

    highdicom goes against z; who reads a file in its order, as SimpleITK does, would have the vessel turned round.
    """
    told = sorted(((*_of_item(item, seg, source), item) for item in _items(seg)), key=lambda each: (each[1], each[0]))
    numbers = sorted({number for number, _, _ in told})
    for number, segment, item in told:
        item.FrameContentSequence[0].DimensionIndexValues = [segment, numbers.index(number) + 1]
    seg.PerFrameFunctionalGroupsSequence = Items([item for _, _, item in told])


def _items(seg: Dataset) -> Iterable[Dataset]:
    return seg.PerFrameFunctionalGroupsSequence  # type: ignore[no-any-return]


def _date_by_source(seg: Dataset, first: Dataset) -> None:
    """The date of the frames, so that the same frames and model give the same bytes, whenever that is."""
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        delattr(seg, keyword)
    for equipment in seg.get("ContributingEquipmentSequence", []):
        equipment.pop("ContributionDateTime", None)
    seg.ContentDate = _first_that_is(DATE, (first.get(f"{name}Date") for name in DATED)) or NO_DATE
    seg.ContentTime = _first_that_is(TIME, (first.get(f"{name}Time") for name in DATED)) or NO_TIME


def _first_that_is(form: re.Pattern[str], values: Iterable[Any]) -> str | None:
    return next((str(value) for value in values if value and form.fullmatch(str(value))), None)


def _write(file: BinaryIO, dataset: Dataset, segmented: Segmented, source: Source) -> None:
    """The header, and behind it the bits of all masks that are not empty, in the order of its items."""
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    bits = len(dataset.PerFrameFunctionalGroupsSequence) * dataset.Rows * dataset.Columns
    size = -(-bits // 16) * 2
    if size > MOST_BYTES:
        raise NotExportedError("no DICOM SEG is written: its pixels are more than 4 GB; choose fewer by --frames")
    dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    file.write(b"\xe0\x7f\x10\x00OB\0\0" + size.to_bytes(4, "little"))
    written = 0
    for piece in _bytes_of(_in_order(dataset, segmented, source)):
        written += file.write(piece)
    file.write(b"\0" * (size - written))


def _in_order(dataset: Dataset, segmented: Segmented, source: Source) -> Iterator[NDArray[np.bool_]]:
    """The mask of each item, read one by one."""
    place_of: Mapping[int, int] = {number: place for place, number in enumerate(segmented.numbers)}
    for item in _items(dataset):
        number, segment = _of_item(item, dataset, source)
        yield segmented.read_masks(place_of[number])[segmented.classes[segment - 1]]


def _of_item(item: Dataset, dataset: Dataset, source: Source) -> tuple[int, int]:
    """Number of the source frame and of the segment of an item."""
    number = source.number_of(item.DerivationImageSequence[0].SourceImageSequence[0])
    shared = dataset.SharedFunctionalGroupsSequence[0]
    segment = item.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
    return number, int(segment[0].ReferencedSegmentNumber)


def _bytes_of(planes: Iterator[NDArray[np.bool_]]) -> Iterator[bytes]:
    """Bits of planes (H, W) one behind the other, the first pixel the lowest bit; a plane need not end with a byte."""
    left = np.zeros(0, bool)
    for plane in planes:
        bits = np.concatenate([left, plane.ravel()])
        whole = bits.size - bits.size % 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    yield np.packbits(left, bitorder="little").tobytes()
