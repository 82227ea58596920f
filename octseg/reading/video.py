"""Videos, taken apart and decoded by FFmpeg: MP4, MOV, AVI, MKV, WebM and MPEG.

What a video is made of is gone through first, without decoding: how many frames there are, when each is shown, and
where decoding can begin. A frame that cannot be decoded is black, so that no number moves; where time stamps leave
room for frames that are not in the file, a warning says so.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.along import say, spaced
from octseg.reading.content import Content
from octseg.reading.formats import HEAD_BYTES, video_format
from octseg.reading.limits import Limits
from octseg.reading.video_times import Times, gone_through, promised_count

COUNTED_BYTES = 2_000_000_000  # a larger file is not gone through before its first frame is shown
SEEKABLE = ("mov", "matroska")  # of the others a place is a guess
Axes: TypeAlias = tuple[bool, int, int]  # whether rows and columns change places, steps down and across
NAMED = 5  # black frames that a sentence names one by one
DISPLAY_MATRIX = SideData.DISPLAYMATRIX
SQUARE = 0.01  # pixels that differ by less from squares are squares


@dataclass(frozen=True)
class _Video:
    """A video before its frames are decoded; `width` is in square pixels, as shown, `stored_width` as stored."""

    content: Content
    label: str
    format: str
    limits: Limits
    width: int
    stored_width: int
    times: Times

    @property
    def can_seek(self) -> bool:
        """Whether decoding can begin in the middle, at a frame that is known for sure."""
        return self.format in SEEKABLE and self.times.is_exact


def read_video(content: Content, label: str, stem: str, limits: Limits) -> Pullback:
    """The frames of a video; ReadError where it has none, or where they are beyond the limits."""
    video, warnings = _looked_at(content, label, limits)
    late = [each.format(label=label) for each in video.times.late]
    first = next(_decoded(video, 0, 1, late), None)
    if first is None:
        raise ReadError(f"{label} cannot be decoded: the video is damaged or incomplete")
    count = video.times.count
    limits.check_frame(first.shape[0], first.shape[1], label)
    limits.check_pullback(count, count * first.shape[0] * first.shape[1], label)

    def read_range(start: int, stop: int) -> Iterator[Frame]:
        return _decoded(video, start, stop, late)

    pullback = Pullback(
        name=stem,
        frame_count=count,
        read_frames=lambda: read_range(0, count),
        read_range=read_range if video.can_seek else None,
        burned_in_scale="agreed",
        warnings=(*warnings, *(each.format(label=label) for each in video.times.warnings)),
        late_warnings=late,
    )
    return pullback if video.times.warnings else spaced(pullback)


def _opened(content: Content, label: str, format_name: str) -> Any:
    """The container, which the caller closes; ReadError where it cannot be opened.

    A file is handed over open: of a name FFmpeg might make an address.
    """
    try:
        return av.open(content.open(), format=format_name, metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        why = "its index is missing, as where a recording or a copy was not finished" if format_name == "mov" else ""
        raise ReadError(
            f"{label} is a damaged or incomplete video{': ' * bool(why)}{why}; copy or export it anew"
        ) from error


def _stream(container: Any, label: str) -> tuple[Any, tuple[str, ...]]:
    """The video in a container, and a warning where there are several; ReadError where there is none."""
    covers = [each for each in container.streams.video if each.disposition & av.stream.Disposition.attached_pic]
    streams = [each for each in container.streams.video if each not in covers]
    if not streams:
        what = "sound and a cover picture" if covers else "sound" if container.streams.audio else "nothing to be seen"
        raise ReadError(f"{label} holds {what}, and no video")
    said = f"{label} holds {len(streams)} videos, of which the first is read"
    return streams[0], (said,) if len(streams) > 1 else ()


def _looked_at(content: Content, label: str, limits: Limits) -> tuple[_Video, tuple[str, ...]]:
    """What is known before decoding, and warnings."""
    format_name = video_format(content.part(0, HEAD_BYTES)) or ""
    with closing(_opened(content, label, format_name)) as container:
        stream, warnings = _stream(container, label)
        context = stream.codec_context
        if context is None:
            raise ReadError(f"{label} is packed by a method that is not read; export it as MP4 (H.264)")
        height, width = context.height, context.width
        if not height or not width:
            raise ReadError(f"{label} is a damaged or incomplete video: it does not say how large its frames are")
        limits.check_frame(height, width, label)
        shown = width
        if aspect := stream.sample_aspect_ratio or context.sample_aspect_ratio:
            shown = width if abs(aspect - 1) < SQUARE else round(width * aspect)
        if shown != width:
            limits.check_frame(height, shown, label)
            warnings += (f"{label} has pixels that are not square: its frames were made {shown} pixels wide",)
        limits.check_pullback(int(stream.frames), 0, label)
        times = Times(promised_count(container, stream))
        if content.size <= COUNTED_BYTES or not times.count:
            times = gone_through(container, stream, format_name, content.size)
        if times.count == 0:
            raise ReadError(f"{label} is a damaged or incomplete video: no frame is in it")
    return _Video(content, label, format_name, limits, shown, width, times), warnings


def _decoded(video: _Video, start: int, stop: int, late: list[str]) -> Iterator[Frame]:
    """Frames `start` to `stop`, 0-based, `stop` left out; fewer where the video ends early, which `late` says."""
    following, black, shape, axes = start, list[int](), None, None
    for place, picture, is_good in _placed(video, start):
        if place < following:
            continue
        axes = axes or _axes_of(picture, video.label)
        frame = _shown(picture, video, axes)
        if shape not in (None, frame.shape):
            say(late, f"{video.label} changes its size at frame {place + 1}: what follows is not read")
            return
        shape = frame.shape
        while following < stop and following <= place:
            following += 1
            is_there = is_good and following == place + 1
            if not is_there:
                black.append(following)
            yield frame if is_there else np.zeros(shape, np.uint8)
        if following >= stop:
            break
    if black:
        told = ", ".join(map(str, black[:NAMED])) + (f" and {len(black) - NAMED} more" if len(black) > NAMED else "")
        say(late, f"{video.label} is damaged: {len(black)} of its frames are left black ({told})")
    if following < stop <= video.times.count:
        say(late, f"{video.label} ends early or is damaged: of {video.times.count} frames {following} can be decoded")


def _placed(video: _Video, start: int) -> Iterator[tuple[int, Any, bool]]:
    """Decoded frames with their places, from one before or at `start` on, and whether each is whole."""
    for seeking in (True, False):
        with closing(_opened(video.content, video.label, video.format)) as container:
            stream, _ = _stream(container, video.label)
            stream.codec_context.options = {"max_pixels": str(video.limits.max_pixels)}  # whatever the stream asks for
            is_sought = seeking and video.can_seek and _sought(container, stream, video, start)
            placed = _with_places(_pictures(container, stream, video), video)
            first = next(placed, None)
            if is_sought and (first is None or first[0] > start):
                continue  # it began behind what was asked for: from the beginning, then
            if first is not None:
                yield first
                yield from placed
            return


def _with_places(pictures: Iterator[tuple[Any, bool]], video: _Video) -> Iterator[tuple[int, Any, bool]]:
    """Decoded frames with their places: by their time stamps, or else by counting also those that are lost."""
    places = {stamp: place for place, stamp in enumerate(video.times.stamps)}
    for number, (picture, is_good) in enumerate(pictures):
        if picture is not None and (place := places.get(picture.pts, -1) if places else number) >= 0:
            yield place, picture, is_good


def _sought(container: Any, stream: Any, video: _Video, start: int) -> bool:
    """Go to where decoding can begin for a frame; False where that is the beginning."""
    before = [stamp for stamp in video.times.starts if stamp <= video.times.stamps[start]]
    if start == 0 or len(before) < 2:
        return False
    container.seek(before[-1], stream=stream)
    return True


def _pictures(container: Any, stream: Any, video: _Video) -> Iterator[tuple[Any, bool]]:
    """Each decoded frame, and whether it is whole; None for one that is lost where its place is known by counting.

    Frames that build on a damaged one are taken for damaged, up to the next that stands by itself.
    """
    counted = not video.times.is_exact and not stream.codec_context.has_b_frames
    is_damaged = False
    for packet in _packets(container, stream):
        if packet.is_corrupt:
            continue  # the file ends within it
        try:
            frames = packet.decode()
        except av.FFmpegError:
            is_damaged = True
            if counted:
                yield None, False
            continue
        for frame in frames:
            is_damaged = bool(frame.is_corrupt) or (is_damaged and not frame.key_frame)
            yield frame, not is_damaged


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets so far as they can be read, empty ones too: they make a decoder give what it holds."""
    try:
        yield from container.demux(stream)
    except (av.FFmpegError, OSError):
        return


def _shown(picture: Any, video: _Video, axes: Axes) -> Frame:
    """A decoded frame as it is shown: in square pixels, turned and mirrored as the file asks."""
    if picture.width * picture.height > video.limits.max_pixels:
        raise ReadError(f"{video.label} decodes to another size than its header gives")
    if video.width != video.stored_width:
        picture = picture.reformat(width=video.width, height=picture.height, format="rgb24")
    frame = picture.to_ndarray(format="rgb24")
    is_swapped, down, across = axes
    return np.ascontiguousarray((frame.transpose(1, 0, 2) if is_swapped else frame)[::down, ::across])


def _axes_of(picture: Any, label: str) -> Axes:
    """How a frame is turned and mirrored by its display matrix: (col, row) to (a col + c row, b col + d row).

    It is asked for once: a frame that has told it stays in memory until Python looks for what nobody needs.
    """
    matrix = picture.side_data.get(DISPLAY_MATRIX)
    if matrix is None:
        return False, 1, 1
    a, b, _, c, d, *_ = (int(each) for each in np.sign(np.frombuffer(matrix, np.int32)))
    if (a != 0) == (b != 0) or (a != 0) != (d != 0) or (b != 0) != (c != 0):
        raise ReadError(f"{label} asks to be turned by {picture.rotation} degrees; export it upright")
    return (False, d, a) if a else (True, b, c)
