"""Millimetres from a header: between pixels, between frames, each with where it stands; none rather than a wrong one.

ImagerPixelSpacing and NominalScannedPixelSpacing are of a detector or a scanned film, so they do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from octseg.reading.dicom.groups import frame_groups, shared_groups
from octseg.reading.dicom.layout import number

MIN_SPACING_MM, MAX_SPACING_MM = 1e-4, 0.1  # of a pixel
MIN_FRAMES_MM, MAX_FRAMES_MM = 0.005, 2.0  # between frames
MOST_UNSQUARE = 0.005  # by rounding
MOST_DIFFERENT = 0.01  # between values that should be one
NEVER_MEANT = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True)
class Found:
    """A spacing in mm or None, the sentence on where it stands, and what speaks against it."""

    spacing_mm: float | None = None
    evidence: str = ""
    warnings: tuple[str, ...] = ()


def pixel_spacing_of(dataset: Dataset) -> Found:
    """Mm per pixel within a frame: of all frames' functional groups, else of each frame's, else of the file's root."""
    warnings: list[str] = []
    told: list[tuple[float, str]] = []
    if shared := shared_groups(dataset, "PixelMeasuresSequence"):
        _take(_pair(shared[0]), "PixelSpacing of all frames (shared functional groups)", told, warnings)
    each = [pair for group in frame_groups(dataset, "PixelMeasuresSequence") if (pair := _pair(group))]
    if each:
        one = _the_same(each, warnings)
        _take(one, "PixelSpacing of each frame (functional groups)", told, warnings)
    _take(_pair(dataset), "PixelSpacing of the file", told, warnings)
    _check_aspect(dataset, told, warnings)
    if not told:
        if any(dataset.get(keyword) for keyword in NEVER_MEANT):
            warnings.append(
                "the header's ImagerPixelSpacing or NominalScannedPixelSpacing is no scale of OCT: not used"
            )
        return Found(warnings=tuple(warnings))
    spacing_mm, where = told[0]
    for other_mm, other in told[1:]:
        if abs(other_mm / spacing_mm - 1) > MOST_DIFFERENT:
            warnings.append(f"{other} gives {other_mm:.6g} mm and {where} {spacing_mm:.6g} mm; the latter is used")
    return Found(spacing_mm, f"DICOM {where}: {spacing_mm:.6g} mm.", tuple(warnings))


def _pair(group: Dataset) -> tuple[float, float] | None:
    """PixelSpacing as (row, column) in mm, NaN for what is no number; None where there is none."""
    try:
        value = group.get("PixelSpacing")
        if value is None or value == "":
            return None
        given = [value] if isinstance(value, (str, int, float)) else list(value)
        numbers = [float(str(each)) for each in given]
    except Exception:
        return math.nan, math.nan  # pydicom raises whatever it likes on a value that its type does not allow
    if not numbers:
        return None
    return (numbers[0], numbers[-1]) if len(numbers) <= 2 else (math.nan, math.nan)


def _take(pair: tuple[float, float] | None, where: str, told: list[tuple[float, str]], warnings: list[str]) -> None:
    """Adds a spacing to what is told, or why it cannot be one."""
    if pair is None:
        return
    row, column = pair
    if not all(math.isfinite(each) and MIN_SPACING_MM <= each <= MAX_SPACING_MM for each in pair):
        said = "is no number" if math.isnan(row) or math.isnan(column) else f"is {row:.6g} by {column:.6g} mm"
        warnings.append(
            f"{where} {said}, which cannot be a pixel of OCT ({MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm): not used"
        )
    elif abs(row / column - 1) > MOST_UNSQUARE:
        warnings.append(f"{where} is {row:.6g} by {column:.6g} mm, and pixels must be square to be measured: not used")
    else:
        told.append(((row * column) ** 0.5 if row != column else row, where))


def _the_same(pairs: Sequence[tuple[float, float]], warnings: list[str]) -> tuple[float, float] | None:
    """The one spacing of frames that have one each; None where they differ."""
    values = np.array(pairs)
    lowest, highest = values.min(axis=0), values.max(axis=0)
    if not np.isfinite(values).all() or (lowest <= 0).any():
        return math.nan, math.nan
    if (highest / lowest - 1 > MOST_DIFFERENT).any():
        warnings.append(
            f"PixelSpacing differs from frame to frame, from {lowest.min():.6g} to {highest.max():.6g} mm: not used"
        )
        return None
    if (highest != lowest).any():
        warnings.append("PixelSpacing differs from frame to frame by less than 1 %: its median is used")
    row, column = np.median(values, axis=0)
    return float(row), float(column)


def _check_aspect(dataset: Dataset, told: list[tuple[float, str]], warnings: list[str]) -> None:
    if is_square(dataset):
        return
    told.clear()
    warnings.append("the header says that pixels are not square (PixelAspectRatio), so nothing is measured in mm")


def is_square(dataset: Dataset) -> bool:
    """Whether PixelAspectRatio, where it is there, says that pixels are square."""
    try:
        value = dataset.get("PixelAspectRatio")
        down, across = (float(str(each)) for each in value) if value else (1.0, 1.0)
    except Exception:
        return True  # a value that is no pair of numbers says nothing
    return not (down > 0 and across > 0) or abs(down / across - 1) <= MOST_UNSQUARE


def frame_spacing_of(dataset: Dataset, frame_count: int) -> Found:
    """Mm from frame to frame: by the frames' longitudinal distances or places, the spacing, or the thickness given."""
    warnings: list[str] = []
    if frame_count < 2:
        return Found()
    distances = [
        number(group, "IntravascularLongitudinalDistance")
        for group in frame_groups(dataset, "IntravascularFrameContentSequence")
    ]
    if len(distances) >= 2 and any(distances):
        found = between([distance for distance in distances if distance is not None], "longitudinal distance", warnings)
        if found is not None:
            return Found(found, f"DICOM longitudinal distance of frames: {found:.4g} mm.", tuple(warnings))
    groups = [*shared_groups(dataset, "PixelMeasuresSequence"), *frame_groups(dataset, "PixelMeasuresSequence")[:1]]
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        for group in (*groups, dataset):
            value = number(group, keyword)
            if value is None:
                continue
            if math.isfinite(value) and MIN_FRAMES_MM <= value <= MAX_FRAMES_MM:
                return Found(value, f"DICOM {keyword}: {value:.4g} mm.", tuple(warnings))
            warnings.append(f"{keyword} is {value:.6g} mm, which cannot be the distance of frames: not used")
    return Found(warnings=tuple(warnings))


def between(places: Sequence[float], what: str, warnings: list[str]) -> float | None:
    """Mean step between places along the vessel in mm, in the frames' order; None, and why, where they are no run."""
    steps = np.diff(np.array(places, float))
    if len(steps) == 0 or not np.isfinite(steps).all() or not steps.any():
        return None
    if not ((steps > 0).all() or (steps < 0).all()):
        warnings.append(f"the {what} of frames goes back and forth, so it does not tell how far they are apart")
        return None
    sizes = np.abs(steps)
    mean = float(sizes.mean())
    if not MIN_FRAMES_MM <= mean <= MAX_FRAMES_MM:
        warnings.append(f"the {what} of frames grows by {mean:.4g} mm a frame, which cannot be: not used")
        return None
    if sizes.max() - sizes.min() > MOST_DIFFERENT * mean:
        warnings.append(
            f"the {what} of frames grows unevenly, by {sizes.min():.4g} to {sizes.max():.4g} mm: its mean is used"
        )
    return mean
