"""Outlines that are true: masks measured as those of a network that makes no mistake."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap
from octseg.measurement import FrameMeasures
from octseg.measurement.frame import measure_seen
from octseg.measurement.rays import FrameRays
from octseg.phantom import PullbackSpec
from octseg.phantom.geometry import anatomy, masks
from octseg.pullback import PixelScale
from octseg.view.disc import Disc
from octseg.view.preprocessing import FrameView

NO_SCALE = PixelScale()


@dataclass(frozen=True)
class Perfect:
    """What a perfect network gives of a frame: its true masks, measured."""

    frame_number: int
    measures: FrameMeasures
    rays: FrameRays | None
    scale: PixelScale = NO_SCALE
    withdrawn: None = None
    intervals_95: None = None


def perfect(vessel: PullbackSpec) -> Iterator[Perfect]:
    """Frames need not be drawn for that: a bright wall about a dark lumen is judged everywhere."""
    for number in range(1, vessel.frame_count + 1):
        spec = vessel.spec(number)
        middle = (spec.size_px - 1) / 2
        drawn = masks(spec, anatomy(spec))
        grey = np.where(drawn["lumen"], 10, 120).astype(np.uint8)
        view = FrameView(grey, Disc((middle, middle), spec.size_px / 2), (middle, middle), None)
        yield Perfect(number, *measured_as_drawn(drawn, spec.pixel_spacing_mm, view))


def measured_as_drawn(
    masks: Mapping[str, NDArray[np.bool_]], pixel_spacing_mm: float | None, view: FrameView
) -> tuple[FrameMeasures, FrameRays | None]:
    """Measures and rays of masks (H, W) by class name."""
    planes = {name: BoxedMap.of(mask.astype(np.float32)) for name, mask in masks.items()}
    side = float(min(view.grey.shape))
    return measure_seen(planes, pixel_spacing_mm, view, disc=None, frame_side_px=side)[:2]
