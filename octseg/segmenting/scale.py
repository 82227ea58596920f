"""One scale for the frames of a pullback: found once, or agreed upon by many frames before any length is given."""

from dataclasses import replace
from itertools import islice

import numpy as np

from octseg.errors import OctsegError
from octseg.pullback import Frame, PixelScale, Pullback
from octseg.view import find_pixel_scale
from octseg.view.along import AlongPullback, KnownView
from octseg.view.preprocessing import FrameView, view_frame
from octseg.view.ruler import MM_PER_DOT, find_ruler

ASKED = 5  # frames along a pullback whose ruler and bar are compared
ASKED_TO_AGREE = 25  # of one whose frames are coded with loss, so that each may be wrong
LEAST_FOUND = 3
SAME_PITCH = 0.005  # of the median
LEAST_AGREEING = 0.8  # of the frames in which a ruler is found
DISAGREE = 0.02  # as in octseg.view.scale


class ScaleAlong:
    """View and scale of each frame of a pullback, in order."""

    def __init__(self, pullback: Pullback, user_mm: float | None, preset: str | None) -> None:
        self._pullback, self._user_mm, self._preset = pullback, user_mm, preset
        self._along = AlongPullback() if len(pullback) > 1 else None
        self._known: tuple[KnownView, PixelScale] | None = None
        self._agreed_mm, self._said = _asked(pullback)

    def seen(self, frame: Frame) -> tuple[FrameView, PixelScale]:
        """A frame's view and its scale, with what speaks against it."""
        if self._along is None:
            view = view_frame(frame)
            return view, self._scale(frame, view)
        view, known = self._along.view(frame)
        if known is None:
            return view, self._scale(frame, view)
        if self._known is None or self._known[0] is not known:
            self._known = known, self._scale(frame, view)
        return view, self._known[1]

    def _scale(self, frame: Frame, view: FrameView) -> PixelScale:
        pullback = self._pullback
        each = pullback.burned_in_scale == "each"
        found = find_pixel_scale(
            frame,
            header_mm=pullback.pixel_spacing_mm,
            user_mm=self._user_mm,
            preset=None if self._agreed_mm is not None else self._preset,
            ruler=view.ruler if each else None,
            bars=view.bars if each else (),
        )
        if self._agreed_mm is not None:
            found = _with_agreed(found, self._agreed_mm)
        said = self._said if each or found.pixel_spacing_mm is None else ()
        return replace(found, warnings=(*found.warnings, *said))


def _with_agreed(found: PixelScale, agreed_mm: float) -> PixelScale:
    """A scale from elsewhere held against the ruler that frames agree upon, which stands where there is none."""
    if found.pixel_spacing_mm is None:
        px_per_mm = f"{1 / agreed_mm:.1f} pixels per mm"
        evidence = f"Burned-in ruler, agreed upon by the frames of this pullback: {px_per_mm}."
        return replace(found, pixel_spacing_mm=agreed_mm, source="ruler", evidence=evidence)
    if abs(agreed_mm / found.pixel_spacing_mm - 1) <= DISAGREE:
        return found
    said = (
        f"the scale in use, {found.pixel_spacing_mm:.5g} mm per pixel ({found.source}), disagrees with the burned-in "
        f"ruler, {agreed_mm:.5g} mm per pixel: areas differ by {(agreed_mm / found.pixel_spacing_mm) ** 2:.2f}"
    )
    return replace(found, warnings=(*found.warnings, said))


def _asked(pullback: Pullback) -> tuple[float | None, tuple[str, ...]]:
    """The scale in mm per pixel that frames agree upon where that is needed, and what is to be said on every frame."""
    if pullback.burned_in_scale == "never" or len(pullback) < 2:
        no_one_agrees = pullback.burned_in_scale == "agreed"
        said = ("one frame is too few to trust a ruler that was coded with loss: enter the scale to get mm",)
        return None, said if no_one_agrees else ()
    to_agree = pullback.burned_in_scale == "agreed"
    pitches = _pitches(pullback, ASKED_TO_AGREE if to_agree else ASKED)
    if to_agree:
        return _agreed(pitches)
    if pitches and max(pitches) / min(pitches) - 1 > DISAGREE:
        return None, (
            f"the burned-in ruler has {min(pitches):.1f} to {max(pitches):.1f} pixels per mm along this pullback: "
            "each frame is measured by its own; check the scale",
        )
    return None, ()


def _agreed(pitches: list[float]) -> tuple[float | None, tuple[str, ...]]:
    """The median scale, where enough frames have it; else None, and why."""
    middle = float(np.median(pitches)) if pitches else 0.0
    same = sum(abs(pitch / middle - 1) <= SAME_PITCH for pitch in pitches)
    if same >= max(LEAST_FOUND, LEAST_AGREEING * len(pitches)):
        return MM_PER_DOT / middle, ()
    if not pitches:
        return None, ()
    found = f"found in {len(pitches)} of the frames that were looked at, and {same} agree"
    return None, (f"the burned-in ruler was {found}, too few after lossy coding: it is not used; enter the scale",)


def _pitches(pullback: Pullback, most: int) -> list[float]:
    """Pixels per mm of the rulers, confirmed by their ring, in frames spread over a pullback, or in its first ones."""
    before, pitches = len(pullback.late_warnings), list[float | None]()
    count = min(most, len(pullback))
    try:
        if pullback.read_range is None:
            pitches += [_pitch(frame) for frame in islice(pullback.read_frames(), count)]
        else:
            places = np.linspace(0, len(pullback) - 1, count).astype(int).tolist()
            pitches += [_pitch(frame) for at in places for frame in pullback.frames(at, at + 1)]
    except OctsegError:
        pass  # it is raised again, in its place, when the frames are read
    del pullback.late_warnings[before:]
    return [pitch for pitch in pitches if pitch is not None]


def _pitch(frame: Frame) -> float | None:
    ruler = find_ruler(frame, None)
    return ruler.pitch_px if ruler is not None and ruler.ring_fits else None
