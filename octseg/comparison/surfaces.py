"""Distances between the outlines of two masks: NSD, HD95 and ASSD, in mm.

An outline is the mask less its erosion by a cross; beyond the frame's edge counts as outside. Agrees with MONAI's
`compute_surface_dice`, `compute_hausdorff_distance` and `compute_average_surface_distance`
(tests/comparison/test_overlap.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from octseg.comparison.overlap import Mask

# Normalised surface distance: how far an outline may be off, in mm. Cap and lumen are thin or sharp, lipid is diffuse.
TOLERANCE_MM = {"lumen": 0.02, "fibrous_cap": 0.02, "lipid_core": 0.1, "vasa_vasorum": 0.02}


@dataclass(frozen=True)
class SurfaceScore:
    """NSD in [0, 1]; HD95 and ASSD in mm."""

    nsd: float
    hd95_mm: float
    assd_mm: float


def surface_score(
    found: Mask, truth: Mask, pixel_spacing_mm: float, tolerance_mm: float, field_mm: float
) -> SurfaceScore | None:
    """Score of a mask (H, W) against the truth; None where both are empty.

    A structure that was missed or invented costs the diameter of the field, `field_mm`: it is never dropped.
    """
    if not found.any() and not truth.any():
        return None
    if not found.any() or not truth.any():
        return SurfaceScore(0.0, field_mm, field_mm)
    rows, cols = (np.flatnonzero((found | truth).any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    outlines = [_outline(np.pad(mask[box], 1)) for mask in (found, truth)]
    to_truth, to_found = (
        _distances(outline, other) * pixel_spacing_mm for outline, other in (outlines, reversed(outlines))
    )
    both = np.concatenate([to_truth, to_found])
    return SurfaceScore(
        float((both <= tolerance_mm).mean()),
        float(max(np.percentile(to_truth, 95), np.percentile(to_found, 95))),
        float(both.mean()),
    )


def _outline(mask: Mask) -> Mask:
    """(H, W), True on the pixels of a mask (H, W) that touch what is not of it."""
    return np.asarray(mask & ~binary_erosion(mask), bool)


def _distances(outline: Mask, other: Mask) -> NDArray[np.float64]:
    """(n,) distance in pixels from each point of an outline to the nearest of the other."""
    return np.asarray(distance_transform_edt(~other)[outline], np.float64)
