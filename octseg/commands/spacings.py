"""Which spacings of pixels and of frames there are, for those that a user gives."""


def why_no_spacing(kind: str, spacing_mm: float) -> str | None:
    """Why no frame (kind: pixel) and no pullback (kind: frame) has a spacing; None where one may."""
    from octseg.measurement.pullback.measuring import LEAST_SPACING_MM, MOST_SPACING_MM  # they load what measures
    from octseg.view.scale import MAX_SPACING_MM, MIN_SPACING_MM

    if kind == "pixel" and not MIN_SPACING_MM <= spacing_mm <= MAX_SPACING_MM:
        return f"a frame has {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm per pixel, such as 0.00996; give mm, not um"
    if kind == "frame" and not LEAST_SPACING_MM <= spacing_mm <= MOST_SPACING_MM:
        return f"frames lie {LEAST_SPACING_MM:g} to {MOST_SPACING_MM:g} mm apart, such as 0.2; give mm, not um"
    return None
