"""Preprocessing: disc found, marks painted out, and two domains that each bring a mask back to where it was."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from octseg.phantom import make_phantom, random_spec, render
from octseg.reading import read_pullback
from octseg.view.cleaning import paint_out
from octseg.view.disc import Disc, find_disc
from octseg.view.grey import grey_to_sepia, sepia_to_grey
from octseg.view.preprocessing import (
    FrameView,
    PreprocessingConfig,
    planes_to_input,
    to_frame,
    to_input,
    view_frame,
)
from tests.fakes.pictures import on_black_level, swapped, through_jpeg

CARTESIAN = PreprocessingConfig(domain="cartesian")
POLAR = PreprocessingConfig(domain="polar", wrap_rays=32)
CONFIGS = [CARTESIAN, POLAR, PreprocessingConfig(domain="polar", size=(384, 256), wrap_rays=0)]


def noise_disc(height: int, width: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    """(height, width) uint8: noise of tissue-like levels in a disc, black outside."""
    inside = Disc(centre, radius).mask(height, width)
    return (np.random.default_rng(0).integers(8, 90, (height, width)) * inside).astype(np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "centre", "radius"),
    [
        (750, 750, (374.5, 374.5), 374.5),  # a square frame, the disc touching its edges
        (704, 704, (351.5, 351.5), 350.0),
        (900, 1200, (430.0, 640.0), 380.0),  # margins
        (1024, 1024, (500.0, 530.0), 300.0),
        (600, 800, (299.5, 399.5), 340.0),  # cut off above and below
    ],
)
def test_the_disc_is_found_to_a_pixel(height: int, width: int, centre: tuple[float, float], radius: float) -> None:
    disc = find_disc(noise_disc(height, width, centre, radius))
    assert disc is not None
    assert disc.centre == pytest.approx(centre, abs=1.2)
    assert disc.radius_px == pytest.approx(radius, abs=1.5)


@pytest.mark.parametrize(("image_format", "quality"), [("JPEG", 95), ("JPEG", 85), ("JPEG", 60), ("WEBP", 80)])
def test_the_stains_of_lossy_coding_do_not_widen_the_disc(image_format: str, quality: int) -> None:
    """They widened it by 1 to 2 %, and with it a scale from its diameter, and what percent of it is lipid."""
    for seed in range(6):
        phantom = make_phantom(seed)
        stream = io.BytesIO()
        Image.fromarray(phantom.frame).save(stream, image_format, quality=quality)
        disc = find_disc(sepia_to_grey(next(iter(read_pullback(stream.getvalue())))))
        assert disc is not None
        assert disc.radius_px == pytest.approx(phantom.spec.size_px / 2, rel=0.006)


@pytest.mark.parametrize("black", [10, 30, 60])
def test_a_disc_on_a_ground_that_is_not_black_is_found_to_a_pixel(black: int) -> None:
    frame = noise_disc(750, 750, (374.5, 374.5), 374.5)
    disc = find_disc(np.rint(black + frame * ((255 - black) / 255)).astype(np.uint8))
    assert disc is not None
    assert disc.centre == pytest.approx((374.5, 374.5), abs=1.2)
    assert disc.radius_px == pytest.approx(374.5, abs=1.5)


@pytest.mark.parametrize("level", [0, 25, 225])
def test_a_frame_in_the_corner_of_a_screen_is_found_on_it(level: int) -> None:
    screen = np.full((1080, 1920), level, np.uint8)
    screen[150:900, 20:770] = noise_disc(750, 750, (374.5, 374.5), 374.5)
    screen[60:460, 1000:1800] = np.random.default_rng(1).integers(0, 120, (400, 800))  # a view beside it
    disc = find_disc(screen)
    assert disc is not None
    assert disc.centre == pytest.approx((524.5, 394.5), abs=1.5)
    assert disc.radius_px == pytest.approx(374.5, abs=2.0)


@pytest.mark.parametrize("gap", [40, 0, -30])
def test_captions_and_a_strip_below_do_not_move_the_disc(gap: int) -> None:
    """An L-mode strip under the disc, with a gap, touching it, or overlapping its lowest part."""
    frame = noise_disc(1150, 1300, (400.0, 600.0), 370.0)
    cv2.putText(frame, "NAME 01-02-1960  PULLBACK 3", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    cv2.putText(frame, "54.0 mm", (1050, 700), cv2.FONT_HERSHEY_SIMPLEX, 1, 200, 2)
    top = 771 + gap
    frame[top : top + 250, 40:1260] = np.random.default_rng(1).integers(8, 120, (250, 1220))
    disc = find_disc(frame)
    assert disc is not None
    assert disc.centre == pytest.approx((400.0, 600.0), abs=1.5)
    assert disc.radius_px == pytest.approx(370.0, abs=2.0)


def test_a_frame_without_a_disc_has_none() -> None:
    rng = np.random.default_rng(0)
    assert find_disc(np.zeros((400, 400), np.uint8)) is None
    assert find_disc(rng.integers(0, 255, (400, 500)).astype(np.uint8)) is None
    strip = np.zeros((400, 600), np.uint8)
    strip[100:300, 50:550] = rng.integers(20, 200, (200, 500))
    assert find_disc(strip) is None


def test_a_frame_without_a_disc_is_taken_whole_with_a_warning() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 1), np.uint8).repeat(3, axis=2)
    view = view_frame(noise)
    assert view.disc is None
    assert "Neither an imaged disc nor a catheter was found" in view.warnings[0]


@pytest.mark.parametrize("colouring", ["sepia", "grey"])
def test_a_frame_with_red_and_blue_exchanged_is_seen_as_it_was_with_a_word(colouring: str) -> None:
    """A grey one tells of it by its ruler alone."""
    frame = render(random_spec(300001, ruler=True, colouring=colouring)).frame
    right, view = view_frame(frame), view_frame(swapped(frame))
    assert np.array_equal(view.grey, right.grey)
    assert view.ruler is not None
    assert right.ruler is not None
    assert view.ruler.pitch_px == right.ruler.pitch_px
    assert "Red, green and blue are exchanged" in view.warnings[0]
    assert right.warnings == ()


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
def test_a_sepia_frame_with_its_channels_in_any_order_is_seen_as_it_was_with_a_word(order: tuple[int, ...]) -> None:
    frame = render(random_spec(300001, ruler=True, colouring="sepia")).frame
    view = view_frame(np.ascontiguousarray(frame[..., order]))
    assert np.array_equal(view.grey, view_frame(frame).grey)
    assert "are exchanged in this picture" in view.warnings[0]


@pytest.mark.parametrize("black", [30, 60, 90])
def test_a_lifted_black_is_brought_down(black: int) -> None:
    """Lipid was outlined a fifth smaller on a black of 60, for all that is faint is closer to what is bright."""
    made = render(random_spec(300001, ruler=False, colouring="grey"))
    lifted = view_frame(through_jpeg(on_black_level(made.frame, black), 80)).grey
    inside = Disc(((made.spec.size_px - 1) / 2,) * 2, 0.45 * made.spec.size_px).mask(*lifted.shape)
    expected = view_frame(made.frame).grey
    assert np.median(lifted[inside]) == pytest.approx(np.median(expected[inside]), abs=3)
    assert lifted[inside].mean() == pytest.approx(expected[inside].mean(), rel=0.05)


def test_what_lies_outside_the_disc_is_blanked() -> None:
    phantom = make_phantom(3)
    framed = cv2.copyMakeBorder(phantom.frame, 60, 90, 120, 30, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    cv2.putText(framed, "PATIENT 1234", (5, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    view = view_frame(framed)
    assert view.disc is not None
    assert not view.grey[:45].any()
    assert not view.grey[:, :100].any()


def test_the_ruler_is_painted_out_with_tissue() -> None:
    """Where a phantom bears the ruler, its cleaned grey levels have the mean and spread of the one without it."""
    spec = replace(random_spec(0), ruler=True)
    marked, plain = render(spec).frame, render(replace(spec, ruler=False)).frame
    burned_in = np.abs(marked.astype(int) - plain).max(axis=2) > 20
    assert burned_in.sum() > 500
    painted, never = view_frame(marked).grey[burned_in].astype(float), view_frame(plain).grey[burned_in].astype(float)
    assert painted.mean() == pytest.approx(never.mean(), rel=0.1)
    assert painted.std() == pytest.approx(never.std(), rel=0.15)


def test_painting_out_takes_levels_from_beside_the_mark() -> None:
    grey = np.full((60, 60), 40, np.uint8)
    grey[:, 30:] = 90
    marks = np.zeros((60, 60), bool)
    marks[10:50, 10:13] = marks[10:50, 45:48] = True
    spoiled = grey.copy()
    spoiled[marks] = 255
    np.testing.assert_array_equal(paint_out(spoiled, marks), grey)


def test_grey_and_sepia_frames_look_the_same_to_the_network() -> None:
    grey = cv2.GaussianBlur(noise_disc(700, 700, (349.5, 349.5), 349.0), (0, 0), 1.5)
    as_grey, as_sepia = (view_frame(frame).grey for frame in (np.repeat(grey[..., None], 3, 2), grey_to_sepia(grey)))
    assert np.abs(as_grey.astype(int) - as_sepia).mean() < 1.0


def view_of(masks: np.ndarray, disc: Disc, catheter: tuple[float, float]) -> FrameView:
    return FrameView(np.zeros(masks.shape[1:], np.uint8), disc, catheter, None)


def boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels within 1.5 px of a mask's edge."""
    kernel = np.ones((3, 3), np.uint8)
    as_byte = mask.astype(np.uint8)
    return (cv2.dilate(as_byte, kernel) != cv2.erode(as_byte, kernel)).astype(bool)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.domain}-{c.size[0]}x{c.size[1]}")
@pytest.mark.parametrize(
    ("shape", "disc", "catheter"),
    [
        ((704, 704), Disc((351.5, 351.5), 352.0), (351.5, 351.5)),
        ((750, 750), Disc((374.0, 374.2), 374.0), (390.0, 350.0)),  # a catheter off the centre
        ((1150, 1300), Disc((400.0, 600.0), 370.0), (401.0, 598.0)),  # a disc in a larger frame
        ((300, 400), Disc((149.5, 199.5), 190.0), (149.5, 199.5)),  # cut off above and below
    ],
)
def test_masks_sent_through_and_back_lose_no_more_than_the_resampling(
    config: PreprocessingConfig, shape: tuple[int, int], disc: Disc, catheter: tuple[float, float]
) -> None:
    """A blob across the seam of the angle, one around the catheter, one at the rim: area within 1 %, edges in place."""
    row, col = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = np.degrees(np.arctan2(row - catheter[0], col - catheter[1]))
    radius = np.hypot(row - catheter[0], col - catheter[1])
    reach = disc.radius_px
    inside = disc.mask(*shape)
    masks = np.stack(
        [
            (np.abs(angle) < 25) & (radius > 0.4 * reach) & (radius < 0.7 * reach),
            np.hypot(row - catheter[0] - 10, col - catheter[1] + 15) < 0.35 * reach,
            (angle > 60) & (angle < 140) & (radius > 0.6 * reach),
        ]
    )
    masks &= inside
    view = view_of(masks, disc, catheter)
    back = to_frame(planes_to_input(masks.astype(np.float32), view, config), view, config) > 0.5
    step_px = 2 * np.pi * reach / config.size[0] if config.domain == "polar" else 2 * reach / config.size[0]
    for before, after in zip(masks, back, strict=True):
        wrong = before != after
        assert after.sum() == pytest.approx(before.sum(), rel=0.01)
        thick = cv2.dilate(boundary(before).astype(np.uint8), np.ones((3, 3)), iterations=int(np.ceil(step_px / 2)))
        assert not (wrong & (thick == 0) & inside).any()


def test_polar_rows_are_angles_and_columns_depths_about_the_catheter() -> None:
    """A spot 100 px to the right lies in the first ray that is not wrapped, one below it a quarter turn later."""
    disc, catheter = Disc((200.0, 200.0), 200.0), (200.0, 200.0)
    grey = np.zeros((401, 401), np.uint8)
    grey[198:203, 298:303] = grey[298:303, 198:203] = 255
    config = PreprocessingConfig(domain="polar", size=(464, 400), wrap_rays=32)
    seen = to_input(FrameView(grey, disc, catheter, None), config)
    rays = np.flatnonzero(seen[:, 195:205].max(axis=1) > 200)
    assert {int(ray) for ray in rays} >= {32, 132}  # 400 rays a turn: 32 wrapped rows, then 0 and 90 degrees
    assert seen[32].argmax() == pytest.approx(100 / 200 * 400, abs=5)


def test_polar_input_repeats_the_other_end_in_its_wrapped_rows() -> None:
    view = view_frame(make_phantom(1).frame)
    seen = to_input(view, POLAR)
    np.testing.assert_array_equal(seen[:32], seen[448 : 448 + 32])
    np.testing.assert_array_equal(seen[-32:], seen[32:64])


def test_probability_outside_the_disc_is_0() -> None:
    view = view_of(np.zeros((1, 300, 300)), Disc((150.0, 150.0), 100.0), (150.0, 150.0))
    for config in CONFIGS:
        back = to_frame(np.ones((4, *config.size), np.float32), view, config)
        assert back.shape == (4, 300, 300)
        assert not back[:, ~view.disc.mask(300, 300)].any()
        assert back[:, Disc((150.0, 150.0), 97.0).mask(300, 300)].min() == pytest.approx(1.0)


def test_real_frames_show_their_disc_and_catheter(real_frames: Path) -> None:
    for path in sorted((real_frames / "test" / "img").glob("*.png")):
        view = view_frame(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))
        assert view.warnings == ()
        assert view.disc is not None
        assert view.disc.radius_px == pytest.approx(375, abs=2)
        assert view.catheter_centre == pytest.approx((373.2, 373.2), abs=2)
