"""What limits the numbers along a vessel: sentences for the reader beside them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.judging import open_deg
from octseg.measurement.pullback.frames import Along
from octseg.measurement.pullback.scales import scale_warnings
from octseg.measurement.pullback.stretch import StretchMeasures
from octseg.measurement.rays import OUT_OF_DISC

MUCH_UNSEEN_PERCENT = 25.0  # of a frame; the guide wire hides up to 14 %
NAMED = 6  # frames that a sentence names; of more it says how many
REFERENCE_SHOWN_MM = 5.0  # to either side of the smallest lumen, of which less is worth a word


def warnings_of(along: Along, whole: Along, measured: StretchMeasures) -> Iterator[str]:
    """Of a stretch and what was measured of it; whole: all frames there are, in which its reference lies."""
    yield from _of_frames(along)
    yield from _of_lumen(along, whole, measured)
    absent = measured.fibrous_cap_absent_frame_count
    if absent:
        yield f"Lipid reaches the lumen in {absent} of {len(along)} frames: no cap is measured there."


def _of_frames(along: Along) -> Iterator[str]:
    """What frames lack."""
    judged = int(along.judged.sum())
    if judged < len(along):
        left_out = (
            "they count in no measure, so the volume is that of the others" if judged else "there is nothing to measure"
        )
        yield f"Nothing is said of {len(along) - judged} of {len(along)} frames: {left_out}."
    yield from scale_warnings(frame for frame in along.frames if frame is not None)
    if along.spacing_mm is None:
        yield "How far frames lie apart is not known, so there are no lengths along the vessel and no volumes."


def _numbers_words(numbers: NDArray[np.intp]) -> str:
    """The first of some numbers of frames: "12, 13, 15, 16, 17 and 4 others"."""
    told = ", ".join(map(str, numbers[:NAMED]))
    others = len(numbers) - NAMED
    return told if others <= 0 else f"{told} and {others} other{'s' * (others > 1)}"


def _of_lumen(along: Along, whole: Along, measured: StretchMeasures) -> Iterator[str]:
    """What is wanting about the smallest lumen."""
    cut = np.flatnonzero((along.unjudged == OUT_OF_DISC).any(axis=1))
    if cut.size:
        yield (
            f"The lumen reaches the disc's rim in {cut.size} of {len(along)} frames, so no smallest lumen is looked "
            f"for in frame{'s' * (cut.size > 1)} {_numbers_words(cut + along.first)}."
        )
    unseen = measured.minimum_lumen_area_unjudged_percent
    if unseen is not None and unseen > MUCH_UNSEEN_PERCENT:
        yield (
            f"Of the smallest lumen, in frame {measured.minimum_lumen_area_frame}, {unseen:.0f} % of the directions "
            "could not be judged: look at that frame before its area is used."
        )
    ref = measured.lumen_area_reference_frame
    if ref is not None and (opening := open_deg(whole.unjudged[ref - whole.first])):
        yield (
            f"No wall is seen over {opening} degrees in frame {ref}, whose lumen is the reference of the stenosis: "
            "where that is a side branch, its mouth is part of the reference and the stenosis is shown too large."
        )
    yield from _of_ends(whole, measured.minimum_lumen_area_frame)


def _of_ends(whole: Along, smallest: int | None) -> Iterator[str]:
    """Of a smallest lumen near an end of what is shown; smallest: its frame."""
    if smallest is None or whole.spacing_mm is None:
        return
    beside = min(smallest - whole.first, whole.last - smallest)
    if beside * whole.spacing_mm >= REFERENCE_SHOWN_MM:
        return
    end = "first" if smallest == whole.first else "last"
    seen = (
        f"Only {beside * whole.spacing_mm:.1f} mm are shown to one side of the smallest lumen"
        if beside
        else f"The smallest lumen is that of the {end} frame, with nothing shown beyond it"
    )
    yield f"{seen}, so its reference may lie beyond the pullback and the stenosis be larger."
