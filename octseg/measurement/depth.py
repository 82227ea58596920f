"""How deep lipid counts: to LIPID_DEPTH_MM behind the lumen's outline, the same at every zoom and for every reader.

OCT sees 1 to 1.5 mm into a fibrous wall and less into lipid, whose deep border is diffuse (Tearney et al. 2012,
doi:10.1016/j.jacc.2011.09.079). What readers draw behind that is habit: in the public record by study 0.6 to 2.1 mm,
or to the rim of the disc (docs/measures.md). Masks are (H, W) bool, lengths in pixels unless named otherwise.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

LIPID_DEPTH_MM = 1.2
FIELD_MM = 7.0  # of the commonest display; without a scale a length in mm is the same share of the frame's shorter side


def length_px(length_mm: float, pixel_spacing_mm: float | None, frame_side_px: float) -> float:
    """A length in pixels; where there is no scale, of a frame whose shorter side `frame_side_px` shows FIELD_MM."""
    return frame_side_px * length_mm / FIELD_MM if pixel_spacing_mm is None else length_mm / pixel_spacing_mm


def lipid_depth_px(pixel_spacing_mm: float | None, frame_side_px: float) -> float:
    """LIPID_DEPTH_MM in pixels; see `length_px`."""
    return length_px(LIPID_DEPTH_MM, pixel_spacing_mm, frame_side_px)


def behind_lumen_px(lumen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W) distance of each pixel's centre from the lumen's outline, 0 in the lumen; inf where there is no lumen."""
    if not lumen.any():
        return np.full(lumen.shape, np.inf, np.float32)
    to_pixel = cv2.distanceTransform((~lumen).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.maximum(to_pixel - np.float32(0.5), 0), np.float32)  # the outline is half a pixel nearer


def visible_lipid(lipid: NDArray[np.bool_], lumen: NDArray[np.bool_], depth_px: float) -> NDArray[np.bool_]:
    """The part of lipid core (H, W) that counts: within `depth_px` of the lumen; all of it where there is no lumen."""
    return lipid & (behind_lumen_px(lumen) <= depth_px) if lumen.any() else lipid
