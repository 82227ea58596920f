"""What a view may change and what it may not, and what the losses weigh."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from octseg.measurement.depth import LIPID_DEPTH_MM, behind_lumen_px
from octseg.phantom import make_phantom
from octseg.view.preprocessing import PreprocessingConfig, planes_to_input, to_input, unit_positions, view_frame
from train.dataset import TrainingFrame, load_phantom, phantom_case, training_frame
from train.learning.appearance import clouded, dimmed, lifted, shadowed, tone_curve, with_floor
from train.learning.augment import augmented, with_wedge
from train.learning.batches import draw
from train.learning.losses import segmentation_loss
from train.learning.recipe import PLAIN_FLIPS, Augmentation, Recipe

POLAR = PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8)
CARTESIAN = PreprocessingConfig(domain="cartesian", size=(64, 64))
NOTHING = PLAIN_FLIPS.without("mirror")
SEEDS = range(8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def study_frame(name: str, study: str, has: frozenset[str] = frozenset()) -> TrainingFrame:
    return drawn_frame(np.zeros((9, 9, 4), np.uint8), name=name, study=study, has=has)


def drawn_frame(
    planes: np.ndarray, *, name: str = "x", study: str = "x", has: frozenset[str] = frozenset()
) -> TrainingFrame:
    """A frame as bright as its first plane, its catheter in the middle, 2 mm to the rim."""
    half = len(planes) / 2
    centre, grey = (half - 0.5, half - 0.5), planes[..., 0].copy()
    return TrainingFrame(name, study, grey, planes, centre, half, half / 2, half / 2, has, 0)


def test_an_augmented_frame_and_its_truth_move_together() -> None:
    """A frame that is bright on its lumen alone stays so, whatever the view."""
    phantom = load_phantom(3)
    lumen = phantom.planes[..., 0]
    bright = replace(phantom, grey=lumen)
    # Neither noise nor a lifted black is dark where there is no lumen, and light lost with depth parts a lumen.
    how = Augmentation.every_piece().without(
        "blood_chance", "tone_chance", "floor_chance", "black_chance", "dim_chance"
    )
    for seed in SEEDS:
        for domain in (POLAR, CARTESIAN):
            grey, truth = augmented(bright, domain, rng(seed), how, bright)
            assert grey.shape == (64, 64)
            assert truth.shape == (4, 64, 64)
            seen = grey > 0.5 * grey.max()
            # A drawn shadow may hide up to 40 of 360 degrees; nothing else is allowed to part the two.
            assert (seen & (truth[0] < 0.05)).sum() <= 0.01 * seen.sum()  # a blurred or speckled edge
            assert (seen & (truth[0] > 0.5)).sum() > 0.8 * (truth[0] > 0.95).sum()


def test_polar_views_start_at_every_angle() -> None:
    """A mark in one direction is met in different rows by different views: a frame has no up."""
    planes = np.zeros((101, 101, 4), np.uint8)
    planes[48:53, 60:95] = 255
    frame = drawn_frame(planes)
    rows = [augmented(frame, POLAR, rng(seed), Augmentation())[1][0].sum(axis=1).argmax() for seed in range(20)]
    assert len(set(rows)) > 8
    assert unit_positions(POLAR)[0].shape == (64, 64)


@pytest.mark.parametrize("domain", [POLAR, CARTESIAN], ids=lambda config: config.domain)
def test_a_view_with_all_pieces_off_is_what_the_network_meets_in_use(domain: PreprocessingConfig) -> None:
    """But for the averaging of fine frames: a few levels at edges."""
    case = phantom_case(3)
    view = view_frame(case.frame)
    grey, truth = augmented(training_frame(case, view, list(case.truth)), domain, rng(), NOTHING)
    smooth = [np.float32(each).mean() for each in (grey, to_input(view, domain))]
    assert smooth[0] == pytest.approx(smooth[1], rel=0.02)
    planes = np.stack([mask.astype(np.float32) for mask in case.truth.values()])
    assert np.abs(truth - planes_to_input(planes, view, domain)).mean() < 0.02


def test_a_wedge_of_another_frame_brings_its_truth_along() -> None:
    dark = (np.zeros((64, 64), np.uint8), np.zeros((1, 64, 64), np.float32))
    light = (np.full((64, 64), 200, np.uint8), np.ones((1, 64, 64), np.float32))
    for seed in SEEDS:
        grey, truth = with_wedge(dark, light, POLAR, rng(seed))
        np.testing.assert_array_equal(grey > 0, truth[0] > 0)
        assert 30 / 360 - 0.03 <= truth.mean() <= 180 / 360 + 0.2  # repeated rays count twice
        np.testing.assert_array_equal(grey[:8], grey[48:56])  # the repeated rays agree
        assert (np.ptp(grey, axis=1) == 0).all()  # whole rays


def test_wedges_come_as_often_as_told() -> None:
    dark, light = study_frame("dark", "1"), study_frame("light", "2")
    light.planes[:] = 255
    how = Augmentation(wedge_chance=0.25)
    mixed = [augmented(dark, POLAR, rng(seed), how, light)[1].any() for seed in range(400)]
    assert np.mean(mixed) == pytest.approx(0.25, abs=0.06)


def test_blood_lightens_the_lumen_and_dims_what_lies_behind() -> None:
    phantom = make_phantom(3)
    lumen = phantom.masks["lumen"].astype(np.float32)
    grey = np.full(lumen.shape, 100, np.uint8)
    row, col = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32) - grey.shape[0] / 2
    seen = clouded(grey, lumen, row, col, rng())
    assert (seen[lumen == 1] >= 100).all()
    assert seen[lumen == 1].mean() > 102
    assert (seen[lumen == 0] <= 100).all()
    assert seen[lumen == 0].mean() < 95


def test_a_guide_wire_shadow_darkens_one_sector_beyond_a_depth() -> None:
    row, col = np.mgrid[-50:51, -50:51].astype(np.float32)
    for seed in SEEDS:
        dark = shadowed(np.full((101, 101), 100, np.uint8), row, col, rng(seed)) < 100
        angles = np.unique(np.round(np.degrees(np.arctan2(row, col))[dark & (np.hypot(row, col) > 40)]))
        assert 7 <= len(angles) <= 43
        assert not dark[np.hypot(row, col) < 0.15 * np.hypot(50, 50)].any()


def test_another_grey_map_keeps_black_and_the_order_of_levels() -> None:
    for seed in range(40):
        curve = tone_curve(rng(seed), Augmentation(tone_chance=1.0, range_cut=0.08))
        assert curve[0] == 0
        assert (np.diff(curve[1:]) >= 0).all()
        assert 0 <= curve.min() <= curve.max() <= 1


def test_pieces_that_are_off_leave_the_grey_levels_alone() -> None:
    np.testing.assert_allclose(tone_curve(rng(), PLAIN_FLIPS), np.arange(256) / 255)


def test_light_lost_with_depth_leaves_the_catheter_as_it_is() -> None:
    grey = np.full((1, 4), 100, np.uint8)
    assert dimmed(grey, np.array([[0.2, 0.5, 1.5, 9.0]], np.float32), per_mm=20.0).tolist() == [[100, 100, 80, 0]]


def test_a_noise_floor_hides_what_is_darker_and_nothing_else() -> None:
    grey = np.zeros((64, 64), np.uint8)
    grey[:, :32] = 200
    for seed in SEEDS:
        seen = with_floor(grey, rng(seed))
        assert (seen[:, :32] == 200).all()
        assert 2 < seen[:, 32:].mean() < 20


def test_black_is_lifted_and_white_stays() -> None:
    assert lifted(np.array([[0, 255]], np.uint8), 20.0).tolist() == [[20, 255]]


def test_a_near_view_reaches_as_far_behind_the_lumen_as_told() -> None:
    planes = np.zeros((201, 201, 4), np.uint8)
    row, col = np.mgrid[-100:101, -100:101]
    planes[np.hypot(row, col) <= 50] = 255  # the lumen's radius is half of the way to the rim, 1 mm
    frame = drawn_frame(planes)
    how = replace(NOTHING, near_chance=1.0, near_mm=(0.5, 0.5))
    lumen = augmented(frame, PreprocessingConfig(domain="polar", size=(64, 300)), rng(), how)[1][0]
    assert (lumen > 0.5).sum(axis=1) == pytest.approx(200, abs=3)  # 1 mm of 1.5 mm


def off_centre_frame() -> TrainingFrame:
    """100 px or 2 mm to the rim; a lumen of 40 px whose centre lies 20 px to the right of the catheter."""
    planes = np.zeros((201, 201, 4), np.uint8)
    row, col = np.mgrid[-100:101, -100:101]
    planes[np.hypot(row, col - 20) <= 40] = 255
    return drawn_frame(planes)


def lumen_along(frame: TrainingFrame, how: Augmentation) -> np.ndarray:
    """How many of 300 columns the lumen takes on each ray of a view along it."""
    along = PreprocessingConfig(domain="polar", size=(128, 300), second_look="along_lumen")
    return (augmented(frame, along, rng(), how)[1][0] > 0.5).sum(axis=1)


@pytest.mark.parametrize("offset", [0.0, 0.08])
def test_a_view_along_the_lumen_lays_the_wall_flat_wherever_the_catheter_lies(offset: float) -> None:
    how = replace(NOTHING, near_chance=1.0, near_mm=(0.8, 0.8), before_mm=(0.2, 0.2), offset=offset)
    columns = lumen_along(off_centre_frame(), how)
    assert columns == pytest.approx(np.full(128, 60), abs=4)  # 0.2 mm of 1 mm


def test_the_outline_that_a_view_goes_along_is_off_by_no_more_than_told_on_the_whole() -> None:
    how = replace(NOTHING, near_chance=1.0, near_mm=(0.8, 0.8), before_mm=(0.2, 0.2), lumen_off_mm=0.1)
    off_mm = (lumen_along(off_centre_frame(), how) - 60) / 300
    assert 0.02 < off_mm.std() < 0.11


def test_where_no_lumen_is_drawn_a_near_view_begins_at_the_catheter() -> None:
    frame = replace(off_centre_frame(), lumen_plane=None)
    how = replace(NOTHING, near_chance=1.0, near_mm=(0.5, 0.5))
    polar = PreprocessingConfig(domain="polar", size=(64, 300))
    along = replace(polar, second_look="along_lumen")
    for one, other in zip(augmented(frame, polar, rng(), how), augmented(frame, along, rng(), how), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frame_knows_which_of_its_planes_is_the_lumen() -> None:
    case = phantom_case(3)
    view = view_frame(case.frame)
    assert training_frame(case, view, ["lipid_core", "lumen"]).lumen_plane == 1
    assert training_frame(case, view, ["lipid_core"]).lumen_plane is None
    empty = replace(case, truth={**case.truth, "lumen": np.zeros_like(case.truth["lumen"])})
    assert training_frame(empty, view, ["lumen", "lipid_core"]).lumen_plane is None


def test_pixels_as_wide_as_another_zooms_blur_the_view() -> None:
    planes = np.zeros((201, 201, 4), np.uint8)
    planes[::2, :, 0] = 200
    frame = drawn_frame(planes)  # 20 um to the pixel
    how = replace(NOTHING, coarse_chance=1.0, pixel_um=(80.0, 80.0))
    polar = PreprocessingConfig(domain="polar", size=(64, 100))
    sharp = augmented(frame, polar, rng(), NOTHING)[0][16, 20:80]
    assert np.ptp(sharp) > 150
    coarse = [augmented(frame, polar, rng(seed), how)[0][16, 20:80] for seed in SEEDS]
    assert sum(np.ptp(each) < 30 for each in coarse) >= 2  # averaged; the others keep some of the stripes
    assert all(np.abs(each.astype(int) - sharp).mean() > 20 for each in coarse)


def test_lipid_to_train_on_ends_where_it_ceases_to_count() -> None:
    case = phantom_case(3)
    rim = replace(case, truth={**case.truth, "lipid_core": ~case.truth["lumen"]})
    frame = training_frame(rim, view_frame(case.frame), list(case.truth))
    depth = behind_lumen_px(case.truth["lumen"]) * rim.pixel_spacing_mm
    assert frame.planes.shape[:2] == case.frame.shape[:2]
    np.testing.assert_array_equal(frame.planes[..., 2] > 0, (depth > 0) & (depth <= LIPID_DEPTH_MM))


def test_batches_hold_phantoms_and_lipid_as_the_recipe_says() -> None:
    with_lipid, without = study_frame("lipid", "1", frozenset({"lipid_core"})), study_frame("none", "1")
    recipe = Recipe(stages=(), phantom_share=0.25, lipid_share=0.6)
    real = [with_lipid] + [without] * 9
    drawn = draw(real, [study_frame("phantom", "phantom")], recipe, 4000, rng())
    share = {name: sum(frame.name == name for frame in drawn) / 4000 for name in ("phantom", "lipid")}
    assert share["phantom"] == pytest.approx(0.25, abs=0.03)
    assert share["lipid"] == pytest.approx(0.75 * (0.6 + 0.4 / 10), abs=0.03)  # sought 60 %, met by chance in a tenth


def test_a_long_pullback_does_not_outweigh_a_short_one() -> None:
    real = [study_frame("a", "001")] * 90 + [study_frame("b", "002")] * 10
    even = draw(real, [], Recipe(stages=(), lipid_share=0.0), 2000, rng())
    as_they_come = draw(real, [], Recipe(stages=(), lipid_share=0.0, balance_studies=False), 2000, rng())
    assert sum(frame.study == "002" for frame in even) / 2000 == pytest.approx(0.5, abs=0.05)
    assert sum(frame.study == "002" for frame in as_they_come) / 2000 == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("kind", ["bce_dice", "bce_focal_tversky"])
def test_the_loss_is_least_for_the_truth(kind: str) -> None:
    truth = (torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    right = segmentation_loss((truth * 2 - 1) * 30, truth, kind)
    wrong = segmentation_loss((1 - truth * 2) * 30, truth, kind)
    assert right.item() == pytest.approx(0.0, abs=1e-4)
    assert wrong.item() > 20


def test_cross_entropy_and_dice_add_up_to_what_paper_says() -> None:
    """Probability 0.5 everywhere, half of 200 pixels true: ln 2, and 1 - (2 * 50 + 1) / (100 + 100 + 1)."""
    truth = torch.cat([torch.ones(1, 1, 10, 10), torch.zeros(1, 1, 10, 10)])
    loss = segmentation_loss(torch.zeros_like(truth), truth, "bce_dice")
    assert loss.item() == pytest.approx(np.log(2) + 1 - 101 / 201, abs=1e-5)


def test_focal_tversky_blames_a_miss_more_than_an_invention() -> None:
    truth = torch.zeros(1, 1, 20, 20)
    truth[..., :10, :] = 1
    too_little, too_much = torch.full_like(truth, -20), torch.full_like(truth, -20)
    too_little[..., :5, :] = 20
    too_much[..., :15, :] = 20
    losses = [segmentation_loss(each, truth, "bce_focal_tversky").item() for each in (too_little, too_much)]
    assert losses[0] > losses[1] + 0.1
