"""Phantoms: masks and truth are exact, the same seed gives the same bits, and the folder holds what training reads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import distance_transform_edt

from octseg.classes import CLASS_NAMES
from octseg.measurement.frame import measure
from octseg.phantom import (
    LipidPool,
    Macrophages,
    Microvessel,
    PhantomSpec,
    SideBranch,
    make_phantom,
    random_spec,
    render,
    write_phantoms,
)
from octseg.phantom.spec import LipidMaskDepth

ROUND = PhantomSpec(
    seed=5, size_px=704, field_mm=7.04, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0, ruler=False
)  # 10 um per pixel, catheter in the middle of a round lumen


def pool(centre_deg: float, arc_deg: float, cap_um: float) -> LipidPool:
    return LipidPool(centre_deg=centre_deg, arc_deg=arc_deg, cap_min_um=cap_um, cap_max_um=cap_um, thickness_um=500)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_frame() -> None:
    first, again, other = make_phantom(7), make_phantom(7), make_phantom(8)
    assert np.array_equal(first.frame, again.frame)
    assert all(np.array_equal(first.masks[name], again.masks[name]) for name in CLASS_NAMES)
    assert first.truth == again.truth
    assert first.frame.shape != other.frame.shape or not np.array_equal(first.frame, other.frame)


def test_a_round_lumen_of_1_5_mm_has_the_area_of_a_circle() -> None:
    phantom = render(ROUND)
    circle_mm2 = np.pi * 1.5**2
    assert phantom.truth.lumen_area_mm2 == pytest.approx(circle_mm2, rel=1e-4)
    assert phantom.masks["lumen"].sum() * 0.01**2 == pytest.approx(circle_mm2, rel=1e-3)
    assert phantom.truth.lumen_diameter_max_mm == pytest.approx(3.0, abs=1e-3)
    assert phantom.truth.lumen_centroid == pytest.approx((351.5, 351.5), abs=0.01)


def test_a_lumen_0_6_mm_below_the_catheter_lies_60_pixels_down() -> None:
    truth = render(replace(ROUND, lumen_offset_mm=0.6, lumen_offset_deg=90.0)).truth
    assert truth.lumen_centroid == pytest.approx((351.5 + 60, 351.5), abs=0.05)


def test_a_uniform_cap_of_80_um_over_90_degrees_has_the_area_of_a_ring_sector() -> None:
    phantom = render(replace(ROUND, lipid_pools=(pool(30, 90, 80),)))
    sector_mm2 = np.pi / 4 * (1.58**2 - 1.5**2)
    assert phantom.masks["fibrous_cap"].sum() * 0.01**2 == pytest.approx(sector_mm2, rel=0.01)
    assert phantom.truth.fibrous_cap_area_mm2 == pytest.approx(sector_mm2, rel=2e-3)
    assert phantom.truth.fibrous_cap_thickness_min_um == pytest.approx(80, abs=0.2)
    assert phantom.truth.fibrous_cap_thickness_mean_um == pytest.approx(80, abs=0.2)
    assert phantom.truth.lipid_arc_deg == pytest.approx(90, abs=1)


def test_a_rim_mask_is_the_whole_sector_between_cap_and_rim() -> None:
    phantom = render(replace(ROUND, lipid_pools=(pool(200, 120, 100),), lipid_mask_depth="rim"))
    sector_mm2 = np.pi / 3 * (3.52**2 - 1.6**2)
    assert phantom.masks["lipid_core"].sum() * 0.01**2 == pytest.approx(sector_mm2, rel=2e-3)
    assert phantom.truth.lipid_core_area_mm2 == pytest.approx(sector_mm2, rel=2e-3)


def test_how_deep_the_mask_goes_changes_neither_frame_nor_cap() -> None:
    spec = replace(ROUND, lipid_pools=(pool(200, 120, 100),), lipid_mask_depth="pool")
    to_bottom, to_rim = render(spec), render(replace(spec, lipid_mask_depth="rim"))
    assert np.array_equal(to_bottom.frame, to_rim.frame)
    assert np.array_equal(to_bottom.masks["fibrous_cap"], to_rim.masks["fibrous_cap"])
    assert to_bottom.masks["lipid_core"].sum() < 0.5 * to_rim.masks["lipid_core"].sum()
    assert not (to_bottom.masks["lipid_core"] & ~to_rim.masks["lipid_core"]).any()


@pytest.mark.parametrize("offset_mm", [0.0, 0.7])
def test_a_visible_mask_ends_1_2_mm_behind_the_lumen_wherever_the_catheter_lies(offset_mm: float) -> None:
    thick = replace(pool(0, 360, 100), thickness_um=2000)
    phantom = render(replace(ROUND, field_mm=8.0, lumen_offset_mm=offset_mm, lipid_pools=(thick,)))
    ring_mm2 = np.pi * (2.7**2 - 1.6**2)
    assert phantom.truth.lipid_core_area_mm2 == pytest.approx(ring_mm2, rel=1e-3)
    assert phantom.masks["lipid_core"].sum() * phantom.pixel_spacing_mm**2 == pytest.approx(ring_mm2, rel=2e-3)


def test_a_pool_that_ends_before_that_depth_is_visible_to_its_bottom() -> None:
    spec = replace(ROUND, lipid_pools=(pool(200, 120, 100),))
    assert spec.lipid_mask_depth == "visible"
    to_bottom = render(replace(spec, lipid_mask_depth="pool"))
    assert np.array_equal(render(spec).masks["lipid_core"], to_bottom.masks["lipid_core"])
    assert render(spec).truth == to_bottom.truth


def test_the_depth_behind_a_side_branch_is_counted_from_the_branch() -> None:
    """Lipid all around to the rim, a branch 90 degrees wide open to the rim: what is within 1.2 mm of it is visible."""
    branch = SideBranch(centre_deg=0, width_deg=92, depth_mm=5.0)
    thick = replace(pool(0, 360, 100), thickness_um=4000)
    lipid = render(replace(ROUND, side_branch=branch, lipid_pools=(thick,))).masks["lipid_core"]
    edge = np.exp(1j * np.pi / 4)
    for aside_mm, seen in ((1.1, True), (1.3, False)):
        place = 3.2 * edge + aside_mm * 1j * edge  # beside the branch, 3.2 mm out: 1.7 mm behind the lumen itself
        row, col = round(351.5 + 100 * place.imag), round(351.5 + 100 * place.real)
        assert abs(place) < 3.5
        assert lipid[row, col] == seen


def test_an_arc_is_seen_from_the_lumens_centre_and_looks_wider_from_a_catheter_nearby() -> None:
    spec = replace(ROUND, lumen_offset_mm=0.8, lumen_offset_deg=180.0, lipid_pools=(pool(0, 90, 60),))
    corner = 1.56 * np.exp(1j * np.pi / 4) - 0.8  # end of the pool's front, from the catheter
    to_rim = render(replace(spec, lipid_mask_depth="rim")).truth
    assert render(spec).truth.lipid_arc_deg == pytest.approx(90, abs=1.5)
    assert to_rim.lipid_arc_catheter_deg == pytest.approx(2 * np.degrees(np.angle(corner)), abs=0.6)


def test_two_pools_add_up() -> None:
    truth = render(replace(ROUND, lipid_pools=(pool(0, 60, 100), pool(180, 80, 70)))).truth
    assert truth.lipid_pool_count == 2
    assert truth.lipid_arc_deg == pytest.approx(140, abs=2)
    assert truth.fibrous_cap_thickness_min_um == pytest.approx(70, abs=0.2)


def test_a_pool_all_around_spans_360_degrees() -> None:
    truth = render(replace(ROUND, lipid_pools=(pool(0, 360, 100),))).truth
    assert truth.lipid_arc_deg == 360.0
    assert truth.fibrous_cap_thickness_mean_um == pytest.approx(100, abs=0.2)


def test_a_microvessel_has_the_area_of_its_ellipse_also_under_a_bent_scan() -> None:
    hole = Microvessel(centre_deg=100, depth_um=400, width_um=300, height_um=120)
    straight = render(replace(ROUND, microvessels=(hole,)))
    ellipse_mm2 = np.pi * 0.15 * 0.06
    assert straight.truth.vasa_vasorum_area_mm2 == pytest.approx(ellipse_mm2, rel=1e-3)
    assert straight.masks["vasa_vasorum"].sum() * 0.01**2 == pytest.approx(ellipse_mm2, rel=0.03)
    bent = render(replace(ROUND, microvessels=(hole,), nurd_deg=12.0))
    area_mm2 = bent.masks["vasa_vasorum"].sum() * 0.01**2
    assert area_mm2 == pytest.approx(bent.truth.vasa_vasorum_area_mm2, rel=0.03)


def test_without_lipid_there_is_no_cap_thickness_and_an_arc_of_zero() -> None:
    phantom = render(ROUND)
    assert phantom.truth.fibrous_cap_thickness_min_um is None
    assert phantom.truth.fibrous_cap_thickness_mean_um is None
    assert phantom.truth.lipid_arc_deg == 0.0
    assert set(phantom.masks) == set(CLASS_NAMES)
    assert not phantom.masks["lipid_core"].any()


@pytest.mark.parametrize("seed", range(16))
def test_masks_of_any_vessel_agree_with_its_outlines(seed: int) -> None:
    phantom = render(random_spec(seed, lipid=True))
    truth, spacing = phantom.truth, phantom.pixel_spacing_mm
    for name, truth_mm2 in (
        ("lumen", truth.lumen_area_mm2),
        ("fibrous_cap", truth.fibrous_cap_area_mm2),
        ("lipid_core", truth.lipid_core_area_mm2),
    ):
        assert phantom.masks[name].sum() * spacing**2 == pytest.approx(truth_mm2, rel=0.01), name
    rows, cols = np.nonzero(phantom.masks["lumen"])
    assert (rows.mean(), cols.mean()) == pytest.approx(truth.lumen_centroid, abs=0.1)
    assert truth.fibrous_cap_thickness_min_um is not None
    to_lumen_um = 1e3 * spacing * distance_transform_edt(~phantom.masks["lumen"])
    nearest_um = float(to_lumen_um[phantom.masks["lipid_core"]].min())
    assert nearest_um <= truth.fibrous_cap_thickness_min_um + 1.5e3 * spacing  # the ends of the arc may be nearer


@pytest.mark.parametrize("seed", range(20, 50))
def test_measuring_the_masks_gives_the_truth(seed: int) -> None:
    phantom = render(random_spec(seed, lipid=True))
    measures = measure(phantom.masks, pixel_spacing_mm=phantom.pixel_spacing_mm)
    truth = phantom.truth
    assert measures.lipid_core_area_mm2 == pytest.approx(truth.lipid_core_area_mm2, rel=0.005)
    assert measures.lipid_arc_deg == pytest.approx(truth.lipid_arc_deg, abs=3)
    assert measures.fibrous_cap_thickness_mean_um == pytest.approx(truth.fibrous_cap_thickness_mean_um, abs=3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_a_random_vessel_keeps_the_ranges_it_promises(seed: int) -> None:
    spec = random_spec(seed)
    assert 704 <= spec.size_px <= 1024
    assert all(50 <= lipid.cap_min_um <= 400 and 30 <= lipid.arc_deg <= 360 for lipid in spec.lipid_pools)
    assert spec.lumen_offset_mm + 0.45 < spec.lumen_radius_mm


def test_four_to_five_vessels_in_ten_bear_no_lipid_and_most_pools_swallow_the_light() -> None:
    specs = [random_spec(seed) for seed in range(600)]
    with_lipid = [spec for spec in specs if spec.lipid_pools]
    assert 0.5 <= len(with_lipid) / len(specs) <= 0.6
    thick = np.mean([spec.lipid_pools[0].thickness_um > 800 for spec in with_lipid])
    assert 0.56 <= thick <= 0.69  # five sixths of three quarters
    single = [spec.lipid_pools[0].arc_deg for spec in with_lipid if len(spec.lipid_pools) == 1]
    assert 95 <= np.median(single) <= 125
    assert {spec.field_mm for spec in specs} == {5.01, 7.01, 10.03}


@pytest.mark.parametrize("depth", ["pool", "rim"])
def test_how_deep_the_mask_goes_is_no_draw_of_chance(depth: LipidMaskDepth) -> None:
    assert replace(random_spec(9), lipid_mask_depth=depth) == random_spec(9, lipid_mask_depth=depth)


def test_what_is_given_to_a_random_vessel_is_kept() -> None:
    spec = random_spec(3, size_px=800, field_mm=6.0, lipid=False, ruler=False, colouring="grey")
    assert (spec.size_px, spec.field_mm, spec.lipid_pools) == (800, 6.0, ())
    frame = render(spec).frame
    assert frame.shape == (800, 800, 3)
    assert np.array_equal(frame[..., 0], frame[..., 2])


def test_a_spec_that_cannot_be_drawn_says_why() -> None:
    with pytest.raises(ValueError, match="size_px must be 704 to 1024, not 512"):
        replace(ROUND, size_px=512)
    with pytest.raises(ValueError, match="inside the catheter"):
        render(replace(ROUND, lumen_offset_mm=1.2))
    with pytest.raises(ValueError, match="pools at 0 and 50 degrees overlap"):
        replace(ROUND, lipid_pools=(pool(0, 60, 100), pool(50, 60, 100)))


def test_the_folder_holds_frames_masks_and_a_line_for_each(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_phantoms(tmp_path, count=2, seed=40, progress=lambda done, count: told.append((done, count)))
    rows = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    assert told == [(1, 2), (2, 2)]
    assert [row["image_file_name"] for row in rows] == ["images/phantom_0001.png", "images/phantom_0002.png"]
    expected = make_phantom(41)
    with Image.open(tmp_path / rows[1]["image_file_name"]) as frame:
        assert np.array_equal(np.array(frame), expected.frame)
    with Image.open(tmp_path / rows[1]["mask_file_name"]) as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.array(mask) == 1, expected.masks["lumen"])
    assert rows[1]["pixel_spacing_mm"] == expected.pixel_spacing_mm
    assert rows[1]["truth"]["lumen_area_mm2"] == expected.truth.lumen_area_mm2


def test_a_palette_mask_shows_the_microvessel_over_the_lipid_that_holds_it(tmp_path: Path) -> None:
    from octseg.drawing.palette import palette_image

    hole = Microvessel(centre_deg=200, depth_um=500, width_um=300, height_um=120)
    phantom = render(replace(ROUND, lipid_pools=(pool(200, 120, 100),), microvessels=(hole,)))
    indices = np.array(palette_image(phantom.masks))
    both = phantom.masks["vasa_vasorum"] & phantom.masks["lipid_core"]
    assert both.any()
    assert (indices[both] == 4).all()
    assert (indices[phantom.masks["lipid_core"] & ~both] == 3).all()


def test_a_side_branch_adds_a_sector_to_the_lumen_and_cuts_the_wall() -> None:
    opened = render(replace(ROUND, side_branch=SideBranch(centre_deg=0, width_deg=42, depth_mm=5.0)))
    sector_mm2 = np.radians(40) / 2 * (3.52**2 - 1.5**2)  # halfway up its edges of 2 degrees, to the rim
    assert opened.truth.lumen_area_mm2 - np.pi * 1.5**2 == pytest.approx(sector_mm2, rel=0.03)
    assert opened.masks["lumen"].sum() * 0.01**2 == pytest.approx(opened.truth.lumen_area_mm2, rel=2e-3)
    assert opened.truth.lumen_diameter_max_mm is None
    assert opened.frame[345:358, 600:690, 0].mean() < 25


def test_macrophages_throw_a_shadow_and_are_no_lipid() -> None:
    band = Macrophages(centre_deg=0, arc_deg=40, depth_um=60, attenuation_per_mm=40)
    plain, shaded = render(ROUND), render(replace(ROUND, macrophages=(band,)))
    behind = (slice(335, 369), slice(351 + 175, 351 + 215))  # 250 to 650 um behind the lumen's edge
    assert shaded.frame[behind][..., 0].mean() < plain.frame[behind][..., 0].mean() - 25
    assert not shaded.masks["lipid_core"].any()
