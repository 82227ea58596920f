import numpy as np
import pytest

from octseg.measurement import measure
from octseg.measurement.depth import LIPID_DEPTH_MM, lipid_depth_px, visible_lipid
from octseg.measurement.wording import NO_SCALE_DEPTH
from tests.benchmarks import report_measures
from tests.fakes import shapes
from tests.fakes.vessel import CENTRE, MM, SIZE, SPACING_MM, frame, nothing, sector


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


def test_without_a_scale_the_depth_that_lipid_counts_to_is_said() -> None:
    lipid = sector(1.5, 2.4, 0, 90)
    assert measure(frame(lipid)).warnings == (NO_SCALE_DEPTH,)
    assert measure(frame(lipid), SPACING_MM).warnings == ()
    assert measure({"lumen": frame(lipid)["lumen"], "lipid_core": nothing()}).warnings == ()
    without_lumen = measure({"lumen": nothing(), "lipid_core": frame(lipid)["lipid_core"]}).warnings
    assert NO_SCALE_DEPTH not in without_lumen  # all lipid counts


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
