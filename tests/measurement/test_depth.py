"""How deep lipid counts behind the lumen."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from octseg.measurement.depth import LIPID_DEPTH_MM, behind_lumen_px, lipid_depth_px, to_nearest, visible_lipid

ROW, COL = np.mgrid[-200:201, -200:201]
RADIUS = np.hypot(ROW, COL)
LUMEN = RADIUS <= 80


def test_a_ring_to_the_rim_counts_to_the_stated_depth() -> None:
    ring = (RADIUS > 90) & (RADIUS <= 195)
    visible = visible_lipid(ring, LUMEN, depth_px=60)
    assert visible.sum() == pytest.approx(np.pi * (140**2 - 90**2), rel=0.01)


def test_depth_is_counted_from_the_outline_and_not_from_the_last_pixels_centre() -> None:
    lumen = np.zeros((9, 9), bool)
    lumen[:, :3] = True  # its outline lies at col 2.5
    assert behind_lumen_px(lumen)[4].tolist() == [0, 0, 0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_without_a_lumen_there_is_nothing_to_count_from() -> None:
    ring = (RADIUS > 90) & (RADIUS <= 195)
    assert (visible_lipid(ring, np.zeros_like(ring), depth_px=60) == ring).all()


def test_without_a_scale_the_frame_is_taken_for_seven_mm_wide() -> None:
    assert lipid_depth_px(0.01, 704) == pytest.approx(100 * LIPID_DEPTH_MM)
    assert lipid_depth_px(None, 704) == pytest.approx(704 * LIPID_DEPTH_MM / 7)


def test_distances_are_the_same_on_one_core_and_wherever_the_mask_lies_in_memory() -> None:
    row, col = np.mgrid[:199, :203]
    mask = np.hypot(row - 80, col - 90) < 40
    exact = np.sqrt(np.maximum(0, distance_squared(mask)).astype(np.float64)).astype(np.float32)
    threads = cv2.getNumThreads()
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            for offset in range(5):
                lain = np.empty(mask.size + 8, bool)[offset : offset + mask.size].reshape(mask.shape)
                lain[:] = mask
                np.testing.assert_array_equal(to_nearest(lain), exact)
    finally:
        cv2.setNumThreads(threads)


def distance_squared(mask: np.ndarray) -> np.ndarray:
    """Whole numbers, by SciPy's transform, which names the nearest pixel."""
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return ((np.indices(mask.shape) - nearest) ** 2).sum(axis=0)
