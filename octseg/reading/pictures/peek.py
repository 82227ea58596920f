"""Size and depth of a picture by its first bytes: hundreds of them are looked at before the first is shown."""

import struct
from dataclasses import dataclass

from octseg.errors import ReadError
from octseg.reading.content import Content
from octseg.reading.formats import picture_format
from octseg.reading.pictures.jpeg import SOF_OTHER, SOF_READ, SOS, STANDALONE
from octseg.reading.pictures.tiff_stack import said_of
from octseg.reading.pictures.tiff_tags import BITS, HEIGHT, WIDTH, first_page

PEEK_BYTES = 65_536
DEEP_PNG = 16


@dataclass(frozen=True)
class Peek:
    """Height and width in pixels as stored, whether its samples have more than 8 bits, whether it may be a stack."""

    height: int
    width: int
    is_deep: bool = False
    is_stack: bool = False


def peek(content: Content, head: bytes) -> Peek | None:
    """What the first bytes tell, or for TIFF its first page; None where they do not tell it, or it is no picture."""
    kind = picture_format(head)
    if kind == "PNG" and len(head) >= 26:
        width, height, depth = struct.unpack_from(">IIB", head, 16)
        return Peek(height, width, depth == DEEP_PNG)
    if kind == "BMP" and len(head) >= 26:
        if struct.unpack_from("<I", head, 14)[0] == 12:
            width, height = struct.unpack_from("<HH", head, 18)
        else:
            width, height = struct.unpack_from("<ii", head, 18)
        return Peek(abs(height), width)
    if kind == "JPEG":
        return _jpeg(head)
    if kind == "TIFF":
        return _tiff(content)
    return None


def _jpeg(head: bytes) -> Peek | None:
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker = head[place + 1]
        if marker == 0xFF or marker in STANDALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in SOF_READ or marker in SOF_OTHER:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return Peek(height, width)
        if marker == SOS:
            return None
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None


def _tiff(content: Content) -> Peek | None:
    try:
        page, has_more = first_page(content, "the file")
    except ReadError:
        return None
    said = said_of(page)
    is_stack = has_more or (said is not None and said.pages > 1)
    return Peek(page.one(HEIGHT, 0), page.one(WIDTH, 0), page.one(BITS, 1) > 8, is_stack)
