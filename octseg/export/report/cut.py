"""The vessel cut along its length, twice at right angles: a column a frame, grey as in the frames."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.drawing.unrolled import N_RADII, N_RAYS, CutRays
from octseg.export.report.curves import axis_html, bands_html, bands_of
from octseg.export.report.page import image
from octseg.export.segmented import Segmented
from octseg.measurement.pullback import PullbackMeasures
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import view_frame

ANGLES_DEG = (0, 90)  # of what lies below the middle
TICKS_MM = (1.0, 2.0, 5.0)  # from the middle: the farthest that is there
STYLE = """
.plot.cut { height: 150px; background: #000; border: 0; --band: #ffffff59; }
.plot.cut img { image-rendering: auto; }
@media print { .plot.cut { height: 16mm; print-color-adjust: exact; } }
"""


def cuts_html(segmented: Segmented, measures: PullbackMeasures) -> str:
    """Both cuts, with bands over frames of which nothing is said; nothing where there is one frame."""
    whole = measures.whole
    count = whole.last_frame - whole.first_frame + 1
    if count < 2:
        return ""
    columns, radius_px = _columns(segmented, whole.first_frame, count)
    judged = {record["frame"] for record in segmented.records if record["withdrawn"] is None}
    flags = [number not in judged for number in range(whole.first_frame, whole.last_frame + 1)]
    bands, ticks = bands_html(bands_of(flags), count), _ticks(radius_px, measures.pixel_spacing_mm)
    caption = (
        "<b>Cut along the vessel</b> through the catheter; below the middle at {}°, above it opposite "
        "(0° to the right, clockwise)."
    )
    figures = "".join(
        f'<figure class="curve"><figcaption>{caption.format(angle)}</figcaption><div class="plot cut">'
        f"{image(f'Cut along the vessel at {angle} degrees', Image.fromarray(cut))}{bands}{ticks}</div></figure>\n"
        for angle, cut in zip(ANGLES_DEG, columns, strict=True)
    )
    return f"{figures}{axis_html(whole.first_frame, count, measures.frame_spacing_mm)}"


def _columns(segmented: Segmented, first: int, count: int) -> tuple[NDArray[np.uint8], float]:
    """(angles, 2 * N_RADII, frames), black where there is no frame, and how far it reaches in px."""
    columns = np.zeros((len(ANGLES_DEG), 2 * N_RADII, count), np.uint8)
    rays: CutRays | None = None
    for number, frame in zip(segmented.numbers, segmented.read_frames(), strict=False):
        if rays is None:
            view, shape = view_frame(frame), (frame.shape[0], frame.shape[1])
            rays = CutRays.about(view.catheter_centre, None if view.disc is None else view.disc.mask(*shape), shape)
        along = rays.of(np.repeat(sepia_to_grey(frame)[..., None], 3, axis=2))
        for cut, angle in zip(columns, ANGLES_DEG, strict=True):
            ray = round(angle / 360 * N_RAYS)
            cut[:, number - first] = [*along[(ray + N_RAYS // 2) % N_RAYS, ::-1], *along[ray]]
    return columns, 1.0 if rays is None else rays.radius_px


def _ticks(radius_px: float, pixel_mm: float | None) -> str:
    """Millimetres from the middle, where the scale is known."""
    reach = None if pixel_mm is None else radius_px * pixel_mm
    step = max((mm for mm in TICKS_MM if reach is not None and mm <= reach), default=None)
    if reach is None or step is None:
        return ""
    places = [(n * step, 50 + 50 * n * step / reach) for n in (-1, 0, 1)]
    return "".join(
        f'<span class="tick y" style="top:{top:.2f}%">{abs(mm):g}{" mm" if mm == 0 else ""}</span>'
        for mm, top in places
    )
