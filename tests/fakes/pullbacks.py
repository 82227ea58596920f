"""Pullbacks as people have them, made of frames that bear their number where compression leaves it.

Frames are (H, W, 3) uint8 RGB; in the first row of blocks stands the number, a bit a block, white for 1.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]
BITS, BLOCK = 12, 16
SIDE = BITS * BLOCK


def frame(number: int, height: int = SIDE, width: int = SIDE) -> Frame:
    """A frame of soft speckle that turns a little from number to number, and bears it."""
    noise = np.random.default_rng(7).integers(0, 256, (height, width), dtype=np.uint8)
    soft = np.roll(cv2.GaussianBlur(noise, (0, 0), 6), 2 * number, axis=1)
    grey = np.clip(4.0 * (soft.astype(float) - 128) + 128, 0, 255)
    picture = np.stack([grey, 0.8 * grey, 0.5 * grey], axis=2).astype(np.uint8)
    for bit in range(BITS):
        picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return picture


def frames(count: int, first: int = 1) -> list[Frame]:
    return [frame(number) for number in range(first, first + count)]


def number_of(picture: Frame) -> int:
    """The number that a frame bears; 0 for a black one."""
    middle = picture[BLOCK // 4 : 3 * BLOCK // 4, :, 1]
    return sum(
        1 << bit
        for bit in range(BITS)
        if middle[:, bit * BLOCK + BLOCK // 4 : bit * BLOCK + 3 * BLOCK // 4].mean() > 128
    )


def numbers_of(pullback: Iterable[Frame]) -> list[int]:
    return [number_of(picture) for picture in pullback]


def encoded(picture: Frame, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def video(
    path: Path,
    pictures: Sequence[Frame],
    codec: str = "libx264",
    *,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    pixels: str = "yuv420p",
    rate: int = 25,
    left_out: Sequence[int] = (),
    stamps: Sequence[int] | None = None,
    turned: int = 0,
) -> Path:
    """A video of pictures; `left_out` are places that time stamps leave room for, `stamps` one for each picture."""
    with av.open(str(path), "w", container_options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pixels
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 10 * rate)
        if turned:
            stream.set_display_rotation(turned)
        for place, picture in enumerate(pictures):
            if place in left_out:
                continue
            coded = av.VideoFrame.from_ndarray(picture, format="rgb24")
            coded.pts = place if stamps is None else stamps[place]
            coded.time_base = Fraction(1, rate if stamps is None else 10 * rate)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))
    return path


def zipped(members: Mapping[str, bytes], **options: Any) -> bytes:
    """A ZIP file of members by their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def pictures_in(folder: Path, pictures: Sequence[Frame], name: str = "frame_{}.png", first: int = 1) -> Path:
    """A folder of pictures with their numbers in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, start=first):
        (folder / name.format(number)).write_bytes(encoded(picture))
    return folder
