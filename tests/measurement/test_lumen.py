import numpy as np
import pytest

from octseg.measurement.geometry import find_tissue
from octseg.measurement.lumen import Lumen, chords_px, find_lumen
from tests.fakes import shapes

SIZE = 301
CENTRE = (149.6, 151.2)


def lumen_in(shape: shapes.Shape, drawn: str = "soft") -> Lumen:
    tissue = find_tissue(getattr(shapes, drawn)(shape), 0.5)
    assert tissue is not None
    lumen = find_lumen(tissue)
    assert lumen is not None
    return lumen


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_the_chords_of_an_ellipse_are_its_axes(drawn: str) -> None:
    chords = chords_px(lumen_in(shapes.ellipse(SIZE, CENTRE, (120, 70), 25), drawn))
    assert chords is not None
    assert chords.shape == (180,)
    assert (chords.max(), np.argmax(chords)) == (pytest.approx(240, abs=0.6), pytest.approx(25, abs=2))
    assert chords.min() == pytest.approx(140, abs=0.6)


@pytest.mark.parametrize("drawn", ["soft", "mask"])
def test_the_catheter_counts_as_lumen(drawn: str) -> None:
    ring = shapes.both(shapes.disc(SIZE, CENTRE, 100), -shapes.disc(SIZE, (170, 130), 34))
    lumen = lumen_in(ring, drawn)
    assert lumen.area_px == pytest.approx(np.pi * 100**2, rel=0.001)
    assert lumen.centre == pytest.approx(CENTRE, abs=0.1)


def test_a_side_branch_apart_does_not_move_the_centre() -> None:
    lumen = lumen_in(shapes.either(shapes.disc(SIZE, CENTRE, 80), shapes.disc(SIZE, (30, 30), 20)))
    assert lumen.centre == pytest.approx(CENTRE, abs=0.02)
    assert lumen.area_px == pytest.approx(np.pi * 80**2, rel=0.001)


def test_a_lumen_bent_around_its_centroid_has_no_chords() -> None:
    bent = shapes.sector(SIZE, CENTRE, 90, 120, 0, 200)
    assert chords_px(lumen_in(bent)) is None


def test_no_chord_is_endless_where_the_centroid_lies_on_the_outline() -> None:
    """Of a half ring of 44.8 to 90 px it lies in a pixel of lumen, and a fraction of that pixel outside the outline."""
    half_ring = lumen_in(shapes.sector(SIZE, (150.1, 151.2), 44.8, 90, 0, 180))
    assert half_ring.holds(half_ring.centre)
    chords = chords_px(half_ring)
    assert chords is None or chords.max() < 180


def test_a_lumen_of_one_pixel_is_none() -> None:
    mask = np.zeros((50, 50), bool)
    mask[20, 20] = True
    tissue = find_tissue(mask, 0.5)
    assert tissue is not None
    assert find_lumen(tissue) is None
