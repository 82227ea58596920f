"""Lipid judged to one depth: found and true alike, the unlimited beside it, outlines and pieces counted."""

from dataclasses import replace

import numpy as np
import pytest

from octseg.cards.score_tables import frame_table, lipid_table, summary_table
from octseg.measurement import FrameMeasures, measure
from octseg.pullback import PixelScale
from octseg.result import FrameResult, ModelIdentity
from train.dataset import Case
from train.judging.lipid_score import judged_planes, roughness
from train.judging.scores import SetScore

SPACING_MM = 0.02
ROW, COL = np.mgrid[-150:151, -150:151]
RADIUS = np.hypot(ROW, COL)
FRAME = np.zeros((301, 301, 3), np.uint8)
LUMEN = RADIUS <= 50  # of 1 mm
RIGHT = (np.abs(ROW) < 0.5 * COL) & ~LUMEN  # a wedge
NOTHING = np.zeros_like(LUMEN)


def to(depth_mm: float) -> np.ndarray:
    """The wedge, drawn to a depth behind the lumen."""
    return RIGHT & (depth_mm / SPACING_MM >= RADIUS - 50)


def result(lipid: np.ndarray, *, spacing_mm: float | None = SPACING_MM, withdrawn: str | None = None) -> FrameResult:
    masks = {"lumen": NOTHING if withdrawn else LUMEN, "lipid_core": NOTHING if withdrawn else lipid}
    return FrameResult(
        name="frame",
        file="frame.png",
        frame=FRAME,
        masks=masks,
        probabilities={name: mask.astype(np.float32) for name, mask in masks.items()},
        measures=FrameMeasures(),
        scale=PixelScale(pixel_spacing_mm=spacing_mm, source=None if spacing_mm is None else "user"),
        device="cpu",
        backend="torch",
        model=ModelIdentity(name="by hand", source="folder", sha256=""),
        withdrawn=withdrawn,
    )


def case(lipid: np.ndarray, name: str = "frame", **planes: np.ndarray) -> Case:
    return Case(name, "001", FRAME, {"lumen": LUMEN, "lipid_core": lipid, **planes}, SPACING_MM)


def summed(*frames: tuple[FrameResult, Case]) -> dict:
    scores = SetScore()
    for found, true in frames:
        scores.add(found, true)
    return scores.summary()


def test_lipid_drawn_to_the_rim_and_to_the_depth_are_the_same_lipid() -> None:
    told = summed((result(to(1.2)), case(to(2.0))))
    assert told["dice_pooled"]["lipid_core"] > 0.99  # pixels at the border of the cut
    assert told["lipid_area_error_percent_pooled"] == pytest.approx(0, abs=2)
    assert told["lipid_unlimited"]["dice_pooled"] < 0.8
    assert told["lipid_unlimited"]["area_error_percent_pooled"] < -40
    assert told["lipid_unlimited"]["arc_dice_pooled"] == told["lipid_arc_dice_pooled"] == 1.0


def test_each_side_is_cut_behind_its_own_lumen_and_behind_the_others_where_it_has_none() -> None:
    wide = RADIUS <= 80
    found, true = judged_planes(
        result(RIGHT), Case("frame", "001", FRAME, {"lumen": wide, "lipid_core": RIGHT & ~wide})
    )
    assert RADIUS[found["lipid_core"]].max() == pytest.approx(50 + 60, abs=1)
    assert RADIUS[true["lipid_core"]].max() == pytest.approx(80 + 60, abs=1)
    _, true = judged_planes(result(RIGHT), Case("frame", "001", FRAME, {"lipid_core": RIGHT}))
    assert RADIUS[true["lipid_core"]].max() == pytest.approx(50 + 60, abs=1)


def test_a_lumen_that_is_empty_is_none() -> None:
    nothing = np.zeros_like(RIGHT)
    _, true = judged_planes(result(RIGHT), Case("frame", "001", FRAME, {"lumen": nothing, "lipid_core": RIGHT}))
    assert RADIUS[true["lipid_core"]].max() == pytest.approx(50 + 60, abs=1)


def test_a_frame_without_a_scale_is_cut_at_the_same_share_of_its_side() -> None:
    found, _ = judged_planes(result(RIGHT, spacing_mm=None), case(RIGHT))
    assert RADIUS[found["lipid_core"]].max() == pytest.approx(50 + 1.2 / 7.0 * 301, abs=1)


def test_probability_beyond_the_depth_counts_for_nothing_in_the_reliability() -> None:
    scores = SetScore()
    scores.add(result(to(1.0)), case(to(2.0)))
    seen = scores.reliability["lipid_core"].counts.sum()
    assert seen == pytest.approx(np.pi * (50 + 60) ** 2, rel=0.01)
    assert scores.reliability["lumen"].counts.sum() == LUMEN.size


def test_areas_are_counted_as_right_within_a_third_and_within_15_percent() -> None:
    true = to(1.0)
    half = to(1.0) & (ROW > 0)
    nearly = to(1.0) & (ROW > -COL * 0.25)  # about three quarters
    told = summed((result(true), case(true)), (result(nearly), case(true)), (result(half), case(true)))
    visible = told["lipid_visible"]
    assert (visible["n_with_lipid"], visible["area_within_a_third"], visible["area_within_15_percent"]) == (3, 2, 1)
    assert told["frames"][0]["lipid_area_mm2"]["true"] == pytest.approx(true.sum() * SPACING_MM**2)


def test_found_lipid_far_behind_the_true_lumen_is_told_as_a_share_of_all_that_was_found() -> None:
    deep = RIGHT & (RADIUS > 50 + 1.5 / SPACING_MM) & (RADIUS < 50 + 1.9 / SPACING_MM)
    visible = summed((result(to(0.5) | deep), case(to(0.5))))["lipid_visible"]
    assert visible["found_beyond"]["1.3 mm"] == pytest.approx(deep.sum() / (deep | to(0.5)).sum(), abs=1e-4)
    assert visible["found_beyond"]["2 mm"] == 0.0


def test_pieces_and_lipid_invented_where_there_is_none_are_counted() -> None:
    two = to(1.0) & (np.abs(ROW) > 5)
    told = summed((result(two), case(to(1.0))), (result(to(0.5)), case(NOTHING)), (result(NOTHING), case(NOTHING)))
    visible = told["lipid_visible"]
    assert visible["pieces_mean"] == {"found": 1.5, "true": 1.0}
    assert visible["pieces_greatest"] == {"found": 2.0, "true": 1.0}
    assert (visible["found_without_lipid"], visible["n_without_lipid"]) == (1, 2)
    assert visible["share_found_without_lipid"] == 0.5


def test_the_arc_as_results_have_it_stands_beside_that_of_the_rays() -> None:
    """Lipid of 0.06 mm along a ray is met by it, and is too thin to be measured; a withdrawn frame has no measure."""
    measured = replace(result(to(1.0)), measures=measure({"lumen": LUMEN, "lipid_core": to(1.0)}, SPACING_MM))
    true_deg = measured.measures.lipid_arc_deg
    thin = (result(to(1.0), withdrawn="Too dark."), case(to(1.0), "dark"))
    told = summed((measured, case(to(1.0), "same")), (measured, case(to(0.06), "thin")), thin)
    same, thinner, dark = (frame["lipid_arc_measured_deg"] for frame in told["frames"])
    assert same == {"found": true_deg, "true": true_deg}
    assert thinner == {"found": true_deg, "true": 0.0}
    assert told["frames"][1]["lipid_arc_deg"]["true"] == pytest.approx(true_deg, abs=3)
    assert dark is None
    assert told["lipid_arc_measured_deg"]["bland_altman"]["n"] == 2
    assert told["lipid_arc_measured_deg"]["bland_altman"]["bias"] == pytest.approx(true_deg / 2)
    assert told["lipid_arc_deg"]["bland_altman"]["n"] == 3


def test_a_withdrawn_frame_is_named_and_counts_as_one_in_which_nothing_was_found() -> None:
    told = summed((result(to(1.0)), case(to(1.0))), (result(to(1.0), withdrawn="Too dark."), case(to(1.0), "dark")))
    assert told["withdrawn"] == ["dark"]
    assert told["frames"][1]["withdrawn"] == "Too dark."
    assert told["lipid_detection"]["false_negative"] == 1
    assert told["dice_pooled"]["lumen"] == pytest.approx(2 / 3, abs=1e-3)


def test_a_smooth_outline_has_a_roughness_of_1_and_a_wavy_one_that_of_its_waves() -> None:
    """A wave of amplitude a and wave number k makes a line longer by about (a k)^2 / 4."""
    turn = np.arctan2(ROW, COL)
    assert roughness(RADIUS < 100, 10.0) == pytest.approx(1.0, abs=0.01)
    assert roughness(100 + 3 * np.cos(20 * turn) > RADIUS, 10.0) == pytest.approx(1 + (3 * 0.2) ** 2 / 4, abs=0.02)
    assert roughness(NOTHING, 10.0) is None


def test_tables_name_the_depth_and_show_what_is_unlimited_beside_it() -> None:
    sets = {"unseen patients": summed((result(to(1.2)), case(to(2.0)))) | {"private": False}}
    summary, lipid, frames = summary_table(sets), lipid_table(sets), frame_table(sets)
    assert "Dice lipid_core, to 1.2 mm" in summary
    assert "unlimited: Dice lipid" in summary
    assert "| unseen patients | 1 | 1 of 1 | 1 of 1 | 0 of 0 |" in lipid
    assert "| unseen patients | frame | 1.00 |" in frames


def test_figures_taken_before_there_was_a_depth_are_not_said_to_be_to_it() -> None:
    old = {"unseen": {"dice_pooled": {"lipid_core": 0.77}, "n_frames": 4, "studies": []}}
    assert "to 1.2 mm" not in summary_table(old)
