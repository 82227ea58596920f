"""The report of a pullback, as HTML: its numbers, its curves, and what they leave out."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.export.report.curves import Curve, bands_of, curve_html
from octseg.export.report.pullback import pullback_report_html, write_report
from octseg.measurement.pullback import measure_pullback
from octseg.ui.along import jumps_html, plaques_html, vessel_html
from tests.fakes import along
from tests.fakes.exported import FRAME_MM, MODEL, REASON, segmented
from tests.ui.test_parts import shown


def drawn(values: list[float | None], **more: object) -> str:
    curve = Curve(label="Arc", unit="degrees", values=values, kind="arc", **more)  # type: ignore[arg-type]
    return curve_html(curve, bands_of([value is None for value in values]))


def points(html: str) -> list[str]:
    (path,) = re.findall(r'<path d="([^"]*)"', html)
    return re.findall(r"[ML][^ML]+", path)


def test_a_curve_goes_from_the_bottom_for_0_to_the_top_and_stops_where_there_is_no_value() -> None:
    assert points(drawn([0.0, 25.0, None, 50.0, 75.0], least_top=90.0)) == [
        *("M0.5 100.0", "L1.5 75.0", "M3.5 50.0", "L4.5 25.0")
    ]


def test_a_frame_between_two_that_are_not_there_is_a_stroke() -> None:
    assert points(drawn([None, 30.0, None], least_top=30.0)) == ["M1.1 25.0", "L1.9 25.0"]


def test_frames_of_which_nothing_is_said_are_bands() -> None:
    found = re.findall(r'<rect x="(\d+)" width="(\d+)"', drawn([1.0, None, None, 1.0, None]))
    assert found == [("1", "2"), ("4", "1")]


def test_limits_and_the_frame_that_is_meant_are_marked() -> None:
    html = drawn([50.0, 100.0], limits=((90.0, "90°"), (500.0, "500°")), marked=1, least_top=200.0)
    assert '<span class="dot" style="left:75.000%;top:50.0%">' in html
    assert "90°" in html
    assert "500°" not in html


def report(frames: tuple[int, int] | None = None, **more: object) -> str:
    """frames: a range that was chosen."""
    vessel = [along.frame(n, [(10, 100 + n)], lumen_mm2=7.0 - 0.5 * n, cap_um=60.0) for n in (1, 2)]
    vessel += [along.withdrawn(3), *(along.frame(n, [(10, 100)]) for n in (4, 5, 6))]
    measures = measure_pullback(vessel, FRAME_MM, frames=frames)
    given = segmented(withdrawn=(3,), measures=measures, **more)
    record = {**(given.pullback_record or {}), **measures.to_record()}
    return pullback_report_html(replace(given, pullback_record=record))


def test_it_shows_the_numbers_with_their_frames_and_the_pictures_of_these() -> None:
    html = report()
    said = shown(html)
    assert "Smallest lumen (MLA)" in said
    assert "6.00 mm² frame 2" in said
    assert "102 ° frame 2" in said
    assert re.findall(r"<figcaption>(Frame[^<]*)<", html)[0].startswith("Frame 2: smallest lumen, 6.00 mm²")
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    shades = [np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))[2, 2].mean() for content in pictures]
    assert shades[0] == pytest.approx(42, abs=3)


def test_the_thinnest_cap_is_said_to_be_over_three_frames() -> None:
    """The frame that is shown, or led to, may have a thinner one by itself."""
    caps = [90.0, 60.0, 50.0, 53.0, 90.0]
    measures = measure_pullback([along.frame(n, [(10, 100)], cap_um=cap) for n, cap in enumerate(caps, 1)], FRAME_MM)
    given = segmented(count=5, measures=measures)
    html = pullback_report_html(replace(given, pullback_record=(given.pullback_record or {}) | measures.to_record()))
    assert "thinnest cap over 3 frames, 53 µm" in shown(html)
    assert shown(html).count("Thinnest cap over 3 frames") == 2  # of the whole, and of plaques
    assert "Thinnest cap over 3 frames 53 µm frame 3" in shown(jumps_html(measures))
    assert "Thinnest cap over 3 frames, µm" in shown(plaques_html(measures))


def test_a_range_stands_by_itself_beside_the_whole() -> None:
    html = report()
    assert "chosen range" not in html
    chosen = report(frames=(4, 6))
    section = chosen[chosen.index("<section data-range") : chosen.index("</section>")]
    assert "In the chosen range, frames 4 to 6" in shown(section)
    assert "100 ° frame 4" in shown(section)
    assert "6.00 mm² frame 2" in shown(chosen.replace(section, ""))  # of the whole, as before
    assert "Nothing is said of 1 of 6 frames" in shown(chosen.replace(section, ""))
    assert "Nothing is said of" not in shown(section)
    assert "Only 0.4 mm are shown to one side of the smallest lumen" in shown(section)  # frame 4 of 6


def test_the_page_warns_of_the_numbers_that_it_shows() -> None:
    frames = [along.frame(n, lumen_mm2=3.0 if n == 2 else 7.0) for n in range(1, 100)]
    said = "Only 0.2 mm are shown"
    assert said in vessel_html(measure_pullback(frames, 0.2))
    assert said not in vessel_html(measure_pullback(frames, 0.2, frames=(40, 60)))


def test_it_says_where_it_comes_from_and_of_what_it_says_nothing() -> None:
    said = shown(report())
    assert MODEL.sha256 in said
    assert MODEL.revision in said  # type: ignore[operator]
    assert "0.2 mm, source: user" in said
    assert "Research use only, not a medical device" in said
    assert f"1 of 6 frames: {REASON}" in said


def test_each_curve_and_cut_has_a_band_over_the_frame_that_is_withdrawn() -> None:
    assert re.findall(r'<rect x="(\d+)" width="(\d+)"', report()) == [("2", "1")] * 6


def test_the_wall_unrolled_has_a_column_a_frame() -> None:
    (content,) = re.findall(r'src="data:image/png;base64,([^"]+)"', report())
    wall = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert wall.shape == (360, 6)
    assert wall[60].tolist() == [1, 1, 2, 1, 1, 1]
    assert wall[200].tolist() == [0, 0, 2, 0, 0, 0]


def test_a_plaque_of_one_frame_is_said_to_be_in_that_frame() -> None:
    frames = [along.frame(n, [(10, 100)] if n == 3 else [], cap_um=60.0) for n in range(1, 7)]
    measures = measure_pullback(frames, FRAME_MM)
    given = segmented(measures=measures)
    record = {**(given.pullback_record or {}), **measures.to_record()}
    html = pullback_report_html(replace(given, pullback_record=record))
    assert '<th scope="row">1</th><td class="number">3</td>' in html
    assert ">3</" in plaques_html(measures)
    assert "3 to 3" not in shown(html) + shown(plaques_html(measures))


@pytest.mark.parametrize(
    ("is_judged", "said"), [(False, "Lipid was judged in no frame: "), (True, "No lipid plaque was found.")]
)
def test_that_no_plaque_was_found_is_said_of_frames_that_were_judged(is_judged: bool, said: str) -> None:
    measures = measure_pullback([(along.frame if is_judged else along.withdrawn)(n) for n in range(1, 7)], FRAME_MM)
    given = segmented(measures=measures)
    record = {**(given.pullback_record or {}), **measures.to_record()}
    assert f"Plaques {said}" in shown(pullback_report_html(replace(given, pullback_record=record)))


def test_criteria_that_cannot_be_judged_are_no_no() -> None:
    frames = [along.frame(n, [(10, 100)], cap_um=None, pixel_spacing_mm=None) for n in range(1, 7)]
    measures = measure_pullback(frames, FRAME_MM)
    given = segmented(measures=measures)
    record = {**(given.pullback_record or {}), **measures.to_record()}
    html = pullback_report_html(replace(given, pullback_record=record))
    assert "cannot be judged" in shown(html)
    assert '<td class="number">–</td><td class="number">–</td></tr>' in html
    assert "none" not in shown(plaques_html(measures))


def test_what_a_file_is_called_runs_nothing() -> None:
    html = report(file="<script>alert(1)</script>")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_it_loads_nothing() -> None:
    html = report()
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    assert "url(" not in html
    assert "http" not in html


def test_without_a_scale_there_are_pixels_and_no_lengths() -> None:
    measures = measure_pullback([along.frame(n, pixel_spacing_mm=None, lumen_area_mm2=None) for n in (1, 2, 3)], None)
    given = segmented(count=3, measures=measures)
    records = [{**record, "lumen_area_mm2": None, "lumen_area_px": 900.0} for record in given.records]
    record = {**(given.pullback_record or {}), **measures.to_record(), "pixel_spacing_source": None}
    said = shown(pullback_report_html(replace(given, records=records, pullback_record=record)))
    assert "Lumen area , px." in said or "Lumen area, px." in said
    assert "unknown, so nothing is given in mm" in said
    assert "mm apart" not in said


def test_pictures_by_themselves_have_a_report_each(tmp_path: Path) -> None:
    names = write_report(segmented(count=2, measures=None), tmp_path, "run")
    assert names == ["IMG001_0001_report.html", "IMG001_0002_report.html"]
    assert "2.000 mm²" in shown((tmp_path / names[1]).read_text())
