"""The scale bar that exports bear in a corner: read to half a pixel, or not at all."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from octseg.phantom import ScaleBar, make_phantom
from octseg.phantom.exports import draw_bar
from octseg.pullback import Frame
from octseg.view import find_bars, find_pixel_scale
from octseg.view.bar.shape import boxes_in, median_level
from octseg.view.preprocessing import view_frame

TURNED: dict[str, Callable[[Frame], Frame]] = {
    "as it is": lambda frame: frame,
    "upside down": lambda frame: frame[::-1],
    "mirrored": lambda frame: frame[:, ::-1],
    "half a turn": lambda frame: frame[::-1, ::-1],
    "a quarter turn": lambda frame: np.rot90(frame),
    "rows for columns": lambda frame: frame.transpose(1, 0, 2),
}


def screen(height: int = 800, width: int = 1024, radius: int = 380, seed: int = 0) -> Frame:
    """(height, width, 3) with a disc of grey speckle in the middle of black."""
    speckle = np.random.default_rng(seed).integers(20, 120, (height, width))
    row, col = np.mgrid[:height, :width]
    speckle[np.hypot(row - (height - 1) / 2, col - (width - 1) / 2) > radius] = 0
    return np.repeat(speckle.astype(np.uint8)[:, :, None], 3, axis=2)


def with_bar(px_per_mm: float = 100.0, bar: ScaleBar | None = None, frame: Frame | None = None) -> Frame:
    shown = screen() if frame is None else frame.copy()
    draw_bar(shown, bar or ScaleBar(), 1 / px_per_mm)
    return shown


def through_jpeg(frame: Frame, quality: int) -> Frame:
    _, coded = cv2.imencode(".jpg", np.ascontiguousarray(frame[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1])


def lengths(frame: Frame) -> list[tuple[float, float]]:
    """(mm, pixels) of each bar found."""
    return [(bar.length_mm, bar.length_px) for bar in find_bars(np.ascontiguousarray(frame))]


@pytest.mark.parametrize(
    ("height", "width", "px_per_mm"),
    [(1024, 1024, 103.0), (1262, 1262, 128.0), (750, 1000, 106.6), (1000, 1100, 149.7)],
)
def test_a_bar_is_as_long_as_it_was_drawn(height: int, width: int, px_per_mm: float) -> None:
    [(mm, px)] = lengths(with_bar(px_per_mm, frame=screen(height, width, round(0.45 * height))))
    assert mm == 1.0
    assert px == pytest.approx(px_per_mm, abs=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNED)
@pytest.mark.parametrize("label", ["1 mm", "2 mm", "0.5 mm"])
def test_a_bar_is_read_whichever_way_the_frame_is_turned(turn: str, label: str) -> None:
    """A mirrored 2 looks like a 5, and an upside-down m like a w."""
    mm = float(label.split()[0])
    [(read, px)] = lengths(TURNED[turn](with_bar(110.0, ScaleBar(length_mm=mm, label=label))))
    assert (read, px) == (mm, pytest.approx(110.0 * mm, abs=0.25))


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left", "bottom right"])
@pytest.mark.parametrize("ticks", ["inwards", "both", "none"])
@pytest.mark.parametrize("upright", [False, True])
def test_a_bar_is_read_in_any_corner_with_ticks_or_without(corner: str, ticks: str, upright: bool) -> None:
    bar = ScaleBar(corner=corner, ticks=ticks, upright=upright, digit_px=18, thickness_px=2)  # type: ignore[arg-type]
    assert lengths(with_bar(101.4, bar)) == [(1.0, pytest.approx(101.4, abs=0.3))]


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 255, 0), (150, 150, 150), (0, 255, 255)])
@pytest.mark.parametrize("thickness", [1.0, 2.0, 4.0])
def test_a_bar_is_read_in_any_colour_and_thickness(colour: tuple[int, int, int], thickness: float) -> None:
    bar = ScaleBar(colour=colour, thickness_px=thickness)
    assert lengths(with_bar(101.4, bar)) == [(1.0, pytest.approx(101.4, abs=0.3))]


@pytest.mark.parametrize(
    ("label", "mm"),
    [
        ("1mm", 1.0),
        ("1.0 mm", 1.0),
        ("1,0 mm", 1.0),
        ("0,5 mm", 0.5),
        ("500 um", 0.5),
        ("1000 um", 1.0),
        ("2.0 mm", 2.0),
    ],
)
def test_a_label_is_read_as_it_is_spelt(label: str, mm: float) -> None:
    assert lengths(with_bar(100.0, ScaleBar(length_mm=mm, label=label))) == [(mm, pytest.approx(100 * mm, abs=0.3))]


@pytest.mark.parametrize(
    "label",
    ["", "1", "mm", "1 cm", "1 nm", "1 ms", "1 mm/s", "MLD 1 mm", "12 mm", "7 mm", "1.37 mm", "05 mm", "1 in", "10"],
)
def test_a_label_that_is_no_length_of_a_bar_is_not_read(label: str) -> None:
    shown = screen()
    bar = ScaleBar(label=label or " ")
    draw_bar(shown, bar, 1 / 100)
    assert lengths(shown) == []


@pytest.mark.parametrize("label", ["1 mm", "2 mm", "0.5 mm", "1000 um"])
@pytest.mark.parametrize("slant", [0.18, 0.25])
def test_a_label_in_italics_is_read_as_what_it_says(label: str, slant: float) -> None:
    """A slanted 1 looks more like an upright 2 than like an upright 1."""
    frame = with_bar(100.0, ScaleBar(label=label))
    words = frame[-100:-55, -250:]
    moved = np.array([[1.0, -slant, slant * 22], [0.0, 1.0, 0.0]])
    words[:] = cv2.warpAffine(words.copy(), moved, words.shape[1::-1])
    mm = {"2 mm": 2.0, "0.5 mm": 0.5}.get(label, 1.0)
    assert [read for read, _ in lengths(frame)] == [mm]


@pytest.mark.parametrize("quality", [90, 75, 50])
def test_jpeg_does_not_move_the_ends(quality: int) -> None:
    [(_, px)] = lengths(through_jpeg(with_bar(106.6), quality))
    assert px == pytest.approx(106.6, abs=0.3)


@pytest.mark.parametrize("scale", [0.6, 0.75, 1.5, 2.5])
def test_a_bar_grows_with_the_frame(scale: float) -> None:
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(with_bar(106.6), None, fx=scale, fy=scale, interpolation=kind), np.uint8)
    [(_, px)] = lengths(resized)
    assert px / scale == pytest.approx(106.6, abs=0.5)


def test_a_dark_bar_on_a_light_page_is_read() -> None:
    assert lengths(255 - with_bar(101.4)) == [(1.0, pytest.approx(101.4, abs=0.3))]


def test_a_bar_that_was_cut_is_none() -> None:
    frame = with_bar(100.0)
    for cut in (20, 60, 100):  # its right tick lies 40 pixels from the edge
        assert lengths(frame[:, : 1024 - 40 - cut]) == []
    frame[:, 1024 - 60 :] = 0
    assert lengths(frame) == []


def test_a_frame_without_a_bar_has_none() -> None:
    for seed in range(4):
        assert lengths(make_phantom(seed).frame) == []
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    assert lengths(noise) == []
    assert lengths(np.zeros((40, 50, 3), np.uint8)) == []


def test_the_bar_gives_the_scale_and_says_so() -> None:
    scale = find_pixel_scale(with_bar(100.0))
    assert scale.source == "bar"
    assert scale.pixel_spacing_mm == pytest.approx(0.01, rel=0.004)
    assert scale.evidence.startswith("Burned-in scale bar: 100.")


def test_what_a_short_bar_leaves_open_is_said() -> None:
    small = screen(512, 512, 236)
    [warning] = find_pixel_scale(with_bar(32.0, frame=small)).warnings
    assert "the burned-in bar is 32 pixels long" in warning
    assert "lengths by it may be 1.6 % off and areas 3.1 %" in warning
    assert find_pixel_scale(with_bar(100.0)).warnings == ()


def test_two_bars_that_differ_give_no_mm_and_one_sentence() -> None:
    frame = with_bar(80.0, ScaleBar(corner="bottom left"), with_bar(100.0))
    scale = find_pixel_scale(frame)
    assert (scale.pixel_spacing_mm, scale.source) == (None, None)
    [warning] = scale.warnings
    assert "none is used" in warning


def test_a_bar_below_the_disc_gives_way_to_the_one_beside_it() -> None:
    page = np.vstack([with_bar(100.0), with_bar(80.0, frame=np.zeros((200, 1024, 3), np.uint8))])
    assert len(find_bars(page)) == 2
    assert find_pixel_scale(page).pixel_spacing_mm == pytest.approx(0.01, rel=0.004)


def test_a_bar_by_which_the_disc_is_as_wide_as_no_scan_is_not_used() -> None:
    scale = find_pixel_scale(with_bar(20.0, ScaleBar(length_mm=5.0, label="5 mm")))
    assert scale.pixel_spacing_mm is None
    assert "the imaged disc would be 37.95 mm wide" in scale.warnings[0]


def test_a_bar_on_a_disc_that_is_no_circle_gives_no_mm() -> None:
    stretched = np.asarray(cv2.resize(with_bar(100.0), (1130, 800), interpolation=cv2.INTER_AREA), np.uint8)
    assert find_bars(stretched)
    scale = find_pixel_scale(stretched)
    assert scale.pixel_spacing_mm is None
    assert "times as wide as it is high" in scale.warnings[0]


def test_a_bar_over_tissue_is_painted_out_with_its_label() -> None:
    plain = screen(800, 800, 395) // 2
    shown = plain.copy()
    draw_bar(shown, ScaleBar(margin_px=200.0), 1 / 100)
    assert len(find_bars(shown)) == 1
    grey = view_frame(shown).grey
    assert grey.max() <= 65
    assert (grey == view_frame(plain).grey).mean() > 0.97


@pytest.mark.parametrize(("name", "px"), [("001_001", 149.1), ("003_060", 106.5), ("008_069", 149.1)])
@pytest.mark.parametrize("turn", TURNED)
def test_the_bar_of_the_consoles_screen_is_read_to_half_a_pixel(
    real_frames: Path, name: str, px: float, turn: str
) -> None:
    """As measured by hand: the weighted middles of the two ticks."""
    frame = cv2.imread(str(real_frames.parent / "console" / f"{name}.png"))[:, :, ::-1]
    for shown in (frame, np.repeat(frame.max(axis=2, keepdims=True), 3, axis=2)):
        assert lengths(TURNED[turn](shown)) == [(1.0, pytest.approx(px, abs=0.5))]


@pytest.mark.parametrize("shape", [(1, 7), (4, 6), (5, 1)])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_median_of_levels_is_that_of_numpy(shape: tuple[int, int], axis: int | None) -> None:
    levels = np.random.default_rng(0).integers(200, 256, shape, dtype=np.uint8)  # two are more than a byte
    np.testing.assert_array_equal(median_level(levels, axis), np.median(levels, axis=axis))


def test_no_levels_have_no_median() -> None:
    assert np.isnan(median_level(np.empty((3, 0))))


@pytest.mark.parametrize("height", [1, 2, 63, 64])
def test_boxes_of_what_hangs_together_are_those_of_the_whole_picture_in_its_order(height: int) -> None:
    rng = np.random.default_rng(height)
    for _ in range(200):
        picture = np.zeros((height, 40), np.uint8)
        for row in rng.integers(0, height, rng.integers(0, 12)):
            left = rng.integers(0, 30)
            picture[row, left : left + 10] = 255
            picture[row, rng.integers(0, 40)] = 255
        whole = cv2.connectedComponentsWithStats(picture, connectivity=8)[2]
        assert np.array_equal(boxes_in(picture), whole[1:, :4])
