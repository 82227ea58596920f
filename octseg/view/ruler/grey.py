"""The ruler by its shape, for frames that were saved in grey: bright even dots in one row through the disc's middle.

The middle dot lies where the disc has its centre, in the dark of the catheter's core, and is looked for first: without
it there is no ruler. All is done on a frame of at most SEARCH_SIDE_PX; points are (row, col) in pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame
from octseg.view.disc import Disc
from octseg.view.ruler.shape import MIN_DOTS, RING_MM, Floats, Line, Ruler, fitted_line

Plane = NDArray[np.float32]

SEARCH_SIDE_PX = 1100
LEAST_RADIUS_PX = 150.0  # of the disc; in smaller ones a dot is as large as a speck of noise
DOT_RADIUS_PART = 0.0105  # of the disc's radius; real frames: 0.0088 to 0.0109
DRAWN_BY_FITTED = 1.1  # radius of a dot's whole area by that which fits its bright core
CENTRE_PART = 0.015  # of the disc's radius: how far the middle dot may lie from its centre; real frames: 0.006
MIN_CENTRE = 60.0  # grey levels that the middle dot stands out by: 145 and more, without a ruler 6
MIN_DOT = 15.0  # the same of any dot; one of a colour that the grey lacks hardly stands out of tissue
ROUGH_PULL = 4.0  # how many first dots the rough pitch and angle weigh as much as
MEDIAN_DOT = 45.0  # of all dots but the middle one; real rulers: 75 and more
CLEAREST_DOT = 100.0
MOST_DOTS = 0.7  # of the places for dots within the disc, that show one
MIN_LINE = 2.0  # contrast of the line by that of its parallels: real 3.1 and more, rows of noise 1.3 at most
LINE_REACH_PX = 3  # from the line to what is beside it
BESIDE_PX = 13  # from the line to the farthest parallel
PITCH_PART = (0.15, 0.66)  # of the disc's radius: fields of 13 to 3 mm
PITCH_STEP_PX = 1.0
ANGLE_STEP_DEG = 0.5
MAX_OFF_PART = 0.015  # of the pitch, that a dot may lie off its place, but a pixel at least
RING_PART = (0.38, 0.54)  # of the pitch: radii at which the dashed ring is looked for
RING_DASH_DEG = 8.0
MIN_RING = 12.0  # grey levels that a dash stands out by
MAX_RING_STRETCH = 0.02


def find_grey_ruler(frame: Frame, disc: Disc) -> Ruler | None:
    """The ruler in a frame (H, W, 3) by its shape, or None; which half is yellow stays unknown."""
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
    shrink = max(1.0, max(grey.shape) / SEARCH_SIDE_PX)
    if shrink > 1:
        size = (round(grey.shape[1] / shrink), round(grey.shape[0] / shrink))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    radius = disc.radius_px / shrink
    if radius < LEAST_RADIUS_PX:
        return None
    middle = (np.array(disc.centre) + 0.5) / shrink - 0.5
    dot_px = max(1.5, DOT_RADIUS_PART * radius)
    centre = _middle_dot(grey, middle, radius, dot_px)
    if centre is None:
        return None
    dotness = _dotness(grey.astype(np.float32), dot_px)
    row = _best_row(dotness, centre, radius)
    points = None if row is None else _measured(dotness, centre, row, radius, dot_px)
    if points is None:
        return None
    places, dots = points
    line, pitch, off = _fitted(places, dots)
    if off.max() > (most_off := max(1.0, MAX_OFF_PART * pitch)):  # one dot may be pulled aside by tissue
        kept = (off < off.max()) | (places == 0)
        places, dots = places[kept], dots[kept]
        line, pitch, off = _fitted(places, dots)
        if off.max() > most_off or len(dots) < MIN_DOTS:
            return None
    if _line_contrast(grey, line, line.along(dots), dot_px) < MIN_LINE:
        return None
    ring = _ring_diameter(grey, dots[places == 0][0], float(pitch))

    def there(at: Floats) -> Floats:
        return np.asarray((at + 0.5) * shrink - 0.5, np.float64)

    at_centre = there(dots[places == 0][0])
    return Ruler(
        dots_px=there(dots),
        centre=(float(at_centre[0]), float(at_centre[1])),
        direction=(float(line.direction[0]), float(line.direction[1])),
        pitch_px=float(pitch) * shrink,
        pitch_spread=float(off.max() / pitch),
        dot_radius_px=DRAWN_BY_FITTED * dot_px * shrink,
        ring_diameter_px=None if ring is None else ring * shrink,
        by_shape=True,
    )


def _fitted(places: NDArray[np.intp], dots: Floats) -> tuple[Line, float, Floats]:
    """The line through dots (n, 2), their pitch in pixels, and how far each lies off its place (n,)."""
    line = fitted_line(dots)
    along = line.along(dots)
    pitch, start = np.polyfit(places, along, 1)
    return line, float(pitch), np.hypot(along - (pitch * places + start), line.beside(dots))


def _line_contrast(grey: NDArray[np.uint8], line: Line, dots_at: Floats, dot_px: float) -> float:
    """How many times as much the line between the dots differs from what is beside it as other parallels do."""
    t = np.arange(dots_at.min(), dots_at.max(), 1.0)
    t = t[np.abs(t[:, None] - dots_at).min(axis=1) > 2.2 * dot_px]
    offset = np.arange(-BESIDE_PX - LINE_REACH_PX, BESIDE_PX + LINE_REACH_PX + 1)
    place = (line.at(t)[:, None, :] + offset[:, None] * line.normal).astype(np.float32)
    level = cv2.remap(grey, place[..., 1], place[..., 0], cv2.INTER_LINEAR).astype(np.float32)
    beside = (level[:, : -2 * LINE_REACH_PX] + level[:, 2 * LINE_REACH_PX :]) / 2
    differs = np.abs(level[:, LINE_REACH_PX:-LINE_REACH_PX] - beside).mean(axis=0)  # (2 * BESIDE_PX + 1,)
    others = np.r_[differs[: BESIDE_PX - 5], differs[BESIDE_PX + 6 :]]
    return float(differs[BESIDE_PX - 1 : BESIDE_PX + 2].max() / max(0.1, float(np.median(others))))


def _middle_dot(grey: NDArray[np.uint8], middle: Floats, radius: float, dot_px: float) -> NDArray[np.intp] | None:
    """The pixel (row, col) of the dot next to the disc's middle; None where none stands out enough."""
    reach = max(4, round(CENTRE_PART * radius))
    margin = round(3 * dot_px) + 2
    top, left = (round(float(place)) - reach - margin for place in middle)
    side = 2 * (reach + margin) + 1
    if top < 0 or left < 0 or top + side > grey.shape[0] or left + side > grey.shape[1]:
        return None
    part = grey[top : top + side, left : left + side].astype(np.float32)
    near = _dotness(part, dot_px)[margin:-margin, margin:-margin]
    if near.max() < MIN_CENTRE:
        return None
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    return np.array([row + top + margin, col + left + margin])


def _dotness(grey: Plane, dot_px: float) -> Plane:
    """How far each pixel (H, W), smoothed over a dot, outshines what lies twice a dot's radius away on most sides.

    The line takes two of eight sides, so the third brightest counts.
    """
    inner = cv2.GaussianBlur(grey, (0, 0), 0.45 * dot_px)
    away = 2.1 * dot_px
    margin = round(away) + 1
    padded = cv2.copyMakeBorder(inner, *(margin,) * 4, cv2.BORDER_REPLICATE)
    height, width = grey.shape
    sides = []
    for turn in np.arange(8) * np.pi / 4:
        top, left = margin + round(away * np.sin(turn)), margin + round(away * np.cos(turn))
        sides.append(padded[top : top + height, left : left + width])
    return np.asarray(inner - np.partition(np.stack(sides), 5, axis=0)[5], np.float32)


def _best_row(dotness: Plane, centre: NDArray[np.intp], radius: float) -> tuple[float, float] | None:
    """Pitch in pixels and angle in radians of the row of dots about the middle one that stands out most."""
    height, width = dotness.shape
    nearby = cv2.dilate(dotness, np.ones((3, 3), np.uint8))
    angle = np.deg2rad(np.arange(0.0, 180.0, ANGLE_STEP_DEG))
    best, best_score = None, 0.0
    for pitch in np.arange(PITCH_PART[0] * radius, PITCH_PART[1] * radius, PITCH_STEP_PX):
        count = int(0.97 * radius // pitch)
        steps = np.array([step for step in range(-count, count + 1) if step])
        row = np.rint(centre[0] + np.outer(np.sin(angle), steps * pitch)).astype(int)
        col = np.rint(centre[1] + np.outer(np.cos(angle), steps * pitch)).astype(int)
        inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
        seen = np.where(inside, nearby[row.clip(0, height - 1), col.clip(0, width - 1)], MEDIAN_DOT)
        score = (seen.clip(-MEDIAN_DOT / 2, CLEAREST_DOT) - MEDIAN_DOT).sum(axis=1)
        top = int(score.argmax())
        if score[top] > best_score:
            best, best_score = (float(pitch), float(angle[top])), float(score[top])
    return best


def _measured(
    dotness: Plane, centre: NDArray[np.intp], row: tuple[float, float], radius: float, dot_px: float
) -> tuple[NDArray[np.intp], Floats] | None:
    """Which dots of a row are there, counted from the middle one, and where (n, 2); None where they are too few.

    row: its pitch and angle, roughly; both are learned from the middle outwards. A dot may be missing where tissue is
    as bright as it.
    """
    pitch, angle = row
    along = pitch * np.array([np.sin(angle), np.cos(angle)])
    pulled, pull = ROUGH_PULL * along, ROUGH_PULL
    count = int(0.97 * radius // pitch)
    middle = _centroid(dotness, centre.astype(np.float64), dot_px)
    if middle is None:
        return None
    found = {0: middle}
    for place in sorted(range(-count, count + 1), key=abs)[1:]:
        dot = _centroid(dotness, middle + place * along, max(dot_px, 0.03 * pitch))
        if dot is not None:
            found[place] = dot
            pulled, pull = pulled + place * (dot - middle), pull + place**2
            along = pulled / pull
    places, dots = np.array(sorted(found)), np.stack([found[place] for place in sorted(found)])
    heights = [_height(dotness, dot) for place, dot in found.items() if place]
    least = 2 * MIN_DOT if len(found) == MIN_DOTS else MIN_DOT
    enough = len(found) >= MIN_DOTS and len(found) >= MOST_DOTS * (2 * count + 1)
    return (places, dots) if enough and np.median(heights) >= MEDIAN_DOT and min(heights) >= least else None


def _height(dotness: Plane, at: Floats) -> float:
    row, col = (round(float(place)) for place in at)
    return float(dotness[row - 1 : row + 2, col - 1 : col + 2].max())


def _centroid(dotness: Plane, near: Floats, reach: float) -> Floats | None:
    """The middle of the dot within `reach` pixels of a point, to a fraction of a pixel; None where there is none."""
    row, col = (round(float(place)) for place in near)
    half = int(np.ceil(reach))
    height, width = dotness.shape
    if min(row, col, height - 1 - row, width - 1 - col) < 2 * half + 1:
        return None
    around = dotness[row - half : row + half + 1, col - half : col + half + 1]
    top_row, top_col = np.unravel_index(int(around.argmax()), around.shape)
    row, col = row - half + int(top_row), col - half + int(top_col)
    if dotness[row, col] < MIN_DOT:
        return None
    close = dotness[row - half : row + half + 1, col - half : col + half + 1]
    weight = (close - 0.5 * dotness[row, col]).clip(0)
    rows, cols = np.mgrid[-half : half + 1, -half : half + 1]
    return np.array([row + (weight * rows).sum() / weight.sum(), col + (weight * cols).sum() / weight.sum()])


def _ring_diameter(grey: NDArray[np.uint8], centre: Floats, pitch: float) -> float | None:
    """Diameter in pixels of the dashed ring, by its dashes below, above, left and right; None where they do not fit."""
    radius = np.arange(RING_PART[0] * pitch, RING_PART[1] * pitch, 0.5)
    found = []
    for side in (90, 270, 0, 180):
        angle = np.deg2rad(side + np.arange(-RING_DASH_DEG, RING_DASH_DEG + 1, 1.0))[:, None]
        cols = (centre[1] + np.cos(angle) * radius).astype(np.float32)
        rows = (centre[0] + np.sin(angle) * radius).astype(np.float32)
        level = cv2.remap(grey, cols, rows, cv2.INTER_LINEAR).astype(np.float32).mean(axis=0)
        raised = cv2.morphologyEx(level[:, None], cv2.MORPH_TOPHAT, np.ones((13, 1), np.uint8))[:, 0]
        top = int(raised.argmax())
        if raised[top] < MIN_RING:
            return None
        found.append(float(radius[top]))
    height, width = found[0] + found[1], found[2] + found[3]
    diameter = (height + width) / 2
    if abs(height / width - 1) > MAX_RING_STRETCH or not RING_MM[0] <= diameter / pitch <= RING_MM[1]:
        return None
    return diameter
