"""Frames on a screen whose window ends within the imaged disc: seen as a picture that ends there, and that is said."""

import numpy as np
import pytest

from octseg.boxed import BoxedMap
from octseg.measurement import FrameMeasures
from octseg.measurement.frame import measure_seen
from octseg.phantom import Phantom, PhantomSpec, make_phantom, render
from octseg.view.capture import locate
from octseg.view.disc import Disc
from octseg.view.part import FramePart
from octseg.view.preprocessing import CUT_OFF, view_frame
from octseg.view.window import with_window
from tests.fakes.captures import SIDES, Capture, in_window
from tests.fakes.pictures import through_jpeg

SIDE_PX = 845  # of the phantom, 704 px, as it is shown


def phantom() -> Phantom:
    """A round vessel of 3 mm in the middle."""
    return render(PhantomSpec(seed=5, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0))


def shown(part: float, side: str) -> tuple[int, int, int, int]:
    """First and last (row, col) that the window shows."""
    cut = SIDE_PX - round(part * SIDE_PX)
    by_side = [cut * (side == each) for each in SIDES]
    return 90 + by_side[0], 400 + by_side[1], 90 + SIDE_PX - 1 - by_side[2], 400 + SIDE_PX - 1 - by_side[3]


def measured(capture: Capture) -> FrameMeasures:
    """The phantom's true masks, as far as the disc is shown."""
    view, made = view_frame(capture.picture), phantom()
    assert view.disc is not None
    imaged = view.disc.mask(*view.grey.shape)
    planes = {name: BoxedMap.of((capture.place(mask) & imaged).astype(np.float32)) for name, mask in made.masks.items()}
    spacing_mm = made.pixel_spacing_mm / 1.2
    return measure_seen(planes, spacing_mm, view, disc=imaged, frame_side_px=float(SIDE_PX)).measures


@pytest.mark.parametrize("level", [0, 25, 236])
@pytest.mark.parametrize("side", SIDES)
def test_the_edge_of_a_window_is_found_to_the_pixel(level: int, side: str) -> None:
    for part in (0.95, 0.8, 0.6):
        place = locate(in_window(phantom().frame, level, part, side).picture)
        assert place.disc is not None
        assert place.disc.window == pytest.approx(shown(part, side), abs=6)  # elsewhere it ends with the disc
        at = SIDES.index(side)
        assert place.disc.window[at] == pytest.approx(shown(part, side)[at], abs=1)
        assert place.disc.centre == pytest.approx((90 + (SIDE_PX - 1) / 2, 400 + (SIDE_PX - 1) / 2), abs=6)


def test_what_lies_behind_the_edge_is_no_part_of_the_disc_nor_seen() -> None:
    capture = in_window(phantom().frame, 236, 0.8, "right")
    view = view_frame(capture.picture)
    assert view.disc is not None
    last = shown(0.8, "right")[3]
    assert not view.disc.mask(*view.grey.shape)[:, last + 2 :].any()
    assert not view.grey[:, last + 2 :].any()
    assert CUT_OFF in view.warnings
    assert CUT_OFF not in view_frame(in_window(phantom().frame, 236, 1.0, "right").picture).warnings


def test_measures_say_what_they_say_of_a_picture_that_ends_there() -> None:
    """The edge lies 0.7 mm below the centre at 0.6 of the frame's 7 mm, within the lumen, and 2.1 mm at 0.8."""
    whole, near, within = (measured(in_window(phantom().frame, 25, part, "bottom")) for part in (1.0, 0.8, 0.6))
    assert not any("edge of the image" in said or "picture ends" in said for said in whole.warnings)
    assert any("picture ends less than 1 mm" in said for said in near.warnings)
    assert any("lumen reaches the edge of the image" in said for said in within.warnings)


def test_in_a_lossy_capture_no_stained_ground_is_left_at_the_edge() -> None:
    capture = in_window(phantom().frame, 236, 0.8, "top")
    place = locate(through_jpeg(capture.picture, 75))
    assert place.disc is not None
    assert place.disc.window is not None
    assert shown(0.8, "top")[0] - 1 <= place.disc.window[0] <= shown(0.8, "top")[0] + 8


def test_frames_that_are_whole_have_no_window() -> None:
    for seed in range(8):
        frame = make_phantom(seed).frame
        for picture in (frame, through_jpeg(frame, 15), in_window(frame, 25, 1.0, "top").picture):
            disc = locate(picture).disc
            assert disc is None or disc.window is None


@pytest.mark.parametrize("levels", [15, 25, 35])
def test_a_frame_whose_depth_is_black_is_not_taken_for_cut(levels: int) -> None:
    """Darker by so many levels, the noise behind the wall is as black as what lies beside the disc, in patches."""
    row, col = np.mgrid[:750, :750]
    away = np.hypot(row - 374.5, col - 374.5)
    noise = np.random.default_rng(3).normal(20, 6, away.shape)
    tissue = np.where(away < 230, np.where(away > 120, 150.0, 8.0), noise)
    frame = np.clip(np.where(away < 374, tissue, 0) - levels, 0, 255).astype(np.uint8)
    disc = with_window(Disc((374.5, 374.5), 374.0), frame)
    assert disc.window is None


def test_a_part_of_a_large_frame_keeps_the_window() -> None:
    """A capture three times as large is decoded at half its size: the window is then half as far from the corner."""
    capture = in_window(phantom().frame, 25, 0.8, "left")
    large = np.repeat(np.repeat(capture.picture, 3, axis=0), 3, axis=1)
    view = view_frame(large)
    part = FramePart.about(view)
    seen = part.view(view)
    assert part.factor == 2
    assert view.disc is not None
    assert view.disc.window is not None
    assert seen.disc is not None
    assert seen.disc.window is not None
    assert seen.disc.window[1] == pytest.approx((view.disc.window[1] - part.corner[1]) / 2, abs=0.5)
