"""One frame seen at two reaches."""

from dataclasses import replace

import numpy as np
import pytest

from octseg.decoding.reaches import BEHIND_MM, joined, joined_in_boxes, nearer_view
from octseg.phantom import random_spec, render
from octseg.view.preprocessing import FrameView, PreprocessingConfig, planes_to_input, view_frame

POLAR = PreprocessingConfig(domain="polar", size=(208, 256))


def blank_view(side: int = 401) -> FrameView:
    return FrameView(np.zeros((side, side), np.uint8), None, ((side - 1) / 2,) * 2, None)


def lumen_input(part: float) -> np.ndarray:
    """A lumen (rows, columns) to `part` of the reach on every ray but for a side branch that goes on to the rim."""
    lumen = np.zeros(POLAR.size, np.float32)
    lumen[:, : round(part * POLAR.size[1])] = 1
    lumen[:5] = 1
    return lumen


def test_the_nearer_view_ends_a_little_deeper_than_lipid_counts() -> None:
    view = blank_view()
    near = nearer_view(view, lumen_input(0.25), POLAR, pixel_spacing_mm=0.02)
    assert near is not None
    assert near.reach_px == pytest.approx(0.25 * view.reach_px + BEHIND_MM / 0.02)
    assert BEHIND_MM > 1.2


def test_a_view_that_would_hardly_be_nearer_is_not_taken() -> None:
    assert nearer_view(blank_view(), lumen_input(0.8), POLAR, pixel_spacing_mm=0.02) is None


def test_a_cartesian_input_has_no_reach() -> None:
    square = PreprocessingConfig(domain="cartesian", size=(256, 256))
    assert nearer_view(blank_view(), np.zeros((256, 256), np.float32), square, pixel_spacing_mm=0.02) is None


def test_where_both_looked_the_surer_counts_and_beyond_the_first() -> None:
    view = blank_view()
    near = replace(view, nearer_reach_px=100.0)
    planes = [np.full((1, *POLAR.size), value, np.float32) for value in (0.2, 0.6)]
    [probability] = joined(planes, [view, near], POLAR)
    assert probability[200, 200 + 50] == pytest.approx(0.6, abs=1e-5)
    assert probability[200, 200 + 150] == pytest.approx(0.2, abs=1e-5)


def test_what_is_seen_nearer_comes_back_to_where_it_is() -> None:
    phantom = render(random_spec(3, field_mm=10.03))
    view = view_frame(phantom.frame)
    near = replace(view, nearer_reach_px=0.5 * view.reach_px)
    masks = phantom.masks["lumen"][None].astype(np.float32)
    planes = [planes_to_input(masks, each, POLAR) for each in (view, near)]
    back = joined(planes, [view, near], POLAR)[0] > 0.5
    truth = phantom.masks["lumen"]
    assert 2 * (back & truth).sum() / (back.sum() + truth.sum()) > 0.985


@pytest.mark.parametrize("domain", ["polar", "cartesian"])
def test_a_class_in_its_box_is_as_in_the_whole_frame_and_tells_nothing_outside(domain: str) -> None:
    config = POLAR if domain == "polar" else PreprocessingConfig(domain="cartesian", size=(256, 256))
    phantom = render(random_spec(3, field_mm=10.03))
    view = view_frame(phantom.frame)
    views = [view, replace(view, nearer_reach_px=0.5 * view.reach_px)]
    masks = np.stack([phantom.masks[name] for name in ("lumen", "lipid_core")]).astype(np.float32)
    planes = [0.9 * planes_to_input(masks, each, config) + 0.01 for each in views]
    planes = [np.concatenate([of_view, np.full_like(of_view[:1], 0.01)]) for of_view in planes]
    assert view.disc is not None
    disc = view.disc.mask(*view.grey.shape)
    whole = joined(planes, views, config)
    boxes = joined_in_boxes(planes, views, config, [0.02] * 3, disc)
    assert domain == "cartesian" or boxes[0].values.size < whole[0].size / 2
    for of_class, box in zip(whole, boxes, strict=True):
        np.testing.assert_allclose(box.values, of_class[box.part], atol=1e-6)
        of_class[box.part] = 0
        assert of_class.max(initial=0) <= 0.02
