"""A-lines become frames: a ring of known radius comes out at that radius in mm, wherever the header has its numbers."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from octseg.phantom import random_spec, render
from octseg.phantom.geometry import anatomy
from octseg.phantom.optics import a_lines
from octseg.pullback import Frame, Pullback
from tests.fakes.dicom_files import FOR_PROCESSING, groups, pullback_file
from tests.reading.dicom.scene import read, said

if TYPE_CHECKING:
    from octseg import Segmenter

LINES, SAMPLES = 360, 300
LINE_MM, INDEX = 0.01, 1.34
KNOWN = {
    "SOPClassUID": FOR_PROCESSING,
    "PresentationIntentType": "FOR PROCESSING",
    "ALinePixelSpacing": LINE_MM,
    "RefractiveIndexApplied": "YES",
    "OCTZOffsetApplied": "YES",
    "FirstALineLocation": 0.0,
    "CatheterDirectionOfRotation": "CW",
}


def rings(*at: int, lines: int = LINES, samples: int = SAMPLES) -> list[np.ndarray]:
    """Frames of A-lines that are bright from sample `at` on over 20 samples."""
    frames = []
    for place in at:
        frame = np.zeros((lines, samples), np.uint8)
        frame[:, place : place + 20] = 200
        frames.append(frame)
    return frames


def show(frames: list[np.ndarray], **elements: Any) -> tuple[list[Frame], Pullback]:
    return read(pullback_file(frames, **{**KNOWN, **elements}))


def content(*macros: dict[str, Any]) -> Any:
    return groups(IntravascularOCTFrameContentSequence=list(macros))


def radius_px(frame: Frame) -> float:
    """Inner radius of the bright ring about the frame's middle, by its area."""
    bright = frame[..., 0] > 100
    down, across = np.mgrid[: frame.shape[0], : frame.shape[1]] - (frame.shape[0] - 1) / 2
    inside = np.hypot(down, across) < np.hypot(down, across)[bright].max() - 1
    return float(np.sqrt((inside & ~bright).sum() / np.pi))


def radius_mm(frame: Frame, pullback: Pullback) -> float:
    assert pullback.pixel_spacing_mm is not None
    return radius_px(frame) * pullback.pixel_spacing_mm


def test_a_ring_lies_at_its_depth_and_the_depth_is_stated() -> None:
    (frame,), pullback = show(rings(150))
    assert frame.shape == (600, 600, 3)
    assert pullback.pixel_spacing_mm == pytest.approx(LINE_MM)
    assert radius_mm(frame, pullback) == pytest.approx(1.5, rel=0.005)
    assert "3.00 mm deep" in pullback.pixel_spacing_evidence
    assert "frames were scan-converted from A-lines (3.00 mm deep" in said(pullback)
    assert pullback.burned_in_scale == "never"


def test_a_deep_frame_is_shown_smaller_at_its_right_scale() -> None:
    (frame,), pullback = show(rings(500, samples=976, lines=504))
    assert frame.shape == (1024, 1024, 3)
    assert radius_mm(frame, pullback) == pytest.approx(5.0, rel=0.005)


@pytest.mark.parametrize("offset", [30, -30, 0])
def test_a_z_offset_moves_the_ring_away_from_the_optics(offset: int) -> None:
    elements = {"OCTZOffsetApplied": "NO", "SharedFunctionalGroupsSequence": content({"OCTZOffsetCorrection": offset})}
    (frame,), pullback = show(rings(150), **elements)
    assert radius_mm(frame, pullback) == pytest.approx((150 + offset) * LINE_MM, rel=0.005)


def test_each_frame_has_its_own_z_offset() -> None:
    macros = [{"OCTZOffsetCorrection": offset} for offset in (0, 20, 40)]
    elements = {"OCTZOffsetApplied": "NO", "PerFrameFunctionalGroupsSequence": content(*macros)}
    frames, pullback = show(rings(150, 150, 150), **elements)
    assert [radius_mm(frame, pullback) for frame in frames] == pytest.approx([1.5, 1.7, 1.9], rel=0.005)


def test_the_refractive_index_makes_depth_of_a_path_in_air() -> None:
    elements = {"RefractiveIndexApplied": "NO", "EffectiveRefractiveIndex": INDEX}
    (frame,), pullback = show(rings(150), **elements)
    assert radius_mm(frame, pullback) == pytest.approx(1.5 / INDEX, rel=0.005)


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        ({"OCTZOffsetApplied": "NO"}, "gives no Z offset"),
        ({"RefractiveIndexApplied": "NO"}, "no refractive index"),
        ({"RefractiveIndexApplied": "NO", "EffectiveRefractiveIndex": 13.4}, "no refractive index"),
        ({"ALinePixelSpacing": 0.0}, "no spacing along its A-lines"),
        ({"ALinePixelSpacing": 0.09}, "27 mm deep, which cannot be"),
    ],
)
def test_without_what_it_needs_there_are_no_millimetres_and_the_frame_is_shown(
    elements: dict[str, Any], why: str
) -> None:
    frames, pullback = show(rings(150), **elements)
    assert pullback.pixel_spacing_mm is None
    assert why in said(pullback)
    assert radius_px(frames[0]) == pytest.approx(150, rel=0.01)


def quarter(first_line: int = 0) -> list[np.ndarray]:
    """The first quarter of the A-lines bright all along, from `first_line` on."""
    frame = np.zeros((LINES, SAMPLES), np.uint8)
    frame[: LINES // 4] = 200
    return [np.roll(frame, first_line, axis=0)]


def side(frame: Frame) -> str:
    """Where the bright quarter lies, by the letters of up, down, left and right."""
    half = frame.shape[0] // 2
    corners = {
        "ur": frame[:half, half:],
        "dr": frame[half:, half:],
        "dl": frame[half:, :half],
        "ul": frame[:half, :half],
    }
    return max(corners, key=lambda name: corners[name].mean())


def test_a_lines_go_clockwise_from_straight_up_or_as_the_header_says() -> None:
    assert side(show(quarter())[0][0]) == "ur"
    assert side(show(quarter(), FirstALineLocation=90.0)[0][0]) == "dr"
    assert side(show(quarter(), CatheterDirectionOfRotation="CC")[0][0]) == "ul"
    seam = {"SharedFunctionalGroupsSequence": content({"OCTZOffsetCorrection": 0, "SeamLineIndex": 90})}
    assert side(show(quarter(90), **seam)[0][0]) == "ur"


@pytest.mark.parametrize("cut", [0, 40])
def test_the_lumen_of_a_phantom_has_its_true_area_by_its_a_lines(cut: int, segmenter: "Segmenter") -> None:
    spec = replace(random_spec(3, size_px=704), colouring="grey", ruler=False, nurd_deg=0.0)
    phantom, lines = render(spec), np.rint(a_lines(spec, anatomy(spec)).clip(0, 255)).astype(np.uint8)
    step_mm = spec.field_mm / 2 / lines.shape[1]
    elements = {
        "ALinePixelSpacing": step_mm * INDEX,
        "RefractiveIndexApplied": "NO",
        "EffectiveRefractiveIndex": INDEX,
        "OCTZOffsetApplied": "NO",
        "FirstALineLocation": 90.0,
        "SharedFunctionalGroupsSequence": content({"OCTZOffsetCorrection": cut}),
    }
    (frame,), pullback = show([np.ascontiguousarray(lines[:, cut:])], **elements)
    assert np.corrcoef(frame[..., 0].ravel(), phantom.frame[..., 0].ravel())[0, 1] > 0.97
    measures = segmenter.segment(frame, pixel_spacing_mm=pullback.pixel_spacing_mm).measures
    assert measures.lumen_area_mm2 == pytest.approx(phantom.truth.lumen_area_mm2, rel=0.02)


def test_padded_a_lines_are_not_shown() -> None:
    frame = np.zeros((LINES + 40, SAMPLES), np.uint8)
    frame[:LINES, 150:170], frame[LINES:] = 200, 255
    padded = {"SharedFunctionalGroupsSequence": content({"OCTZOffsetCorrection": 0, "NumberOfPaddedALines": 40})}
    (shown,), _ = show([frame], **padded)
    assert np.abs(shown.astype(int) - show(rings(150))[0][0]).max() <= 1


def test_the_seam_is_closed() -> None:
    (frame,), _ = show(rings(150))
    column = frame[:300, 298:302, 0].max(axis=0)
    assert column.min() >= 195


def test_a_frame_for_presentation_is_left_as_it_is() -> None:
    frames, pullback = read(pullback_file(rings(150), ALinePixelSpacing=LINE_MM))
    assert frames[0].shape == (LINES, SAMPLES, 3)
    assert "A-lines" not in said(pullback)


def test_samples_proportional_to_intensity_are_shown_by_their_logarithm() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(40, 60, (LINES, SAMPLES)).astype(np.uint16)
    frame[:, 100:110], frame[:, 200:210] = 1000, 20_000
    (shown,), pullback = show([frame], PixelIntensityRelationship="LIN")
    row = shown[300, 300:, 0].astype(int)
    assert row[205] == 255
    assert row[105] == pytest.approx(255 * np.log(1000 / 50) / np.log(20_000 / 50), abs=4)
    assert row[150] < 20
    assert "proportional to intensity: shown by their logarithm" in said(pullback)
