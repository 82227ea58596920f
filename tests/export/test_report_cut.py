"""The cut along the vessel in a report, of frames whose right, lower, left and upper quarters have their own grey."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.export.report.cut import cuts_html
from octseg.measurement.pullback import PullbackMeasures
from tests.fakes.exported import segmented
from tests.ui.test_parts import shown

RIGHT, BELOW, LEFT, ABOVE = 200, 150, 100, 50
SIDE = 101


def quarters(brighter: int = 0) -> NDArray[np.uint8]:
    row, col = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    sideways = np.where(col > 0, RIGHT, LEFT)
    grey = np.where(np.abs(col) > np.abs(row), sideways, np.where(row > 0, BELOW, ABOVE)) + brighter
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def frames(first: int = 0, last: int | None = None) -> Iterator[NDArray[np.uint8]]:
    return iter([quarters(5 * place) for place in range(20)][first:last])


def html(**more: object) -> str:
    given = segmented(read_frames=frames, **more)  # type: ignore[arg-type]
    assert isinstance(given.measures, PullbackMeasures)
    return cuts_html(given, given.measures)


def cuts(said: str) -> list[NDArray[np.float64]]:
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', said)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each))), float) for each in pictures]


def test_what_lies_at_the_angle_is_below_the_middle_and_its_opposite_above() -> None:
    flat, upright = cuts(html())
    for cut, above, below in ((flat, LEFT, RIGHT), (upright, ABOVE, BELOW)):
        half = len(cut) // 2
        assert cut[20 : half - 20, 0] == pytest.approx(above, abs=12)
        assert cut[half + 20 : -20, 0] == pytest.approx(below, abs=12)


def test_there_is_a_column_a_frame_in_order_and_black_where_one_is_missing() -> None:
    cut = cuts(html(count=8, missing=(4,)))[0]
    assert cut.shape[1] == 8
    below = cut[-50:-30].mean(axis=0)
    assert below[3] < 30
    assert np.delete(below, 3) == pytest.approx([RIGHT + 5 * place for place in range(7)], abs=8)


def test_frames_of_which_nothing_is_said_are_banded_and_millimetres_told() -> None:
    said = html(withdrawn=(2, 3))
    assert re.findall(r'<rect x="(\d+)" width="(\d+)"', said) == [("1", "2")] * 2
    assert "1.2 mm in all" in shown(said)


@pytest.mark.parametrize(("pixel_mm", "ticks"), [(0.04, [2, 0, 2]), (0.12, [5, 0, 5]), (None, [])])
def test_ticks_lie_at_their_millimetres_from_the_middle(pixel_mm: float | None, ticks: list[int]) -> None:
    given = segmented(read_frames=frames)
    measures = given.measures
    assert measures is not None
    measures = replace(measures, pixel_spacing_mm=pixel_mm)
    found = re.findall(r'class="tick y" style="top:([\d.]+)%">(\d+)', cuts_html(given, measures))
    assert [int(mm) for _, mm in found[:3]] == ticks
    if pixel_mm is not None:
        reach = SIDE / 2 * pixel_mm
        assert float(found[0][0]) == pytest.approx(50 - 50 * ticks[0] / reach, abs=1)


def test_one_frame_has_no_length() -> None:
    assert html(count=1) == ""
