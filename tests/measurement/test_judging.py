"""Rays that cannot be judged, on phantoms whose guide wire, branch and blood are known from their spec."""

from dataclasses import replace

import numpy as np
import pytest

from octseg.measurement.rays import GUIDE_WIRE, NO_WALL, OUT_OF_DISC, FrameRays
from octseg.phantom import GuideWire, LipidPool, PhantomSpec, SideBranch, random_spec, render
from octseg.phantom.spec import GUIDE_WIRE_DIAMETER_MM
from octseg.view.preprocessing import view_frame
from tests.fakes.outlined import measured_as_drawn

ROUND = PhantomSpec(seed=5, lumen_radius_mm=1.5, lumen_ellipticity=0.0, lumen_offset_mm=0.0)


def rays_of(spec: PhantomSpec) -> FrameRays:
    """The rays of a phantom, outlined as it truly is."""
    phantom = render(spec)
    _, rays = measured_as_drawn(phantom.masks, phantom.pixel_spacing_mm, view_frame(phantom.frame))
    assert rays is not None
    return rays


def shadow_of(wire: GuideWire) -> np.ndarray:
    """(360,) rays from the catheter, here the lumen's centre, that the wire covers."""
    half = np.degrees(np.arcsin(GUIDE_WIRE_DIAMETER_MM / 2 / wire.distance_mm))
    return np.abs((np.arange(360) - wire.centre_deg + 180) % 360 - 180) < half


@pytest.mark.parametrize("distance_mm", [0.65, 0.9, 1.25])
@pytest.mark.parametrize("centre_deg", [3.0, 130.0])
@pytest.mark.parametrize("size_px", [704, 1024])
def test_the_guide_wires_shadow_is_told_to_a_few_degrees(distance_mm: float, centre_deg: float, size_px: int) -> None:
    wire = GuideWire(centre_deg=centre_deg, distance_mm=distance_mm)
    found = rays_of(replace(ROUND, size_px=size_px, guide_wire=wire)).unjudged == GUIDE_WIRE
    true = shadow_of(wire)
    assert (true & ~found).sum() <= 2  # rays at its edges
    assert found[~true].sum() <= 8


def test_thin_caps_lipid_and_a_frame_without_a_wire_are_judged_everywhere() -> None:
    pool = LipidPool(
        centre_deg=200, arc_deg=150, cap_min_um=50, cap_max_um=80, thickness_um=1200, attenuation_per_mm=20
    )
    assert not rays_of(ROUND).unjudged.any()
    assert not rays_of(replace(ROUND, lipid_pools=(pool,))).unjudged.any()


def test_lipid_that_the_wires_shadow_crosses_is_judged_on_both_sides_alone() -> None:
    pool = LipidPool(centre_deg=90, arc_deg=150, cap_min_um=150, cap_max_um=200, thickness_um=800)
    wire = GuideWire(centre_deg=90, distance_mm=1.0)
    rays = rays_of(replace(ROUND, lipid_pools=(pool,), guide_wire=wire))
    true = shadow_of(wire)
    assert rays.lipid[true].all()
    assert (rays.unjudged[true] == GUIDE_WIRE).mean() > 0.9
    assert (rays.unjudged[~true & rays.lipid] == 0).mean() > 0.9


def test_a_branch_open_to_the_rim_is_out_of_the_disc() -> None:
    rays = rays_of(replace(ROUND, side_branch=SideBranch(centre_deg=0, width_deg=40, depth_mm=5)))
    assert (rays.unjudged[np.arange(-15, 16)] == OUT_OF_DISC).all()
    assert not rays.unjudged[60:300].any()


@pytest.mark.parametrize("width_deg", [20, 40])
def test_an_outline_that_crosses_a_branchs_mouth_is_told_with_its_width(width_deg: int) -> None:
    """The catheter is in the lumen's centre, so that the branch is as wide from there."""
    with_branch = replace(ROUND, side_branch=SideBranch(centre_deg=0, width_deg=width_deg, depth_mm=5))
    crossed = render(ROUND).masks
    view = view_frame(render(with_branch).frame)
    measures, _ = measured_as_drawn(crossed, ROUND.pixel_spacing_mm, view)
    [told] = [warning for warning in measures.warnings if "No wall is seen" in warning]
    assert int(told.split("over ")[1].split()[0]) == pytest.approx(width_deg, abs=3)


@pytest.mark.parametrize("has_scale", [True, False])
@pytest.mark.parametrize("field_mm", [5.01, 7.01, 10.03])
def test_a_guide_wires_shadow_is_no_opening_at_any_zoom_with_a_scale_or_without(
    field_mm: float, has_scale: bool
) -> None:
    spec = replace(
        ROUND,
        size_px=704,
        field_mm=field_mm,
        lumen_radius_mm=1.2,
        guide_wire=GuideWire(centre_deg=130, distance_mm=0.7),
    )
    phantom = render(spec)
    spacing_mm = phantom.pixel_spacing_mm if has_scale else None
    measures, rays = measured_as_drawn(phantom.masks, spacing_mm, view_frame(phantom.frame))
    assert rays is not None
    assert (rays.unjudged[shadow_of(spec.guide_wire)] == GUIDE_WIRE).mean() > 0.9  # type: ignore[arg-type]
    assert not any("No wall is seen" in warning for warning in measures.warnings)


@pytest.mark.parametrize("width_deg", [0, 7])
def test_a_wall_that_is_seen_or_missed_over_a_few_degrees_alone_is_not_worth_a_warning(width_deg: int) -> None:
    branch = SideBranch(centre_deg=0, width_deg=width_deg, depth_mm=5) if width_deg else None
    view = view_frame(render(replace(ROUND, side_branch=branch)).frame)
    measures, _ = measured_as_drawn(render(ROUND).masks, ROUND.pixel_spacing_mm, view)
    assert not any("No wall is seen" in warning for warning in measures.warnings)


def test_a_wall_that_no_light_reaches_is_no_wall() -> None:
    """The frame is painted black within 60 degrees, with nothing bright before it."""
    phantom = render(ROUND)
    row, col = np.indices(phantom.frame.shape[:2]) - 351.5
    angle, radius_mm = np.degrees(np.arctan2(row, col)), np.hypot(row, col) * phantom.pixel_spacing_mm
    dark = phantom.frame.copy()
    lumen = dark[(radius_mm > 0.6) & (radius_mm < 1.4) & (np.abs(angle) < 60)]
    behind = (np.abs(angle) < 30) & (radius_mm > 1.45)
    dark[behind] = np.resize(lumen, (int(behind.sum()), 3))
    _, rays = measured_as_drawn(phantom.masks, phantom.pixel_spacing_mm, view_frame(dark))
    assert rays is not None
    assert (rays.unjudged[np.arange(-25, 26)] == NO_WALL).all()
    assert not rays.unjudged[40:320].any()


def test_over_many_vessels_shadows_are_unjudged_and_walls_are_judged() -> None:
    """Blood, branches, sheaths and zooms as drawn at random, the catheter off centre; no wire at all in some."""
    specs = [replace(random_spec(seed), nurd_deg=0.0, side_branch=None) for seed in range(20)]
    falsely, missed, shadows = 0, 0, 0
    for spec in specs:
        phantom, rays = render(spec), rays_of(spec)
        angle = np.radians(np.arange(360))
        from_centre = rays.wall_um[:, None] / 1000 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        away = np.subtract(phantom.truth.lumen_centroid, phantom.catheter_centre) * phantom.pixel_spacing_mm
        seen_deg = np.degrees(np.arctan2(*(from_centre + away).T))
        true = np.zeros(360, bool)
        if spec.guide_wire is not None:
            half = np.degrees(np.arcsin(GUIDE_WIRE_DIAMETER_MM / 2 / spec.guide_wire.distance_mm))
            true = np.abs((seen_deg - spec.guide_wire.centre_deg + 180) % 360 - 180) < half
        unjudged = (rays.unjudged == GUIDE_WIRE) | (rays.unjudged == NO_WALL)
        falsely += int((unjudged & ~true).sum())
        missed += int((~unjudged & true).sum())
        shadows += int(true.sum())
    assert missed <= 0.03 * shadows
    assert falsely <= 0.02 * 360 * len(specs)


def test_a_wire_that_shines_no_brighter_than_the_wall_is_a_wire() -> None:
    """Its face is dimmed to 80 % of what the wall shows, as other catheters and zooms have it."""
    wire = GuideWire(centre_deg=200, distance_mm=0.9)
    phantom = render(replace(ROUND, guide_wire=wire, ruler=False, colouring="grey"))
    row, col = np.indices(phantom.frame.shape[:2]) - 351.5
    radius_mm = np.hypot(row, col) * phantom.pixel_spacing_mm
    wall = float(np.median(phantom.frame[(radius_mm > 1.55) & (radius_mm < 1.7)]))
    lumen = (radius_mm > 0.5) & (radius_mm < 1.45)
    dimmed = phantom.frame.copy()
    dimmed[lumen] = np.minimum(dimmed[lumen], int(0.8 * wall))
    _, rays = measured_as_drawn(phantom.masks, phantom.pixel_spacing_mm, view_frame(dimmed))
    assert rays is not None
    true = shadow_of(wire)
    assert (rays.unjudged[true] == GUIDE_WIRE).mean() > 0.9


def test_blood_as_bright_as_the_wall_behind_it_hides_the_wall() -> None:
    """The lumen's last 0.4 mm before the wall are painted as bright as it, over 60 degrees."""
    phantom = render(replace(ROUND, ruler=False, colouring="grey"))
    row, col = np.indices(phantom.frame.shape[:2]) - 351.5
    angle, radius_mm = np.degrees(np.arctan2(row, col)), np.hypot(row, col) * phantom.pixel_spacing_mm
    wall = phantom.frame[(radius_mm > 1.52) & (radius_mm < 1.65)]
    blood = (np.abs(angle) < 30) & (radius_mm > 1.1) & (radius_mm < 1.5)
    bloody = phantom.frame.copy()
    bloody[blood] = np.uint8(np.quantile(wall, 0.95))
    _, rays = measured_as_drawn(phantom.masks, phantom.pixel_spacing_mm, view_frame(bloody))
    assert rays is not None
    assert (rays.unjudged[np.arange(-24, 25)] == NO_WALL).mean() > 0.9
    assert not rays.unjudged[45:315].any()
