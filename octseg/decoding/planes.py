"""Borders along rays as planes over the frame, to a fraction of a pixel: outlined where they are 0.5.

A plane is drawn only where it is not 0: lumen and cap near the lumen, lipid core about its own sectors.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.boxed import BoxedMap, Part
from octseg.decoding.borders import Borders
from octseg.decoding.rays import FINE, N_RAYS, Floats, Radii, RayGrid
from octseg.decoding.wall import Wall
from octseg.measurement.depth import length_px
from octseg.view.disc import Disc

EDGE_PX = 4.0  # over which an outline's plane rises from 0 to 1
CORNER_MM = 0.15  # radius with which the ends of a core are rounded
HALF_STEP = np.pi / (N_RAYS * FINE)  # radians of half a fine direction
AROUND_PX = 16  # about the borders of a core: its plane falls to 0 there, and measures look at what lies beside it


def draw_planes(
    maps: Mapping[str, BoxedMap],
    thresholds: Mapping[str, float],
    borders: Borders,
    grid: RayGrid,
    disc: Disc | None,
    pixel_spacing_mm: float | None,
) -> dict[str, BoxedMap]:
    """The planes in [0, 1] of one frame's maps, in their order; see `octseg.decoding.decode`."""
    planes = dict.fromkeys(maps, BoxedMap.nothing(grid.shape))
    wall = borders.wall
    if wall is not None:
        planes["lumen"] = BoxedMap(_plane(-wall.beyond), wall.window.part, grid.shape)
    if borders.lipid.any():
        planes |= {name: plane for name, plane in _plaque(borders, grid, pixel_spacing_mm).items() if name in maps}
    if "vasa_vasorum" in maps:
        planes["vasa_vasorum"] = _vasa_vasorum(maps["vasa_vasorum"], thresholds["vasa_vasorum"], wall)
    if disc is not None:
        imaged = disc.mask(*grid.shape)
        for plane in planes.values():
            np.multiply(plane.values, imaged[plane.part], out=plane.values)
    return planes


def _vasa_vasorum(map_: BoxedMap, threshold: float, wall: Wall | None) -> BoxedMap:
    """What the map says, 0.5 at the threshold, outside the lumen."""
    plane = _halved_at(map_.values, threshold).copy()
    if wall is not None and plane.size:
        rows, cols = (
            slice(max(of.start, to.start), min(of.stop, to.stop))
            for of, to in zip(map_.part, wall.window.part, strict=True)
        )
        if rows.start < rows.stop and cols.start < cols.stop:
            beyond = wall.beyond[_from((rows, cols), wall.window.part)]
            plane[_from((rows, cols), map_.part)] *= beyond > 0
    return BoxedMap(plane, map_.part, map_.shape)


def _from(part: Part, other: Part) -> Part:
    """Rows and columns of the frame, counted from those of another part."""
    rows, cols = (slice(of.start - at.start, of.stop - at.start) for of, at in zip(part, other, strict=True))
    return rows, cols


def _plaque(borders: Borders, grid: RayGrid, pixel_spacing_mm: float | None) -> dict[str, BoxedMap]:
    """Planes of lipid core and, where there is a lumen, of the cap before it."""
    wall, front_of, back_of = borders.wall, borders.front, borders.back
    if front_of is None or back_of is None:
        return {}
    window = grid.window() if wall is None else wall.window
    part = _part_about(borders.lipid, back_of, front_of if borders.lumen is None else borders.lumen, grid, window.part)
    seen = window.within(part)
    front, back = seen.around(front_of), seen.around(back_of)
    smooth = grid.factor > 1  # then the plane is enlarged
    from_end = _from_ends(borders.lipid, seen.direction, smooth=smooth) * seen.radius
    within = np.minimum(seen.radius - front, back - seen.radius)
    corner = np.float32(length_px(CORNER_MM, pixel_spacing_mm, grid.side_px))
    drawn = {}
    if wall is not None:
        within = np.minimum(within, wall.limit_px - wall.depth[part])
        cap_end = from_end + seen.radius * np.float32(HALF_STEP) if smooth else from_end
        drawn["fibrous_cap"] = _plane(np.minimum(np.minimum(wall.beyond[part], front - seen.radius), cap_end))
    drawn["lipid_core"] = _plane(_rounded(within, from_end, corner))
    rows, cols = (slice(w.start + p.start, w.start + p.stop) for w, p in zip(window.part, part, strict=True))
    return {name: BoxedMap(plane, (rows, cols), grid.shape) for name, plane in drawn.items()}


def _part_about(lipid: NDArray[np.bool_], outer: Radii, inner: Radii, grid: RayGrid, whole: Part) -> Part:
    """The rows and columns, counted from those of `whole`, that hold lipid's rays (N_RAYS,) from `inner` to `outer`."""
    about = lipid | np.roll(lipid, 1) | np.roll(lipid, -1)  # ends lie halfway to the next ray
    angle = np.flatnonzero(about) * (2 * np.pi / N_RAYS)
    radius = np.stack([inner[about], np.maximum(outer, inner)[about]])
    ends = []
    for at, way, of_whole in zip(grid.centre, (np.sin(angle), np.cos(angle)), whole, strict=True):
        places = at + radius * way - of_whole.start
        count = of_whole.stop - of_whole.start
        first = int(np.clip(np.floor(places.min()) - AROUND_PX, 0, count - 1))
        ends.append(slice(first, int(np.clip(np.ceil(places.max()) + AROUND_PX + 1, first + 1, count))))
    return ends[0], ends[1]


def _halved_at(map_: Floats, threshold: float) -> Floats:
    """A map (H, W) in [0, 1] stretched so that it is 0.5 at the threshold."""
    if threshold == 0.5:
        return map_
    low, high = np.float32(0.5 / threshold), np.float32(0.5 / (1 - threshold))
    return np.asarray(np.where(map_ < threshold, map_ * low, 1 - (1 - map_) * high), np.float32)


def _plane(inside_px: Floats) -> Floats:
    """Signed distance to an outline (h, w), positive inside, as a plane (h, w) in [0, 1] that is 0.5 on it."""
    plane = inside_px / np.float32(EDGE_PX)
    plane += np.float32(0.5)
    return np.asarray(np.clip(plane, 0, 1, out=plane), np.float32)


def _rounded(within: Floats, from_end: Floats, corner_px: np.float32) -> Floats:
    """Signed distance (h, w) in pixels to what is inside both, its corners rounded."""
    short, beside = np.maximum(corner_px - within, 0), np.maximum(corner_px - from_end, 0)
    return np.asarray(corner_px - np.sqrt(short * short + beside * beside), np.float32)  # a quarter of hypot's time


def _from_ends(there: NDArray[np.bool_], direction: Floats, *, smooth: bool) -> Floats:
    """Angle in radians from each pixel to the nearest end of a stretch of rays, positive within it, (h, w).

    It has a step for each fine direction, and all of the step in which an end lies is on it, HALF_STEP to both sides.
    smooth: without steps, for between pixels of one step and the next an enlarged plane falls short of the end.
    """
    if there.all():
        return np.full(direction.shape, np.pi, np.float32)
    changes = np.flatnonzero(there != np.roll(there, -1)) + 0.5  # halfway to the next ray
    ray = np.arange(N_RAYS * FINE + 1) / FINE
    away = np.abs((ray[:, None] - changes[None] + N_RAYS / 2) % N_RAYS - N_RAYS / 2).min(axis=1)
    signed = np.where(there[np.rint(ray).astype(int) % N_RAYS], away, -away) * (2 * np.pi / N_RAYS)
    if smooth:
        table = signed.astype(np.float32)[None]
        return np.asarray(cv2.remap(table, direction, np.zeros_like(direction), cv2.INTER_LINEAR), np.float32)
    return np.asarray(signed.astype(np.float32)[np.rint(direction).astype(int)], np.float32)
