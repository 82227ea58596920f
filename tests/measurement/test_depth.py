"""How deep lipid counts behind the lumen."""

import numpy as np
import pytest

from octseg.measurement.depth import LIPID_DEPTH_MM, behind_lumen_px, lipid_depth_px, visible_lipid

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
