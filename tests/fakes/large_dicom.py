"""DICOM files of frames that are not compressed and do not say their length as others do: over 4 GB none can.

An element's length has 32 bits. The frames (H, W, 3) are black but for some, and the black ones are holes in the file.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.fakes.dicom_files import header

Way = Literal["in fragments", "without a length", "with 32 bits of the length"]
IN_FRAGMENTS = UID("1.2.840.10008.1.2.1.98")  # Encapsulated Uncompressed Explicit VR Little Endian
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"


def write_large(path: Path, shown: Mapping[int, NDArray], count: int, way: Way, **elements: object) -> Path:
    """A file of `count` frames; shown: number from 0 on -> what a frame shows. elements: of the header, by keyword."""
    like = next(iter(shown.values()))
    fragments = way == "in fragments"
    each = like.nbytes + like.nbytes % 2 if fragments else like.nbytes
    length = UNDEFINED if way != "with 32 bits of the length" else (count * each % (1 << 32)).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(_head(like, count, IN_FRAGMENTS if fragments else ExplicitVRLittleEndian, length, elements))
        if fragments:
            file.write(ITEM + b"\0\0\0\0")  # no table of offsets: it has 32 bits for each, too
        for number in range(count):
            if fragments:
                file.write(ITEM + each.to_bytes(4, "little"))
            at = file.tell()
            if number in shown:
                file.write(shown[number].tobytes())
            file.seek(at + each)
        file.truncate()
        file.write(b"" if way == "with 32 bits of the length" else END)
    return path


def write_native(path: Path, frames: Sequence[NDArray]) -> Path:
    """A file as most are, of less than 4 GB, a frame in memory at a time."""
    whole = sum(frame.nbytes for frame in frames)
    with path.open("wb") as file:
        length = (whole + whole % 2).to_bytes(4, "little")
        file.write(_head(frames[0], len(frames), ExplicitVRLittleEndian, length, {}))
        for frame in frames:
            file.write(frame.tobytes())
        file.write(bytes(whole % 2))
    return path


def _head(like: NDArray, count: int, syntax: UID, length: bytes, elements: Mapping[str, object]) -> bytes:
    """All before the pixels: the head of their element, too."""
    dataset = header([like])
    dataset.NumberOfFrames = count
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    head = io.BytesIO()
    dcmwrite(head, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return head.getvalue() + b"\xe0\x7f\x10\x00OB\0\0" + length
