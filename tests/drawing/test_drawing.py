import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import BY_NAME, CLASS_NAMES
from octseg.drawing.lettering import bar_length_mm
from octseg.drawing.overlay import draw_overlay
from octseg.drawing.screen import encode_jpeg
from octseg.drawing.strokes import dashes, outlines
from octseg.view.grey import grey_to_sepia

Mask = NDArray[np.bool_]


def disc(radius: float, size: int = 300, centre: tuple[float, float] = (150.0, 150.0)) -> Mask:
    row, col = np.ogrid[:size, :size]
    return (row - centre[0]) ** 2 + (col - centre[1]) ** 2 <= radius**2


def tissue(size: int = 300) -> NDArray[np.uint8]:
    """(size, size, 3) sepia speckle of a fixed seed, grey levels 60 to 200."""
    grey = np.random.default_rng(0).integers(60, 200, (size, size), dtype=np.uint8)
    return grey_to_sepia(cv2.GaussianBlur(grey, (0, 0), 1.5))


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Mask:
    return (before != after).any(axis=2)


def test_an_overlay_leaves_the_frame_it_is_given_as_it_was() -> None:
    frame = tissue()
    before = frame.copy()
    draw_overlay(frame, {"lumen": disc(60)}, legend=True, pixel_spacing_mm=0.02, caption="words")
    np.testing.assert_array_equal(frame, before)


def test_without_masks_the_overlay_is_the_frame() -> None:
    frame = tissue()
    np.testing.assert_array_equal(draw_overlay(frame, dict.fromkeys(CLASS_NAMES, np.zeros((300, 300), bool))), frame)


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_an_outline_runs_along_the_border_and_leaves_the_inside_alone(name: str) -> None:
    frame = tissue()
    touched = changed(frame, draw_overlay(frame, {name: disc(80)}, style="outline"))
    assert touched.any()
    assert not touched[disc(76)].any()
    assert not touched[~disc(84)].any()


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_a_fill_changes_all_of_the_tissue_and_nothing_else(name: str) -> None:
    frame = np.full((300, 300, 3), 128, np.uint8)
    np.testing.assert_array_equal(changed(frame, draw_overlay(frame, {name: disc(80)}, style="fill")), disc(80))


def test_opacity_one_on_the_hatch_shows_the_colour_and_opacity_zero_shows_the_frame() -> None:
    frame = tissue()
    solid = draw_overlay(frame, {"lipid_core": disc(80)}, style="fill", opacity=0.0)
    np.testing.assert_array_equal(solid, frame)
    nearer = draw_overlay(frame, {"lipid_core": disc(80)}, style="fill", opacity=1.0)
    colour = np.array(BY_NAME["lipid_core"].colour)
    assert np.abs(nearer - colour)[disc(80)].mean() < 0.5 * np.abs(frame - colour)[disc(80)].mean()


def test_only_the_classes_asked_for_are_drawn() -> None:
    frame, masks = tissue(), {"lumen": disc(40, centre=(80, 80)), "lipid_core": disc(40, centre=(220, 220))}
    np.testing.assert_array_equal(
        draw_overlay(frame, masks, classes=["lipid_core"]), draw_overlay(frame, {"lipid_core": masks["lipid_core"]})
    )


def gaps_along_the_outline(picture: NDArray[np.uint8], radius: float, centre: float) -> int:
    """How often the outline of a disc on black is interrupted; the disc's centre is at (centre, centre)."""
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    across = np.arange(radius - 3, radius + 3)[:, None]
    row, col = (np.rint(centre + across * turn(angle)).astype(int) for turn in (np.sin, np.cos))
    drawn = picture[row, col].max(axis=(0, 2)) > 60
    return int(np.count_nonzero(drawn & ~np.roll(drawn, 1)))


def test_tissues_differ_in_pattern_and_not_in_hue_alone() -> None:
    frame, circle = np.zeros((1000, 1000, 3), np.uint8), disc(300, 1000, (500, 500))
    outlined = {name: draw_overlay(frame, {name: circle}, style="outline") for name in CLASS_NAMES}
    gaps = {name: gaps_along_the_outline(picture, 300, 500) for name, picture in outlined.items()}
    assert gaps["lumen"] == gaps["lipid_core"] == 0
    assert 50 < gaps["fibrous_cap"] < gaps["vasa_vasorum"] / 2
    filled = {name: draw_overlay(frame, {name: circle}, style="fill")[circle] for name in CLASS_NAMES}
    tints = {name: len(np.unique(pixels, axis=0)) for name, pixels in filled.items()}
    assert tints == {"lumen": 1, "fibrous_cap": 1, "lipid_core": 2, "vasa_vasorum": 1}  # 2: hatched


def test_a_grey_background_has_no_colour_where_nothing_is_drawn() -> None:
    picture = draw_overlay(tissue(), {"lipid_core": disc(60)}, grey=True)
    outside = picture[~disc(70)]
    assert (outside == outside[:, :1]).all()


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    frame = np.zeros((1000, 1000, 3), np.uint8)
    picture = draw_overlay(frame, {}, pixel_spacing_mm=0.007)
    bar_row = picture[np.flatnonzero(picture.any(axis=(1, 2)))[-1], :, 0]
    assert np.count_nonzero(bar_row > 128) == pytest.approx(1.0 / 0.007, abs=1)


def test_without_a_scale_there_is_no_bar() -> None:
    frame = np.zeros((300, 300, 3), np.uint8)
    assert not draw_overlay(frame, {}, legend=True, pixel_spacing_mm=None).any()


@pytest.mark.parametrize(
    ("width_px", "spacing_mm", "length_mm"), [(750, 1 / 149.7, 1.0), (1024, 1 / 204.2, 1.0), (704, 0.009957, 1.0)]
)
def test_the_usual_zooms_get_a_bar_of_a_millimetre(width_px: int, spacing_mm: float, length_mm: float) -> None:
    assert bar_length_mm(width_px, spacing_mm) == length_mm


def test_a_frame_too_coarse_for_any_round_length_gets_no_bar() -> None:
    assert bar_length_mm(4, 0.1) is None


def test_the_legend_names_what_is_drawn_and_stays_in_its_corner() -> None:
    frame = np.zeros((750, 750, 3), np.uint8)
    one = draw_overlay(frame, {"lumen": disc(60, 750, (300, 400))}, legend=True)
    two = draw_overlay(
        frame, {"lumen": disc(60, 750, (300, 400)), "lipid_core": disc(40, 750, (300, 600))}, legend=True
    )
    corner = np.s_[550:, :200]
    assert np.count_nonzero(two[corner]) > np.count_nonzero(one[corner]) > 0
    row, col = np.nonzero(one.any(axis=2) & ~disc(66, 750, (300, 400)))
    assert row.min() > 650
    assert col.max() < 200


@pytest.mark.parametrize(("below", "last_row"), [(250, 743), (20, 993)])
def test_legend_and_bar_stay_above_the_strip_along_the_vessel(below: int, last_row: int) -> None:
    frame = np.zeros((1000, 1000, 3), np.uint8)
    radius = (1000 - below) / 2
    imaged = disc(radius, 1000, (radius, 500.0))
    lumen = disc(60, 1000, (300, 500))
    picture = draw_overlay(frame, {"lumen": lumen}, disc=imaged, pixel_spacing_mm=0.0067, legend=True)
    left, right = picture[:, :300].any(axis=(1, 2)), picture[:, 700:].any(axis=(1, 2))
    assert [int(np.flatnonzero(side)[-1]) for side in (left, right)] == pytest.approx([last_row] * 2, abs=8)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 9))
def test_no_frame_is_too_small_to_draw_on(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = {name: rng.random((height, width)) < 0.5 for name in CLASS_NAMES}
    picture = draw_overlay(
        np.zeros((height, width, 3), np.uint8), masks, legend=True, pixel_spacing_mm=0.01, caption="Research use only"
    )
    assert picture.shape == (height, width, 3)


def test_a_mask_of_another_size_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"mask lumen must be \(300, 300\) bool, got \(200, 200\)"):
        draw_overlay(tissue(), {"lumen": disc(20, 200)})


def test_a_tissue_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="calcium"):
        draw_overlay(tissue(), {"lumen": disc(20)}, classes=["calcium"])


def test_an_outline_follows_a_circle_to_half_a_pixel() -> None:
    (outline,) = outlines(disc(100))
    distance = np.hypot(*(outline - 150.0).T)
    assert np.abs(distance - 100).max() < 1.0
    assert np.abs(distance - distance.mean()).mean() < 0.3


def test_a_hole_has_an_outline_of_its_own() -> None:
    assert len(outlines(disc(100) & ~disc(50))) == 2


def test_dashes_share_the_outline_evenly() -> None:
    square = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)
    cut = dashes(square, dash_px=6.0, gap_px=4.0)
    assert len(cut) == 40
    lengths = [np.hypot(*np.diff(dash, axis=0).T).sum() for dash in cut]
    assert np.mean(lengths) == pytest.approx(6.0, abs=0.2)


def test_a_line_without_gaps_ends_where_it_began() -> None:
    square = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)
    (closed,) = dashes(square, dash_px=1.0, gap_px=0.0)
    np.testing.assert_allclose(closed[0], closed[-1], atol=1e-3)


def test_the_picture_for_a_screen_is_a_jpeg_of_the_same_colours() -> None:
    picture = np.full((64, 64, 3), (86, 180, 233), np.uint8)
    image = Image.open(io.BytesIO(encode_jpeg(picture)))
    assert image.format == "JPEG"
    assert np.abs(np.asarray(image, int) - picture).max() <= 3


def test_thin_outlines_keep_their_colour_on_the_screen() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 31] = BY_NAME["fibrous_cap"].colour
    line = np.asarray(Image.open(io.BytesIO(encode_jpeg(picture))), int)[:, 31].mean(axis=0)
    assert np.abs(line - BY_NAME["fibrous_cap"].colour).max() < 25


def test_every_tissue_of_real_frames_stands_out_from_what_is_around_it(real_frames: Path) -> None:
    stem = real_frames / "train"
    frame = cv2.imread(str(stem / "img" / "001_1_003.png"))[..., ::-1].copy()
    planes = tifffile.imread(stem / "mask" / "001_1_003.tiff") > 0
    for number, name in enumerate(CLASS_NAMES):
        picture = draw_overlay(frame, {name: planes[..., number]}, style="outline")
        touched = changed(frame, picture)
        shift = np.abs(picture.astype(int) - frame)[touched].max(axis=1)
        assert np.percentile(shift, 75) > 60, name
