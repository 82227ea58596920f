"""What a console or a viewer drew over a frame in colours that tissue does not have: contours, callipers, crosshairs.

A network takes a line across the wall for a border. The ruler and the scale bar are known by themselves and are not
looked for here. Lines that no colour tells are known by their shape (octseg/view/drawn_lines.py).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view.cleaning import paint_out
from octseg.view.disc import Disc
from octseg.view.drawn_lines import drawn_lines
from octseg.view.grey import Grey, is_sepia, off_sepia, only_channel

# Levels from the frame's own colours: JPEG of quality 40 moves tissue by 70, and yellow is 80 from sepia.
OFF_COLOUR = 76
LEAST_RADII = 1.5  # of the disc, in pixels: what a ruler's marks leave uncovered of it is 1.2
MOST_OF_DISC = 0.1  # above it these are the colours of the frame
MOST_OF_BRIGHT, BRIGHT = 0.5, 90  # the same, of the pixels of the disc from that level on
COLOURED_PART = 0.35  # of its level, by which a pixel that is to be grey is off it: 0.76 in sepia, 0.5 in copper
CORE_PART = 0.012  # of the radius, about the disc's middle: what was drawn over a ruler's middle dot turns into one
MIDDLE_DOT = (240, 220, 100)  # RGB of a ruler's yellow
SIDE_PX = 3  # by which marks are widened: their edges are blended with what lies beneath
PAINTED_OVER = (
    "Lines or labels that were drawn over the frame were painted out: what lies beneath them was not "
    "seen, so outlines that run along them are a guess. Export the frame without them."
)
FOREIGN = (
    "Much of this frame is in colours that are neither grey nor the gold of a console: how bright they are was taken "
    "for the grey level, so lipid may be missed or seen where there is none. Give it as the console exports it, with "
    "nothing laid over it."
)
OF_COLOURS = (PAINTED_OVER, FOREIGN)


def without_marks(
    grey: Grey, frame: Frame, disc: Disc | None, of_ruler: NDArray[np.bool_] | None, *, had_lines: bool = False
) -> tuple[Grey, tuple[str, ...]]:
    """Grey levels (H, W) of a frame (H, W, 3) without its ruler's marks and what else was drawn; what is said of it.

    of_ruler: (H, W), True on what a ruler covers. had_lines: whether lines were painted out of it before.
    """
    drawn, said = (None, ()) if disc is None else _drawn_over(frame, disc, of_ruler)
    marks = of_ruler if drawn is None else drawn if of_ruler is None else of_ruler | drawn
    if had_lines and PAINTED_OVER not in said:
        said = (PAINTED_OVER, *said)
    return grey if marks is None else paint_out(grey, marks), said


def without_lines(
    frame: Frame, grey: Grey, disc: Disc | None, of_ruler: NDArray[np.bool_] | None
) -> tuple[Frame, Grey, bool]:
    """A frame (H, W, 3) and its grey levels (H, W) without lines that their shape tells, and whether it has any.

    of_ruler: (H, W), True on what a ruler covers, which may itself lie along a row.
    """
    sepia = is_sepia(frame)
    lines = None if disc is None else drawn_lines(grey, disc, white=not sepia)
    if lines is not None and of_ruler is not None:
        lines &= ~of_ruler
    if lines is None or disc is None or np.count_nonzero(lines) < LEAST_RADII * disc.radius_px:
        return frame, grey, False
    shown = np.dstack([paint_out(np.ascontiguousarray(frame[..., channel]), lines) for channel in range(3)])
    core = np.zeros_like(grey)
    middle = round(disc.centre[1]), round(disc.centre[0])
    cv2.circle(core, middle, round(CORE_PART * disc.radius_px), 1, cv2.FILLED)
    shown[lines & (core > 0)] = MIDDLE_DOT if sepia else 255
    return shown, paint_out(grey, lines), True


def _drawn_over(
    frame: Frame, disc: Disc, covered: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """What was drawn over the disc of a frame (H, W, 3), (H, W) True on it, None where that is nothing worth telling.

    Beside it what is said of the frame's colours. covered: (H, W), what is known to be a ruler's.
    """
    sepia = is_sepia(frame)
    off = off_sepia(frame) if sepia else _off_grey(frame)
    marks = off > OFF_COLOUR
    least = LEAST_RADII * disc.radius_px
    if np.count_nonzero(marks) < least:
        return None, ()
    imaged = disc.mask(*marks.shape)
    marks &= imaged
    if covered is not None:
        marks &= ~covered
    count = np.count_nonzero(marks)
    if count < least:
        return None, ()
    level = frame.max(axis=2)
    bright = imaged & (level >= BRIGHT)
    coloured = count if sepia else np.count_nonzero(bright & (off > COLOURED_PART * level))
    if count > MOST_OF_DISC * np.count_nonzero(imaged) or coloured > MOST_OF_BRIGHT * np.count_nonzero(bright):
        return None, () if only_channel(frame) is not None else (FOREIGN,)
    return np.asarray(cv2.dilate(marks.view(np.uint8), np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0), (PAINTED_OVER,)


def _off_grey(frame: Frame) -> Grey:
    red, green, blue = cv2.split(frame)
    return np.asarray(cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)), np.uint8)
