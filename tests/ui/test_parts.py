"""The pieces of the page: numbers as words, cards, outlines. No server."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from octseg.checkpoint import CheckpointConfig
from octseg.checkpoint.calibration import Calibration
from octseg.errors import OctsegError
from octseg.measurement import FrameMeasures
from octseg.measurement.pullback import FrameAlong, measure_pullback
from octseg.model import ModelConfig
from octseg.pullback import PixelScale, Pullback
from octseg.reading.spacing import counted_spacing, untold
from octseg.result import ModelIdentity
from octseg.ui.along import jumps_html, plaques_html, taken_html, vessel_html
from octseg.ui.asking import typed_mm
from octseg.ui.cards import dice_html, error_html, intervals_info, model_html, scale_html, unseen_html
from octseg.ui.markup import number, sentences, signed
from octseg.ui.numbers import UNSURE, summary_html, table_html, tiles_html
from octseg.ui.picture import outline_path, picture_html, scale_bar_svg
from octseg.ui.run import Given, Progress
from octseg.ui.run_record import curves
from octseg.view.preprocessing import PreprocessingConfig
from tests.fakes import along
from tests.fakes.exported import result_of
from tests.fakes.results import TWO_CORES

HOSTILE = "<script>alert(1)</script>"
MEASURED = FrameMeasures(
    lipid_core_area_px=12345.0,
    lipid_core_area_mm2=1.23456,
    lipid_arc_deg=0.0,
)
STATES_NOTHING = CheckpointConfig(network=ModelConfig(), preprocessing=PreprocessingConfig(domain="polar"))
UNSEEN = {"n_frames": 4, "studies": ["003", "008"], "dice_pooled": {"lumen": 0.981, "lipid_core": None}}


def shown(html: str) -> str:
    """The text of some HTML, its spaces made one."""
    html = re.sub("(</summary>)<p>.*?</p>", r"\1", html)  # of what is closed the name alone
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>|&nbsp;", " ", html)).strip()


@pytest.mark.parametrize(
    ("value", "digits", "expected"), [(None, 2, "–"), (0.0, 0, "0"), (12345.678, 1, "12\N{NARROW NO-BREAK SPACE}345.7")]
)
def test_numbers_are_written_with_thin_spaces_and_absent_ones_as_a_dash(
    value: float | None, digits: int, expected: str
) -> None:
    assert number(value, digits) == expected


def test_a_margin_has_a_sign_and_a_true_minus() -> None:
    assert (signed(-7.4, 0), signed(53.0, 0)) == ("\N{MINUS SIGN}7", "+53")


def test_a_curve_has_its_values_in_full_as_the_card_has() -> None:
    """1.40499 mm², which is 1.40 there, is 1.41 where it is rounded to 1.405 before."""
    frames = [FrameAlong(frame=1, lumen_area_mm2=1.40499), FrameAlong(frame=2)]
    (lumen,) = (curve for curve in curves(frames) if curve["name"] == "lumen")
    assert (lumen["values"], number(1.40499, 2)) == ([1.40499, None], "1.40")


def test_what_is_to_be_careful_about_stands_once_and_as_a_sentence() -> None:
    said = "the burned-in ruler gives 98.1 pixels per mm and the scale bar 91.0: neither is trusted"
    result = replace(result_of(1), warnings=(said,), scale=PixelScale(warnings=(said,)))
    told = shown(summary_html(result) + scale_html(result.scale))
    assert told.count("The burned-in ruler gives 98.1 pixels per mm and the scale bar 91.0: neither is trusted.") == 1
    assert said not in told


def test_the_table_holds_each_measure_in_full_beside_its_rounded_one() -> None:
    html = table_html(MEASURED)
    assert 'data-measure="lipid_core_area_mm2" data-value="1.23456">1.235</td>' in html
    assert "Fibrous cap" not in shown(html)  # nothing of it was measured


def test_areas_are_shown_in_pixels_where_there_is_no_scale() -> None:
    tiles = shown(tiles_html(replace(MEASURED, lipid_core_area_mm2=None)))
    assert "Visible plaque area 12\N{NARROW NO-BREAK SPACE}345 px".replace("\N{NARROW NO-BREAK SPACE}", " ") in tiles
    assert "mm²" not in tiles


def test_each_area_of_the_table_stands_in_pixels_too() -> None:
    areas = {"lipid_core_area": 12345.0, "lumen_area": 51234.0, "vasa_vasorum_area": 678.0}
    in_px = {f"{name}_px": area for name, area in areas.items()}
    html = table_html(FrameMeasures(**in_px))
    for name, area in in_px.items():
        assert f'data-measure="{name}" data-value="{area}"' in html


def test_an_arc_of_zero_is_a_zero_and_an_absent_cap_a_dash() -> None:
    tiles = shown(tiles_html(MEASURED))
    assert "Lipid arc 0 °" in tiles
    assert "Thinnest cap –" in tiles


def test_the_area_says_how_deep_it_goes() -> None:
    scaled = tiles_html(replace(MEASURED, pixel_spacing_mm=0.01))
    assert "Visible plaque area 1.23 mm² to 1.2 mm behind the lumen" in shown(scaled)


def test_an_area_without_a_scale_does_not_say_that_it_goes_1_2_mm_deep() -> None:
    tiles = shown(tiles_html(replace(MEASURED, lipid_core_area_mm2=None)))
    assert "px to the depth that 1.2 mm has at 7 mm zoom" in tiles
    assert "behind the lumen" not in tiles


def test_the_page_without_a_frame_speaks_of_no_missing_scale() -> None:
    assert "Visible plaque area – to 1.2 mm behind the lumen" in shown(tiles_html(FrameMeasures()))


@pytest.mark.parametrize(
    ("value", "interval", "unsure"),
    [
        (2.0, (0.0, 4.0), True),
        (2.0, (0.0, 9.0), True),
        (2.0, (0.5, 3.5), False),
        (0.0, (0.0, 0.4), True),
        (None, (0.0, 0.4), True),
        (0.0, (0.0, 0.0), False),
    ],
)
def test_a_value_as_uncertain_as_it_is_large_is_grey_and_says_so(
    value: float | None, interval: tuple[float, float], unsure: bool
) -> None:
    html = tiles_html(replace(MEASURED, lumen_area_mm2=value), {"lumen_area_mm2": interval})
    assert ("oct-unsure" in html) is unsure
    assert (UNSURE in html) is unsure


def test_what_is_true_of_an_example_stands_beside_what_was_found() -> None:
    true = {"lipid_core_area_mm2": 2.7, "lipid_arc_deg": 122.5, "fibrous_cap_thickness_min_um": None}
    tiles, table = shown(tiles_html(TWO_CORES, None, true)), shown(table_html(TWO_CORES, None, true))
    for said in (tiles, table):
        assert "true: none" in said
    assert "Visible plaque area 2.50 mm² true: 2.70 mm²" in tiles
    assert "157 true: 122°" in table
    assert "true:" not in tiles_html(TWO_CORES) + table_html(TWO_CORES)


def test_no_millimetre_is_claimed_without_a_scale() -> None:
    said = shown(scale_html(PixelScale()))
    assert "Not known" in said
    assert not re.search(r"\d", said)


def test_a_withdrawn_frame_is_promised_no_millimetre_for_a_scale() -> None:
    said = shown(scale_html(PixelScale(), is_withdrawn=True))
    assert said.endswith("Of a withdrawn frame nothing is measured, with a scale or without.")
    assert not any(word in said for word in ("to get", "pixels", "Enter"))


@pytest.mark.parametrize(
    ("withdrawn", "state", "is_asked"),
    [((), "done", True), ((1, 2), "done", True), ((1, 2, 3), "done", False), ((1, 2, 3), "running", True)],
)
def test_nothing_is_missing_where_all_frames_are_withdrawn(
    withdrawn: tuple[int, ...], state: Any, *, is_asked: bool
) -> None:
    pullback = Pullback(name="run", frame_count=3, read_frames=lambda: iter(()))
    progress = Progress(state=state, done=3, scale=PixelScale(), withdrawn=dict.fromkeys(withdrawn, "No catheter."))
    said = shown(taken_html(pullback, Given(kind="TIFF"), progress))
    assert ("Missing the scale" in said, "the distance between frames" in said) == (is_asked, is_asked)


@pytest.mark.parametrize(
    ("frames", "is_over", "said"),
    [
        (None, False, "No lipid plaque was found so far."),
        (None, True, "No lipid plaque was found."),
        ((1, 4), True, "No lipid plaque was found in the range."),
        ((1, 2), True, "Lipid was judged in no frame in the range: whether there is a plaque is not known."),
        ((1, 2), False, "Lipid was judged in no frame in the range so far: whether there is a plaque is not known."),
    ],
)
def test_of_plaques_so_far_is_said_until_all_frames_are_done(
    frames: tuple[int, int] | None, is_over: bool, said: str
) -> None:
    """Of the first three frames nothing is said."""
    vessel = [*map(along.withdrawn, (1, 2, 3)), along.frame(4)]
    assert shown(plaques_html(measure_pullback(vessel, 0.2, frames=frames), is_over=is_over)) == f"Plaques {said}"


def test_intervals_along_the_vessel_stand_on_buttons_card_and_plaques() -> None:
    ends = {"lumen_area_mm2": (6.0, 9.0), "lipid_core_area_mm2": (0.5, 2.0), "lipid_arc_deg": (80.0, 130.0)}
    ends["fibrous_cap_thickness_min_um"] = (90.0, 150.0)
    measures = measure_pullback([along.frame(n, [(0, 100)], intervals=ends) for n in range(1, 31)], 0.2)
    jumps, vessel, plaques = jumps_html(measures), vessel_html(measures), plaques_html(measures)
    assert "Smallest lumen 7.00 mm² 95 %: 6.00 to 9.00 frame 1" in shown(jumps)
    assert "100° 95 %: 80 to 130 frame 1" in shown(jumps)
    assert "Visible lipid volume 6.00 mm³ 95 %: 3.00 to 12.00" in shown(vessel)
    assert "120 95 %: 90 to 150" in shown(plaques)
    told = {*re.findall(r'data-interval="(\w+)"', jumps + vessel)}
    assert told == {*(measures.whole.intervals_95 or {})} & told
    assert len(told) == 8  # all that the report shows, but for the index, which the page does not have
    without = measure_pullback([along.frame(n, [(0, 100)]) for n in range(1, 31)], 0.2)
    assert "95 %" not in jumps_html(without) + vessel_html(without) + plaques_html(without)


def test_a_small_plaque_has_a_volume_that_is_not_0() -> None:
    measures = measure_pullback([along.frame(n, [(0, 30)] if n == 3 else [], area_mm2=0.1) for n in range(1, 9)], 0.2)
    assert measures.whole.plaques[0].lipid_volume_mm3 == pytest.approx(0.02)
    assert "<td>0.02</td>" in plaques_html(measures)
    assert "Visible lipid volume 0.02 mm³" in shown(vessel_html(measures))


def test_the_scale_stands_with_source_evidence_and_cross_check() -> None:
    scale = PixelScale(
        pixel_spacing_mm=0.01, source="ruler", evidence=HOSTILE, catheter_diameter_mm=0.912, warnings=(HOSTILE,)
    )
    html = scale_html(scale)
    assert "0.01000 mm per pixel (100.0 px per mm)" in shown(html)
    assert "the catheter measures 0.912 mm" in shown(html)
    assert "<script" not in html


@pytest.mark.parametrize(
    ("source", "used"), [("ruler", "the ruler in the frame"), ("user", "the number that you entered")]
)
def test_a_preset_that_something_goes_before_is_said_not_to_be_used(source: Any, used: str) -> None:
    said = shown(scale_html(PixelScale(pixel_spacing_mm=0.01, source=source), "704"))
    assert f"Not the preset 704: {used} was used" in said
    assert "Not the preset" not in shown(scale_html(PixelScale(pixel_spacing_mm=0.01, source=source)))


def test_a_preset_that_is_used_is_named_as_the_source() -> None:
    said = shown(scale_html(PixelScale(pixel_spacing_mm=0.01, source="preset", evidence="By 704."), "704"))
    assert said.startswith("Scale Preset 0.01000 mm per pixel (100.0 px per mm) By 704.")
    assert "Not the preset" not in said


def test_a_preset_that_does_not_fit_gives_pixels_and_says_so() -> None:
    said = shown(scale_html(PixelScale(), "1024"))
    assert "the preset 1024 does not fit this frame, so areas stay in pixels" in said
    assert "Not known" in said


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("there is no frame yet", "There is no frame yet."),
        ("frame.png is broken; save it again.", "frame.png is broken; save it again."),
        (HOSTILE, "&lt;script&gt;alert(1)&lt;/script&gt;."),
    ],
)
def test_an_error_is_one_whole_sentence(sentence: str, said: str) -> None:
    assert f"<p>{said}</p>" in error_html(sentence)


def test_the_model_stands_with_its_data_its_hash_and_its_dice_on_unseen_patients() -> None:
    identity = ModelIdentity(name=HOSTILE, source="hub", revision="0123abc", sha256="ab" * 32)
    training: dict[str, Any] = {"datasets": [{"name": "record", "used": "186 frames", "licence": "CC-BY-4.0"}]}
    config = replace(STATES_NOTHING, training=training, metrics={"protocol": "pooled", "unseen patients": UNSEEN})
    html = model_html(identity, config)
    assert "<script" not in html
    for said in ("from the Hub", "0123abc", "abababab", "record, 186 frames, CC-BY-4.0", "Lumen 0.98", "Lipid core –"):
        assert said in shown(html)
    assert "4 frames of 2 patients, too few to speak for others" in shown(html)


def test_the_model_card_says_first_what_frames_of_unseen_patients_say() -> None:
    unseen = {**UNSEEN, "dice_pooled": {"lipid_core": 0.774}, "lipid_area_error_percent_pooled": -24.5}
    phantoms = {"n_frames": 200, "studies": ["phantom"], "dice_pooled": {"lipid_core": 0.9}}
    learnt = {**UNSEEN, "studies": ["001"]}
    config = replace(
        STATES_NOTHING,
        training={"datasets": [{"name": "record", "studies": ["001"]}]},
        metrics={"phantoms": phantoms, "unseen patients": unseen, "frames kept apart": learnt},
    )
    said = shown(model_html(ModelIdentity(name="m", source="bundled", sha256="ab" * 32), config))
    sentence = (
        "On 4 frames of 2 patients it had not seen: lipid Dice 0.77, area off by \N{MINUS SIGN}24 %; "
        "too few to speak for others."
    )
    assert said.startswith(f"Model {sentence} Name")
    assert said.index("unseen patients") < said.index("phantoms")
    assert said.count("had not seen") == 1


@pytest.mark.parametrize("chosen", ["thresholds", "validation"])
def test_patients_whose_frames_something_was_chosen_on_are_not_told_as_unseen(chosen: str) -> None:
    training = {chosen: {"studies": UNSEEN["studies"]}}
    config = replace(STATES_NOTHING, training=training, metrics={"frames that it was chosen on": UNSEEN})
    assert unseen_html(config) == ""


def test_a_model_that_states_no_dice_is_said_to_state_none() -> None:
    assert "is not stated" in dice_html(STATES_NOTHING)


@pytest.mark.parametrize(
    ("fitted_on", "said"),
    [
        ({}, "Checked against no truth yet."),
        ({"intervals": "37 validation frames"}, "Fitted on 37 validation frames."),
        (
            {"intervals": "4 phantoms, half of them of other optics, seeds 800000 to 800001 and 850000 to 850001"},
            "Fitted on 4 phantoms, half of them of other optics.",
        ),
    ],
)
def test_intervals_say_what_kind_of_frames_they_were_fitted_on(fitted_on: dict[str, str], said: str) -> None:
    info = intervals_info(replace(STATES_NOTHING, calibration=Calibration(made_from=fitted_on)))
    assert f". {said} Takes" in info


def test_intervals_say_in_how_many_frames_of_unseen_patients_the_true_area_lay_inside() -> None:
    held = {"lipid_core_area_mm2": {"n": 5, "inside": 0.6, "median_half_width": 1.4, "n_all": 6, "inside_all": 2 / 3}}
    metrics = {"phantoms": {"studies": ["phantom"], "intervals_95": held}}
    assert "not seen" not in intervals_info(replace(STATES_NOTHING, metrics=metrics))
    metrics["unseen patients"] = {**UNSEEN, "intervals_95": held}
    info = intervals_info(replace(STATES_NOTHING, metrics=metrics))
    assert "; in 3 of 5 frames of patients it had not seen the plaque area that was drawn lay inside. Takes" in info


@pytest.mark.parametrize(("typed", "mm"), [("", None), ("  ", None), ("0.00668", 0.00668), (" 0,01 ", 0.01)])
def test_a_scale_may_be_typed_with_a_comma_or_not_at_all(typed: str, mm: float | None) -> None:
    assert typed_mm(typed) == mm


def test_a_word_is_no_scale() -> None:
    with pytest.raises(OctsegError, match="'ten' is no number"):
        typed_mm("ten")


def test_an_outline_runs_around_its_mask_and_around_a_hole_in_it() -> None:
    mask = np.zeros((100, 100), bool)
    mask[20:80, 30:70] = True
    mask[40:60, 45:55] = False
    path = outline_path(mask)
    points = np.array([pair.split() for pair in re.findall(r"[\d.]+ [\d.]+", path)], float)
    assert path.count("M") == path.count("Z") == 2
    assert points.min(axis=0) == pytest.approx((30, 20), abs=1)
    assert points.max(axis=0) == pytest.approx((69, 79), abs=1)
    assert outline_path(np.zeros((10, 10), bool)) == ""


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    bar = scale_bar_svg(700, 700, 0.01)
    start, end = (float(x) for x in re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", bar)[0])
    assert (end - start) * 0.01 == pytest.approx(1.0, abs=0.005)
    assert "1 mm" in bar
    assert scale_bar_svg(700, 700, None) == ""


def test_the_scale_bar_stays_above_the_strip_along_the_vessel() -> None:
    result = result_of(1)
    imaged = np.zeros(result.frame.shape[:2], bool)
    imaged[:30] = True
    spacing = PixelScale(pixel_spacing_mm=0.05, source="user")
    low = re.findall(
        r'oct-bar"><path d="M[\d.]+ ([\d.]+)H', picture_html(replace(result, disc=imaged, scale=spacing), "", "")
    )
    assert 20 < float(low[0]) <= 30


@pytest.mark.parametrize(
    ("of_command", "on_the_page"),
    [
        (untold(77), "enter it in mm under the curves"),
        (counted_spacing(540)[1], "enter it in mm under the curves where you know it"),
        ("no scale is known (--pixel-spacing)", "scale is known"),
        ("mm from frame to frame are not known; give --frame-spacing", "not known; enter it in mm under the curves"),
        ("mm per pixel are not known; give --pixel-spacing", "are not known; enter it beside the picture"),
    ],
)
def test_a_sentence_of_the_command_names_no_option_on_the_page(of_command: str, on_the_page: str) -> None:
    for html in (sentences([of_command]), error_html(of_command)):
        assert on_the_page in html
        assert "--" not in html
