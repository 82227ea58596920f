"""One frame seen twice: to the rim, and at its wall."""

from dataclasses import replace

import numpy as np
import pytest

from octseg.decoding.reaches import BEFORE_MM, BEHIND_MM, joined, joined_in_boxes, second_view
from octseg.phantom import random_spec, render
from octseg.view.preprocessing import FrameView, PreprocessingConfig, planes_to_input, view_frame

POLAR = PreprocessingConfig(domain="polar", size=(208, 256))
CARTESIAN = PreprocessingConfig(domain="cartesian", size=(256, 256))
ALONG = replace(POLAR, second_look="along_lumen")


def blank_view(side: int = 401) -> FrameView:
    return FrameView(np.zeros((side, side), np.uint8), None, ((side - 1) / 2,) * 2, None)


def lumen_input(part: float) -> np.ndarray:
    """A lumen (rows, columns) to `part` of the reach on every ray but for a side branch that goes on to the rim."""
    lumen = np.zeros(POLAR.size, np.float32)
    lumen[:, : round(part * POLAR.size[1])] = 1
    lumen[:5] = 1
    return lumen


def test_the_second_view_ends_a_little_deeper_than_lipid_counts() -> None:
    view = blank_view()
    near = second_view(view, lumen_input(0.25), POLAR, pixel_spacing_mm=0.02)
    assert near is not None
    assert near.reach_px == pytest.approx(0.25 * view.reach_px + BEHIND_MM / 0.02)
    assert BEHIND_MM > 1.2


def test_a_view_that_would_hardly_be_nearer_is_not_taken() -> None:
    assert second_view(blank_view(), lumen_input(0.8), POLAR, pixel_spacing_mm=0.02) is None


def eccentric_lumen(reach_px: float) -> tuple[np.ndarray, np.ndarray]:
    """A round lumen of 100 px about a point 40 px beside the catheter: its input, and its radius along each ray."""
    angle = np.arange(208) * 2 * np.pi / 208
    radius = 40 * np.cos(angle) + np.sqrt(100**2 - (40 * np.sin(angle)) ** 2)
    column = (np.arange(256) + 0.5) / 256 * reach_px
    return (column < radius[:, None]).astype(np.float32), radius


def test_rays_along_the_lumen_begin_a_little_before_its_outline_wherever_the_catheter_lies() -> None:
    view = blank_view()
    lumen, radius = eccentric_lumen(view.reach_px)
    second = second_view(view, lumen, ALONG, pixel_spacing_mm=0.01)
    assert second is not None
    assert second.starts_px is not None
    np.testing.assert_allclose(second.starts_px, radius - BEFORE_MM / 0.01, atol=2)
    assert second.reach_px == pytest.approx((BEFORE_MM + BEHIND_MM) / 0.01)


def test_along_the_lumen_rays_begin_no_nearer_than_at_the_catheter() -> None:
    second = second_view(blank_view(), np.zeros(POLAR.size, np.float32), ALONG, pixel_spacing_mm=0.01)
    assert second is not None
    assert second.starts_px is not None
    assert (second.starts_px == 0).all()


def test_before_and_behind_rays_along_the_lumen_the_first_look_alone_counts() -> None:
    view = blank_view()
    lumen, radius = eccentric_lumen(view.reach_px)
    second = second_view(view, lumen, ALONG, pixel_spacing_mm=0.02)
    assert second is not None
    planes = [np.full((1, *POLAR.size), value, np.float32) for value in (0.2, 0.6)]
    [probability] = joined(planes, [view, second], ALONG, ["lipid_core"])
    wall = 200 + round(radius[0])  # to the right of the catheter
    assert probability[200, wall + 5] == pytest.approx(0.6, abs=1e-5)
    assert probability[200, wall - 15] == pytest.approx(0.2, abs=1e-5)
    assert probability[200, wall - 40] == pytest.approx(0.2, abs=1e-5)
    wall = 200 - round(radius[104])
    assert probability[200, wall - 5] == pytest.approx(0.6, abs=1e-5)
    assert probability[200, wall - 50] == pytest.approx(0.6, abs=1e-5)
    assert probability[200, wall - 85] == pytest.approx(0.2, abs=1e-5)


def test_of_lipid_and_cap_the_surer_look_counts_of_vessels_the_mean_and_of_the_lumen_the_first() -> None:
    view = blank_view()
    lumen, radius = eccentric_lumen(view.reach_px)
    second = second_view(view, lumen, ALONG, pixel_spacing_mm=0.02)
    assert second is not None
    classes = ["lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"]
    wall = (200, 200 + round(radius[0]) + 5)
    for one, other in ((0.2, 0.6), (0.6, 0.2)):
        planes = [np.full((4, *POLAR.size), value, np.float32) for value in (one, other)]
        seen = joined(planes, [view, second], ALONG, classes)
        assert [plane[wall] for plane in seen] == pytest.approx([one, 0.6, 0.6, 0.4], abs=1e-5)
        assert [plane[200, 205] for plane in seen] == pytest.approx([one] * 4, abs=1e-5)  # in the lumen


def test_what_is_seen_along_the_lumen_comes_back_to_where_it_is() -> None:
    phantom = render(random_spec(3, field_mm=10.03))
    view = view_frame(phantom.frame)
    lumen = planes_to_input(phantom.masks["lumen"][None].astype(np.float32), view, ALONG)[0]
    second = second_view(view, lumen, ALONG, phantom.pixel_spacing_mm)
    assert second is not None
    truth = phantom.masks["lipid_core"]
    assert truth.any()
    nothing = np.zeros((1, *POLAR.size), np.float32)
    seen = planes_to_input(truth[None].astype(np.float32), second, ALONG)
    back = joined([nothing, seen], [view, second], ALONG, ["lipid_core"])[0] > 0.5
    assert 2 * (back & truth).sum() / (back.sum() + truth.sum()) > 0.97


def test_a_cartesian_input_has_no_reach() -> None:
    assert second_view(blank_view(), np.zeros((256, 256), np.float32), CARTESIAN, pixel_spacing_mm=0.02) is None


def test_where_both_looked_the_surer_counts_and_beyond_the_first() -> None:
    view = blank_view()
    near = replace(view, nearer_reach_px=100.0)
    planes = [np.full((1, *POLAR.size), value, np.float32) for value in (0.2, 0.6)]
    [probability] = joined(planes, [view, near], POLAR, ["lumen"])
    assert probability[200, 200 + 50] == pytest.approx(0.6, abs=1e-5)
    assert probability[200, 200 + 150] == pytest.approx(0.2, abs=1e-5)


def test_what_is_seen_nearer_comes_back_to_where_it_is() -> None:
    phantom = render(random_spec(3, field_mm=10.03))
    view = view_frame(phantom.frame)
    near = replace(view, nearer_reach_px=0.5 * view.reach_px)
    masks = phantom.masks["lumen"][None].astype(np.float32)
    planes = [planes_to_input(masks, each, POLAR) for each in (view, near)]
    back = joined(planes, [view, near], POLAR, ["lumen"])[0] > 0.5
    truth = phantom.masks["lumen"]
    assert 2 * (back & truth).sum() / (back.sum() + truth.sum()) > 0.985


@pytest.mark.parametrize("config", [POLAR, ALONG, CARTESIAN], ids=["nearer", "along_lumen", "cartesian"])
def test_a_class_in_its_box_is_as_in_the_whole_frame_and_tells_nothing_outside(config: PreprocessingConfig) -> None:
    phantom = render(random_spec(3, field_mm=10.03))
    view = view_frame(phantom.frame)
    lumen = planes_to_input(phantom.masks["lumen"][None].astype(np.float32), view, config)[0]
    second = second_view(view, lumen, config, phantom.pixel_spacing_mm)
    assert (second is None) == (config is CARTESIAN)
    views = [view, second or replace(view, nearer_reach_px=0.5 * view.reach_px)]
    masks = np.stack([phantom.masks[name] for name in ("lumen", "lipid_core")]).astype(np.float32)
    planes = [0.9 * planes_to_input(masks, each, config) + 0.01 for each in views]
    planes = [np.concatenate([of_view, np.full_like(of_view[:1], 0.01)]) for of_view in planes]
    assert view.disc is not None
    disc = view.disc.mask(*view.grey.shape)
    classes = ["lumen", "lipid_core", "vasa_vasorum"]
    whole = joined(planes, views, config, classes)
    boxes = joined_in_boxes(planes, views, config, dict.fromkeys(classes, 0.02), disc)
    assert config is CARTESIAN or boxes[0].values.size < whole[0].size / 2
    for of_class, box in zip(whole, boxes, strict=True):
        np.testing.assert_allclose(box.values, of_class[box.part], atol=1e-6)
        of_class[box.part] = 0
        assert of_class.max(initial=0) <= 0.02
