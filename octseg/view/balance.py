"""Sepia frames that a warmer white balance made redder, as a screen's night colours do: green and blue are put back.

The console's colours lie on one curve, but less green and blue move it nearly as a brighter picture does. The ruler
tells the two apart: cyan that lost its blue is not found, and with both put back it has its ring.
"""

import cv2
import numpy as np

from octseg.pullback import Frame
from octseg.view.grey import SAMPLE_STEP_PX, SEPIA, is_sepia

WARMED = (
    "This picture is redder than a console makes it, as by the night colours or the white balance of a screen: it was "
    "measured with green and blue put back as far as its colours tell. Export it unchanged."
)
TELLING = (120, 245)  # levels of red of the pixels that tell: darker ones have little green, brighter ones are cut off
LEAST_COLOUR = 4  # level of green and blue that such a red has in sepia
MOST_BLUE = 0.5  # of red, in tissue: 0.3 in sepia; white and cyan marks and grounds have more
LEAST_PIXELS = 30
LEAST_PART, MOST_PART = 0.35, 0.97  # of green that is left


def without_warmth(frame: Frame) -> Frame | None:
    """A sepia frame (H, W, 3) with as much green and blue as the console gives its red; None where it lacks none."""
    if not is_sepia(frame):
        return None
    sample = frame[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX].reshape(-1, 3)
    sample = sample[sample[:, 2] <= MOST_BLUE * sample[:, 0]]
    red = sample[:, 0]
    parts = []
    for channel in (1, 2):
        expected = SEPIA[red, channel]
        telling = (red >= TELLING[0]) & (red <= TELLING[1]) & (expected >= LEAST_COLOUR)
        if np.count_nonzero(telling) < LEAST_PIXELS:
            return None
        parts.append(float(np.median(sample[telling, channel] / expected[telling])))
    green, blue = parts
    if not LEAST_PART <= green <= MOST_PART:
        return None
    levels = np.arange(256)
    tables = [levels, levels / green, levels / max(min(blue, 1.0), LEAST_PART)]
    table = np.rint(np.clip(np.stack(tables, axis=1), 0, 255)).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(frame, table), np.uint8)
