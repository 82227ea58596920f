"""Lines that show where a frame's numbers were measured: diameters, the ends of lipid arcs, the thinnest cap.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.places import FramePlaces, Point, Stretch

PlaceName = Literal["diameter_max", "diameter_min", "arc", "cap"]
PAST_WALL = 1.25  # of the lumen's radius, how far the ends of an arc are drawn
WITHIN = 0.5  # of the lumen's radius, where the arc itself is drawn
ARC_STEP_DEG = 3
TICK = 4.0  # half the length of a cap's end, in units
RING = 14.0  # radius about a cap, in units: it is a few pixels thick


@dataclass(frozen=True)
class Mark:
    """One place as lines.

    core: which of `lipid_cores` an arc is of. words_at: where its value can be written. ring: a circle about it,
    (centre, radius), by which a short line is found.
    """

    name: PlaceName
    lines: tuple[tuple[Point, ...], ...]
    words_at: Point
    core: int | None = None
    ring: tuple[Point, float] | None = None


def marks_of(places: FramePlaces, unit: float) -> list[Mark]:
    """All that can be shown, in the order of drawing; unit: a line's width in pixels."""
    marks = []
    if places.diameter_max is not None and places.diameter_min is not None:
        marks.append(Mark("diameter_max", (places.diameter_max,), places.diameter_max[1]))
        marks.append(Mark("diameter_min", (places.diameter_min,), places.diameter_min[1]))
    marks += [_arc(places.centre, ends, core) for core, ends in enumerate(places.arcs) if ends is not None]
    if places.cap_min is not None:
        marks.append(_cap(places.cap_min, unit))
    return marks


def _arc(centre: Point, ends: Stretch, core: int) -> Mark:
    """Its two ends as seen from the centre, and the angle between them."""
    middle = np.array(centre)
    first, last = (np.array(end) - middle for end in ends)
    radius, from_deg = float(np.hypot(*first)), float(np.degrees(np.arctan2(*first)))
    extent_deg = (float(np.degrees(np.arctan2(*last))) - from_deg) % 360
    degrees = np.linspace(from_deg, from_deg + extent_deg, max(2, round(extent_deg / ARC_STEP_DEG)))
    bow = middle + radius * WITHIN * _ray(degrees)
    words_at = middle + radius * WITHIN * _ray(np.array([from_deg + extent_deg / 2]))[0]
    outer = (middle + PAST_WALL * first, centre, middle + PAST_WALL * last)
    return Mark("arc", (_points(np.array(outer)), _points(bow)), (float(words_at[0]), float(words_at[1])), core)


def _cap(stretch: Stretch, unit: float) -> Mark:
    """Across the cap, with an end on either side."""
    wall, lipid = map(np.array, stretch)
    along = lipid - wall
    along = along / max(float(np.hypot(*along)), 1e-9)
    across = np.array([-along[1], along[0]]) * TICK * unit
    ends = (_points(np.array([point - across, point + across])) for point in (wall, lipid))
    middle: Point = (float(wall[0] + lipid[0]) / 2, float(wall[1] + lipid[1]) / 2)
    return Mark("cap", (stretch, *ends), middle, ring=(middle, RING * unit))


def _ray(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) angles -> (n, 2) as (row, col) of length 1."""
    return np.stack([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))], axis=1)


def _points(array: NDArray[np.float64]) -> tuple[Point, ...]:
    """(n, 2) -> points."""
    return tuple((float(row), float(col)) for row, col in array)
