import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octseg.measurement.geometry import (
    Outline,
    centroid,
    distance_px,
    find_tissue,
    largest_filled,
    piece_areas_px,
    ray_crossings,
    without,
)
from tests.fakes import shapes

SIZE = 121
CENTRE = (60.3, 58.8)


def outline_of(shape: shapes.Shape) -> Outline:
    tissue = find_tissue(shapes.soft(shape), 0.5)
    assert tissue is not None
    return tissue.outline


def test_an_empty_map_holds_no_tissue() -> None:
    assert find_tissue(np.zeros((9, 9), np.float32), 0.5) is None
    assert find_tissue(np.zeros((9, 9), bool), 0.5) is None


@pytest.mark.parametrize("radius", [5.0, 20.0, 50.0])
def test_the_area_of_a_disc_is_pi_r_squared(radius: float) -> None:
    tissue = find_tissue(shapes.soft(shapes.disc(SIZE, CENTRE, radius)), 0.5)
    assert tissue is not None
    assert piece_areas_px(tissue) == pytest.approx([np.pi * radius**2], rel=0.01 if radius < 10 else 0.001)


def test_a_hole_does_not_count_and_each_piece_is_counted_apart_largest_first() -> None:
    ring = shapes.both(shapes.disc(SIZE, (40, 40), 30), -shapes.disc(SIZE, (40, 40), 20))
    small = shapes.disc(SIZE, (95, 95), 10)
    for drawn in (shapes.soft, shapes.mask):
        tissue = find_tissue(drawn(shapes.either(small, ring)), 0.5)
        assert tissue is not None
        assert piece_areas_px(tissue) == pytest.approx([np.pi * 500, np.pi * 100], rel=0.01)


def test_a_mask_has_the_area_of_its_pixels() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:4, 3:8] = True
    mask[7, 7] = True
    for map_ in (mask, mask.astype(np.float32)):
        tissue = find_tissue(map_, 0.5)
        assert tissue is not None
        assert piece_areas_px(tissue).tolist() == [10.0, 1.0]


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_the_contour_runs_where_the_probability_is_at_its_level(level: float) -> None:
    ramp = np.clip((np.arange(50) - 10) / 30, 0, 1)[None, :].repeat(40, axis=0).astype(np.float32)
    tissue = find_tissue(ramp, level)
    assert tissue is not None
    left = tissue.outline.start[:, 1].min()
    assert left == pytest.approx(10 + 30 * level, abs=1e-4)


def test_tissue_at_the_frames_edge_ends_at_the_edge_of_its_last_pixel() -> None:
    tissue = find_tissue(np.full((10, 14), 0.9, np.float32), 0.5)
    assert tissue is not None
    assert piece_areas_px(tissue) == pytest.approx([10 * 14], abs=0.6)  # the contour cuts each of the four corners
    assert tissue.outline.start.min(axis=0) == pytest.approx([-0.5, -0.5])
    assert tissue.outline.start.max(axis=0) == pytest.approx([9.5, 13.5])


def test_pieces_that_touch_at_a_corner_are_one_and_the_contour_agrees() -> None:
    map_ = np.zeros((6, 6), np.float32)
    map_[1:3, 1:3] = map_[3:5, 3:5] = 0.9
    tissue = find_tissue(map_, 0.5)
    assert tissue is not None
    # The contour lies 4/9 px outside of each pixel's centre: two squares with three cut corners each, and the cell
    # between them, of which two corners are cut off.
    squares = 2 * (1 + 4 * (4 / 9) + 3 * (4 / 9) ** 2 / 2)
    assert piece_areas_px(tissue) == pytest.approx([squares + 1 - (5 / 9) ** 2], rel=1e-4)


def test_the_distance_to_a_straight_edge_is_square_to_it_also_between_its_ends() -> None:
    half = np.zeros((40, 40), np.float32)
    half[:, 20:] = 1
    tissue = find_tissue(half, 0.4)
    assert tissue is not None
    points = np.array([[10.5, 19.2], [11.25, 19.0], [12.0, 18.0]])
    assert distance_px(points, tissue.outline) == pytest.approx([0.3, 0.5, 1.5], abs=1e-4)


def test_the_centroid_is_found_to_a_hundredth_of_a_pixel() -> None:
    assert centroid(outline_of(shapes.disc(SIZE, CENTRE, 31.4))) == pytest.approx(CENTRE, abs=0.01)


@pytest.mark.parametrize("turned_deg", [0.0, 30.0])
def test_rays_leave_an_ellipse_at_its_half_axes(turned_deg: float) -> None:
    crossings = ray_crossings(outline_of(shapes.ellipse(SIZE, CENTRE, (50, 35), turned_deg)), CENTRE, 360)
    assert sorted(crossings.ray) == list(range(360))
    radius = dict(zip(crossings.ray.tolist(), crossings.radius.tolist(), strict=True))
    assert radius[int(turned_deg)] == pytest.approx(50, abs=0.1)
    assert radius[int(turned_deg) + 90] == pytest.approx(35, abs=0.1)


def test_ninety_degrees_points_down_the_rows() -> None:
    crossings = ray_crossings(outline_of(shapes.disc(SIZE, (90, 60), 10)), (40.0, 60.0), 360)
    assert crossings.radius[(crossings.ray == 90) & ~crossings.leaving] == pytest.approx([40], abs=0.05)
    assert crossings.radius[(crossings.ray == 90) & crossings.leaving] == pytest.approx([60], abs=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 39), st.floats(0, 39))
def test_every_ray_crosses_any_map_in_pairs(seed: int, row: float, col: float) -> None:
    noise = np.random.default_rng(seed).random((40, 40)).astype(np.float32)
    tissue = find_tissue(noise, 0.5)
    assert tissue is not None
    crossings = ray_crossings(tissue.outline, (row, col), 360)
    balance = np.bincount(crossings.ray, np.where(crossings.leaving, 1, -1), 360)
    assert set(balance) in ({0.0}, {1.0})  # outside tissue, or inside it, for all rays alike


def test_distances_are_those_to_the_edge_not_to_a_pixel() -> None:
    points = np.array([[60.3, 58.8], [60.3, 108.8], [25.3, 58.8]])
    found = distance_px(points, outline_of(shapes.disc(SIZE, CENTRE, 30.25)))
    assert found == pytest.approx([30.25, 19.75, 4.75], abs=0.1)


def test_the_largest_piece_is_kept_and_its_holes_are_filled() -> None:
    ring = shapes.both(shapes.disc(SIZE, (50, 50), 30), -shapes.disc(SIZE, (50, 50), 10))
    speck = shapes.disc(SIZE, (100, 100), 5)
    for drawn in (shapes.soft, shapes.mask):
        tissue = find_tissue(drawn(shapes.either(ring, speck)), 0.5)
        assert tissue is not None
        assert piece_areas_px(largest_filled(tissue)) == pytest.approx([np.pi * 900], rel=0.005)


def test_a_ring_that_a_diagonal_of_pixels_closes_holds_its_hole() -> None:
    ring = np.zeros((7, 7), bool)
    ring[[1, 2, 3, 4, 5, 4, 3, 2], [3, 4, 5, 4, 3, 2, 1, 2]] = True  # a diamond, neighbours by corners alone
    tissue = find_tissue(ring, 0.5)
    assert tissue is not None
    assert piece_areas_px(largest_filled(tissue)).tolist() == [13.0]


def test_what_overlaps_is_taken_away() -> None:
    one = find_tissue(shapes.soft(shapes.disc(SIZE, (60, 50), 30)), 0.5)
    other = find_tissue(shapes.soft(shapes.disc(SIZE, (60, 50), 20)), 0.5)
    apart = find_tissue(shapes.soft(shapes.disc(SIZE, (60, 110), 8)), 0.5)
    assert one is not None
    assert other is not None
    assert apart is not None
    assert piece_areas_px(without(one, other)) == pytest.approx([np.pi * 500], rel=0.005)
    assert without(one, apart) is one
