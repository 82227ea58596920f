"""One scale for frames that a video's compression has changed: the median of many that agree, or none."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from octseg.phantom import random_spec, render
from octseg.pullback import Frame, PixelScale, Pullback
from octseg.segmenter import Segmenter
from octseg.view.agreed import agreed, with_agreed_scale


def scales(spacings: Sequence[float | None], source: str = "ruler") -> list[PixelScale]:
    return [PixelScale() if each is None else PixelScale(pixel_spacing_mm=each, source=source) for each in spacings]  # type: ignore[arg-type]


def test_frames_that_agree_give_their_median_and_say_of_how_many() -> None:
    found = agreed(scales([0.01, 0.01002, None, 0.00998, 0.01001]))
    assert found.pixel_spacing_mm == pytest.approx(0.010005)
    assert found.source == "ruler"
    assert "4 of the first 5 frames" in found.evidence


@pytest.mark.parametrize(
    "spacings",
    [
        [0.01] * 6 + [0.0102, 0.0104, 0.0097, 0.0095, 0.0107, 0.0099, 0.0106],  # 13 found, 7 of them off
        [0.01, 0.01, None, None, None],
        [0.01, 0.02],
    ],
)
def test_frames_that_do_not_agree_or_are_too_few_give_no_mm_and_say_why(spacings: list[float | None]) -> None:
    found = agreed(scales(spacings))
    assert found.pixel_spacing_mm is None
    assert found.source is None
    [warning] = found.warnings
    assert "no mm are given" in warning


def test_one_frame_that_is_off_does_not_spoil_the_others() -> None:
    assert agreed(scales([0.01] * 9 + [0.0107])).pixel_spacing_mm == pytest.approx(0.01)


def compressed(count: int, quality: int, size_px: int = 704) -> list[Frame]:
    frames = [render(random_spec(seed, size_px=size_px, field_mm=7.0, ruler=True)).frame for seed in range(count)]
    coded = [cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for frame in frames]
    return [np.ascontiguousarray(cv2.imdecode(each, cv2.IMREAD_COLOR)[..., ::-1]) for each in coded]


def run_of(frames: Sequence[Frame]) -> Pullback:
    return Pullback(name="run", frame_count=len(frames), read_frames=lambda: iter(frames), burned_in_scale="agreed")


def test_every_frame_of_a_video_has_the_scale_that_its_frames_agree_on(segmenter: Segmenter) -> None:
    pullback = run_of(compressed(4, 80))
    results = list(segmenter.segment_pullback(pullback))
    assert len({result.pixel_spacing_mm for result in results}) == 1
    assert results[0].pixel_spacing_mm == pytest.approx(7.0 / 704, rel=0.005)
    assert {result.pixel_spacing_source for result in results} == {"ruler"}


def test_a_part_of_a_pullback_keeps_the_scale_of_the_whole() -> None:
    whole = with_agreed_scale(run_of(compressed(4, 80)))
    part = replace(whole, frame_count=1, read_frames=lambda: whole.frames(3, 4))
    assert with_agreed_scale(part).agreed_scale == whole.agreed_scale


def test_what_is_given_goes_first_and_a_disagreement_is_told(segmenter: Segmenter) -> None:
    pullback = run_of(compressed(3, 80))
    [first, *_] = segmenter.segment_pullback(pullback, 0.012)
    assert (first.pixel_spacing_mm, first.pixel_spacing_source) == (0.012, "user")
    assert any("disagrees with what the frames' rulers or bars agree on" in warning for warning in first.warnings)
    [first, *_] = segmenter.segment_pullback(replace(pullback, pixel_spacing_mm=0.02))
    assert (first.pixel_spacing_mm, first.pixel_spacing_source) == (0.02, "dicom")
    assert any("disagrees with" in warning for warning in first.warnings)


def test_256_colours_give_no_scale_whatever_ruler_they_show(segmenter: Segmenter) -> None:
    pullback = replace(run_of(compressed(2, 95)), burned_in_scale="never")
    assert {result.pixel_spacing_mm for result in segmenter.segment_pullback(pullback)} == {None}


def test_a_preset_that_is_not_for_such_frames_is_not_used_and_that_is_said(segmenter: Segmenter) -> None:
    [first, *_] = segmenter.segment_pullback(run_of(compressed(3, 80)), preset="1024")
    assert first.pixel_spacing_source == "ruler"
    assert any("this one has 704 x 704: it is not used" in warning for warning in first.warnings)
