"""A container with changed bytes gives frames or a refusal, and never another error."""

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from octseg.errors import ReadError
from octseg.reading import read_pullbacks
from tests.fakes.pullbacks import encoded, frames, video, zipped
from tests.reading.test_gif import gif
from tests.reading.test_tiff_stacks import one_page_imagej, written

PICTURES = frames(4)
CHANGES = 60


def as_video(codec: str, ending: str, pixels: str = "yuv420p") -> Callable[[Path], bytes]:
    return lambda folder: video(folder / f"x.{ending}", PICTURES, codec, pixels=pixels).read_bytes()


MADE: dict[str, Callable[[Path], bytes]] = {
    "MP4": as_video("libx264", "mp4"),
    "MKV": as_video("libx264", "mkv"),
    "AVI": as_video("mjpeg", "avi", "yuvj420p"),
    "MPEG": as_video("mpeg2video", "mpg"),
    "GIF": lambda _: gif(PICTURES),
    "ZIP": lambda _: zipped({f"{n}.png": encoded(p) for n, p in enumerate(PICTURES)}, compression=zipfile.ZIP_DEFLATED),
    "TIFF": lambda _: written(np.stack(PICTURES), photometric="rgb", compression="zlib"),
    "BigTIFF": lambda _: written(np.stack(PICTURES), photometric="rgb", bigtiff=True, byteorder=">"),
    "ImageJ": lambda _: one_page_imagej(np.stack(PICTURES)),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_changed_container_is_frames_or_a_refusal(tmp_path: Path, kind: str) -> None:
    rng, whole, count = random.Random(kind), MADE[kind](tmp_path), 0
    for _ in range(CHANGES):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8, 30))):
            near_an_end = rng.random() < 0.6
            place = (
                rng.randrange(min(len(data), 500)) * rng.choice((1, -1)) if near_an_end else rng.randrange(len(data))
            )
            data[place] = rng.choice((0, 255, 127, 128, 1, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        said = ""
        try:
            for pullback in read_pullbacks(bytes(data), name="x"):
                assert len({frame.shape for frame in pullback}) <= 1
                assert pullback.name.isprintable()
                count += 1
        except ReadError as error:
            said = str(error)
        assert not said or said.isprintable()
    assert count > 0
