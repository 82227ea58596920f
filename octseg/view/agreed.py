"""One scale for all frames of a pullback whose frames can't be believed one by one, as after a video's compression.

Compression moves the ruler's dots: of a strongly compressed pullback half of the rulers that are found are off by more
than 0.5 %. Where most of many frames agree the median is right; where they do not, there are no millimetres.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from octseg.errors import ReadError
from octseg.pullback import Frame, PixelScale, PixelSpacingSource, Pullback
from octseg.view.bar import LabelMemory
from octseg.view.plausible import FrameShape
from octseg.view.preprocessing import FrameView, view_frame
from octseg.view.scale import cross_checked, find_pixel_scale, said_of_another_kind

FRAMES_LOOKED_AT = 25
LEAST_FOUND = 3
AGREE = 0.005  # of the median: how far a frame's scale may lie from it
LEAST_AGREEING = 0.75  # of the frames in which a scale was found
SOURCES: tuple[PixelSpacingSource, ...] = ("ruler", "bar")
NAMES = {"ruler": "ruler", "bar": "scale bar"}


def with_agreed_scale(pullback: Pullback) -> Pullback:
    """The pullback with the scale that its first frames agree on, where that is what counts; else as it is.

    To be asked of a whole pullback, before a part of it is taken: then every part has the same scale.
    """
    if pullback.burned_in_scale != "agreed" or pullback.agreed_scale is not None:
        return pullback
    told_before = len(pullback.late_warnings)
    memory = LabelMemory()
    scales = [_own_scale(frame, view_frame(frame, memory)) for frame in _first_frames(pullback)]
    del pullback.late_warnings[told_before:]  # they come again when the frames are read
    return replace(pullback, agreed_scale=agreed(scales))


def _first_frames(pullback: Pullback) -> Iterator[Frame]:
    """Some frames; none behind one that cannot be read, of which is told when it is read in its turn."""
    frames = pullback.frames(0, FRAMES_LOOKED_AT)
    try:
        with suppress(ReadError):
            yield from frames
    finally:
        getattr(frames, "close", lambda: None)()


def _own_scale(frame: Frame, view: FrameView) -> PixelScale:
    return find_pixel_scale(frame, ruler=view.ruler, bars=view.bars)


def agreed(scales: Iterable[PixelScale]) -> PixelScale:
    """What most frames' own scales say together; without a spacing, and why, where they say nothing."""
    each = list(scales)
    for source in SOURCES:
        found = [cast(float, scale.pixel_spacing_mm) for scale in each if scale.source == source]
        if found:
            return _median_of(found, source, len(each))
    return PixelScale(
        evidence=f"No ruler or scale bar was found in the first {len(each)} frames, so nothing is measured in mm."
    )


def _median_of(found: Sequence[float], source: PixelSpacingSource, looked_at: int) -> PixelScale:
    median = float(np.median(found))
    agreeing = sum(abs(each / median - 1) <= AGREE for each in found)
    name, seen = NAMES[source], f"{len(found)} of the first {looked_at} frames"
    if len(found) >= LEAST_FOUND and agreeing >= LEAST_AGREEING * len(found):
        evidence = f"Burned-in {name}: the median of {seen}, {agreeing} of which agree within 0.5 %"
        return PixelScale(
            pixel_spacing_mm=median, source=source, evidence=f"{evidence}, {1 / median:.1f} pixels per mm."
        )
    why = (
        f"the {name} was found in only {seen}"
        if len(found) < LEAST_FOUND
        else f"the {name}s of {seen} differ by more than 0.5 % from their median in {len(found) - agreeing} of them"
    )
    warning = f"{why}, as compression leaves them: no mm are given; enter the scale to get mm"
    return PixelScale(evidence="The frames agree on no scale, so nothing is measured in mm.", warnings=(warning,))


def scale_in(
    frame: Frame, view: FrameView, pullback: Pullback, user_mm: float | None, preset: str | None
) -> PixelScale:
    """The scale of one frame (H, W, 3) of a pullback: by its own ruler and bar, by the agreed scale, or by neither."""
    by = partial(
        find_pixel_scale,
        frame,
        header_mm=pullback.pixel_spacing_mm,
        header_evidence=pullback.pixel_spacing_evidence,
        user_mm=user_mm,
        preset=preset,
    )
    if pullback.burned_in_scale == "each":
        return by(ruler=view.ruler, bars=view.bars)
    given = by(ruler=None, bars=())
    known = pullback.agreed_scale
    if pullback.burned_in_scale == "never" or known is None:
        return given
    is_given = given.source in ("user", "dicom")
    chosen = given if is_given or (known.pixel_spacing_mm is None and given.source is not None) else known
    own_mm = _own_scale(frame, view).pixel_spacing_mm
    others = {
        "what the frames' rulers or bars agree on": known.pixel_spacing_mm if is_given else None,
        "this frame's own ruler or bar": None if is_given else own_mm,
        f"the preset {preset}, which is not used": given.pixel_spacing_mm if chosen is known else None,
    }
    is_beside = chosen is known and known.source is not None
    unfit = said_of_another_kind(FrameShape(frame, None), preset) if preset is not None and is_beside else []
    checked = cross_checked(chosen, view.ruler, others, [*chosen.warnings, *unfit])
    return replace(checked, warnings=tuple(dict.fromkeys(checked.warnings)))
