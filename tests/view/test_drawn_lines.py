"""Lines that a viewer drew over grey frames, which only their shape and their one level tell from tissue."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from octseg.phantom import random_spec, render
from octseg.pullback import Frame
from octseg.view.along import AlongPullback
from octseg.view.disc import find_disc
from octseg.view.drawn_lines import drawn_lines
from octseg.view.drawn_over import PAINTED_OVER
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame

SIDE = 704
MIDDLE = SIDE // 2
WHITE, CYAN = (255, 255, 255), (0, 255, 255)


def saved_in_grey(seed: int = 12, *, ruler: bool = True, ruler_deg: float = 65.0) -> Frame:
    spec = replace(random_spec(seed, size_px=SIDE, colouring="sepia", ruler=ruler), ruler_deg=ruler_deg)
    return np.asarray(cv2.merge([cv2.cvtColor(render(spec).frame, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)


def crosshair(frame: Frame, wide_px: int = 2, colour: tuple[int, int, int] = WHITE) -> Frame:
    drawn = np.ascontiguousarray(frame.copy())
    cv2.line(drawn, (0, MIDDLE), (SIDE - 1, MIDDLE), colour, wide_px)
    cv2.line(drawn, (MIDDLE, 0), (MIDDLE, SIDE - 1), colour, wide_px)
    return drawn


def dashed(frame: Frame) -> Frame:
    drawn = crosshair(frame)
    gaps = np.arange(SIDE) // 8 % 2 == 0
    drawn[gaps, MIDDLE - 3 : MIDDLE + 4] = frame[gaps, MIDDLE - 3 : MIDDLE + 4]
    drawn[MIDDLE - 3 : MIDDLE + 4, gaps] = frame[MIDDLE - 3 : MIDDLE + 4, gaps]
    return drawn


def calliper(frame: Frame, wide_px: int = 2) -> Frame:
    drawn = np.ascontiguousarray(frame.copy())
    return np.asarray(cv2.line(drawn, (150, 260), (560, 470), WHITE, wide_px), np.uint8)


def contour(frame: Frame, wide_px: int = 2) -> Frame:
    drawn = np.ascontiguousarray(frame.copy())
    return np.asarray(cv2.ellipse(drawn, (MIDDLE + 20, MIDDLE - 10), (190, 150), 30, 0, 360, WHITE, wide_px), np.uint8)


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: crosshair(frame, 1),
        crosshair,
        lambda frame: crosshair(frame, 4),
        dashed,
        calliper,
        lambda frame: calliper(frame, 1),
        contour,
        lambda frame: contour(frame, 5),
    ],
    ids=[
        "fine crosshair",
        "crosshair",
        "wide crosshair",
        "dashed",
        "calliper",
        "fine calliper",
        "contour",
        "wide contour",
    ],
)
def test_a_white_line_over_a_grey_frame_is_painted_out_and_told(draw: Callable[[Frame], Frame]) -> None:
    clean = saved_in_grey(ruler=False)
    drawn = draw(clean)
    seen, known = view_frame(drawn), view_frame(clean)
    assert seen.warnings.count(PAINTED_OVER) == 1
    on_it = (drawn != clean).any(axis=2) & known.circle.mask(SIDE, SIDE)
    off = np.abs(seen.grey.astype(np.int16) - known.grey)[on_it].mean()
    bare = np.abs(drawn[..., 0].astype(np.int16) - clean[..., 0])[on_it].mean()
    assert off < 30 < 120 < bare  # as one speckle differs from the next


@pytest.mark.parametrize("draw", [crosshair, calliper])
def test_a_grey_ruler_is_found_beneath_white_lines(draw: Callable[[Frame], Frame]) -> None:
    clean = saved_in_grey()
    ruler, known = view_frame(draw(clean)).ruler, view_frame(clean).ruler
    assert ruler is not None
    assert known is not None
    assert ruler.pitch_px == pytest.approx(known.pitch_px, rel=0.005)


def test_a_coloured_ruler_is_found_beneath_a_cyan_crosshair() -> None:
    """Half of the ruler's line, and its ring, are cyan too."""
    clean = render(random_spec(12, size_px=SIDE, colouring="sepia")).frame
    ruler, known = view_frame(crosshair(clean, 2, CYAN)).ruler, view_frame(clean).ruler
    assert ruler is not None
    assert known is not None
    assert ruler.pitch_px == pytest.approx(known.pitch_px, rel=0.005)


@pytest.mark.parametrize("ruler_deg", [0.0, 90.0, 180.0, 65.0])
@pytest.mark.parametrize("colouring", ["sepia", "saved in grey"])
def test_a_ruler_is_no_such_line_even_where_it_lies_along_a_row(colouring: str, ruler_deg: float) -> None:
    spec = replace(random_spec(12, size_px=SIDE, colouring="sepia"), ruler_deg=ruler_deg)
    frame = render(spec).frame if colouring == "sepia" else saved_in_grey(ruler_deg=ruler_deg)
    seen = view_frame(frame)
    assert seen.ruler is not None
    assert PAINTED_OVER not in seen.warnings


def test_a_real_frame_that_a_console_traced_is_told_in_grey_too(real_frames: Path) -> None:
    frame = np.array(Image.open(real_frames / "train" / "img" / "001_1_023.png").convert("L"))
    assert PAINTED_OVER in view_frame(cv2.merge([frame] * 3)).warnings


def test_tissue_has_no_drawn_lines(real_frames: Path) -> None:
    frames = [render(random_spec(seed, size_px=SIDE)).frame for seed in range(20)]
    frames += [np.array(Image.open(path).convert("RGB")) for path in sorted((real_frames / "test" / "img").iterdir())]
    for frame in frames:
        grey = sepia_to_grey(frame)
        disc = find_disc(grey)
        assert disc is not None
        assert drawn_lines(grey, disc, white=True) is None


def test_in_a_pullback_only_the_frames_with_lines_say_so() -> None:
    clean = render(random_spec(12, size_px=SIDE, colouring="grey")).frame
    frames = [clean, calliper(clean), clean, crosshair(clean), clean]
    along = AlongPullback()
    told = [PAINTED_OVER in along.view(frame)[0].warnings for frame in frames]
    assert told == [False, True, False, True, False]
