"""What the head of a JPEG or JPEG-LS stream says of the frame in it, and which colours it holds.

A DICOM header often says one thing of the colours and the stream another. The stream's own markers rule; where it bears
none, or they contradict the header, the frame itself tells: its black ground is (0, 128, 128) in YCbCr and (0, 0, 0)
in RGB.
"""

import struct
from dataclasses import dataclass

SOF_LOSSY, SOF_LOSSLESS, SOF_JPEG_LS = (0xC0, 0xC1, 0xC2), 0xC3, 0xF7
SOF_ALL = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), SOF_JPEG_LS)
SOS, JFIF, ADOBE, END = 0xDA, 0xE0, 0xEE, b"\xff\xd9"
STANDALONE = (0x01, *range(0xD0, 0xD9))
MAX_SEGMENTS = 1000


@dataclass(frozen=True, kw_only=True)
class JpegHead:
    """sof: the marker, which tells the process; precision: bits of a sample.

    transform: the Adobe marker's word, 0 for RGB and 1 for YCbCr; None without one.
    subsampled: whether its colour planes are smaller than the first, as only those of YCbCr are.
    segments: marker, start (of the marker) and end of each segment before the pixels.
    """

    sof: int
    precision: int
    rows: int
    columns: int
    components: int
    component_ids: tuple[int, ...]
    subsampled: bool
    transform: int | None
    has_jfif: bool
    segments: tuple[tuple[int, int, int], ...]

    @property
    def says_rgb(self) -> bool | None:
        """What its markers say of the colours: RGB or YCbCr; None where they say nothing."""
        if self.transform is not None:
            return self.transform == 0
        if self.component_ids == tuple(b"RGB"):
            return True
        return False if self.has_jfif else None


def jpeg_head(data: bytes) -> JpegHead:
    """The head of a stream; ValueError or struct.error where it is none."""
    segments: list[tuple[int, int, int]] = []
    frame: tuple[int, int, int, int, int] | None = None
    ids: list[int] = []
    factors: list[int] = []
    transform, has_jfif, place = None, False, 2
    while True:
        if data[place] != 0xFF or len(segments) > MAX_SEGMENTS:
            raise ValueError("its parts do not follow one another")
        marker, start = data[place + 1], place
        if marker == 0xFF or marker in STANDALONE:
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        place += 2 + length
        body = data[start + 4 : place]
        segments.append((marker, start, place))
        if marker in SOF_ALL:
            frame = (marker, *struct.unpack(">BHHB", body[:6]))
            ids, factors = list(body[6::3]), list(body[7::3])
        elif marker == ADOBE and body[:5] == b"Adobe" and len(body) >= 12:
            transform = body[11]
        elif marker == JFIF and body[:4] == b"JFIF":
            has_jfif = True
        elif marker == SOS:
            break
    if frame is None:
        raise ValueError("its pixels come before its size")
    sof, precision, rows, columns, components = frame
    return JpegHead(
        sof=sof,
        precision=precision,
        rows=rows,
        columns=columns,
        components=components,
        component_ids=tuple(ids),
        subsampled=len(set(factors)) > 1 and sof in SOF_LOSSY,
        transform=transform,
        has_jfif=has_jfif,
        segments=tuple(segments),
    )


def with_transform(data: bytes, head: JpegHead, is_rgb: bool) -> bytes:
    """The stream with an Adobe marker that says so, in the place of what it said of its colours before."""
    marker = b"\xff\xee" + struct.pack(">H5sHHHB", 14, b"Adobe", 100, 0, 0, 0 if is_rgb else 1)
    parts = [data[:2], marker]
    place = 2
    for kind, start, end in head.segments:
        if kind in (JFIF, ADOBE):
            parts.append(data[place:start])
            place = end
    parts.append(data[place:])
    return b"".join(parts)
