"""Refuses what cannot be measured, in a sentence: a caller's mistake is ValueError, a user's MeasurementError."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from octseg.classes import CLASS_NAMES
from octseg.errors import MeasurementError
from octseg.values import number

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
    if not isinstance(maps, Mapping):
        raise ValueError(f"maps must be a dict of class name to map, {_what(maps)}")
    if not maps:
        raise ValueError(f"maps is empty; give at least one of {', '.join(CLASS_NAMES)}")
    for name, map_ in maps.items():
        if name not in CLASS_NAMES:
            raise ValueError(f"unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}")
        _check_array(f"the map of {name}", map_)
    first, size = next((name, map_.shape) for name, map_ in maps.items())
    for name, map_ in maps.items():
        if map_.ndim != 2 or 0 in map_.shape:
            raise ValueError(f"the map of {name} must be (H, W), got shape {map_.shape}")
        if map_.shape != size:
            raise ValueError(f"maps must share one shape, got {first} {size} and {name} {map_.shape}")
        if map_.dtype != np.bool_:
            _check_values(name, map_)


def _check_values(name: str, map_: NDArray[np.generic]) -> None:
    """A map (H, W) of numbers is a mask of 0 and 1 or a probability."""
    low, high = float(map_.min()), float(map_.max())
    if not np.issubdtype(map_.dtype, np.floating) and (low < 0 or high > 1):
        labels = np.unique(map_).size > 2
        advice = "of a label image such as labels == 3 for each class" if labels else "such as mask > 0"
        raise ValueError(
            f"the map of {name} is {map_.dtype} with values from {low:g} to {high:g}; "
            f"give a mask of 0 and 1, {advice}, or a probability in [0, 1] as float"
        )
    if math.isnan(low):
        raise ValueError(
            f"the map of {name} must be a probability in [0, 1], got values from nan to nan: some are no number"
        )
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        raise ValueError(f"the map of {name} must be a probability in [0, 1], got values from {low:g} to {high:g}")


def check_same_frame(name: str, mask: NDArray[np.bool_] | None, size: tuple[int, ...]) -> None:
    """An optional (H, W) bool mask of the same frame, with something in it."""
    if mask is None:
        return
    _check_array(name, mask)
    if mask.dtype != np.bool_ or mask.shape != size:
        raise ValueError(f"{name} must be a bool mask of shape {size} like the maps, got {mask.dtype} {mask.shape}")
    if name == "disc" and not mask.any():
        raise ValueError("disc is empty; give the imaged part of the frame or None")


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Known classes and probabilities between 0 and 1."""
    if not isinstance(thresholds, Mapping):
        raise ValueError(f'thresholds must be a dict such as {{"lumen": 0.5}}, not {type(thresholds).__name__}')
    for name, level in thresholds.items():
        if name not in CLASS_NAMES:
            raise ValueError(f"threshold for unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}")
        number(level, f"the threshold of {name}")
        if not 0 < level < 1:
            raise ValueError(f"the threshold of {name} must lie between 0 and 1, got {level:g}")


def check_centre(centre: Sequence[float] | None) -> None:
    """None, or two finite numbers."""
    if centre is None:
        return
    parts = list(centre) if isinstance(centre, Iterable) else []
    for each in parts:
        number(each, "each of catheter_centre, (row, col) in pixels,")
    if len(parts) != 2 or not all(map(math.isfinite, parts)):
        raise ValueError(f"catheter_centre must be (row, col) in pixels, two finite numbers, or None, not {centre!r}")


def check_side(side_px: float | None) -> None:
    """None, or a length in pixels."""
    if side_px is None:
        return
    number(side_px, "frame_side_px")
    if not 0 < side_px < math.inf:
        raise ValueError(f"frame_side_px must be the frame's shorter side in pixels, more than 0, not {side_px:g}")


def _check_array(what: str, given: object) -> None:
    if isinstance(given, np.ma.MaskedArray):
        raise ValueError(
            f"{what} is a masked array, and what lies behind its mask is not told; "
            "say what counts there, such as numpy.ma.filled(array, 0)"
        )
    if not isinstance(given, np.ndarray):
        raise ValueError(f"{what} must be a NumPy array (H, W), not {type(given).__name__}; use numpy.asarray()")
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{what} must hold bools or numbers, not values of type {given.dtype}")


def _what(maps: object) -> str:
    """What came instead of a dict of maps, and what to do."""
    if isinstance(maps, np.ndarray):
        return (
            f"not one array of shape {maps.shape}; of a label image give each class its own mask, such as "
            '{"lumen": labels == 1, "lipid_core": labels == 3}'
        )
    of_result = hasattr(maps, "masks") and hasattr(maps, "probabilities")
    advice = "give its .masks or .probabilities" if of_result else 'such as {"lumen": lumen, "lipid_core": lipid_core}'
    return f"not {type(maps).__name__}; {advice}"


def check_pixel_spacing(pixel_spacing_mm: float | None) -> None:
    """None, or what an OCT frame can have."""
    low, high = PIXEL_SPACING_RANGE_MM
    if pixel_spacing_mm is not None and not (math.isfinite(pixel_spacing_mm) and low <= pixel_spacing_mm <= high):
        raise MeasurementError(
            f"a pixel spacing of {pixel_spacing_mm:g} mm is outside {low:g} to {high:g} mm; "
            "an OCT frame has about 0.007 to 0.015 mm per pixel"
        )
