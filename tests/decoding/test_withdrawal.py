"""Withdrawal: each sign on what is drawn to have it, OCT frames that keep their result, pictures that get none."""

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest

from octseg.decoding.withdrawal import (
    Rays,
    at_rim_share,
    blueness,
    colour_scatter,
    light_left,
    off_centre,
    rays_of,
    speckle,
    wall_contrast,
    wall_share,
    why_withdrawn,
)
from octseg.phantom import Phantom, random_spec, render
from octseg.view.disc import Disc, Outlines, find_disc, rim_stretch
from octseg.view.grey import grey_to_sepia, sepia_to_grey
from octseg.view.preprocessing import FrameView, view_frame
from tests.fakes import pictures, shapes

MM = 20.0  # pixels per mm of the rays drawn here
EDGE, DEPTHS, N = 40, 100, 180


def rays(grey: np.ndarray, edge: int = EDGE) -> Rays:
    """Rays of these grey levels, as (N, DEPTHS) or what becomes it, that leave the lumen at column `edge`."""
    lumen = np.broadcast_to(np.arange(DEPTHS) < edge, (N, DEPTHS))
    return Rays(np.broadcast_to(grey, (N, DEPTHS)).astype(np.float32), lumen, MM)


def levels(lumen: float, front: float, deep: float) -> np.ndarray:
    """(DEPTHS,) grey: the lumen's, from its edge the wall's front, from 0.5 mm behind it what is deep."""
    column = np.arange(DEPTHS)
    return np.where(column < EDGE, lumen, np.where(column < EDGE + MM / 2, front, deep))


@lru_cache(maxsize=4)
def phantom(seed: int, ruler: bool = True, grey: bool = False) -> Phantom:
    return render(random_spec(seed, ruler=ruler, colouring="grey" if grey else "sepia"))


def pixels(frame: np.ndarray) -> np.ndarray:
    return frame.reshape(-1, 3).astype(np.float32)


def why(frame: np.ndarray, lumen: np.ndarray, pixel_spacing_mm: float | None = None) -> str | None:
    return why_withdrawn(frame, view_frame(frame), lumen, pixel_spacing_mm)


# Signs


def test_a_wall_twice_as_bright_as_the_lumen_has_a_contrast_of_a_third() -> None:
    assert wall_contrast(rays(levels(50, 100, 20))) == pytest.approx(1 / 3, abs=0.01)


def test_a_lumen_brighter_than_its_wall_has_a_contrast_below_0() -> None:
    assert wall_contrast(rays(levels(100, 50, 20))) == pytest.approx(-1 / 3, abs=0.01)


def test_the_wall_is_met_by_the_share_of_rays_that_brighten() -> None:
    grey = np.where(np.arange(N)[:, None] < 45, levels(10, 10, 10), levels(10, 100, 20))
    assert wall_share(rays(grey)) == pytest.approx(0.75)


def test_a_wall_that_ends_dark_has_little_light_left() -> None:
    assert light_left(rays(levels(10, 100, 20))) == pytest.approx(0.2, abs=0.01)


def test_rays_that_stay_in_the_lumen_meet_no_wall() -> None:
    assert wall_share(rays(levels(10, 100, 20), edge=DEPTHS)) == 0.0


def test_a_level_that_alternates_by_a_tenth_has_a_speckle_of_a_fifth() -> None:
    """Each pixel differs from the mean of its neighbours by twice the tenth."""
    assert speckle(rays(100 + 10.0 * (-1) ** np.arange(DEPTHS))) == pytest.approx(0.2, abs=0.01)


def test_a_smooth_wall_has_no_speckle() -> None:
    assert speckle(rays(200.0 - np.arange(DEPTHS))) == pytest.approx(0.0, abs=1e-6)


def test_the_rays_that_never_leave_the_lumen_are_at_the_rim() -> None:
    lumen = np.broadcast_to(np.arange(DEPTHS) < EDGE, (N, DEPTHS)).copy()
    lumen[:60] = True
    assert at_rim_share(Rays(np.zeros((N, DEPTHS), np.float32), lumen, MM)) == pytest.approx(1 / 3)


def test_sepia_is_as_red_as_grey_is_neutral_and_swapped_sepia_is_blue() -> None:
    """Up to level 128 the console's sepia has no blue at all."""
    grey = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    assert blueness(pixels(grey_to_sepia(grey))) == pytest.approx(-1.0)
    assert blueness(pixels(np.repeat(grey[..., None], 3, axis=2))) == 0.0
    assert blueness(pixels(pictures.swapped(grey_to_sepia(grey)))) == pytest.approx(1.0)


def test_a_palette_has_no_scatter_of_colours_and_noise_has() -> None:
    rng = np.random.default_rng(0)
    assert colour_scatter(pixels(grey_to_sepia(rng.integers(0, 256, (256, 256), dtype=np.uint8)))) < 0.03
    assert colour_scatter(pixels(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8))) > 0.3


@pytest.mark.parametrize("stretch", [0.8, 1.0, 1.1, 16 / 9])
def test_a_stretched_disc_tells_by_how_much(stretch: float) -> None:
    inside = np.random.default_rng(0).integers(8, 90, (700, 700)) * Disc((349.5, 349.5), 349.5).mask(700, 700)
    drawn = cv2.resize(inside.astype(np.uint8), (round(700 * stretch), 700))
    assert rim_stretch(Outlines.of(drawn)) == pytest.approx(stretch, rel=0.01)


@pytest.mark.parametrize("stretch", [1.0, 1.1, 1.25])
def test_a_strip_below_does_not_hide_the_stretch(stretch: float) -> None:
    rng = np.random.default_rng(0)
    screen = np.zeros((1000, 1000), np.uint8)
    screen[:750, 125:875] = rng.integers(8, 90, (750, 750)) * Disc((374.5, 374.5), 374.5).mask(750, 750)
    screen[730:] = rng.integers(8, 120, (270, 1000))  # over the disc's lowest part
    drawn = cv2.resize(screen, (round(1000 * stretch), 1000))
    assert rim_stretch(Outlines.of(drawn), find_disc(drawn)) == pytest.approx(stretch, rel=0.02)


@pytest.mark.parametrize("level", [0, 25, 225])
@pytest.mark.parametrize("stretch", [0.75, 0.85, 1.0, 1.3, 1.6])
def test_a_screen_of_any_level_does_not_hide_the_stretch(stretch: float, level: int) -> None:
    """The disc's black square on a screen, a toolbar above it, the frame drawn as wide as the screen was."""
    frame = phantom(300001, ruler=False).frame
    side = len(frame)
    shown = pictures.with_margins(pictures.resized(frame, round(side * stretch), side), level)
    shown[:15] = (70, 80, 90)
    grey = sepia_to_grey(shown)
    assert rim_stretch(Outlines.of(grey), find_disc(grey)) == pytest.approx(stretch, rel=0.02)


def test_a_square_picture_without_a_rim_tells_no_stretch() -> None:
    noise = np.random.default_rng(0).integers(0, 200, (500, 500), dtype=np.uint8)
    assert rim_stretch(Outlines.of(noise)) is None


def test_a_catheter_half_a_radius_beside_the_middle_is_off_centre_by_a_half() -> None:
    view = FrameView(np.zeros((200, 200), np.uint8), Disc((100.0, 100.0), 80.0), (100.0, 140.0), None)
    assert off_centre(view) == pytest.approx(0.5)


def test_rays_leave_a_round_lumen_about_the_catheter_at_its_radius() -> None:
    view = FrameView(np.zeros((201, 201), np.uint8), Disc((100.0, 100.0), 100.0), (100.0, 100.0), None)
    seen = rays_of(view, shapes.mask(shapes.disc(201, (100, 100), 60)), pixel_spacing_mm=0.05)
    assert seen.mm == pytest.approx(20)
    assert np.abs(seen.edge - 60).max() <= 1.5


def test_beyond_the_picture_rays_are_black_and_stay_in_the_lumen() -> None:
    """The catheter is 10 px from the left edge of a picture without a disc; the memory before held other things."""
    grey, lumen = np.full((101, 101), 200, np.uint8), np.ones((101, 101), bool)
    view = FrameView(grey, None, (50.0, 10.0), None)
    for _ in range(20):
        held = [np.full((N, 71), 99, np.uint8) for _ in range(20)]
        del held
        seen = rays_of(view, lumen, None)
        left = seen.grey[N // 2]
        assert set(left[:9]) == {200.0}
        assert set(left[12:]) == {0.0}
        assert at_rim_share(seen) == 1.0


# Lumens that cannot be


def test_a_frame_with_its_lumen_keeps_its_result() -> None:
    frame, lumen = phantom(300000).frame, phantom(300000).masks["lumen"]
    assert why(frame, lumen, phantom(300000).spec.pixel_spacing_mm) is None


def test_without_a_lumen_nothing_is_said() -> None:
    frame = phantom(300000).frame
    assert "No lumen" in str(why(frame, np.zeros(frame.shape[:2], bool)))


def test_a_lumen_that_fills_the_disc_is_withdrawn() -> None:
    frame = phantom(300000).frame
    assert "100 % of the directions" in str(why(frame, np.ones(frame.shape[:2], bool)))


def test_a_lumen_that_fills_a_picture_without_a_rim_is_withdrawn() -> None:
    frame = pictures.cropped(phantom(300002, ruler=False).frame, 0.7)
    assert "100 % of the directions" in str(why(frame, np.ones(frame.shape[:2], bool)))


def test_a_lumen_beside_the_catheter_is_withdrawn() -> None:
    frame = phantom(300000).frame
    side = len(frame)
    beside = shapes.mask(shapes.disc(side, (side / 2, side * 0.8), side * 0.1))
    assert "does not hold the catheter" in str(why(frame, beside))


def test_a_lumen_smaller_than_the_catheter_is_withdrawn() -> None:
    """0.3 mm across, where the catheter has 0.9."""
    spec = phantom(300000).spec
    middle = (spec.size_px - 1) / 2
    small = shapes.mask(shapes.disc(spec.size_px, (middle, middle), 0.15 / spec.pixel_spacing_mm))
    assert "smaller than the catheter" in str(why(phantom(300000).frame, small, spec.pixel_spacing_mm))


def test_a_scale_ten_times_too_coarse_makes_no_coronary_artery() -> None:
    spec = phantom(300000).spec
    reason = why(phantom(300000).frame, phantom(300000).masks["lumen"], 10 * spec.pixel_spacing_mm)
    assert "more than a coronary artery" in str(reason)
    assert "check its scale" in str(reason)


# OCT frames of other exports keep their result


@pytest.mark.parametrize("seed", [300001, 300002])
@pytest.mark.parametrize("export", [name for name in pictures.EXPORTS if "px" not in name and "disc" not in name])
def test_frames_of_other_exports_keep_their_result(export: str, seed: int) -> None:
    made = phantom(seed, ruler=False)
    shown = pictures.EXPORTS[export](made.frame)
    lumen = made.masks["lumen"]
    if shown.shape != made.frame.shape:  # on a screen, 30 px down and 20 px right
        height, width = lumen.shape
        lumen = np.pad(lumen, ((30, shown.shape[0] - height - 30), (20, shown.shape[1] - width - 20)))
    assert why(shown, lumen) is None


@pytest.mark.parametrize("side", [500, 1024])
def test_frames_of_other_sizes_keep_their_result(side: int) -> None:
    made = phantom(300001)
    lumen = cv2.resize(made.masks["lumen"].view(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST) > 0
    assert why(pictures.resized(made.frame, side, side), lumen) is None


def test_a_frame_whose_disc_fills_the_square_keeps_its_result() -> None:
    made = phantom(300002, ruler=False)
    lumen = pictures.cropped(made.masks["lumen"].view(np.uint8), 0.7) > 0
    assert why(pictures.cropped(made.frame, 0.7), lumen) is None


def test_a_frame_with_residual_blood_keeps_its_result() -> None:
    made = phantom(300001, ruler=False)
    rng = np.random.default_rng(0)
    assert why(pictures.with_blood(made.frame, made.masks["lumen"], rng), made.masks["lumen"]) is None


# Pictures that get none, whatever is outlined in them


def middle_lumen(frame: np.ndarray) -> np.ndarray:
    """A round lumen about the catheter, or about the middle where none is found; two fifths of the field across."""
    height, width = frame.shape[:2]
    row, col = np.ogrid[:height, :width]
    centre = view_frame(frame).catheter_centre
    return np.hypot(row - centre[0], col - centre[1]) <= 0.2 * min(height, width)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", pictures.NO_OCT)
def test_pictures_that_are_no_oct_are_withdrawn(kind: str, seed: int) -> None:
    picture = pictures.NO_OCT[kind](np.random.default_rng(seed))
    assert why(picture, middle_lumen(picture)) is not None


@pytest.mark.parametrize("kind", [kind for kind in pictures.SPOILT if "stretched" not in kind])
def test_frames_shown_wrongly_are_withdrawn(kind: str) -> None:
    picture = pictures.SPOILT[kind](phantom(300001).frame)
    assert why(picture, middle_lumen(picture)) is not None


@pytest.mark.parametrize(("kind", "times"), [("stretched, 5:4", "1.25"), ("stretched by a tenth", "1.10")])
def test_a_stretched_frame_is_withdrawn_and_told_by_how_much(kind: str, times: str) -> None:
    picture = pictures.SPOILT[kind](phantom(300001).frame)
    assert f"{times} times as wide as it is high" in str(why(picture, middle_lumen(picture)))


def test_a_frame_with_red_and_blue_exchanged_keeps_its_result() -> None:
    assert why(pictures.swapped(phantom(300001).frame), phantom(300001).masks["lumen"]) is None


def test_a_blue_frame_is_told_to_exchange_red_and_blue() -> None:
    """In shades that no exchange makes sepia of."""
    grey = sepia_to_grey(phantom(300001).frame)
    picture = np.stack([grey // 3, grey // 2, grey], axis=-1)
    assert "exchange red and blue" in str(why(picture, phantom(300001).masks["lumen"]))


def test_a_frame_in_jet_is_told_of_its_colour_map() -> None:
    """Black is blue there, so that it is bluer than a frame whose channels were exchanged."""
    grey = sepia_to_grey(phantom(300001).frame)
    picture = np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_JET)[..., ::-1])
    assert "without a colour map" in str(why(picture, phantom(300001).masks["lumen"]))


def test_a_negative_is_told_to_exchange_black_and_white() -> None:
    picture = pictures.inverted(phantom(300001, grey=True).frame)
    assert "exchange black and white" in str(why(picture, phantom(300001, grey=True).masks["lumen"]))


def test_a_picture_without_disc_and_catheter_is_told_so() -> None:
    picture = pictures.texture(np.random.default_rng(0))
    assert "Neither an imaged disc nor a catheter" in str(why(picture, middle_lumen(picture)))


def test_a_smooth_drawing_of_a_vessel_is_told_that_speckle_is_missing() -> None:
    picture = pictures.target(np.random.default_rng(0))
    row, col = np.ogrid[: len(picture), : len(picture)]
    middle = (len(picture) - 1) / 2
    level = picture[round(middle), :, 0]
    front = int(np.flatnonzero(level[round(1.2 * middle) :] > 50)[0]) + round(1.2 * middle)
    assert "no speckle" in str(why(picture, np.hypot(row - middle, col - middle) < front - middle))


def test_a_catheter_far_from_the_disc_s_middle_is_withdrawn() -> None:
    """As where another circle on a screen was taken for the disc."""
    frame, lumen = phantom(300001).frame, phantom(300001).masks["lumen"]
    view = view_frame(frame)
    assert view.disc is not None
    row, col = view.catheter_centre
    elsewhere = replace(view, disc=Disc((row, col - 0.6 * view.disc.radius_px), view.disc.radius_px))
    assert "near the middle of the imaged disc" in str(why_withdrawn(frame, elsewhere, lumen, None))


@pytest.mark.parametrize("level", [0, 16, 60, 255])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_filler_of_one_level_is_called_one_with_and_without_letters(level: int, noise: float) -> None:
    rng = np.random.default_rng(level)
    grey = np.clip(rng.normal(level, noise, (704, 704)), 0, 255).astype(np.uint8)
    for lettered in (False, True):
        frame = cv2.merge([grey] * 3)
        if lettered:
            frame[20:40, 20:240] = 255 - level
        said = why_withdrawn(frame, view_frame(frame), np.zeros(grey.shape, bool), None)
        assert said is not None
        assert said.startswith("This picture has one level all over")
        assert said.endswith("leave it out.")
