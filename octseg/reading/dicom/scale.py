"""Millimetres within a frame from a header, with where they stand; none rather than a wrong one.

ImagerPixelSpacing and NominalScannedPixelSpacing are of a detector or a scanned film, so they do not count.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from octseg.reading.dicom.groups import frame_groups, shared_groups
from octseg.reading.dicom.layout import numbers

MIN_SPACING_MM, MAX_SPACING_MM = 1e-4, 0.1
MOST_UNSQUARE = 0.005  # by rounding
MOST_DIFFERENT = 0.01  # between values that should be one
NEVER_MEANT = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")
MACRO = "PixelMeasuresSequence"

Pair = tuple[float, float]  # mm of a (row, column); NaN for what is no number


@dataclass(frozen=True)
class Found:
    """A spacing in mm or None, the sentence on where it stands, and what speaks against it.

    is_unsquare: whether the header says that pixels are not square, so that no other scale can be right either.
    """

    spacing_mm: float | None = None
    evidence: str = ""
    warnings: tuple[str, ...] = ()
    is_unsquare: bool = False


def pixel_spacing_of(datasets: Sequence[Dataset]) -> Found:
    """Mm per pixel within a frame, of one file or of files of one frame each.

    Of all frames' functional groups, else of each frame's, else of the file's root.
    """
    told: list[tuple[float, str]] = []
    warnings: list[str] = []
    is_unsquare = not all(aspect_is_square(each) for each in datasets)
    roots = [pair for each in datasets if (pair := _pair(each)) is not None]
    for pairs, where in (
        (_in_groups(datasets, shared_groups), "PixelSpacing of all frames (shared groups)"),
        (_in_groups(datasets, frame_groups), "PixelSpacing of each frame (functional groups)"),
        (roots, "PixelSpacing of the file"),
    ):
        pair = _the_same(pairs, where, warnings) if pairs else None
        if pair is None or (why := _why_not(pair)) is None:
            told += [] if pair is None else [((pair[0] * pair[1]) ** 0.5 if pair[0] != pair[1] else pair[0], where)]
            continue
        is_unsquare = is_unsquare or "square" in why
        warnings.append(f"{where} {why}: not used")
    if is_unsquare:
        warnings.append("the header says that pixels are not square, so nothing is measured in mm")
    elif told:
        return _first_of(told, warnings)
    elif any(datasets[0].get(keyword) for keyword in NEVER_MEANT):
        warnings.append("the header's ImagerPixelSpacing or NominalScannedPixelSpacing is no scale of OCT: not used")
    return Found(warnings=tuple(warnings), is_unsquare=is_unsquare)


def _first_of(told: Sequence[tuple[float, str]], warnings: Sequence[str]) -> Found:
    """The first that was told, and which others differ from it."""
    spacing_mm, where = told[0]
    others = tuple(
        f"{other} gives {other_mm:.6g} mm and {where} {spacing_mm:.6g} mm; the latter is used"
        for other_mm, other in told[1:]
        if abs(other_mm / spacing_mm - 1) > MOST_DIFFERENT
    )
    return Found(spacing_mm, f"DICOM {where}: {spacing_mm:.6g} mm.", (*warnings, *others))


def _in_groups(datasets: Sequence[Dataset], groups_of: Callable[[Dataset, str], list[Dataset]]) -> list[Pair]:
    return [pair for each in datasets for group in groups_of(each, MACRO) if (pair := _pair(group)) is not None]


def _pair(group: Dataset) -> Pair | None:
    """PixelSpacing; None where there is none."""
    given = numbers(group, "PixelSpacing")
    if given is None:
        return math.nan, math.nan
    if not given:
        return None
    return (given[0], given[-1]) if len(given) <= 2 else (math.nan, math.nan)


def _why_not(pair: Pair) -> str | None:
    """Why a spacing cannot be one of OCT; None where it can."""
    row, column = pair
    if math.isnan(row) or math.isnan(column):
        return "is no number"
    said = f"is {row:.6g} by {column:.6g} mm"
    if not (MIN_SPACING_MM <= row <= MAX_SPACING_MM and MIN_SPACING_MM <= column <= MAX_SPACING_MM):
        return f"{said}, which cannot be a pixel of OCT ({MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm)"
    return f"{said}, and pixels must be square to be measured" if abs(row / column - 1) > MOST_UNSQUARE else None


def _the_same(pairs: Sequence[Pair], where: str, warnings: list[str]) -> Pair | None:
    """The one spacing of frames that have one each; None where they differ, NaN where one of them is none."""
    values = np.array(pairs)
    if (values == values[0]).all():
        return pairs[0]
    lowest, highest = values.min(axis=0), values.max(axis=0)
    if not np.isfinite(values).all() or (lowest <= 0).any():
        return math.nan, math.nan
    if (highest / lowest - 1 > MOST_DIFFERENT).any():
        warnings.append(
            f"{where} differs from frame to frame, from {lowest.min():.6g} to {highest.max():.6g} mm: not used"
        )
        return None
    warnings.append(f"{where} differs from frame to frame by less than 1 %: its median is used")
    row, column = np.median(values, axis=0)
    return float(row), float(column)


def aspect_is_square(dataset: Dataset) -> bool:
    """Whether PixelAspectRatio, where it is there, says that pixels are square."""
    try:
        value = dataset.get("PixelAspectRatio")
        down, across = (float(str(each)) for each in value) if value else (1.0, 1.0)
    except Exception:
        return True  # a value that is no pair of numbers says nothing
    return not (down > 0 and across > 0) or abs(down / across - 1) <= MOST_UNSQUARE
