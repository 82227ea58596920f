"""Shapes drawn from their formula, so that areas, arcs and thicknesses are known on paper.

A shape is its signed distance (H, W) in pixels: negative inside, 0 on the edge. Points are (row, col) in pixels, angles
degrees clockwise on screen from +col. `mask` and `soft` turn a shape into the two kinds of map that are measured.
"""

import numpy as np
from numpy.typing import NDArray

Shape = NDArray[np.float64]
Point = tuple[float, float]


def mask(shape: Shape) -> NDArray[np.bool_]:
    """Every pixel whose centre lies inside."""
    return shape <= 0


def soft(shape: Shape, edge_px: float = 1.0) -> NDArray[np.float32]:
    """Probability that falls from 1 to 0 across the edge over `edge_px`, as an anti-aliased drawing does over 1."""
    return np.clip(0.5 - shape / edge_px, 0, 1).astype(np.float32)


def disc(size: int, centre: Point, radius: float) -> Shape:
    row, col = np.ogrid[:size, :size]
    return np.hypot(row - centre[0], col - centre[1]) - radius


def ellipse(size: int, centre: Point, half_axes: Point, turned_deg: float = 0.0) -> Shape:
    """half_axes: along `turned_deg` and across it. The distance is exact on the edge and nearly so beside it."""
    row, col = np.ogrid[:size, :size]
    turn = np.radians(turned_deg)
    along = (col - centre[1]) * np.cos(turn) + (row - centre[0]) * np.sin(turn)
    across = (row - centre[0]) * np.cos(turn) - (col - centre[1]) * np.sin(turn)
    level = np.hypot(along / half_axes[0], across / half_axes[1])
    slope = np.hypot(along / half_axes[0] ** 2, across / half_axes[1] ** 2)
    return np.where(slope > 0, (level - 1) * level / np.maximum(slope, 1e-12), -min(half_axes))


def wedge(size: int, centre: Point, start_deg: float, extent_deg: float) -> Shape:
    """All that is seen from `centre` within `extent_deg` clockwise from `start_deg`."""
    row, col = np.ogrid[:size, :size]
    begin, end = np.radians(start_deg), np.radians(start_deg + extent_deg)
    before = (col - centre[1]) * np.sin(begin) - (row - centre[0]) * np.cos(begin)
    behind = (row - centre[0]) * np.cos(end) - (col - centre[1]) * np.sin(end)
    if extent_deg >= 360:
        return np.full((size, size), -np.inf)
    return np.maximum(before, behind) if extent_deg <= 180 else np.minimum(before, behind)


def both(*shapes: Shape) -> Shape:
    """Where all the shapes overlap."""
    return np.maximum.reduce(shapes)


def either(*shapes: Shape) -> Shape:
    """All the shapes together."""
    return np.minimum.reduce(shapes)


def sector(size: int, centre: Point, inner: float, outer: float, start_deg: float, extent_deg: float) -> Shape:
    """Part of a ring: what lipid core looks like around a lumen."""
    ring = both(-disc(size, centre, inner), disc(size, centre, outer))
    return both(ring, wedge(size, centre, start_deg, extent_deg))


def sector_area(inner: float, outer: float, extent_deg: float) -> float:
    """Area of `sector` in the square of its radii's unit."""
    return float(np.pi * (outer**2 - inner**2) * extent_deg / 360)
