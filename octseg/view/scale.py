"""Millimetres per pixel of a frame: from user, header, burned-in ruler, burned-in scale bar or preset, in this order.

A wrong scale is worse than none: what does not hold together gives None and says why. All scales are mm per pixel,
the same along rows and columns.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from octseg.errors import ReadError
from octseg.pullback import Frame, PixelScale, PixelSpacingSource, larger_words
from octseg.view.bar import Bar, find_bars
from octseg.view.plausible import FIELD_MM, FrameShape, bar_spacing, contradict
from octseg.view.ruler import MM_PER_DOT, RING_MM, Ruler, find_ruler

MIN_SPACING_MM, MAX_SPACING_MM = 1e-4, 0.1
MAX_DISAGREEMENT = 0.02  # between two scales of one frame; the zooms of a console differ by 1.4 and more
MAX_GROWTH = 0.022  # of a ruler's gaps: 0.019 in lossy copies of real frames, 0.025 in a screen askew by 3 % of a side

MOST_OFF_PRESET = 0.05  # of a disc from the side of the export that a preset is for
FEW_DOTS = 5  # of a ruler: as many as every second one of nine, which a field of 10 mm has
GIVEN = {"user": "the scale that was entered", "dicom": "the file's header"}  # source -> how it is called
# Spacing of nearly all exports of that many pixels square: a field of 7 mm.
PRESET_BY_SIDE_PX = {"704": 0.009957, "1024": 0.006843}
# The console's zooms: what the disc's diameter measures.
PRESET_FIELD_MM = {"5 mm": 5.0, "7 mm": 7.0, "10 mm": 10.0}
PRESETS = (*PRESET_BY_SIDE_PX, *PRESET_FIELD_MM)


def find_pixel_scale(
    frame: Frame,
    *,
    header_mm: float | None = None,
    header_evidence: str = "",
    user_mm: float | None = None,
    preset: str | None = None,
    ruler: Ruler | Literal["find"] | None = "find",
    bars: Sequence[Bar] | Literal["find"] = "find",
) -> PixelScale:
    """The scale of a frame (H, W, 3), with its source, its evidence and what speaks against it.

    Args:
        frame: the frame at the resolution in which it is measured.
        header_mm: spacing from the file's header. header_evidence: one sentence on where it stands there.
        user_mm: spacing that the user entered; it goes before all else.
        preset: one of PRESETS, for frames that tell nothing themselves.
        ruler: what `find_ruler` gave for this frame, None included; "find" looks for it here.
        bars: what `find_bars` gave for this frame; "find" looks for them here.

    Raises:
        ReadError: the user's spacing cannot be one of an OCT frame, or there is no such preset.
    """
    if user_mm is not None:
        check_entered(user_mm)
    if preset is not None and preset not in PRESETS:
        raise ReadError(f"there is no preset {preset!r}; the presets are {', '.join(PRESETS)}")
    warnings: list[str] = []
    seen = find_ruler(frame) if ruler == "find" else ruler
    shape = FrameShape(frame, seen)
    by_ruler = _ruler_spacing(seen, shape, warnings)
    by_bar = bar_spacing(find_bars(frame) if bars == "find" else bars, shape, by_ruler, warnings)
    by_header = _header_spacing(header_mm, warnings)
    burned_in = _burned_in(seen, by_ruler, by_bar, warnings)
    if user_mm is not None:
        found = _scale(float(user_mm), "user", f"Entered by the user: {user_mm:.6g} mm per pixel.")
    elif by_header is not None:
        found = _scale(by_header, "dicom", header_evidence or f"The file's header: {by_header:.6g} mm per pixel.")
    elif burned_in is not None:
        found = burned_in
    elif preset is not None:
        found = _preset_scale(shape, preset, warnings)
    else:
        found = PixelScale(
            evidence="No ruler or scale bar was found and no scale was given, so nothing is measured in mm."
        )
    if found.pixel_spacing_mm is not None and found.source in GIVEN:
        warnings.extend(_why_unlikely(shape, found.pixel_spacing_mm, GIVEN[found.source]))
    others = {GIVEN["dicom"]: by_header, "the burned-in ruler": by_ruler, "the burned-in scale bar": by_bar}
    if preset is not None and found.source not in ("preset", None):
        others[f"the preset {preset}, which is not used"] = _preset_mm(shape, preset)
        warnings.extend(said_of_another_kind(shape, preset))
    return cross_checked(found, seen, others, warnings)


def _burned_in(
    ruler: Ruler | None, by_ruler: float | None, by_bar: float | None, warnings: list[str]
) -> PixelScale | None:
    """The scale that the frame itself bears, without mm where it bears two that differ; None where it bears none."""
    if by_ruler is not None and by_bar is not None and contradict(by_ruler, by_bar, warnings):
        return PixelScale(evidence="Ruler and scale bar contradict each other, so nothing is measured in mm.")
    if by_ruler is not None and ruler is not None:
        evidence = f"Burned-in ruler: {len(ruler.dots_px)} dots 1 mm apart, {1 / by_ruler:.1f} pixels per mm."
        return _scale(by_ruler, "ruler", evidence)
    if by_bar is not None:
        return _scale(by_bar, "bar", f"Burned-in scale bar: {1 / by_bar:.1f} pixels per mm.")
    return None


def _scale(spacing_mm: float, source: PixelSpacingSource, evidence: str) -> PixelScale:
    return PixelScale(pixel_spacing_mm=spacing_mm, source=source, evidence=evidence)


def _why_unlikely(shape: FrameShape, spacing_mm: float, name: str) -> list[str]:
    """What disc and catheter say against a scale that was given and is used all the same."""
    if shape.disc is None:
        return []
    if not shape.is_likely_field(spacing_mm):
        return [
            f"by {name}, {spacing_mm:.5g} mm per pixel, the imaged disc is {shape.field_mm(spacing_mm):.2f} mm wide, "
            f"outside {FIELD_MM[0]:g} to {FIELD_MM[1]:g}: it is likely to be wrong, and with it all mm, "
            "outlines and thin caps"
        ]
    why = None if shape.ruler is not None else shape.why_not_the_catheter(spacing_mm, name)
    return [] if why is None else [f"{why}: the scale is used all the same, and likely to be wrong; check it"]


def check_entered(user_mm: float) -> None:
    """ReadError where a scale that somebody gave is that of no OCT frame."""
    if not (math.isfinite(user_mm) and MIN_SPACING_MM <= user_mm <= MAX_SPACING_MM):
        raise ReadError(
            f"{user_mm:g} mm per pixel cannot be the scale of an OCT frame; "
            f"enter a number from {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g}, such as 0.00996"
        )


def _header_spacing(header_mm: float | None, warnings: list[str]) -> float | None:
    """The header's spacing where it can be true; else None, and why."""
    if header_mm is None:
        return None
    if math.isfinite(header_mm) and MIN_SPACING_MM <= header_mm <= MAX_SPACING_MM:
        return float(header_mm)
    warnings.append(
        f"the file's header gives {header_mm:g} mm per pixel, outside {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g}: ignored"
    )
    return None


def _ruler_spacing(ruler: Ruler | None, shape: FrameShape, warnings: list[str]) -> float | None:
    """The ruler's spacing where its gaps are alike and the ring does not contradict it; else None, and why."""
    if ruler is None:
        return None
    if ruler.growth >= MAX_GROWTH:
        warnings.append(
            f"the gaps between the ruler's dots differ by {ruler.growth:.0%} from one end to the other, as where a "
            "screen is photographed askew: the ruler is not used; export the frame, or enter the scale to get mm"
        )
        return None
    ring_mm = ruler.ring_diameter_mm
    if ring_mm is None:
        spacing_mm = MM_PER_DOT / ruler.pitch_px
        why = shape.why_not_round() or shape.why_not_the_catheter(spacing_mm, "the burned-in ruler")
        if why is None and len(ruler.dots_px) <= FEW_DOTS and shape.sheath_px is None:
            why = f"no catheter is seen that tells {len(ruler.dots_px)} dots from every second one of a ruler"
        if why is not None:
            warnings.append(f"{why}: the ruler is not used; enter the scale to get mm")
            return None
        warnings.append("no catheter ring was seen around the ruler, so its scale could not be cross-checked")
    elif not ruler.ring_fits:
        warnings.append(
            f"by the burned-in ruler the catheter's ring would measure {ring_mm:.2f} mm, "
            f"outside {RING_MM[0]:.2f} to {RING_MM[1]:.2f}: the ruler is not trusted; enter the scale to get mm"
        )
        return None
    return MM_PER_DOT / ruler.pitch_px


def _preset_scale(shape: FrameShape, preset: str, warnings: list[str]) -> PixelScale:
    """The preset's scale; without one, and why, where the frame is not of the preset's kind."""
    spacing_mm = _preset_mm(shape, preset)
    why = (
        _why_of_another_kind(shape, preset)
        if spacing_mm is None
        else shape.why_not_round() or shape.why_not_the_catheter(spacing_mm, f"preset {preset}")
    )
    if spacing_mm is None or why is not None:
        warnings.append(f"{why}: no mm")
        return PixelScale(evidence="The preset does not fit this frame, so nothing is measured in mm.")
    if preset in PRESET_BY_SIDE_PX:
        evidence = f"{spacing_mm:.6g} mm per pixel, as nearly all exports of {preset} x {preset} pixels have"
    else:
        evidence = f"the imaged disc, {2 * shape.radius_px:.0f} pixels across, taken as {preset} wide"
    return _scale(spacing_mm, "preset", f"Preset {preset}: {evidence}; not read from this frame.")


def said_of_another_kind(shape: FrameShape, preset: str) -> list[str]:
    """What is said of a preset beside another scale, where it is not for such frames; where it is, its mm are held
    against that scale."""
    return [] if _preset_mm(shape, preset) is not None else [f"{_why_of_another_kind(shape, preset)}: it is not used"]


def _why_of_another_kind(shape: FrameShape, preset: str) -> str:
    """Why a preset tells no scale of a frame, whatever else is known of it."""
    if preset not in PRESET_BY_SIDE_PX:
        return f"preset {preset} needs the imaged disc's diameter, and no disc was found in this frame"
    height, width = shape.frame.shape[:2]
    is_size = {height, width} == {int(preset)}
    shown = f"shows a disc of {2 * shape.radius_px:.0f}" if is_size else f"has {height} x {width}"
    return f"preset {preset} is for frames of {preset} x {preset} pixels, and this one {shown}"


def _preset_mm(shape: FrameShape, preset: str) -> float | None:
    """Mm per pixel by a preset; None where the frame has another size, or no disc whose diameter were known."""
    if preset in PRESET_BY_SIDE_PX:
        fits = shape.disc is None or abs(2 * shape.radius_px / int(preset) - 1) <= MOST_OFF_PRESET
        return PRESET_BY_SIDE_PX[preset] if fits and set(shape.frame.shape[:2]) == {int(preset)} else None
    return None if shape.disc is None else PRESET_FIELD_MM[preset] / (2 * shape.radius_px)


def cross_checked(
    found: PixelScale, ruler: Ruler | None, others: Mapping[str, float | None], warnings: list[str]
) -> PixelScale:
    """`found` with the catheter measured by it, and `warnings`, also one for each of the other scales that disagrees.

    others: mm per pixel by what tells them, None where that tells nothing.
    """
    spacing_mm = found.pixel_spacing_mm
    catheter_mm = None
    disagreeing: list[tuple[str, float]] = []
    if spacing_mm is not None:
        if ruler is not None and ruler.ring_diameter_px is not None:
            catheter_mm = ruler.ring_diameter_px * spacing_mm
        for name, other_mm in others.items():
            if other_mm is not None and abs(other_mm / spacing_mm - 1) > MAX_DISAGREEMENT:
                disagreeing.append((name, other_mm))
                warnings.append(
                    f"the scale in use, {spacing_mm:.5g} mm per pixel ({found.source}), disagrees with {name}, "
                    f"{other_mm:.5g} mm per pixel: {larger_words('lumen areas', (other_mm / spacing_mm) ** 2)}"
                )
    return PixelScale(
        pixel_spacing_mm=spacing_mm,
        source=found.source,
        evidence=found.evidence,
        catheter_diameter_mm=catheter_mm,
        others=tuple(disagreeing),
        warnings=tuple(warnings),
    )
