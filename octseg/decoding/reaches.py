"""One frame seen at two reaches: to the rim, and only as far behind the lumen as lipid counts.

At 7 and 10 mm zoom most of the rays' length is dark; the nearer view shows the wall of every zoom at much one scale.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.depth import LIPID_DEPTH_MM, length_px
from octseg.view.preprocessing import FrameView, PreprocessingConfig, about, to_frame

Floats = NDArray[np.float32]

BEHIND_MM = LIPID_DEPTH_MM + 0.2
LUMEN_QUANTILE = 0.95  # of the rays, so that a side branch does not decide
FADE_PX = 12.0  # over which what a nearer view says ends
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


def _within(view: FrameView) -> Floats:
    """1 where the view reaches, 0 beyond, (H, W)."""
    height, width = view.grey.shape
    radius, _ = about(view.catheter_centre, (slice(0, height), slice(0, width)))
    return np.asarray(np.clip((view.reach_px - radius) / FADE_PX, 0, 1), np.float32)
