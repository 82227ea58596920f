"""Outlines that are true: masks measured as those of a network that makes no mistake."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.measurement import FrameMeasures
from octseg.measurement.frame import measure_seen
from octseg.measurement.rays import FrameRays
from octseg.view.preprocessing import FrameView


def measured_as_drawn(
    masks: Mapping[str, NDArray[np.bool_]], pixel_spacing_mm: float | None, view: FrameView
) -> tuple[FrameMeasures, FrameRays | None]:
    """Measures and rays of masks (H, W) by class name."""
    planes = {name: BoxedMap.of(mask.astype(np.float32)) for name, mask in masks.items()}
    return measure_seen(planes, pixel_spacing_mm, view, disc=None, frame_side_px=float(min(view.grey.shape)))
