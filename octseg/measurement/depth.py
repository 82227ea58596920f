"""How deep lipid counts: to LIPID_DEPTH_MM behind the lumen's outline, the same at every zoom and for every reader.

OCT sees 1 to 1.5 mm into a fibrous wall and less into lipid, whose deep border is diffuse (Tearney et al. 2012,
doi:10.1016/j.jacc.2011.09.079). What readers draw behind that is habit: in the public record by study 0.6 to 2.1 mm,
or to the rim of the disc (docs/measures.md). Masks are (H, W) bool, lengths in pixels unless named otherwise.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from octseg.measurement.geometry import Tissue, cropped

LIPID_DEPTH_MM = 1.2
FIELD_MM = 7.0  # of the commonest display; without a scale a length in mm is the same share of the frame's shorter side
SQUARE_PX = 2  # side of the squares of four pixels that are measured from one point of an outline
COARSE_ERROR_PX = 3  # of a distance between squares instead of from an outline


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
    distance = to_nearest(lumen)
    distance -= np.float32(0.5)  # the outline is half a pixel nearer
    return np.maximum(distance, 0, out=distance)


def to_nearest(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W) distance in pixels of each pixel from the nearest True one: the root of a whole number, rounded once.

    Where OpenCV has one thread it takes IPP for it, which gives other last bits, and others again by where the array
    lies in memory: a run on one core would not be the same as on two, nor as itself.
    """
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)  # of this thread alone
    try:
        distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finally:
        cv2.ipp.setUseIPP(before)
    return np.asarray(distance, np.float32)


def visible_lipid(lipid: NDArray[np.bool_], lumen: NDArray[np.bool_], depth_px: float) -> NDArray[np.bool_]:
    """The part of lipid core (H, W) that counts: within `depth_px` of the lumen; all of it where there is no lumen."""
    return lipid & (behind_lumen_px(lumen) <= depth_px) if lumen.any() else lipid


def limit_depth(lipid: Tissue, lumen: Tissue, depth_px: float) -> Tissue | None:
    """Lipid core to `depth_px` behind the outline of the smooth `lumen`, to a fraction of a pixel; None: none is left.

    A probability map falls to its level there; a mask loses the pixels whose centres lie beyond.
    """
    corner = np.minimum(lipid.corner, lumen.corner)
    end = np.maximum(np.add(lipid.corner, lipid.value.shape), np.add(lumen.corner, lumen.value.shape))
    lipid_squares, lumen_squares = (_squares(tissue, corner, end) for tissue in (lipid, lumen))
    to_square = SQUARE_PX * to_nearest(lumen_squares)
    coarse = depth_px - to_square  # how far each square lies within the depth
    if not np.any(lipid_squares & (coarse < COARSE_ERROR_PX)):
        return lipid
    close = np.argwhere(lipid_squares & ~lumen_squares & (np.abs(coarse) < COARSE_ERROR_PX))
    inward = np.asarray(
        cv2.resize(coarse, None, fx=SQUARE_PX, fy=SQUARE_PX, interpolation=cv2.INTER_NEAREST), np.float32
    )
    if close.size:
        inward[_pixels(close)] = depth_px - _distance_px(close, corner, lumen)
    return _limited(lipid, inward[_place(lipid, corner)])


def _limited(lipid: Tissue, inward: NDArray[np.float32]) -> Tissue | None:
    """Lipid core where `inward` (h, w) in pixels is not below 0, by linear interpolation; None if none is left."""
    greatest = max(float(lipid.value.max()), 1e-3)
    to_level = np.where(inward < 0, -greatest, greatest) if lipid.is_mask else greatest / 2 * inward
    return cropped(Tissue(np.minimum(lipid.value, to_level, dtype=np.float32), lipid.corner, lipid.is_mask))


def _distance_px(squares: NDArray[np.intp], corner: NDArray[np.intp], lumen: Tissue) -> NDArray[np.float64]:
    """(4, n) distance from the lumen's outline of the pixels of squares (n, 2), counted from `corner` of the frame."""
    # The outline's points lie under a pixel apart, so of places this far off each is but 0.01 px too far.
    points = lumen.outline.start
    pixels = np.stack(_pixels(squares), axis=-1) + corner
    nearest = points[cKDTree(points).query(pixels.mean(axis=0))[1]]
    return np.asarray(np.linalg.norm(pixels - nearest, axis=-1), np.float64)


def _pixels(squares: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns (4, n) of the pixels of squares (n, 2)."""
    row, col = (SQUARE_PX * squares).T
    down, right = np.divmod(np.arange(SQUARE_PX**2), SQUARE_PX)
    return row + down[:, None], col + right[:, None]


def _squares(tissue: Tissue, corner: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which squares (h, w) hold some of the tissue, in the part of the frame from `corner` (2,) up to `end` (2,)."""
    whole = np.zeros(-(-(end - corner) // SQUARE_PX) * SQUARE_PX, bool)
    whole[_place(tissue, corner)] = tissue.inside
    rows = whole[::SQUARE_PX] | whole[1::SQUARE_PX]
    return rows[:, ::SQUARE_PX] | rows[:, 1::SQUARE_PX]


def _place(tissue: Tissue, corner: NDArray[np.intp]) -> tuple[slice, slice]:
    """Rows and columns of `tissue.value` in an array (h, w) whose first pixel is `corner` of the frame."""
    (top, left), (height, width) = np.subtract(tissue.corner, corner).tolist(), tissue.value.shape
    return slice(top, top + height), slice(left, left + width)
