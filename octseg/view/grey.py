"""Grey level behind the sepia colours that an OCT console burns into its frames.

The console maps one grey level to (R, G, B) with R equal to the grey level itself; R, G and B all grow with it. JPEG
keeps brightness at full resolution and blurs colour over 2 x 2 pixels, so the level is read from the brightness, not
from R. Frames are (H, W, 3) uint8 RGB, grey levels (H, W) uint8.
"""

from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame

Grey = NDArray[np.uint8]  # (H, W) grey level

# Red (which is the grey level) to green and blue of the console's sepia, medians over real frames.
SEPIA_RED = (0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 255)
SEPIA_GREEN = (0, 0, 3, 5, 13, 22, 31, 42, 54, 70, 87, 106, 126, 146, 169, 192, 214)
SEPIA_BLUE = (0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 7, 13, 21, 31, 46, 62, 80)

_LEVEL = np.arange(256)
SEPIA = np.rint(  # (256, 3): grey level to (R, G, B)
    np.stack([_LEVEL, np.interp(_LEVEL, SEPIA_RED, SEPIA_GREEN), np.interp(_LEVEL, SEPIA_RED, SEPIA_BLUE)], axis=1)
).astype(np.uint8)
_GREEN_OF_RED, _BLUE_OF_RED = np.ascontiguousarray(SEPIA[:, 1]), np.ascontiguousarray(SEPIA[:, 2])
_LEVEL_OF_LUMINANCE = np.rint(np.interp(_LEVEL, SEPIA @ np.array([0.299, 0.587, 0.114]), _LEVEL)).astype(np.uint8)

SAMPLE_STEP_PX = 8  # every 8th pixel both ways tells the colours of a frame
LEAST_PICTURE_LEVEL = 60  # of the brightest 2 % of a frame
EMPTY_PART = 0.16  # of them, at most, in a channel without a picture; green has 0.2 and more in sepia frames
SEPIA_TOLERANCE = (
    0.12  # mean distance of (G, B) from the table, as a part of the mean R; real frames: 0.034 to 0.040, grey: near 1
)
BRIGHT = 90  # level of a pixel that tells sepia from a red channel alone: its green is 28 there
NEAR_SEPIA = 25  # levels off the table
COLOURED = 40  # between the channels of a bright pixel: sepia has 90 and more, margins and letters in white none
MOST_SEPIA = (
    0.7  # of the bright pixels of a colour, where others may be drawn over the frame; real frames 0.94 and more
)
LEAST_SEPIA = 0.005  # of all: real frames 0.05 and more, those in a page less


def is_sepia(frame: Frame, step_px: int = SAMPLE_STEP_PX) -> bool:
    """Whether the frame's (H, W, 3) colours follow the console's sepia; False for a grey or an empty one.

    step_px: one of so many pixels both ways is looked at.
    """
    sample = np.ascontiguousarray(frame[::step_px, ::step_px])
    red, green, blue = cv2.split(sample)
    distance = sum(
        cv2.sumElems(cv2.absdiff(seen, cv2.LUT(red, of_red)))[0]
        for seen, of_red in ((green, _GREEN_OF_RED), (blue, _BLUE_OF_RED))
    )
    return distance < SEPIA_TOLERANCE * 2 * cv2.sumElems(red)[0] or _is_sepia_but_for_marks(sample)


def _is_sepia_but_for_marks(sample: Frame) -> bool:
    """Whether most bright pixels of a colour are sepia, and only few, such as lines drawn over a frame, far from it.

    White and grey beside the frame say nothing, nor does what is bluer than red, as a mark of a firm.
    """
    red, _, blue = cv2.split(sample)
    bright = sample.max(axis=2)
    coloured = (bright >= BRIGHT) & (bright - sample.min(axis=2) >= COLOURED) & (red >= blue)
    near = int(np.count_nonzero((off_sepia(sample) <= NEAR_SEPIA) & coloured))
    return bool(near >= max(MOST_SEPIA * np.count_nonzero(coloured), LEAST_SEPIA * coloured.size))


def off_sepia(frame: Frame) -> Grey:
    """How far the colour of each pixel (H, W) of a frame (H, W, 3) is from the sepia of its red, in levels."""
    red, green, blue = cv2.split(frame)
    off_green, off_blue = cv2.absdiff(green, cv2.LUT(red, _GREEN_OF_RED)), cv2.absdiff(blue, cv2.LUT(red, _BLUE_OF_RED))
    return np.asarray(cv2.max(off_green, off_blue), np.uint8)


@dataclass(frozen=True)
class _Colours:
    """A frame (H, W, 3) with its channels where they belong: whether they were exchanged before, whether it is sepia,
    and which channel alone holds a picture, None where two do."""

    frame: Frame
    is_exchanged: bool
    is_sepia: bool
    only: int | None


def _colours_of(frame: Frame) -> _Colours:
    """What the colours of a frame (H, W, 3) are, looked at once."""
    sample = frame[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX]
    seen_as_sepia, only = is_sepia(sample, step_px=1), only_channel(frame)
    if not seen_as_sepia and only is None and not np.array_equal(sample[..., 0], sample[..., 1]):
        for order in permutations(range(3)):
            if is_sepia(sample[..., order], step_px=1):
                return _Colours(np.ascontiguousarray(frame[..., order]), True, True, None)
    return _Colours(frame, False, seen_as_sepia, only)


def put_back(frame: Frame) -> tuple[Frame, bool]:
    """A frame (H, W, 3) with its channels put back where they are exchanged in a sepia one, and whether they were."""
    colours = _colours_of(frame)
    return colours.frame, colours.is_exchanged


def only_channel(frame: Frame) -> int | None:
    """The one channel that holds a picture, by a few pixels of a frame (H, W, 3); None where two do."""
    sample = frame[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX].reshape(-1, 3)
    bright = [np.count_nonzero(channel > EMPTY_PART * 255) for channel in sample.T]
    if sum(count > 0.02 * len(sample) + 1 for count in bright) >= 2:  # both surely filled, whatever the brightest is
        return None
    reach = np.quantile(sample, 0.98, axis=0)
    filled = np.flatnonzero(reach > EMPTY_PART * reach.max())
    return int(filled[0]) if len(filled) == 1 and reach.max() >= LEAST_PICTURE_LEVEL else None


def sepia_to_grey(frame: Frame) -> Grey:
    """Grey level (H, W) of a frame (H, W, 3): the sepia undone, or the luminance where the frame is not sepia.

    A sepia frame and the same frame shown in grey give the same levels, up to the rounding of the colours. Of a frame
    that one channel alone holds, such as the red of a sepia one, that channel is the grey level. Channels are put
    back where they are exchanged.
    """
    colours = _colours_of(frame)
    if colours.only is not None:
        return np.ascontiguousarray(frame[..., colours.only])
    grey = cv2.cvtColor(colours.frame, cv2.COLOR_RGB2GRAY)
    if colours.is_sepia:
        cv2.LUT(grey, _LEVEL_OF_LUMINANCE, grey)
    return np.asarray(grey, dtype=np.uint8)


def grey_to_sepia(grey: Grey) -> Frame:
    """The console's sepia (H, W, 3) of grey levels (H, W): the inverse of `sepia_to_grey`."""
    return SEPIA[grey]
