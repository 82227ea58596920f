"""Where the imaged disc lies in a frame: a circle of tissue and noise on a uniform ground.

Points are (row, col) in pixels, pixel centres at whole numbers. Margins, captions and an L-mode strip beside or below
the disc are told from it by their outline: only the disc's is a circle.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SEARCH_SIDE_PX = 256  # the frame is searched at about this size
GROUND_STEP = 3  # grey levels above the ground from which a pixel counts as imaged
STAINED_SHARE = 0.02  # of the ground beside the rim; a lossless frame has 0.001 at most, a JPEG 0.04 and more
STAIN_PART = 0.35  # of the tissue's level: the stains of lossy coding are dimmer
RIM_TOLERANCE_PX = 1.5  # at the search size
N_TRIALS = 400
N_RIM_BINS = 120  # the rim is covered by bins of 3 degrees
N_REFINING_RAYS = 360
MIN_RIM_SHARE = 0.45  # of the rim that lies in the frame; shadows reach the rim, strips hide some of it

MIN_ELLIPSE_SHARE = 0.5  # of the whole ellipse, to be called one; strips and screens hide the rest
START_TOLERANCE = 0.15  # of the half axes: how far points may lie from an ellipse that is roughly known
COMMON_STRETCHES = (5 / 4, 4 / 3, 16 / 9, 4 / 5, 3 / 4, 9 / 16)  # width by height: a square drawn as screens are wide


@dataclass(frozen=True)
class Disc:
    """The imaged disc; it may reach past the frame's edges."""

    centre: tuple[float, float]
    radius_px: float

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """(height, width), True on pixels whose centre lies in the disc."""
        row = (np.arange(height, dtype=np.float32) - self.centre[0])[:, None]
        col = (np.arange(width, dtype=np.float32) - self.centre[1])[None]
        inside: NDArray[np.bool_] = row * row + col * col <= self.radius_px**2
        return inside


def find_disc(grey: NDArray[np.uint8]) -> Disc | None:
    """The disc in a grey frame (H, W), or None where no circle covers enough of its own rim."""
    height, width = grey.shape
    shrink = max(1.0, max(height, width) / SEARCH_SIDE_PX)
    size = (round(width / shrink), round(height / shrink))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    ground = _border_level(small)
    fit, share = _circle_on(small, ground, cv2.RETR_EXTERNAL)
    if ground > 0:  # the frame may be a black square on a screen: its corners are holes in what is not black
        on_black, share_on_black = _circle_on(small, 0, cv2.RETR_LIST)
        if share_on_black > share:
            fit, ground = on_black, 0
    if fit is None:
        return None
    # From the small frame's pixel centres to the large one's.
    scale_row, scale_col = height / small.shape[0], width / small.shape[1]
    centre = (float((fit[0] + 0.5) * scale_row - 0.5), float((fit[1] + 0.5) * scale_col - 0.5))
    coarse = Disc(centre, float(fit[2] * (scale_row + scale_col) / 2))
    return _refined(coarse, above_ground(grey, ground), reach_px=3.0 * shrink)


def rim_stretch(grey: NDArray[np.uint8], disc: Disc | None = None) -> float | None:
    """How many times as wide as high the imaged disc in a grey frame (H, W) is: 1 where it is a circle.

    disc: as found in it, if any: what a little stretch leaves of a circle. None where no upright ellipse outlines
    enough of what stands out from the ground.
    """
    shrink = max(1.0, max(grey.shape) / SEARCH_SIDE_PX)
    size = (round(grey.shape[1] / shrink), round(grey.shape[0] / shrink))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    ground = _border_level(small)
    for level, which in ((ground, cv2.RETR_EXTERNAL), (0, cv2.RETR_LIST))[: 1 + (ground > 0)]:
        points = _outline_points(above_ground(small, level), which)
        for start in _ellipses_to_try(points, small.shape, disc, shrink):
            stretch = _stretch_near(points, start, small.shape)
            if stretch is not None:
                return stretch
    return None


def _ellipses_to_try(
    points: NDArray[np.float32], shape: tuple[int, ...], disc: Disc | None, shrink: float
) -> Iterator[tuple[float, float, float, float]]:
    """Row, col, half height, half width of what the rim (n, 2) may be: the disc, or without one ellipses by trial."""
    if len(points) < 30:
        return
    if disc is not None:
        row, col = ((place + 0.5) / shrink - 0.5 for place in disc.centre)
        yield row, col, disc.radius_px / shrink, disc.radius_px / shrink
        return
    whole = _least_squares_ellipse(points)
    if whole is not None:
        yield whole
    for stretch in COMMON_STRETCHES:  # seen with its rows drawn out, the ellipse is a circle
        drawn = points * np.array([stretch, 1.0], np.float32)
        circle = _best_circle(drawn, (round(shape[0] * stretch), shape[1]))
        if circle is not None:
            yield float(circle[0] / stretch), float(circle[1]), float(circle[2] / stretch), float(circle[2])


def _stretch_near(
    points: NDArray[np.float32], start: tuple[float, float, float, float], shape: tuple[int, ...]
) -> float | None:
    """Half width by half height of the ellipse through the outline points (n, 2) near one that is roughly known.

    None where it does not outline enough.
    """
    fit, within = start, START_TOLERANCE
    for _ in range(8):  # what lies on a strip or within a shadow is left out step by step
        row, col, half_height, half_width = fit
        off = np.abs(np.hypot((points[:, 0] - row) / half_height, (points[:, 1] - col) / half_width) - 1)
        close = points[off <= within]
        next_fit = _least_squares_ellipse(close) if len(close) >= 30 else None
        if next_fit is None:
            return None
        fit = next_fit
        within = max(0.6 * within, RIM_TOLERANCE_PX / min(fit[2:]))
    stretch = fit[3] / fit[2]
    drawn = points * np.array([stretch, 1.0], np.float32)
    covered, visible = _rim_bins(
        drawn, np.array([fit[0] * stretch, fit[1], fit[3]]), (round(shape[0] * stretch), shape[1])
    )
    return stretch if (covered & visible).mean() >= MIN_ELLIPSE_SHARE else None


def _least_squares_ellipse(points: NDArray[np.float32]) -> tuple[float, float, float, float] | None:
    """Row, col, half height, half width of the upright ellipse nearest to points (n, 2); None where it is none."""
    mean, spread = points.mean(axis=0, dtype=np.float64), points.std(axis=0, dtype=np.float64) + 1e-9
    row, col = ((points - mean) / spread).T
    (a, b, c, d), *_ = np.linalg.lstsq(np.column_stack([row**2, col**2, row, col]), np.ones(len(points)), rcond=None)
    if a <= 0 or b <= 0:
        return None
    centre = np.array([-c / (2 * a), -d / (2 * b)])
    level = 1 + a * centre[0] ** 2 + b * centre[1] ** 2
    half = np.sqrt(level / np.array([a, b])) * spread
    at = mean + centre * spread
    return float(at[0]), float(at[1]), float(half[0]), float(half[1])


def above_ground(grey: NDArray[np.uint8], ground: int | None = None) -> NDArray[np.uint8]:
    """How far each grey level (H, W) is from the ground: the level given, or else the commonest along the border."""
    return np.asarray(
        cv2.absdiff(grey, np.full_like(grey, _border_level(grey) if ground is None else ground)), np.uint8
    )


def _border_level(grey: NDArray[np.uint8]) -> int:
    """The median along the border of grey levels (H, W)."""
    return int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _circle_on(small: NDArray[np.uint8], ground: int, which: int) -> tuple[NDArray[np.float64] | None, float]:
    """(row, col, radius) of the circle that outlines what stands out from the ground, and how much of it is outlined.

    None and 0 where there is none. The share is of the whole circle, also of what lies beyond the frame.
    """
    outline = _outline_points(above_ground(small, ground), which)
    fit = _best_circle(outline, small.shape) if len(outline) >= 30 else None
    if fit is None:
        return None, 0.0
    covered, visible = _rim_bins(outline, fit, small.shape)
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
    off = np.hypot(few[None, :, 0] - circles[:, :1], few[None, :, 1] - circles[:, 1:2]) - circles[:, 2:]
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


def _refined(coarse: Disc, grey: NDArray[np.uint8], reach_px: float) -> Disc:
    """The circle through the outermost imaged pixels of the frame itself, looked for `reach_px` about the coarse rim.

    The outline of the small frame lies up to a small pixel off, more for a bright rim than for a dim one.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, N_REFINING_RAYS, endpoint=False)[:, None]
    radius = np.arange(coarse.radius_px - reach_px, coarse.radius_px + reach_px, 0.5)[None]
    row = np.rint(coarse.centre[0] + radius * np.sin(angle)).astype(int)
    col = np.rint(coarse.centre[1] + radius * np.cos(angle)).astype(int)
    inside = (row >= 0) & (row < grey.shape[0]) & (col >= 0) & (col < grey.shape[1])
    level = np.zeros(row.shape, np.uint8)
    level[inside] = grey[row[inside], col[inside]]
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
    """Share of the rim inside the frame that outline points cover; 0 where most of it lies outside."""
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
