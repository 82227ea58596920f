"""What the view of a pullback shows and how it is handled: places of numbers, zoom and pan, the cut, the wall's map."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from octseg.phantom import Phantom
from tests.browser.conftest import SIDE, Visit, shows

pytestmark = pytest.mark.browser
CAP_FRAME = 6


def canvas(visit: Visit) -> NDArray[np.int16]:
    """What the stage shows, (H, W, 3)."""
    visit.page.mouse.move(0, 0)
    shown = visit.page.locator(".oct-stage canvas").screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), np.int16)


def turned_white(before: NDArray[np.int16], after: NDArray[np.int16]) -> NDArray[np.float64]:
    """(n, 2) places (row, col), in pixels of the frame, that are white only afterwards."""
    new = (after.min(axis=2) > 200) & (before.min(axis=2) < 120)
    return np.argwhere(new) * (SIDE / after.shape[0])


def test_a_click_on_a_number_shows_where_it_was_measured(vessel: Visit, vessel_phantoms: list[Phantom]) -> None:
    page = vessel.page
    page.uncheck("#oct-places")
    page.fill(".oct-slider", str(CAP_FRAME))
    shows(vessel, CAP_FRAME)
    page.wait_for_selector("#oct-beside [data-measure=fibrous_cap_thickness_min_um] [data-place]")
    true = vessel_phantoms[CAP_FRAME - 1].masks
    for place, tissue, within in (("cap", "fibrous_cap", 25), ("arc", "lumen", 5), ("diameter_min", "lumen", 5)):
        before = canvas(vessel)
        page.locator(f"#oct-beside [data-measure] [data-place={place}]").first.click()
        marked = turned_white(before, canvas(vessel))
        assert len(marked) > 100
        middle = (marked.min(axis=0) + marked.max(axis=0)) / 2
        beside = distance_transform_edt(~true[tissue])
        assert beside[tuple(np.rint(middle).astype(int))] < within  # of the cap the words above it count too
        page.locator(f"#oct-beside [data-place={place}]").first.click()
        assert np.abs(canvas(vessel) - before).max() == 0


def test_the_button_to_the_thinnest_cap_shows_it(vessel: Visit) -> None:
    page = vessel.page
    page.click("[data-jump=cap]")
    shows(vessel, int(page.get_attribute("[data-jump=cap]", "data-go") or 0))
    with_ring = canvas(vessel)
    page.evaluate("delete document.body.dataset.octPlace; document.dispatchEvent(new Event('oct-place'))")
    assert len(turned_white(canvas(vessel), with_ring)) > 100
    page.check("#oct-places")


def test_a_single_frame_shows_its_places_too(visit: Visit, phantom_file: Path) -> None:
    visit.upload(phantom_file)
    page = visit.page
    assert page.locator(".oct-mark[data-mark=cap]").is_visible()
    assert not page.locator(".oct-mark[data-mark=cap] text").is_visible()
    page.click("#oct-summary [data-place=cap]")
    told = page.inner_text("#oct-summary [data-tile=fibrous_cap_thickness_min_um] .oct-tile-value")
    assert page.locator(".oct-mark[data-mark=cap] text").text_content() == " ".join(told.split())
    page.click("#oct-summary [data-place=cap]")
    page.uncheck("#oct-places")
    assert not page.locator(".oct-mark[data-mark=cap]").is_visible()
    page.check("#oct-places")
