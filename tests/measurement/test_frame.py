from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octseg.measurement import FrameMeasures, measure
from tests.benchmarks import report_measures
from tests.fakes import shapes
from tests.fakes.vessel import CENTRE, MM, SIZE, SPACING_MM, frame, nothing, sector


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
    assert "lipid is not cut 1.2 mm behind it" in found.warnings[0]


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
