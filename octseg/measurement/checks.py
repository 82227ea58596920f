"""Refuses what cannot be measured, in a sentence: a caller's mistake is ValueError, a user's MeasurementError."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.errors import MeasurementError

PIXEL_SPACING_RANGE_MM = (0.0001, 0.1)
ROUNDING = 1e-5  # that resampling a probability in float32 may add


def check_given(
    maps: Mapping[str, NDArray[np.generic]],
    pixel_spacing_mm: float | None,
    thresholds: Mapping[str, float],
    masks: Mapping[str, NDArray[np.bool_] | None],
) -> None:
    """All that `measure` is given, maps and masks (H, W); masks: by the name of the argument."""
    check_maps(maps)
    for name, mask in masks.items():
        check_same_frame(name, mask, next(iter(maps.values())).shape)
    check_thresholds(thresholds)
    check_pixel_spacing(pixel_spacing_mm)


def check_maps(maps: Mapping[str, NDArray[np.generic]]) -> None:
    """Maps are known classes, all (H, W), bool or in [0, 1]; whole numbers are a mask of 0 and 1."""
    if not maps:
        raise ValueError(f"maps is empty; give at least one of {', '.join(CLASS_NAMES)}")
    first, size = next((name, map_.shape) for name, map_ in maps.items())
    for name, map_ in maps.items():
        if name not in CLASS_NAMES:
            raise ValueError(f"unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}")
        if map_.ndim != 2 or 0 in map_.shape:
            raise ValueError(f"the map of {name} must be (H, W), got shape {map_.shape}")
        if map_.shape != size:
            raise ValueError(f"maps must share one shape, got {first} {size} and {name} {map_.shape}")
        if map_.dtype == np.bool_:
            continue
        low, high = float(map_.min()), float(map_.max())
        if not np.issubdtype(map_.dtype, np.floating) and (low < 0 or high > 1):
            raise ValueError(
                f"the map of {name} is {map_.dtype} with values from {low:g} to {high:g}; "
                "give a mask of 0 and 1, such as mask > 0, or a probability in [0, 1] as float"
            )
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):
            raise ValueError(f"the map of {name} must be a probability in [0, 1], got values from {low:g} to {high:g}")


def check_same_frame(name: str, mask: NDArray[np.bool_] | None, size: tuple[int, ...]) -> None:
    """An optional (H, W) bool mask of the same frame, with something in it."""
    if mask is None:
        return
    if mask.dtype != np.bool_ or mask.shape != size:
        raise ValueError(f"{name} must be a bool mask of shape {size} like the maps, got {mask.dtype} {mask.shape}")
    if name == "disc" and not mask.any():
        raise ValueError("disc is empty; give the imaged part of the frame or None")


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Known classes and probabilities between 0 and 1."""
    for name, level in thresholds.items():
        if name not in CLASS_NAMES:
            raise ValueError(f"threshold for unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}")
        if not 0 < level < 1:
            raise ValueError(f"the threshold of {name} must lie between 0 and 1, got {level:g}")


def check_pixel_spacing(pixel_spacing_mm: float | None) -> None:
    """None, or what an OCT frame can have."""
    low, high = PIXEL_SPACING_RANGE_MM
    if pixel_spacing_mm is not None and not (math.isfinite(pixel_spacing_mm) and low <= pixel_spacing_mm <= high):
        raise MeasurementError(
            f"a pixel spacing of {pixel_spacing_mm:g} mm is outside {low:g} to {high:g} mm; "
            "an OCT frame has about 0.007 to 0.015 mm per pixel"
        )
