import numpy as np
import pytest

from octseg.measurement.cap import CapRays, Thickness, cap_rays, thickness, trimmed
from octseg.measurement.geometry import Outline, find_tissue, smooth, without
from octseg.measurement.lipid import Arc
from tests.fakes import shapes

SIZE = 704
SPACING_MM = 7 / 704  # 9.94 um per pixel
DEPTH_PX = 0.1 / SPACING_MM
CENTRE = (350.3, 347.8)
LUMEN_UM, DEEP_UM = 1400.0, 2100.0
UM = 1 / (SPACING_MM * 1000)  # pixels per um

LUMEN = shapes.disc(SIZE, CENTRE, LUMEN_UM * UM)


def core(cap_um: float, start_deg: float, extent_deg: float) -> shapes.Shape:
    return shapes.sector(SIZE, CENTRE, (LUMEN_UM + cap_um) * UM, DEEP_UM * UM, start_deg, extent_deg)


def outlines(lumen: shapes.Shape, lipid: shapes.Shape, drawn: str) -> tuple[Outline, Outline]:
    wall = find_tissue(getattr(shapes, drawn)(lumen), 0.5)
    tissue = find_tissue(getattr(shapes, drawn)(lipid), 0.5)
    assert wall is not None
    assert tissue is not None
    return smooth(wall).outline, without(smooth(tissue), smooth(wall)).outline


def rays_of(lumen: shapes.Shape, lipid: shapes.Shape, drawn: str = "soft") -> CapRays:
    return cap_rays(*outlines(lumen, lipid, drawn), CENTRE, DEPTH_PX)


def both_ways(rays: CapRays, *arcs: Arc) -> tuple[Thickness, Thickness]:
    found = thickness(rays, arcs, SPACING_MM)
    assert found is not None
    return found


@pytest.mark.parametrize("drawn", ["soft", "mask"])
@pytest.mark.parametrize("cap_um", [40.0, 65.0, 120.0, 250.0])
def test_an_even_cap_is_as_thick_as_drawn(cap_um: float, drawn: str) -> None:
    rays = rays_of(LUMEN, core(cap_um, 20, 140), drawn)
    for way in both_ways(rays, Arc(20, 140)):
        assert way.mean_um == pytest.approx(cap_um, abs=1.5)
        assert way.min_um == pytest.approx(cap_um, abs=1.5 if drawn == "soft" else 5)
        assert way.min_um - 0.5 <= way.p5_um <= way.mean_um


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_a_cap_that_grows_to_one_side_is_measured_both_ways(drawn: str) -> None:
    off_um, inner_um = 100.0, LUMEN_UM + 150
    middle = (CENTRE[0], CENTRE[1] + off_um * UM)  # of the core's luminal border: the cap is thinnest towards -col
    border = -shapes.disc(SIZE, middle, inner_um * UM)
    lipid = shapes.both(border, shapes.disc(SIZE, CENTRE, 2300 * UM), shapes.wedge(SIZE, CENTRE, 90, 180))
    angle = np.radians(np.linspace(95, 265, 2001))
    nearest = inner_um - np.hypot(LUMEN_UM * np.cos(angle) - off_um, LUMEN_UM * np.sin(angle))
    radial = off_um * np.cos(angle) + np.sqrt(inner_um**2 - (off_um * np.sin(angle)) ** 2) - LUMEN_UM
    assert nearest.min() == pytest.approx(50)

    for way, known in zip(both_ways(rays_of(LUMEN, lipid, drawn), Arc(90, 180)), (nearest, radial), strict=True):
        assert way.mean_um == pytest.approx(known.mean(), abs=1.5)
        assert way.p5_um == pytest.approx(np.percentile(known, 5), abs=1.5 if drawn == "soft" else 4)
        assert way.min_um == pytest.approx(50, abs=1.5 if drawn == "soft" else 4)


def test_across_a_slanted_border_the_nearest_point_is_nearer_than_along_the_ray() -> None:
    slope = np.radians(30)
    row, col = np.mgrid[:SIZE, :SIZE]
    right, down = col - CENTRE[1], row - CENTRE[0]
    wall = right - LUMEN_UM * UM  # a straight wall to the right, so that rays near 0 degrees meet it head on
    lipid = (LUMEN_UM * UM + 20 - right) * np.cos(slope) + down * np.sin(slope)  # 20 px off, leaning back by 30 degrees
    deep = right - LUMEN_UM * UM - 150
    rays = rays_of(wall, shapes.both(lipid, deep))
    assert rays.radial[0] == pytest.approx(20, abs=0.1)
    assert rays.nearest[0] == pytest.approx(20 * np.cos(slope), abs=0.1)


def test_five_degrees_at_each_end_of_an_arc_do_not_count() -> None:
    assert trimmed(Arc(350, 40)).tolist() == [*range(355 * 4, 360 * 4), *range(25 * 4)]
    assert trimmed(Arc(0, 10)).size == 0


@pytest.mark.parametrize("bare_deg", [0, 20])
def test_an_arc_all_around_has_no_ends_and_no_seam(bare_deg: int) -> None:
    thin = shapes.wedge(SIZE, CENTRE, -2, 4)  # across 0 degrees, where the rays begin: no half of it fills a window
    bare = shapes.both(core(-100, 0, 360), shapes.wedge(SIZE, CENTRE, 90, bare_deg))
    lipid = shapes.either(core(200, 0, 360), shapes.both(core(60, 0, 360), thin), *([bare] if bare_deg else []))
    rays = rays_of(LUMEN, lipid)
    assert rays.touching_deg == pytest.approx(bare_deg, abs=1)
    _, radial = both_ways(rays, Arc(0, 360))
    assert radial.min_um == pytest.approx(60, abs=1.5)
    thick_deg = 356 - bare_deg
    assert radial.mean_um == pytest.approx((thick_deg * 200 + 4 * 60) / (thick_deg + 4), abs=1.5)


def test_a_spike_narrower_than_half_the_window_is_not_the_minimum() -> None:
    width_deg = np.degrees(40 / LUMEN_UM)
    spike = shapes.both(core(60, 0, 360), shapes.wedge(SIZE, CENTRE, 90, width_deg))
    _, radial = both_ways(rays_of(LUMEN, shapes.either(core(200, 20, 140), spike)), Arc(20, 140))
    assert radial.min_um == pytest.approx(200, abs=2)
    ledge = shapes.both(core(60, 0, 360), shapes.wedge(SIZE, CENTRE, 90, 3 * width_deg))
    _, radial = both_ways(rays_of(LUMEN, shapes.either(core(200, 20, 140), ledge)), Arc(20, 140))
    assert radial.min_um == pytest.approx(60, abs=2)


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_where_lipid_reaches_the_lumen_there_is_no_cap_rather_than_one_of_zero(drawn: str) -> None:
    bare = shapes.both(core(-100, 0, 360), shapes.wedge(SIZE, CENTRE, 60, 30))
    rays = rays_of(LUMEN, shapes.either(core(150, 20, 140), bare), drawn)
    assert rays.touching_deg == pytest.approx(30, abs=1)
    assert not np.any(rays.radial < 0)
    _, radial = both_ways(rays, Arc(20, 140))
    assert radial.mean_um == pytest.approx(150, abs=2)


def test_a_core_that_is_bare_all_along_has_no_thickness() -> None:
    rays = rays_of(LUMEN, core(-100, 20, 140))
    assert thickness(rays, [Arc(20, 140)], SPACING_MM) is None
    assert rays.touching_deg == pytest.approx(140, abs=1)


def test_an_arc_of_ten_degrees_leaves_nothing_to_measure() -> None:
    assert thickness(rays_of(LUMEN, core(100, 20, 10)), [Arc(20, 10)], SPACING_MM) is None


def test_in_a_folded_lumen_the_wall_is_the_one_before_the_lipid() -> None:
    branch = shapes.both(
        shapes.disc(SIZE, CENTRE, 210), -shapes.disc(SIZE, CENTRE, 160), shapes.wedge(SIZE, CENTRE, -40, 80)
    )
    neck = shapes.both(shapes.disc(SIZE, CENTRE, 210), shapes.wedge(SIZE, CENTRE, -45, 10))
    folded = shapes.either(shapes.disc(SIZE, CENTRE, 100), branch, neck)
    lipid = shapes.sector(SIZE, CENTRE, 230, 280, -20, 50)
    rays = rays_of(folded, lipid)
    assert rays.radial[0] == pytest.approx(20, abs=0.1)
    assert np.hypot(*(rays.wall[0] - CENTRE)) == pytest.approx(210, abs=0.1)
