"""Pictures cut within the imaged disc: what is still found in them, by what was drawn."""

import numpy as np
import pytest

from octseg.phantom import PhantomSpec, random_spec, render
from octseg.pullback import Frame
from octseg.view import find_catheter, find_ruler
from octseg.view.disc import Disc, Outlines, find_disc, rim_stretch
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame
from tests.fakes.outlined import measured_as_drawn
from tests.view.test_ruler import tissue, with_ruler

MIDDLE = 374.5  # of frames of 750 x 750


def cut(frame: Frame, rows: slice, cols: slice) -> Frame:
    return np.ascontiguousarray(frame[rows, cols])


def of_three_dots(ring_mm: float | None) -> Frame:
    """A frame of 150 pixels to the mm, cut so closely that three dots of its ruler are left."""
    close = slice(165, 585)
    return cut(with_ruler(tissue(750), 150.0, ring_mm=ring_mm), close, close)


def test_three_dots_tell_the_scale_where_the_ring_is_as_wide_as_consoles_draw_it() -> None:
    ruler = find_ruler(of_three_dots(0.907))
    assert ruler is not None
    assert len(ruler.dots_px) == 3
    assert ruler.pitch_px == pytest.approx(150.0, rel=0.005)
    assert ruler.centre == pytest.approx((MIDDLE - 165, MIDDLE - 165), abs=1.0)


@pytest.mark.parametrize("ring_mm", [None, 0.86, 0.96])
def test_three_dots_without_that_ring_are_no_ruler(ring_mm: float | None) -> None:
    assert find_ruler(of_three_dots(ring_mm)) is None


def test_three_uneven_dots_are_no_ruler() -> None:
    close = slice(165, 585)
    assert find_ruler(cut(with_ruler(tissue(750), 150.0, nudge_px=6.0), close, close)) is None


@pytest.mark.parametrize(
    ("rows", "cols"),
    [(slice(200, 550), slice(0, 750)), (slice(0, 750), slice(200, 550)), (slice(240, 520), slice(0, 750))],
)
def test_a_disc_cut_off_on_opposite_sides_is_found_and_is_round(rows: slice, cols: slice) -> None:
    """Its margins are near black, as an export of lossy coding leaves them; most of the border is tissue."""
    whole = np.full((790, 790, 3), 1, np.uint8)
    whole[20:770, 20:770] = np.maximum(tissue(750), 1)
    rows, cols = (slice(of.start + 20 * (of.start > 0), of.stop + 40 - 20 * (of.stop < 750)) for of in (rows, cols))
    grey = sepia_to_grey(cut(whole, rows, cols))
    disc = find_disc(grey)
    assert disc is not None
    assert disc.centre == pytest.approx((394.5 - rows.start, 394.5 - cols.start), abs=3)
    assert disc.radius_px == pytest.approx(375, abs=3)
    assert rim_stretch(Outlines.of(grey), disc) in (None, pytest.approx(1.0, abs=0.03))


@pytest.mark.parametrize("seed", range(6))
def test_a_catheter_far_from_the_middle_of_what_is_left_is_found_by_the_disc(seed: int) -> None:
    phantom = render(random_spec(seed, ruler=False))
    height, width = phantom.frame.shape[:2]
    top, left = round(0.3 * height), round(0.25 * width)
    shown = cut(phantom.frame, slice(top, None), slice(left, None))
    disc = Disc(((height - 1) / 2 - top, (width - 1) / 2 - left), height / 2)
    catheter = find_catheter(shown, None, disc)
    assert catheter is not None
    assert catheter.centre == pytest.approx(np.subtract(phantom.catheter_centre, (top, left)), abs=4)


def cut_said(cut_px: int) -> list[str]:
    """What is said of a round vessel of 3 mm in the middle, `cut_px` of whose frame are cut off below."""
    phantom = render(PhantomSpec(seed=5, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0))
    height = phantom.frame.shape[0] - cut_px
    masks = {name: mask[:height] for name, mask in phantom.masks.items()}
    measures, rays = measured_as_drawn(masks, phantom.pixel_spacing_mm, view_frame(phantom.frame[:height].copy()))
    assert rays is not None
    return [said for said in measures.warnings if "ends less than 1 mm" in said]


def test_a_picture_that_ends_close_behind_the_lumen_says_over_how_much_of_it() -> None:
    """The frame shows 7 mm in 704 px: below the lumen 2 mm, of which 1.5 mm are cut off.

    The edge then lies 2 mm below the centre and cuts a circle of 2.5 mm about it over 2 acos(2 / 2.5) = 73.7 degrees.
    """
    assert cut_said(0) == []
    said = cut_said(151)
    assert len(said) == 1
    degrees = int(said[0].split(" of 360")[0].rsplit(" ", 1)[1])
    assert degrees == pytest.approx(2 * np.degrees(np.arccos(2 / 2.5)), abs=4)
    assert cut_said(60) == []  # 1.4 mm are left
