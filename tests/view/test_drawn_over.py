"""Contours, callipers and crosshairs that a console or a viewer drew over a frame."""

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.phantom import random_spec, render
from octseg.pullback import Frame
from octseg.segmenter import Segmenter
from octseg.view.along import AlongPullback
from octseg.view.drawn_over import FOREIGN, PAINTED_OVER
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame

SIDE = 704
WHITE, CYAN, GREEN, RED = (255, 255, 255), (0, 255, 255), (0, 255, 0), (255, 0, 0)


def frame_of(colouring: str = "sepia", *, ruler: bool = True) -> Frame:
    return render(random_spec(12, size_px=SIDE, colouring=colouring, ruler=ruler)).frame


def crosshair(frame: Frame, colour: tuple[int, int, int]) -> Frame:
    drawn = frame.copy()
    drawn[SIDE // 2], drawn[:, SIDE // 2] = colour, colour
    return drawn


def traced(frame: Frame, colour: tuple[int, int, int]) -> Frame:
    """As consoles draw a lumen's outline, its diameter and its size."""
    drawn = np.ascontiguousarray(frame.copy())
    cv2.ellipse(drawn, (SIDE // 2, SIDE // 2), (210, 180), 0, 0, 360, colour, 5)
    cv2.arrowedLine(drawn, (SIDE // 2 - 200, SIDE // 2), (SIDE // 2 + 200, SIDE // 2), colour, 1)
    cv2.putText(drawn, "A 5.20 mm", (430, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2)
    return drawn


def left_of(drawn: Frame, clean: Frame) -> float:
    """How far the levels that a network sees are from those of the frame without marks, where these lie: mean."""
    on_marks = (drawn != clean).any(axis=2)
    seen, known = (view_frame(each).grey.astype(np.int16) for each in (drawn, clean))
    return float(np.abs(seen - known)[on_marks].mean())


def bare(drawn: Frame, clean: Frame) -> float:
    """The same of the frames' luminance as it comes."""
    on_marks = (drawn != clean).any(axis=2)
    seen, known = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.int16) for each in (drawn, clean))
    return float(np.abs(seen - known)[on_marks].mean())


@pytest.mark.parametrize("draw", [crosshair, traced])
@pytest.mark.parametrize(
    ("colouring", "colour"),
    [("sepia", WHITE), ("sepia", GREEN), ("sepia", RED), ("sepia", CYAN), ("grey", GREEN), ("grey", RED)],
)
def test_what_is_drawn_over_tissue_is_painted_out_and_told(
    colouring: str, colour: tuple[int, int, int], draw: object
) -> None:
    clean = frame_of(colouring, ruler=False)
    drawn = draw(clean, colour)  # type: ignore[operator]
    assert view_frame(drawn).warnings.count(PAINTED_OVER) == 1
    assert left_of(drawn, clean) < 25.0 < bare(drawn, clean)  # as one speckle differs from the next


def test_a_frames_own_ruler_ring_and_tissue_are_no_such_marks(real_frames: Path) -> None:
    def frames() -> Iterator[Frame]:
        yield from (frame_of(colouring, ruler=ruler) for colouring in ("sepia", "grey") for ruler in (True, False))
        yield from (np.array(Image.open(path).convert("RGB")) for path in sorted((real_frames / "test").rglob("*.png")))

    told = [view_frame(frame).warnings for frame in frames()]
    assert [PAINTED_OVER in warnings or FOREIGN in warnings for warnings in told] == [False] * 8


def test_colours_that_jpeg_moves_are_no_marks(real_frames: Path) -> None:
    for number in (32, 38, 40, 42, 43):
        path = real_frames / "train" / "img" / f"001_1_{number:03d}.png"
        stream = io.BytesIO()
        Image.open(path).convert("RGB").save(stream, "JPEG", quality=40, subsampling=2)
        assert PAINTED_OVER not in view_frame(np.array(Image.open(stream))).warnings


def test_a_real_frame_that_a_console_traced_is_told(real_frames: Path) -> None:
    traced_there = np.array(Image.open(real_frames / "train" / "img" / "001_1_023.png").convert("RGB"))
    seen = view_frame(traced_there)
    assert PAINTED_OVER in seen.warnings
    white = (traced_there.min(axis=2) > 240) & (seen.disc.mask(*seen.grey.shape) if seen.disc else False)
    assert white.sum() > 4000  # the contour's
    assert np.quantile(seen.grey[white], 0.9) < 200


@pytest.mark.parametrize("colours", [cv2.COLORMAP_HOT, cv2.COLORMAP_INFERNO, cv2.COLORMAP_SPRING])
def test_colours_of_the_whole_frame_are_no_marks_and_told_as_foreign(colours: int) -> None:
    grey = cv2.cvtColor(frame_of("grey", ruler=False), cv2.COLOR_RGB2GRAY)
    coloured: NDArray[np.uint8] = cv2.applyColorMap(grey, colours)[..., ::-1]
    warnings = view_frame(np.ascontiguousarray(coloured)).warnings
    assert (FOREIGN in warnings, PAINTED_OVER in warnings) == (True, False)


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (30, 60, 160)])
def test_what_lies_beside_a_sepia_frame_changes_nothing_of_it(colour: tuple[int, int, int]) -> None:
    """As a page or a firm's blue do; in a wide field little is bright, and all of it was taken for marks."""
    clean = render(random_spec(1, size_px=SIDE, colouring="sepia", field_mm=10.0)).frame
    beside = np.full((SIDE + 160, SIDE + 160, 3), colour, np.uint8)
    beside[80:-80, 80:-80] = clean
    seen, known = view_frame(beside), view_frame(clean)
    assert seen.warnings == known.warnings == ()
    assert np.mean(seen.grey[80:-80, 80:-80] != known.grey) < 1e-3  # of the rim


def test_a_wide_field_in_another_gold_is_told_as_foreign_and_not_painted_out() -> None:
    clean = render(random_spec(1, size_px=SIDE, colouring="sepia", field_mm=10.0)).frame
    copper = sepia_to_grey(clean)[..., None] * np.array([1.0, 0.5, 0.4])
    warnings = view_frame(np.rint(copper).astype(np.uint8)).warnings
    assert (FOREIGN in warnings, PAINTED_OVER in warnings) == (True, False)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_frame_in_one_channel_alone_has_no_foreign_colours(channel: int) -> None:
    grey = cv2.cvtColor(frame_of("grey", ruler=False), cv2.COLOR_RGB2GRAY)
    alone = np.zeros((*grey.shape, 3), np.uint8)
    alone[..., channel] = grey
    assert FOREIGN not in view_frame(alone).warnings


def test_in_a_pullback_only_the_frames_that_bear_marks_say_so() -> None:
    clean = frame_of()
    frames = [traced(clean, WHITE), clean, clean, traced(clean, WHITE), clean]
    along = AlongPullback()
    views = [along.view(frame)[0] for frame in frames]
    assert [PAINTED_OVER in view.warnings for view in views] == [True, False, False, True, False]
    np.testing.assert_array_equal(views[3].grey, view_frame(frames[3]).grey)


def test_a_lumen_is_outlined_as_without_the_marks(segmenter: Segmenter) -> None:
    clean = frame_of()
    plain, marked = (segmenter.segment(frame).masks["lumen"] for frame in (clean, traced(clean, WHITE)))
    assert 2 * (plain & marked).sum() / (plain.sum() + marked.sum()) > 0.98
