"""Measures along a vessel, against pullbacks whose answers are worked out on paper."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octseg.errors import MeasurementError
from octseg.measurement import measure_pullback
from octseg.measurement.pullback import FrameAlong
from octseg.measurement.pullback.ends import mean_ends
from octseg.measurement.rays import GUIDE_WIRE, NO_WALL, OUT_OF_DISC
from tests.fakes.along import frame, withdrawn


def pullback(count: int, lipid: dict[int, list[tuple[int, int]]], **how: object) -> list[FrameAlong]:
    """Frames 1 to `count`, lipid by frame number."""
    return [frame(number, lipid.get(number, ()), **how) for number in range(1, count + 1)]  # type: ignore[arg-type]


def test_length_volume_and_index_of_20_frames_of_lipid_0_2_mm_apart() -> None:
    whole = measure_pullback(pullback(60, {n: [(350, 100)] for n in range(11, 31)}, area_mm2=1.5), 0.2).whole
    assert whole.length_mm == pytest.approx(12.0)
    assert whole.lipid_frame_count == 20
    assert whole.lipid_length_mm == pytest.approx(4.0)
    assert whole.lipid_volume_mm3 == pytest.approx(20 * 1.5 * 0.2)
    assert whole.lipid_arc_mean_deg == whole.lipid_arc_max_deg == 100
    assert whole.lipid_index_mm_deg == pytest.approx(400)
    assert whole.lipid_map_percent == pytest.approx(100 * 20 * 100 / (60 * 360))


@pytest.mark.parametrize(("gap", "length_mm", "plaques"), [(5, 3.0, 1), (6, 2.0, 2)])
def test_a_gap_of_1_mm_is_joined_and_one_of_1_2_mm_is_not(gap: int, length_mm: float, plaques: int) -> None:
    lipid = {n: [(0, 60)] for n in [*range(11, 16), *range(16 + gap, 21 + gap)]}
    whole = measure_pullback(pullback(40, lipid), 0.2).whole
    assert whole.lipid_length_mm == pytest.approx(length_mm)
    assert len(whole.plaques) == plaques
    assert sum(plaque.lipid_length_mm or 0 for plaque in whole.plaques) == pytest.approx(length_mm)


def test_the_smallest_lumen_is_held_against_the_largest_within_10_mm() -> None:
    """4 mm2 at 20 mm; 10 mm2 at 11 mm, within reach, and 16 mm2 at 31 mm, beyond it."""
    areas = {101: 4.0, 56: 10.0, 156: 16.0}
    frames = [frame(n, lumen_mm2=areas.get(n, 7.0)) for n in range(1, 201)]
    whole = measure_pullback(frames, 0.2).whole
    assert (whole.minimum_lumen_area_mm2, whole.minimum_lumen_area_frame) == (4.0, 101)
    assert whole.minimum_lumen_area_position_mm == pytest.approx(20.0)
    assert (whole.lumen_area_reference_mm2, whole.lumen_area_reference_frame) == (10.0, 56)
    assert whole.lumen_area_stenosis_percent == pytest.approx(60.0)


def test_a_lumen_that_the_rim_cuts_off_is_neither_the_smallest_nor_a_reference() -> None:
    frames = pullback(60, {})
    frames[9] = frame(10, lumen_mm2=1.0, unjudged={OUT_OF_DISC: [(0, 40)]})
    frames[19] = frame(20, lumen_mm2=30.0, unjudged={OUT_OF_DISC: [(0, 40)]})
    frames[29] = frame(30, lumen_mm2=5.0)
    measured = measure_pullback(frames, 0.2)
    assert measured.whole.minimum_lumen_area_frame == 30
    assert measured.whole.lumen_area_reference_mm2 == 7.0
    assert any("rim in 2 of 60 frames" in each and each.endswith("for in frames 10, 20.") for each in measured.warnings)
    cut = [frame(n, unjudged={OUT_OF_DISC: [(0, 40)]}) for n in range(1, 9)]
    assert any(each.endswith("frames 1, 2, 3, 4, 5, 6 and 2 others.") for each in measure_pullback(cut, 0.2).warnings)


def test_a_smallest_lumen_much_of_which_was_not_seen_gets_a_word() -> None:
    def warnings(hidden: int) -> list[str]:
        frames = [frame(n) for n in range(1, 31)]
        frames[8] = frame(9, lumen_mm2=3.0, unjudged={NO_WALL: [(0, hidden)]})
        return [warning for warning in measure_pullback(frames, 0.2).warnings if "frame 9" in warning]

    assert warnings(36) == []
    (said,) = warnings(120)
    assert "33 % of the directions" in said


@pytest.mark.parametrize(("opening", "told"), [(9, False), (40, True)])
def test_a_reference_at_the_mouth_of_a_branch_gets_a_word(opening: int, told: bool) -> None:
    frames = [frame(n) for n in range(1, 101)]
    frames[49] = frame(50, lumen_mm2=3.0)
    frames[69] = frame(70, lumen_mm2=12.0, unjudged={NO_WALL: [(100, opening)]})
    frames[89] = frame(90, unjudged={NO_WALL: [(0, 60)]})  # an opening that is no reference
    measured = measure_pullback(frames, 0.2)
    assert measured.whole.lumen_area_reference_frame == 70
    said = [warning for warning in measured.warnings if "No wall is seen" in warning]
    assert len(said) == told
    assert all("over 40 degrees in frame 70" in warning for warning in said)


def test_two_cores_that_share_no_ray_are_two_plaques_with_their_own_measures() -> None:
    lipid = {n: [(20, 50)] for n in range(5, 25)} | {
        n: [(200, 120)] for n in range(30, 40)
    }  # 0.5 mm behind the first five
    for n in range(20, 25):
        lipid[n] = [(20, 50), (200, 120)]
    long, short = measure_pullback(pullback(60, lipid, area_mm2=0.5), 0.1).whole.plaques
    assert (long.first_frame, long.last_frame, long.lipid_arc_max_deg) == (5, 24, 50)
    assert long.lipid_volume_mm3 == pytest.approx(20 * 0.5 * 0.1)
    assert (short.first_frame, short.last_frame) == (20, 39)
    assert short.lipid_length_mm == pytest.approx(2.0)
    assert short.lipid_volume_mm3 == pytest.approx(15 * 0.5 * 0.1)


def test_a_plaque_turns_with_the_catheter_and_stays_one() -> None:
    lipid = {n: [(8 * n % 360, 60)] for n in range(1, 91)}
    (plaque,) = measure_pullback(pullback(90, lipid), 0.1).whole.plaques
    assert plaque.frame_count == 90


def test_cores_on_both_sides_of_the_guide_wires_shadow_are_one_plaque() -> None:
    both = [(40, 30), (90, 30)]
    shadow = {GUIDE_WIRE: [(70, 20)]}
    assert len(measure_pullback([frame(n, both, unjudged=shadow) for n in range(1, 9)], 0.2).whole.plaques) == 1
    assert len(measure_pullback([frame(n, both) for n in range(1, 9)], 0.2).whole.plaques) == 2


def test_the_thinnest_cap_lasts_three_frames_and_100_um_of_arc() -> None:
    """40 um in one frame alone, 60 um in three: the median over three frames with 120 beside 40 is not 40."""
    caps = {10: 40.0, 20: 60.0, 21: 60.0, 22: 60.0}
    frames = [frame(n, [(0, 100)], cap_um=caps.get(n, 120.0)) for n in range(1, 31)]
    whole = measure_pullback(frames, None).whole
    assert whole.fibrous_cap_thickness_min_um == pytest.approx(60)
    assert whole.fibrous_cap_thickness_min_frame in (20, 21, 22)
    assert whole.fibrous_cap_thickness_frame_min_um == 40


def test_a_thin_spot_narrower_than_100_um_of_arc_does_not_decide() -> None:
    """At 1.5 mm a ray is 26 um of arc: a spot of one ray is a spike, one of nine rays is wide enough."""

    def thinned(number: int, rays: int) -> FrameAlong:
        whole = frame(number, [(0, 100)], cap_um=120.0)
        assert whole.rays is not None
        cap = whole.rays.cap_um.copy()
        cap[50 : 50 + rays] = 50.0
        return replace(whole, rays=replace(whole.rays, cap_um=cap))

    for rays, thinnest in ((1, 120), (9, 50)):
        whole = measure_pullback([thinned(n, rays) for n in range(1, 4)], 0.1).whole
        assert whole.fibrous_cap_thickness_min_um == pytest.approx(thinnest)


def test_a_cap_in_the_guide_wires_shadow_is_not_seen() -> None:
    frames = [frame(n, [(0, 100)], cap_um=50.0, unjudged={GUIDE_WIRE: [(0, 100)]}) for n in range(1, 9)]
    whole = measure_pullback(frames, 0.2).whole
    assert whole.fibrous_cap_thickness_min_um is None
    assert whole.lipid_map_percent == 0
    assert whole.unjudged.guide_wire_percent == pytest.approx(100 * 100 / 360)


@pytest.mark.parametrize(("in_a_row", "runs"), [(2, 0), (3, 1), (7, 1)])
def test_a_tcfa_candidate_meets_the_criteria_three_frames_in_a_row(in_a_row: int, runs: int) -> None:
    thin = range(10, 10 + in_a_row)
    frames = [frame(n, [(0, 110)], cap_um=50.0 if n in thin else 120.0) for n in range(1, 31)]
    whole = measure_pullback(frames, 0.2).whole
    assert whole.tcfa_candidates is not None
    assert len(whole.tcfa_candidates) == runs
    for run in whole.tcfa_candidates:
        assert (run.first_frame, run.frame_count, run.fibrous_cap_thickness_min_um) == (10, in_a_row, 50.0)
        assert run.length_mm == pytest.approx(0.2 * in_a_row)


def test_criteria_met_in_turn_by_two_plaques_make_no_candidate() -> None:
    def cores(n: int) -> list[tuple[int, int]]:
        return [(0, 100)] if n % 2 else [(180, 100)]

    frames = [frame(n, cores(n), cap_um=50.0) for n in range(1, 9)]
    assert measure_pullback(frames, None).whole.tcfa_candidates == ()


@pytest.mark.parametrize(
    ("extent", "caps", "count"),
    [
        (100, (None,) * 9, None),  # wide enough, and no cap is known
        (100, (None, None, 120.0, *(None,) * 6), 0),
        (80, (None,) * 9, 0),  # too narrow, whatever the caps are
        (100, (None, None, 50.0, 50.0, 50.0, *(None,) * 4), 1),
    ],
)
def test_candidates_are_none_where_no_frames_criteria_can_be_judged(
    extent: int, caps: tuple[float | None, ...], count: int | None
) -> None:
    frames = [frame(n, [(0, extent)], cap_um=cap) for n, cap in enumerate(caps, 1)]
    whole = measure_pullback(frames, 0.2).whole
    assert (whole.tcfa_candidates if count is None else len(whole.tcfa_candidates or ())) == count
    assert [plaque.tcfa_candidates for plaque in whole.plaques] == [whole.tcfa_candidates]


def test_without_lipid_there_is_no_candidate_and_without_frames_nothing_is_known() -> None:
    assert measure_pullback(pullback(9, {}), 0.2).whole.tcfa_candidates == ()
    assert measure_pullback([withdrawn(1)], 0.2).whole.tcfa_candidates is None


def test_clima_counts_only_where_all_three_criteria_are_known() -> None:
    frames = [frame(n, [(0, 200)], cap_um=None, lumen_mm2=3.0) for n in range(1, 41)]
    (plaque,) = measure_pullback(frames, 0.2).whole.plaques
    assert plaque.clima is not None
    assert (plaque.clima.cap_under_75_um, plaque.clima.met_count) == (None, None)


def test_clima_is_judged_of_one_plaque_by_three_of_its_four_criteria() -> None:
    frames = [frame(n, [(0, 200)] if n < 20 else [], cap_um=70.0, lumen_mm2=3.0) for n in range(1, 41)]
    (plaque,) = measure_pullback(frames, 0.2).whole.plaques
    assert plaque.clima is not None
    assert (plaque.clima.lumen_under_3_5_mm2, plaque.clima.cap_under_75_um, plaque.clima.arc_over_180_deg) == (
        True,
    ) * 3
    assert plaque.clima.met_count == 3
    assert plaque.clima.lumen_margin_mm2 == pytest.approx(-0.5)
    far = [frame(n, [(0, 200)] if n < 20 else [], lumen_mm2=3.0 if n > 30 else 7.0) for n in range(1, 41)]
    (plaque,) = measure_pullback(far, 0.2).whole.plaques
    assert plaque.clima is not None
    assert plaque.clima.lumen_under_3_5_mm2 is False


def test_the_worst_4_mm_of_the_map() -> None:
    """Half the circle over 3 of 4 mm, a quarter over the last: 1000 x (3 / 4 / 2 + 1 / 4 / 4)."""
    lipid = {n: [(0, 180)] for n in range(21, 36)} | {n: [(0, 90)] for n in range(36, 61)}
    whole = measure_pullback(pullback(100, lipid), 0.2).whole
    assert whole.lipid_map_index_4mm == pytest.approx(1000 * (0.375 + 0.0625))
    assert (whole.lipid_map_index_4mm_first_frame, whole.lipid_map_index_4mm_last_frame) == (21, 40)
    short = measure_pullback(pullback(19, {n: [(0, 90)] for n in range(1, 20)}), 0.2).whole
    assert short.lipid_map_index_4mm is None


@pytest.mark.parametrize(("spacing_mm", "frames_of_4_mm"), [(0.3, 14), (0.2, 20), (0.125, 32), (0.1, 40)])
def test_the_worst_4_mm_are_the_fewest_frames_that_reach_4_mm(spacing_mm: float, frames_of_4_mm: int) -> None:
    lipid = {n: [(0, 90)] for n in range(1, 101)}
    just, short = (
        measure_pullback(pullback(count, lipid), spacing_mm).whole for count in (frames_of_4_mm, frames_of_4_mm - 1)
    )
    assert (just.lipid_map_index_4mm_first_frame, just.lipid_map_index_4mm_last_frame) == (1, frames_of_4_mm)
    assert short.lipid_map_index_4mm is None


def test_rays_that_cannot_be_judged_are_no_part_of_the_map() -> None:
    frames = [frame(n, [(0, 90)], unjudged={NO_WALL: [(180, 180)]}) for n in range(1, 31)]
    whole = measure_pullback(frames, 0.2).whole
    assert whole.lipid_map_percent == pytest.approx(50)
    assert whole.lipid_map_index_4mm == pytest.approx(500)
    assert whole.lipid_map_index_4mm_unjudged_percent == pytest.approx(50)


def test_withdrawn_and_missing_frames_are_told_and_count_in_no_measure() -> None:
    frames = [withdrawn(n) if n % 10 == 0 else frame(n, [(0, 90)]) for n in range(1, 41) if n != 15]
    measured = measure_pullback(frames, 0.2)
    assert measured.whole.frame_count == 40
    assert measured.whole.withdrawn_frame_count == 5
    assert measured.whole.unjudged.withdrawn_percent == pytest.approx(12.5)
    assert measured.whole.lipid_length_mm == pytest.approx(39 * 0.2)  # the last frame is withdrawn
    assert measured.whole.lipid_volume_mm3 == pytest.approx(35 * 0.2)
    assert any("5 of 40 frames" in warning for warning in measured.warnings)


def test_a_chosen_range_is_measured_by_itself_and_its_reference_may_lie_beyond_it() -> None:
    frames = [frame(n, [(0, 60)], lumen_mm2=12.0 if n < 30 else 6.0) for n in range(1, 61)]
    chosen = measure_pullback(frames, 0.2, frames=(41, 50)).chosen
    assert chosen is not None
    assert (chosen.first_frame, chosen.last_frame, chosen.lipid_length_mm) == (41, 50, pytest.approx(2.0))
    assert (chosen.minimum_lumen_area_mm2, chosen.lumen_area_reference_mm2) == (6.0, 12.0)
    assert chosen.minimum_lumen_area_position_mm == pytest.approx(40 * 0.2)
    with pytest.raises(MeasurementError, match="no frames 70 to 80"):
        measure_pullback(frames, 0.2, frames=(70, 80))


def test_warnings_of_a_range_are_those_of_its_own_numbers() -> None:
    """The whole has its smallest lumen 0.8 mm from its end and a withdrawn frame, the range neither."""
    areas = {5: 3.0, 50: 4.0}
    frames = [frame(n, lumen_mm2=areas.get(n, 7.0)) for n in range(1, 101) if n != 90]
    measured = measure_pullback([*frames, withdrawn(90)], 0.2, frames=(30, 60))
    assert measured.chosen is not None
    assert measured.chosen.minimum_lumen_area_frame == 50
    assert measured.chosen.warnings == ()
    assert [warning[:24] for warning in measured.warnings] == ["Nothing is said of 1 of ", "Only 0.8 mm are shown to"]
    near = measure_pullback([*frames, withdrawn(90)], 0.2, frames=(70, 95)).chosen
    assert near is not None
    assert [warning[:29] for warning in near.warnings] == ["Nothing is said of 1 of 26 fr"]


def test_where_nothing_is_said_of_any_frame_there_are_no_others_to_speak_of() -> None:
    measured = measure_pullback([withdrawn(1), withdrawn(2), frame(3)], 0.2, frames=(1, 2))
    assert measured.chosen is not None
    assert measured.chosen.warnings == ("Nothing is said of 2 of 2 frames: there is nothing to measure.",)
    assert "the volume is that of the others" in measured.warnings[0]


def test_a_range_tells_what_its_own_frames_lack() -> None:
    """Its smallest lumen is half unseen, that of the whole is not; one of its 4 frames is cut off, one has no cap."""
    frames = [frame(n, lumen_mm2=3.0 if n == 50 else 7.0) for n in range(1, 101)]
    frames[29] = frame(30, lumen_mm2=5.0, unjudged={NO_WALL: [(0, 180)]})
    frames[30] = frame(31, unjudged={OUT_OF_DISC: [(0, 9)]})
    frames[31] = frame(32, [(0, 90)], cap_absent=True)
    chosen = measure_pullback(frames, 0.2, frames=(30, 33)).chosen
    assert chosen is not None
    assert [warning.partition(":")[0] for warning in chosen.warnings] == [
        "The lumen reaches the disc's rim in 1 of 4 frames, so no smallest lumen is looked for in frame 31.",
        "Of the smallest lumen, in frame 30, 50 % of the directions could not be judged",
        "Lipid reaches the lumen in 1 of 4 frames",
    ]


@pytest.mark.parametrize(("smallest", "said"), [(1, "first"), (30, "last")])
def test_a_smallest_lumen_at_an_end_of_the_pullback_is_said_to_be_there(smallest: int, said: str) -> None:
    measured = measure_pullback([frame(n, lumen_mm2=3.0 if n == smallest else 7.0) for n in range(1, 31)], 0.2)
    assert measured.warnings == (
        f"The smallest lumen is that of the {said} frame, with nothing shown beyond it, so its reference may lie "
        "beyond the pullback and the stenosis be larger.",
    )


def test_positions_count_from_frame_1_also_where_only_a_part_was_segmented() -> None:
    frames = [frame(n, lumen_mm2=5.0 if n == 120 else 7.0) for n in range(101, 141)]
    measured = measure_pullback(frames, 0.2)
    assert measured.whole.minimum_lumen_area_position_mm == pytest.approx(119 * 0.2)
    assert any("Only 3.8 mm are shown" in warning for warning in measured.warnings)


def test_without_frame_spacing_there_are_extremes_and_no_lengths() -> None:
    measured = measure_pullback(pullback(30, {n: [(0, 60)] for n in range(5, 20)}), None)
    whole = measured.whole
    assert whole.lipid_arc_max_deg == 60
    assert whole.minimum_lumen_area_mm2 == 7.0
    assert (whole.lipid_length_mm, whole.lipid_volume_mm3, whole.length_mm, whole.lipid_map_index_4mm) == (None,) * 4
    assert any("not known" in warning for warning in measured.warnings)


def test_without_scale_there_are_pixels_and_degrees_only() -> None:
    bare = {"pixel_spacing_mm": None, "lumen_area_mm2": None, "lipid_area_mm2": None}
    whole = measure_pullback([frame(n, [(0, 60)], cap_um=None, **bare) for n in range(1, 31)], 0.2).whole
    assert whole.minimum_lumen_area_px == 70000
    assert (whole.minimum_lumen_area_mm2, whole.lumen_area_stenosis_percent, whole.lipid_volume_mm3) == (None,) * 3
    assert whole.lipid_length_mm == pytest.approx(6.0)


def test_frames_some_of_which_have_no_scale_give_no_volume() -> None:
    frames = pullback(20, {n: [(0, 60)] for n in range(1, 21)})
    frames[7] = replace(frames[7], pixel_spacing_mm=None, lumen_area_mm2=None, lipid_area_mm2=None)
    measured = measure_pullback(frames, 0.2)
    assert measured.whole.lipid_volume_mm3 is None
    assert measured.whole.minimum_lumen_area_mm2 is None
    assert any("1 of 20 frames have no scale" in warning for warning in measured.warnings)


def test_an_interval_takes_all_frames_at_one_end() -> None:
    def told(n: int) -> FrameAlong:
        ends = {"lumen_area_mm2": (6.0, 9.0), "lipid_core_area_mm2": (0.5, 2.0), "lipid_arc_deg": (80.0, 130.0)}
        return frame(n, [(0, 100)], intervals={**ends, "fibrous_cap_thickness_min_um": (90.0, 150.0)})

    whole = measure_pullback([told(n) for n in range(1, 31)], 0.2).whole
    ends = whole.intervals_95
    assert ends is not None
    assert ends["lipid_volume_mm3"] == pytest.approx((0.5 * 6, 2.0 * 6))
    assert ends["minimum_lumen_area_mm2"] == (6.0, 9.0)
    assert ends["lipid_arc_mean_deg"] == (80.0, 130.0)
    assert ends["fibrous_cap_thickness_min_um"] == pytest.approx((90.0, 150.0))
    assert ends["lipid_map_index_4mm"] == pytest.approx((1000 * 80 / 360, 1000 * 130 / 360), abs=1)
    assert ends["lumen_area_stenosis_percent"] == pytest.approx((0.0, 100 * (9 - 6) / 9))


def test_frames_in_which_nothing_was_found_may_hold_lipid_as_far_as_their_intervals_say() -> None:
    nothing = {"lumen_area_mm2": (6.0, 9.0), "lipid_core_area_mm2": (0.0, 0.4), "lipid_arc_deg": (0.0, 20.0)}
    found = nothing | {"lipid_core_area_mm2": (0.5, 2.0), "lipid_arc_deg": (80.0, 130.0)}
    frames = [frame(n, [(0, 100)] if n <= 10 else [], intervals=found if n <= 10 else nothing) for n in range(1, 31)]
    for stretch in (measure_pullback(frames, 0.2).whole, measure_pullback(frames, 0.2, frames=(1, 30)).chosen):
        assert stretch is not None
        assert stretch.intervals_95 is not None
        assert stretch.intervals_95["lipid_volume_mm3"] == pytest.approx((10 * 0.5 * 0.2, (10 * 2.0 + 20 * 0.4) * 0.2))
        assert stretch.intervals_95["lipid_length_mm"] == pytest.approx((2.0, 6.0))


def test_a_mean_arc_reaches_as_far_as_any_choice_of_frames_with_lipid() -> None:
    """Only the ten may have lipid, at 160 degrees; or all thirty, at 80 and next to nothing."""
    nothing = {"lumen_area_mm2": (6.0, 9.0), "lipid_arc_deg": (0.0, 60.0)}
    found = nothing | {"lipid_arc_deg": (80.0, 160.0)}
    frames = [frame(n, [(0, 120)] if n <= 10 else [], intervals=found if n <= 10 else nothing) for n in range(1, 31)]
    whole = measure_pullback(frames, 0.2).whole
    assert whole.intervals_95 is not None
    assert whole.intervals_95["lipid_arc_mean_deg"] == pytest.approx((80 * 10 / 30, 160))
    assert whole.intervals_95["lipid_index_mm_deg"] == pytest.approx((80 * 2, (160 * 10 + 60 * 20) * 0.2))
    (plaque,) = whole.plaques
    assert plaque.intervals_95 is not None
    assert plaque.intervals_95["lipid_arc_mean_deg"] == pytest.approx((80, 160))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)).map(sorted), min_size=1, max_size=6))
def test_the_ends_of_a_mean_arc_are_those_of_all_choices(ends: list[list[int]]) -> None:
    """Each frame at its low or its high end, next to nothing or nothing; the next to nothing is 1e-9 of a degree."""
    choices = [{float(high), float(low) or 0.0} | ({1e-9} if low == 0 < high else set()) for low, high in ends]
    arcs = [np.array([arc for arc in choice if arc > 0]) for choice in product(*choices)]
    means = [float(each.mean()) if each.size else 0.0 for each in arcs]
    low, high = np.array(ends, float).T
    assert mean_ends(low, high) == pytest.approx((min(means), max(means)), abs=1e-6)


def test_frames_in_gaps_do_not_hold_the_index_down() -> None:
    """Every other frame has 100 degrees, between them there may be 5: without those the mean is 120 over 2.9 mm."""
    nothing = {"lumen_area_mm2": (6.0, 9.0), "lipid_arc_deg": (0.0, 5.0)}
    found = nothing | {"lipid_arc_deg": (80.0, 120.0)}
    frames = [frame(n, [(0, 100)] if n % 2 else [], intervals=found if n % 2 else nothing) for n in range(1, 30)]
    ends = measure_pullback(frames, 0.1).whole.intervals_95
    assert ends is not None
    assert ends["lipid_index_mm_deg"] == pytest.approx((80 * 15 / 29 * 2.9, 120 * 2.9))


def test_one_frame_without_an_interval_leaves_none_of_the_whole() -> None:
    ends = {"lumen_area_mm2": (6.0, 9.0)}
    frames = [frame(n, [(0, 100)], intervals=None if n == 7 else ends) for n in range(1, 31)]
    assert measure_pullback(frames, 0.2).whole.intervals_95 is None


@given(st.integers(0, 359), st.integers(1, 359), st.integers(0, 3), st.integers(1, 9999))
def test_a_frame_is_the_same_after_its_record_was_read(start: int, extent: int, code: int, tenths: int) -> None:
    """But for the wall, of which what lies behind a cap is kept."""
    cap_um = tenths / 10
    told = frame(
        3, [(start, extent)], cap_um=cap_um, unjudged={code: [(10, 30)]}, intervals={"lipid_arc_deg": (1.0, 9.0)}
    )
    again = FrameAlong.from_record(json.loads(json.dumps(told.to_record())))
    assert again.rays is not None
    assert told.rays is not None
    for name in ("lipid", "cap_um", "unjudged"):
        np.testing.assert_array_equal(getattr(again.rays, name), getattr(told.rays, name))
    np.testing.assert_array_equal(again.rays.wall_um, np.where(np.isnan(told.rays.cap_um), np.nan, told.rays.wall_um))
    assert replace(again, rays=None) == replace(told, rays=None) or again.to_record() == told.to_record()


def test_results_of_two_pullbacks_are_refused() -> None:
    with pytest.raises(ValueError, match="two results have one frame number"):
        measure_pullback([frame(1), frame(1)], 0.2)
    with pytest.raises(ValueError, match="no results"):
        measure_pullback([], 0.2)
    with pytest.raises(MeasurementError, match=r"outside 0\.001 to 5 mm"):
        measure_pullback([frame(1)], 20)


def test_a_plaque_has_its_share_of_each_frames_interval() -> None:
    """Two cores of equal area in each frame, which together have 1 to 8 mm2: each has half of that."""
    ends = {"lumen_area_mm2": (6.0, 9.0), "lipid_core_area_mm2": (1.0, 8.0), "lipid_arc_deg": (60.0, 180.0)}
    frames = [frame(n, [(0, 60), (180, 60)], intervals=ends) for n in range(1, 31)]
    for plaque in measure_pullback(frames, 0.2).whole.plaques:
        assert plaque.intervals_95 is not None
        assert plaque.intervals_95["lipid_volume_mm3"] == pytest.approx((0.5 * 6, 4.0 * 6))
        assert plaque.intervals_95["lipid_arc_max_deg"] == pytest.approx((30, 90))
        assert "lipid_length_mm" not in plaque.intervals_95


def test_lipid_outlined_in_a_shadow_is_no_part_of_the_map() -> None:
    frames = [frame(n, [(0, 90)], unjudged={GUIDE_WIRE: [(0, 45)]}) for n in range(1, 31)]
    whole = measure_pullback(frames, 0.2).whole
    assert whole.lipid_map_percent == pytest.approx(100 * 45 / 315)
    assert whole.lipid_map_index_4mm == pytest.approx(1000 * 45 / 315)
    assert whole.lipid_arc_mean_deg == 90
