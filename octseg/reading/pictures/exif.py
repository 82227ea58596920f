"""The orientation in an EXIF block, which is a small TIFF file; nothing else of it is read."""

import struct

ORIENTATION = 274


def orientation_of(block: bytes) -> int:
    """1 to 8 as in EXIF; 1 where the block has none or cannot be understood."""
    if block.startswith(b"Exif\x00\x00"):
        block = block[6:]
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (place,) = struct.unpack_from(order + "I", block, 4)
    if place + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, place)
    for entry in range(place + 2, min(place + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, entry)
        if tag == ORIENTATION and kind == 3 and 1 <= value <= 8:
            return int(value)
    return 1
