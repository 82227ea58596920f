"""Transfer syntaxes: how a file is written, and how its frames are coded."""

from dataclasses import dataclass
from typing import Literal

from octseg.errors import ReadError

Coding = Literal["native", "rle", "jpeg", "jpeg_lossless", "jpeg_ls", "jpeg_2000"]
PREFIX = "1.2.840.10008.1.2"


@dataclass(frozen=True)
class Syntax:
    """implicit, big_endian, deflated: of the data set; coding: of the frames; lossy: whether that changes levels."""

    coding: Coding
    lossy: bool = False
    implicit: bool = False
    big_endian: bool = False
    deflated: bool = False


IMPLICIT, EXPLICIT, BIG_ENDIAN = Syntax("native", implicit=True), Syntax("native"), Syntax("native", big_endian=True)
SYNTAXES = {
    PREFIX: IMPLICIT,
    f"{PREFIX}.1": EXPLICIT,
    f"{PREFIX}.1.98": EXPLICIT,  # each frame in a fragment: of more than 4 GB there is no other way
    f"{PREFIX}.1.99": Syntax("native", deflated=True),
    f"{PREFIX}.2": BIG_ENDIAN,
    f"{PREFIX}.4.50": Syntax("jpeg", lossy=True),
    f"{PREFIX}.4.51": Syntax("jpeg", lossy=True),
    f"{PREFIX}.4.57": Syntax("jpeg_lossless"),
    f"{PREFIX}.4.70": Syntax("jpeg_lossless"),
    f"{PREFIX}.4.80": Syntax("jpeg_ls"),
    f"{PREFIX}.4.81": Syntax("jpeg_ls", lossy=True),
    f"{PREFIX}.4.90": Syntax("jpeg_2000"),
    f"{PREFIX}.4.91": Syntax("jpeg_2000", lossy=True),
    f"{PREFIX}.4.201": Syntax("jpeg_2000"),
    f"{PREFIX}.4.202": Syntax("jpeg_2000"),
    f"{PREFIX}.4.203": Syntax("jpeg_2000", lossy=True),
    f"{PREFIX}.5": Syntax("rle"),
}
VIDEO = tuple(f"{PREFIX}.4.{number}" for number in (100, 101, 102, 103, 104, 105, 106, 107, 108))


def syntax_of(uid: str, label: str) -> Syntax:
    """The syntax that a file names; ReadError where it is none that is read."""
    if uid in SYNTAXES:
        return SYNTAXES[uid]
    if uid.startswith(VIDEO):
        raise ReadError(
            f"{label} is a DICOM file that holds a video (MPEG); save it as an MP4 or AVI file and give that"
        )
    named = uid if uid.startswith(PREFIX) and len(uid) < 32 else "of its maker's own"
    raise ReadError(
        f"{label} is a DICOM file in a transfer syntax ({named}) that is not read; "
        "save it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE"
    )
