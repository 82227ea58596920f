"""What this program made of frames, such as a mask or an overlay, told by its file: results are no frames.

The file says so in a text chunk, which stays through renaming, copying and what makes a PNG smaller. A mask is told by
its palette too, whatever order a tool has put that into. What a tool wrote anew without either is told by its pixels,
in octseg/drawing/own.py.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Literal

from octseg.classes import PALETTE, TISSUE_CLASSES
from octseg.errors import OwnResultError

OwnKind = Literal["mask", "planes", "overlay", "frame"]  # the last a frame as it was read, which may be looked at again

SOFTWARE = "Software"
MADE_BY = "octseg "  # how the text of that keyword begins in each result, and in no frame
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
AS_READ = ": a frame as it was read"  # how it ends where the picture is the frame itself
WORDS = {
    "mask": "a mask in the colours of this program",
    "planes": "a file of masks that this program wrote",
    "frame": "a copy of a frame that this program wrote",
    "overlay": "an overlay or another picture that this program drew",
}
MAX_CHUNKS, MAX_PALETTE_BYTES = 10_000, 768
_TEXT_KINDS = (b"tEXt", b"iTXt")
_COLOURS = {PALETTE[place : place + 3] for place in range(0, len(PALETTE), 3)}
_TISSUES = {bytes(tissue.colour) for tissue in TISSUE_CLASSES} - {b"\xff\xff\xff"}  # white is in many a palette
_MARK = f"{SOFTWARE}\0".encode()


def own_kind(file: BinaryIO) -> OwnKind | None:
    """What of this program's a PNG file is, from its chunks alone; None for a frame, and for other formats."""
    has_palette = made_here = as_read = False
    for kind, content in _telling_chunks(file):
        if kind == b"PLTE":
            has_palette = True
            colours = {content[place : place + 3] for place in range(0, len(content), 3)}
            if colours <= _COLOURS and colours & _TISSUES:
                return "mask"
        elif kind in _TEXT_KINDS and content.startswith(_MARK):
            said = content[len(_MARK) :]
            text = said if kind == b"tEXt" else said[2:].split(b"\0", 2)[-1]  # after flags, language, keyword in it
            if text.startswith(MADE_BY.encode()):
                made_here, as_read = True, text.endswith(AS_READ.encode())
    if not made_here:
        return None
    if as_read:
        return "frame"
    return "mask" if has_palette else "overlay"


def refuse_own(data: bytes, label: str) -> None:
    """OwnResultError where a file's content is a result of this program."""
    kind = own_kind(io.BytesIO(data))
    if kind is not None and kind != "frame":
        raise own_result(label, kind)


def own_result(label: str, kind: OwnKind) -> OwnResultError:
    """What is said of a result that was given as a frame."""
    return OwnResultError(f"{label} is {WORDS[kind]}, not a frame; give the frame itself")


def _telling_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and beginning of each palette and text, also behind the pixels; nothing where the file is no PNG."""
    if file.read(len(PNG_SIGNATURE)) != PNG_SIGNATURE:
        return
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        taken = b""
        if kind == b"PLTE" or kind in _TEXT_KINDS:
            taken = file.read(min(length, MAX_PALETTE_BYTES))
            yield kind, taken
        file.seek(length - len(taken) + 4, io.SEEK_CUR)
