"""A frame with its tissues drawn on it. Pure functions on arrays."""

from collections.abc import Mapping, Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.classes import BY_NAME, CLASS_NAMES
from octseg.pullback import Frame

OverlayStyle = Literal["outline", "fill", "both"]


def draw_overlay(
    frame: Frame,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    classes: Sequence[str] | None = None,
    opacity: float = 0.45,
    style: OverlayStyle = "both",
    grey: bool = False,
    pixel_spacing_mm: float | None = None,
    legend: bool = False,
) -> Frame:
    """Draw the masks (H, W) of `classes`, all by default, on a frame (H, W, 3)."""
    picture = frame.copy()
    for name in CLASS_NAMES:
        if name in masks and (classes is None or name in classes):
            plane = masks[name].astype(np.uint8)
            if style != "outline":
                tinted = cv2.addWeighted(picture, 1 - opacity, np.full_like(picture, BY_NAME[name].colour), opacity, 0)
                cv2.copyTo(tinted, plane, picture)
            if style != "fill":
                contours, _ = cv2.findContours(plane, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
                cv2.drawContours(picture, contours, -1, BY_NAME[name].colour, 1, cv2.LINE_AA)
    return picture
