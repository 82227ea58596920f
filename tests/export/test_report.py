"""The report of one frame, as HTML."""

import base64
import io
import re
from dataclasses import replace

from PIL import Image

from octseg.export.provenance import run_record
from octseg.export.report import report_html
from tests.fakes.results import REASON, TWO_CORES, withdrawn_result
from tests.ui.test_parts import shown


def test_the_report_of_a_withdrawn_frame_begins_with_its_sentence_and_has_no_measures() -> None:
    result = withdrawn_result()
    run = run_record(result.model, result.device, result.backend, result.precision)
    html = report_html("photo", run, result.to_record(), {"Frame": Image.fromarray(result.frame)})
    assert html.index(REASON) < html.index("<img")
    assert "<table" not in html
    assert "not measured" not in html


def test_the_report_has_a_line_for_each_core_and_names_the_one_judged() -> None:
    result = replace(withdrawn_result(), withdrawn=None, measures=TWO_CORES)
    run = run_record(result.model, result.device, result.backend, result.precision)
    said = shown(report_html("frame", run, result.to_record(), {}))
    assert "1 98° 1.750 mm² 39 µm yes 2 59° 0.750 mm² not measured no" in said
    assert "Core 1 of 2 meets both frame criteria." in said
    assert "Its cap: 26 µm thinner than the limit of 65 µm. Its arc: 8° wider than the limit of 90°." in said


def test_the_report_says_where_an_interval_leaves_the_criteria_open() -> None:
    intervals = {"tcfa_cap_margin_um": (-45.0, 124.0), "tcfa_arc_margin_deg": (2.0, 60.0)}
    result = replace(withdrawn_result(), withdrawn=None, measures=TWO_CORES, intervals_95=intervals)
    run = run_record(result.model, result.device, result.backend, result.precision)
    said = shown(report_html("frame", run, result.to_record(), {}))
    assert "Core 1 of 2 meets both frame criteria; undecided: the 95 % interval holds the limit." in said
    assert (
        "than the limit of 65 µm; the 95 % interval holds the limit. Its arc: 8° wider than the limit of 90°." in said
    )


def test_a_large_picture_is_no_larger_in_the_report_than_paper_shows() -> None:
    result = withdrawn_result()
    run = run_record(result.model, result.device, result.backend, result.precision)
    html = report_html("photo", run, result.to_record(), {"Frame": Image.new("RGB", (3000, 1500))})
    (content,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (1200, 600)
