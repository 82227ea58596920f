"""`<name>_overlay.mp4`: the frames with their tissues drawn on them, one after the other, to be played anywhere.

H.264 in 4:2:0 with its index in front, as browsers, presentations and phones play it; MPEG-4 where this build of FFmpeg
has no encoder of H.264. Colours are BT.709 and say so. It is to be looked at: nothing is to be measured in it.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from octseg.drawing.lettering import write_line
from octseg.drawing.overlay import draw_overlay
from octseg.errors import NotExportedError, OctsegError
from octseg.export.files import growing_path
from octseg.export.planes import Masks
from octseg.export.provenance import run_sentence, scales_sentence
from octseg.export.segmented import Record, Segmented
from octseg.measurement.wording import NOTHING_SAID, NOTICE
from octseg.pullback import Frame
from octseg.view.capture import imaged

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SUFFIX = "_overlay.mp4"
FRAMES_PER_SECOND = 25
ENCODERS: dict[str, dict[str, str]] = {
    # with its tree of macroblocks x264 goes by memory that nobody wrote to: the same frames give other bytes
    "libx264": {"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0:bframes=0"},
    "libopenh264": {},
    "mpeg4": {"qscale": "3"},
}
THREADS = 1  # x264's bytes depend on their number
BT_709, LIMITED_RANGE = 1, 1  # as H.264 numbers them
MOST_SIDE = 4096  # of what browsers decode in hardware; larger frames are scaled down


def write_video(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the video; its name. NotExportedError where the frames are not of one size."""
    sizes = {(record["height"], record["width"]) for record in segmented.records}
    if len(sizes) > 1:
        raise NotExportedError(f"no MP4 is written: its frames have {len(sizes)} sizes")
    name = f"{stem}{SUFFIX}"
    with growing_path(folder / name) as path:
        _encode(path, _pictures(segmented), segmented)
    return [name]


def _encode(path: Path, pictures: Iterator[Frame], segmented: Segmented) -> None:
    import av

    encoder = next((each for each in ENCODERS if each in av.codecs_available), None)
    if encoder is None:
        raise OctsegError("no MP4 is written: this build of PyAV has no encoder for it; pip install --upgrade av")
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = segmented.name
        container.metadata["comment"] = _comment(segmented)
        stream = cast("VideoStream", container.add_stream(encoder, rate=FRAMES_PER_SECOND, options=ENCODERS[encoder]))
        first = next(pictures)
        stream.height, stream.width, stream.pix_fmt = first.shape[0], first.shape[1], "yuv420p"
        context = stream.codec_context
        context.thread_count = THREADS
        context.color_primaries = context.color_trc = context.colorspace = BT_709
        context.color_range = LIMITED_RANGE
        for place, picture in enumerate(chain([first], pictures)):
            shown = av.VideoFrame.from_ndarray(picture, format="rgb24")
            coded = shown.reformat(format="yuv420p", dst_colorspace="ITU709")
            coded.pts, coded.time_base = place, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))


def _comment(segmented: Segmented) -> str:
    spacing = segmented.frame_spacing_mm
    along = "" if spacing is None else f" ({FRAMES_PER_SECOND * spacing:g} mm a second along the vessel)"
    told = segmented.pullback_record
    scales = "" if told is None else f"{scales_sentence(told)} "
    return f"{FRAMES_PER_SECOND} frames a second{along}. {scales}{run_sentence(segmented.run)}"


def _pictures(segmented: Segmented) -> Iterator[Frame]:
    """What is shown of each frame, its sides even, for chroma has half of them."""
    for record, frame, masks in zip(segmented.records, segmented.read_frames(), segmented.masks(), strict=False):
        yield _even(_drawn(record, frame, masks, segmented.frame_spacing_mm))


def _drawn(record: Record, frame: Frame, masks: Masks, frame_mm: float | None) -> Frame:
    caption = NOTICE if record["withdrawn"] is None else NOTHING_SAID
    spacing_mm = record["pixel_spacing_mm"]
    drawn = draw_overlay(frame, masks, disc=imaged(frame), pixel_spacing_mm=spacing_mm, legend=True, caption=caption)
    number = record["frame"]
    at = "" if frame_mm is None else f", {(number - 1) * frame_mm:.1f} mm"
    corrected = ", corrected" if record.get("strokes") else ""
    write_line(drawn, "top right", f"Frame {number}{at}{corrected}")
    return drawn


def _even(picture: Frame) -> Frame:
    height, width = picture.shape[:2]
    if max(height, width) > MOST_SIDE:
        scale = MOST_SIDE / max(height, width)
        size = (max(2, round(width * scale)), max(2, round(height * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
