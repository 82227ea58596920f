"""One frame seen at two reaches: to the rim, and only as far behind the lumen as lipid counts.

At 7 and 10 mm zoom most of the rays' length is dark; the nearer view shows the wall of every zoom at much one scale.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap, Part
from octseg.measurement.depth import LIPID_DEPTH_MM, length_px
from octseg.view.preprocessing import (
    FrameView,
    PreprocessingConfig,
    box_in_frame,
    seen_from,
    to_frame,
    to_part,
)

Floats = NDArray[np.float32]

BEHIND_MM = LIPID_DEPTH_MM + 0.2
LUMEN_QUANTILE = 0.95  # of the rays, so that a side branch does not decide
FADE_PX = 12.0  # over which what a nearer view says ends
AROUND_PX = 16  # about a class's box: what is averaged along rays, and what measures look at beside an outline
WORTHWHILE = 0.85  # of the full reach; a view that is hardly nearer shows nothing new


def nearer_view(
    view: FrameView, lumen: Floats, config: PreprocessingConfig, pixel_spacing_mm: float | None
) -> FrameView | None:
    """The view that reaches a little further behind the lumen than lipid counts; None where that is hardly nearer.

    lumen: probability (rows, columns) over the input of `view`.
    """
    if config.domain != "polar":
        return None
    rays = lumen[config.wrap_rays : config.size[0] - config.wrap_rays]
    radius = np.quantile((rays > 0.5).sum(axis=1), LUMEN_QUANTILE) * view.reach_px / config.size[1]
    reach = float(radius + length_px(BEHIND_MM, pixel_spacing_mm, min(view.grey.shape)))
    return replace(view, nearer_reach_px=reach) if reach < WORTHWHILE * view.reach_px else None


def joined(planes: Sequence[Floats], views: Sequence[FrameView], config: PreprocessingConfig) -> Floats:
    """Probability (K, H, W) of a frame from that at each reach, the full one first: where two looked, the surer one's.

    planes: (K, rows, columns) over the input of each view.
    """
    maps = to_frame(planes[0], views[0], config)
    for of_view, view in zip(planes[1:], views[1:], strict=True):
        near = to_frame(of_view, view, config)
        maps += np.maximum(near - maps, 0) * _within(view)
    return maps


def joined_in_boxes(
    planes: Sequence[Floats],
    views: Sequence[FrameView],
    config: PreprocessingConfig,
    least: Sequence[float],
    disc: NDArray[np.bool_] | None,
) -> list[BoxedMap]:
    """The same, each class in the box outside of which its probability is at most the `least` that says anything.

    disc: (H, W), True where the frame is imaged; None where none was found.
    """
    return [
        _joined_in_box([of_view[k] for of_view in planes], views, config, of_class, disc)
        for k, of_class in enumerate(least)
    ]


def _joined_in_box(
    planes: Sequence[Floats],
    views: Sequence[FrameView],
    config: PreprocessingConfig,
    least: float,
    disc: NDArray[np.bool_] | None,
) -> BoxedMap:
    """One class of `joined_in_boxes`; planes: (rows, columns) over the input of each view."""
    height, width = shape = (views[0].grey.shape[0], views[0].grey.shape[1])
    part: Part | None = (slice(0, height), slice(0, width))
    if config.domain == "polar":
        part = _united(
            [box_in_frame(plane > least, view, config, AROUND_PX) for plane, view in zip(planes, views, strict=True)]
        )
    if part is None:
        return BoxedMap.nothing(shape)
    values = to_part(planes[0], views[0], config, part)
    for plane, view in zip(planes[1:], views[1:], strict=True):
        near = to_part(plane, view, config, part)
        values += np.maximum(near - values, 0) * _within(view, part)
    if disc is not None:
        values *= disc[part]
    return BoxedMap(values, part, shape)


def _united(boxes: Sequence[Part | None]) -> Part | None:
    """The box about all boxes; None where there is none."""
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    rows, cols = (slice(min(box[n].start for box in known), max(box[n].stop for box in known)) for n in (0, 1))
    return rows, cols


def _within(view: FrameView, part: Part | None = None) -> Floats:
    """1 where the view reaches, 0 beyond, (H, W), or of a part of the frame."""
    radius, _ = seen_from(view.grey.shape, view.catheter_centre)
    if part is not None:
        radius = radius[part]
    return np.asarray(np.clip((view.reach_px - radius) / FADE_PX, 0, 1), np.float32)
