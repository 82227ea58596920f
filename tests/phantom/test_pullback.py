"""Phantom pullbacks: the truth along the vessel is the formula's, and a perfect network's masks measure the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.measurement import measure_pullback
from octseg.phantom import LipidPool, Narrowing, PhantomSpec, Plaque, PullbackSpec, random_pullback, render
from tests.fakes.outlined import perfect

STRAIGHT = PullbackSpec(
    frame_count=60,
    frame_spacing_mm=0.2,
    base=PhantomSpec(seed=3, size_px=704, field_mm=7.04, lumen_radius_mm=1.5, lumen_ellipticity=0.0),
    widening=0.0,
    guide_wire=False,
)
PLAQUE = Plaque(start_mm=3.0, end_mm=7.0, centre_deg=40, arc_deg=120, cap_min_um=80, cap_max_um=80, thickness_um=600)


def test_a_straight_vessel_and_its_narrowing_have_the_areas_of_circles() -> None:
    assert STRAIGHT.truth().minimum_lumen_area_mm2 == pytest.approx(np.pi * 1.5**2)
    narrowed = replace(STRAIGHT, narrowings=(Narrowing(at_mm=5.0, length_mm=4.0, share=0.3),)).truth()
    assert narrowed.minimum_lumen_area_mm2 == pytest.approx(np.pi * 1.05**2, rel=1e-4)
    assert narrowed.minimum_lumen_area_position_mm == pytest.approx(5.0, abs=0.01)
    oval = replace(STRAIGHT, base=replace(STRAIGHT.base, lumen_ellipticity=0.1))
    phi = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
    area = 0.5 * np.mean((1.5 * (1 + 0.1 * np.cos(2 * phi))) ** 2) * 2 * np.pi
    assert oval.truth().minimum_lumen_area_mm2 == pytest.approx(area)


def test_a_plaques_length_and_volume_are_those_of_its_cross_sections() -> None:
    (plaque,) = replace(STRAIGHT, plaques=(PLAQUE,)).truth().plaques
    assert plaque.length_mm == pytest.approx(4.0)
    assert (plaque.first_frame, plaque.last_frame) == (16, 35)  # frame n shows (n - 0.5) x 0.2 mm
    assert plaque.cap_min_um == pytest.approx(80, abs=1)
    assert plaque.arc_max_deg == pytest.approx(120, abs=2)

    def area_mm2(across: float) -> float:
        """Of a pool between two circles about the lumen's centre, its back rounded as the spec's lens is."""
        full = np.cos(np.pi / 2 * across)
        half = np.radians(120 * (0.5 + 0.5 * full)) / 2
        turn = np.linspace(-1, 1, 4001)
        front = 1.5 + 0.08 * (1 + across**2)
        back = front + 0.6 * (0.3 + 0.7 * full) * np.sqrt(1 - turn**4)
        return float(np.mean(0.5 * (back**2 - front**2)) * 2 * half)

    volume = 4.0 * np.mean([area_mm2(across) for across in np.linspace(-1, 1, 401)])
    assert plaque.volume_mm3 == pytest.approx(volume, rel=0.005)


def test_where_the_catheter_lies_and_how_the_picture_turns_change_no_truth() -> None:
    vessel = replace(STRAIGHT, plaques=(PLAQUE,))
    moved = replace(vessel, offset_share=0.9, turn_deg_per_mm=7.0, wander_deg=50.0)
    assert moved.spec(20).lumen_offset_mm != vessel.spec(20).lumen_offset_mm
    assert moved.spec(20).lipid_pools[0].centre_deg != vessel.spec(20).lipid_pools[0].centre_deg
    assert moved.truth().lipid_volume_mm3 == pytest.approx(vessel.truth().lipid_volume_mm3, rel=5e-3)


@pytest.mark.parametrize(("seed", "frame_count"), [(1, 90), (5, 130)])
def test_a_perfect_network_measures_the_truth_along_the_vessel(seed: int, frame_count: int) -> None:
    """Length within one frame, volume within 2 %, the smallest lumen within 1 %; the heart stands still."""
    vessel = random_pullback(seed, frame_count, heart_mm=0.0)
    true, found = vessel.truth(), measure_pullback(perfect(vessel), vessel.frame_spacing_mm).whole
    assert found.minimum_lumen_area_mm2 == pytest.approx(true.minimum_lumen_area_mm2, rel=0.01)
    assert found.minimum_lumen_area_position_mm == pytest.approx(
        true.minimum_lumen_area_position_mm, abs=vessel.frame_spacing_mm
    )
    assert found.lipid_volume_mm3 == pytest.approx(true.lipid_volume_mm3, rel=0.02)
    plaques = sorted(found.plaques, key=lambda plaque: plaque.first_frame)
    for plaque, truth in zip(plaques, true.plaques, strict=True):
        assert plaque.lipid_length_mm == pytest.approx(truth.length_mm, abs=1.01 * vessel.frame_spacing_mm)
        assert plaque.lipid_volume_mm3 == pytest.approx(truth.volume_mm3, rel=0.02)
        assert plaque.lipid_arc_max_deg == pytest.approx(truth.arc_max_deg, abs=3)
        assert plaque.fibrous_cap_thickness_min_um == pytest.approx(truth.cap_min_um, abs=4)


def test_what_the_heart_moves_is_measured_as_frames_show_it_and_off_by_no_more_than_it_moves() -> None:
    vessel = replace(STRAIGHT, plaques=(PLAQUE,), heart_mm=0.5, heart_frames=30.0)
    (true,) = vessel.truth().plaques
    assert true.first_frame is not None
    assert true.last_frame is not None
    (found,) = measure_pullback(perfect(vessel), vessel.frame_spacing_mm).whole.plaques
    assert (found.first_frame, found.last_frame) == (true.first_frame, true.last_frame)
    assert found.lipid_length_mm != pytest.approx(true.length_mm, abs=0.2)
    assert abs((found.lipid_length_mm or 0) - true.length_mm) <= 2 * 0.5 + 0.2


def test_the_same_seed_gives_the_same_frames_and_frames_can_be_drawn_from_the_middle() -> None:
    vessel = random_pullback(2, 20)
    pullback = vessel.pullback()
    assert (pullback.frame_count, pullback.frame_spacing_mm) == (20, 0.2)
    (seventh,) = pullback.frames(6, 7)
    np.testing.assert_array_equal(seventh, render(random_pullback(2, 20).spec(7)).frame)
    assert not np.array_equal(seventh, next(iter(pullback.frames(7, 8))))


def test_the_command_writes_pullbacks_frame_by_frame_with_their_truth(tmp_path: Path) -> None:
    assert main(["phantom", "--out", str(tmp_path), "--count", "2", "--seed", "4", "--pullback", "3"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pullback_0001", "pullback_0002"]
    folder = tmp_path / "pullback_0002"
    truth = json.loads((folder / "truth.json").read_text())
    assert (truth["frame_count"], truth["frame_spacing_mm"], truth["seed"]) == (3, 0.2, 5)
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    assert [row["image_file_name"] for row in rows] == [f"images/frame_000{n}.png" for n in (1, 2, 3)]
    assert {row["study"] for row in rows} == {"pullback_0002"}
    frame = np.asarray(Image.open(folder / "images" / "frame_0002.png"))
    np.testing.assert_array_equal(frame, render(random_pullback(5, 3).spec(2)).frame)


def test_a_pool_is_where_its_plaque_is() -> None:
    assert PLAQUE.pool(2.99) is None
    assert PLAQUE.pool(7.01) is None
    middle = PLAQUE.pool(5.0)
    assert isinstance(middle, LipidPool)
    assert (middle.arc_deg, middle.thickness_um, middle.cap_min_um) == (120, 600, 80)
