"""DICOM files as consoles and others write them, made of frames by pydicom and the encoders: answers are known.

`pullback_file(frames, ...)` gives the bytes of a file; what is odd about it is an argument.
"""

import io
import struct
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jpeg_ls import encode_array as encode_jpeg_ls
from numpy.typing import NDArray
from openjpeg.utils import encode_array as encode_jpeg_2000
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from rle.utils import encode_pixel_data as encode_run_lengths

Frames = Sequence[NDArray[Any]]
Syntax = Literal["explicit", "implicit", "big_endian", "deflated", "rle", "jpeg", "jpeg_ls", "jpeg_2000"]
Offsets = Literal["basic", "extended", "none"]

UIDS = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big_endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg": JPEGBaseline8Bit,
    "jpeg_ls": JPEGLSLossless,
    "jpeg_2000": JPEG2000Lossless,
}
CODED_AS = {"jpeg": "YBR_FULL_422", "jpeg_2000": "YBR_RCT"}  # RGB, by the encoders' turn of colours
NATIVE = ("explicit", "implicit", "big_endian", "deflated")
FOR_PRESENTATION, FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.14.1", "1.2.840.10008.5.1.4.1.1.14.2"
MULTI_FRAME_COLOUR, MULTI_FRAME_BYTE = "1.2.840.10008.5.1.4.1.1.7.4", "1.2.840.10008.5.1.4.1.1.7.2"
# What the standard asks for besides; dciodvfy has nothing against a capture that is made so.
ASKED_FOR = {
    **dict.fromkeys(("PatientSex", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"), ""),
    **dict.fromkeys(("SeriesNumber", "InstanceNumber", "Laterality", "Manufacturer", "PatientOrientation"), ""),
    "ConversionType": "WSD",
    "BurnedInAnnotation": "NO",
    "FrameIncrementPointer": 0x00181063,
    "FrameTime": "33",
}
PATIENT = {
    "PatientName": "Kanarienvogel^Erna",
    "PatientID": "CANARY-4711",
    "PatientBirthDate": "19330401",
    "StudyDate": "20190203",
    "InstitutionName": "Canary General Hospital",
    "StudyDescription": "canary before stent",
}


def pullback_file(
    frames: Frames,
    *,
    syntax: Syntax = "explicit",
    photometric: str | None = None,
    bits_stored: int | None = None,
    declared: int | None = None,
    offsets: Offsets = "basic",
    fragments: int = 1,
    streams: Sequence[bytes] | None = None,
    by_plane: bool = False,
    pixel_data: bytes | None = None,
    **elements: Any,
) -> bytes:
    """A multi-frame file of frames (H, W) or (H, W, 3), grey or RGB.

    declared: number of frames in the header where it is not theirs. offsets, fragments: of encapsulated frames.
    streams: what is stored of each frame, in the place of the encoder's. elements: of the data set, by keyword.
    """
    if frames[0].ndim == 3:
        photometric = photometric or CODED_AS.get(syntax)
    dataset = header(frames, photometric=photometric, bits_stored=bits_stored, by_plane=by_plane)
    dataset.NumberOfFrames = len(frames) if declared is None else declared
    if pixel_data is not None:
        dataset.PixelData = pixel_data
    elif syntax in NATIVE:
        dataset.PixelData = _even(b"".join(native(frame, syntax, by_plane) for frame in frames))
    else:
        coded = [encoded(frame, syntax) for frame in frames] if streams is None else list(streams)
        if offsets == "extended":
            (
                dataset.PixelData,
                dataset.ExtendedOffsetTable,
                dataset.ExtendedOffsetTableLengths,
            ) = encapsulate_extended(coded)
        else:
            dataset.PixelData = encapsulate(coded, fragments_per_frame=fragments, has_bot=offsets == "basic")
        dataset["PixelData"].VR = "OB"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return written(dataset, syntax)


def header(
    frames: Frames, *, photometric: str | None = None, bits_stored: int | None = None, by_plane: bool = False
) -> Dataset:
    """A data set without pixels: of the patient too, so that all tests would see it where it must not be."""
    first = frames[0]
    dataset = Dataset()
    dataset.SOPClassUID = MULTI_FRAME_COLOUR if first.ndim == 3 else FOR_PRESENTATION
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = (generate_uid() for _ in range(3))
    dataset.Modality = "IVOCT"
    for keyword, value in {**ASKED_FOR, **PATIENT}.items():
        setattr(dataset, keyword, value)
    dataset.Rows, dataset.Columns = first.shape[:2]
    dataset.SamplesPerPixel = 3 if first.ndim == 3 else 1
    dataset.PhotometricInterpretation = photometric or ("RGB" if first.ndim == 3 else "MONOCHROME2")
    if first.ndim == 3:
        dataset.PlanarConfiguration = int(by_plane)
    dataset.BitsAllocated = 8 * first.dtype.itemsize
    dataset.BitsStored = bits_stored or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(first.dtype.kind == "i")
    return dataset


def written(dataset: Dataset, syntax: Syntax) -> bytes:
    """The bytes of a file with preamble and meta header."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UIDS[syntax]
    file = io.BytesIO()
    implicit, little = syntax == "implicit", syntax != "big_endian"
    dataset.PixelData = dataset.PixelData  # in the data set's own VR
    if syntax in NATIVE:
        dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
    dcmwrite(file, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return file.getvalue()


def native(frame: NDArray[Any], syntax: Syntax = "explicit", by_plane: bool = False) -> bytes:
    """A frame that is not compressed."""
    if by_plane:
        frame = frame.transpose(2, 0, 1)
    if frame.dtype.itemsize == 2:
        frame = frame.astype(frame.dtype.newbyteorder(">" if syntax == "big_endian" else "<"))
    return frame.tobytes()


def encoded(frame: NDArray[Any], syntax: Syntax) -> bytes:
    """A frame as the encoder of a transfer syntax gives it."""
    if syntax == "jpeg":
        return jpeg(frame)
    if syntax == "jpeg_ls":
        return bytes(encode_jpeg_ls(np.ascontiguousarray(frame), interleave_mode=2 if frame.ndim == 3 else 0))
    if syntax == "jpeg_2000":
        return bytes(
            encode_jpeg_2000(np.ascontiguousarray(frame), photometric_interpretation=1 if frame.ndim == 3 else 2)
        )
    rows, columns = frame.shape[:2]
    return bytes(
        encode_run_lengths(
            frame.astype(frame.dtype.newbyteorder("<")).tobytes(),
            rows=rows,
            columns=columns,
            samples_per_pixel=3 if frame.ndim == 3 else 1,
            bits_allocated=8 * frame.dtype.itemsize,
            number_of_frames=1,
            byteorder="<",
        )
    )


def jpeg(
    frame: NDArray[np.uint8],
    *,
    quality: int = 95,
    subsampling: int = 0,
    as_rgb: bool = False,
    markers: bool = True,
) -> bytes:
    """A JPEG of a frame: in YCbCr with JFIF's marker, or RGB with Adobe's; without `markers` it does not say which."""
    file = io.BytesIO()
    options = {"keep_rgb": True} if as_rgb else {"subsampling": subsampling} if frame.ndim == 3 else {}
    Image.fromarray(frame).save(file, "JPEG", quality=quality, **options)
    return file.getvalue() if markers else without_markers(file.getvalue())


def without_markers(stream: bytes) -> bytes:
    """A JPEG without JFIF's and Adobe's markers, its colours numbered 1, 2 and 3."""
    kept, place = [stream[:2]], 2
    while True:
        marker, (length,) = stream[place + 1], struct.unpack_from(">H", stream, place + 2)
        segment = bytearray(stream[place : place + 2 + length])
        if marker in (0xC0, 0xC1, 0xC2):
            for number in range(segment[9]):
                segment[10 + 3 * number] = number + 1
        if marker == 0xDA:
            for number in range(segment[4]):
                segment[5 + 2 * number] = number + 1
        if marker not in (0xE0, 0xEE):
            kept.append(bytes(segment))
        place += 2 + length
        if marker == 0xDA:
            return b"".join(kept) + stream[place:]


def ybr(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Y, Cb, Cr (H, W, 3) of the full range."""
    return np.asarray(Image.fromarray(frame).convert("YCbCr"))


def ybr_422(frame: NDArray[np.uint8]) -> bytes:
    """A frame as native YBR_FULL_422: Y, Y, Cb, Cr for each two pixels."""
    planes = ybr(frame).reshape(frame.shape[0], -1, 2, 3)
    chroma = planes[..., 1:].mean(axis=2).round().astype(np.uint8)
    return np.concatenate([planes[..., 0], chroma], axis=2).tobytes()


def palette_elements(colours: NDArray[np.uint8], bits: Literal[8, 16] = 16) -> dict[str, Any]:
    """Elements of a palette (n, 3)."""
    elements: dict[str, Any] = {}
    for place, name in enumerate(("Red", "Green", "Blue")):
        column = colours[:, place]
        entries = column if bits == 8 else (column.astype("<u2") << 8 | column)
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [len(colours), 0, bits]
        elements[f"{name}PaletteColorLookupTableData"] = entries.tobytes()
    return elements


def groups(**macros: Any) -> Items:
    """Functional groups of one item: each macro's keyword with its elements; a list of those gives an item for each."""
    counts = {len(value) for value in macros.values() if isinstance(value, list)} or {1}
    items = []
    for number in range(counts.pop()):
        group = Dataset()
        for keyword, value in macros.items():
            macro = Dataset()
            for name, element in (value[number] if isinstance(value, list) else value).items():
                setattr(macro, name, element)
            setattr(group, keyword, Items([macro]))
        items.append(group)
    return Items(items)


def _even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)
