"""Smoothing along a pullback, on drawn planes: what one frame alone says goes, what moves with the vessel stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octseg.decoding.along import PolarLook, sliding, smoothed
from octseg.errors import ReadError
from octseg.view.preprocessing import PreprocessingConfig

CONFIG = PreprocessingConfig(domain="polar", size=(208, 256), wrap_rays=4)
CLASSES = ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum")
LUMEN, CAP, LIPID, VASA = range(4)


def look(
    lipid_deg: tuple[float, float] | None,
    *,
    off: tuple[float, float] = (0.0, 0.0),
    radius_px: float = 150.0,
    reach_px: float = 400.0,
    cap_px: float = 20.0,
    starts_px: np.ndarray | None = None,
) -> PolarLook:
    """A round lumen whose centre lies `off` (row, col) from the catheter, and lipid 60 px deep about that centre."""
    ray = (np.arange(208) - 4) * 2 * np.pi / 200
    radius = (np.arange(256) + 0.5) * reach_px / 256
    if starts_px is not None:
        radius = radius + starts_px[(np.arange(208) - 4) % 200, None]
    row, col = radius * np.sin(ray)[:, None] - off[0], radius * np.cos(ray)[:, None] - off[1]
    beyond, angle = np.hypot(row, col) - radius_px, np.degrees(np.arctan2(row, col)) % 360
    planes = np.zeros((4, 208, 256), np.float32)
    planes[LUMEN] = np.clip(0.5 - beyond / 4, 0.01, 0.99)
    planes[LIPID] = 0.02
    planes[VASA] = 0.3
    if lipid_deg is not None:
        within = (angle >= lipid_deg[0]) & (angle <= lipid_deg[1]) & (beyond > cap_px) & (beyond < cap_px + 60)
        planes[LIPID][within] = 0.9
    return PolarLook(planes, reach_px, starts_px)


def lipid(*window: PolarLook) -> np.ndarray:
    """Where the middle frame of three has lipid after smoothing."""
    (planes,) = smoothed([[each] for each in window], 1, CLASSES, CONFIG)
    return planes[LIPID] > 0.5


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_lipid_that_one_frame_alone_shows_goes_and_lipid_that_one_alone_misses_comes() -> None:
    seen, nothing = look((30, 100)), look(None)
    assert not lipid(nothing, seen, nothing).any()
    assert lipid(seen, nothing, seen).sum() == pytest.approx((seen.planes[LIPID] > 0.5).sum(), rel=0.02)


def test_a_plaque_begins_where_it_began() -> None:
    nothing, seen = look(None), look((30, 100))
    assert lipid(nothing, seen, seen).sum() == pytest.approx((seen.planes[LIPID] > 0.5).sum(), rel=0.01)
    assert not lipid(nothing, nothing, seen).any()


def test_places_are_matched_by_the_lumen_where_the_catheter_moves_and_the_lumen_narrows() -> None:
    """The same sector of the wall in all three, seen from three places, in lumens of three sizes, at two reaches."""
    middle = look((40, 100), off=(10, -30))
    before = look((40, 100), off=(35, -5), radius_px=140)
    behind = look((40, 100), off=(-15, -10), radius_px=160, reach_px=430)
    true = middle.planes[LIPID] > 0.5
    found = lipid(before, middle, behind)
    assert (found & true).sum() / true.sum() > 0.97
    missed = look(None, off=(10, -30))
    assert dice(lipid(before, missed, behind), true) > 0.94
    unmatched = (before.planes[LIPID] > 0.5) & (behind.planes[LIPID] > 0.5)
    assert dice(unmatched, true) < 0.6


def test_places_of_looks_along_the_lumen_are_matched_too() -> None:
    """As above, each frame seen a second time along rays that begin 10 px before its own lumen, 90 px long."""
    shapes = [
        {"off": (35.0, -5.0), "radius_px": 140.0},
        {"off": (10.0, -30.0)},
        {"off": (-15.0, -10.0), "radius_px": 160.0},
    ]

    def looks(lipid_deg: tuple[float, float] | None, shape: dict) -> list[PolarLook]:
        angle = np.arange(200) * 2 * np.pi / 200
        (row, col), radius = shape["off"], shape.get("radius_px", 150.0)
        along = row * np.sin(angle) + col * np.cos(angle)
        starts = along + np.sqrt(radius**2 - row**2 - col**2 + along**2) - 10
        return [look(lipid_deg, **shape), look(lipid_deg, **shape, reach_px=90, starts_px=starts)]

    before, _, behind = (looks((40, 100), shape) for shape in shapes)
    missed, true = (looks(deg, shapes[1])[1] for deg in (None, (40, 100)))
    planes = smoothed([before, [looks(None, shapes[1])[0], missed], behind], 1, CLASSES, CONFIG)
    assert dice(planes[1][LIPID] > 0.5, true.planes[LIPID] > 0.5) > 0.94
    np.testing.assert_array_equal(planes[1][LUMEN], missed.planes[LUMEN])


def test_lumen_vasa_vasorum_and_all_within_the_lumen_stay_as_they_are() -> None:
    own = look((30, 100))
    own.planes[LIPID, :, :40] = 0.7
    (planes,) = smoothed([[look(None)], [own], [look(None)]], 1, CLASSES, CONFIG)
    for plane in (LUMEN, VASA):
        np.testing.assert_array_equal(planes[plane], own.planes[plane])
    np.testing.assert_array_equal(planes[LIPID, :, :40], own.planes[LIPID, :, :40])


def test_ends_and_cartesian_networks_come_back_as_they_are() -> None:
    window = [[look((30, 100))], [look(None)]]
    np.testing.assert_array_equal(smoothed(window, 0, CLASSES, CONFIG)[0], window[0][0].planes)
    flat = PreprocessingConfig(domain="cartesian", size=(208, 256))
    window.append(window[0])
    np.testing.assert_array_equal(smoothed(window, 1, CLASSES, flat)[0], window[1][0].planes)


@given(st.integers(0, 9), st.integers(0, 3))
def test_a_window_holds_an_item_and_those_around_it(count: int, half: int) -> None:
    windows = [(list(window), at) for window, at in sliding(range(count), half)]
    assert [window[at] for window, at in windows] == list(range(count))
    for number, (window, at) in enumerate(windows):
        assert window == list(range(max(0, number - half), min(count, number + half + 1)))
        assert window[at] == number


def test_frames_before_an_unreadable_one_are_handed_out_first() -> None:
    def frames():
        yield from (1, 2, 3)
        raise ReadError("frame 4 is cut")

    seen: list[int] = []
    with pytest.raises(ReadError, match="frame 4"):
        seen.extend(window[at] for window, at in sliding(frames()))
    assert seen == [1, 2, 3]
