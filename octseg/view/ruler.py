"""The ruler that an OCT console burns into a frame: a cut line through the catheter with dots 1 mm apart.

The line is yellow on one side of the catheter and cyan on the other, and four cyan arcs mark the catheter's rim. Tissue
is sepia or grey, so it is never bluer than it is red: cyan pixels give the line, and along the line the dots are bright
and evenly spaced. A wrong scale is worse than none: whatever does not fit gives None.

Points are (row, col) in pixels, pixel centres at whole numbers; t is the place along the line in pixels, growing from
the yellow side to the cyan side.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame, strips
from octseg.view.grey import SEPIA, is_sepia

Floats = NDArray[np.float64]

MM_PER_DOT = 1.0
RING_MM = (0.85, 0.97)  # the catheter of 2.7 F, 0.90 mm, as the console draws it
MIN_DOTS = 4
MIN_PITCH_PX = 20.0  # a 10 mm field on 200 px; below it the dots run together
MAX_OFF_LINE_PX = 3.0
MAX_PITCH_SPREAD = 0.05
MAX_PITCH_SPREAD_WITHOUT_RING = 0.02
CYAN_EXCESS = 16  # of B and G over R; tissue has none but for the noise of JPEG
MAX_LINE_PIXELS = 4000  # a thinned sample of more cyan pixels than this still shows the line
MAX_VOTERS = 500
MAX_LINES = 5
MIN_LINE_CONTRAST = 8.0  # median of B - R on the cyan line over that beside it
STRIP_HALF_WIDTH = 9  # in samples
LARGE_SIDE_PX = 1100  # above it dots may be too large for samples 1 px apart
MAX_CANDIDATES = 30  # a ruler has 4 to 13 dots; bright tissue under the line looks like a few more
RING_SEARCH = (0.3, 0.75)  # radius by pitch: a ring of the wrong size shall show, and a dot's neighbours shall not
MIN_RING_PIXELS = 12
MIN_RING_SHARE = 0.6  # of the cyan pixels about the catheter
MAX_RING_OFF_CENTRE = 0.15  # of its radius
MAX_RING_STRETCH = 0.02  # height over width, less 1
DOT_REACH = 8  # samples either side of a dot's middle that it may cover
MIN_DOT_SCORE = 30.0  # real dots 170 to 280, smaller in smaller frames


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """A burned-in ruler as it was found.

    dots_px: (n, 2) dot centres, sub-pixel, from the yellow end to the cyan end.
    centre: the dot at the catheter. direction: (row, col) unit vector from yellow to cyan.
    pitch_px: pixels between neighbouring dots, so pixels per mm.
    pitch_spread: largest deviation of one gap from `pitch_px`, as a part of it.
    dot_radius_px: of a dot as drawn, for painting it out.
    ring_diameter_px: of the dashed ring at the catheter's rim; None where it was not found.
    """

    dots_px: Floats
    centre: tuple[float, float]
    direction: tuple[float, float]
    pitch_px: float
    pitch_spread: float
    dot_radius_px: float
    ring_diameter_px: float | None

    def moved(self, rows: int, cols: int) -> "Ruler":
        """The ruler in a picture that it lies so many pixels farther down and to the right in."""
        centre = (self.centre[0] + rows, self.centre[1] + cols)
        return replace(self, dots_px=self.dots_px + np.array([rows, cols]), centre=centre)

    @property
    def ring_diameter_mm(self) -> float | None:
        """The ring measured with the dots: 0.907 +- 0.002 mm on real frames."""
        return None if self.ring_diameter_px is None else self.ring_diameter_px / self.pitch_px * MM_PER_DOT

    @property
    def ring_fits(self) -> bool:
        """Whether the ring was found and has the size of a catheter, so that the scale is confirmed."""
        return self.ring_diameter_mm is not None and RING_MM[0] <= self.ring_diameter_mm <= RING_MM[1]


@dataclass(frozen=True)
class _Line:
    """A straight line: `origin` is its point next to the frame's (0, 0), `direction` points from yellow to cyan."""

    origin: Floats  # (2,)
    direction: Floats  # (2,)

    @property
    def normal(self) -> Floats:
        return np.array([-self.direction[1], self.direction[0]])

    def along(self, points: Floats) -> Floats:
        """Place t of (n, 2) points along the line, (n,)."""
        return np.asarray((points - self.origin) @ self.direction, dtype=np.float64)

    def beside(self, points: Floats) -> Floats:
        """Signed distance of (n, 2) points from the line, (n,)."""
        return np.asarray((points - self.origin) @ self.normal, dtype=np.float64)

    def at(self, t: Floats, offset: Floats | float = 0.0) -> Floats:
        """(n, 2) points at places `t` (n,), `offset` pixels, one or (n,), beside the line."""
        beside = np.multiply.outer(np.broadcast_to(offset, t.shape), self.normal)
        return np.asarray(self.origin + np.multiply.outer(t, self.direction) + beside, dtype=np.float64)


@dataclass(frozen=True)
class _Peaks:
    """Dot candidates along the line: place t, distance from the line, strength, and which colour; each (n,)."""

    t: Floats
    offset: Floats
    strength: Floats
    is_cyan: NDArray[np.bool_]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "_Peaks":
        return _Peaks(self.t[chosen], self.offset[chosen], self.strength[chosen], self.is_cyan[chosen])


def find_ruler(frame: Frame) -> Ruler | None:
    """The ruler burned into a frame (H, W, 3), or None where there is none that fits in every respect."""
    cyan = cyan_pixels(frame)
    left = cyan
    steps = (1.0, 2.0) if max(frame.shape[:2]) > LARGE_SIDE_PX else (1.0,)
    doubtful = None
    for _ in range(MAX_LINES):  # captions and the pullback's cursor may have longer cyan lines
        line = _cyan_line(left)
        if line is None:
            break
        for step_px in steps:
            ruler = _ruler_on(line, frame, cyan, step_px)
            if ruler is not None and ruler.ring_fits:
                return ruler
            doubtful = doubtful or ruler
        left = left[np.abs(line.beside(left)) > 6.0]
    return doubtful


def _ruler_on(line: _Line, frame: Frame, cyan: Floats, step_px: float) -> Ruler | None:
    """The ruler whose cut line is `line`; None where its dots, colours or ring do not fit.

    step_px: between samples along and across the line; 2 for frames that were enlarged.
    """
    strip, t = _strip(frame, line, step_px)
    if t.size < 2 * STRIP_HALF_WIDTH:
        return None
    dots = _evenly_spaced(_dot_peaks(strip, t))
    if dots is None or not _line_is_cyan(strip, t, dots):
        return None
    points = line.at(dots.t, dots.offset)
    if dots.is_cyan[0]:  # the line was found the other way round
        points = points[::-1]
    fitted = _fitted_line(points)
    place = fitted.along(points)
    pitch = float(np.polyfit(np.arange(place.size), place, 1)[0])
    spread = float(np.abs(np.diff(place) - pitch).max() / pitch)
    if spread > MAX_PITCH_SPREAD or np.abs(fitted.beside(points)).max() > MAX_OFF_LINE_PX:
        return None
    centre, ring, stretched = _centre_and_ring(points, int((~dots.is_cyan).sum()), cyan, fitted, pitch)
    ruler = Ruler(
        dots_px=points,
        centre=(float(centre[0]), float(centre[1])),
        direction=(float(fitted.direction[0]), float(fitted.direction[1])),
        pitch_px=pitch,
        pitch_spread=spread,
        dot_radius_px=_dot_radius(strip, t, dots),
        ring_diameter_px=ring,
    )
    sure_of_the_dots = place.size > MIN_DOTS and spread <= MAX_PITCH_SPREAD_WITHOUT_RING
    return ruler if ruler.ring_fits or (sure_of_the_dots and not stretched) else None


def cyan_pixels(frame: Frame) -> Floats:
    """(n, 2) pixels that are bluer than tissue can be and belong to something thin; a blue panel or border is not."""
    mask: NDArray[np.uint8] = np.empty(frame.shape[:2], np.uint8)
    for rows in strips(len(mask)):
        red, green, blue = cv2.split(frame[rows])
        coldest = cv2.min(cv2.subtract(blue, red), cv2.subtract(green, red))
        mask[rows] = cv2.threshold(coldest, CYAN_EXCESS, 255, cv2.THRESH_BINARY)[1]
    if cv2.countNonZero(mask) > MAX_LINE_PIXELS:
        thick = np.ones((25, 25), np.uint8)
        mask = np.asarray(cv2.subtract(mask, cv2.morphologyEx(mask, cv2.MORPH_OPEN, thick)), np.uint8)
    pixels = _lit(mask).astype(np.float64)
    return pixels[:: 1 + len(pixels) // MAX_LINE_PIXELS]


def _lit(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(n, 2) pixels (row, col) of a mask (H, W) that are not 0; ten times as fast as numpy's."""
    if cv2.countNonZero(mask) == 0:
        return np.empty((0, 2), np.int32)
    return np.asarray(cv2.findNonZero(mask), dtype=np.int32).reshape(-1, 2)[:, ::-1]


def _cyan_line(pixels: Floats) -> _Line | None:
    """The straight line that most of the (n, 2) pixels lie on, found by a vote of angle and distance, then fitted."""
    if len(pixels) < 2 * MIN_PITCH_PX:
        return None
    angle = np.deg2rad(np.arange(0.0, 180.0, 1.0))
    normal = np.stack([np.sin(angle), np.cos(angle)])  # (2, n_angles)
    middle = pixels.mean(axis=0)
    voters = (pixels[:: 1 + len(pixels) // MAX_VOTERS] - middle).astype(np.float32)
    distance = np.rint(voters @ (normal / 3.0).astype(np.float32)).astype(np.int32)  # (n, n_angles), in bins of 3 px
    reach = int(np.abs(distance).max()) + 1
    cells = (distance + reach) * angle.size + np.arange(angle.size)
    winner = int(np.bincount(cells.ravel()).argmax())
    direction = normal[::-1, winner % angle.size] * (1.0, -1.0)
    origin = middle + normal[:, winner % angle.size] * (winner // angle.size - reach) * 3.0
    for tolerance in (6.0, 4.0, 2.5):
        across = (pixels - origin) @ np.array([-direction[1], direction[0]])
        near = pixels[np.abs(across) <= tolerance]
        if len(near) < MIN_PITCH_PX:
            return None
        origin = near.mean(axis=0)
        direction = np.linalg.svd(near - origin, full_matrices=False)[2][0]
    return _Line(origin, direction)


def _fitted_line(points: Floats) -> _Line:
    """The line through (n, 2) points by least squares, directed from the first to the last."""
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    return _Line(middle, direction if (points[-1] - points[0]) @ direction > 0 else -direction)


def _strip(frame: Frame, line: _Line, step_px: float) -> tuple[Floats, Floats]:
    """The frame along the line, (n, 2 * STRIP_HALF_WIDTH + 1, 3) RGB every `step_px`, and t (n,) of its rows."""
    height, width = frame.shape[:2]
    reach = float(np.hypot(height, width))
    t = np.arange(-reach, reach, step_px)
    on_line = line.at(t)
    inside = ((on_line >= 0) & (on_line <= (height - 1, width - 1))).all(axis=1)
    t, on_line = t[inside], on_line[inside]
    offset = step_px * np.arange(-STRIP_HALF_WIDTH, STRIP_HALF_WIDTH + 1)
    place = (on_line[:, None, :] + offset[:, None] * line.normal).astype(np.float32)  # (n, width, 2)
    # OpenCV's remap takes (x, y), and no map with a side over 32767.
    strip = cv2.remap(frame, place[..., 1], place[..., 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, dtype=np.float64), t


def _dot_scores(strip: Floats) -> tuple[Floats, Floats]:
    """How cyan-dot-like and how yellow-dot-like each pixel of the strip (n, width, 3) is, (n, width) each.

    A cyan dot is near (160, 200, 240), bluer than green where the line is not; a yellow dot is near (240, 218, 100),
    with more green to its red than any sepia.
    """
    red, green, blue = strip[..., 0], strip[..., 1], strip[..., 2]
    cyan = np.clip(np.minimum(blue - green, 0.6 * (blue - red)), 0.0, 40.0)
    yellow = np.clip(np.minimum(green - 0.8 * red, 0.4 * (red - blue)), 0.0, 30.0)
    return cyan, yellow


def _dot_peaks(strip: Floats, t: Floats) -> _Peaks:
    """Dot candidates: local maxima along the line of the scores summed across it, away from the frame's edge."""
    step_px = t[1] - t[0]
    offset = step_px * np.arange(-STRIP_HALF_WIDTH, STRIP_HALF_WIDTH + 1)
    found: list[tuple[float, float, float, bool]] = []
    for is_cyan, score in zip((True, False), _dot_scores(strip), strict=True):
        profile = np.convolve(score[:, 4:-4].sum(axis=1), np.full(5, 0.2), mode="same")
        around = cv2.dilate(profile[:, None], np.ones((15, 1), np.uint8))[:, 0]
        tops = np.flatnonzero((profile == around) & (profile > MIN_DOT_SCORE))
        tops = tops[np.diff(tops, prepend=-2) > 1]  # a flat top is one
        for top in tops[(tops >= DOT_REACH) & (tops < t.size - DOT_REACH)]:
            near = slice(top - DOT_REACH, top + DOT_REACH + 1)
            along = np.clip(profile[near] - 0.3 * profile[top], 0.0, None)
            across = score[top - 3 : top + 4].sum(axis=0)
            place, beside = np.average(t[near], weights=along), np.average(offset, weights=across)
            found.append((place, beside, profile[top], is_cyan))
    columns = np.array(sorted(found), dtype=np.float64).reshape(-1, 4).T
    return _Peaks(columns[0], columns[1], columns[2], columns[3].astype(bool))


def _dot_radius(strip: Floats, t: Floats, dots: _Peaks) -> float:
    """Radius in pixels of a disc with the dots' median area."""
    cyan, yellow = _dot_scores(strip)
    step_px = t[1] - t[0]
    areas = []
    for place, is_cyan in zip(dots.t, dots.is_cyan, strict=True):
        around = (cyan if is_cyan else yellow)[np.abs(t - place) <= STRIP_HALF_WIDTH * step_px]
        areas.append(float((around > around.max() / 2).sum()))
    return float(step_px * np.sqrt(np.median(areas) / np.pi))


def _evenly_spaced(peaks: _Peaks) -> _Peaks | None:
    """The dots among the candidates: the strongest row that is evenly spaced and changes colour once.

    Each pair of candidates starts a row. A candidate that a row passes over counts against it, so that every second
    dot is no ruler.
    """
    peaks = peaks.take(np.sort(np.argsort(peaks.strength)[-MAX_CANDIDATES:]))
    best, best_score = None, 0.0
    for first in range(peaks.t.size):
        for second in range(first + 1, peaks.t.size):
            row = _row_from(peaks, first, second)
            if len(row) < MIN_DOTS or (np.diff(peaks.is_cyan[row].astype(np.int8)) != 0).sum() != 1:
                continue
            score = 2 * peaks.strength[row].sum() - peaks.strength[first : row[-1] + 1].sum()
            if score > best_score:
                best, best_score = np.array(row), float(score)
    return None if best is None else peaks.take(best)


def _row_from(peaks: _Peaks, first: int, second: int) -> list[int]:
    """Candidates from `first` and `second` on, each one pitch after the last; the pitch is learned on the way."""
    row = [first, second]
    while True:
        pitch = (peaks.t[row[-1]] - peaks.t[first]) / (len(row) - 1)
        if pitch < MIN_PITCH_PX:
            return []
        off = np.abs(peaks.t - (peaks.t[row[-1]] + pitch))
        near = np.flatnonzero(off <= MAX_PITCH_SPREAD * pitch)
        if near.size == 0:
            return row
        row.append(int(near[peaks.strength[near].argmax()]))


def _line_is_cyan(strip: Floats, t: Floats, dots: _Peaks) -> bool:
    """Whether the line that joins the cyan dots is colder than what lies beside it, and that of the yellow dots not."""
    coldness = strip[..., 2] - strip[..., 0]  # (n, width)
    middle = STRIP_HALF_WIDTH
    contrast = coldness[:, middle - 2 : middle + 3].max(axis=1) - np.median(coldness, axis=1)  # (n,)
    half_pitch = float(np.diff(dots.t).mean()) / 2

    def median_contrast(place: Floats) -> float:
        return float(np.median(contrast[(t > place.min() - half_pitch) & (t < place.max() + half_pitch)]))

    cyan, yellow = median_contrast(dots.t[dots.is_cyan]), median_contrast(dots.t[~dots.is_cyan])
    return cyan >= MIN_LINE_CONTRAST and cyan >= 2.0 * yellow


def _centre_and_ring(
    dots: Floats, yellow_count: int, cyan: Floats, line: _Line, pitch_px: float
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
        stretched = stretched or len(arcs) >= MIN_RING_PIXELS
    return dots[yellow_count - 1], None, stretched


def _circle_diameter(arcs: Floats, pitch_px: float) -> float | None:
    """Diameter in pixels of a circle about (0, 0) through most of the (n, 2) pixels, seen in three quadrants."""
    if len(arcs) < MIN_RING_PIXELS:
        return None
    radius = np.hypot(*arcs.T)
    votes = np.convolve(np.bincount(radius.astype(np.intp)), np.ones(3), mode="same")
    on_ring = arcs[np.abs(radius - votes.argmax()) <= max(3.0, 0.04 * pitch_px)]
    quadrants = np.unique(np.rint(np.degrees(np.arctan2(on_ring[:, 0], on_ring[:, 1])) / 90.0) % 4)
    if len(on_ring) < max(MIN_RING_PIXELS, MIN_RING_SHARE * len(arcs)) or quadrants.size < 3:
        return None
    # Least squares of |p|^2 = 2 c p + (r^2 - |c|^2): the arcs are drawn a little beside the dot.
    design = np.column_stack([2.0 * on_ring, np.ones(len(on_ring))])
    solution = np.linalg.lstsq(design, (on_ring**2).sum(axis=1), rcond=None)[0]
    off_centre, radius_px = np.hypot(*solution[:2]), np.sqrt(max(0.0, solution[2] + (solution[:2] ** 2).sum()))
    if off_centre > MAX_RING_OFF_CENTRE * radius_px or abs(_axis_ratio(on_ring) - 1.0) > MAX_RING_STRETCH:
        return None
    return float(2.0 * radius_px)


def _axis_ratio(ring: Floats) -> float:
    """Height over width of the upright ellipse through (n, 2) pixels, from its arcs above, below, left and right.

    Least squares of row^2 = a + b row + c col - d col^2, whose axes are as sqrt(d) to 1; inf where there is no ellipse.
    """
    row, col = ring.T
    design = np.column_stack([np.ones(len(ring)), row, col, -(col**2)])
    solution = np.linalg.lstsq(design, row**2, rcond=None)[0]
    return float(np.sqrt(solution[3])) if solution[3] > 0 else float("inf")


def ruler_marks(frame: Frame, ruler: Ruler) -> NDArray[np.bool_]:
    """Every pixel (H, W) that the ruler covers: line, dots and dashed ring, with the blur that JPEG gives them.

    The line ends at the disc's rim, less than one pitch beyond its last dots. Line and dots are taken by their place;
    their blur and the ring by their colour near that place.
    """
    height, width = frame.shape[:2]
    line_px = max(1, round(0.5 * ruler.dot_radius_px))  # the line's width grows with the dots when a frame is resized
    beyond = ruler.pitch_px * np.array(ruler.direction)
    ends = (ruler.dots_px[0] - beyond, ruler.dots_px[-1] + beyond)
    marks, near = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    for mask, thickness in ((marks, line_px), (near, 3 * line_px + 4)):
        cv2.line(mask, _xy(ends[0]), _xy(ends[1]), 1, thickness)
    for dot in ruler.dots_px:
        cv2.circle(marks, _xy(dot), round(1.2 * ruler.dot_radius_px + 1), 1, -1)
        cv2.circle(near, _xy(dot), round(1.5 * ruler.dot_radius_px + 4), 1, -1)
    if ruler.ring_diameter_px is not None:
        width_px = 2 * round(0.03 * ruler.ring_diameter_px + line_px) + 1  # the arcs are drawn a little off-centre
        cv2.circle(near, _xy(ruler.centre), round(ruler.ring_diameter_px / 2), 1, width_px)
    rows, cols = _lit(near).T
    coloured = _coloured(frame[rows, cols].astype(np.int16), is_sepia(frame))
    marks[rows[coloured], cols[coloured]] = 1
    return np.asarray(cv2.dilate(marks, np.ones((3, 3), np.uint8)), dtype=bool)


def _coloured(pixels: NDArray[np.int16], sepia: bool) -> NDArray[np.bool_]:
    """Which of the (n, 3) pixels have a colour that tissue, sepia or grey, has not."""
    red, green, blue = pixels.T
    if not sepia:
        return np.asarray(pixels.max(axis=1) - pixels.min(axis=1) > CYAN_EXCESS)
    return np.asarray((blue - red > 0) & (blue > CYAN_EXCESS / 2) | (np.abs(green - SEPIA[red, 1]) > CYAN_EXCESS / 2))


def _xy(point: Floats | tuple[float, float]) -> tuple[int, int]:
    """A (row, col) point as OpenCV's whole (x, y)."""
    return round(float(point[1])), round(float(point[0]))
