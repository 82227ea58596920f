"""What limits the numbers along a vessel: sentences for the reader beside them."""

from collections.abc import Iterator

import numpy as np

from octseg.measurement.pullback.frames import Along
from octseg.measurement.pullback.stretch import StretchMeasures
from octseg.measurement.rays import OUT_OF_DISC

SAME_SCALE = 1.01  # largest by smallest of frames of one pullback: a ruler is read to 0.5 %
MUCH_UNSEEN_PERCENT = 25.0  # of a frame; the guide wire hides up to 14 %
REFERENCE_SHOWN_MM = 5.0  # to either side of the smallest lumen, of which less is worth a word


def agree(scales: list[float]) -> bool:
    """Whether the frames' mm per pixel are one scale, read in each frame anew."""
    return max(scales) <= SAME_SCALE * min(scales)


def warnings_of(whole: Along, measured: StretchMeasures, scales: list[float]) -> Iterator[str]:
    """Of all frames; scales: mm per pixel of those that have one."""
    yield from _of_frames(whole, scales)
    yield from _of_lumen(whole, measured)
    absent = measured.fibrous_cap_absent_frame_count
    if absent:
        yield f"Lipid reaches the lumen in {absent} of {len(whole)} frames: no cap is measured there."


def _of_frames(whole: Along, scales: list[float]) -> Iterator[str]:
    """What frames lack."""
    judged = int(whole.judged.sum())
    if judged < len(whole):
        yield (
            f"Nothing is said of {len(whole) - judged} of {len(whole)} frames: they count in no measure, so the volume "
            "is that of the others."
        )
    unscaled = int(np.isnan(whole.lumen_mm2[whole.judged]).sum())
    if 0 < unscaled < judged:
        yield f"{unscaled} of {judged} frames have no scale, so areas in mm2 and volumes are not given."
    if scales and not agree(scales):
        span = f"{min(scales):.6g} to {max(scales):.6g} mm per pixel"
        yield f"The frames' scales differ, from {span}; a pullback has one."
    if whole.spacing_mm is None:
        yield "How far frames lie apart is not known, so there are no lengths along the vessel and no volumes."


def _of_lumen(whole: Along, measured: StretchMeasures) -> Iterator[str]:
    """What is wanting about the smallest lumen."""
    cut = int((whole.unjudged == OUT_OF_DISC).any(axis=1).sum())
    if cut:
        yield f"The lumen reaches the disc's rim in {cut} of {len(whole)} frames, which count for no smallest lumen."
    unseen = measured.minimum_lumen_area_unjudged_percent
    if unseen is not None and unseen > MUCH_UNSEEN_PERCENT:
        yield (
            f"Of the smallest lumen, in frame {measured.minimum_lumen_area_frame}, {unseen:.0f} % of the directions "
            "could not be judged: look at that frame before its area is used."
        )
    at, dz = measured.minimum_lumen_area_frame, whole.spacing_mm
    if at is not None and dz is not None:
        shown = min(at - whole.first, whole.last - at) * dz
        if shown < REFERENCE_SHOWN_MM:
            yield (
                f"Only {shown:.1f} mm are shown to one side of the smallest lumen, so its reference may lie beyond the "
                "pullback and the stenosis be larger."
            )
