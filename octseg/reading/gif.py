"""GIF: frames of 256 colours, which keep neither ruler nor scale bar.

A program that writes a GIF may keep equal neighbours as one frame that is shown longer: its durations tell. Nothing is
decoded before the blocks of the file have been gone through.
"""

import io
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from PIL import Image

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.along import say, spaced
from octseg.reading.content import Content
from octseg.reading.limits import Limits
from octseg.reading.pictures.decoding import page_of, to_rgb

EXTENSION, IMAGE, END = 0x21, 0x2C, 0x3B
PALETTE = 0x80  # of the flags: a palette follows
COLOURS = "its 256 colours keep neither ruler nor scale bar, so no scale is read from its frames"


@dataclass
class _Blocks:
    """Size in pixels, and for each whole frame how long it is shown, in hundredths of a second."""

    height: int
    width: int
    durations: list[int] = field(default_factory=list)
    is_whole: bool = False


def read_gif(content: Content, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a GIF; ReadError where there is none, or where it is beyond the limits."""
    limits.check_content(content.size, label)
    data = content.whole()
    blocks = _blocks(data, label, limits)
    count = len(blocks.durations)
    if not count:
        raise ReadError(f"{label} is incomplete: the GIF file ends before its picture does; save it again")
    late = [] if blocks.is_whole else [f"{label} ends early: its first {count} frames are there"]
    held = _held(blocks.durations)
    next(_frames(data, 1, label, []))  # what is wrong with the first shows now

    def read_frames() -> Iterator[Frame]:
        return _frames(data, count, label, late)

    pullback = Pullback(
        name=stem,
        frame_count=count,
        read_frames=read_frames,
        burned_in_scale="never",
        warnings=(f"{label} is a GIF: {COLOURS}", *held),
        late_warnings=late,
    )
    return pullback if held else spaced(pullback)


def _held(durations: Sequence[int]) -> tuple[str, ...]:
    """What is said where some frames are shown longer than most: they stand for equal ones that were left out."""
    usual = Counter(durations).most_common(1)[0][0]
    longer = {place: round(each / usual) for place, each in enumerate(durations, 1) if usual and each >= 1.5 * usual}
    if not longer:
        return ()
    told = ", ".join(f"frame {place} for {times}" for place, times in list(longer.items())[:3])
    return (
        f"some frames are shown longer than the others ({told}{' ...' if len(longer) > 3 else ''}): equal ones were "
        f"kept as one, about {sum(longer.values()) - len(longer)} in all, so the numbers behind them are shifted",
    )


def _frames(data: bytes, count: int, label: str, late: list[str]) -> Iterator[Frame]:
    """The first `count` frames, in order; the first that cannot be decoded ends them, which `late` says."""
    number = 0
    try:
        with Image.open(io.BytesIO(data), formats=["GIF"]) as picture:
            for number in range(count):
                picture.seek(number)
                yield to_rgb(page_of(picture).samples)
    except GeneratorExit:
        raise
    except Exception as error:
        # A decoder fed with hostile bytes raises whatever it likes; all of it means that the file is not right.
        if number == 0:
            raise ReadError(f"{label} cannot be decoded: the GIF file is damaged or incomplete") from error
        say(late, f"{label} is damaged: only its first {number} of {count} frames can be decoded")


def _blocks(data: bytes, label: str, limits: Limits) -> _Blocks:
    """What the blocks of the file tell; ReadError where the size is beyond the limits or a frame reaches beyond it."""
    if len(data) < 13:
        raise ReadError(f"{label} is incomplete: the GIF file ends before its picture does; save it again")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    limits.check_frame(height, width, label)
    found = _Blocks(height, width)
    place, duration = 13 + _palette_bytes(flags), 0
    while place < len(data):
        kind = data[place]
        if kind == END:
            found.is_whole = True
            break
        if kind == EXTENSION:
            if data[place + 1 : place + 3] == b"\xf9\x04" and place + 6 <= len(data):
                (duration,) = struct.unpack_from("<H", data, place + 4)
            place = _behind(data, place + 2)
        elif kind == IMAGE and place + 10 <= len(data):
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, place + 1)
            if left + across > width or top + down > height:
                raise ReadError(f"{label} is a damaged GIF file: a frame of it is larger than the whole")
            place = _behind(data, place + 11 + _palette_bytes(flags))
            if place <= len(data):
                found.durations.append(duration)
                count = len(found.durations)
                limits.check_pullback(count, count * height * width, label, are_all=False)
        else:
            break
    return found


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & PALETTE else 0


def _behind(data: bytes, place: int) -> int:
    """What follows a row of sub-blocks that begins at `place`; beyond the end where the data end before."""
    while place < len(data):
        length = data[place]
        place += 1 + length
        if length == 0:
            return place
    return len(data) + 1
