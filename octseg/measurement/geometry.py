"""Sub-pixel geometry of one tissue: where its map crosses the level, the area inside, rays and distances to it.

Points are (row, col) in pixels, pixel centres at whole numbers. Angles are degrees in [0, 360), 0 towards +col and
growing towards +row, so clockwise on screen. Tissue is where a value is 0 or more, between pixels by linear
interpolation; tissue that reaches the frame's edge ends half a pixel beyond its last pixel's centre.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from octseg.boxed import BoxedMap, box_about

Points = NDArray[np.float64]  # (n, 2) as (row, col) in pixels

MASK_BLUR_PX = 2.5  # sigma that turns a mask's stairs into the edge they stand for; see docs/measures.md
MARGIN_PX = 11  # of no tissue around a crop: more than the blur reaches


@dataclass(frozen=True)
class Outline:
    """Straight stretches of a contour, each within one grid cell, in no order.

    Going from start to end, tissue lies to the right on screen.

    start, end: (n, 2) as (row, col) in pixels of the frame. piece: (n,) int, which of `Tissue.pieces` it bounds.
    """

    start: Points
    end: Points
    piece: NDArray[np.intp]

    def part(self, chosen: NDArray[np.bool_]) -> "Outline":
        """The stretches chosen, (n,) bool."""
        return Outline(self.start[chosen], self.end[chosen], self.piece[chosen])


@dataclass(frozen=True, eq=False)
class Tissue:
    """The part of one map that holds tissue; what is worked out from it is kept.

    value: (h, w) float32, the map minus its level, so tissue where >= 0. A mask gives -0.5 and 0.5.
    corner: (row, col) of value[0, 0] in the frame.
    is_mask: the map said yes or no only, so its edge is known to half a pixel.
    """

    value: NDArray[np.float32]
    corner: tuple[int, int]
    is_mask: bool

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(h, w), True on tissue."""
        return self.value >= 0

    @cached_property
    def pieces(self) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """(h, w) connected pieces numbered from 1, diagonal neighbours connected, and the pixels of each, (n,)."""
        count, labels = cv2.connectedComponents(self.inside.view(np.uint8), connectivity=8)
        pixels = np.bincount(labels.ravel())[1:] if count > 2 else np.array([np.count_nonzero(self.inside)])
        return np.asarray(labels, np.int32), pixels.astype(np.intp)

    @cached_property
    def outline(self) -> Outline:
        """Its iso-contour."""
        return _trace(self)


@dataclass(frozen=True)
class Crossings:
    """Where rays from one point cross an outline, in no order: (m,) each; radius in pixels from that point."""

    ray: NDArray[np.intp]
    radius: NDArray[np.float64]
    leaving: NDArray[np.bool_]  # going outward, the ray leaves tissue here; else it enters
    piece: NDArray[np.intp]


def find_tissue(map_: NDArray[np.generic], level: float) -> Tissue | None:
    """Crop a map (H, W), bool or in [0, 1], to where it reaches `level`; None where it nowhere does."""
    inside = np.asarray(map_ if map_.dtype == np.bool_ else map_ >= np.asarray(level, map_.dtype), np.bool_)
    box = box_about(inside, MARGIN_PX)
    if box is None:
        return None
    crop = map_[box]
    is_mask = map_.dtype == np.bool_ or bool(np.all((crop == 0) | (crop == 1)))
    value = crop.astype(np.float32) - np.float32(0.5 if is_mask else level)
    return Tissue(value, (box[0].start, box[1].start), is_mask)


def find_tissue_in(map_: BoxedMap, level: float) -> Tissue | None:
    """The tissue of a map whose rectangle leaves MARGIN_PX about all that reaches `level`."""
    found = find_tissue(map_.values, level) if map_.values.size else None
    if found is None:
        return None
    corner = found.corner[0] + map_.corner[0], found.corner[1] + map_.corner[1]
    return Tissue(found.value, corner, found.is_mask)


def cropped(tissue: Tissue) -> Tissue | None:
    """The same tissue in as small an array as `find_tissue` makes; None where nothing of it is inside."""
    box = box_about(tissue.inside, MARGIN_PX)
    if box is None:
        return None
    corner = tissue.corner[0] + box[0].start, tissue.corner[1] + box[1].start
    return Tissue(tissue.value[box], corner, tissue.is_mask)


def piece_areas_px(tissue: Tissue) -> NDArray[np.float64]:
    """Area (n,) of each connected piece, largest first: pixels of a mask, else the area inside the iso-contour."""
    if tissue.is_mask:
        areas = tissue.pieces[1].astype(np.float64)
    else:
        areas = np.bincount(tissue.outline.piece, weights=twice_signed_area(tissue.outline))[1:] / 2
    return np.sort(areas[areas > 0])[::-1]  # a pixel just at the level encloses nothing


def largest_filled(tissue: Tissue) -> Tissue:
    """The largest connected piece alone, its holes filled."""
    labels, pixels = tissue.pieces
    largest = labels == 1 + np.argmax(pixels)
    # Diagonal neighbours connect tissue, so they must not connect what lies around it.
    around = cv2.connectedComponents(np.pad(~largest, 1, constant_values=True).view(np.uint8), connectivity=4)[1]
    filled = (around != around[0, 0])[1:-1, 1:-1]
    if np.array_equal(filled, tissue.inside):
        return tissue
    value = np.where(filled & ~largest, tissue.value.max(), tissue.value)
    value = np.where(tissue.inside & ~filled, tissue.value.min(), value)
    return Tissue(value, tissue.corner, tissue.is_mask)


def smooth(tissue: Tissue) -> Tissue:
    """A mask with its stairs blurred away, so that its outline has sub-pixel sense; a probability map as it is."""
    if not tissue.is_mask:
        return tissue
    blurred = cv2.GaussianBlur(tissue.value, (0, 0), MASK_BLUR_PX, borderType=cv2.BORDER_REPLICATE)
    return Tissue(blurred.astype(np.float32), tissue.corner, is_mask=False)


def without(tissue: Tissue, other: Tissue) -> Tissue:
    """Tissue outside `other`; both smooth."""
    start = np.maximum(tissue.corner, other.corner)
    stop = np.minimum(np.add(tissue.corner, tissue.value.shape), np.add(other.corner, other.value.shape))
    if np.any(start >= stop):
        return tissue
    rows, cols = (slice(*ends) for ends in np.stack([start, stop], axis=1) - np.array(tissue.corner)[:, None])
    shared = tuple(slice(*ends) for ends in np.stack([start, stop], axis=1) - np.array(other.corner)[:, None])
    if not np.any(tissue.inside[rows, cols] & other.inside[shared]):
        return tissue
    value = tissue.value.copy()
    value[rows, cols] = np.minimum(value[rows, cols], -other.value[shared])
    return Tissue(value, tissue.corner, is_mask=False)


def _cell_stretches() -> NDArray[np.intp]:
    """(16, 2, 2): for each pattern of a cell's corners inside, its stretches as (edge left, edge entered), -1 for none.

    Corners and edges go clockwise on screen from the top left: edge e joins corner e to corner e + 1. Bit e of the
    pattern is corner e. Two opposite corners are taken as connected, as in `Tissue.pieces`.
    """
    table = np.full((16, 2, 2), -1, np.intp)
    for pattern in range(16):
        inside = [bool(pattern >> corner & 1) for corner in range(4)]
        leaves = [e for e in range(4) if inside[e] and not inside[(e + 1) % 4]]
        enters = [e for e in range(4) if not inside[e] and inside[(e + 1) % 4]]
        for slot, leave in enumerate(leaves):
            table[pattern, slot] = leave, min(enters, key=lambda e, leave=leave: (e - leave) % 4)  # type: ignore[misc]
    return table


_CELL_STRETCHES = _cell_stretches()
_CORNERS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
_EDGE_ENDS = np.array([(0, 1), (1, 2), (3, 2), (0, 3)])  # towards +col or +row, so that two cells agree to the last bit


def _trace(tissue: Tissue) -> Outline:
    """The iso-contour by marching squares, straight within a cell, closed at the frame's edge."""
    value = np.pad(tissue.value, 1, mode="edge")
    for rim in (value[0], value[-1], value[:, 0], value[:, -1]):
        rim[:] = -np.maximum(np.abs(rim), 1e-9)  # so that tissue at the edge ends half a pixel beyond it
    bits = (value >= 0).view(np.uint8)
    patterns = bits[:-1, :-1] | bits[:-1, 1:] << 1 | bits[1:, 1:] << 2 | bits[1:, :-1] << 3
    crossed = np.flatnonzero((patterns != 0) & (patterns != 15))
    stretches = _CELL_STRETCHES[patterns.ravel()[crossed]]  # (cells, 2, 2)
    index, slot = np.nonzero(stretches[:, :, 0] >= 0)
    cell = np.stack(np.divmod(crossed[index], patterns.shape[1]), axis=1)
    leave, enter = stretches[index, slot, 0], stretches[index, slot, 1]
    row, col = (cell + _CORNERS[leave] - 1).T  # of the pixel in tissue beside each stretch
    start, end = (_crossing(value, cell, edge) + np.subtract(tissue.corner, 1) for edge in (leave, enter))
    return Outline(start, end, tissue.pieces[0][row, col].astype(np.intp))


def _crossing(value: NDArray[np.float32], cell: NDArray[np.intp], edge: NDArray[np.intp]) -> Points:
    """Point at which `value` is 0 along an edge of a cell."""
    a, b = cell + _CORNERS[_EDGE_ENDS[edge, 0]], cell + _CORNERS[_EDGE_ENDS[edge, 1]]
    at_a, at_b = value[a[:, 0], a[:, 1]].astype(np.float64), value[b[:, 0], b[:, 1]].astype(np.float64)
    return np.asarray(a + (b - a) * (at_a / (at_a - at_b))[:, None], np.float64)


def twice_signed_area(outline: Outline, origin: tuple[float, float] = (0, 0)) -> NDArray[np.float64]:
    """(n,) terms of the shoelace formula: positive around tissue, negative around its holes.

    Half of each is the triangle that the stretch spans with the origin (row, col).
    """
    (r0, c0), (r1, c1) = (outline.start - origin).T, (outline.end - origin).T
    return np.asarray(c0 * r1 - c1 * r0, np.float64)


def enclosed_area_px(outline: Outline) -> float:
    """Area inside, holes taken off."""
    return float(twice_signed_area(outline).sum() / 2)


def centroid(outline: Outline) -> tuple[float, float]:
    """(row, col) of the centre of the area inside."""
    terms = twice_signed_area(outline)
    row, col = ((outline.start + outline.end) * terms[:, None]).sum(axis=0) / (3 * terms.sum())
    return float(row), float(col)


def ray_crossings(outline: Outline, centre: tuple[float, float], n_rays: int) -> Crossings:
    """Where `n_rays` rays from `centre`, ray k at k x 360 / n_rays degrees, cross the outline."""
    first, last = _ray_at_or_after(outline.start - centre, n_rays), _ray_at_or_after(outline.end - centre, n_rays)
    turn = (last - first + n_rays // 2) % n_rays - n_rays // 2  # rays from start to end, clockwise
    stretch = np.repeat(np.arange(turn.size), np.abs(turn))
    step = np.arange(stretch.size) - np.repeat(np.cumsum(np.abs(turn)) - np.abs(turn), np.abs(turn))
    leaving = turn[stretch] > 0
    ray = (np.where(leaving, first[stretch], last[stretch]) + step) % n_rays
    angle = 2 * np.pi * ray / n_rays
    (row, col), (down, right) = (outline.start[stretch] - centre).T, (outline.end - outline.start)[stretch].T
    slant = np.cos(angle) * down - np.sin(angle) * right
    along = np.divide(col * down - row * right, slant, out=np.hypot(row, col), where=np.abs(slant) > 1e-12)
    return Crossings(ray, along, leaving, outline.piece[stretch])


def _ray_at_or_after(offset: Points, n_rays: int) -> NDArray[np.intp]:
    """First ray clockwise from each (row, col) offset, or the ray on it."""
    turns = np.arctan2(offset[:, 0], offset[:, 1]) / (2 * np.pi)
    return np.ceil(turns * n_rays).astype(np.intp) % n_rays


def distance_px(points: Points, outline: Outline) -> NDArray[np.float64]:
    """(n,) distance from each point to the nearest point of the outline."""
    return np.asarray(np.linalg.norm(nearest_points(points, outline) - points, axis=1), np.float64)


def nearest_points(points: Points, outline: Outline) -> Points:
    """(n, 2) the point of the outline that is nearest to each."""
    # A stretch is at most sqrt(2) long, so the nearest one is among the few whose middles are nearest.
    n_near = min(6, len(outline.start))
    tree = cKDTree((outline.start + outline.end) / 2, balanced_tree=False, compact_nodes=False)
    near = tree.query(points, k=n_near)[1].reshape(len(points), n_near)
    start, along = outline.start[near], (outline.end - outline.start)[near]  # (n, n_near, 2)
    offset = points[:, None] - start
    length2 = np.maximum((along**2).sum(axis=2), 1e-24)
    place = np.clip((offset * along).sum(axis=2) / length2, 0, 1)
    apart = place[..., None] * along - offset
    nearest = np.linalg.norm(apart, axis=2).argmin(axis=1)
    return np.asarray(points + apart[np.arange(len(points)), nearest], np.float64)
