"""Levels that models do not know are said: of frames as consoles show them, never."""

from pathlib import Path

import numpy as np
import pytest

from octseg.phantom import make_phantom
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.view.disc import Disc
from octseg.view.grey import sepia_to_grey
from octseg.view.levels import unlike
from octseg.view.preprocessing import view_frame

SEED = 5  # sepia, with a ruler


def said_of(frame: Frame) -> tuple[str, ...]:
    view = view_frame(frame)
    return unlike(view.grey, None if view.disc is None else view.disc.mask(*view.grey.shape))


def with_levels(share: np.ndarray) -> Frame:
    """A grey frame (H, W, 3) of levels (H, W) from 0 to 1."""
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda share: share**2.2, "darkest quarter"),
        (lambda share: share - 0.1, "darkest quarter"),
        (lambda share: share ** (1 / 2.2), "darkest tenth"),
        (lambda share: 1 + np.log10(np.maximum(share, 1 / 255)) / np.log10(255), "darkest tenth"),
        (lambda share: 2.5 * share - 0.03, "brightest twentieth"),
    ],
    ids=["gamma", "black cut", "inverse gamma", "logarithm", "clipped"],
)
def test_levels_that_were_changed_on_the_way_are_said(change: object, word: str) -> None:
    assert callable(change)
    share = sepia_to_grey(make_phantom(SEED).frame) / 255.0
    assert said_of(with_levels(share)) == ()
    (said,) = said_of(with_levels(change(share)))
    assert word in said
    assert "unlike those that models know" in said


def test_linear_levels_are_said() -> None:
    """Of which a display takes the logarithm, here over 60 dB."""
    view = view_frame(make_phantom(SEED).frame)
    assert view.disc is not None
    imaged = view.disc.mask(*view.grey.shape)
    linear = with_levels(10 ** (3 * (view.grey / 255.0 - 1)) + 0.04)[..., 0]
    (said,) = unlike(linear, imaged)
    assert "brightest hundredth" in said


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_said_of_phantoms(seed: int) -> None:
    assert said_of(make_phantom(seed).frame) == ()


def test_nothing_is_said_of_real_frames(real_frames: Path) -> None:
    paths = sorted(real_frames.rglob("img/*.png"))[::10]
    assert [path.name for path in paths if said_of(next(iter(read_pullback(path))))] == []


def test_what_lies_outside_of_the_disc_says_nothing() -> None:
    grey = np.zeros((100, 100), np.uint8)
    disc = Disc((49.5, 49.5), 30.0).mask(100, 100)
    grey[disc] = np.linspace(5, 200, int(disc.sum())).astype(np.uint8)
    assert unlike(grey, disc) == ()
    assert unlike(grey, np.ones_like(disc)) != ()
    assert unlike(grey, None) == ()
