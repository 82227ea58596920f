"""The ruler in frames that were saved in grey: found by its shape, painted out, the same lipid behind it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from octseg import Segmenter
from octseg.phantom import Phantom, random_spec, render
from octseg.pullback import Frame
from octseg.view import find_pixel_scale, find_ruler, ruler_marks
from octseg.view.grey import sepia_to_grey

GREYS: dict[str, Callable[[Frame], np.ndarray]] = {
    "the sepia undone": sepia_to_grey,
    "the luminance": lambda frame: cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY),
    "the red plane": lambda frame: frame[..., 0],
    "the mean": lambda frame: np.rint(frame.mean(axis=2)).astype(np.uint8),
}


def grey_frame(grey: np.ndarray) -> Frame:
    return np.repeat(np.ascontiguousarray(grey)[:, :, None], 3, axis=2)


def phantom(seed: int, ruler: bool = True) -> Phantom:
    return render(random_spec(seed, ruler=ruler, colouring="sepia"))


@pytest.mark.parametrize("kind", GREYS)
@pytest.mark.parametrize("seed", range(4))
def test_a_grey_frames_ruler_tells_the_scale_to_half_a_percent(seed: int, kind: str) -> None:
    made = phantom(seed)
    ruler = find_ruler(grey_frame(GREYS[kind](made.frame)))
    assert ruler is not None
    assert 1 / ruler.pitch_px == pytest.approx(made.pixel_spacing_mm, rel=0.005)
    assert ruler.centre == pytest.approx(made.catheter_centre, abs=1.0)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.7])
def test_a_grey_ruler_grows_with_the_frame(scale: float) -> None:
    made = phantom(1)
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(GREYS["the luminance"](made.frame), None, fx=scale, fy=scale, interpolation=kind)
    ruler = find_ruler(grey_frame(grey))
    assert ruler is not None
    assert scale / ruler.pitch_px == pytest.approx(made.pixel_spacing_mm, rel=0.005)


@pytest.mark.parametrize("seed", range(8))
def test_a_grey_frame_without_a_ruler_has_none(seed: int) -> None:
    made = phantom(seed, ruler=False)
    assert find_ruler(grey_frame(GREYS["the luminance"](made.frame))) is None


@pytest.mark.parametrize("side", [128, 320, 700])
@pytest.mark.parametrize("blur", [0.0, 1.5, 4.0])
def test_a_disc_of_noise_is_no_ruler(side: int, blur: float) -> None:
    row, col = np.mgrid[:side, :side] - (side - 1) / 2
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(0, 1, (side, side))
        noise = cv2.GaussianBlur(noise, (0, 0), blur) if blur else noise
        grey = np.clip(110 + 60 * noise / noise.std(), 4, 255) * (np.hypot(row, col) < 0.48 * side)
        assert find_ruler(grey_frame(grey.astype(np.uint8))) is None


def test_a_bright_spot_in_the_catheter_alone_is_no_ruler() -> None:
    made = phantom(2, ruler=False)
    frame = grey_frame(GREYS["the luminance"](made.frame))
    row, col = (round(place) for place in made.catheter_centre)
    cv2.circle(frame, (col, row), 4, (220, 220, 220), -1)
    assert find_ruler(frame) is None


def test_a_stretched_grey_frame_gives_no_mm() -> None:
    made = phantom(1)
    grey = GREYS["the red plane"](made.frame)
    stretched = cv2.resize(grey, (len(grey), round(0.9 * len(grey))), interpolation=cv2.INTER_AREA)
    assert find_pixel_scale(grey_frame(stretched)).pixel_spacing_mm is None


@pytest.mark.parametrize("kind", GREYS)
def test_the_marks_cover_what_the_ruler_changed(kind: str) -> None:
    made, plain = (GREYS[kind](phantom(1, ruler).frame) for ruler in (True, False))
    frame = grey_frame(made)
    ruler = find_ruler(frame)
    assert ruler is not None
    marks = ruler_marks(frame, ruler)
    changed = np.abs(made.astype(int) - plain) > 12
    assert (changed & ~marks).sum() <= 0.02 * changed.sum()
    assert marks.mean() < 0.03


def test_frames_saved_in_grey_have_the_lipid_that_they_have_in_colour(segmenter: Segmenter) -> None:
    """Without the scale, and with the line left in, they had a tenth to a third less."""
    frames = [phantom(seed).frame for seed in (4222, 4218, 4202)]

    def lipid(save: Callable[[Frame], np.ndarray]) -> int:
        return sum(int(segmenter.segment(save(frame)).masks["lipid_core"].sum()) for frame in frames)

    coloured = lipid(lambda frame: frame)
    assert coloured > 100_000
    for kind in ("the sepia undone", "the red plane"):
        assert lipid(GREYS[kind]) == pytest.approx(coloured, rel=0.02), kind


def test_real_frames_in_grey_keep_their_scale(real_frames: Path) -> None:
    for path in sorted(real_frames.glob("*/img/*.png"))[::38]:
        frame = np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])
        by_colour = find_ruler(frame)
        by_shape = find_ruler(grey_frame(GREYS["the luminance"](frame)))
        assert by_colour is not None, path.name
        assert by_shape is not None, path.name
        assert by_shape.pitch_px == pytest.approx(by_colour.pitch_px, rel=0.005), path.name
