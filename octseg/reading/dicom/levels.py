"""Grey samples of any depth to levels of 8 bits, by one table for all frames of a pullback.

What the header says is followed: rescale, then window or look-up table, then inversion. Where it says nothing of a
depth of more than 8 bits, the rule is that of `octseg.reading.levels`, over some frames of the whole.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from octseg.reading.dicom.groups import functional_groups, groups_in
from octseg.reading.dicom.layout import Layout, number, text
from octseg.reading.dicom.objects import is_polar
from octseg.reading.levels import LevelRule, Span, rule_for

MOST_RESCALED = 1e9
FEW = 1e-4  # of the samples: so many may lie beyond black and white
Table = NDArray[np.uint8]  # (2 ** bits,) level of each stored number


@dataclass(frozen=True)
class Window:
    """How the header shows its levels; `function` is LINEAR, LINEAR_EXACT or SIGMOID."""

    centre: float
    width: float
    function: str

    def levels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values as 0 to 255 (DICOM PS3.3 C.11.2.1.2)."""
        if self.function == "SIGMOID":
            return np.asarray(255.0 / (1.0 + np.exp(np.clip(-4.0 * (values - self.centre) / self.width, -500, 500))))
        half, width = (0.0, self.width) if self.function == "LINEAR_EXACT" else (0.5, self.width - 1.0)
        return np.asarray(255.0 * ((values - (self.centre - half)) / max(width, 1e-9) + 0.5))


@dataclass(frozen=True)
class Grey:
    """A table for stored numbers of `bits` bits, and what of it was not plain, one sentence each."""

    table: Table
    bits: int
    warnings: tuple[str, ...] = ()

    def to_uint8(self, samples: NDArray[np.uint8] | NDArray[np.uint16], shift: int = 0) -> NDArray[np.uint8]:
        """Stored samples (H, W) as levels; `shift` where their lowest bits are not theirs."""
        numbers = samples >> shift if shift else samples
        if self.bits < 8 * numbers.dtype.itemsize:
            numbers = numbers & np.array(2**self.bits - 1, numbers.dtype)
        return self.table[numbers]


def stored_values(bits: int, signed: bool) -> NDArray[np.float64]:
    """(2 ** bits,) what each stored number stands for."""
    numbers = np.arange(2**bits, dtype=np.int64)
    return np.where(signed & (numbers >= 2 ** (bits - 1)), numbers - 2**bits, numbers).astype(np.float64)


def grey_of(
    dataset: Dataset, layout: Layout, bits: int, samples: Iterable[NDArray[np.uint8] | NDArray[np.uint16]]
) -> Grey:
    """The table of a file whose samples have `bits` bits.

    samples: stored numbers of some frames, taken only where nothing else tells what is black and white.
    """
    values = stored_values(bits, layout.signed)
    rescaled, rescale_said = _rescaled(values, dataset)
    turned = rescaled[values.argmax()] < rescaled[values.argmin()]
    shown = _shown(rescaled, dataset)
    if shown is not None:
        levels, said = shown[0], f"{shown[1]}{rescale_said}" if shown[1] else ""
    elif is_polar(dataset) and text(dataset, "PixelIntensityRelationship") == "LIN":
        levels, said = _logarithmic(values, _counts(samples, len(values)))
    elif bits == 8 and not layout.signed:
        levels, said = values, ""
        if turned:
            levels, said = 255.0 - values, "its header turns dark and bright round (a rescale slope below 0)"
    else:
        rule = _surveyed(values, layout, bits, samples)
        levels = 255.0 * (values - rule.low) / (rule.high - rule.low)
        said = rule.warning or ""
        if turned:
            levels = 255.0 - levels
    if (layout.photometric == "MONOCHROME1") or text(dataset, "PresentationLUTShape") == "INVERSE":
        levels = 255.0 - levels
    return Grey(np.rint(np.clip(levels, 0.0, 255.0)).astype(np.uint8), bits, (said,) if said else ())


def _rescaled(values: NDArray[np.float64], dataset: Dataset) -> tuple[NDArray[np.float64], str]:
    """Values by the modality's table or slope and intercept, and what to say of it."""
    if (looked_up := _looked_up(values, dataset, "ModalityLUTSequence", apply_modality_lut)) is not None:
        return looked_up, " and its modality table"
    for group in (*functional_groups(dataset, "PixelValueTransformationSequence"), dataset):
        slope, intercept = number(group, "RescaleSlope"), number(group, "RescaleIntercept")
        if slope is not None and 0 < abs(slope) < MOST_RESCALED:
            offset = intercept if intercept is not None and abs(intercept) < MOST_RESCALED else 0.0
            plain = (slope, offset) == (1.0, 0.0)
            return values * slope + offset, "" if plain else f" (slope {slope:g}, intercept {offset:g})"
    return values, ""


def _looked_up(
    values: NDArray[np.float64], dataset: Dataset, keyword: str, apply: Callable[..., Any]
) -> NDArray[np.float64] | None:
    """Values by the header's table; None where it has none that is whole."""
    if not groups_in(dataset, keyword):
        return None
    try:
        return np.asarray(apply(values.astype(np.int64), dataset), np.float64)
    except Exception:
        return None  # a damaged table raises whatever its first wrong value leads to


def window_of(dataset: Dataset) -> Window | None:
    """The first window of a file's header; None where it has none."""
    return next(iter(_windows(dataset)), None)


def _windows(dataset: Dataset) -> list[Window]:
    windows = []
    for group in (*functional_groups(dataset, "FrameVOILUTSequence"), dataset):
        centre, width = number(group, "WindowCenter"), number(group, "WindowWidth")
        if centre is None or width is None or not (math.isfinite(centre) and math.isfinite(width)) or width <= 0:
            continue
        windows.append(Window(centre, width, text(group, "VOILUTFunction") or "LINEAR"))
    return windows


def _shown(values: NDArray[np.float64], dataset: Dataset) -> tuple[NDArray[np.float64], str] | None:
    """Values by the header's window or table as 0 to 255, and the sentence on it; None where it has neither."""
    windows = _windows(dataset)
    if windows and np.ptp(np.clip(windows[0].levels(values), 0, 255)) >= 1:
        first = windows[0]
        said = f"grey levels are shown by the header's window, centre {first.centre:g} and width {first.width:g}"
        if len(set(windows)) > 1:
            said += "; further windows of its frames or of its root differ, and this one is used for all frames"
        levels = first.levels(values)
        whole = np.array_equal(np.rint(np.clip(levels, 0, 255)), np.rint(values)) and len(set(windows)) == 1
        return levels, "" if whole else said
    looked_up = _looked_up(values, dataset, "VOILUTSequence", apply_voi)
    if looked_up is not None and np.ptp(looked_up) > 0:
        top = max(float(looked_up.max()), 1.0)
        bits = 8 if top < 2**8 else 12 if top < 2**12 else 16
        return looked_up * (255.0 / (2**bits - 1)), "grey levels are shown by the header's look-up table"
    return None


def _counts(samples: Iterable[NDArray[np.uint8] | NDArray[np.uint16]], length: int) -> NDArray[np.int64]:
    """How often each stored number is there."""
    counts = np.zeros(length, np.int64)
    for numbers in samples:
        counts += np.bincount(numbers.reshape(-1), minlength=length)
    return counts


def _reached(values: NDArray[np.float64], counts: NDArray[np.int64], share: float) -> float:
    """The value that a share of all samples, from the lowest on, reach."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[order]) / counts.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])


def _logarithmic(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], str]:
    """Intensities as they are shown in OCT, by their logarithm; most of a frame is noise, so black is their median."""
    shown = np.log1p(values - values.min())
    low, high = _reached(shown, counts, 0.5), _reached(shown, counts, 1.0 - FEW)
    said = "its samples are proportional to intensity: shown by their logarithm, from their median to their brightest"
    return 255.0 * (shown - low) / max(high - low, 1e-9), said


def _surveyed(
    values: NDArray[np.float64], layout: Layout, bits: int, samples: Iterable[NDArray[np.uint8] | NDArray[np.uint16]]
) -> LevelRule:
    """Black and white of samples that no window shows: by their declared bits, or by what some frames reach."""
    declared = bits if bits < layout.bits_allocated and bits != 8 and not layout.signed else None
    if declared is not None:
        return LevelRule(0.0, 2.0**declared - 1)
    counts = _counts(samples, len(values))
    low, high = _reached(values, counts, FEW), _reached(values, counts, 1.0 - FEW)
    used = values[counts > 0]
    span = Span(low, high, float(used.min()), float(used.max()), False)
    if not layout.signed:
        return rule_for(span, None, whose="the pullback has")
    high = max(high, low + 1.0)
    return LevelRule(
        low,
        high,
        f"the pullback has signed levels from {low:.6g} to {high:.6g} and no window: spread over black to white, so "
        "its brightness is a guess and does not compare with that of other files",
    )
