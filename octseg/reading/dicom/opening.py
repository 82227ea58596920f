"""The head of a DICOM file: everything up to its pixels, and of that only what frames and scale need.

Names, numbers and dates of a patient are never taken out of the file: `TAGS` are all that is read.
"""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from octseg.errors import ReadError
from octseg.reading.dicom.mark import MAGIC, PREAMBLE
from octseg.reading.dicom.quiet import quiet
from octseg.reading.dicom.syntaxes import BIG_ENDIAN, EXPLICIT, IMPLICIT, Syntax, syntax_of
from octseg.reading.limits import Limits, empty

PIXEL_TAGS = (0x7FE00010, 0x7FE00008, 0x7FE00009)  # of whole numbers, of float, of double
UNDEFINED = 0xFFFFFFFF
MOST_OF_ONE = 64_000_000  # bytes of an element that is taken into memory, such as all frames' functional groups
LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
PLAIN_RATIO_BYTES = 10_000_000  # of a deflated file, before it may not grow more than RATIO-fold
RATIO = 200
CHUNK = 1 << 20

_KEYWORDS = (
    *("SOPClassUID", "Modality", "PresentationIntentType", "BurnedInAnnotation", "SpecificCharacterSet"),
    *(
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "SeriesNumber",
        "InstanceNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
    ),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelAspectRatio", "PresentationLUTShape"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction"),
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in ("Red", "Green", "Blue")),
    *(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("OCTZOffsetApplied", "RefractiveIndexApplied", "EffectiveRefractiveIndex", "ALinePixelSpacing"),
    *("ALinesPerFrame", "FirstALineLocation", "CatheterDirectionOfRotation", "PixelIntensityRelationship"),
    *("IntravascularOCTFrameContentSequence", "IntravascularFrameContentSequence"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "DirectoryRecordSequence"),
)
TAGS: list[BaseTag | int] = [Tag(keyword) for keyword in _KEYWORDS]


@dataclass(frozen=True)
class Source:
    """Where a file's bytes are: on disk or in memory."""

    where: Path | bytes = field(repr=False)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, from its beginning on."""
        with io.BytesIO(self.where) if isinstance(self.where, bytes) else self.where.open("rb") as file:
            yield file


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file's head: `TAGS` of its data set, and where its pixels are.

    pixel_tag: None where it has no pixels. pixels_at: place in the file of the first byte of their value.
    pixel_bytes: length of their value; None where they are in fragments. in_words: whether it is of 16-bit words.
    file_bytes: of the whole file.
    """

    source: Source
    dataset: Dataset
    syntax: Syntax
    pixel_tag: int | None
    pixels_at: int
    pixel_bytes: int | None
    in_words: bool
    file_bytes: int


def open_dicom(source: Path | bytes, label: str, limits: Limits, tags: list[BaseTag | int] | None = TAGS) -> Opened:
    """The head of a file; ReadError where that cannot be read, or is not one of DICOM.

    tags: what is taken of it; None for all, the patient too, which is for a file that is to refer to this one alone.
    """
    try:
        with quiet():
            return _open(Source(source), label, limits, tags)
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{label} cannot be opened: {(error.strerror or 'unknown cause').lower()}") from error
    except Exception as error:
        # pydicom, fed with hostile bytes, raises whatever it likes, with values of the header in its words.
        raise ReadError(f"{label} is a damaged DICOM file: its header cannot be read") from _named(error)


def _named(error: Exception) -> Exception:
    """The kind of an error without its words."""
    return RuntimeError(type(error).__name__)


def _open(source: Source, label: str, limits: Limits, tags: list[BaseTag | int] | None) -> Opened:
    with source.opened() as file:
        head = file.read(PREAMBLE + len(MAGIC))
        if not head:
            raise empty(label)
        start = len(head) if head[PREAMBLE:] == MAGIC else 0
        file.seek(start)
        meta = read_dataset(file, False, True, stop_when=_after_meta)
        uid = str(meta.get("TransferSyntaxUID", "") or "").strip(" \0")
        syntax = syntax_of(uid, label) if uid else None
        if syntax is not None and syntax.deflated:
            inflated = _inflated(file, label, limits)
            return _read_head(Source(inflated), io.BytesIO(inflated), EXPLICIT, tags)
        if syntax is None:
            syntax = _sniffed(file)
        return _read_head(source, file, syntax, tags)


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _sniffed(file: BinaryIO) -> Syntax:
    """The syntax of a data set that no meta header describes; compressed frames are known by their first bytes."""
    place = file.tell()
    first = file.read(6)
    file.seek(place)
    if first[4:6].isalpha() and first[4:6].isupper():
        return BIG_ENDIAN if first[0] == 0 and first[1] in (2, 8) else EXPLICIT
    return IMPLICIT


def _inflated(file: BinaryIO, label: str, limits: Limits) -> bytes:
    """The data set of a deflated file, so long as it keeps to the bound."""
    inflate, kept, taken, given = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO(), 0, 0
    while not inflate.eof and (chunk := file.read(CHUNK)):
        given += len(chunk)
        while chunk and not inflate.eof:
            part = inflate.decompress(chunk, CHUNK)
            taken += kept.write(part)
            if taken > limits.max_inflated_bytes or taken > max(PLAIN_RATIO_BYTES, RATIO * given):
                raise ReadError(
                    f"{label} is a deflated DICOM file that inflates beyond {taken / 1e6:.0f} MB; at most "
                    f"{limits.max_inflated_bytes / 1e6:.0f} MB are read (OCTSEG_MAX_INFLATED_BYTES), and at most "
                    f"{RATIO} times the file: save it uncompressed or with compressed frames"
                )
            chunk = inflate.unconsumed_tail
    return kept.getvalue()


def _read_head(source: Source, file: BinaryIO, syntax: Syntax, tags: list[BaseTag | int] | None) -> Opened:
    found: list[int] = []

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if tag in PIXEL_TAGS:
            found.append(int(tag))
        return bool(found)

    dataset = read_dataset(
        file, syntax.implicit, not syntax.big_endian, stop_when=at_pixels, defer_size=MOST_OF_ONE, specific_tags=tags
    )
    for tag in list(dataset.keys()):
        element: object = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.length and cast(object, element.value) is None:
            del dataset[tag]  # too long to be what it says it is
    place = file.tell()
    file_bytes = file.seek(0, io.SEEK_END)
    if not found:
        return Opened(
            source=source,
            dataset=dataset,
            syntax=syntax,
            pixel_tag=None,
            pixels_at=file_bytes,
            pixel_bytes=None,
            in_words=False,
            file_bytes=file_bytes,
        )
    file.seek(place)
    start = file.read(12)
    order = "big" if syntax.big_endian else "little"
    explicit = start[4:6] in LONG_VRS and start[6:8] == b"\0\0"
    length = int.from_bytes(start[8:12] if explicit else start[4:8], order)  # type: ignore[arg-type]
    return Opened(
        source=source,
        dataset=dataset,
        syntax=syntax,
        pixel_tag=found[0],
        pixels_at=place + (12 if explicit else 8),
        pixel_bytes=None if length == UNDEFINED else length,
        in_words=start[4:6] == b"OW",
        file_bytes=file_bytes,
    )
