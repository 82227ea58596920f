"""The ruler by its colours: tissue is sepia or grey, so it is never bluer than it is red.

Cyan pixels give the line, and along the line the dots are bright and evenly spaced. A wrong scale is worse than none:
whatever does not fit gives None.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.pullback import Frame, strips
from octseg.view.ruler.ring import centre_and_ring
from octseg.view.ruler.shape import MIN_DOTS, Floats, Line, Ruler, fitted_line, lit

MIN_PITCH_PX = 20.0  # a 10 mm field on 200 px; below it the dots run together
MAX_OFF_LINE_PX = 3.0
MAX_PITCH_SPREAD = 0.05
MAX_PITCH_SPREAD_WITHOUT_RING = 0.02
FEW_DOTS = 3  # of a picture cut close about the catheter, where the ring tells the pitch as well
RING_OF_FEW_MM = (0.885, 0.93)  # 0.904 to 0.912 in real frames
CYAN_EXCESS = 16  # of B and G over R; tissue has none but for the noise of JPEG
MAX_LINE_PIXELS = 4000  # a thinned sample of more cyan pixels than this still shows the line
MAX_VOTERS = 500
MAX_LINES = 5
MIN_LINE_CONTRAST = 8.0  # median of B - R on the cyan line over that beside it
STRIP_HALF_WIDTH = 9  # in samples
LARGE_SIDE_PX = 1100  # above it dots may be too large for samples 1 px apart
MAX_CANDIDATES = 30  # a ruler has 4 to 13 dots; bright tissue under the line looks like a few more
DOT_REACH = 8  # samples either side of a dot's middle that it may cover
FAINT_PART = 0.3  # of the strength of the row's first dots; real rulers: 0.45 and more
LIKE_PART, MAX_OFF_HALF = 0.8, 0.08  # strength by that of a row's dots, and how far off halfway in pitches
MIN_DOT_SCORE = 30.0  # real dots 170 to 280, smaller in smaller frames


@dataclass(frozen=True)
class _Peaks:
    """Dot candidates along the line: place t, distance from the line, strength, and which colour; each (n,)."""

    t: Floats
    offset: Floats
    strength: Floats
    is_cyan: NDArray[np.bool_]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "_Peaks":
        return _Peaks(self.t[chosen], self.offset[chosen], self.strength[chosen], self.is_cyan[chosen])


def find_coloured_ruler(frame: Frame) -> Ruler | None:
    """The ruler in a frame (H, W, 3) by its colours, or None where there is none that fits in every respect."""
    cyan = cyan_pixels(frame)
    left = cyan
    steps = range(1, 1 + math.ceil(max(frame.shape[:2]) / LARGE_SIDE_PX))
    doubtful = few = None
    for _ in range(MAX_LINES):  # captions and the pullback's cursor may have longer cyan lines
        line = _cyan_line(left)
        if line is None:
            break
        best = _best_on(line, frame, cyan, steps, MIN_DOTS)
        if best is not None and best.ring_fits:
            return best
        few = few or (_best_on(line, frame, cyan, steps, FEW_DOTS) if best is None else None)
        doubtful = doubtful or best
        left = left[np.abs(line.beside(left)) > 6.0]
    return doubtful or few


def _best_on(line: Line, frame: Frame, cyan: Floats, steps: range, least_dots: int) -> Ruler | None:
    """The surest ruler on a line at any of the steps, of so many dots at least; None where there is none."""
    rulers = (_ruler_on(line, frame, cyan, float(step_px), least_dots) for step_px in steps)
    return max(filter(None, rulers), key=_how_sure, default=None)


def _how_sure(ruler: Ruler) -> tuple[bool, int, float]:
    """By which one line's ruler at one step is preferred to that at another: with the ring, more dots, evener."""
    return ruler.ring_fits, len(ruler.dots_px), -ruler.pitch_spread


def _ruler_on(line: Line, frame: Frame, cyan: Floats, step_px: float, least_dots: int) -> Ruler | None:
    """The ruler whose cut line is `line`; None where its dots, colours or ring do not fit.

    step_px: between samples along and across the line; 2 and more for frames that were enlarged. least_dots: fewer than
    MIN_DOTS are believed where the ring is just as wide as consoles draw it.
    """
    strip, t = _strip(frame, line, step_px)
    if t.size < 2 * STRIP_HALF_WIDTH:
        return None
    peaks = _dot_peaks(strip, t)
    dots = _evenly_spaced(peaks, least_dots)
    if dots is None or not _line_is_cyan(strip, t, dots):
        return None
    points = line.at(dots.t, dots.offset)
    if dots.is_cyan[0]:  # the line was found the other way round
        points = points[::-1]
    fitted = fitted_line(points)
    place = fitted.along(points)
    pitch = float(np.polyfit(np.arange(place.size), place, 1)[0])
    spread = float(np.abs(np.diff(place) - pitch).max() / pitch)
    if spread > MAX_PITCH_SPREAD or np.abs(fitted.beside(points)).max() > MAX_OFF_LINE_PX * step_px:
        return None
    centre, ring, stretched = centre_and_ring(points, int((~dots.is_cyan).sum()), cyan, fitted, pitch)
    ruler = Ruler(
        dots_px=points,
        centre=(float(centre[0]), float(centre[1])),
        direction=(float(fitted.direction[0]), float(fitted.direction[1])),
        pitch_px=pitch,
        pitch_spread=spread,
        dot_radius_px=_dot_radius(strip, t, dots),
        ring_diameter_px=ring,
    )
    is_even = spread <= MAX_PITCH_SPREAD_WITHOUT_RING
    if place.size < MIN_DOTS:
        ring_mm = ruler.ring_diameter_mm
        sure = is_even and ring_mm is not None and RING_OF_FEW_MM[0] <= ring_mm <= RING_OF_FEW_MM[1]
    else:
        is_whole = place.size > MIN_DOTS and is_even and not stretched and not _passes_over(peaks, dots)
        sure = ruler.ring_fits or is_whole
    return ruler if sure else None


def cyan_count(frame: Frame) -> int:
    """How many pixels of a frame (H, W, 3), or of some of its rows, are bluer than tissue can be."""
    red, green, blue = cv2.split(frame)
    return int(np.count_nonzero(cv2.min(cv2.subtract(blue, red), cv2.subtract(green, red)) > CYAN_EXCESS))


def dots_at(frame: Frame, ruler: Ruler) -> Floats:
    """(n, 3) of a coloured ruler's dots: the middle (row, col) of what is dot-like about each, and how much that is."""
    reach = round(ruler.dot_radius_px) + 4
    offset = np.arange(-reach, reach + 1)
    last = np.array(frame.shape[:2]) - 1
    middles = np.rint(ruler.dots_px).astype(int)
    rows, cols = (np.clip(middles[:, axis, None] + offset, 0, last[axis]) for axis in (0, 1))  # (n, side)
    around = frame[rows[:, :, None], cols[:, None, :]].astype(np.float64)
    score = np.maximum(*_dot_scores(around))
    total = np.maximum(1e-9, score.sum(axis=(1, 2)))
    down, right = (score.sum(axis=2) * rows).sum(axis=1), (score.sum(axis=1) * cols).sum(axis=1)
    return np.stack([down / total, right / total, total], axis=1)


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
    pixels = lit(mask).astype(np.float64)
    return pixels[:: 1 + len(pixels) // MAX_LINE_PIXELS]


def _cyan_line(pixels: Floats) -> Line | None:
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
    return Line(origin, direction)


def _strip(frame: Frame, line: Line, step_px: float) -> tuple[Floats, Floats]:
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
    """How cyan-dot-like and how yellow-dot-like each pixel of strips (..., width, 3) is, (..., width) each.

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


def _evenly_spaced(peaks: _Peaks, least_dots: int) -> _Peaks | None:
    """The dots among the candidates: the strongest row of so many that is evenly spaced and changes colour once.

    Each pair of candidates starts a row. A candidate that a row passes over counts against it, so that every second
    dot is no ruler.
    """
    peaks = peaks.take(np.sort(np.argsort(peaks.strength)[-MAX_CANDIDATES:]))
    places, strengths = peaks.t.tolist(), peaks.strength.tolist()
    best, best_score = None, 0.0
    for first, second in combinations(range(len(places)), 2):
        row = _row_from(places, strengths, first, second)
        if len(row) < least_dots:  # as most are
            continue
        row = _of_one_ruler(peaks, row)
        if len(row) < least_dots or (np.diff(peaks.is_cyan[row].astype(np.int8)) != 0).sum() != 1:
            continue
        score = 2 * peaks.strength[row].sum() - peaks.strength[first : row[-1] + 1].sum()
        if score > best_score:
            best, best_score = np.array(row), float(score)
    return None if best is None else peaks.take(best)


def _row_from(places: Sequence[float], strengths: Sequence[float], first: int, second: int) -> list[int]:
    """Candidates from `first` and `second` on, each one pitch after the last; the pitch is learned on the way.

    places: along the line, in order. Both are lists: of so few numbers NumPy takes ten times as long.
    """
    row = [first, second]
    while True:
        pitch = (places[row[-1]] - places[first]) / (len(row) - 1)
        if pitch < MIN_PITCH_PX:
            return []
        expected, off = places[row[-1]] + pitch, MAX_PITCH_SPREAD * pitch
        near = range(bisect_left(places, expected - off), bisect_right(places, expected + off))
        if not near:
            return row
        row.append(max(near, key=strengths.__getitem__))


def _passes_over(peaks: _Peaks, dots: _Peaks) -> bool:
    """Whether candidates like the dots of a row lie halfway between them, or at thirds, in half of its gaps or more.

    So they do where one between is lost, and no row has them all.
    """
    like = peaks.t[peaks.strength >= LIKE_PART * np.median(dots.strength)]
    part = (like - dots.t[:-1, None]) / np.diff(dots.t)[:, None]
    off = np.abs(part[..., None] - np.array([1 / 2, 1 / 3, 2 / 3]))
    return bool((off < MAX_OFF_HALF).any(axis=1).mean(axis=0).max() >= 0.5)


def _of_one_ruler(peaks: _Peaks, row: list[int]) -> list[int]:
    """The row up to where its colour changes a second time or it grows faint: a strip or caption beyond the disc."""
    changes = np.cumsum(np.diff(peaks.is_cyan[row].astype(np.int8), prepend=peaks.is_cyan[row[:1]]) != 0)
    faint = peaks.strength[row] < FAINT_PART * np.median(peaks.strength[row[:MIN_DOTS]])
    ends = np.flatnonzero((changes > 1) | faint)
    return row[: ends[0]] if ends.size else row


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
