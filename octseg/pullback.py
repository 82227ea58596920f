"""A pullback: frames read one by one, with spacings in mm or None and where each came from.

A frame is (H, W, 3) uint8 RGB. A single picture is a pullback of one frame.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]  # (H, W, 3) RGB
PixelSpacingSource = Literal["dicom", "ruler", "bar", "user", "preset"]


def frame_sha256(frame: Frame) -> str:
    """sha256 of a frame's size and pixels, whatever file they came from."""
    height, width = frame.shape[:2]
    return hashlib.sha256(f"{height} x {width}\n".encode() + frame.tobytes()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class PixelScale:
    """Millimetres per pixel of a frame (square pixels), or None, and how that was got.

    evidence: one sentence for the user, e.g. "Burned-in ruler: 9 dots, 149.7 px per mm".
    catheter_diameter_mm: the catheter ring measured with this scale, the cross-check; None where no ring was found.
    warnings: what does not fit, e.g. two scales that disagree.
    """

    pixel_spacing_mm: float | None = None
    source: PixelSpacingSource | None = None
    evidence: str = ""
    catheter_diameter_mm: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pullback:
    """The frames of one catheter run, in order; iterate for (H, W, 3) uint8 frames, decoded one at a time.

    name: the file's name without folder and ending: a label, never a path.
    pixel_spacing_mm: from the file's own header (DICOM), else None; burned-in ruler and scale bar are read per frame.
    warnings: what reading changed or could not know, one sentence each.
    """

    name: str
    frame_count: int
    read_frames: Callable[[], Iterator[Frame]]
    pixel_spacing_mm: float | None = None
    frame_spacing_mm: float | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[Frame]:
        return self.read_frames()
