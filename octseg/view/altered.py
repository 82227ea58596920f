"""Sepia frames whose brightness, contrast or saturation a viewer changed: told by the curve of their colours, undone.

The console's sepia gives each level a colour of its own, so that the colours of a frame lie on one curve. What a viewer
does to all channels alike moves and stretches the curve, by which the change is found, and so does a saturation, alone
or besides. A gamma leaves the curve nearly where it is, or bends it as a stretch does, and cannot be told; grey frames
have no such curve.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from octseg.pullback import Frame
from octseg.view.grey import SAMPLE_STEP_PX, SEPIA, is_sepia

ALTERED = (
    "Brightness, contrast or saturation of this picture were changed after the console had made it: its colours are "
    "off the console's own. It was measured with the levels put back as far as these tell, which is not at all for a "
    "gamma that was changed as well; export it unchanged."
)
DARKEST, BRIGHTEST = 40, 252  # levels of pixels that tell the curve: darker ones are noise, brighter ones cut off
LEAST_APART = 5  # levels of red over blue: a ground or a border without colour would lie on the curve of some change
LEAST_PIXELS, MOST_PIXELS = 60, 800
BRIGHT = 110  # level from which green tells how far the curve is stretched
LEAST_BRIGHT = 40
MOST_OFF = 60.0  # levels; a mark's pixel counts as no more
# Mean distance from the console's curve as a part of the mean red: 0.022 to 0.05 in 195 real frames, up to 0.078 in
# JPEG of quality 20 and 40 and 0.09 in whole screens; no change takes more than 0.004 from these.
LOOKED_AT_FROM = 0.055
SAME_CURVE = 0.055  # after a change is undone; 0.01 to 0.05 in real frames
LEAST_GAIN, GAINED = 0.02, 0.65  # how much less it is then, and what part of before it is at most
LIKELY_GAINED = 0.8  # that part where the frame before was changed so
# The same of the pixels nearest to the curve alone, which lines over a frame leave as they are: 0.026 at most in real
# frames whose change is undone, and 0.36 of before; 0.044 in a photograph of a monitor. In frames that nobody changed
# no change takes it below 0.95 of before.
NEAREST, SAME_OF_NEAREST, GAINED_OF_NEAREST, SAME_COLOUR_OF_NEAREST = 0.8, 0.03, 0.5, 0.08
MIXED_FROM, MIXED_GAINED = 0.1, 0.8  # before, and as a part of the nearest of one kind: what both at once must have
LEAST_COLOUR = 0.06  # of red over blue, as a part of red: 0.7 in sepia; grey frames have no curve
SAME_COLOUR = 0.15  # the same as a part of this colour, of which pale frames have little; 0.04 to 0.06 in sepia
LEAST_FLOOR = 1  # of what black became, to be seen as such
BLACK = (-80.0, 100.0)  # what black may have become
SPAN = (100.0, 400.0)  # levels from what black became to what white did
SATURATION = (0.2, 1.8)
AT_LIMIT = 0.98  # of the greatest span or factor; what lies there would go on
COLD, CYAN_DOT_BLUE = (
    20,
    238,
)  # blue above red of a ruler's cyan dot, whose blue is the first to be cut off, and its blue
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_LEVEL = np.arange(256.0)
_GREEN, _BLUE = SEPIA[:, 1].astype(np.float64), SEPIA[:, 2].astype(np.float64)

Pixels = NDArray[np.float64]  # (n, 3) RGB


@dataclass(frozen=True)
class Change:
    """Each channel moved away from the pixel's luminance by one factor; then black became `black` and white `white`.

    All between these in proportion. Where both were done, the order is of no matter but for what was cut off.
    """

    black: float = 0.0
    white: float = 255.0
    saturation: float = 1.0

    @property
    def is_likely(self) -> bool:
        """Whether a viewer does so much."""
        return (
            BLACK[0] <= self.black <= BLACK[1]
            and SPAN[0] <= self.white - self.black <= SPAN[1]
            and SATURATION[0] <= self.saturation <= SATURATION[1]
        )

    @property
    def is_extreme(self) -> bool:
        """Whether more would fit better, so that too much of the bright levels was cut off."""
        return self.white - self.black > AT_LIMIT * SPAN[1] or self.saturation > AT_LIMIT * SATURATION[1]

    def undone(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """RGB (..., 3), 0 to 255."""
        levels = (pixels - self.black) * (255.0 / (self.white - self.black))
        return np.clip(_saturated(levels, 1 / self.saturation), 0, 255)

    def expected(self, pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Green and blue of pixels (n, 3), had they been sepia."""
        red = self.undone(pixels)[:, 0]
        sepia = np.column_stack([red, np.interp(red, _LEVEL, _GREEN), np.interp(red, _LEVEL, _BLUE)])
        seen = np.clip(_saturated(sepia, self.saturation), 0, 255) * ((self.white - self.black) / 255.0) + self.black
        return np.clip(seen[:, 1], 0, 255), np.clip(seen[:, 2], 0, 255)

    def put_back(self, frame: Frame) -> Frame:
        """A frame (H, W, 3) without this change."""
        if self.saturation == 1:
            right = cv2.LUT(frame, np.rint(self.undone(np.stack([_LEVEL] * 3, axis=1))[:, 0]).astype(np.uint8))
        else:
            right = np.rint(self.undone(frame.astype(np.float64))).astype(np.uint8)
        red, _, blue = cv2.split(frame)
        cut_off = (blue > BRIGHTEST) & (cv2.subtract(blue, red) > COLD)
        right[cut_off, 2] = np.maximum(right[cut_off, 2], CYAN_DOT_BLUE)
        return np.asarray(right, np.uint8)


def _saturated(pixels: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """RGB (..., 3), each channel moved away from the pixel's luminance by a factor."""
    if factor == 1:
        return pixels
    luminance = (pixels @ _LUMINANCE)[..., None]
    return np.asarray(luminance + (pixels - luminance) * factor)


_AS_IT_IS = Change()
_BLACKS, _SPANS = range(-50, 90, 25), (150, 200, 255, 310, 370)
_FACTORS = (0.25, 0.35, 0.5, 0.6, 0.7, 0.85, 1.2, 1.4, 1.6)


def as_the_console_shows(frame: Frame) -> Frame | None:
    """A sepia frame (H, W, 3) with its levels put back where they were changed; None where nothing tells that."""
    change = change_of(frame)
    return None if change is None else change.put_back(frame)


def change_of(frame: Frame, likely: Change | None = None) -> Change | None:
    """What was done to the levels of a sepia frame (H, W, 3); None where nothing tells that anything was.

    likely: what was done to a frame before it in a pullback, which is believed where it brings this one nearer, too,
    and no other change brings it to the curve.
    """
    pixels = _telling(frame)
    if len(pixels) < LEAST_PIXELS:
        return None
    before = _distance(_AS_IT_IS, pixels)
    red, _, blue = pixels.mean(axis=0)
    colour = (red - blue) / red
    if before < LOOKED_AT_FROM or colour < LEAST_COLOUR:
        return None
    near = min(SAME_CURVE, SAME_COLOUR * colour, GAINED * before, before - LEAST_GAIN)
    by_likely = before if likely is None else _distance(likely, pixels)
    if by_likely <= near:
        return likely
    distance, change = _nearest(pixels, frame, before)
    is_found = distance <= near or _is_near_but_for_marks(change, pixels, colour)
    if is_found and not change.is_extreme and _is_frame(change.put_back(frame)):
        return change
    return likely if by_likely < min(LIKELY_GAINED * before, before - LEAST_GAIN) else None


def _is_near_but_for_marks(change: Change, pixels: Pixels, colour: float) -> bool:
    """Whether most of the pixels (n, 3) lie on the curve as changed, while few do as it is.

    colour: of red over blue, as a part of red.
    """
    before, distance = (_distance(each, pixels, NEAREST) for each in (_AS_IT_IS, change))
    return distance <= min(SAME_OF_NEAREST, SAME_COLOUR_OF_NEAREST * colour, GAINED_OF_NEAREST * before)


def _is_frame(right: Frame) -> bool:
    """Whether what was put back (H, W, 3) has tissue, in sepia."""
    bright = np.count_nonzero(right[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX, 0] >= BRIGHT)
    return bool(bright >= LEAST_BRIGHT) and is_sepia(right)


def _telling(frame: Frame) -> Pixels:
    """Pixels (n, 3) of a frame that are of a colour that tissue has, neither too dark nor cut off."""
    sample = frame[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX].reshape(-1, 3).astype(np.int16)
    red, green, blue = sample.T
    brightest = sample.max(axis=1)
    like_tissue = (brightest >= DARKEST) & (brightest <= BRIGHTEST) & (red >= blue + LEAST_APART) & (red >= green - 4)
    telling: Pixels = sample[like_tissue].astype(np.float64)
    return telling[:: 1 + len(telling) // MOST_PIXELS]


def _distance(change: Change, pixels: Pixels, part: float = 1.0) -> float:
    """Mean distance of pixels (n, 3) from the curve as changed, as a part of their mean red.

    part: of the pixels, the nearest, that count.
    """
    green, blue = change.expected(pixels)
    off = np.minimum(np.abs(pixels[:, 1] - green), MOST_OFF) + np.minimum(np.abs(pixels[:, 2] - blue), MOST_OFF)
    if part < 1:
        off = np.sort(off)[: round(part * len(off))]
    return float(off.mean() / (2 * pixels[:, 0].mean()))


def _nearest(pixels: Pixels, frame: Frame, before: float) -> tuple[float, Change]:
    """The change by which pixels (n, 3) of a frame are nearest to the curve, and how near: of one kind, or of both.

    Most of a frame has no blue: where its commonest blue is above 0, that is what black became.
    """
    floor = int(np.bincount(frame[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX, 2].ravel()).argmax())
    is_floor = LEAST_FLOOR <= floor <= BLACK[1]
    blacks, moved = ([floor], ["white"]) if is_floor else ([*_BLACKS], ["black", "white"])
    stretched = _fitted([Change(black, black + span) for black in blacks for span in _SPANS], pixels, moved)
    one = min(stretched, _fitted([Change(saturation=each) for each in _FACTORS], pixels, ["saturation"]), key=_how_near)
    if before < MIXED_FROM:
        return one
    black = floor if is_floor else 0
    starts = [Change(black, black + span, each) for span in _SPANS for each in _FACTORS]
    both = _fitted(starts, pixels, [*moved, "saturation"])
    return both if both[0] < MIXED_GAINED * one[0] else one


def _how_near(found: tuple[float, Change]) -> float:
    return found[0]


def _fitted(starts: Sequence[Change], pixels: Pixels, moved: Sequence[str]) -> tuple[float, Change]:
    """The change that brings pixels (n, 3) nearest to the curve, and how near, looked for from the best of `starts`.

    moved: the fields that are changed for it.
    """
    start = min(starts, key=lambda change: _distance(change, pixels))

    def changed(values: NDArray[np.float64]) -> Change:
        return replace(start, **dict(zip(moved, map(float, values), strict=True)))

    def distance(values: NDArray[np.float64]) -> float:
        change = changed(values)
        return _distance(change, pixels) if change.is_likely else np.inf

    found = minimize(
        distance,
        [getattr(start, name) for name in moved],
        method="Nelder-Mead",
        options={"maxiter": 80, "xatol": 0.01, "fatol": 1e-4},
    )
    return float(found.fun), changed(found.x)
