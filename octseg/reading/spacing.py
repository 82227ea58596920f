"""From frame to frame along the vessel, where no header says it: by how many frames a console's pullback has."""

# Frames of a pullback, from and to, and mm between two of them: 54 mm and 75 mm long runs of the consoles in use.
SPACING_BY_COUNT = ((536, 541, 0.1), (371, 376, 0.2), (268, 272, 0.2))


def frame_spacing_by_count(frame_count: int) -> float | None:
    """Mm between the frames of a whole pullback of that many; None where no console makes such."""
    for fewest, most, spacing_mm in SPACING_BY_COUNT:
        if fewest <= frame_count <= most:
            return spacing_mm
    return None


def counted_spacing(frame_count: int, declared: int | None = None) -> tuple[float | None, str]:
    """Mm between frames by their number, and the sentence that says so; None and what to do where that tells nothing.

    declared: of a file that says it has more frames than can be read: then both numbers must tell the same.
    """
    spacing_mm = frame_spacing_by_count(frame_count)
    if declared is not None and declared > frame_count and frame_spacing_by_count(declared) != spacing_mm:
        spacing_mm = None
    if spacing_mm is None:
        return None, untold(frame_count)
    return spacing_mm, (
        f"the distance between frames, {spacing_mm:g} mm, is a guess from their number ({frame_count}), for the file "
        "does not give it; give it in mm (--frame-spacing) where you know it"
    )


def untold(frame_count: int) -> str:
    """What is said where nothing tells the distance between frames."""
    return (
        f"nothing tells the distance between its {frame_count} frames, so no length or volume is measured; "
        "give it in mm (--frame-spacing)"
    )
