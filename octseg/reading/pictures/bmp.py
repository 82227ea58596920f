"""BMP headers: size, depth and whether all rows are there."""

import struct

from octseg.reading.limits import Limits
from octseg.reading.pictures.header import Header, damaged, truncated, unsupported

DIB_BYTES = (12, 40, 52, 56, 64, 108, 124)
PLAIN, RLE8, RLE4, MASKED, MASKED_ALPHA = 0, 1, 2, 3, 6
DEPTHS = {PLAIN: (1, 4, 8, 16, 24, 32), RLE8: (8,), RLE4: (4,), MASKED: (16, 32), MASKED_ALPHA: (16, 32)}
MAX_RUN_LENGTH_PIXELS = 4_000_000  # run lengths are decoded in Python, a second for this many


def read_header(data: bytes, label: str, limits: Limits) -> Header:
    """Size of the picture; raises ReadError before any pixel is decoded."""
    if len(data) < 26:
        raise truncated(label, "BMP")
    pixels_at, dib_bytes = struct.unpack_from("<II", data, 10)
    if dib_bytes not in DIB_BYTES:
        raise damaged(label, "BMP", f"a header of {dib_bytes} bytes does not exist")
    if 14 + dib_bytes > len(data):
        raise truncated(label, "BMP")
    if dib_bytes == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        compression = PLAIN
    else:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
        height = abs(height)  # rows from the top down
    if width <= 0:
        raise damaged(label, "BMP", f"it is {width} pixels wide")
    limits.check_frame(height, width, label)
    if depth not in DEPTHS.get(compression, ()):
        raise unsupported(label, "BMP", f"of {depth} bits with compression {compression}")
    if compression in (RLE8, RLE4):
        if height * width > MAX_RUN_LENGTH_PIXELS or len(data) > 4 * MAX_RUN_LENGTH_PIXELS:
            raise unsupported(label, "BMP", "with run lengths for more than 4 million pixels")
    elif pixels_at + (width * depth + 31) // 32 * 4 * height > len(data):
        raise truncated(label, "BMP")
    return Header(format="BMP", height=height, width=width, data=data)
