"""Millimetres of a header: in the order in which they count, each with its source, and none rather than a wrong one."""

from typing import Any

import numpy as np
import pytest

from octseg.pullback import Pullback
from octseg.reading.spacing import frame_spacing_by_count
from tests.fakes.dicom_files import groups, jpeg, pullback_file
from tests.reading.dicom.scene import colour_frames, read, said

FRAMES = colour_frames(4)


def header_of(**elements: Any) -> Pullback:
    return read(pullback_file(FRAMES, **elements))[1]


def measures(row: Any, column: Any, **more: Any) -> dict[str, Any]:
    return {"PixelSpacing": [row, column], **more}


def shared(**macro: Any) -> dict[str, Any]:
    return {"SharedFunctionalGroupsSequence": groups(PixelMeasuresSequence=macro)}


def per_frame(*spacings: float) -> dict[str, Any]:
    return {
        "PerFrameFunctionalGroupsSequence": groups(PixelMeasuresSequence=[measures(each, each) for each in spacings])
    }


def test_the_functional_groups_go_before_the_root_and_a_difference_is_said() -> None:
    pullback = header_of(**shared(PixelSpacing=[0.0068, 0.0068]), PixelSpacing=[0.0099, 0.0099])
    assert pullback.pixel_spacing_mm == 0.0068
    assert "shared groups" in pullback.pixel_spacing_evidence
    assert "PixelSpacing of the file gives 0.0099 mm" in said(pullback)


def test_the_root_counts_where_there_are_no_groups() -> None:
    pullback = header_of(PixelSpacing=[0.009957, 0.009957])
    assert (pullback.pixel_spacing_mm, pullback.burned_in_scale) == (0.009957, "each")
    assert pullback.pixel_spacing_evidence == "DICOM PixelSpacing of the file: 0.009957 mm."


@pytest.mark.parametrize("spacing", [[0, 0], [-0.01, -0.01], ["nan", "nan"], [0.35, 0.35], [1, 1], [1e-7, 1e-7]])
def test_what_cannot_be_a_pixel_of_oct_is_not_used(spacing: list[Any]) -> None:
    pullback = header_of(PixelSpacing=[str(each) for each in spacing])
    assert pullback.pixel_spacing_mm is None
    assert "not used" in said(pullback)


def test_an_impossible_value_in_the_groups_leaves_it_to_the_root() -> None:
    assert header_of(**shared(PixelSpacing=[0, 0]), PixelSpacing=[0.01, 0.01]).pixel_spacing_mm == 0.01


@pytest.mark.parametrize(
    "elements", [{"PixelSpacing": [0.01, 0.02]}, {"PixelSpacing": [0.01, 0.01], "PixelAspectRatio": [4, 3]}]
)
def test_pixels_that_are_not_square_give_no_millimetres_by_any_scale(elements: dict[str, Any]) -> None:
    pullback = header_of(**elements)
    assert (pullback.pixel_spacing_mm, pullback.burned_in_scale) == (None, "never")
    assert "square" in said(pullback)


def test_spacings_of_frames_that_differ_are_none_over_one_percent_and_their_median_below() -> None:
    pullback = header_of(**per_frame(0.01, 0.01, 0.01, 0.0102))
    assert pullback.pixel_spacing_mm is None
    assert "differs from frame to frame, from 0.01 to 0.0102 mm" in said(pullback)
    pullback = header_of(**per_frame(0.01, 0.01, 0.01, 0.01005))
    assert pullback.pixel_spacing_mm == pytest.approx(0.01)
    assert "by less than 1 %" in said(pullback)
    assert said(header_of(**per_frame(0.01, 0.01, 0.01, 0.01))).count("PixelSpacing") == 0


@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_the_spacing_of_a_detector_or_a_scanner_is_no_scale(keyword: str) -> None:
    pullback = header_of(**{keyword: [0.01, 0.01]})
    assert pullback.pixel_spacing_mm is None
    assert "no scale of OCT" in said(pullback)


def test_a_scale_does_not_hold_for_frames_of_another_size_than_the_header_says() -> None:
    halved = [np.ascontiguousarray(frame[::2, ::2]) for frame in FRAMES]
    data = pullback_file(FRAMES, syntax="jpeg", streams=[jpeg(frame) for frame in halved], PixelSpacing=[0.01, 0.01])
    frames, pullback = read(data)
    assert frames[0].shape == (32, 48, 3)
    assert pullback.pixel_spacing_mm is None
    assert "the header says 64 x 96 pixels and its frames are 32 x 48" in said(pullback)


def along(*places: float) -> dict[str, Any]:
    macro = [{"IntravascularLongitudinalDistance": place} for place in places]
    return {"PerFrameFunctionalGroupsSequence": groups(IntravascularFrameContentSequence=macro)}


def test_frames_are_as_far_apart_as_their_distances_along_the_vessel_say() -> None:
    pullback = header_of(**along(0, 0.2, 0.4, 0.6), SliceThickness="0.1")
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (pytest.approx(0.2), "dicom")
    assert header_of(**along(3, 2.8, 2.6, 2.4)).frame_spacing_mm == pytest.approx(0.2)


def test_uneven_distances_give_their_mean_and_those_that_turn_back_none() -> None:
    pullback = header_of(**along(0, 0.1, 0.4, 0.6))
    assert pullback.frame_spacing_mm == pytest.approx(0.2)
    assert "unevenly" in said(pullback)
    pullback = header_of(**along(0, 0.2, 0.1, 0.3), SliceThickness="0.1")
    assert pullback.frame_spacing_mm == 0.1
    assert "back and forth" in said(pullback)


def test_the_spacing_between_slices_goes_before_their_thickness_and_both_must_be_possible() -> None:
    assert header_of(SpacingBetweenSlices="0.2", SliceThickness="0.015").frame_spacing_mm == 0.2
    assert header_of(**shared(SliceThickness="0.1")).frame_spacing_mm == 0.1
    pullback = header_of(SliceThickness="0")
    assert pullback.frame_spacing_mm is None
    assert "SliceThickness is 0 mm, which cannot be the distance of frames" in said(pullback)


@pytest.mark.parametrize(("given", "is_told"), [("0.02", True), ("0.1", False), ("0.4", False), ("1", True)])
def test_a_distance_that_no_pullback_has_is_used_and_told(given: str, is_told: bool) -> None:
    """As 1 mm is where a program writes what it was not told, and 0.02 where it meant cm."""
    pullback = header_of(SpacingBetweenSlices=given)
    assert pullback.frame_spacing_mm == float(given)
    assert any("outside the 0.04 to 0.5 mm of OCT pullbacks" in each for each in pullback.warnings) is is_told


@pytest.mark.parametrize("keyword", ["SpacingBetweenSlices", "SliceThickness"])
@pytest.mark.parametrize("written", [b"0.2 mm", b"0,2000", b"200 um", b"none__"])
def test_a_distance_that_is_text_is_said_and_not_dropped_without_a_word(keyword: str, written: bytes) -> None:
    content = pullback_file(FRAMES, **{keyword: "0.2001"})
    assert content.count(b"0.2001") == 1
    pullback = read(content.replace(b"0.2001", written))[1]
    assert pullback.frame_spacing_mm is None
    assert f"{keyword} is no number, so it does not tell the distance of frames: not used" in said(pullback)


def test_a_distance_that_is_empty_is_none_that_were_said() -> None:
    assert said(header_of(SpacingBetweenSlices="")) == said(header_of())


@pytest.mark.parametrize("other", [{"SpacingBetweenSlices": "0.1"}, shared(SpacingBetweenSlices="0.1")])
def test_two_spacings_of_frames_that_differ_are_told(other: dict[str, Any]) -> None:
    pullback = header_of(**along(0, 0.2, 0.4, 0.6), **other)
    assert pullback.frame_spacing_mm == pytest.approx(0.2)
    assert (
        "SpacingBetweenSlices gives 0.1 mm from frame to frame and longitudinal distance of frames 0.2 mm; "
        "the latter is used" in said(pullback)
    )
    assert said(header_of(**along(0, 0.2, 0.4, 0.6), SpacingBetweenSlices="0.2")) == ""


def test_a_spacing_from_the_user_is_held_against_the_headers_and_against_the_number_of_frames() -> None:
    pullback = header_of(SpacingBetweenSlices="0.1").with_frame_spacing(0.2)
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.2, "user")
    assert pullback.warnings == (
        "the distance between frames in use, 0.2 mm (user), disagrees with the file's header, 0.1 mm: lengths and "
        "volumes are 2.00 times as large by the one in use",
    )
    assert header_of(SpacingBetweenSlices="0.1").with_frame_spacing(0.1).warnings == ()
    small = read(pullback_file([frame[:32, :32] for frame in colour_frames(5)] * 75))[1]
    assert small.with_frame_spacing(0.2).warnings == ()
    assert "disagrees with what pullbacks of 375 frames have as a rule, 0.2 mm" in said(small.with_frame_spacing(0.1))


@pytest.mark.parametrize(
    ("count", "spacing_mm"), [(540, 0.1), (375, 0.2), (271, 0.2), (270, 0.2), (300, None), (1, None), (542, None)]
)
def test_the_number_of_frames_tells_their_distance_where_consoles_make_such_pullbacks(
    count: int, spacing_mm: float | None
) -> None:
    assert frame_spacing_by_count(count) == spacing_mm


def test_a_distance_by_number_is_called_a_guess_and_a_header_that_differs_is_told() -> None:
    small = [frame[:32, :32] for frame in colour_frames(5)] * 75
    pullback = read(pullback_file(small))[1]
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.2, "frame_count")
    assert "a guess from their number (375)" in said(pullback)
    pullback = read(pullback_file(small, SpacingBetweenSlices="0.1"))[1]
    assert (pullback.frame_spacing_mm, pullback.frame_spacing_source) == (0.1, "dicom")
    assert "pullbacks of 375 frames have 0.2 mm as a rule" in said(pullback)


def test_a_pullback_that_was_cut_to_another_number_tells_no_distance() -> None:
    small = [frame[:32, :32] for frame in colour_frames(5)] * 75
    assert read(pullback_file(small, declared=540))[1].frame_spacing_mm is None
    assert read(pullback_file(small, declared=371))[1].frame_spacing_mm == 0.2


def test_lossy_frames_leave_the_ruler_only_what_many_agree_on() -> None:
    assert read(pullback_file(FRAMES, syntax="jpeg"))[1].burned_in_scale == "agreed"
    assert read(pullback_file(FRAMES[:1], syntax="jpeg"))[1].burned_in_scale == "each"
    assert read(pullback_file(FRAMES, syntax="rle"))[1].burned_in_scale == "each"


def contents(keyword: str, *values: Any) -> dict[str, Any]:
    return {"PerFrameFunctionalGroupsSequence": groups(FrameContentSequence=[{keyword: each} for each in values])}


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        (contents("InStackPositionNumber", 1, 3, 2, 4), "InStackPositionNumber"),
        (contents("DimensionIndexValues", [1, 1], [1, 3], [1, 2], [1, 4]), "DimensionIndexValues"),
        (contents("FrameAcquisitionNumber", 1, 3, 2, 4), "FrameAcquisitionNumber"),
        (along(0, 0.4, 0.2, 0.6), "longitudinal distance"),
    ],
)
def test_frames_that_are_stored_out_of_order_stay_so_and_that_is_said(elements: dict[str, Any], name: str) -> None:
    """Files that refer to a frame do so by its number among those that are stored."""
    frames, pullback = read(pullback_file(FRAMES, **elements))
    np.testing.assert_array_equal(frames, FRAMES)
    told = f"by the header's {name} frames are stored out of order (frame 3 is number 2 of 4): they are read"
    assert told in said(pullback)


@pytest.mark.parametrize(
    "elements",
    [
        contents("InStackPositionNumber", 1, 2, 3, 4),
        contents("InStackPositionNumber", 40, 30, 20, 10),
        contents("InStackPositionNumber", 1, 1, 2, 1),
        contents("FrameAcquisitionNumber", 2, 1, 3),
        contents("DimensionIndexValues", [1, 9], [1, 10], [2, 1], [2, 2]),
    ],
    ids=["in order", "from the end", "not told apart", "not of all", "by several"],
)
def test_of_an_order_that_is_as_stored_or_not_told_nothing_is_said(elements: dict[str, Any]) -> None:
    assert "out of order" not in said(header_of(**elements))
