"""What the number of a pullback's frames tells of the distance between them, and frames that cannot be decoded."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.spacing import frame_spacing_by_count


def spaced(pullback: Pullback) -> Pullback:
    """The pullback with a spacing by its number of frames, which a warning says, where it has none of its own."""
    spacing_mm = frame_spacing_by_count(pullback.frame_count)
    if pullback.frame_spacing_mm is not None or spacing_mm is None or pullback.late_warnings:
        return pullback
    said = (
        f"no frame spacing is in {pullback.name}: {spacing_mm:g} mm between frames is taken from their number, "
        f"{pullback.frame_count}"
    )
    return replace(
        pullback,
        frame_spacing_mm=spacing_mm,
        frame_spacing_source="frame_count",
        warnings=(*pullback.warnings, said),
        spacing_warnings=(said,),
    )


def frames_of(
    decoded: Callable[[int], Frame],
    first: int,
    last: int,
    shape: tuple[int, int],
    late: list[str],
    first_number: int = 1,
) -> Iterator[Frame]:
    """Frames `first` to `last`, 0-based, `last` left out; one that cannot be decoded is black, so that none moves.

    shape: (height, width) that all of them must have. late: grows by a sentence for each that is black.
    first_number: that the pullback's first frame bears.
    """
    for number in range(first, last):
        try:
            frame = decoded(number)
            if frame.shape[:2] != shape:
                raise ReadError(f"it is {frame.shape[0]} x {frame.shape[1]} pixels and not {shape[0]} x {shape[1]}")
        except ReadError as error:
            say(late, f"frame {number + first_number} is left black: {error}")
            frame = np.zeros((*shape, 3), np.uint8)
        yield frame


def say(late: list[str], sentence: str) -> None:
    """Add a sentence, once: frames may be read more than once."""
    if sentence not in late:
        late.append(sentence)
