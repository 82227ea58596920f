"""Sub-pixel geometry of one tissue: where its map crosses the level, the area inside, rays and distances to it.

Points are (row, col) in pixels, pixel centres at whole numbers. Angles are degrees in [0, 360), 0 towards +col and
growing towards +row, so clockwise on screen. Tissue is where a value is 0 or more, between pixels by linear
interpolation; tissue that reaches the frame's edge ends half a pixel beyond its last pixel's centre.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]  # (n, 2) as (row, col) in pixels

MASK_BLUR_PX = 1.0  # sigma that turns a mask's stairs into the edge they stand for; see docs/measures.md
MARGIN_PX = 5  # of no tissue around a crop: the blur's reach


@dataclass(frozen=True)
class Tissue:
    """The part of one map that holds tissue.

    value: (h, w) float32, the map minus its level, so tissue where >= 0. A mask gives -0.5 and 0.5.
    corner: (row, col) of value[0, 0] in the frame.
    is_mask: the map said yes or no only, so its edge is known to half a pixel.
    """

    value: NDArray[np.float32]
    corner: tuple[int, int]
    is_mask: bool

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(h, w), True on tissue."""
        return self.value >= 0


@dataclass(frozen=True)
class Outline:
    """Straight pieces of a contour, each within one grid cell, in no order.

    Going from start to end, tissue lies to the right on screen.

    start, end: (n, 2) as (row, col) in pixels of the frame. component: (n,) int, equal on pieces of connected tissue.
    """

    start: Points
    end: Points
    component: NDArray[np.intp]

    def part(self, chosen: NDArray[np.bool_]) -> "Outline":
        """The pieces chosen, (n,) bool."""
        return Outline(self.start[chosen], self.end[chosen], self.component[chosen])


@dataclass(frozen=True)
class Crossings:
    """Where rays from one point cross an outline, in no order: (m,) each; radius in pixels from that point."""

    ray: NDArray[np.intp]
    radius: NDArray[np.float64]
    leaving: NDArray[np.bool_]  # going outward, the ray leaves tissue here; else it enters
    component: NDArray[np.intp]


def find_tissue(map_: NDArray[np.generic], level: float) -> Tissue | None:
    """Crop a map (H, W), bool or in [0, 1], to where it reaches `level`; None where it nowhere does."""
    inside = map_ if map_.dtype == np.bool_ else map_ >= np.asarray(level, map_.dtype)
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    top, left = max(0, int(rows[0]) - MARGIN_PX), max(0, int(cols[0]) - MARGIN_PX)
    crop = map_[top : int(rows[-1]) + MARGIN_PX + 1, left : int(cols[-1]) + MARGIN_PX + 1]
    is_mask = map_.dtype == np.bool_ or bool(np.all((crop == 0) | (crop == 1)))
    value = crop.astype(np.float32) - np.float32(0.5 if is_mask else level)
    return Tissue(value, (top, left), is_mask)


def component_areas_px(tissue: Tissue) -> NDArray[np.float64]:
    """Area of each connected piece, largest first: pixels of a mask, else the area inside the iso-contour."""
    if tissue.is_mask:
        areas = np.bincount(_label(tissue.inside).ravel())[1:].astype(np.float64)
    else:
        outline = trace(tissue)
        areas = np.bincount(outline.component, weights=_twice_signed_area(outline))[1:] / 2
    return np.sort(areas)[::-1]


def largest_filled(tissue: Tissue) -> Tissue:
    """The largest connected piece alone, its holes filled."""
    labels = _label(tissue.inside)
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    # Diagonal neighbours connect tissue, so they must not connect what lies around it.
    around = cv2.connectedComponents(np.pad(~largest, 1, constant_values=True).astype(np.uint8), connectivity=4)[1]
    filled = (around != around[0, 0])[1:-1, 1:-1]
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
    (height, width), (top, left) = tissue.value.shape, tissue.corner
    row, col = other.corner[0] - top, other.corner[1] - left
    rows = slice(max(0, row), max(0, min(height, row + other.value.shape[0])))
    cols = slice(max(0, col), max(0, min(width, col + other.value.shape[1])))
    shared = other.value[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
    value = tissue.value.copy()
    value[rows, cols] = np.minimum(value[rows, cols], -shared)
    return Tissue(value, tissue.corner, is_mask=False)


def _label(inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number connected pieces from 1, diagonal neighbours connected; 0 is outside."""
    return np.asarray(cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)[1], np.int32)


def _cell_pieces() -> NDArray[np.intp]:
    """(16, 2, 2): for each pattern of a cell's corners inside, its pieces as (edge left, edge entered), -1 for none.

    Corners and edges go clockwise on screen from the top left: edge e joins corner e to corner e + 1. Bit e of the
    pattern is corner e. Two opposite corners are taken as connected, as in `_label`.
    """
    table = np.full((16, 2, 2), -1, np.intp)
    for pattern in range(16):
        inside = [bool(pattern >> corner & 1) for corner in range(4)]
        leaves = [e for e in range(4) if inside[e] and not inside[(e + 1) % 4]]
        enters = [e for e in range(4) if not inside[e] and inside[(e + 1) % 4]]
        for piece, leave in enumerate(leaves):
            table[pattern, piece] = leave, min(enters, key=lambda e, leave=leave: (e - leave) % 4)  # type: ignore[misc]
    return table


_CELL_PIECES = _cell_pieces()
_CORNERS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
_EDGE_ENDS = np.array([(0, 1), (1, 2), (3, 2), (0, 3)])  # towards +col or +row, so that two cells agree to the last bit


def trace(tissue: Tissue) -> Outline:
    """The iso-contour by marching squares, straight within a cell, closed at the frame's edge."""
    value = np.pad(tissue.value, 1, constant_values=-0.5).astype(np.float64)
    inside = value >= 0
    bits = inside.view(np.uint8)
    patterns = bits[:-1, :-1] | bits[:-1, 1:] << 1 | bits[1:, 1:] << 2 | bits[1:, :-1] << 3
    row, col = np.nonzero((patterns != 0) & (patterns != 15))
    cell = np.stack([row, col], axis=1)
    pieces = _CELL_PIECES[patterns[row, col]]  # (cells, 2, 2)
    index, slot = np.nonzero(pieces[:, :, 0] >= 0)
    cell, leave, enter = cell[index], pieces[index, slot, 0], pieces[index, slot, 1]
    tissue_side = cell + _CORNERS[leave]
    return Outline(
        _crossing(value, cell, leave) + np.subtract(tissue.corner, 1),
        _crossing(value, cell, enter) + np.subtract(tissue.corner, 1),
        _label(inside)[tissue_side[:, 0], tissue_side[:, 1]].astype(np.intp),
    )


def _crossing(value: NDArray[np.float64], cell: NDArray[np.intp], edge: NDArray[np.intp]) -> Points:
    """Point at which `value` is 0 along an edge of a cell."""
    a, b = cell + _CORNERS[_EDGE_ENDS[edge, 0]], cell + _CORNERS[_EDGE_ENDS[edge, 1]]
    at_a, at_b = value[a[:, 0], a[:, 1]], value[b[:, 0], b[:, 1]]
    return np.asarray(a + (b - a) * (at_a / (at_a - at_b))[:, None], np.float64)


def _twice_signed_area(outline: Outline) -> NDArray[np.float64]:
    """(n,) terms of the shoelace formula: positive around tissue, negative around its holes."""
    (r0, c0), (r1, c1) = outline.start.T, outline.end.T
    return np.asarray(c0 * r1 - c1 * r0, np.float64)


def centroid(outline: Outline) -> tuple[float, float]:
    """(row, col) of the centre of the area inside."""
    terms = _twice_signed_area(outline)
    row, col = ((outline.start + outline.end) * terms[:, None]).sum(axis=0) / (3 * terms.sum())
    return float(row), float(col)


def ray_crossings(outline: Outline, centre: tuple[float, float], n_rays: int) -> Crossings:
    """Where `n_rays` rays from `centre`, ray k at k x 360 / n_rays degrees, cross the outline."""
    first, last = _ray_at_or_after(outline.start - centre, n_rays), _ray_at_or_after(outline.end - centre, n_rays)
    turn = (last - first + n_rays // 2) % n_rays - n_rays // 2  # rays from start to end, clockwise
    piece = np.repeat(np.arange(turn.size), np.abs(turn))
    step = np.arange(piece.size) - np.repeat(np.cumsum(np.abs(turn)) - np.abs(turn), np.abs(turn))
    leaving = turn[piece] > 0
    ray = (np.where(leaving, first[piece], last[piece]) + step) % n_rays
    angle = 2 * np.pi * ray / n_rays
    (row, col), (down, right) = (outline.start[piece] - centre).T, (outline.end - outline.start)[piece].T
    slant = np.cos(angle) * down - np.sin(angle) * right
    along = np.divide(col * down - row * right, slant, out=np.hypot(row, col), where=np.abs(slant) > 1e-12)
    return Crossings(ray, along, leaving, outline.component[piece])


def _ray_at_or_after(offset: Points, n_rays: int) -> NDArray[np.intp]:
    """First ray clockwise from each (row, col) offset, or the ray on it."""
    turns = np.arctan2(offset[:, 0], offset[:, 1]) / (2 * np.pi)
    return np.ceil(turns * n_rays).astype(np.intp) % n_rays


def distance_px(points: Points, outline: Outline) -> NDArray[np.float64]:
    """(n,) distance from each point to the nearest point of the outline."""
    # A piece is at most sqrt(2) long, so the nearest one is among the few whose middles are nearest.
    n_near = min(6, len(outline.start))
    near = cKDTree((outline.start + outline.end) / 2).query(points, k=n_near)[1].reshape(len(points), n_near)
    start, along = outline.start[near], (outline.end - outline.start)[near]  # (n, n_near, 2)
    offset = points[:, None] - start
    length2 = np.maximum((along**2).sum(axis=2), 1e-24)
    place = np.clip((offset * along).sum(axis=2) / length2, 0, 1)
    return np.asarray(np.linalg.norm(offset - place[..., None] * along, axis=2).min(axis=1), np.float64)
