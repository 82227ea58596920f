"""The physics and the display of phantoms, against answers known from elsewhere."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from octseg.phantom import GuideWire, LipidPool, Microvessel, Optics, PhantomSpec, Wall, random_spec, render
from octseg.phantom.display import sepia_map
from octseg.phantom.geometry import anatomy
from octseg.phantom.optics import a_lines, compress, speckle
from octseg.view.scale import find_pixel_scale

RADIUS_MM = ((np.arange(400) + 0.5) * 0.0075).astype(np.float32)  # 3 mm, 7.5 um apart
BEAM_UM = np.full(400, 20.0, dtype=np.float32)


def half_width_um(values: np.ndarray, pitch_um: float) -> float:
    """Full width at half maximum of the autocovariance along the rows of `values`."""
    flat = values - values.mean()
    product = np.array([(flat[:, : flat.shape[1] - lag] * flat[:, lag:]).mean() for lag in range(20)])
    product /= product[0]
    below = int(np.argmax(product < 0.5))
    return 2 * pitch_um * (below - 1 + (product[below - 1] - 0.5) / (product[below - 1] - product[below]))


def test_fully_developed_speckle_is_exponential() -> None:
    intensity = speckle(np.random.default_rng(1), 15.0, BEAM_UM, RADIUS_MM, np.inf)[:, 100:]
    assert intensity.mean() == pytest.approx(1.0, rel=0.02)
    assert intensity.std() / intensity.mean() == pytest.approx(1.0, rel=0.03)
    assert np.median(intensity) == pytest.approx(np.log(2), rel=0.03)
    assert (intensity > 3).mean() == pytest.approx(np.exp(-3), rel=0.1)


def test_a_gamma_texture_of_shape_4_gives_the_contrast_of_a_k_distribution() -> None:
    intensity = speckle(np.random.default_rng(2), 15.0, BEAM_UM, RADIUS_MM, 4.0)[:, 100:]
    assert intensity.std() / intensity.mean() == pytest.approx(np.sqrt(1 + 2 / 4), rel=0.04)


def test_speckle_is_sqrt_2_times_as_wide_as_the_resolution_both_ways() -> None:
    intensity = speckle(np.random.default_rng(3), 20.0, BEAM_UM, RADIUS_MM, np.inf)
    assert half_width_um(intensity[:, 100:], 7.5) == pytest.approx(20 * np.sqrt(2), rel=0.05)
    depth = slice(128, 192)  # one slab, where A-lines are 14.96 um apart on average
    pitch_um = 1e3 * float(RADIUS_MM[depth].mean()) * 2 * np.pi / 504
    assert half_width_um(intensity[:, depth].T, pitch_um) == pytest.approx(20 * np.sqrt(2), rel=0.08)


def test_grey_is_the_logarithm_of_intensity_over_the_knee() -> None:
    intensity = np.array([[0.0, np.e - 1, np.e**5 - 1, 1e30]], dtype=np.float32)
    assert compress(intensity, 20.0)[0] == pytest.approx([0, 20, 100, 255], abs=1e-3)


def test_grey_falls_by_twice_the_attenuation_per_mm() -> None:
    wall = Wall(intima_um=1500, intima_attenuation_per_mm=5.0, layering=0.0, patchiness=0.0)
    optics = Optics(rayleigh_mm=1e6, forward_scattering=0.0, noise=0.0, grey_per_neper=17.0, gain=3000.0)
    spec = PhantomSpec(
        seed=4, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0, wall=wall, optics=optics
    )
    grey = a_lines(spec, anatomy(spec)).mean(axis=0)
    depth_mm = (np.arange(grey.size) + 0.5) * spec.field_mm / 2 / grey.size
    tissue = (depth_mm > 1.55) & (depth_mm < 2.1)
    slope = np.polyfit(depth_mm[tissue], grey[tissue], 1)[0]
    assert slope == pytest.approx(-2 * 5.0 * 17.0, rel=0.03)


def test_sepia_has_the_colours_of_exported_frames() -> None:
    published = {64: (13, 0), 96: (31, 0), 128: (54, 0), 160: (87, 7), 192: (126, 21), 224: (169, 46)}
    for red, (green, blue) in published.items():
        assert tuple(int(value) for value in sepia_map()[red]) == (red, green, blue)


@pytest.mark.parametrize(("size_px", "field_mm"), [(704, 7.01), (750, 5.01), (1024, 10.03)])
def test_the_dots_are_1_mm_apart_and_the_ring_is_0_907_mm_wide(size_px: int, field_mm: float) -> None:
    spec = random_spec(6, size_px=size_px, field_mm=field_mm, colouring="grey", ruler=True)
    frame = render(spec).frame.astype(int)
    spacing_mm = field_mm / size_px
    bright = frame[..., 0] > 140  # dots, not the line between them
    cyan = (bright & (frame[..., 2] - frame[..., 0] > 60)).astype(np.uint8)
    yellow = (bright & (frame[..., 0] - frame[..., 2] > 110)).astype(np.uint8)
    middle = (size_px - 1) / 2
    for colour in (cyan, yellow):
        count, _, box, centre = cv2.connectedComponentsWithStats(colour)
        dots = np.array([centre[k] for k in range(1, count) if box[k, cv2.CC_STAT_AREA] > 15])
        away_mm = np.sort(np.hypot(*(dots - middle).T)) * spacing_mm
        assert away_mm == pytest.approx(np.rint(away_mm), abs=1.5 * spacing_mm)
        assert len(np.unique(np.rint(away_mm))) == len(away_mm) >= 2
    rows, cols = np.nonzero((frame[..., 1] - frame[..., 0] > 110) & (frame[..., 2] - frame[..., 0] > 110))
    radius_mm = np.hypot(rows - middle, cols - middle) * spacing_mm
    assert 2 * np.median(radius_mm[np.abs(radius_mm - 0.45) < 0.1]) == pytest.approx(0.907, abs=1.5 * spacing_mm)


@pytest.mark.parametrize("seed", range(60, 66))
def test_the_ruler_finder_reads_the_scale_off_a_phantom(seed: int) -> None:
    phantom = render(random_spec(seed, ruler=True))
    found = find_pixel_scale(phantom.frame)
    assert found.source == "ruler"
    assert found.pixel_spacing_mm == pytest.approx(phantom.pixel_spacing_mm, rel=2e-3)


def test_the_disc_touches_the_edges_and_outside_it_is_black() -> None:
    frame = render(random_spec(9, size_px=704, ruler=False)).frame
    offset = np.arange(704) - 351.5
    radius = np.hypot(offset[:, None], offset[None, :])
    assert not frame[radius > 356].any()
    assert frame[0, 340:364].any()
    assert frame[340:364, 0].any()
    assert (frame[radius < 348][:, 0] > 0).mean() > 0.97


def test_nothing_comes_back_from_behind_the_guide_wire() -> None:
    spec = PhantomSpec(seed=8, ruler=False, guide_wire=GuideWire(centre_deg=0, distance_mm=0.75))
    phantom = render(spec)
    wall = phantom.frame[340:364, 560:620, 0]  # to the right of the catheter
    opposite = phantom.frame[340:364, 180:215, 0]
    assert wall.mean() < 25
    assert opposite.mean() > 90


def test_a_bent_scan_moves_frame_and_masks_together() -> None:
    spec = PhantomSpec(
        seed=21, lumen_radius_mm=1.4, lumen_ellipticity=0.14, lumen_offset_mm=0.5, ruler=False, nurd_deg=12.0
    )
    phantom = render(spec)
    straight = render(replace(spec, nurd_deg=0.0))
    moved = phantom.masks["lumen"] ^ straight.masks["lumen"]
    assert moved.sum() > 4000
    tissue_now = moved & ~phantom.masks["lumen"]
    lumen_now = moved & phantom.masks["lumen"]
    assert phantom.frame[tissue_now, 0].mean() > 110
    assert phantom.frame[lumen_now, 0].mean() < 40


def test_lipid_is_darker_than_its_cap_and_than_the_wall_across() -> None:
    pool = LipidPool(centre_deg=0, arc_deg=100, cap_min_um=200, cap_max_um=200, thickness_um=800)
    spec = PhantomSpec(seed=3, lumen_offset_mm=0.0, lipid_pools=(pool,), ruler=False)
    phantom = render(spec)
    grey = phantom.frame[..., 0]
    across = np.rot90(phantom.masks["lipid_core"], 2)  # the same place on the side without lipid
    assert grey[phantom.masks["fibrous_cap"]].mean() > 130
    assert grey[phantom.masks["lipid_core"]].mean() < 0.75 * grey[across].mean()


def test_mean_grey_of_the_tissues_is_that_of_real_frames() -> None:
    offset = np.arange(750) - 374.5
    radius = np.hypot(offset[:, None], offset[None, :])
    seen = (radius > 75) & (radius < 370)  # outside the catheter, inside the disc
    means: dict[str, list[float]] = {"lumen": [], "fibrous_cap": [], "lipid_core": [], "wall": []}
    for seed in range(30):
        phantom = render(random_spec(500 + seed, size_px=750, field_mm=5.01, colouring="sepia"))
        parts = dict(phantom.masks, wall=~np.logical_or.reduce(list(phantom.masks.values())))
        for name, values in means.items():
            values += [float(phantom.frame[parts[name] & seen, 0].mean())] if (parts[name] & seen).sum() > 500 else []
    assert np.mean(means["lumen"]) == pytest.approx(19, abs=6)
    assert np.mean(means["fibrous_cap"]) == pytest.approx(162, abs=14)
    assert np.mean(means["lipid_core"]) == pytest.approx(55, abs=14)
    assert np.mean(means["wall"]) == pytest.approx(69, abs=14)


@pytest.mark.parametrize("centre_deg", [0, 60, 120, 180, 240, 300])
def test_a_microvessels_mask_is_the_dark_hole_that_the_bent_scan_shows(centre_deg: float) -> None:
    hole = Microvessel(centre_deg=centre_deg, depth_um=300, width_um=700, height_um=180)
    wall = Wall(intima_um=1200, intima_attenuation_per_mm=2.0, layering=0.0, patchiness=0.0)
    spec = PhantomSpec(seed=33, wall=wall, microvessels=(hole,), ruler=False, nurd_deg=15.0)
    phantom = render(spec)
    mask = phantom.masks["vasa_vasorum"]
    near = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25))) > 0
    grey = cv2.medianBlur(phantom.frame[..., 0], 5)
    halfway = (grey[mask].mean() + grey[near & ~mask & ~phantom.masks["lumen"]].mean()) / 2
    dark = near & (grey < halfway) & ~phantom.masks["lumen"]
    assert (dark & mask).sum() / (dark | mask).sum() > 0.85
