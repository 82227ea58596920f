"""95 % intervals: variants of a frame undone to the pixel, intervals solved by hand, and where a user meets them."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import octseg
from octseg.cli import main
from octseg.inference.variants import VARIANTS, Variant, shifted
from octseg.measurement import FrameMeasures
from octseg.measurement.intervals import INTERVAL_MEASURES, Extent, Reach, Signs, Width, find_intervals, find_signs
from octseg.phantom import make_phantom
from octseg.view.preprocessing import PreprocessingConfig

POLAR = PreprocessingConfig(domain="polar", size=(96, 32), wrap_rays=16)  # 64 rays
SQUARE = PreprocessingConfig(domain="cartesian", size=(64, 64))
OBLONG = PreprocessingConfig(domain="cartesian", size=(64, 96))
CLASSES = ("lumen", "lipid_core")
EXTENT = Extent(side_px=1000)


def circled(config: PreprocessingConfig, seed: int = 0) -> np.ndarray:
    """Four random planes; of a polar input the wrapped rays repeat the other end."""
    planes = np.random.default_rng(seed).random((4, *config.size), np.float32)
    wrap = config.wrap_rays
    if wrap:
        planes[:, :wrap], planes[:, -wrap:] = planes[:, -2 * wrap : -wrap], planes[:, wrap : 2 * wrap]
    return planes


@pytest.mark.parametrize("config", [POLAR, SQUARE, OBLONG])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_variant_moves_is_undone_to_the_pixel(config: PreprocessingConfig, variant: Variant) -> None:
    planes = circled(config)
    levels = np.round(255 * planes).astype(np.uint8)
    plain = replace(variant, gamma=1.0, zoom=1.0, blur=0.0)
    seen = np.stack([plain.seen(plane, config) for plane in levels])
    np.testing.assert_array_equal(plain.undone(seen.astype(np.float32), config), levels)


def test_along_rays_a_quarter_turn_moves_a_quarter_of_the_rays_and_closes_the_circle() -> None:
    grey = np.zeros(POLAR.size, np.uint8)
    grey[16 + 5] = 200  # ray 5 of 64
    turned = Variant(turn=0.25).seen(grey, POLAR)
    assert np.flatnonzero(turned[:, 0]).tolist() == [16 + 21]
    mirrored = Variant(turn=0.25, mirror=True).seen(grey, POLAR)
    assert np.flatnonzero(mirrored[:, 0]).tolist() == [16 + 64 - 21]
    near_the_seam = Variant(turn=0.95).seen(grey, POLAR)  # 61 rays on: ray 66, which is ray 2 again
    assert np.flatnonzero(near_the_seam[:, 0]).tolist() == [16 + 2, 16 + 66]


def test_a_cartesian_input_is_turned_clockwise_by_quarters_and_mirrored_left_to_right() -> None:
    grey = np.zeros(SQUARE.size, np.uint8)
    grey[0, 10] = 200  # up, left of the middle
    assert np.argwhere(Variant(turn=0.25).seen(grey, SQUARE)).tolist() == [[10, 63]]
    assert np.argwhere(Variant(mirror=True).seen(grey, SQUARE)).tolist() == [[0, 53]]
    assert np.argwhere(Variant(turn=0.25).seen(np.zeros(OBLONG.size, np.uint8) + 1, OBLONG)).shape[0] == 64 * 96


def test_gamma_leaves_black_and_white_and_darkens_what_is_between() -> None:
    grey = np.array([0, 128, 255], np.uint8)[None].repeat(64, 0).repeat(22, 1)[:, :64]
    seen = Variant(gamma=2.0).seen(grey, SQUARE)
    assert sorted({*seen.ravel().tolist()}) == [0, 64, 255]


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant.zoom != 1.0])
def test_a_zoom_is_undone_where_it_showed_the_frame(variant: Variant) -> None:
    """Planes that change slowly with depth; what a nearer view lost beyond its rim is not compared."""
    depth = np.linspace(0.0, 1.0, POLAR.size[1], dtype=np.float32)
    planes = np.broadcast_to(depth, (2, *POLAR.size))
    levels = np.stack(
        [replace(variant, blur=0.0).seen(np.round(200 * plane).astype(np.uint8), POLAR) for plane in planes]
    )
    back = variant.undone(levels.astype(np.float32) / 200, POLAR)
    known = slice(1, int(POLAR.size[1] / max(variant.zoom, 1.0)) - 2)
    np.testing.assert_allclose(back[:, :, known], planes[:, :, known], atol=0.02)


def test_a_zoom_moves_depth_about_the_catheter_and_shows_black_beyond_the_rim() -> None:
    grey = np.full(POLAR.size, 100, np.uint8)
    grey[:, :10] = 200  # up to depth 10
    farther = Variant(zoom=0.5).seen(grey, POLAR)
    assert np.flatnonzero(farther[0] > 150).tolist() == [0, 1, 2, 3, 4]
    assert not farther[:, 17:].any()
    nearer = Variant(zoom=2.0).seen(grey, POLAR)
    assert np.flatnonzero(nearer[0] > 150).tolist() == list(range(20))


def test_shifted_probability_has_a_shifted_logit() -> None:
    planes = np.array([0.0, 0.18242552, 0.5, 1.0], np.float32)
    np.testing.assert_allclose(shifted(planes, 1.5), [0.0, 0.5, 0.81757448, 1.0], atol=1e-6)


def test_an_interval_is_solved_by_hand() -> None:
    """Arc 100; variants 90, 110, 100, 120: mean square (100 + 100 + 0 + 400) / 4 = 150."""
    frame = FrameMeasures(pixel_spacing_mm=0.01, lipid_arc_deg=100.0, lipid_core_area_mm2=2.0, lipid_core_area_px=2e4)
    variants = [replace(frame, lipid_arc_deg=float(arc)) for arc in (90, 110, 100, 120)]
    shifted_ = [replace(frame, lipid_arc_deg=95.0), replace(frame, lipid_arc_deg=107.0)]
    signs = find_signs(frame, variants, shifted_, CLASSES)
    assert signs["lipid_arc_deg"] == Signs(pytest.approx(150**0.5), drop=5.0, rise=7.0)
    plain = find_intervals(frame, signs, CLASSES, {}, EXTENT)
    assert plain["lipid_arc_deg"] == pytest.approx((100 - 1.96 * 150**0.5, 100 + 1.96 * 150**0.5))
    assert plain["lipid_core_area_mm2"] == (2.0, 2.0)
    widths = {
        "lipid_arc_deg": Width(low=Reach(spread=4.0, floor=80.0), high=Reach(shift=3.0, floor=1.0)),
        "lipid_core_area_mm2": Width.symmetrical(factor=2.0, share=0.1, floor=0.1),
    }
    wide = find_intervals(frame, signs, CLASSES, widths, EXTENT)
    assert wide["lipid_arc_deg"] == pytest.approx((0.0, 100 + 3 * 7 + 1))  # no arc is below 0
    assert wide["lipid_core_area_mm2"] == pytest.approx((1.4, 2.6))
    assert wide["lipid_core_area_px"] == pytest.approx((1.4e4, 2.6e4))  # the same area in pixels
    assert wide["lipid_arc_widest_deg"] is None


def test_an_area_that_was_looked_for_in_vain_may_still_be_there() -> None:
    nothing = FrameMeasures(pixel_spacing_mm=0.01, lipid_arc_deg=0.0)
    some = replace(nothing, lipid_core_area_px=4e3, lipid_core_area_mm2=0.4, fibrous_cap_thickness_min_um=80.0)
    signs = find_signs(nothing, [nothing, some], [nothing, some], CLASSES)
    intervals = find_intervals(nothing, signs, CLASSES, {}, EXTENT)
    assert intervals["lipid_core_area_mm2"] == pytest.approx((0.0, 1.96 * 0.08**0.5))
    assert intervals["vasa_vasorum_area_mm2"] is None  # not among the classes
    assert intervals["fibrous_cap_thickness_min_um"] is None  # the frame itself has none
    without_scale = replace(nothing, pixel_spacing_mm=None)
    assert find_signs(without_scale, [some], [], CLASSES)["lipid_core_area_mm2"] is None
    width = Width(high=Reach(floor=9.0), none=Reach(shift=2.0, floor=0.1))
    found = find_intervals(nothing, signs, CLASSES, {"lipid_core_area_mm2": width}, EXTENT)
    assert found["lipid_core_area_mm2"] == pytest.approx((0.0, 2 * 0.4 + 0.1))  # by an end of its own


AREA = {"lipid_core_area_mm2": Width(low=Reach(spread=1.0), high=Reach(floor=0.5), none=Reach(floor=2.0))}


def test_without_a_scale_an_area_has_the_interval_of_a_frame_that_shows_7_mm() -> None:
    """700 pixels show 7 mm: 1e4 pixels to a mm2."""
    frame = FrameMeasures(lipid_core_area_px=2e4)
    signs = find_signs(frame, [replace(frame, lipid_core_area_px=1e4)], [], CLASSES)
    found = find_intervals(frame, signs, CLASSES, AREA, Extent(side_px=700))
    assert found["lipid_core_area_px"] == pytest.approx((1e4, 2.5e4))
    assert found["lipid_core_area_mm2"] is None


@pytest.mark.parametrize("measured_px", [None, 2e4])
def test_the_same_frame_in_twice_the_pixels_has_an_interval_of_four_times_as_many(measured_px: float | None) -> None:
    ends = []
    for times in (1, 2):
        frame = FrameMeasures(lipid_core_area_px=None if measured_px is None else measured_px * times**2)
        signs = find_signs(frame, [], [], CLASSES)
        found = find_intervals(frame, signs, CLASSES, AREA, Extent(side_px=700 * times))
        ends.append(found["lipid_core_area_px"])
    assert ends[1] == pytest.approx([4 * end for end in ends[0]])


@pytest.mark.parametrize("spacing_mm", [None, 0.01])
def test_the_share_of_the_disc_has_the_interval_of_its_area(spacing_mm: float | None) -> None:
    frame = FrameMeasures(pixel_spacing_mm=spacing_mm, lipid_core_area_px=2e4, lipid_core_percent_of_disc=5.0)
    signs = find_signs(frame, [], [], CLASSES)
    found = find_intervals(frame, signs, CLASSES, AREA, Extent(side_px=700, disc_px=4e5))
    assert found["lipid_core_area_px"] == pytest.approx((2e4, 2.5e4))
    assert found["lipid_core_percent_of_disc"] == pytest.approx((5.0, 6.25))


@pytest.mark.parametrize(
    ("cap_margin_um", "arc_margin_deg", "of_cap_um", "of_arc_deg"),
    [
        (35.0, 30.0, (-15.0, 115.0), (-10.0, 60.0)),  # the core under the thinnest cap, which is the widest
        (55.0, 10.0, (50.0, 60.0), (5.0, 15.0)),  # another core, whose margins have their own
    ],
)
def test_a_margin_has_the_interval_of_its_measure_where_it_is_of_the_same_core(
    cap_margin_um: float, arc_margin_deg: float, of_cap_um: tuple[float, float], of_arc_deg: tuple[float, float]
) -> None:
    """A cap of 100 [50, 180] um, 65 of it the threshold; an arc of 120 [80, 150] degrees, 90 of it."""
    frame = FrameMeasures(
        pixel_spacing_mm=0.01,
        fibrous_cap_thickness_min_um=100.0,
        lipid_arc_widest_deg=120.0,
        tcfa_cap_margin_um=cap_margin_um,
        tcfa_arc_margin_deg=arc_margin_deg,
    )
    of_margins = Width(low=Reach(floor=5.0), high=Reach(floor=5.0))
    widths = {
        "fibrous_cap_thickness_min_um": Width(low=Reach(floor=50.0), high=Reach(floor=80.0)),
        "lipid_arc_widest_deg": Width(low=Reach(floor=40.0), high=Reach(floor=30.0)),
        "tcfa_cap_margin_um": of_margins,
        "tcfa_arc_margin_deg": of_margins,
    }
    found = find_intervals(frame, find_signs(frame, [], [], CLASSES), CLASSES, widths, EXTENT)
    assert found["tcfa_cap_margin_um"] == pytest.approx(of_cap_um)
    assert found["tcfa_arc_margin_deg"] == pytest.approx(of_arc_deg)


def test_no_area_reaches_beyond_the_disc() -> None:
    frame = FrameMeasures(
        pixel_spacing_mm=0.01,
        lipid_core_area_mm2=2.0,
        lipid_core_area_px=2e4,
        lipid_core_percent_of_disc=2e6 / 2.2e4,
    )
    signs = find_signs(frame, [], [], CLASSES)
    found = find_intervals(frame, signs, CLASSES, AREA, Extent(side_px=700, disc_px=2.2e4))
    assert found["lipid_core_area_mm2"] == pytest.approx((2.0, 2.2))
    assert found["lipid_core_percent_of_disc"] == pytest.approx((2e6 / 2.2e4, 100.0))


@given(area_px=st.floats(1.0, 1e6), spacing_mm=st.floats(0.003, 0.02))
def test_a_value_lies_in_its_interval_to_the_last_bit_in_every_unit(area_px: float, spacing_mm: float) -> None:
    frame = FrameMeasures(
        pixel_spacing_mm=spacing_mm, lipid_core_area_px=area_px, lipid_core_area_mm2=area_px * spacing_mm**2
    )
    found = find_intervals(frame, find_signs(frame, [frame], [frame], CLASSES), CLASSES, {}, EXTENT)
    for name in ("lipid_core_area_px", "lipid_core_area_mm2"):
        low, high = found[name] or (1.0, 0.0)
        assert low <= getattr(frame, name) <= high


def test_intervals_hold_the_values_which_are_those_without_them(segmenter: octseg.Segmenter) -> None:
    frame = make_phantom(0).frame
    plain, sure = segmenter.segment(frame), segmenter.segment(frame, uncertainty=True)
    assert plain.intervals_95 is None
    assert sure.measures == plain.measures
    assert sure.intervals_95 is not None
    assert set(sure.intervals_95) == set(INTERVAL_MEASURES)
    for name in ("lipid_core_area_mm2", "lipid_arc_deg", "fibrous_cap_thickness_min_um", "lumen_area_mm2"):
        low, high = sure.intervals_95[name] or (1.0, 0.0)
        assert low < getattr(sure.measures, name) < high
    assert not any("were not checked" in warning for warning in sure.warnings)


def test_withdrawn_frames_have_the_columns_of_the_others_and_no_intervals(tmp_path: Path) -> None:
    """Also where the first frame, whose columns the table has, is one."""
    noise = np.random.default_rng(0).integers(0, 256, (704, 704, 3), np.uint8)
    for number, frame in ((1, noise), (2, make_phantom(0).frame), (3, noise)):
        Image.fromarray(frame).save(tmp_path / f"f_{number}.png")
    flags = ["--uncertainty", "--no-overlay", "--backend", "torch", "--out", str(tmp_path / "out")]
    assert main(["predict", str(tmp_path), *flags]) == 0
    rows = list(csv.DictReader((tmp_path / "out" / "measures.csv").read_text().splitlines()))
    entries = json.loads((tmp_path / "out" / "measures.json").read_text())["frames"]
    assert [entry["withdrawn"] is None for entry in entries] == [False, True, False]
    for row, entry in zip(rows, entries, strict=True):
        assert (row["file"], row["model_name"]) == (entry["file"], "octseg-bundled")
        assert row["lumen_area_mm2"] == ("" if entry["withdrawn"] else str(entry["lumen_area_mm2"]))
        low, _ = entry["intervals_95"]["lumen_area_mm2"] or ("", "")
        assert row["lumen_area_mm2_low"] == str(low)


def test_the_command_prints_and_writes_intervals_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(make_phantom(0).frame).save(tmp_path / "frame.png")
    arguments = ["predict", str(tmp_path / "frame.png"), "--no-overlay", "--backend", "torch", "--out"]
    assert main([*arguments, str(tmp_path / "plain")]) == 0
    assert main([*arguments, str(tmp_path / "sure"), "--uncertainty"]) == 0
    assert "intervals_95" not in json.loads((tmp_path / "plain" / "measures.json").read_text())["frames"][0]
    (entry,) = json.loads((tmp_path / "sure" / "measures.json").read_text())["frames"]
    low, high = entry["intervals_95"]["lipid_arc_deg"]
    assert low < entry["lipid_arc_deg"] < high
    (row,) = csv.DictReader((tmp_path / "sure" / "measures.csv").read_text().splitlines())
    assert (float(row["lipid_arc_deg_low"]), float(row["lipid_arc_deg_high"])) == (low, high)
    assert "intervals_95" not in row
    plain, _, sure, _ = capsys.readouterr().out.splitlines()
    assert f"arc {entry['lipid_arc_deg']:.0f} deg" in plain
    assert f"arc {entry['lipid_arc_deg']:.0f} ({low:.0f} to {high:.0f}) deg" in sure
