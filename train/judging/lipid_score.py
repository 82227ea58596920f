"""Lipid core judged to the depth that counts, found and true alike, and what its outlines look like.

Lipid counts to LIPID_DEPTH_MM behind the lumen: the true behind the true lumen, the found behind the found one. Where
one side has no lumen, the other's stands for it. Planes are (H, W) bool by class name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from typing_extensions import Self

from octseg.comparison.limiting import LIPID, Planes, lumen_of, to_depth
from octseg.comparison.overlap import Mask, Overlap, pooled, rays_that_meet
from octseg.drawing.strokes import Stroke, outlines
from octseg.measurement.depth import LIPID_DEPTH_MM, behind_lumen_px, length_px, lipid_depth_px, visible_lipid
from octseg.result import FrameResult
from train.dataset import Case

BEYOND_MM = (1.3, 2.0)  # behind the true lumen, where next to nothing can be seen
SMOOTHED_MM = 0.1  # along an outline, to tell how rough it is
THIRD, CLOSE = 1 / 3, 0.15  # how far a visible area may be off, as part of the true one
STEP_PX = 0.5  # between the points of an outline


@dataclass(frozen=True)
class Sides:
    """A figure of what was found and of what is true; None where that side has no lipid."""

    found: float | None
    true: float | None


@dataclass(frozen=True)
class LipidScore:
    """One frame. The overlaps are of all lipid, whatever its depth, the rest of lipid to the depth that counts.

    beyond_px: found pixels farther than each of BEYOND_MM behind the true lumen. roughness: see `roughness`. pieces:
    that do not touch.
    """

    unlimited: Overlap
    unlimited_arc: Overlap
    beyond_px: tuple[int, ...]
    roughness: Sides
    pieces: Sides

    @classmethod
    def of(cls, result: FrameResult, case: Case, found: Planes, true: Planes) -> Self:
        """Of a result and its truth; `found` and `true` are their `judged_planes`."""
        side = min(case.frame.shape[:2])
        spacing_mm = result.pixel_spacing_mm
        lumen = lumen_of(true, found)
        off = behind_lumen_px(np.zeros_like(found[LIPID]) if lumen is None else lumen)
        all_found, all_true, centre = result.masks[LIPID], case.truth[LIPID], arc_centre(found, true)
        smoothed_px = length_px(SMOOTHED_MM, spacing_mm, side)
        beyond = [
            int((all_found & np.isfinite(off) & (off > length_px(mm, spacing_mm, side))).sum()) for mm in BEYOND_MM
        ]
        return cls(
            Overlap.of(all_found, all_true),
            Overlap.of(rays_that_meet(all_found, centre), rays_that_meet(all_true, centre)),
            tuple(beyond),
            Sides(*(roughness(planes[LIPID], smoothed_px) for planes in (found, true))),
            Sides(*(_pieces(planes[LIPID]) for planes in (found, true))),
        )


def judged_planes(result: FrameResult, case: Case) -> tuple[dict[str, Mask], dict[str, Mask]]:
    """Found and true planes (H, W) with lipid core to the depth that counts.

    A frame without a scale goes by its size.
    """
    depth_px = lipid_depth_px(result.pixel_spacing_mm, min(case.frame.shape[:2]))
    return to_depth(result.masks, case.truth, depth_px), to_depth(case.truth, result.masks, depth_px)


def within_depth(found: Planes, true: Planes, pixel_spacing_mm: float | None) -> Mask:
    """(H, W), True where lipid can count: not beyond the depth behind the true lumen; everywhere without a lumen."""
    everywhere = np.ones(found[LIPID].shape, bool)
    lumen = lumen_of(true, found)
    depth_px = lipid_depth_px(pixel_spacing_mm, min(everywhere.shape))
    return everywhere if lumen is None else visible_lipid(everywhere, lumen, depth_px)


def arc_centre(found: Planes, true: Planes) -> tuple[float, float]:
    """Where arcs are seen from, (row, col): centroid of the true lumen, else the found, else the frame's middle."""
    lumen = lumen_of(true, found)
    rows, cols = np.nonzero(np.ones(next(iter(found.values())).shape, bool) if lumen is None else lumen)
    return float(rows.mean()), float(cols.mean())


def lipid_arcs(found: Planes, true: Planes) -> tuple[Mask, Mask]:
    """(360,) found and true rays that meet lipid, seen from `arc_centre`."""
    centre = arc_centre(found, true)
    return rays_that_meet(found[LIPID], centre), rays_that_meet(true[LIPID], centre)


def roughness(mask: Mask, smoothed_px: float) -> float | None:
    """Length of a mask's outlines over their length once smoothed along by a Gaussian of `smoothed_px`; 1 is smooth.

    The outlines are those that are drawn, freed of the pixels' steps. None where the mask (H, W) is empty.
    """
    lengths = np.array([_lengths(line, smoothed_px) for line in outlines(mask)]).reshape(-1, 2).sum(axis=0)
    return float(lengths[0] / lengths[1]) if lengths[1] > 0 else None


def visible_summary(scores: Sequence[LipidScore], overlaps: Sequence[Overlap]) -> dict[str, Any]:
    """What metrics.json says of a set's visible lipid; `overlaps` are of lipid to the depth that counts."""
    bearing = [each for each in overlaps if each.true > 0]
    free = [each for each in overlaps if each.true == 0]
    off = [abs(each.found - each.true) / each.true for each in bearing]
    found_px = sum(each.unlimited.found for each in scores)
    invented = sum(each.found > 0 for each in free)
    return {
        "depth_mm": LIPID_DEPTH_MM,
        "n_with_lipid": len(bearing),
        "area_within_a_third": sum(each <= THIRD for each in off),
        "area_within_15_percent": sum(each <= CLOSE for each in off),
        "found_beyond": {
            f"{mm:g} mm": sum(each.beyond_px[place] for each in scores) / found_px if found_px else None
            for place, mm in enumerate(BEYOND_MM)
        },
        "roughness_median": _both([each.roughness for each in scores], lambda held: float(np.median(held))),
        "pieces_mean": _both([each.pieces for each in scores], lambda held: float(np.mean(held))),
        "pieces_greatest": _both([each.pieces for each in scores], max),
        "n_without_lipid": len(free),
        "found_without_lipid": invented,
        "share_found_without_lipid": invented / len(free) if free else None,
    }


def unlimited_summary(scores: Sequence[LipidScore]) -> dict[str, Any]:
    """The leading figures of all lipid found and drawn, whatever its depth: what readers' habits make of them."""
    together = pooled([each.unlimited for each in scores])
    return {
        "dice_pooled": together.dice,
        "iou_pooled": together.iou,
        "arc_dice_pooled": pooled([each.unlimited_arc for each in scores]).dice,
        "area_error_percent_pooled": area_error_percent(together),
    }


def area_error_percent(together: Overlap) -> float | None:
    """How much more was found than is true, of all pixels; None where nothing is true."""
    return 100.0 * (together.found - together.true) / together.true if together.true else None


def _pieces(mask: Mask) -> float | None:
    """How many parts of a mask (H, W) do not touch; None where it is empty."""
    return float(cv2.connectedComponents(mask.view(np.uint8))[0] - 1) if mask.any() else None


def _lengths(line: Stroke, smoothed_px: float) -> tuple[float, float]:
    """Length in pixels of a closed line (n, 2), as it is and smoothed along."""
    closed = np.concatenate([line, line[:1]]).astype(np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    n_points = max(8, round(along[-1] / STEP_PX))
    at = np.linspace(0.0, along[-1], n_points, endpoint=False)
    even = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    smooth = gaussian_filter1d(even, smoothed_px * n_points / max(along[-1], STEP_PX), axis=0, mode="wrap")
    return float(along[-1]), float(np.hypot(*(np.roll(smooth, -1, axis=0) - smooth).T).sum())


def _both(sides: Sequence[Sides], figure: Any) -> dict[str, float | None]:
    told = {}
    for name in ("found", "true"):
        held = [value for each in sides if (value := getattr(each, name)) is not None]
        told[name] = figure(held) if held else None
    return told
