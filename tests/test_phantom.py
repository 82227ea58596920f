"""Phantoms: the masks are exact, the same seed gives the same bits, and the folder holds what training reads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.phantom import LipidPool, PhantomSpec, make_phantom, random_spec, render, write_phantoms

ROUND = PhantomSpec(
    seed=5, size_px=704, field_mm=7.04, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0, ruler=False
)  # 10 um per pixel, catheter in the middle of a round lumen


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


@pytest.mark.parametrize("seed", range(12))
def test_mask_areas_are_those_of_the_outlines(seed: int) -> None:
    phantom = render(random_spec(seed, lipid=True))
    for name, truth_mm2 in (
        ("lumen", phantom.truth.lumen_area_mm2),
        ("fibrous_cap", phantom.truth.fibrous_cap_area_mm2),
        ("lipid_core", phantom.truth.lipid_core_area_mm2),
    ):
        area_mm2 = phantom.masks[name].sum() * phantom.pixel_spacing_mm**2
        assert area_mm2 == pytest.approx(truth_mm2, rel=0.01), name


def test_a_uniform_cap_of_80_um_over_90_degrees_is_measured_so() -> None:
    pool = LipidPool(centre_deg=30, arc_deg=90, cap_min_um=80, cap_max_um=80, thickness_um=500)
    truth = render(replace(ROUND, lipid_pools=(pool,), lipid_mask_depth="rim")).truth
    assert truth.fibrous_cap_thickness_min_um == pytest.approx(80, abs=0.1)
    assert truth.fibrous_cap_thickness_mean_um == pytest.approx(80, abs=0.1)
    assert truth.lipid_arc_deg == pytest.approx(90, abs=0.3)


def test_without_lipid_there_is_no_cap_thickness_and_an_arc_of_zero() -> None:
    phantom = render(ROUND)
    assert phantom.truth.fibrous_cap_thickness_min_um is None
    assert phantom.truth.lipid_arc_deg == 0.0
    assert set(phantom.masks) == set(CLASS_NAMES)
    assert not phantom.masks["lipid_core"].any()


def test_the_folder_holds_frames_masks_and_a_line_for_each(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_phantoms(tmp_path, count=2, seed=40, progress=lambda done, count: told.append((done, count)))
    rows = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    assert told == [(1, 2), (2, 2)]
    assert [row["image_file_name"] for row in rows] == ["images/phantom_0001.png", "images/phantom_0002.png"]
    with Image.open(tmp_path / rows[0]["mask_file_name"]) as mask:
        assert mask.mode == "P"
        indices = np.array(mask)
    assert (indices == 1).sum() == rows[0]["areas_px"]["lumen"]
