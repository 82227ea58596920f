"""A pullback as a console exports it: one DICOM file of JPEG frames; and the same frames as pictures in a folder."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from octseg.phantom.pullback import random_pullback
from octseg.pullback import Frame
from tests.fakes.dicom_files import jpeg, pullback_file

QUALITY = 90
SEED = 3


def phantom_frames(count: int, side: int = 1024, seed: int = SEED) -> Iterator[Frame]:
    """One vessel, the heart moving it; with sheath, guide wire, ring and ruler, in the console's sepia."""
    for phantom in random_pullback(seed, count, size_px=side).phantoms():
        yield phantom.frame


def coded(frames: Iterable[Frame]) -> list[bytes]:
    """JPEG streams, baseline, 4:2:0."""
    return [jpeg(frame, quality=QUALITY, subsampling=2) for frame in frames]


def write_dicom(path: Path, streams: list[bytes], side: int = 1024) -> Path:
    """One multi-frame file."""
    shape = [np.empty((side, side, 3), np.uint8)] * len(streams)
    path.write_bytes(pullback_file(shape, syntax="jpeg", photometric="YBR_FULL_422", streams=streams))
    return path


def write_folder(path: Path, streams: list[bytes]) -> Path:
    """A folder of JPEG pictures."""
    path.mkdir()
    for number, stream in enumerate(streams, start=1):
        (path / f"frame_{number:04d}.jpg").write_bytes(stream)
    return path
