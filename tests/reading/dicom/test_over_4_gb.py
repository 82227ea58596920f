"""Frames that are not compressed and say no length, or a part of it: what files of more than 4 GB have to do."""

import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

import octseg
from octseg.errors import ReadError
from octseg.phantom import random_spec, render
from tests.fakes.forking import python
from tests.fakes.large_dicom import Way, write_large

WAYS = get_args(Way)
COUNT, SIDE = 2000, 1024  # 6.3 GB
PEAK_MB = 100
READ = """
import re, sys
import octseg
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3
small = list(octseg.read_pullback(sys.argv[2]))
before = peak()
pullback = octseg.read_pullback(sys.argv[1])
seen = [next(pullback.frames(number, number + 1)) for number in (0, 1367, 1999)]
print(len(pullback), [int(frame.sum()) for frame in seen])
print(peak() - before < float(sys.argv[3]), pullback.warnings, pullback.late_warnings)
"""


def frame_of(seed: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(64, 64, 3), (33, 35, 3), (35, 33), (96, 64)])
def test_every_frame_is_read_whichever_way(tmp_path: Path, way: Way, shape: tuple[int, ...]) -> None:
    shown = {number: frame_of(number, shape) for number in (0, 1, 3)}
    pullback = octseg.read_pullback(write_large(tmp_path / "IMG001", shown, 5, way))
    frames = list(pullback)
    assert len(pullback) == len(frames) == 5
    for number, frame in enumerate(frames):
        expected = shown.get(number, np.zeros(shape, np.uint8))
        assert np.array_equal(frame, expected if len(shape) == 3 else np.stack([expected] * 3, axis=-1))
    assert np.array_equal(next(pullback.frames(3, 4)), frames[3])


def test_a_frame_of_fragments_that_begins_as_a_jpeg_does_is_not_taken_for_one(tmp_path: Path) -> None:
    frame = frame_of(0, (64, 64, 3))
    frame[0, 0] = (0xFF, 0xD8, 0xFF)
    [read] = octseg.read_pullback(write_large(tmp_path / "IMG001", {0: frame}, 1, "in fragments"))
    assert np.array_equal(read, frame)


def test_a_file_cut_off_in_a_frame_gives_those_before(tmp_path: Path) -> None:
    shown = {number: frame_of(number, (64, 64, 3)) for number in range(5)}
    path = write_large(tmp_path / "IMG001", shown, 5, "in fragments")
    os.truncate(path, path.stat().st_size - 64 * 64 * 3 - 1000)
    pullback = octseg.read_pullback(path)
    assert len(list(pullback)) == 3
    assert "5 frames" in " ".join(pullback.warnings)


def test_without_a_length_and_with_less_than_its_frames_it_is_called_damaged(tmp_path: Path) -> None:
    path = write_large(tmp_path / "IMG001", {0: frame_of(0, (64, 64, 3))}, 5, "without a length")
    os.truncate(path, path.stat().st_size - 64 * 64 * 3)
    with pytest.raises(ReadError, match="IMG001 is a damaged DICOM file"):
        octseg.read_pullback(path)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_single_file_of_6_gb_is_read_where_it_lies(tmp_path: Path, way: Way) -> None:
    shown = {number: render(random_spec(number, size_px=SIDE)).frame for number in (0, 1367, 1999)}
    large = write_large(tmp_path / "IMG001", shown, COUNT, way, SpacingBetweenSlices=0.2)
    small = write_large(tmp_path / "IMG002", {0: shown[0]}, 1, way)
    assert large.stat().st_size > 6_000_000_000
    done = python(["-c", READ, str(large), str(small), str(PEAK_MB)], os.environ)
    sums = [int(frame.sum()) for frame in shown.values()]
    assert (done.stdout, done.stderr) == (f"{COUNT} {sums}\nTrue () []\n", "")
