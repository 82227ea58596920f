"""Phantoms of other optics: the vessel stays, and nothing about the instrument is as in training."""

from dataclasses import asdict, replace

import numpy as np

from octseg.phantom import other_optics, random_spec, render

SEEN = [random_spec(seed, lipid=True) for seed in range(100)]
OTHERS = [other_optics(spec, spec.seed) for spec in SEEN]
ALWAYS_OUTSIDE = {
    "axial_resolution_um",
    "lateral_resolution_um",
    "focus_mm",
    "rayleigh_mm",
    "blur_px",
    "forward_scattering",
    "noise",
    "grey_per_neper",
}


def test_no_value_of_the_optics_lies_among_those_of_training() -> None:
    for name in ALWAYS_OUTSIDE:
        seen = [asdict(spec.optics)[name] for spec in SEEN]
        assert not any(min(seen) <= asdict(spec.optics)[name] <= max(seen) for spec in OTHERS)
    seen = [pool.attenuation_per_mm for spec in SEEN for pool in spec.lipid_pools]
    others = [pool.attenuation_per_mm for spec in OTHERS for pool in spec.lipid_pools]
    assert not any(min(seen) <= attenuation <= max(seen) for attenuation in others)


def test_half_of_them_lack_the_ruler_half_are_grey_and_more_are_shown_wide() -> None:
    assert 35 <= sum(not spec.ruler for spec in OTHERS) <= 65
    assert 35 <= sum(spec.colouring == "grey" for spec in OTHERS) <= 65
    assert np.mean([spec.field_mm for spec in OTHERS]) > np.mean([spec.field_mm for spec in SEEN]) + 0.8


def test_the_vessel_and_its_truth_are_those_of_the_spec_that_was_given() -> None:
    spec = replace(random_spec(3, lipid=True, size_px=704), field_mm=8.0)  # no zoom of a console: kept
    before, after = render(spec), render(other_optics(spec, 3))
    assert after.truth == before.truth
    for name, mask in before.masks.items():
        np.testing.assert_array_equal(after.masks[name], mask)
    assert not np.array_equal(after.frame, before.frame)


def test_the_same_seed_gives_the_same_optics() -> None:
    assert other_optics(SEEN[0], 5) == other_optics(SEEN[0], 5) != other_optics(SEEN[0], 6)
