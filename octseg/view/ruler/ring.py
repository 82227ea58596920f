"""The dashed ring that a console draws about the catheter: four cyan arcs, which say whether the ruler can be true.

Points are (row, col) in pixels.
"""

import numpy as np

from octseg.view.ruler.shape import Floats, Line

RING_SEARCH = (0.3, 0.75)  # radius by pitch: a ring of the wrong size shall show, and a dot's neighbours shall not
RING_OF_DISC = (0.06, 0.24)  # radius by that of the disc: a 0.9 mm ring in fields of 14 to 4 mm
MIN_RING_PIXELS = 12
MIN_RING_SHARE = 0.6  # of the cyan pixels about the catheter
MAX_RING_OFF_CENTRE = 0.15  # of its radius
MAX_RING_STRETCH = 0.02  # height over width, less 1
RING_OFF_PX = 1.25  # the same in pixels of the radius: JPEG keeps the colours of 2 x 2 pixels together


def centre_and_ring(
    dots: Floats, yellow_count: int, cyan: Floats, line: Line, pitch_px: float
) -> tuple[Floats, float | None, bool]:
    """The dot at the catheter (2,), the dashed ring's diameter in pixels or None, and whether it is stretched.

    The catheter is where the colour changes: the last yellow dot or, where the ring says so, the first cyan one. Cyan
    arcs that are no circle tell of a frame with pixels that are not square.
    """
    beside = cyan[np.abs(line.beside(cyan)) > 6.0]  # the ring's arcs, away from the line
    stretched = False
    for centre in dots[yellow_count - 1 : yellow_count + 1]:
        distance = np.hypot(*(beside - centre).T)
        arcs = beside[(distance > RING_SEARCH[0] * pitch_px) & (distance < RING_SEARCH[1] * pitch_px)] - centre
        diameter = _circle_diameter(arcs, pitch_px)
        if diameter is not None:
            return centre, diameter, False
        stretched = stretched or (len(arcs) >= MIN_RING_PIXELS and _quadrants(arcs) == 4)
    return dots[yellow_count - 1], None, stretched


def ring_about(cyan: Floats, centre: tuple[float, float], disc_px: float) -> float | None:
    """Diameter in pixels of the dashed ring among cyan pixels (n, 2) where there is no ruler; None where none is seen.

    centre: of the disc, which has the radius `disc_px`.
    """
    distance = np.hypot(*(cyan - centre).T)
    within = (distance > RING_OF_DISC[0] * disc_px) & (distance < RING_OF_DISC[1] * disc_px)
    return _circle_diameter(cyan[within] - centre, sum(RING_OF_DISC) * disc_px)


def _circle_diameter(arcs: Floats, pitch_px: float) -> float | None:
    """Diameter in pixels of a circle about (0, 0) through most of the (n, 2) pixels, seen in three quadrants."""
    if len(arcs) < MIN_RING_PIXELS:
        return None
    radius = np.hypot(*arcs.T)
    votes = np.convolve(np.bincount(radius.astype(np.intp)), np.ones(3), mode="same")
    on_ring = arcs[np.abs(radius - votes.argmax()) <= max(3.0, 0.04 * pitch_px)]
    if len(on_ring) < max(MIN_RING_PIXELS, MIN_RING_SHARE * len(arcs)) or _quadrants(on_ring) < 3:
        return None
    # Least squares of |p|^2 = 2 c p + (r^2 - |c|^2): the arcs are drawn a little beside the dot.
    design = np.column_stack([2.0 * on_ring, np.ones(len(on_ring))])
    solution = np.linalg.lstsq(design, (on_ring**2).sum(axis=1), rcond=None)[0]
    off_centre, radius_px = np.hypot(*solution[:2]), np.sqrt(max(0.0, solution[2] + (solution[:2] ** 2).sum()))
    stretch = abs(_axis_ratio(on_ring) - 1.0)
    if off_centre > MAX_RING_OFF_CENTRE * radius_px or stretch > max(MAX_RING_STRETCH, RING_OFF_PX / radius_px):
        return None
    return float(2.0 * radius_px)


def _quadrants(points: Floats) -> int:
    """In how many of the four directions, above, below, left and right, (n, 2) points lie about (0, 0)."""
    return len(np.unique(np.rint(np.degrees(np.arctan2(points[:, 0], points[:, 1])) / 90.0) % 4))


def _axis_ratio(ring: Floats) -> float:
    """Height over width of the upright ellipse through (n, 2) pixels, from its arcs above, below, left and right.

    Least squares of row^2 = a + b row + c col - d col^2, whose axes are as sqrt(d) to 1; inf where there is no ellipse.
    """
    row, col = ring.T
    design = np.column_stack([np.ones(len(ring)), row, col, -(col**2)])
    solution = np.linalg.lstsq(design, row**2, rcond=None)[0]
    return float(np.sqrt(solution[3])) if solution[3] > 0 else float("inf")
