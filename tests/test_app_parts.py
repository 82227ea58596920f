"""The pieces of the page: numbers as words, cards, outlines. No server."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from octseg.checkpoint import CheckpointConfig
from octseg.errors import OctsegError
from octseg.measurement import FrameMeasures
from octseg.model import ModelConfig
from octseg.phantom import render
from octseg.preprocessing import PreprocessingConfig
from octseg.pullback import PixelScale
from octseg.result import ModelIdentity
from octseg.ui.cards import dice_html, error_html, model_html, scale_html
from octseg.ui.examples import EXAMPLES, FOLDER, examples_html
from octseg.ui.markup import number, signed
from octseg.ui.numbers import table_html, tcfa_html, tiles_html
from octseg.ui.page import typed_mm
from octseg.ui.picture import outline_path, scale_bar_svg

HOSTILE = "<script>alert(1)</script>"
MEASURED = FrameMeasures(
    lipid_core_area_px=12345.0,
    lipid_core_area_mm2=1.23456,
    lipid_arc_deg=0.0,
    meets_tcfa_criteria=True,
    tcfa_cap_margin_um=-7.4,
    tcfa_arc_margin_deg=53.0,
)
STATES_NOTHING = CheckpointConfig(network=ModelConfig(), preprocessing=PreprocessingConfig(domain="polar"))
UNSEEN = {"n_frames": 4, "studies": ["003", "008"], "dice_pooled": {"lumen": 0.981, "lipid_core": None}}


def shown(html: str) -> str:
    """The text of some HTML, its spaces made one."""
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


def test_the_table_holds_each_measure_in_full_beside_its_rounded_one() -> None:
    html = table_html(MEASURED)
    assert 'data-measure="lipid_core_area_mm2" data-value="1.23456">1.235</td>' in html
    assert "Fibrous cap" not in shown(html)  # nothing of it was measured


def test_areas_are_shown_in_pixels_where_there_is_no_scale() -> None:
    tiles = shown(tiles_html(replace(MEASURED, lipid_core_area_mm2=None)))
    assert "Plaque area 12\N{NARROW NO-BREAK SPACE}345 px".replace("\N{NARROW NO-BREAK SPACE}", " ") in tiles
    assert "mm²" not in tiles


def test_an_arc_of_zero_is_a_zero_and_an_absent_cap_a_dash() -> None:
    tiles = shown(tiles_html(MEASURED))
    assert "Lipid arc 0 °" in tiles
    assert "Thinnest cap –" in tiles


def test_the_tcfa_criteria_stand_with_their_margins() -> None:
    said = shown(tcfa_html(MEASURED))
    assert "This frame meets both frame criteria" in said
    assert "Cap under 65 µm ✓ met by a margin of \N{MINUS SIGN}7 µm" in said
    assert "Arc over 90° ✓ met by a margin of +53°" in said
    assert "Cannot be judged here" in shown(tcfa_html(FrameMeasures()))


def test_no_millimetre_is_claimed_without_a_scale() -> None:
    said = shown(scale_html(PixelScale()))
    assert "Not known" in said
    assert not re.search(r"\d", said)


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
    assert "4 frames of 2 patients, too few for an interval" in shown(html)


def test_a_model_that_states_no_dice_is_said_to_state_none() -> None:
    assert "is not stated" in dice_html(STATES_NOTHING)


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


def test_the_examples_are_small_and_are_what_their_specs_draw() -> None:
    files = sorted(path.name for path in FOLDER.iterdir())
    assert files == sorted(example.file for example in EXAMPLES)
    assert sum((FOLDER / name).stat().st_size for name in files) < 2_000_000
    assert examples_html().count("data:image/jpeg;base64,") == len(EXAMPLES)
    for example in EXAMPLES:
        drawn, stored = render(example.spec).frame, np.asarray(Image.open(FOLDER / example.file))
        lost_to_jpeg = np.abs(drawn.astype(int) - stored).mean()  # grey levels
        assert lost_to_jpeg < 4, "the phantom has changed: python -m octseg.ui.examples draws them again"
