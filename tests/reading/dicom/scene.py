"""A small pullback whose frames are told apart, and how the tests of this room read it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame, Pullback
from octseg.reading import Limits
from octseg.reading.dicom import read_dicom

HEIGHT, WIDTH = 64, 96


def colour_frames(count: int = 4) -> list[NDArray[np.uint8]]:
    """Sepia tissue on black with a cyan and a yellow mark of the ruler; a white bar that grows by the frame."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for number in range(count):
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame[(row - 32) ** 2 + (column - 48) ** 2 < 26**2] = (180, 120, 60)
        frame[24:30, 40:46] = (0, 255, 255)
        frame[34:40, 50:56] = (255, 255, 0)
        frame[:4, : 8 * (number % 11) + 8] = 255
        frames.append(frame)
    return frames


def grey_frames(count: int = 4, top: int = 255, kind: type[Any] = np.uint8) -> list[NDArray[Any]]:
    """A ramp from 0 to `top` below a black band in which a bar grows by the frame."""
    ramp = np.tile(np.linspace(0, top, WIDTH).round(), (HEIGHT, 1))
    ramp[:8] = 0
    frames = [ramp.copy() for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[:4, : 4 * number + 4] = top
    return [frame.astype(kind) for frame in frames]


def read(data: bytes, name: str = "IMG001") -> tuple[list[Frame], Pullback]:
    pullback = read_dicom(data, name, name, Limits())
    return list(pullback), pullback


def furthest(frames: list[Frame], expected: list[NDArray[np.uint8]]) -> int:
    """Levels by which frames differ from what they should be, at most."""
    assert [frame.shape for frame in frames] == [(*frame.shape[:2], 3) for frame in expected]
    wide = [frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, axis=2) for frame in expected]
    return max(int(np.abs(a.astype(int) - b.astype(int)).max()) for a, b in zip(frames, wide, strict=True))


def said(pullback: Pullback) -> str:
    """All that reading warned of."""
    return "; ".join((*pullback.warnings, *pullback.late_warnings))
