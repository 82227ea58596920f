"""One frame seen twice: to the rim, and only as far behind the lumen as lipid counts.

At 7 and 10 mm zoom most of the rays' length is dark; the second look shows the wall of every zoom at much one scale.
Rays that begin at the lumen's outline show it at one scale and one place, wherever in the lumen the catheter lies: the
wall is laid flat, as others do before they classify it (Lee et al. 2019, doi:10.1364/BOE.10.006497).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from octseg.boxed import BoxedMap, Part
from octseg.measurement.depth import LIPID_DEPTH_MM, length_px
from octseg.view.preprocessing import (
    FrameView,
    PreprocessingConfig,
    along_rays,
    box_in_frame,
    to_frame,
    to_part,
)

Floats = NDArray[np.float32]

BEHIND_MM = LIPID_DEPTH_MM + 0.2
BEFORE_MM = 0.15  # of the lumen's outline, where rays along it begin
STARTS_SMOOTHING = 2.0  # rays
LUMEN_QUANTILE = 0.95  # of the rays, so that a side branch does not decide
FADE_PX, FADE_IN_PX = 12.0, 6.0  # over which what a second look says ends, and begins behind the start of its rays
GREATER = ("fibrous_cap", "lipid_core")  # classes of which the surer of two looks counts
AROUND_PX = 16  # about a class's box: what is averaged along rays, and what measures look at beside an outline
WORTHWHILE = 0.85  # of the full reach; a view that is hardly nearer shows nothing new


def second_view(
    view: FrameView, lumen: Floats, config: PreprocessingConfig, pixel_spacing_mm: float | None
) -> FrameView | None:
    """The view of the second look, which ends a little deeper than lipid counts; None where it shows nothing new.

    lumen: probability (rows, columns) over the input of `view`.
    """
    if config.domain != "polar":
        return None
    radius = (lumen[config.one_turn] > 0.5).sum(axis=1) * (view.reach_px / config.size[1])
    mm_px = length_px(1.0, pixel_spacing_mm, min(view.grey.shape))
    if config.second_look == "along_lumen":
        starts = starts_of(radius, -BEFORE_MM * mm_px).astype(np.float32)
        return replace(view, nearer_reach_px=(BEFORE_MM + BEHIND_MM) * mm_px, starts_px=starts)
    reach = float(np.quantile(radius, LUMEN_QUANTILE) + BEHIND_MM * mm_px)
    return replace(view, nearer_reach_px=reach) if reach < WORTHWHILE * view.reach_px else None


def starts_of(lumen_px: NDArray[np.float64], off_px: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Where rays begin along the lumen, whose radius along each is `lumen_px` (rays,); `off_px` below 0: before it.

    Smoothed around, so that the edge of a side branch does not tear the wall.
    """
    outline = gaussian_filter1d(np.asarray(lumen_px, np.float64), STARTS_SMOOTHING, mode="wrap")
    return np.asarray(np.maximum(outline + off_px, 0))


def joined(
    planes: Sequence[Floats], views: Sequence[FrameView], config: PreprocessingConfig, classes: Sequence[str]
) -> Floats:
    """Probability (K, H, W) of a frame from that of each look, the full one first.

    Where two looked, the surer one's; of looks along the lumen as `_join` says. planes: (K, rows, columns) over the
    input of each view.
    """
    maps = to_frame(planes[0], views[0], config)
    height, width = views[0].grey.shape
    for of_view, view in zip(planes[1:], views[1:], strict=True):
        along = along_rays(view, config, (slice(0, height), slice(0, width)))
        for name, values, second in zip(classes, maps, to_frame(of_view, view, config), strict=True):
            if _counts(name, view):
                _join(name, values, second, view, along)
    return maps


def joined_in_boxes(
    planes: Sequence[Floats],
    views: Sequence[FrameView],
    config: PreprocessingConfig,
    least: Mapping[str, float],
    disc: NDArray[np.bool_] | None,
) -> list[BoxedMap]:
    """The same, each class in the box outside of which its probability is at most the `least` that says anything.

    least: of each class, in the planes' order. disc: (H, W), True where the frame is imaged; None where none was found.
    """
    height, width = views[0].grey.shape
    counting = [[n for n, view in enumerate(views) if _counts(name, view)] for name in least]
    if config.domain == "cartesian":
        parts: list[Part | None] = [(slice(0, height), slice(0, width))] * len(least)
    else:
        parts = [
            _united([box_in_frame(planes[n][k] > tells, views[n], config, AROUND_PX) for n in counting[k]])
            for k, tells in enumerate(least.values())
        ]
    around = _united(parts)
    if around is None:
        return [BoxedMap.nothing((height, width))] * len(least)
    alongs = [along_rays(view, config, around) for view in views]
    boxes = []
    for k, (name, part) in enumerate(zip(least, parts, strict=True)):
        if part is None:
            boxes.append(BoxedMap.nothing((height, width)))
            continue
        inside = _moved(part, around)
        read = [to_part(planes[n][k], views[n], config, part, alongs[n][inside]) for n in counting[k]]
        values = read[0]
        for n, second in zip(counting[k][1:], read[1:], strict=True):
            _join(name, values, second, views[n], alongs[n][inside])
        if disc is not None:
            values *= disc[part]
        boxes.append(BoxedMap(values, part, (height, width)))
    return boxes


def _counts(name: str, view: FrameView) -> bool:
    """Whether a look counts for a class.

    The lumen's outline is left to the first look: one along it goes by millimetres, and would make its pixels hang on
    the scale.
    """
    return view.starts_px is None or name != "lumen"


def _join(name: str, values: Floats, second: Floats, view: FrameView, along: Floats) -> None:
    """Put into probability (h, w) what a second look says of one class, where it reaches.

    Of lipid and cap the greater counts, for what one look misses the other may show. Of vasa vasorum, specks that one
    look alone shows, more often wrongly, the mean counts where the second goes along the lumen.
    along: how far along the view's rays each pixel lies.
    """
    more = second - values
    if view.starts_px is None or name in GREATER:
        np.maximum(more, 0, out=more)
    else:
        more *= np.float32(0.5)
    values += more * _within(view, along)


def _moved(part: Part, around: Part) -> Part:
    """A part of the frame as one of another part that holds it."""
    rows, cols = (slice(of.start - by.start, of.stop - by.start) for of, by in zip(part, around, strict=True))
    return rows, cols


def _united(boxes: Sequence[Part | None]) -> Part | None:
    """The box about all boxes; None where there is none."""
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    rows, cols = (slice(min(box[n].start for box in known), max(box[n].stop for box in known)) for n in (0, 1))
    return rows, cols


def _within(view: FrameView, along: Floats) -> Floats:
    """1 where the view reaches, 0 beyond, (h, w); along: how far along the view's rays each pixel lies."""
    within = np.clip((view.reach_px - along) / FADE_PX, 0, 1)
    if view.starts_px is not None:
        within *= np.clip(along / FADE_IN_PX, 0, 1)
    return np.asarray(within, np.float32)
