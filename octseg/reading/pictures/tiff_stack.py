"""How many frames a TIFF says it holds, and where they are: pages, or a run of pixels behind the first page.

ImageJ keeps a large stack as one page with the frames one after the other behind it; tifffile puts the pages of a stack
behind its pixels, so that a file that ends early has lost them.
"""

import json
import math
import re
from dataclasses import dataclass

from octseg.errors import ReadError
from octseg.reading.content import Content
from octseg.reading.pictures.tiff_pages import UNCOMPRESSED, Stored, frame_bytes, is_tiled, places_of
from octseg.reading.pictures.tiff_tags import BITS, COMPRESSION, HEIGHT, SAMPLES, WIDTH, Page

_IMAGEJ = re.compile(rb"ImageJ=")
_PIXELS = re.compile(rb"<(?:\w+:)?Pixels\b[^>]*>")
MOST = 10**9
COLOURS = 4  # channels at most that a frame may have
PADDING = 64  # bytes at most between the pixels of a stack and the page behind them


@dataclass(frozen=True)
class Said:
    """What a description tells of a stack: how many pages, how many of them make one frame, and whose words it is."""

    pages: int
    channels: int = 1
    channels_last: bool = False  # all pages of one channel before those of the next


def said_of(page: Page) -> Said | None:
    """What the first page's description tells of a stack; None where it says nothing."""
    text = page.description
    if _IMAGEJ.match(text):
        pages, channels = (_number(rf"\b{key}=(\d{{1,9}})\b".encode(), text) for key in ("images", "channels"))
        grey = b"mode=grayscale" in text or channels not in (2, 3, 4)
        return Said(pages or 1, 1 if channels == pages and grey else channels or 1)  # frames were called channels
    if text.startswith(b"{") and (pages := _shaped(text, page)):
        return Said(pages)
    return _said_by_ome(page)


def _said_by_ome(page: Page) -> Said | None:
    every = _PIXELS.findall(page.description)
    if len(every) != 1:
        return None
    z, c, t = (_number(rf'\bSize{axis}="(\d{{1,9}})"'.encode(), every[0]) or 1 for axis in "ZCT")
    channels = max(1, c // page.one(SAMPLES, 1))
    order = re.search(rb'DimensionOrder="XY([ZCT]{3})"', every[0])
    before = {b"C": 1, b"Z": z, b"T": t}
    first = order[1][: order[1].index(b"C")] if order else b""
    behind = math.prod(before[first[n : n + 1]] for n in range(len(first)))
    if channels > COLOURS and z * t == 1:  # frames were called channels
        return Said(channels)
    return Said(z * channels * t, channels, behind > 1)


def _number(pattern: bytes, text: bytes) -> int | None:
    found = re.search(pattern, text)
    return None if found is None else int(found[1])


def _shaped(text: bytes, page: Page) -> int | None:
    """Pages by the shape that tifffile writes down; None where it is none of this page."""
    try:
        shape = json.loads(text.rstrip(b"\0"))["shape"]
        values = math.prod(shape)
    except (ValueError, TypeError, KeyError):
        return None
    of_page = page.one(WIDTH, 0) * page.one(HEIGHT, 0) * page.one(SAMPLES, 1)
    if not isinstance(values, int) or not of_page or values % of_page:
        return None
    return min(values // of_page, MOST)


def promised_by_place(first: Page, lost: int, file_bytes: int, label: str) -> int:
    """How many frames lie before the page that a file has lost, where that stands right behind them; else 0."""
    size, start = frame_bytes(first), places_of(first, file_bytes, label)[0][0]
    count, left = divmod(lost - start, max(size, 1))
    return count if count > 1 and left <= PADDING else 0


def behind_first(content: Content, frames: list[Page], count: int, label: str) -> list[Stored]:
    """Up to `count` frames that lie one behind the other from the first page's pixels on; empty where they do not."""
    first = frames[0]
    if first.one(COMPRESSION, UNCOMPRESSED) != UNCOMPRESSED or is_tiled(first) or first.one(BITS, 1) % 8:
        return []
    size, places = frame_bytes(first), places_of(first, content.size, label)
    at = places[0][0]
    for offset, n_bytes in places:
        if offset != at:
            return []
        at += n_bytes
    starts = [places_of(page, content.size, label)[0][0] - places[0][0] for page in frames]
    if any(start != number * size for number, start in enumerate(starts)):
        return []
    there = max(0, content.size - places[0][0]) // max(size, 1)
    return [Stored(first, number * size) for number in range(min(count, there))]


def refuse_channels(said: Said | None, label: str) -> int:
    """How many pages of one grey level make a frame: 1, or 3 for red, green and blue; ReadError for all else."""
    if said is None or said.channels == 1:
        return 1
    if said.channels != 3 or said.channels_last:
        raise ReadError(
            f"{label} keeps {said.channels} channels of each frame in pages of their own; save it as a stack of RGB or "
            "grey frames"
        )
    return said.channels
