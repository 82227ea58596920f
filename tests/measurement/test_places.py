"""Where numbers were measured, held against drawings whose places are known."""

import numpy as np
import pytest

from octseg.boxed import BoxedMap
from octseg.measurement.frame import measure_seen
from octseg.measurement.places import FramePlaces, Point
from octseg.view.part import FramePart
from octseg.view.preprocessing import FrameView
from tests.fakes import shapes
from tests.fakes.vessel import CENTRE, MM, SIZE, SPACING_MM, Maps, frame, sector


def places_of(maps: Maps, spacing_mm: float | None = SPACING_MM) -> FramePlaces:
    planes = {name: BoxedMap.of(np.asarray(map_, np.float32)) for name, map_ in maps.items()}
    view = FrameView(np.full((SIZE, SIZE), 90, np.uint8), None, CENTRE, None)
    found = measure_seen(planes, spacing_mm, view, disc=None, frame_side_px=SIZE).places
    assert found is not None
    return found


def polar(point: Point) -> tuple[float, float]:
    """(mm, degrees clockwise) of a point about the vessel's centre."""
    row, col = point[0] - CENTRE[0], point[1] - CENTRE[1]
    return float(np.hypot(row, col)) / MM, float(np.degrees(np.arctan2(row, col))) % 360


def test_an_arc_ends_where_the_lipid_does_on_the_lumens_outline() -> None:
    (ends,) = places_of(frame()).arcs
    assert ends is not None
    assert polar(ends[0]) == pytest.approx((1.4, 30), abs=1.1)
    assert polar(ends[1]) == pytest.approx((1.4, 150), abs=1.1)


def test_arcs_are_in_the_order_of_the_cores_and_one_all_around_has_no_ends() -> None:
    two = shapes.either(sector(1.46, 1.9, 20, 40), sector(1.46, 1.9, 180, 100))
    wide, narrow = places_of(frame(two)).arcs
    assert wide is not None
    assert narrow is not None
    assert polar(wide[0])[1] == pytest.approx(180, abs=1.1)
    assert polar(narrow[1])[1] == pytest.approx(60, abs=1.1)
    around = shapes.both(-shapes.disc(SIZE, CENTRE, 1.5 * MM), shapes.disc(SIZE, CENTRE, 1.9 * MM))
    assert places_of(frame(around)).arcs == (None,)


@pytest.mark.parametrize("thinnest_deg", [70, 200, 355])
def test_the_thinnest_cap_is_shown_where_it_was_drawn_thin(thinnest_deg: float) -> None:
    thick = sector(1.60, 2.1, thinnest_deg - 55, 110)
    dent = sector(1.48, 1.7, thinnest_deg - 8, 16)
    wall, lipid = places_of(frame(shapes.either(thick, dent))).cap_min or (CENTRE, CENTRE)
    assert polar(wall)[0] == pytest.approx(1.4, abs=0.01)
    assert polar(lipid)[0] == pytest.approx(1.48, abs=0.015)
    for point in (wall, lipid):
        assert abs((polar(point)[1] - thinnest_deg + 180) % 360 - 180) < 9


def test_diameters_are_the_axes_of_an_ellipse() -> None:
    lumen = shapes.soft(shapes.ellipse(SIZE, CENTRE, (1.8 * MM, 1.1 * MM), 25))
    found = places_of({"lumen": lumen})
    for stretch, degrees, radius in ((found.diameter_max, 25, 1.8), (found.diameter_min, 115, 1.1)):
        assert stretch is not None
        for point, angle in zip(stretch, (degrees, degrees + 180), strict=True):
            assert polar(point) == pytest.approx((radius, angle), abs=2)
            assert polar(point)[0] == pytest.approx(radius, abs=0.02)
    assert found.centre == pytest.approx(CENTRE, abs=0.1)


def test_without_a_scale_arc_and_diameters_have_places_and_a_cap_has_none() -> None:
    found = places_of(frame(), None)
    assert found.cap_min is None
    assert found.diameter_min is not None
    assert len(found.arcs) == 1


def test_a_lumen_bent_around_its_middle_has_no_diameters() -> None:
    assert places_of({"lumen": shapes.soft(sector(1.0, 1.4, 0, 200))}).diameter_max is None


def test_places_of_a_part_of_a_frame_are_in_the_frames_pixels() -> None:
    part = FramePart((100, 40), (SIZE, SIZE), 4, (4000, 4000))
    found = places_of(frame())
    moved = found.moved(part.point_of_whole)
    assert moved.centre == pytest.approx((100 + 4 * found.centre[0] + 1.5, 40 + 4 * found.centre[1] + 1.5))
    assert part.point(moved.centre) == pytest.approx(found.centre)
    assert (moved.arcs[0], moved.cap_min) != (found.arcs[0], found.cap_min)
