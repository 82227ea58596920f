"""GIFs: all frames, no scale, and a word where equal ones were kept as one."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.errors import ReadError
from octseg.reading import Limits, read_pullback
from tests.fakes.pullbacks import frames, numbers_of


def gif(pictures: list[np.ndarray], **options: object) -> bytes:
    file = io.BytesIO()
    first, *others = (Image.fromarray(picture) for picture in pictures)
    first.save(file, "GIF", save_all=True, append_images=others, **{"duration": 40, **options})
    return file.getvalue()


def test_every_frame_comes_in_and_tells_no_scale() -> None:
    pullback = read_pullback(gif(frames(7)), name="run.gif")
    assert numbers_of(pullback) == [1, 2, 3, 4, 5, 6, 7]
    assert (pullback.frame_count, pullback.burned_in_scale) == (7, "never")
    assert "256 colours" in pullback.warnings[0]
    assert numbers_of(pullback.frames(2, 4)) == [3, 4]


def test_equal_frames_that_were_kept_as_one_are_told_by_their_duration() -> None:
    pictures = frames(6)
    pullback = read_pullback(gif([*pictures[:3], pictures[2], pictures[2], *pictures[3:]]), name="run.gif")
    assert pullback.frame_count == 6
    assert "frame 3 for 3): equal ones were kept as one, about 2 in all" in pullback.warnings[1]


@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_a_gif_that_ends_early_gives_its_whole_frames(tmp_path: Path, part: float) -> None:
    data = gif(frames(9))
    path = tmp_path / "run.gif"
    path.write_bytes(data[: int(part * len(data))])
    pullback = read_pullback(path)
    there = numbers_of(pullback)
    assert 0 < len(there) < 9
    assert there == list(range(1, len(there) + 1))
    assert pullback.late_warnings == [f"run.gif ends early: its first {len(there)} frames are there"]


def test_a_gif_that_lies_is_refused() -> None:
    data = gif(frames(3))
    with pytest.raises(ReadError, match="x is incomplete"):
        read_pullback(data[:400], name="x")
    with pytest.raises(ReadError, match="x has more than 2 frames; at most 2"):
        read_pullback(data, name="x", limits=Limits(max_frames=2))
    giant = data[:6] + b"\xff\xff\xff\xff" + data[10:]
    with pytest.raises(ReadError, match="65535 x 65535 pixels"):
        read_pullback(giant, name="x")
    place = data.index(b"\x2c\x00\x00\x00\x00")
    beyond = data[: place + 5] + b"\xff\xff\xff\xff" + data[place + 9 :]
    with pytest.raises(ReadError, match="a frame of it is larger than the whole"):
        read_pullback(beyond, name="x")
