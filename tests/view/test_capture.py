"""Captures of screens and pages: the frame on them is found and measured as if it were alone, or refused."""

from functools import lru_cache

import cv2
import numpy as np
import pytest

from octseg.decoding.withdrawal import why_withdrawn
from octseg.phantom import Phantom, make_phantom, random_spec, render
from octseg.view import find_pixel_scale
from octseg.view.capture import flat_share, locate, rim_clearness
from octseg.view.disc import Disc
from octseg.view.preprocessing import view_frame
from tests.fakes.captures import CAPTURES, Capture, angiogram, screen, strip, toolbars, write
from tests.fakes.pictures import Picture, resized

REFUSED = (
    *(kind for kind in CAPTURES if "photograph," in kind),
    *("two side by side", "three in a row", "negative on light", "negative on dark"),
)
WITHOUT_RULER = (*(kind for kind in CAPTURES if "ground of 60" in kind), "slide, JPEG")  # its colours are lost
FOUND = (
    *("screen of level 8", "screen of level 255", "blue screen", "dark screen with round angiogram"),
    *("grey screen with grid", "light screen with logo", "black screen with large round angiogram"),
    *("dark screen with toolbars", "half size on dark", "twice its size on dark", "disc alone on white"),
    *("strip above", "strip below, on light", "slide, small", "slide, JPEG", "light screen, JPEG"),
    *(
        "window on a photograph",
        "ground of a gradient",
        "thin border",
        "edges cut by 15 %",
        "two monitors",
        "arrows over it",
        "exchanged colours on dark",
    ),
    *("ground of 60, JPEG", "ground of 60 on a light screen", "ground of 60 on a black screen, JPEG"),
)


@lru_cache(maxsize=2)
def phantom(*, ruler: bool = True) -> Phantom:
    """A frame of 750 px."""
    return render(random_spec(310000, size_px=750, ruler=ruler, colouring="sepia"))


def captured(kind: str) -> Capture:
    return CAPTURES[kind](phantom().frame, np.random.default_rng(0))


def why(picture: Picture, lumen: np.ndarray) -> str | None:
    view = view_frame(picture)
    return why_withdrawn(picture, view, lumen, find_pixel_scale(picture, ruler=view.ruler).pixel_spacing_mm)


@pytest.mark.parametrize("kind", FOUND)
def test_a_frame_on_a_screen_or_page_is_found_and_has_its_own_scale(kind: str) -> None:
    made, capture = phantom(), captured(kind)
    view = view_frame(capture.picture)
    side = capture.times * len(made.frame)
    assert view.disc is not None
    middle = (capture.top + (side - 1) / 2, capture.left + (side - 1) / 2)
    assert view.disc.centre == pytest.approx(middle, abs=0.01 * side)
    assert 2 * view.disc.radius_px == pytest.approx(side, rel=0.02)
    assert view.catheter_centre == pytest.approx(middle, abs=0.05 * side)
    assert why(capture.picture, capture.place(made.masks["lumen"])) is None
    scale = find_pixel_scale(capture.picture, ruler=view.ruler).pixel_spacing_mm
    if kind not in WITHOUT_RULER:
        assert scale == pytest.approx(made.spec.pixel_spacing_mm / capture.times, rel=0.01)


@pytest.mark.parametrize("kind", ["screen of level 25", "light screen with view", "blue screen"])
def test_on_a_screen_a_frame_has_the_levels_that_it_has_alone(kind: str) -> None:
    """A screen that is not sepia made the whole picture one that is not: dark levels came out darker."""
    capture, alone = captured(kind), view_frame(phantom().frame).grey
    side = len(alone)
    shown = view_frame(capture.picture).grey[capture.top : capture.top + side, capture.left : capture.left + side]
    inside = Disc(((side - 1) / 2,) * 2, 0.97 * side / 2).mask(side, side)
    assert np.abs(shown.astype(int) - alone)[inside].mean() < 0.1


@pytest.mark.parametrize("kind", REFUSED)
def test_several_frames_negatives_and_photographs_askew_are_refused(kind: str) -> None:
    capture = captured(kind)
    told = str(why(capture.picture, capture.place(phantom().masks["lumen"])))
    assert "nothing is said of" in told
    if kind == "two side by side":
        assert "shows 2 OCT frames" in told
        assert "give each by itself" in told


@pytest.mark.parametrize(
    ("rows", "columns", "ground"), [(2, 2, 0), (2, 2, 30), (2, 3, 30), (2, 3, 255), (3, 3, 0), (3, 3, 255), (1, 5, 0)]
)
def test_the_frames_of_a_sheet_are_counted(rows: int, columns: int, ground: int) -> None:
    frame = resized(phantom().frame, 375, 375)
    picture = np.full((10 + 385 * rows, 10 + 385 * columns, 3), ground, np.uint8)
    for row in range(rows):
        for col in range(columns):
            picture[10 + 385 * row :, 10 + 385 * col :][:375, :375] = frame
    assert locate(picture).frame_count == rows * columns


def test_a_preview_beside_a_frame_is_no_second_frame() -> None:
    frame = phantom().frame
    picture = screen(30, 800, 1100)
    picture[20:770, 20:770] = frame
    picture[100:350, 800:1050] = frame[::3, ::3]
    assert locate(picture).frame_count == 1


def page(kind: str) -> Picture:
    rng = np.random.default_rng(3)
    picture = screen(255 if kind == "text" else 30)
    if kind == "strip":
        picture[300:700, 200:1500] = strip(rng, 400, 1300)
    if kind == "angiogram":
        picture[100:900, 500:1300] = angiogram(rng, 800, round_field=True)
    if kind == "text":
        for line in range(20):
            write(picture, "lumen area 5.31 mm2, plaque burden 61 %", 100 + 45 * line, 150, (20, 20, 20), 1.2)
    toolbars(picture, rng, dark=kind != "text")
    return picture


@pytest.mark.parametrize("kind", ["strip", "angiogram", "text"])
def test_a_page_without_a_frame_is_refused(kind: str) -> None:
    picture = page(kind)
    row, col = np.ogrid[: picture.shape[0], : picture.shape[1]]
    centre = view_frame(picture).catheter_centre
    assert "nothing is said of" in str(why(picture, np.hypot(row - centre[0], col - centre[1]) < 200))


def test_a_page_of_a_preset_s_size_is_no_frame_of_it() -> None:
    picture = screen(30, 1024, 1024)
    picture[100:850, 100:850] = phantom(ruler=False).frame
    scale = find_pixel_scale(picture, preset="1024")
    assert scale.pixel_spacing_mm is None
    assert "preset 1024 is for frames of 1024 x 1024 pixels, and this one shows a disc of 7" in " ".join(scale.warnings)


def test_a_field_of_view_is_that_of_the_disc_and_not_of_the_page() -> None:
    kind = "dark screen with large round angiogram"
    capture = CAPTURES[kind](phantom(ruler=False).frame, np.random.default_rng(0))
    assert find_pixel_scale(capture.picture, preset="7 mm").pixel_spacing_mm == pytest.approx(7 / 750, rel=0.01)


def test_a_frame_alone_is_taken_whole() -> None:
    place = locate(phantom().frame)
    assert place.part == (slice(0, 750), slice(0, 750))
    assert (place.frame_count, place.is_page) == (1, False)


@pytest.mark.parametrize("seed", [8, 11, 18, 23, 24, 48])
def test_a_small_copy_of_a_frame_is_no_page(seed: int) -> None:
    """Its ruler's dots lie to a pixel, so that the gaps between them grow as in a photograph askew."""
    assert not view_frame(resized(make_phantom(seed).frame, 256, 256)).is_page


def test_blocks_of_one_level_are_flat_and_noise_is_not() -> None:
    picture = np.full((64, 64), 90, np.uint8)
    picture[:, 32:] = np.random.default_rng(0).integers(0, 255, (64, 32))
    assert flat_share(picture) == 0.5


def test_a_rim_between_noise_and_a_flat_ground_is_clear_and_one_within_either_is_not() -> None:
    grey = np.full((400, 400), 30, np.uint8)
    inside = Disc((200.0, 200.0), 100.0).mask(400, 400)
    grey[inside] = np.random.default_rng(0).integers(60, 255, int(inside.sum()))
    assert rim_clearness(grey, Disc((200.0, 200.0), 100.0)) > 0.95
    assert rim_clearness(grey, Disc((200.0, 200.0), 60.0)) < 0.3
    assert rim_clearness(grey, Disc((200.0, 200.0), 150.0)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0, 12])
@pytest.mark.parametrize("across", [2, 3], ids=["a square", "a strip"])
@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_sheet_of_square_frames_is_several_whose_corners_lie_on_a_circle_too(
    ground: int, across: int, gap: int
) -> None:
    frames = [make_phantom(seed).frame for seed in (3, 9, 6, 19)]
    cells = [cv2.resize(each, (400, 400), interpolation=cv2.INTER_AREA) for each in frames]
    padded = [np.pad(each, ((gap, 0), (gap, 0), (0, 0)), constant_values=ground) for each in cells]
    rows = [padded[:2], padded[2:]] if across == 2 else [padded[:3]]
    place = locate(np.ascontiguousarray(np.vstack([np.hstack(row) for row in rows])))
    assert place.is_page
    assert place.frame_count >= 2


@pytest.mark.parametrize(("side", "is_page"), [(1100, True), (400, False)])
def test_a_picture_that_goes_on_beyond_its_ruler_is_no_cut_of_a_disc(side: int, is_page: bool) -> None:
    """The noise of a photograph of a screen leaves no flat ground, nor has what is cut about a disc's middle one."""
    phantom = render(random_spec(3, ruler=True))
    shown = np.full((1100, 1100, 3), 45.0)
    height, width = phantom.frame.shape[:2]
    top, left = (1100 - height) // 2, (1100 - width) // 2
    shown[top : top + height, left : left + width] = phantom.frame
    noise = np.random.default_rng(0).normal(12, 3, shown.shape)
    first = (1100 - side) // 2
    photograph = (0.85 * shown + noise).clip(0, 255).astype(np.uint8)[first : first + side, first : first + side]
    view = view_frame(np.ascontiguousarray(photograph))
    assert view.ruler is not None
    assert (view.disc, view.is_page) == (None, is_page)
