"""Millimetres per pixel of a frame: from the user, the file's header, the burned-in ruler or a preset, in this order.

A wrong scale is worse than none: what does not hold together gives None and says why. All scales are mm per pixel,
the same along rows and columns.
"""

import math
from typing import Literal

from octseg.errors import ReadError
from octseg.pullback import Frame, PixelScale
from octseg.view.capture import locate_disc
from octseg.view.ruler import MM_PER_DOT, RING_MM, Ruler, find_ruler

MIN_SPACING_MM, MAX_SPACING_MM = 1e-4, 0.1
MAX_DISAGREEMENT = 0.02  # between two scales of one frame; the zooms of a console differ by 1.4 and more

MOST_OFF_PRESET = 0.05  # of a disc from the side of the export that a preset is for
# Spacing of nearly all exports of that many pixels square: a field of 7 mm.
PRESET_BY_SIDE_PX = {"704": 0.009957, "1024": 0.006843}
# The console's zooms: what the disc's diameter measures.
PRESET_FIELD_MM = {"5 mm": 5.0, "7 mm": 7.0, "10 mm": 10.0}
PRESETS = (*PRESET_BY_SIDE_PX, *PRESET_FIELD_MM)


def find_pixel_scale(
    frame: Frame,
    *,
    header_mm: float | None = None,
    user_mm: float | None = None,
    preset: str | None = None,
    ruler: Ruler | Literal["find"] | None = "find",
) -> PixelScale:
    """The scale of a frame (H, W, 3), with its source, its evidence and what speaks against it.

    Args:
        frame: the frame at the resolution in which it is measured.
        header_mm: spacing from the file's header.
        user_mm: spacing that the user entered; it goes before all else.
        preset: one of PRESETS, for frames that tell nothing themselves.
        ruler: what `find_ruler` gave for this frame, None included; "find" looks for it here.

    Raises:
        ReadError: the user's spacing cannot be one of an OCT frame, or there is no such preset.
    """
    if user_mm is not None:
        _check_entered(user_mm)
    if preset is not None and preset not in PRESETS:
        raise ReadError(f"there is no preset {preset!r}; the presets are {', '.join(PRESETS)}")
    seen = find_ruler(frame) if ruler == "find" else ruler
    warnings: list[str] = []
    by_ruler = _ruler_spacing(seen, warnings)
    by_header = _header_spacing(header_mm, warnings)
    if user_mm is not None:
        found = PixelScale(
            pixel_spacing_mm=float(user_mm), source="user", evidence=f"Entered by the user: {user_mm:.6g} mm per pixel."
        )
    elif by_header is not None:
        found = PixelScale(
            pixel_spacing_mm=by_header, source="dicom", evidence=f"The file's header: {by_header:.6g} mm per pixel."
        )
    elif by_ruler is not None and seen is not None:
        evidence = f"Burned-in ruler: {len(seen.dots_px)} dots 1 mm apart, {1 / by_ruler:.1f} pixels per mm."
        found = PixelScale(pixel_spacing_mm=by_ruler, source="ruler", evidence=evidence)
    elif preset is not None:
        found = _preset_scale(frame, preset, warnings)
    else:
        found = PixelScale(evidence="No ruler was found and no scale was given, so nothing is measured in mm.")
    return _cross_checked(found, seen, {"the file's header": by_header, "the burned-in ruler": by_ruler}, warnings)


def _check_entered(user_mm: float) -> None:
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


def _ruler_spacing(ruler: Ruler | None, warnings: list[str]) -> float | None:
    """The ruler's spacing where the catheter's ring does not contradict it; else None, and why."""
    if ruler is None:
        return None
    ring_mm = ruler.ring_diameter_mm
    if ring_mm is None:
        warnings.append("no catheter ring was seen around the ruler, so its scale could not be cross-checked")
    elif not ruler.ring_fits:
        warnings.append(
            f"by the burned-in ruler the catheter's ring would measure {ring_mm:.2f} mm, "
            f"outside {RING_MM[0]:.2f} to {RING_MM[1]:.2f}: the ruler is not trusted; enter the scale to get mm"
        )
        return None
    return MM_PER_DOT / ruler.pitch_px


def _preset_scale(frame: Frame, preset: str, warnings: list[str]) -> PixelScale:
    """The preset's scale; without one, and why, where the frame is not of the preset's kind."""
    height, width = frame.shape[:2]
    disc = locate_disc(frame)
    if preset in PRESET_BY_SIDE_PX:
        fits = disc is None or abs(2 * disc.radius_px / int(preset) - 1) <= MOST_OFF_PRESET
        if fits and {height, width} == {int(preset)}:
            return PixelScale(
                pixel_spacing_mm=PRESET_BY_SIDE_PX[preset],
                source="preset",
                evidence=f"Preset {preset}: {PRESET_BY_SIDE_PX[preset]:.6g} mm per pixel, as nearly all exports of "
                f"{preset} x {preset} pixels have; not read from this frame.",
            )
        shown = f"has {height} x {width}" if fits or disc is None else f"shows a disc of {2 * disc.radius_px:.0f}"
        warnings.append(f"preset {preset} is for frames of {preset} x {preset} pixels, and this one {shown}: no mm")
        return PixelScale(evidence="The preset does not fit this frame, so nothing is measured in mm.")
    if disc is None:
        warnings.append(f"preset {preset} needs the imaged disc's diameter, and no disc was found in this frame: no mm")
        return PixelScale(evidence="The preset does not fit this frame, so nothing is measured in mm.")
    spacing_mm = PRESET_FIELD_MM[preset] / (2 * disc.radius_px)
    return PixelScale(
        pixel_spacing_mm=spacing_mm,
        source="preset",
        evidence=f"Preset {preset}: the imaged disc, {2 * disc.radius_px:.0f} pixels across, taken as {preset} wide; "
        "not read from this frame.",
    )


def _cross_checked(
    found: PixelScale, ruler: Ruler | None, others: dict[str, float | None], warnings: list[str]
) -> PixelScale:
    """`found` with the catheter measured by it, and a warning for each of the other scales that disagrees."""
    spacing_mm = found.pixel_spacing_mm
    catheter_mm = None
    if spacing_mm is not None:
        if ruler is not None and ruler.ring_diameter_px is not None:
            catheter_mm = ruler.ring_diameter_px * spacing_mm
        for name, other_mm in others.items():
            if other_mm is not None and abs(other_mm / spacing_mm - 1) > MAX_DISAGREEMENT:
                warnings.append(
                    f"the scale in use, {spacing_mm:.5g} mm per pixel ({found.source}), disagrees with {name}, "
                    f"{other_mm:.5g} mm per pixel: areas differ by a factor of {(other_mm / spacing_mm) ** 2:.2f}"
                )
    return PixelScale(
        pixel_spacing_mm=spacing_mm,
        source=found.source,
        evidence=found.evidence,
        catheter_diameter_mm=catheter_mm,
        warnings=tuple(warnings),
    )
