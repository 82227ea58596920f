"""Frames as the catheter saw them, to frames as they are shown: each row is an A-line, from the optics outwards.

DICOM PS3.3 C.8.27: the Z offset shifts a frame along its A-lines, in their pixels, away from the optics where it is
above 0. An A-line's pixel is given in air unless the refractive index was applied to it. The seam's A-line stands at
the first A-line's location, in degrees clockwise from straight up; padded A-lines are the last rows.

A Z offset that is off by 2 % of the depth is 13 to 28 % of lumen area, so millimetres need it to be known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from octseg.errors import ReadError
from octseg.reading.dicom.groups import frame_groups, shared_groups
from octseg.reading.dicom.layout import Layout, number, text, whole_number
from octseg.reading.limits import Limits

Levels = NDArray[np.uint8]
LARGEST_PX = 1024  # side of the shown frame, as consoles show it; a smaller depth is shown pixel by pixel
MIN_INDEX, MAX_INDEX = 1.0, 1.6  # refractive, of flush and tissue
MIN_DEPTH_MM, MAX_DEPTH_MM = 1.0, 15.0


@dataclass(frozen=True)
class FrameTurn:
    """Of one frame: pixels along the A-line before its first sample, the seam's A-line, and its real A-lines."""

    offset_px: float
    seam: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class ScanConversion:
    """How polar frames become shown ones of `size` x `size` pixels.

    depth_px: along an A-line, from the optics to the edge of the shown disc. spacing_mm: of a shown pixel, or None.
    turns: of each frame, or of all where there is one. evidence: how the depth was got; warnings: what is not known.
    """

    size: int
    depth_px: float
    spacing_mm: float | None
    clockwise: bool
    first_deg: float
    turns: tuple[FrameTurn, ...]
    evidence: str
    warnings: tuple[str, ...]

    def show(self, polar: Levels, index: int) -> Levels:
        """The shown frame (size, size) of A-lines (rows) by samples (columns); what no A-line reaches is black."""
        turn = self.turns[min(index, len(self.turns) - 1)]
        lines: NDArray[Any] = polar[: turn.lines]
        step = 2.0 * self.depth_px / self.size  # samples along the A-line to a shown pixel
        if step > 1.0:
            lines = cv2.resize(lines, (max(1, round(lines.shape[1] / step)), len(lines)), interpolation=cv2.INTER_AREA)
        step = 2.0 * self.depth_px / self.size * lines.shape[1] / polar.shape[1]
        offset = turn.offset_px * lines.shape[1] / polar.shape[1]
        angle, radius = _places(self.size)
        angle = angle if self.clockwise else -angle
        row = ((angle - self.first_deg) / 360.0 * turn.lines + turn.seam) % turn.lines + 1.0
        wrapped = np.concatenate([lines[-1:], lines, lines[:1]])
        column = radius * step - offset - 0.5
        shown = cv2.remap(
            wrapped,
            np.asarray(column, np.float32),
            np.asarray(row, np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        return np.asarray(shown, np.uint8)


@lru_cache(maxsize=2)
def _places(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(size, size) degrees clockwise from straight up, and pixels from the middle."""
    middle = (size - 1) / 2.0
    down, across = np.mgrid[:size, :size].astype(np.float32) - np.float32(middle)
    return np.degrees(np.arctan2(across, -down)), np.hypot(down, across)


def scan_conversion(
    datasets: Sequence[Dataset], layout: Layout, frame_count: int, label: str, limits: Limits
) -> ScanConversion:
    """How a file's polar frames are shown, and the millimetres of that where all that they need is known."""
    warnings: list[str] = []
    dataset = datasets[0]
    turns = _turns(datasets, layout, frame_count, warnings)
    offsets = [turn.offset_px for turn in turns]
    depth_px = layout.columns + max(offsets)
    if depth_px < limits.min_side / 2 or max(offsets) < -layout.columns / 2:
        raise ReadError(f"{label} has a Z offset that leaves no depth, so its A-lines cannot be shown as a frame")
    if depth_px > 2 * layout.columns:
        raise ReadError(f"{label} has a Z offset of more than its depth, so its A-lines cannot be shown as a frame")
    size = min(2 * int(depth_px), LARGEST_PX)
    limits.check_frame(size, size, label)
    offset_known = _offset_known(datasets, warnings)
    line_mm = _line_spacing(dataset, warnings)
    depth_mm = None if line_mm is None else line_mm * depth_px
    if depth_mm is not None and not MIN_DEPTH_MM <= depth_mm <= MAX_DEPTH_MM:
        warnings.append(
            f"its A-lines would be {depth_mm:.3g} mm deep, which cannot be: nothing is measured in mm by them"
        )
        depth_mm = None
    said = "depth unknown" if depth_mm is None else f"{depth_mm:.2f} mm deep from the optics"
    evidence = f"DICOM A-lines, scan-converted: {said}, {layout.columns} samples, Z offset {_range(offsets)} samples"
    warnings.append(f"frames were scan-converted from A-lines ({said}; Z offset {_range(offsets)} of its samples)")
    spacing_mm = None if depth_mm is None or not offset_known else 2.0 * depth_mm / size
    direction = text(dataset, "CatheterDirectionOfRotation")
    return ScanConversion(
        size=size,
        depth_px=depth_px,
        spacing_mm=spacing_mm,
        clockwise=direction != "CC",
        first_deg=_finite(number(dataset, "FirstALineLocation"), 0.0),
        turns=tuple(turns),
        evidence=f"{evidence}, {spacing_mm:.6g} mm per pixel." if spacing_mm is not None else f"{evidence}.",
        warnings=tuple(warnings),
    )


def _finite(value: float | None, otherwise: float) -> float:
    return value if value is not None and math.isfinite(value) else otherwise


def _range(offsets: list[float]) -> str:
    low, high = min(offsets), max(offsets)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _contents(datasets: Sequence[Dataset]) -> list[Dataset]:
    """What the header says of each frame's A-lines, or of all of them."""
    keyword = "IntravascularOCTFrameContentSequence"
    return [group for each in datasets for group in frame_groups(each, keyword) or shared_groups(each, keyword)]


def _turns(datasets: Sequence[Dataset], layout: Layout, frame_count: int, warnings: list[str]) -> list[FrameTurn]:
    """One for all frames, or one for each."""
    groups = _contents(datasets) or [Dataset()]
    applied = text(datasets[0], "OCTZOffsetApplied") == "YES"
    turns = []
    for group in groups:
        padded = whole_number(group, "NumberOfPaddedALines") or 0
        if not 0 <= padded < layout.rows / 2:
            warnings.append(f"{padded} padded A-lines of {layout.rows} cannot be: they are taken for real ones")
            padded = 0
        offset = 0.0 if applied else _finite(number(group, "OCTZOffsetCorrection"), 0.0)
        lines = layout.rows - padded
        seam = whole_number(group, "SeamLineIndex") or 0
        turns.append(FrameTurn(offset, seam % lines, lines))
    if len(turns) > 1 and len(turns) < frame_count:
        warnings.append(
            f"the Z offset is given for {len(turns)} of its frames only; the last one's is used for the rest"
        )
    return turns


def _offset_known(datasets: Sequence[Dataset], warnings: list[str]) -> bool:
    """Whether the header tells the Z offset: that it was applied, or how large it is."""
    if text(datasets[0], "OCTZOffsetApplied") == "YES":
        return True
    groups = _contents(datasets)
    if groups and all(number(group, "OCTZOffsetCorrection") is not None for group in groups):
        return True
    warnings.append(
        "the header gives no Z offset for its A-lines, and 2 % of the depth are 13 to 28 % of lumen area: nothing is "
        "measured in mm by the header"
    )
    return False


def _line_spacing(dataset: Dataset, warnings: list[str]) -> float | None:
    """Mm of a sample along an A-line, in tissue; None, and why, where the header does not tell it."""
    in_file = number(dataset, "ALinePixelSpacing")
    if in_file is None or not math.isfinite(in_file) or not 0 < in_file <= 0.1:
        warnings.append("the header gives no spacing along its A-lines: nothing is measured in mm by the header")
        return None
    if text(dataset, "RefractiveIndexApplied") == "YES":
        return in_file
    index = number(dataset, "EffectiveRefractiveIndex")
    if index is None or not MIN_INDEX <= index <= MAX_INDEX:
        warnings.append(
            "the spacing along its A-lines is one in air and the header gives no refractive index: nothing is measured "
            "in mm by the header"
        )
        return None
    return in_file / index
