"""A picture's file to frames: one, or those of a TIFF of several pages, decoded page by page."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from octseg.pullback import Frame, Pullback
from octseg.reading.along import frames_of, say, spaced
from octseg.reading.content import Content
from octseg.reading.formats import HEAD_BYTES, image_format
from octseg.reading.levels import LevelRule, Samples, SourceLevels, span_of
from octseg.reading.limits import Limits
from octseg.reading.names import frame_number
from octseg.reading.own import refuse_own
from octseg.reading.pictures import bmp, jpeg, png, tiff, webp
from octseg.reading.pictures.decoding import Page, decode_page, to_rgb
from octseg.reading.pictures.header import Header

READERS = {
    "PNG": png.read_header,
    "JPEG": jpeg.read_header,
    "WEBP": webp.read_header,
    "BMP": bmp.read_header,
}
T = TypeVar("T")
FIRST = 1  # number of a picture whose name bears none
FEW_BEYOND = 1e-3  # of a page's samples
LOOKED_AT = 24  # pages of a stack of more than 8 bits whose levels are surveyed before the first is shown


def header_of(content: Content, label: str, limits: Limits) -> Header:
    """What the header of a picture says; ReadError where it is none, or not one that is read."""
    kind = image_format(content.part(0, HEAD_BYTES), label)
    if kind == "TIFF":
        header = tiff.read_header(content, label, limits)
        if len(header.pages) == 1:
            limits.check_bytes(content.size, label)
        return header
    limits.check_bytes(content.size, label)
    return READERS[kind](content.whole(), label, limits)


def read_picture(content: Content, label: str, stem: str, limits: Limits, levels: SourceLevels) -> Pullback:
    """The frames of a picture's file."""
    header = header_of(content, label, limits)
    if header.format == "PNG":
        refuse_own(content.whole(), label)
    return (_single if len(header.pages) == 1 else _stack)(header, label, stem, levels)


def _single(header: Header, label: str, stem: str, levels: SourceLevels) -> Pullback:
    """A pullback of one frame, decoded now, so that what is wrong with it shows now."""
    page = decode_page(header, header.pages[0], label)
    rule = _rule(page, [page.samples], header, label, levels)
    frame = _frame(page, rule)
    return Pullback(
        name=stem,
        first_number=FIRST if (number := frame_number(stem)) is None else number,
        frame_count=1,
        read_frames=lambda: iter([frame]),
        warnings=header.warnings + page.warnings + _warning_of(rule),
    )


def _stack(header: Header, label: str, stem: str, levels: SourceLevels) -> Pullback:
    """A pullback decoded page by page; where its levels need a rule, some of its pages are surveyed before."""
    first = decode_page(header, header.pages[0], label)
    rule = _rule(first, surveyed(header, label), header, label, levels)
    late = [header.missing] if header.missing else []
    count, shape = len(header.pages), first.samples.shape[:2]

    def decoded(number: int) -> Frame:
        page = decode_page(header, header.pages[number], label)
        if rule is not None and np.count_nonzero(page.samples > rule.high) > FEW_BEYOND * page.samples.size:
            say(late, f"frame {number + 1} has levels beyond those of the frames that were looked at: shown as white")
        return _frame(page, rule)

    def read_range(start: int, stop: int) -> Iterator[Frame]:
        return frames_of(decoded, start, stop, (shape[0], shape[1]), late)

    return spaced(
        Pullback(
            name=stem,
            frame_count=count,
            read_frames=lambda: read_range(0, count),
            read_range=read_range,
            warnings=header.warnings + first.warnings + _warning_of(rule),
            late_warnings=late,
        )
    )


def surveyed(header: Header, label: str) -> Iterator[Samples]:
    """Samples of some pages of a stack."""
    return (decode_page(header, page, label).samples for page in looked_at(header.pages))


def looked_at(frames: Sequence[T]) -> list[T]:
    """A few of many, spread evenly, the first and the last among them; all where they are few."""
    return [frames[place] for place in np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).round().astype(int))]


def _rule(
    first: Page, samples: Iterable[Samples], header: Header, label: str, levels: SourceLevels
) -> LevelRule | None:
    """How the samples of all pages become levels; None for 8 bits, which are levels."""
    if first.samples.dtype == np.uint8:
        return None
    return levels.rule(span_of(samples, label), header.declared_bits)


def _frame(page: Page, rule: LevelRule | None) -> Frame:
    return to_rgb(page.samples if rule is None else rule.to_uint8(page.samples))


def _warning_of(rule: LevelRule | None) -> tuple[str, ...]:
    return () if rule is None or rule.warning is None else (rule.warning,)
