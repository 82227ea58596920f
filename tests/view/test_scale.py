"""Which scale a frame gets, what is said for it, and when there is none."""

import dataclasses
import math
import re
from typing import Any

import cv2
import numpy as np
import pytest

from octseg.errors import ReadError
from octseg.phantom import Sheath, random_spec, render
from octseg.view import Bar, Ruler, find_pixel_scale, find_ruler

BLACK = np.zeros((704, 704, 3), dtype=np.uint8)
PITCH_PX = 149.7
RULER = Ruler(
    dots_px=np.stack([np.full(5, 351.5), 351.5 + PITCH_PX * np.arange(-2, 3)], axis=1),
    centre=(351.5, 351.5),
    direction=(0.0, 1.0),
    pitch_px=PITCH_PX,
    pitch_spread=0.0,
    dot_radius_px=4.0,
    ring_diameter_px=0.907 * PITCH_PX,
)


def test_the_ruler_gives_the_scale_and_the_catheter_confirms_it() -> None:
    scale = find_pixel_scale(BLACK, ruler=RULER)
    assert (scale.source, scale.warnings) == ("ruler", ())
    assert scale.pixel_spacing_mm == pytest.approx(1 / 149.7)
    assert scale.catheter_diameter_mm == pytest.approx(0.907)
    assert scale.evidence == "Burned-in ruler: 5 dots 1 mm apart, 149.7 pixels per mm."


def test_a_frame_that_tells_nothing_has_no_scale() -> None:
    scale = find_pixel_scale(BLACK)
    assert (scale.pixel_spacing_mm, scale.source, scale.catheter_diameter_mm) == (None, None, None)
    assert "nothing is measured in mm" in scale.evidence


def test_the_user_goes_before_header_ruler_and_preset() -> None:
    scale = find_pixel_scale(BLACK, user_mm=0.00668, header_mm=0.0067, ruler=RULER)
    assert (scale.pixel_spacing_mm, scale.source, scale.warnings) == (0.00668, "user", ())
    assert find_pixel_scale(BLACK, user_mm=0.00668, preset="704").source == "user"


def test_the_header_goes_before_the_ruler_and_the_ruler_before_a_preset() -> None:
    assert find_pixel_scale(BLACK, header_mm=0.0067, preset="704", ruler=RULER).source == "dicom"
    assert find_pixel_scale(BLACK, preset="704", ruler=RULER).source == "ruler"


def test_a_user_who_disagrees_with_the_ruler_is_told_both_numbers() -> None:
    (warning,) = find_pixel_scale(BLACK, user_mm=0.01, ruler=RULER).warnings
    assert "0.01 mm per pixel (user)" in warning
    assert "the burned-in ruler, 0.00668 mm per pixel" in warning
    assert warning.endswith("lumen areas are 2.24 times as large by the one in use")


def test_where_the_other_scale_makes_lumens_larger_that_is_said() -> None:
    (warning,) = find_pixel_scale(BLACK, user_mm=0.005, ruler=RULER).warnings
    assert warning.endswith("lumen areas are 1.78 times as large by the other")


def test_a_disagreement_of_one_percent_is_not_worth_a_warning() -> None:
    assert find_pixel_scale(BLACK, user_mm=1.01 / PITCH_PX, ruler=RULER).warnings == ()


@pytest.mark.parametrize("user_mm", [0.0, -0.01, math.nan, math.inf, 0.000099, 0.11, 9.957])
def test_an_entered_scale_that_no_frame_can_have_is_refused(user_mm: float) -> None:
    with pytest.raises(ReadError, match=r"mm per pixel cannot be the scale .* enter a number from 0\.0001 to 0\.1"):
        find_pixel_scale(BLACK, user_mm=user_mm)


@pytest.mark.parametrize("header_mm", [0.0, -1.0, math.nan, 1.0])
def test_a_header_that_cannot_be_true_is_ignored_with_a_warning(header_mm: float) -> None:
    scale = find_pixel_scale(BLACK, header_mm=header_mm)
    assert scale.pixel_spacing_mm is None
    assert "header gives" in scale.warnings[0]


DISC = cv2.circle(np.zeros((704, 704, 3), np.uint8), (351, 351), 350, (90, 90, 90), -1)  # 700 pixels across


@pytest.mark.parametrize("given", ["user_mm", "header_mm"])
@pytest.mark.parametrize(("spacing_mm", "told"), [(0.0049, "3.4"), (0.0233, "16."), (3.49 / 700, "3.4")])
def test_a_given_scale_by_which_no_console_shows_such_a_disc_is_used_with_a_warning(
    given: str, spacing_mm: float, told: str
) -> None:
    scale = find_pixel_scale(DISC, **{given: spacing_mm})  # type: ignore[arg-type]
    assert scale.pixel_spacing_mm == spacing_mm
    (warning,) = scale.warnings
    assert re.search(r"the imaged disc is ([\d.]+) mm wide, outside 3.5 to 16", warning)[1].startswith(told)  # type: ignore[index]
    assert warning.startswith("by the scale that was entered" if given == "user_mm" else "by the file's header")


@pytest.mark.parametrize("spacing_mm", [0.0051, 0.01, 0.0226])
def test_a_given_scale_by_which_a_console_may_show_such_a_disc_has_none(spacing_mm: float) -> None:
    assert find_pixel_scale(DISC, user_mm=spacing_mm).warnings == ()


def test_where_no_disc_is_seen_a_given_scale_has_none() -> None:
    assert find_pixel_scale(BLACK, user_mm=0.001).warnings == ()


@pytest.mark.parametrize("ring_mm", [0.64, 0.84, 0.98, 1.3])
def test_a_ruler_that_the_catheter_contradicts_gives_no_mm(ring_mm: float) -> None:
    scale = find_pixel_scale(BLACK, ruler=dataclasses.replace(RULER, ring_diameter_px=ring_mm * PITCH_PX))
    assert scale.pixel_spacing_mm is None
    assert f"would measure {ring_mm:.2f} mm" in scale.warnings[0]


def test_a_ruler_without_a_ring_is_used_and_the_missing_check_is_said() -> None:
    dots = np.stack([np.full(6, 351.5), 351.5 + 100.0 * np.arange(-2, 4)], axis=1)
    ruler = dataclasses.replace(RULER, ring_diameter_px=None, dots_px=dots, pitch_px=100.0)
    scale = find_pixel_scale(BLACK, ruler=ruler)
    assert scale.source == "ruler"
    assert "could not be cross-checked" in scale.warnings[0]


def with_gaps(*gaps_px: float) -> Ruler:
    cols = 50.0 + np.cumsum((0.0, *gaps_px))
    return dataclasses.replace(RULER, dots_px=np.stack([np.full(cols.size, 351.5), cols], axis=1))


@pytest.mark.parametrize("gaps_px", [(146.7, 148.7, 150.7, 152.7), (152.7, 150.7, 148.7, 146.7)])
def test_a_ruler_whose_gaps_grow_is_seen_askew_and_gives_no_mm(gaps_px: tuple[float, ...]) -> None:
    scale = find_pixel_scale(BLACK, ruler=with_gaps(*gaps_px))
    assert scale.pixel_spacing_mm is None
    assert "differ by 4% from one end to the other" in scale.warnings[0]


@pytest.mark.parametrize("gaps_px", [(149.2, 149.5, 149.9, 150.2), (147, 152.4, 147, 152.4), (146.7, 149.7, 152.7)])
def test_a_ruler_whose_dots_lie_a_little_off_is_not_seen_askew(gaps_px: tuple[float, ...]) -> None:
    assert find_pixel_scale(BLACK, ruler=with_gaps(*gaps_px)).source == "ruler"


def test_five_dots_without_ring_and_catheter_may_be_every_second_one() -> None:
    scale = find_pixel_scale(BLACK, ruler=dataclasses.replace(RULER, ring_diameter_px=None))
    assert scale.pixel_spacing_mm is None
    assert "no catheter is seen that tells 5 dots from every second one" in scale.warnings[0]


def test_a_ruler_without_a_ring_is_held_against_the_catheter() -> None:
    """Every second dot of a ruler would make the catheter half as wide as it is."""
    frame = render(random_spec(3, size_px=704, colouring="sepia", field_mm=7.0)).frame
    ruler = dataclasses.replace(find_ruler(frame), ring_diameter_px=None)
    assert find_pixel_scale(frame, ruler=ruler).pixel_spacing_mm == pytest.approx(7.0 / 704, rel=0.01)
    second = dataclasses.replace(ruler, pitch_px=2 * ruler.pitch_px)
    scale = find_pixel_scale(frame, ruler=second)
    assert scale.pixel_spacing_mm is None
    assert "by the burned-in ruler the catheter would measure" in scale.warnings[0]


@pytest.mark.parametrize("given", ["user_mm", "header_mm"])
def test_a_scale_that_is_given_is_held_against_the_catheter_and_used(given: str) -> None:
    frame = render(random_spec(3, size_px=704, colouring="sepia", field_mm=7.0, ruler=False)).frame
    right, half = (find_pixel_scale(frame, **{given: 7.0 / 704 * part}) for part in (1.0, 0.6))  # type: ignore[arg-type]
    assert right.warnings == ()
    assert half.pixel_spacing_mm == pytest.approx(0.6 * 7.0 / 704)
    assert "the catheter would measure" in half.warnings[0]


def test_the_preset_of_a_size_is_for_frames_of_that_size() -> None:
    assert find_pixel_scale(BLACK, preset="704").pixel_spacing_mm == 0.009957
    wrong = find_pixel_scale(BLACK, preset="1024")
    assert wrong.pixel_spacing_mm is None
    assert "704 x 704" in wrong.warnings[0]


@pytest.mark.parametrize("field_mm", [5, 7, 10])
def test_a_zoom_preset_divides_the_field_by_the_discs_diameter(field_mm: int) -> None:
    row, col = np.mgrid[:700, :800]
    speckle = np.random.default_rng(0).integers(30, 120, (700, 800))
    disc = np.where(np.hypot(row - 340, col - 420) <= 300, speckle, 0).astype(np.uint8)
    scale = find_pixel_scale(np.repeat(disc[:, :, None], 3, axis=2), preset=f"{field_mm} mm")
    assert scale.source == "preset"
    assert scale.pixel_spacing_mm == pytest.approx(field_mm / 600, rel=0.01)


def test_a_zoom_preset_without_a_disc_gives_no_mm() -> None:
    scale = find_pixel_scale(BLACK, preset="7 mm")
    assert scale.pixel_spacing_mm is None
    assert "no disc was found" in scale.warnings[0]


@pytest.mark.parametrize("preset", ["704", "5 mm", "7 mm", "10 mm"])
@pytest.mark.parametrize("stretch", [0.8, 0.93, 1.1, 1.3])
def test_a_disc_that_is_no_circle_gives_no_mm_whatever_the_preset(preset: str, stretch: float) -> None:
    row, col = np.mgrid[:704, :704] - 351.5
    speckle = np.random.default_rng(0).integers(30, 120, (704, 704))
    oval = np.where(np.hypot(row / 260, col / (260 * stretch)) <= 1, speckle, 0).astype(np.uint8)
    scale = find_pixel_scale(np.repeat(oval[:, :, None], 3, axis=2), preset=preset)
    assert (scale.pixel_spacing_mm, scale.source) == (None, None)
    assert scale.warnings[0].endswith("no mm")


@pytest.mark.parametrize(("field_mm", "wrong"), [(7.01, "10 mm"), (5.01, "7 mm"), (10.03, "5 mm"), (10.03, "704")])
def test_a_preset_by_which_the_catheter_has_a_width_that_none_has_is_refused(field_mm: float, wrong: str) -> None:
    spec = random_spec(4, size_px=704, field_mm=field_mm, ruler=False)
    frame = render(dataclasses.replace(spec, sheath=Sheath())).frame
    right = {7.01: "7 mm", 5.01: "5 mm", 10.03: "10 mm"}[field_mm]
    assert find_pixel_scale(frame, preset=right).pixel_spacing_mm == pytest.approx(field_mm / 704, rel=0.01)
    scale = find_pixel_scale(frame, preset=wrong)
    assert scale.pixel_spacing_mm is None
    assert f"by preset {wrong} the catheter would measure" in scale.warnings[0]


def test_a_preset_that_the_drawn_ring_contradicts_is_refused_without_a_cut_line() -> None:
    """The ring is held to 7 %, so that no zoom passes for the next."""
    row, col = np.mgrid[:704, :704] - 351.5
    disc = np.where(np.hypot(row, col) <= 350, np.random.default_rng(0).integers(5, 60, (704, 704)), 0).astype(np.uint8)
    frame = np.repeat(disc[:, :, None], 3, axis=2)
    for start in (-10, 80, 170, 260):
        cv2.ellipse(frame, (352, 352), (46, 46), 0, start, start + 20, (60, 215, 212), 1, cv2.LINE_AA)
    assert find_pixel_scale(frame, preset="7 mm").pixel_spacing_mm == pytest.approx(0.01, rel=0.01)
    for wrong in ("5 mm", "10 mm"):
        scale = find_pixel_scale(frame, preset=wrong)
        assert scale.pixel_spacing_mm is None
        assert "outside 0.85 to 0.97" in scale.warnings[0]


def test_a_ruler_and_a_bar_that_contradict_each_other_give_no_mm_nor_does_a_preset() -> None:
    bar = Bar(ends=((10.0, 10.0), (10.0, 110.0)), box=(0.0, 0.0, 20.0, 120.0), length_mm=1.0)
    scale = find_pixel_scale(BLACK, ruler=RULER, bars=[bar], preset="704")
    assert (scale.pixel_spacing_mm, scale.source) == (None, None)
    assert "ruler gives 149.7 pixels per mm and the scale bar 100.0" in " ".join(scale.warnings)
    agreeing = dataclasses.replace(bar, ends=((10.0, 10.0), (10.0, 159.2)))
    assert find_pixel_scale(BLACK, ruler=RULER, bars=[agreeing]).source == "ruler"


def test_a_preset_that_the_ruler_contradicts_is_not_used_and_that_is_said() -> None:
    scale = find_pixel_scale(BLACK, ruler=RULER, preset="704")
    assert scale.source == "ruler"
    assert "the preset 704, which is not used" in scale.warnings[0]


@pytest.mark.parametrize("given", [{"header_mm": 0.00668}, {"user_mm": 0.00668}])
def test_a_preset_that_a_header_or_the_user_contradicts_is_not_used_and_that_is_said(given: dict[str, float]) -> None:
    scale = find_pixel_scale(BLACK, preset="704", **given)
    assert scale.pixel_spacing_mm == 0.00668
    assert "the preset 704, which is not used" in scale.warnings[0]
    assert find_pixel_scale(BLACK, preset="704", header_mm=0.00996).warnings == ()


@pytest.mark.parametrize("given", [{"ruler": RULER}, {"header_mm": 0.00668}, {"user_mm": 0.00668}])
def test_a_preset_that_is_not_for_the_frame_is_not_used_beside_another_scale_and_that_is_said(given: Any) -> None:
    scale = find_pixel_scale(BLACK, preset="1024", **given)
    assert scale.pixel_spacing_mm == pytest.approx(0.00668, rel=0.001)
    assert scale.warnings == (
        "preset 1024 is for frames of 1024 x 1024 pixels, and this one has 704 x 704: it is not used",
    )
    (without_disc,) = find_pixel_scale(BLACK, preset="7 mm", **given).warnings
    assert "no disc was found in this frame: it is not used" in without_disc


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ReadError, match="704, 1024, 5 mm, 7 mm, 10 mm"):
        find_pixel_scale(BLACK, preset="512")
