"""Scales of a pullback's frames that differ or disagree with another: told once, with the frames named as runs."""

import pytest

from octseg.measurement.pullback import measure_pullback, scale_warnings
from octseg.measurement.pullback.scales import named
from octseg.measurement.wording import NO_SCALE_DEPTH
from tests.fakes.along import frame, withdrawn

RULER = "the burned-in ruler"


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([7], "frame 7"),
        ([7, 8], "frames 7 to 8"),
        ([1, 2, 3, 9, 12, 13], "frames 1 to 3, 9 and 12 to 13"),
        ([1, 3, 5, 7, 9, 11, 12], "frames 1, 3, 5, 7 and 3 more"),
    ],
)
def test_frames_are_named_as_runs(numbers: list[int], said: str) -> None:
    assert named(numbers) == said


def test_a_ruler_that_disagrees_with_the_header_is_told_once_with_its_frames() -> None:
    frames = [frame(n, other_scales={RULER: 0.02 + n * 1e-6} if 4 <= n <= 9 else {}) for n in range(1, 13)]
    (told,) = scale_warnings(frames)
    assert told == (
        "Frames 4 to 9: the scale in use, 0.01 mm per pixel, disagrees with the burned-in ruler, 0.020006 mm per "
        "pixel: lumen areas are 4.00 times as large by the other."
    )
    assert told in measure_pullback(frames, 0.2).warnings


def test_a_ruler_that_changes_along_the_pullback_is_told_for_each_of_its_scales() -> None:
    frames = [frame(n, other_scales={RULER: 0.02 if n <= 5 else 0.005}) for n in range(1, 13)]
    first, second = scale_warnings(frames)
    assert first.startswith(
        "Frames 6 to 12: the scale in use, 0.01 mm per pixel, disagrees with the burned-in ruler, 0.005 mm"
    )
    assert second.startswith("Frames 1 to 5: ")


def test_scales_in_use_that_differ_are_told_with_their_frames() -> None:
    frames = [frame(n, pixel_spacing_mm=0.00684 if 5 <= n <= 8 else 0.00996) for n in range(1, 13)]
    assert scale_warnings(frames) == [
        "The frames' scales differ, in mm per pixel: 0.00996 in frames 1 to 4 and 9 to 12, 0.00684 in frames 5 to 8; "
        "a pullback has one."
    ]
    assert measure_pullback(frames, 0.2).pixel_spacing_mm is None


def test_frames_without_a_scale_are_named_and_those_withdrawn_are_not() -> None:
    frames = [frame(n, pixel_spacing_mm=None if n in (3, 4) else 0.01) for n in range(1, 7)]
    (told,) = scale_warnings([*frames, withdrawn(7)])
    assert told.startswith("2 of 6 frames have no scale (frames 3 to 4), so areas")
    assert told.endswith("and lipid in them counts to the depth that 1.2 mm has at 7 mm zoom.")


def test_a_pullback_without_any_scale_says_so() -> None:
    frames = [frame(n, pixel_spacing_mm=None, lumen_area_mm2=None, lipid_area_mm2=None) for n in range(1, 7)]
    (told,) = scale_warnings(frames)
    assert told.startswith("No frame has a scale, so areas in mm2")
    assert scale_warnings([*frames, frame(7, [(0, 90)], pixel_spacing_mm=None)]) == [told, NO_SCALE_DEPTH]
    assert scale_warnings([withdrawn(1)]) == []


def test_what_rulers_are_read_to_is_no_difference() -> None:
    assert scale_warnings([frame(n, pixel_spacing_mm=0.01 + n * 1e-5) for n in range(1, 9)]) == []
