"""Where the imaged disc lies in a frame: a circle of tissue and noise on a uniform ground.

Points are (row, col) in pixels, pixel centres at whole numbers. Margins, captions and an L-mode strip beside or below
the disc are told from it by their outline: only the disc's is a circle.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.pullback import LARGE_PIXELS, strips

SEARCH_SIDE_PX = 256  # the frame is searched at about this size
GROUND_STEP = 3  # grey levels above the ground from which a pixel counts as imaged
STAINED_SHARE = 0.02  # of the ground beside the rim; a lossless frame has 0.001 at most, a JPEG 0.04 and more
STAIN_PART = 0.35  # of the tissue's level: the stains of lossy coding are dimmer
RIM_TOLERANCE_PX = 1.5  # at the search size
LEAST_POINTS = 30  # of an outline, for a rim to be looked for in it
N_TRIALS = 400
N_RIM_BINS = 120  # the rim is covered by bins of 3 degrees
N_REFINING_RAYS = 360
MIN_RIM_SHARE = 0.45  # of the rim that lies in the frame; shadows reach the rim, strips hide some of it

LEAST_CUT = 0.02  # of the radius, that lies beyond the frame's edge

MIN_ELLIPSE_SHARE = 0.5  # of the whole ellipse, to be called one; strips and screens hide the rest
MIN_SHARE_BEYOND = 0.3  # how much more of it is outlined than of one a little larger; speckle and text outline both
START_TOLERANCE = 0.15  # of the half axes: how far points may lie from an ellipse that is roughly known
ROUND = 0.03  # log of width by height; what is rounder is looked at no further
N_ELLIPSE_TRIALS = 1500  # of four points each; a third of the outline's points on the rim gives 18 good ones
MOST_LIKELY_STRETCH = 2.2  # width by height or the other way round; a square drawn as wide as a screen: 1.78


@dataclass(frozen=True)
class Disc:
    """The imaged disc; it may reach past the frame's edges.

    window: its first row and col and its last that are shown, where a screen cuts it off within the picture; else None.
    """

    centre: tuple[float, float]
    radius_px: float
    window: tuple[float, float, float, float] | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Top, left, height and width of the square about it, which may reach past the frame's edges."""
        row, col = self.centre
        side = 2 * self.radius_px
        return row - (side - 1) / 2, col - (side - 1) / 2, side, side

    def is_cut_off(self, height: int, width: int) -> bool:
        """Whether a frame of that size shows less than the whole of it, by more than its rim may be off."""
        room_px = self.radius_px * (1 - LEAST_CUT)
        first, last = self.shown(height, width)
        return any(not a + room_px <= at <= b - room_px for at, a, b in zip(self.centre, first, last, strict=True))

    def shown(self, height: int, width: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """The first and the last (row, col) of a frame of that size that may show it."""
        if self.window is None:
            return (0, 0), (height - 1, width - 1)
        return self.window[:2], self.window[2:]

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """(height, width), True on pixels whose centre lies in the disc; not to be written to."""
        return _kept_mask(self, height, width) if height * width <= LARGE_PIXELS else _mask_of(self, height, width)


def _mask_of(disc: Disc, height: int, width: int) -> NDArray[np.bool_]:
    inside = np.empty((height, width), bool)
    row = (np.arange(height, dtype=np.float32) - disc.centre[0])[:, None]
    col = (np.arange(width, dtype=np.float32) - disc.centre[1])[None]
    for rows in strips(height):
        np.less_equal(row[rows] * row[rows] + col * col, disc.radius_px**2, out=inside[rows])
    if disc.window is not None:
        (top, left), (bottom, right) = disc.shown(height, width)
        inside[: math.ceil(top)] = inside[math.floor(bottom) + 1 :] = False
        inside[:, : math.ceil(left)] = inside[:, math.floor(right) + 1 :] = False
    inside.flags.writeable = False
    return inside


_kept_mask = lru_cache(maxsize=2)(_mask_of)  # the same in most frames of a pullback


@dataclass(frozen=True, eq=False)
class Outlines:
    """What stands out in a grey frame that was shrunk to be searched, by each level that its ground may have.

    shape: of the shrunk frame. shrink: how many times the frame is larger. found: the level, and the points (n, 2) of
    the outlines, less those on the frame's edge.
    """

    shape: tuple[int, ...]
    shrink: float
    found: tuple[tuple[int, NDArray[np.float32]], ...]

    @classmethod
    def of(cls, grey: NDArray[np.uint8]) -> Self:
        """Those of a frame (H, W)."""
        height, width = grey.shape
        shrink = max(1.0, max(height, width) / SEARCH_SIDE_PX)
        size = (round(width / shrink), round(height / shrink))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = [(level, _outline_points(above_ground(small, level), which)) for level, which in _grounds(small)]
        return cls(
            small.shape, shrink, tuple((level, points) for level, points in found if len(points) >= LEAST_POINTS)
        )


def find_disc(grey: NDArray[np.uint8], outlines: Outlines | None = None) -> Disc | None:
    """The disc in a grey frame (H, W), or None where no circle covers enough of its own rim.

    outlines: of that frame, where they are known.
    """
    height, width = grey.shape
    outlines = Outlines.of(grey) if outlines is None else outlines
    fit, share, ground = None, 0.0, 0
    for level, points in outlines.found:
        on_level, share_on_level = _circle_on(points, outlines.shape)
        if share_on_level > share:
            fit, share, ground = on_level, share_on_level, level
    if fit is None:
        return None
    # From the small frame's pixel centres to the large one's.
    scale_row, scale_col = height / outlines.shape[0], width / outlines.shape[1]
    centre = (float((fit[0] + 0.5) * scale_row - 0.5), float((fit[1] + 0.5) * scale_col - 0.5))
    coarse = Disc(centre, float(fit[2] * (scale_row + scale_col) / 2))
    return _refined(coarse, grey, ground, reach_px=3.0 * outlines.shrink)


def rim_stretch(outlines: Outlines, disc: Disc | None = None) -> float | None:
    """How many times as wide as high the imaged disc in a frame of such outlines is: 1 where it is a circle.

    disc: as found in it, if any: what a little stretch leaves of a circle. None where no upright ellipse outlines
    enough of what stands out from the ground.
    """
    shrink, shape = outlines.shrink, outlines.shape
    rims: list[tuple[float, float]] = []
    if disc is not None:
        row, col = ((place + 0.5) / shrink - 0.5 for place in disc.centre)
        start = np.array([row, col, disc.radius_px / shrink, disc.radius_px / shrink])
        rims = [rim for _, points in outlines.found if (rim := _rim_near(points, start, START_TOLERANCE, shape))]
    if not rims or abs(np.log(max(rims)[1])) > ROUND:  # a circle may fit a part of an ellipse, or of a toolbar
        rims += [rim for _, points in outlines.found for rim in _rims_by_trial(points, shape)]
    return max(rims)[1] if rims else None


def _rims_by_trial(points: NDArray[np.float32], shape: tuple[int, ...]) -> Iterator[tuple[float, float]]:
    """Share and stretch, as of `_rim_near`, of the ellipses that most of the outline points (n, 2) lie on."""
    rng = np.random.default_rng(0)
    middle, spread = points.mean(axis=0, dtype=np.float64), points.std(axis=0, dtype=np.float64) + 1e-9
    row, col = np.moveaxis(((points - middle) / spread)[rng.integers(0, len(points), (N_ELLIPSE_TRIALS, 4))], -1, 0)
    design = np.stack([row**2, col**2, row, col], axis=-1)  # (n, 4, 4)
    design = design[np.abs(np.linalg.det(design)) > 1e-6]
    ellipses = _axes(np.linalg.solve(design, np.ones((len(design), 4, 1)))[..., 0], middle, spread)
    half, stretch = ellipses[:, 2:], ellipses[:, 3] / ellipses[:, 2]
    likely = np.abs(np.log(stretch)) < np.log(MOST_LIKELY_STRETCH)
    within = (ellipses[:, :2] > 0.1 * np.array(shape)) & (ellipses[:, :2] < 0.9 * np.array(shape))
    sized = (half > 0.15 * min(shape)) & (half < 0.75 * max(shape))
    ellipses = ellipses[likely & within.all(axis=1) & sized.all(axis=1)]
    few = points[:: max(1, len(points) // 400)]
    down = (few[:, 0] - ellipses[:, :1]) / ellipses[:, 2:3]  # (m, n)
    right = (few[:, 1] - ellipses[:, 1:2]) / ellipses[:, 3:]
    on_rim = np.abs(np.hypot(down, right) - 1) * ellipses[:, 2:].min(axis=1, keepdims=True) < RIM_TOLERANCE_PX
    which, at = np.nonzero(on_rim)
    covered = np.zeros((len(ellipses), N_RIM_BINS // 2), bool)  # not how many points: text has more than the rim
    turn = np.arctan2(down[which, at], right[which, at]) / (2 * np.pi) % 1
    covered[which, (turn * covered.shape[1]).astype(int) % covered.shape[1]] = True
    for ellipse in ellipses[np.argsort(-covered.sum(axis=1))[:12]]:
        rim = _rim_near(points, ellipse, 2 * RIM_TOLERANCE_PX / float(ellipse[2:].min()), shape)
        if rim is not None:
            yield rim


def _rim_near(
    points: NDArray[np.float32], start: NDArray[np.float64], within: float, shape: tuple[int, ...]
) -> tuple[float, float] | None:
    """The ellipse through the outline points (n, 2) near a roughly known one (row, col, half height, half width).

    As the share of it that is outlined and its half width by half height; None where it outlines too little, or no
    more than what lies about it. within: how far points may be from the start, as a part of its half axes.
    """
    fit = start
    for _ in range(8):  # what lies on a strip or within a shadow is left out step by step
        off = np.abs(np.hypot((points[:, 0] - fit[0]) / fit[2], (points[:, 1] - fit[1]) / fit[3]) - 1)
        close = points[off <= within]
        next_fit = _least_squares_ellipse(close) if len(close) >= LEAST_POINTS else None
        if next_fit is None:
            return None
        unchanged, before = np.array_equal(next_fit, fit), within
        fit = next_fit
        within = max(0.6 * within, RIM_TOLERANCE_PX / float(fit[2:].min()))
        if unchanged and within == before:  # every further step would say the same
            break
    stretch = float(fit[3] / fit[2])
    drawn, drawn_shape = points * np.array([stretch, 1.0], np.float32), (round(shape[0] * stretch), shape[1])
    rim = np.array([fit[0] * stretch, fit[1], fit[3]])
    covered, visible = _rim_bins(drawn, rim, drawn_shape)
    share = float((covered & visible).mean())
    beyond = float(_rim_bins(drawn, rim + np.array([0, 0, 3 * RIM_TOLERANCE_PX]), drawn_shape)[0].mean())
    return (share, stretch) if share >= MIN_ELLIPSE_SHARE and share - beyond >= MIN_SHARE_BEYOND else None


def _least_squares_ellipse(points: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """(row, col, half height, half width) of the upright ellipse nearest to points (n, 2); None where it is none."""
    middle, spread = points.mean(axis=0, dtype=np.float64), points.std(axis=0, dtype=np.float64) + 1e-9
    row, col = ((points - middle) / spread).T
    conic, *_ = np.linalg.lstsq(np.column_stack([row**2, col**2, row, col]), np.ones(len(points)), rcond=None)
    axes = _axes(conic[None], middle, spread)
    return axes[0] if len(axes) else None


def _axes(conics: NDArray[np.float64], middle: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, 4) row, col, half height, half width of the ellipses among n conics a r^2 + b c^2 + c r + d c = 1 (n, 4).

    Their points were taken from `middle`, which may lie outside of them, and divided by `spread`.
    """
    conics = conics[conics[:, 0] * conics[:, 1] > 0]
    centre = -conics[:, 2:] / (2 * conics[:, :2])
    squares = (1 + (conics[:, :2] * centre**2).sum(axis=1, keepdims=True)) / conics[:, :2]
    real = (squares > 0).all(axis=1)
    return np.hstack([middle + centre[real] * spread, np.sqrt(squares[real]) * spread])


def above_ground(grey: NDArray[np.uint8], ground: int | None = None) -> NDArray[np.uint8]:
    """How far each grey level (H, W) is from the ground: the level given, or else the commonest along the border."""
    return np.asarray(cv2.absdiff(grey, np.full_like(grey, border_level(grey) if ground is None else ground)), np.uint8)


def _grounds(small: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Levels that the ground of a small picture (H, W) may have, and which outlines on it are looked at.

    The commonest level along the border is the ground where a disc is cut off on two sides and more; black is, where a
    frame is a black square on a screen: its corners are holes in what is not black.
    """
    border = _border(small)
    median, commonest = border_level(small), int(np.bincount(border).argmax())
    grounds = [(median, cv2.RETR_EXTERNAL)]
    if abs(commonest - median) >= GROUND_STEP:
        grounds.append((commonest, cv2.RETR_EXTERNAL))
    return grounds + [(0, cv2.RETR_LIST)] * (median > 0)


def _border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def border_level(grey: NDArray[np.uint8]) -> int:
    """The median along the border of grey levels (H, W)."""
    return int(np.median(_border(grey)))


def _circle_on(points: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[NDArray[np.float64] | None, float]:
    """(row, col, radius) of the circle that points (n, 2) of an outline lie on, and how much of it is outlined.

    None and 0 where there is none. The share is of the whole circle, also of what lies beyond the frame.
    """
    fit = _best_circle(points, shape)
    if fit is None:
        return None, 0.0
    covered, visible = _rim_bins(points, fit, shape)
    return fit, float((covered & visible).mean())


def _outline_points(above: NDArray[np.uint8], which: int) -> NDArray[np.float32]:
    """(n, 2) (row, col) of the outlines of what stands out `above` the ground (H, W), less the frame's edge.

    which: cv2.RETR_EXTERNAL for the outer outlines, cv2.RETR_LIST for those of holes as well.
    """
    stands_out = (above >= GROUND_STEP).astype(np.uint8)
    closed = cv2.morphologyEx(stands_out, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, which, cv2.CHAIN_APPROX_NONE)
    smallest = 0.2 * min(above.shape)
    large = [contour[:, 0, ::-1] for contour in contours if len(contour) > smallest]
    if not large:
        return np.empty((0, 2), np.float32)
    points = np.concatenate(large).astype(np.float32)
    last = np.array(above.shape) - 1
    return points[((points > 0) & (points < last)).all(axis=1)]


def _best_circle(points: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """(row, col, radius) of the circle that the outline covers best, refined on its inliers; None below the floor."""
    rng = np.random.default_rng(0)
    circles = _circles_through(points[rng.integers(0, len(points), (N_TRIALS, 3))])
    height, width = shape
    plausible = (
        (circles[:, 2] > 0.2 * min(shape))
        & (circles[:, 2] < 0.75 * max(shape))
        & (circles[:, 0] > 0.1 * height)
        & (circles[:, 0] < 0.9 * height)
        & (circles[:, 1] > 0.1 * width)
        & (circles[:, 1] < 0.9 * width)
    )
    circles = circles[plausible]
    if len(circles) == 0:
        return None
    # Few points decide which circles are worth a close look.
    few = points[:: max(1, len(points) // 200)]
    down, right = few[None, :, 0] - circles[:, :1], few[None, :, 1] - circles[:, 1:2]
    off = np.sqrt(down * down + right * right) - circles[:, 2:]  # a quarter of hypot's time
    likely = circles[np.argsort(-(np.abs(off) < RIM_TOLERANCE_PX).sum(axis=1))[:12]]
    shares = [_rim_share(points, circle, shape) for circle in likely]
    best: NDArray[np.float64] = likely[int(np.argmax(shares))]
    for _ in range(3):
        distance = np.hypot(points[:, 0] - best[0], points[:, 1] - best[1])
        near = points[np.abs(distance - best[2]) < RIM_TOLERANCE_PX]
        if len(near) < 10:
            return None
        best = _least_squares_circle(near)
    return best if _rim_share(points, best, shape) >= MIN_RIM_SHARE else None


def _refined(coarse: Disc, grey: NDArray[np.uint8], ground: int, reach_px: float) -> Disc:
    """The circle through the outermost imaged pixels of the frame (H, W), looked for `reach_px` about the coarse rim.

    The outline of the small frame lies up to a small pixel off, more for a bright rim than for a dim one.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, N_REFINING_RAYS, endpoint=False)[:, None]
    radius = np.arange(coarse.radius_px - reach_px, coarse.radius_px + reach_px, 0.5)[None]
    row = np.rint(coarse.centre[0] + radius * np.sin(angle)).astype(int)
    col = np.rint(coarse.centre[1] + radius * np.cos(angle)).astype(int)
    inside = (row >= 0) & (row < grey.shape[0]) & (col >= 0) & (col < grey.shape[1])
    level = np.zeros(row.shape, np.uint8)
    level[inside] = np.abs(grey[row[inside], col[inside]].astype(np.int16) - ground)
    imaged = level >= _rim_level(level)
    # A ray that is still imaged at its end has left the disc for a strip or a caption, one cut off shows no rim.
    shows_rim = imaged.any(axis=1) & ~imaged[:, -1] & inside.all(axis=1)
    if shows_rim.sum() < N_REFINING_RAYS // 10:
        return coarse
    last = radius.size - 1 - imaged[shows_rim, ::-1].argmax(axis=1)
    rays = np.flatnonzero(shows_rim)
    points = np.stack([row[rays, last], col[rays, last]], axis=1).astype(np.float32)
    fit = _least_squares_circle(points)
    for _ in range(3):  # dark speckle at the rim ends a ray early, so the farther points are believed
        off = np.hypot(points[:, 0] - fit[0], points[:, 1] - fit[1]) - fit[2]
        near = points[(off > -1.0) & (off < 2.0)]
        if len(near) < N_REFINING_RAYS // 20:
            return coarse
        fit = _least_squares_circle(near)
    return Disc((float(fit[0]), float(fit[1])), float(fit[2]))


def _rim_level(level: NDArray[np.uint8]) -> float:
    """Grey level that tells the rim from the ground, of rays (n_rays, n) that run from one to the other.

    Lossy coding stains a black ground up to 16 px from the rim.
    """
    third = level.shape[1] // 3
    tissue, ground = level[:, :third], level[:, -third:]
    above_stains = max(float(GROUND_STEP), STAIN_PART * float(np.median(tissue)))
    stained = float(np.mean((ground > 0) & (ground < above_stains)))
    return above_stains if stained > STAINED_SHARE else float(GROUND_STEP)


def _circles_through(triples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Circles (n, 3) as (row, col, radius) through each of n triples of points (n, 3, 2); collinear triples dropped."""
    a, b, c = (triples[:, corner].astype(np.float64) for corner in range(3))
    ab, ac = b - a, c - a
    cross = 2.0 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    usable = np.abs(cross) > 1.0
    ab, ac, a, cross = ab[usable], ac[usable], a[usable], cross[usable]
    ab2, ac2 = (ab**2).sum(axis=1), (ac**2).sum(axis=1)
    row = (ac[:, 1] * ab2 - ab[:, 1] * ac2) / cross
    col = (ab[:, 0] * ac2 - ac[:, 0] * ab2) / cross
    return np.stack([a[:, 0] + row, a[:, 1] + col, np.hypot(row, col)], axis=1)


def _least_squares_circle(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Algebraic fit (Kasa 1976): row, col, radius of the circle nearest to points (n, 2)."""
    mean = points.mean(axis=0, dtype=np.float64)
    offset = points - mean
    design = np.column_stack([offset, np.ones(len(offset))])
    solution, *_ = np.linalg.lstsq(design, (offset**2).sum(axis=1), rcond=None)
    centre = solution[:2] / 2.0
    return np.array([*(mean + centre), np.sqrt(solution[2] + (centre**2).sum())])


def _rim_share(points: NDArray[np.float32], circle: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Share of the rim inside the frame that outline points (n, 2) cover; 0 where most of it lies outside."""
    covered, visible = _rim_bins(points, circle, shape)
    return float(covered[visible].mean()) if visible.mean() >= 0.2 else 0.0


def _rim_bins(
    points: NDArray[np.float32], circle: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N_RIM_BINS,) each: where outline points cover the rim, and where it lies inside the frame."""
    row, col = points[:, 0] - circle[0], points[:, 1] - circle[1]
    on_rim = np.abs(np.hypot(row, col) - circle[2]) < RIM_TOLERANCE_PX
    covered = np.zeros(N_RIM_BINS, bool)
    covered[(np.degrees(np.arctan2(row, col)[on_rim]) % 360.0 / 360.0 * N_RIM_BINS).astype(int) % N_RIM_BINS] = True
    angle = np.radians((np.arange(N_RIM_BINS) + 0.5) * 360.0 / N_RIM_BINS)
    rim_row, rim_col = circle[0] + circle[2] * np.sin(angle), circle[1] + circle[2] * np.cos(angle)
    # One pixel inside the frame: the outline cannot be seen on the frame's very edge.
    visible = (rim_row > 1) & (rim_row < shape[0] - 2) & (rim_col > 1) & (rim_col < shape[1] - 2)
    return covered, visible
