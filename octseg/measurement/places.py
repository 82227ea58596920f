"""Where in a frame its numbers were measured, so that a picture can show it.

Points are (row, col) in pixels, pixel centres at whole numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from octseg.measurement.cores import Cores
from octseg.measurement.geometry import nearest_points
from octseg.measurement.lumen import Lumen, chords_px

Point = tuple[float, float]
Stretch = tuple[Point, Point]


@dataclass(frozen=True, kw_only=True)
class FramePlaces:
    """Places of one frame's numbers.

    centre: the lumen's centroid. diameter_min, diameter_max: ends of these chords on the lumen's outline; None where it
    has none. cap_min: of the thinnest cap, its point on the lumen's outline and the nearest point of lipid; None where
    no cap could be measured. arcs: of each core in the order of `lipid_cores`, where its first and its last ray leave
    the lumen; None for a core all around and where a ray does not.
    """

    centre: Point
    diameter_min: Stretch | None = None
    diameter_max: Stretch | None = None
    cap_min: Stretch | None = None
    arcs: tuple[Stretch | None, ...] = ()

    def moved(self, to: Callable[[Point], Point]) -> "FramePlaces":
        """The same in the pixels of another picture of it."""

        def each(stretch: Stretch | None) -> Stretch | None:
            return None if stretch is None else (to(stretch[0]), to(stretch[1]))

        return FramePlaces(
            centre=to(self.centre),
            diameter_min=each(self.diameter_min),
            diameter_max=each(self.diameter_max),
            cap_min=each(self.cap_min),
            arcs=tuple(map(each, self.arcs)),
        )


def frame_places(lumen: Lumen, cores: Cores | None) -> FramePlaces:
    """The places of what is measured of a lumen and its cores."""
    chords = chords_px(lumen)
    shortest, longest = (None, None) if chords is None else (_chord(lumen, at(chords)) for at in (np.argmin, np.argmax))
    return FramePlaces(
        centre=lumen.centre,
        diameter_min=shortest,
        diameter_max=longest,
        cap_min=None if cores is None else _thinnest(cores),
        arcs=() if cores is None else tuple(_ends(lumen, arc.start_deg, arc.extent_deg) for arc in cores.arcs),
    )


def _chord(lumen: Lumen, degrees: np.intp) -> Stretch:
    return lumen.wall_at(int(degrees)), lumen.wall_at(int(degrees) + 180)


def _thinnest(cores: Cores) -> Stretch | None:
    if cores.cap is None or cores.outline is None:
        return None
    wall = cores.cap[0].min_at
    row, col = nearest_points(np.array([wall]), cores.outline)[0].tolist()
    return wall, (row, col)


def _ends(lumen: Lumen, start_deg: int, extent_deg: int) -> Stretch | None:
    if extent_deg == 360:
        return None
    first, last = lumen.wall_at(start_deg), lumen.wall_at(start_deg + extent_deg - 1)
    return (first, last) if all(map(isfinite, (*first, *last))) else None
