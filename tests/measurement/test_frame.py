from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from octseg.errors import MeasurementError
from octseg.measurement import FrameMeasures, measure
from octseg.measurement.depth import LIPID_DEPTH_MM, lipid_depth_px, visible_lipid
from tests.benchmarks import report_measures
from tests.fakes import shapes

SIZE = 704
SPACING_MM = 7 / 704
MM = 1 / SPACING_MM  # pixels per mm
CENTRE = (352.3, 350.8)

Maps = dict[str, np.ndarray]


def frame(
    lipid: shapes.Shape | None = None, lumen_mm: float = 1.4, drawn: str = "soft", **others: shapes.Shape
) -> Maps:
    """A round lumen with, by default, lipid core from 30 to 150 degrees, 0.5 mm deep under a cap of 60 um."""
    core = sector(1.46, 1.96, 30, 120) if lipid is None else lipid
    drawings = {"lumen": shapes.disc(SIZE, CENTRE, lumen_mm * MM), "lipid_core": core, **others}
    return {name: getattr(shapes, drawn)(shape) for name, shape in drawings.items()}


def sector(inner_mm: float, outer_mm: float, start_deg: float, extent_deg: float) -> shapes.Shape:
    return shapes.sector(SIZE, CENTRE, inner_mm * MM, outer_mm * MM, start_deg, extent_deg)


def nothing() -> np.ndarray:
    return np.zeros((SIZE, SIZE), np.float32)


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_every_number_of_a_drawn_frame_is_right(drawn: str) -> None:
    cap = sector(1.40, 1.46, 30, 120)
    vessels = shapes.either(*(shapes.disc(SIZE, (250 + 40 * k, 130), 0.1 * MM) for k in range(3)))
    disc = shapes.mask(shapes.disc(SIZE, (351.5, 351.5), 352))
    found = measure(frame(drawn=drawn, fibrous_cap=cap, vasa_vasorum=vessels), SPACING_MM, disc=disc)
    lumen, core = np.pi * 1.4**2, shapes.sector_area(1.46, 1.96, 120)
    assert found.pixel_spacing_mm == SPACING_MM
    assert found.lumen_area_mm2 == pytest.approx(lumen, rel=0.005)
    assert found.lumen_area_px == pytest.approx(lumen * MM**2, rel=0.005)
    for diameter in ("min", "max", "mean", "equivalent"):
        assert getattr(found, f"lumen_diameter_{diameter}_mm") == pytest.approx(2.8, rel=0.005)
    assert found.lumen_eccentricity == pytest.approx(0, abs=0.01)
    assert found.lipid_core_area_mm2 == pytest.approx(core, rel=0.005)
    assert found.lipid_core_areas_mm2 == (found.lipid_core_area_mm2,)
    assert found.lipid_core_percent_of_disc == pytest.approx(100 * core / (np.pi * 3.5**2), rel=0.005)
    assert found.lipid_arc_deg == found.lipid_arc_widest_deg == pytest.approx(120, abs=1)
    assert found.fibrous_cap_area_mm2 == pytest.approx(shapes.sector_area(1.40, 1.46, 120), rel=0.02)
    assert found.fibrous_cap_thickness_mean_um == pytest.approx(60, abs=1.5)
    assert found.fibrous_cap_thickness_radial_mean_um == pytest.approx(60, abs=1.5)
    assert found.fibrous_cap_thickness_min_um == pytest.approx(60, abs=4)
    assert found.fibrous_cap_absent_deg == 0
    assert found.vasa_vasorum_count == 3
    assert found.vasa_vasorum_area_mm2 == pytest.approx(3 * np.pi * 0.1**2, rel=0.03)
    assert found.meets_tcfa_criteria is True
    assert found.tcfa_cap_margin_um == pytest.approx(-5, abs=4)
    assert found.tcfa_arc_margin_deg == pytest.approx(30, abs=1)
    assert found.warnings == ()


@pytest.mark.parametrize(("size", "spacing_mm"), report_measures.DISPLAYS)
@pytest.mark.parametrize("kind", report_measures.KINDS)
def test_random_drawings_are_measured_as_well_as_the_docs_say(size: int, spacing_mm: float, kind: str) -> None:
    errors = report_measures.errors(size, spacing_mm, kind, count=6)
    assert np.abs(errors["lumen_area_mm2"]).max() < 0.5  # percent
    assert np.abs(errors["lipid_core_area_mm2"]).max() < 0.5
    assert np.abs(errors["lipid_arc_deg"]).max() <= 1
    assert np.abs(errors["fibrous_cap_thickness_mean_um"]).mean() < 1.5
    assert np.abs(errors["fibrous_cap_thickness_radial_mean_um"]).mean() < 1.5
    if "soft" in kind:
        assert np.abs(errors["fibrous_cap_thickness_min_um"]).mean() < 1.5


@settings(max_examples=10, deadline=None)
@given(quarter_turns=st.integers(1, 3), drawn=st.sampled_from(["soft", "mask"]))
def test_turning_the_frame_changes_nothing(quarter_turns: int, drawn: str) -> None:
    maps = frame(drawn=drawn)
    still, turned = (
        measure(each, SPACING_MM) for each in (maps, {name: np.rot90(m, quarter_turns) for name, m in maps.items()})
    )
    assert turned.lipid_core_area_px == pytest.approx(still.lipid_core_area_px, rel=1e-6)
    assert turned.lipid_arc_deg == pytest.approx(still.lipid_arc_deg, abs=1)
    assert turned.fibrous_cap_thickness_min_um == pytest.approx(still.fibrous_cap_thickness_min_um, abs=0.2)
    assert turned.lumen_diameter_max_mm == pytest.approx(still.lumen_diameter_max_mm, rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.004, 0.02))
def test_areas_grow_with_the_square_of_the_spacing_and_lengths_with_it(spacing_mm: float) -> None:
    maps = {name: map_[::2, ::2] for name, map_ in frame().items()}
    one, other = measure(maps, 0.01), measure(maps, spacing_mm)
    ratio = spacing_mm / 0.01
    assert other.lipid_core_area_mm2 == pytest.approx(one.lipid_core_area_mm2 * ratio**2)
    assert other.lumen_area_mm2 == pytest.approx(one.lumen_area_mm2 * ratio**2)
    assert other.lumen_diameter_min_mm == pytest.approx(one.lumen_diameter_min_mm * ratio)
    assert other.fibrous_cap_thickness_mean_um == pytest.approx(one.fibrous_cap_thickness_mean_um * ratio, rel=0.02)


def test_without_a_scale_no_field_in_mm_or_um_has_a_value_and_those_in_pixels_and_degrees_have() -> None:
    found = measure(frame())
    lengths = [f.name for f in fields(FrameMeasures) if f.name.endswith(("_mm", "_mm2", "_um"))]
    assert len(lengths) == 17
    assert [name for name in lengths if getattr(found, name) is not None] == []
    assert found.lipid_core_area_px == pytest.approx(shapes.sector_area(1.46, 1.96, 120) * MM**2, rel=0.005)
    assert found.lipid_arc_deg == pytest.approx(120, abs=1)
    assert found.lumen_eccentricity is not None
    assert found.meets_tcfa_criteria is None  # the arc is wide enough, the cap is not known


def test_a_class_that_was_not_looked_for_has_no_number_and_one_not_found_spans_0_degrees() -> None:
    lumen_alone = measure({"lumen": frame()["lumen"]}, SPACING_MM)
    assert lumen_alone.lipid_arc_deg is lumen_alone.lipid_core_areas_px is lumen_alone.meets_tcfa_criteria is None
    assert lumen_alone.vasa_vasorum_count is None
    absent = measure(frame() | {"lipid_core": nothing(), "vasa_vasorum": nothing()}, SPACING_MM)
    assert absent.lipid_core_area_mm2 is absent.lipid_core_area_px is absent.vasa_vasorum_area_px is None
    assert absent.lipid_core_areas_mm2 == absent.lipid_arcs_deg == ()
    assert absent.lipid_arc_deg == absent.lipid_arc_widest_deg == absent.vasa_vasorum_count == 0
    assert absent.fibrous_cap_thickness_min_um is absent.fibrous_cap_absent_deg is None
    assert (absent.meets_tcfa_criteria, absent.tcfa_arc_margin_deg) == (False, -90)
    assert absent.warnings == ()


def test_without_a_lumen_there_is_no_arc_about_it_but_there_is_one_about_the_catheter() -> None:
    maps = frame() | {"lumen": nothing()}
    found = measure(maps, SPACING_MM, catheter_centre=CENTRE)
    assert found.lumen_area_mm2 is found.lipid_arc_deg is found.fibrous_cap_thickness_min_um is None
    assert found.meets_tcfa_criteria is None
    assert found.lipid_arc_catheter_deg == pytest.approx(120, abs=1)
    assert found.lipid_core_area_mm2 == pytest.approx(shapes.sector_area(1.46, 1.96, 120), rel=0.005)
    assert found.warnings[0].startswith("No lumen was found")


def test_a_model_of_lipid_core_alone_gives_its_area_and_says_why_there_is_no_arc() -> None:
    found = measure({"lipid_core": frame()["lipid_core"]}, SPACING_MM)
    assert found.lipid_core_area_mm2 == pytest.approx(shapes.sector_area(1.46, 1.96, 120), rel=0.005)
    assert found.lipid_arc_deg is found.meets_tcfa_criteria is None
    assert found.warnings[0].startswith("The lumen is not among the classes outlined")


def test_the_arc_about_the_catheter_is_that_of_a_wedge_drawn_from_it() -> None:
    catheter = (CENTRE[0] + 0.8 * MM, CENTRE[1])
    ring = shapes.both(-shapes.disc(SIZE, CENTRE, 1.5 * MM), shapes.disc(SIZE, CENTRE, 2.2 * MM))
    wedge = shapes.both(ring, shapes.wedge(SIZE, catheter, 45, 90))  # towards the wall that the catheter lies near
    found = measure(frame(wedge), SPACING_MM, catheter_centre=catheter)
    assert found.lipid_arc_catheter_deg == pytest.approx(90, abs=1)
    assert found.lipid_arc_deg == pytest.approx(56, abs=4)


def test_without_a_catheter_the_middle_of_the_disc_stands_for_it_and_without_a_disc_nothing_does() -> None:
    disc = np.zeros((SIZE, SIZE), bool)
    disc[2:703, 1:701] = True  # its middle is (352, 350.5)
    assert measure(frame(), SPACING_MM, disc=disc).lipid_arc_catheter_deg == pytest.approx(120, abs=1)
    bare = measure(frame(), SPACING_MM)
    assert bare.lipid_arc_catheter_deg is bare.lipid_core_percent_of_disc is None


def test_two_cores_have_an_area_and_an_arc_each() -> None:
    found = measure(frame(shapes.either(sector(1.6, 2.0, 0, 40), sector(1.5, 2.2, 150, 60))), SPACING_MM)
    assert found.lipid_arcs_deg == (pytest.approx(60, abs=1), pytest.approx(40, abs=1))
    assert found.lipid_arc_deg == pytest.approx(100, abs=1.5)
    assert found.lipid_arc_widest_deg == pytest.approx(60, abs=1)
    areas = [shapes.sector_area(1.5, 2.2, 60), shapes.sector_area(1.6, 2.0, 40)]
    assert found.lipid_core_areas_mm2 == pytest.approx(tuple(areas), rel=0.005)
    assert found.lipid_core_area_mm2 == pytest.approx(sum(areas), rel=0.005)
    assert found.fibrous_cap_thickness_radial_min_um == pytest.approx(100, abs=1.5)
    assert found.meets_tcfa_criteria is False  # neither core alone spans over 90 degrees


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_each_core_has_its_own_arc_area_cap_and_margins(drawn: str) -> None:
    """A core of 40 degrees under 40 um, one of 100 under 150 um; a speck between them is neither's."""
    speck = shapes.disc(SIZE, (CENTRE[0], CENTRE[1] - 1.8 * MM), 3)
    found = measure(
        frame(shapes.either(sector(1.44, 2.0, 20, 40), sector(1.55, 2.2, 220, 100), speck), drawn=drawn), SPACING_MM
    )
    assert found.lipid_cores is not None
    wide, narrow = found.lipid_cores
    assert (wide.start_deg, wide.arc_deg) == (pytest.approx(220, abs=1), pytest.approx(100, abs=1))
    assert (narrow.start_deg, narrow.arc_deg) == (pytest.approx(20, abs=1), pytest.approx(40, abs=1))
    assert wide.area_mm2 == pytest.approx(shapes.sector_area(1.55, 2.2, 100), rel=0.005)
    assert narrow.area_mm2 == pytest.approx(shapes.sector_area(1.44, 2.0, 40), rel=0.005)
    assert wide.fibrous_cap_thickness_mean_um == pytest.approx(150, abs=1.5)
    assert narrow.fibrous_cap_thickness_mean_um == pytest.approx(40, abs=1.5)
    assert narrow.tcfa_cap_margin_um == pytest.approx(-25, abs=7)
    assert narrow.tcfa_arc_margin_deg == pytest.approx(-50, abs=1)
    assert (wide.meets_tcfa_criteria, narrow.meets_tcfa_criteria) == (False, False)
    assert found.tcfa_core == 0
    assert (found.tcfa_cap_margin_um, found.tcfa_arc_margin_deg) == (wide.tcfa_cap_margin_um, wide.tcfa_arc_margin_deg)
    assert wide.arc_deg + narrow.arc_deg == found.lipid_arc_deg
    assert wide.area_px + narrow.area_px + np.pi * 9 == pytest.approx(found.lipid_core_area_px, abs=2)


def test_two_pieces_on_the_same_rays_are_one_core() -> None:
    found = measure(frame(shapes.either(sector(1.5, 1.8, 350, 60), sector(2.0, 2.3, 0, 40))), SPACING_MM)
    assert found.lipid_cores is not None
    (core,) = found.lipid_cores
    assert core.arc_deg == pytest.approx(60, abs=1)
    assert core.area_mm2 == pytest.approx(found.lipid_core_area_mm2)
    assert found.lipid_core_areas_mm2 is not None
    assert len(found.lipid_core_areas_mm2) == 2


def test_cores_are_none_where_they_cannot_be_seen_and_empty_where_there_are_none() -> None:
    assert measure(frame() | {"lumen": nothing()}, SPACING_MM).lipid_cores is None
    assert measure({"lumen": frame()["lumen"]}, SPACING_MM).lipid_cores is None
    absent = measure(frame() | {"lipid_core": nothing()}, SPACING_MM)
    assert (absent.lipid_cores, absent.tcfa_core) == ((), None)


def test_lipid_behind_the_guide_wires_shadow_is_bridged_where_the_shadow_is_known() -> None:
    cores = shapes.either(sector(1.5, 2.2, 0, 60), sector(1.5, 2.2, 80, 60))
    shadow = shapes.mask(shapes.both(shapes.wedge(SIZE, CENTRE, 59, 22), -shapes.disc(SIZE, CENTRE, 0.5 * MM)))
    assert measure(frame(cores), SPACING_MM).lipid_arc_deg == pytest.approx(120, abs=1.5)
    bridged = measure(frame(cores), SPACING_MM, guide_wire_shadow=shadow)
    assert bridged.lipid_arcs_deg == (pytest.approx(140, abs=1),)


def test_a_threshold_moves_the_outline_of_its_class_alone() -> None:
    maps = {
        name: shapes.soft(shape, 8)
        for name, shape in {
            "lumen": shapes.disc(SIZE, CENTRE, 100),
            "lipid_core": shapes.disc(SIZE, (352, 500), 40),
        }.items()
    }
    found = measure(maps, thresholds={"lipid_core": 0.25})
    assert found.lipid_core_area_px == pytest.approx(np.pi * 42**2, rel=0.002)  # 0.25 lies 2 px outside of 0.5
    assert found.lumen_area_px == pytest.approx(np.pi * 100**2, rel=0.002)


def test_what_the_images_edge_cuts_is_measured_as_far_as_seen_and_said_so() -> None:
    low = {"lumen": shapes.soft(shapes.disc(SIZE, (560, 351), 80))}
    lipid = shapes.soft(shapes.disc(SIZE, (SIZE - 1, 351), 50))
    found = measure(low | {"lipid_core": lipid}, SPACING_MM)
    assert found.lipid_core_area_px == pytest.approx(np.pi * 50**2 / 2, rel=0.02)
    assert found.warnings == ("The lipid core reaches the edge of the image: its area is that of the visible part.",)
    wide = measure({"lumen": shapes.soft(shapes.disc(SIZE, (30, 351), 200))}, SPACING_MM)
    assert wide.lumen_area_px is not None
    assert wide.warnings[0].startswith("The lumen reaches the edge of the image")


def test_lipid_at_the_rim_of_the_disc_is_cut_too() -> None:
    disc = shapes.mask(shapes.disc(SIZE, (351.5, 351.5), 300))
    assert measure(frame(), SPACING_MM, disc=disc).warnings == ()
    to_the_rim = shapes.both(sector(2.1, 3.2, 0, 50), shapes.disc(SIZE, (351.5, 351.5), 300))
    assert "lipid core reaches the edge" in measure(frame(to_the_rim, 2.0), SPACING_MM, disc=disc).warnings[0]


def test_lipid_drawn_to_a_rim_beyond_the_depth_is_not_cut_by_it() -> None:
    disc = shapes.mask(shapes.disc(SIZE, (351.5, 351.5), 352))
    to_the_rim = shapes.both(sector(1.5, 3.6, 0, 50), shapes.disc(SIZE, (351.5, 351.5), 352))
    found = measure(frame(to_the_rim), SPACING_MM, disc=disc)
    assert found.lipid_core_area_mm2 == pytest.approx(shapes.sector_area(1.5, 2.6, 50), rel=0.003)
    assert found.warnings == ()


@pytest.mark.parametrize("drawn", ["soft", "mask"])
@pytest.mark.parametrize(("size", "spacing_mm"), report_measures.DISPLAYS)
def test_a_ring_to_the_rim_measures_what_lies_within_the_depth(size: int, spacing_mm: float, drawn: str) -> None:
    centre, mm = (size / 2 - 0.2, size / 2 - 1.7), 1 / spacing_mm
    ring = shapes.both(-shapes.disc(size, centre, 1.1 * mm), shapes.disc(size, centre, size / 2))
    drawings = {"lumen": shapes.disc(size, centre, mm), "lipid_core": ring}
    found = measure({name: getattr(shapes, drawn)(shape) for name, shape in drawings.items()}, spacing_mm)
    assert found.lipid_core_area_mm2 == pytest.approx(shapes.sector_area(1.1, 1.0 + LIPID_DEPTH_MM, 360), rel=0.003)


@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_the_depth_is_the_same_for_every_threshold(threshold: float) -> None:
    front_mm = 1.5 + (threshold - 0.5) / MM  # the edge is drawn 1 px wide
    ring = shapes.both(-shapes.disc(SIZE, CENTRE, 1.5 * MM), shapes.disc(SIZE, CENTRE, 3.4 * MM))
    found = measure(frame(ring), SPACING_MM, thresholds={"lipid_core": threshold})
    assert found.lipid_core_area_mm2 == pytest.approx(shapes.sector_area(front_mm, 2.6, 360), rel=0.003)


def test_depth_is_the_distance_from_the_nearest_point_of_the_outline() -> None:
    """About a square lumen what lies within a depth d is four bands and, at the corners, a disc of radius d."""
    row, col = np.abs(np.mgrid[:SIZE, :SIZE] - 351.3)
    square = np.maximum(row, col) - 100
    found = measure({"lumen": shapes.soft(square), "lipid_core": shapes.soft(-square)}, SPACING_MM)
    depth = LIPID_DEPTH_MM * MM
    assert found.lipid_core_area_px == pytest.approx(4 * 200 * depth + np.pi * depth**2, rel=0.002)


def test_a_mask_loses_the_pixels_that_are_not_visible() -> None:
    maps = frame(sector(1.5, 3.2, 0, 250), drawn="mask")
    visible = visible_lipid(maps["lipid_core"], maps["lumen"], lipid_depth_px(SPACING_MM, SIZE))
    assert measure(maps, SPACING_MM).lipid_core_area_px == pytest.approx(np.count_nonzero(visible), rel=0.005)


def test_lipid_beyond_the_depth_alone_counts_as_not_found() -> None:
    found = measure(frame(sector(2.7, 3.2, 0, 90)), SPACING_MM, catheter_centre=CENTRE)
    assert found.lipid_core_area_px is None
    assert (found.lipid_arc_deg, found.lipid_arc_catheter_deg, found.lipid_cores) == (0, 0, ())


def test_arc_and_cap_are_those_of_the_lipid_within_the_depth() -> None:
    """Seen from a catheter near the wall, what lies deep beside the core would widen it."""
    fan = shapes.either(sector(1.5, 2.5, 60, 60), sector(2.61, 3.3, 0, 180))
    found = measure(frame(fan), SPACING_MM, catheter_centre=CENTRE)
    assert found.lipid_arc_deg == found.lipid_arc_catheter_deg == pytest.approx(60, abs=1)
    assert found.fibrous_cap_thickness_mean_um == pytest.approx(100, abs=1.5)


def test_without_a_lumen_or_its_plane_lipid_counts_to_any_depth() -> None:
    deep = frame(sector(1.5, 3.2, 0, 90))
    whole = pytest.approx(shapes.sector_area(1.5, 3.2, 90), rel=0.005)
    assert measure({"lipid_core": deep["lipid_core"]}, SPACING_MM).lipid_core_area_mm2 == whole
    assert measure(deep | {"lumen": nothing()}, SPACING_MM).lipid_core_area_mm2 == whole


def test_without_a_scale_the_depth_is_that_of_a_display_seven_mm_wide() -> None:
    ring = shapes.both(-shapes.disc(SIZE, CENTRE, 1.5 * MM), shapes.disc(SIZE, CENTRE, 3.4 * MM))
    assert measure(frame(ring)).lipid_core_area_px == pytest.approx(
        shapes.sector_area(1.5, 2.6, 360) * MM**2, rel=0.003
    )


def test_a_bare_core_has_no_cap_and_its_criteria_cannot_be_judged() -> None:
    found = measure(frame(sector(1.3, 1.96, 30, 120)), SPACING_MM)
    assert found.fibrous_cap_thickness_min_um is None
    assert found.fibrous_cap_absent_deg == pytest.approx(120, abs=1)
    assert found.lipid_arc_deg == pytest.approx(120, abs=1)
    assert found.meets_tcfa_criteria is found.tcfa_cap_margin_um is None
    assert [warning[:32] for warning in found.warnings] == [
        "The lipid core reaches the lumen",
        "No cap thickness: no arc has a c",
    ]


def test_specks_count_in_the_area_and_nowhere_else() -> None:
    speck = shapes.disc(SIZE, (CENTRE[0], CENTRE[1] - 1.5 * MM), 3)
    clean, specked = (
        measure(frame(), SPACING_MM),
        measure(frame(shapes.either(sector(1.46, 1.96, 30, 120), speck)), SPACING_MM),
    )
    assert specked.lipid_core_area_px == pytest.approx(clean.lipid_core_area_px + np.pi * 9, abs=2)
    assert specked.lipid_arcs_deg == clean.lipid_arcs_deg
    alone = measure(frame(speck), SPACING_MM)
    assert (alone.lipid_arc_deg, alone.lipid_arcs_deg, alone.fibrous_cap_absent_deg) == (0, (), None)
    assert "nowhere 0.1 mm deep" in alone.warnings[0]


def test_a_catheter_outside_the_lumen_and_a_second_lumen_are_said() -> None:
    maps = frame() | {
        "lumen": shapes.soft(shapes.either(shapes.disc(SIZE, CENTRE, 140), shapes.disc(SIZE, (80, 80), 60)))
    }
    found = measure(maps, SPACING_MM, catheter_centre=(600.0, 600.0))
    assert found.lumen_area_px == pytest.approx(np.pi * 140**2, rel=0.005)
    assert "Several separate lumens were outlined; the largest is measured." in found.warnings
    assert any(warning.startswith("The catheter lies outside the lumen") for warning in found.warnings)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40)])
@pytest.mark.parametrize("value", [0.0, 0.5, 0.6, 1.0])
def test_the_smallest_maps_are_measured_without_a_fault(size: tuple[int, int], value: float) -> None:
    map_ = np.full(size, value, np.float32)
    found = measure({"lumen": map_, "lipid_core": map_}, SPACING_MM, disc=np.ones(size, bool))
    assert 0 <= (found.lipid_core_area_px or 0) <= size[0] * size[1]
    assert (found.lipid_core_area_px is None) or value > 0
    assert all(area > 0 for area in found.lipid_core_areas_px or ())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 9]), st.booleans())
def test_any_maps_give_numbers_that_can_be_true(seed: int, grain: int, as_masks: bool) -> None:
    rng = np.random.default_rng(seed)
    maps = {
        name: np.kron(rng.random((72 // grain, 72 // grain)), np.ones((grain, grain))).astype(np.float32)
        for name in ("lumen", "lipid_core", "vasa_vasorum")
    }
    if as_masks:
        maps = {name: map_ > 0.5 for name, map_ in maps.items()}
    found = measure(maps, 0.05, disc=np.ones(maps["lumen"].shape, bool))
    assert found.lipid_core_area_px is not None
    assert 0 < found.lipid_core_area_px <= 72 * 72
    assert found.lipid_arc_deg is not None
    assert 0 <= found.lipid_arc_deg <= 360
    assert found.lipid_cores is not None
    assert sum(core.arc_deg for core in found.lipid_cores) == found.lipid_arc_deg
    assert sum(core.area_px for core in found.lipid_cores) <= found.lipid_core_area_px * (1 + 1e-6)
    for name in (field.name for field in fields(found) if "thickness" in field.name):
        assert getattr(found, name) is None or getattr(found, name) >= 0


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({}, "maps is empty"),
        ({"calcium": np.zeros((4, 4))}, "unknown class 'calcium'; the classes are lumen, fibrous_cap"),
        ({"lumen": np.zeros((4, 4)), "lipid_core": np.zeros((4, 5))}, r"share one shape, got lumen \(4, 4\)"),
        ({"lumen": np.zeros((4, 4, 3))}, r"must be \(H, W\), got shape \(4, 4, 3\)"),
        ({"lumen": np.zeros((0, 4))}, r"must be \(H, W\), got shape \(0, 4\)"),
        (
            {"lumen": np.full((4, 4), 255, np.uint8)},
            "is uint8 with values from 255 to 255; give a mask of 0 and 1, such as mask > 0",
        ),
        ({"lumen": np.full((4, 4), 1.5)}, "got values from 1.5 to 1.5"),
        ({"lumen": np.full((4, 4), np.nan)}, "got values from nan to nan"),
    ],
)
def test_maps_that_are_none_are_refused_in_a_sentence(maps: Maps, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measure(maps, SPACING_MM)


def test_other_arguments_that_do_not_fit_are_refused_in_a_sentence() -> None:
    maps = {"lumen": np.zeros((4, 4), bool)}
    with pytest.raises(ValueError, match=r"disc must be a bool mask of shape \(4, 4\) like the maps"):
        measure(maps, disc=np.ones((5, 4), bool))
    with pytest.raises(ValueError, match="disc is empty"):
        measure(maps, disc=np.zeros((4, 4), bool))
    with pytest.raises(ValueError, match="threshold for unknown class 'calcium'"):
        measure(maps, thresholds={"calcium": 0.5})
    with pytest.raises(ValueError, match="threshold of lumen must lie between 0 and 1, got 1"):
        measure(maps, thresholds={"lumen": 1.0})


@pytest.mark.parametrize("spacing_mm", [0.0, -0.01, float("nan"), float("inf"), 9.957])
def test_a_pixel_spacing_that_no_frame_has_is_refused(spacing_mm: float) -> None:
    with pytest.raises(MeasurementError, match=r"is outside 0\.0001 to 0\.1 mm"):
        measure({"lumen": np.zeros((4, 4), bool)}, spacing_mm)


def test_real_masks_have_numbers_that_fit_a_coronary_artery(real_frames: Path) -> None:
    for path in sorted((real_frames / "test" / "mask").glob("*.tiff")):
        planes = tifffile.imread(path) > 0
        found = measure({"lumen": planes[..., 0], "lipid_core": planes[..., 2]}, 0.00668, catheter_centre=(375, 375))
        assert found.lumen_area_px == pytest.approx(np.count_nonzero(planes[..., 0]), rel=0.02)
        visible = visible_lipid(planes[..., 2], planes[..., 0], lipid_depth_px(0.00668, 750))
        assert found.lipid_core_area_px == pytest.approx(np.count_nonzero(visible), rel=0.005)
        assert found.lumen_area_mm2 is not None
        assert 1 < found.lumen_area_mm2 < 25
        assert found.fibrous_cap_thickness_mean_um is not None
        assert 20 < found.fibrous_cap_thickness_mean_um < 600


def test_a_mask_of_zeros_and_ones_measures_as_the_same_mask_of_bool() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:40, 20:50] = True
    as_bool, as_ints = (measure({"lumen": map_}, 0.01) for map_ in (mask, mask.astype(np.uint8)))
    assert as_ints == as_bool
    assert as_ints.lumen_area_px == 900
