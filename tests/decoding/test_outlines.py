"""Outlines that a vessel can have: what is decoded from probability maps whose truth is drawn."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from octseg import decoding
from octseg.boxed import BoxedMap, box_about
from octseg.decoding import Levels, RayGrid, least_that_tells
from octseg.decoding.paths import best_places, best_stretches
from octseg.decoding.rays import N_RAYS, between_rays
from octseg.measurement import measure
from octseg.measurement.frame import measure_seen
from octseg.measurement.records import json_values
from octseg.view.disc import Disc
from octseg.view.preprocessing import FrameView

SIDE, SPACING_MM = 501, 0.01
CENTRE = (250.0, 250.0)
ROW, COL = np.mgrid[:SIDE, :SIDE].astype(np.float32) - 250
RADIUS, ANGLE = np.hypot(ROW, COL), np.degrees(np.arctan2(ROW, COL)) % 360
DISC = Disc(CENTRE, 250.0)
IMAGED = DISC.mask(SIDE, SIDE)
GRID = RayGrid((SIDE, SIDE), CENTRE, 250.0)
HALF = Levels(dict.fromkeys(("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"), 0.5))
LUMEN_PX, FRONT_PX = 90, 105


def probability(mask: np.ndarray, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A map (H, W) that is sure of `mask`, blurred, with blotches of doubt."""
    blotches = np.random.default_rng(seed).standard_normal(mask.shape).astype(np.float32)
    logit = cv2.GaussianBlur(mask.astype(np.float32) * 8 - 4, (0, 0), 2)
    logit += noise * cv2.GaussianBlur(blotches, (0, 0), 4) * 8
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def sector(from_deg: float, to_deg: float) -> np.ndarray:
    return (ANGLE - from_deg) % 360 <= (to_deg - from_deg) % 360


def maps(lipid: np.ndarray | None = None, cap: np.ndarray | None = None, noise: float = 0.0) -> dict[str, np.ndarray]:
    nothing = np.zeros(RADIUS.shape, bool)
    return {
        "lumen": probability(RADIUS < LUMEN_PX, noise, 1),
        "fibrous_cap": probability(nothing if cap is None else cap, noise, 2),
        "lipid_core": probability(nothing if lipid is None else lipid, noise, 3),
        "vasa_vasorum": probability(nothing),
    }


def decode(
    given: list[dict[str, np.ndarray]], levels: Levels, grid: RayGrid, disc: Disc, spacing_mm: float | None
) -> list[dict[str, np.ndarray]]:
    """Maps and planes (H, W) for those in boxes."""
    boxed = [{name: BoxedMap.of(map_) for name, map_ in maps.items()} for maps in given]
    found = decoding.decode(boxed, levels, grid, disc, spacing_mm)
    return [{name: plane.whole() for name, plane in planes.items()} for planes in found]


def outlined(given: dict[str, np.ndarray], spacing_mm: float | None = SPACING_MM) -> dict[str, np.ndarray]:
    [planes] = decode([given], HALF, GRID, DISC, spacing_mm)
    return {name: plane >= 0.5 for name, plane in planes.items()}


def pieces(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask.view(np.uint8))[0] - 1


PLAQUE = sector(300, 60) & (RADIUS > FRONT_PX)
CAP = sector(300, 60) & (RADIUS > LUMEN_PX) & (RADIUS < FRONT_PX)


def test_a_clear_plaque_is_outlined_where_it_is() -> None:
    found = outlined(maps(PLAQUE, CAP))
    true = PLAQUE & (RADIUS < LUMEN_PX + 120) & IMAGED
    overlap = 2 * (found["lipid_core"] & true).sum() / (found["lipid_core"].sum() + true.sum())
    assert overlap > 0.97
    assert found["lumen"].sum() == pytest.approx(np.pi * LUMEN_PX**2, rel=0.01)
    assert found["fibrous_cap"].sum() == pytest.approx(CAP.sum(), rel=0.1)


def test_there_is_no_seam_where_rays_begin() -> None:
    """The plaque lies across 0 degrees, which is three o'clock."""
    found = outlined(maps(PLAQUE, CAP, noise=0.5))
    assert pieces(found["lipid_core"]) == 1
    across = found["lipid_core"][:, 395]  # 145 px to the right of the catheter
    assert across[200:300].all()


def test_nothing_lies_deeper_than_lipid_counts() -> None:
    found = outlined(maps(RADIUS > FRONT_PX))
    depth_mm = (RADIUS[found["lipid_core"]] - LUMEN_PX) * SPACING_MM
    assert depth_mm.max() <= 1.2 + 0.01
    assert depth_mm.max() > 1.15


def test_without_a_scale_the_frame_is_taken_for_seven_mm_wide() -> None:
    found = outlined(maps(RADIUS > FRONT_PX), None)
    assert (RADIUS[found["lipid_core"]] - LUMEN_PX).max() == pytest.approx(SIDE * 1.2 / 7, abs=1.5)


def test_layers_follow_one_another_along_each_ray() -> None:
    found = outlined(maps(PLAQUE, CAP, noise=1.0))
    for deg in range(0, 360, 7):
        radius = np.arange(0, 249)
        at = [np.rint(250 + radius * way(np.radians(deg))).astype(int) for way in (np.sin, np.cos)]
        kinds = [name for name in ("lumen", "fibrous_cap", "lipid_core") if found[name][at[0], at[1]].any()]
        last = -1
        for name in kinds:
            places = np.flatnonzero(found[name][at[0], at[1]])
            assert places[0] > last - 2
            assert (np.diff(places) <= 2).all()
            last = places[-1]
        assert "lumen" in kinds


def test_an_island_that_no_reader_would_draw_is_left_out() -> None:
    island = np.hypot(ROW - 0, COL - 200) < 18  # far behind the lumen
    speck = sector(100, 104) & (RADIUS > 95) & (RADIUS < 140)
    assert not outlined(maps(island | speck))["lipid_core"].any()


def test_a_core_of_which_the_map_is_hardly_sure_counts_only_where_that_is_enough() -> None:
    """A map of 0.73 is one logit above one half."""
    given = {**maps(PLAQUE), "lipid_core": np.where(PLAQUE, np.float32(0.73), np.float32(0.01))}
    for sure, found in ((0.5, True), (1.5, False)):
        [planes] = decode([given], Levels(HALF.thresholds, sure), GRID, DISC, SPACING_MM)
        assert (planes["lipid_core"] >= 0.5).any() == found


def test_a_threshold_of_its_own_moves_an_outline() -> None:
    ramp = np.clip(0.5 + (LUMEN_PX - RADIUS) / 100, 0, 1).astype(np.float32)  # 0.7 at 20 px less
    [planes] = decode([{"lumen": ramp}], Levels({"lumen": 0.7}), GRID, DISC, SPACING_MM)
    assert (planes["lumen"] >= 0.5).sum() == pytest.approx(np.pi * (LUMEN_PX - 20) ** 2, rel=0.02)


def test_lipid_in_the_lumen_is_none() -> None:
    assert not outlined(maps(RADIUS < 60))["lipid_core"].any()


def test_what_goes_on_behind_a_gap_of_shadow_is_one_core_or_two_as_the_map_says() -> None:
    two = PLAQUE & ~sector(340, 20)
    assert pieces(outlined(maps(two))["lipid_core"]) == 2
    hardly = PLAQUE & ~sector(359, 1)
    assert pieces(outlined(maps(hardly))["lipid_core"]) == 1


def test_a_ragged_map_gives_a_smooth_outline() -> None:
    found = outlined(maps(PLAQUE, CAP, noise=1.0))
    for name in ("lumen", "lipid_core"):
        [line] = cv2.findContours(found[name].view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        points = line[:, 0].astype(float)
        smooth = [
            np.array([np.roll(points, k, axis=0) for k in range(-span, span + 1)]).mean(axis=0) for span in (2, 8)
        ]
        length = [np.hypot(*(each - np.roll(each, 1, axis=0)).T).sum() for each in smooth]
        assert length[0] / length[1] < 1.03


def test_a_side_branch_opens_at_once() -> None:
    branch = sector(80, 100) & (RADIUS < 200)
    found = outlined({**maps(), "lumen": probability((RADIUS < LUMEN_PX) | branch)})
    assert found["lumen"][250 + 180, 250]
    assert not found["lumen"][250, 250 + 120]


def test_a_second_lumen_is_none_of_this_one() -> None:
    beside = np.hypot(ROW - 170, COL) < 30
    found = outlined({**maps(), "lumen": probability((RADIUS < LUMEN_PX) | beside)})
    assert pieces(found["lumen"]) == 1
    assert not found["lumen"][250 + 170, 250]


def test_a_model_of_lipid_alone_still_gives_whole_cores() -> None:
    [planes] = decode([{"lipid_core": probability(PLAQUE)}], Levels({"lipid_core": 0.5}), GRID, DISC, SPACING_MM)
    found = planes["lipid_core"] >= 0.5
    assert pieces(found) == 1
    assert found.sum() == pytest.approx((PLAQUE & IMAGED).sum(), rel=0.05)


def test_variants_are_decoded_each_as_if_alone() -> None:
    given = [maps(PLAQUE, CAP), maps(), maps(RADIUS > FRONT_PX)]
    together = decode(given, HALF, GRID, DISC, SPACING_MM)
    for alone, of_all in zip(given, together, strict=True):
        [planes] = decode([alone], HALF, GRID, DISC, SPACING_MM)
        for name, plane in planes.items():
            np.testing.assert_allclose(of_all[name], plane, atol=1e-4)


def brute_force(gain: np.ndarray, step_cost: float, greatest: float) -> tuple[int, ...]:
    """The closed path of greatest gain over (rays, places), by trying all."""
    rays, places = gain.shape
    paths = np.stack(np.meshgrid(*[range(places)] * rays, indexing="ij"), axis=-1).reshape(-1, rays)
    steps = np.minimum(np.abs(paths - np.roll(paths, 1, axis=1)) * step_cost, greatest).sum(axis=1)
    return tuple(paths[(gain[np.arange(rays), paths].sum(axis=1) - steps).argmax()])


@pytest.mark.parametrize("seed", range(12))
def test_the_best_closed_path_is_found(seed: int) -> None:
    gain = np.random.default_rng(seed).normal(0, 1, (6, 5)).astype(np.float32)
    found = best_places(np.tile(gain, (3, 1))[:, None], 0.7, 1.5)[6:12, 0]  # what lies beside it is itself
    assert tuple(found) == brute_force(gain, 0.7, 1.5)


def test_a_path_is_there_where_it_gains_more_than_its_ends_cost() -> None:
    gain = np.full((40, 1, 3), -1.0, np.float32)
    gain[10:20, :, 1] = 1.0  # gains 10
    gain[30:32, :, 1] = 1.0  # gains 2
    places, there = best_stretches(gain, 1.0, 5.0, end_cost=3.0)
    assert np.flatnonzero(there[:, 0]).tolist() == list(range(10, 20))
    assert (places[10:20, 0] == 1).all()


@pytest.mark.parametrize("first", [0, 25, 110, 150, 190])
@pytest.mark.parametrize(("each", "found"), [(0.038, 0), (0.042, 100)])
def test_a_path_that_hardly_pays_is_judged_alike_wherever_it_begins(first: int, each: float, found: int) -> None:
    """100 of 200 rays that gain 3.8 or 4.2 in all, where both ends cost 4."""
    gain = np.full((200, 1, 3), -1.0, np.float32)
    gain[(first + np.arange(100)) % 200, :, 1] = each
    _, there = best_stretches(gain, 1.0, 5.0, end_cost=2.0)
    assert there.sum() == found


@pytest.mark.parametrize("rays", [200, 203])
def test_a_border_is_found_alike_wherever_its_rays_begin(rays: int) -> None:
    """Also where the sectors, which are run at once, are not all of one length."""
    rng = np.random.default_rng(3)
    gain = gaussian_filter(rng.normal(size=(rays, 1, 60)), (4, 0, 4), mode="wrap").astype(np.float32) * 10
    found = best_places(gain, 0.1, 1.5)
    for turned in (1, 37, 150):
        np.testing.assert_array_equal(np.roll(best_places(np.roll(gain, turned, axis=0), 0.1, 1.5), -turned), found)


def test_between_rays_a_border_is_smooth_and_closed() -> None:
    angle = np.arange(N_RAYS) * 2 * np.pi / N_RAYS
    fine = between_rays(100 + 10 * np.cos(3 * angle))
    expected = 100 + 10 * np.cos(3 * np.arange(len(fine)) * 2 * np.pi / len(fine))
    np.testing.assert_allclose(fine, expected, atol=0.01)


def test_what_is_read_along_rays_from_a_part_is_what_is_read_from_its_frame() -> None:
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[93:401, 57:352] = np.random.default_rng(0).random((308, 295))
    part = (slice(77, 417), slice(41, 368))
    np.testing.assert_array_equal(GRID.read(inside[part], (77, 41)), GRID.read(inside))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_what_tells_nothing_may_be_left_out_of_a_map(threshold: float) -> None:
    levels = Levels(dict.fromkeys(HALF.thresholds, threshold))
    given = {name: map_**1.5 for name, map_ in maps(PLAQUE, CAP).items()}
    boxed = {}
    for name, map_ in given.items():
        part = box_about(map_ > least_that_tells(threshold), 16)
        boxed[name] = BoxedMap.nothing(map_.shape) if part is None else BoxedMap(map_[part], part, map_.shape)
    assert boxed["lumen"].values.size < RADIUS.size / 2
    [of_boxes] = decoding.decode([boxed], levels, GRID, DISC, SPACING_MM)
    [of_maps] = decode([given], levels, GRID, DISC, SPACING_MM)
    for name, plane in of_maps.items():
        np.testing.assert_array_equal(of_boxes[name].whole() >= 0.5, plane >= 0.5)


def test_measures_of_planes_in_boxes_are_those_of_the_whole_planes() -> None:
    vessels = {**maps(PLAQUE, CAP), "vasa_vasorum": probability((ROW - 10) ** 2 + (COL - 130) ** 2 < 30)}
    [planes] = decoding.decode([{n: BoxedMap.of(m) for n, m in vessels.items()}], HALF, GRID, DISC, SPACING_MM)
    view = FrameView(np.zeros(IMAGED.shape, np.uint8), None, CENTRE, None)
    how = {"disc": IMAGED, "frame_side_px": SIDE}
    measured = measure_seen(planes, SPACING_MM, view, **how).measures
    whole = {name: plane.whole() for name, plane in planes.items()}
    expected = measure(whole, SPACING_MM, catheter_centre=CENTRE, **how)
    assert expected.lipid_arc_deg == pytest.approx(120, abs=3)
    assert expected.vasa_vasorum_count == 1
    for name, value in json_values(expected).items():
        if isinstance(value, float):
            assert json_values(measured)[name] == pytest.approx(value, rel=1e-6), name
