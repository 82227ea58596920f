"""Margins and the plaque area as people read them."""

import pytest

from octseg.measurement.wording import TABLE, arc_margin_words, cap_margin_words, verdict_words


@pytest.mark.parametrize(
    ("margin_um", "words"),
    [
        (-26.4, "26 µm thinner than the limit of 65 µm"),
        (135.0, "135 µm thicker than the limit of 65 µm"),
        (-0.3, "less than 1 µm thinner than the limit of 65 µm"),
        (0.99, "less than 1 µm thicker than the limit of 65 µm"),
        (0.0, "exactly at the limit of 65 µm"),
    ],
)
def test_a_caps_margin_says_which_way_it_lies(margin_um: float, words: str) -> None:
    assert cap_margin_words(margin_um) == words


@pytest.mark.parametrize(
    ("margin_deg", "words"),
    [
        (12.0, "12° wider than the limit of 90°"),
        (-45.0, "45° narrower than the limit of 90°"),
        (0.0, "exactly at the limit of 90°"),
    ],
)
def test_an_arcs_margin_says_which_way_it_lies(margin_deg: float, words: str) -> None:
    assert arc_margin_words(margin_deg) == words


@pytest.mark.parametrize(
    ("judged", "count", "cap_um", "arc_deg", "words"),
    [
        (0, 1, -9.0, 8.0, "The lipid core meets both frame criteria"),
        (0, 2, -9.0, 8.0, "Core 1 of 2 meets both frame criteria"),
        (0, 2, 135.0, -12.0, "Core 1 of 2 meets neither frame criterion; the other core does not meet both"),
        (1, 3, 135.0, 12.0, "Core 2 of 3 meets one of the two frame criteria; no other core meets both"),
        (0, 1, None, -12.0, "The lipid core does not meet both frame criteria"),
        (None, 0, None, -90.0, "No lipid core spans an arc, so the frame criteria are not met"),
    ],
)
def test_a_verdict_names_the_core_it_is_of_and_what_it_meets(
    judged: int | None, count: int, cap_um: float | None, arc_deg: float, words: str
) -> None:
    assert verdict_words(judged, count, cap_um, arc_deg) == words


def test_the_plaque_area_is_called_visible_and_says_how_deep_it_goes() -> None:
    rows = {row.field: row for _, group in TABLE for row in group}
    assert rows["lipid_core_area_mm2"].label == rows["lipid_core_area_px"].label == "Visible plaque area"
    assert "to 1.2 mm behind the lumen" in rows["lipid_core_area_mm2"].meaning


def test_the_plaque_area_in_pixels_says_that_it_hangs_on_the_scale() -> None:
    """The depth to which lipid counts is in mm."""
    rows = {row.field: row for _, group in TABLE for row in group}
    said = rows["lipid_core_area_px"].meaning
    assert "It hangs on the scale too" in said
    assert "to the depth that 1.2 mm has at 7 mm zoom" in said
