"""Where in a picture the frame lies: most pictures are a frame, some are a screen or a page with one on it.

A picture that a whole disc fills, and one without a flat ground, is taken as it is. One whose disc is cut off may be a
sheet of frames, whose corners lie on a circle too: it is a frame unless several are found in it. In any other, discs
are looked for on the whole and in each of its panes; a frame is the one that is dark and has a catheter at its middle.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.boxed import Part
from octseg.pullback import Frame
from octseg.view.catheter import find_sheath
from octseg.view.disc import Disc, Outlines, above_ground, border_level, find_disc
from octseg.view.grey import Grey, sepia_to_grey
from octseg.view.window import with_window

FILLS = 0.36  # radius by the root of the picture's area: 0.374 in whole console exports, 0.354 in one of two frames
FLAT_BLOCK_PX = 16
FLAT_LEVELS = 2  # from the darkest to the brightest of a block
FLAT_SHARE = 0.1  # of such blocks; 0 in frames cut within their disc, 0.26 and more in whole exports
LEAST_FLAT = 0.03  # of a sheet of small frames; then and where a disc is cut off, several frames are looked for
BLACK = 5  # grey level: what is brighter beside a disc on a page is the page
SAME_SIZE = 0.5  # of the largest disc's radius: two frames, not a frame and a preview
BRIGHTEST_MEDIAN = 140  # grey level of a disc's median pixel; frames have 3 to 92
MOST_OFF_CENTRE = 0.1  # of the radius: how far a frame's catheter lies from the middle of its disc; 0.02
N_RAYS = 180
OUTSIDE_RIM, WITHIN_RIM = (1.02, 1.035, 1.05), (0.93, 0.95, 0.97)  # of the radius
CLEAR = 0.5  # of a rim; frames alone have 0.64 and more, 0.45 at a gamma of 1.6
LEAST_CLEAR = 0.2  # where a catheter lies in the middle
MAX_DISCS, MAX_PANES, MAX_DEPTH = 3, 16, 2
MAX_ALIKE = 16  # discs of one size: a sheet of frames
ALIKE = 0.03  # of the first one's radius: so much larger or smaller they may be
PANE_SIDE_PX = 512  # panes are told apart at about this size
LEAST_PANE = 1 / 12  # of the picture's longer side
MOST_PANE = 0.9  # of the picture's area
STANDS_OUT = 3  # grey levels above the ground


@dataclass(frozen=True)
class Place:
    """Where a frame lies: its disc if one was found, and the part of the picture that is the frame.

    frame_count: how many frames of about one size were seen. is_page: whether the picture has a flat ground.
    outlines: of the picture's grey levels.
    """

    disc: Disc | None
    part: Part
    outlines: Outlines
    frame_count: int = 1
    is_page: bool = False


def locate(frame: Frame, grey: Grey | None = None) -> Place:
    """The frame in a picture (H, W, 3), whose grey levels (H, W) are made here where they are not given.

    On a page the brightest channel stands for grey: there the sepia is not undone, and its luminance is near black
    where it is dim.
    """
    grey = sepia_to_grey(frame) if grey is None else grey
    height, width = grey.shape
    whole = (slice(0, height), slice(0, width))
    outlines = Outlines.of(grey)
    disc = find_disc(grey, outlines)
    fills = disc is not None and _fills(disc, grey)
    is_clear = disc is not None and fills and rim_clearness(grey, disc) >= CLEAR
    if is_clear and disc is not None and not disc.is_cut_off(height, width):
        return _seen_in_window(Place(disc, whole, outlines), grey)
    flat = flat_share(grey)
    if flat < LEAST_FLAT:
        return Place(disc, whole, outlines)
    grey = np.asarray(frame.max(axis=2), np.uint8)
    frames = _apart(filter(None, (_sign_of(grey, each) for each in _discs_in(grey, MAX_DEPTH))))
    count = sum(each.radius_px >= SAME_SIZE * frames[0].radius_px for each in frames)
    if count < 2 and (is_clear or flat < FLAT_SHARE):
        return Place(disc, whole, outlines)
    if frames:
        place = Place(frames[0], part_about(frames[0], grey.shape), outlines, count, is_page=True)
        return _seen_in_window(place, grey)
    return Place(disc, whole, outlines) if fills else Place(None, whole, outlines, is_page=True)


def _seen_in_window(place: Place, grey: Grey) -> Place:
    """A place in a picture (H, W), less what of its disc lies behind the edge of a viewer's window."""
    disc = None if place.disc is None else with_window(place.disc, grey)
    if disc is None or disc.window is None:
        return place
    return replace(place, disc=disc, part=part_about(disc, grey.shape), is_page=True)


def locate_disc(frame: Frame) -> Disc | None:
    """The disc of the frame in a picture (H, W, 3)."""
    return locate(frame).disc


def imaged(frame: Frame) -> NDArray[np.bool_] | None:
    """(H, W), True on the disc of the frame in a picture (H, W, 3); None where none is found."""
    disc = locate_disc(frame)
    return None if disc is None else disc.mask(*frame.shape[:2])


def part_about(disc: Disc, shape: tuple[int, ...]) -> Part:
    """Rows and columns of a picture (H, W) that a disc takes."""
    first, last = disc.shown(shape[0], shape[1])
    (top, bottom), (left, right) = (
        [int(np.clip(round(middle + sign * disc.radius_px), a, b)) for sign in (-1, 1)]
        for middle, a, b in zip(disc.centre, first, last, strict=True)
    )
    return slice(top, bottom + 1), slice(left, right + 1)


def cut_out(frame: Frame, part: Part, disc: Disc) -> Frame:
    """The part of a picture (H, W, 3) that a disc takes, as consoles export it: black beside the disc if it is not."""
    rows, cols = part
    shown = np.ascontiguousarray(frame[rows, cols])
    outside = ~moved(disc, -rows.start, -cols.start).mask(*shown.shape[:2])
    if outside.any() and np.median(shown[outside]) > BLACK:
        shown[outside] = 0
    return shown


def moved(disc: Disc, rows: float, cols: float) -> Disc:
    """The disc so many pixels farther down and to the right."""
    window = disc.window
    if window is not None:
        window = window[0] + rows, window[1] + cols, window[2] + rows, window[3] + cols
    return replace(disc, centre=(disc.centre[0] + rows, disc.centre[1] + cols), window=window)


def flat_share(grey: Grey) -> float:
    """The share of blocks of a picture (H, W) that have one level: the ground of screens and pages, never tissue."""
    side = FLAT_BLOCK_PX
    height, width = (length // side for length in grey.shape)
    blocks = grey[: height * side, : width * side].reshape(height, side, width, side)
    darkest, brightest = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    return float((brightest - darkest <= FLAT_LEVELS).mean()) if height and width else 0.0


def _fills(disc: Disc, grey: Grey) -> bool:
    return disc.radius_px >= FILLS * float(np.sqrt(grey.size))


def _discs_in(grey: Grey, depth: int) -> Iterator[Disc]:
    """Discs on the whole of a picture (H, W), then those in its panes, to so many panes within panes."""
    left = grey.copy()
    first_px = 0.0
    for number in range(MAX_ALIKE):
        disc = find_disc(left)
        if disc is None or (number >= MAX_DISCS and abs(disc.radius_px - first_px) > ALIKE * first_px):
            break
        first_px = first_px or disc.radius_px
        yield disc
        if _fills(disc, grey) and rim_clearness(grey, disc) >= CLEAR and not disc.is_cut_off(*grey.shape):
            return
        left[part_about(disc, grey.shape)] = border_level(grey)
    if depth:
        for rows, cols in _panes(grey) or _tiles(grey.shape):
            for disc in _discs_in(grey[rows, cols], depth - 1):
                yield moved(disc, rows.start, cols.start)


def _panes(grey: Grey) -> list[Part]:
    """The largest parts of a picture (H, W) that stand out from its ground, lines and letters left out."""
    shrink = max(1.0, max(grey.shape) / PANE_SIDE_PX)
    size = (round(grey.shape[1] / shrink), round(grey.shape[0] / shrink))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    ground = int(np.bincount(border).argmax())  # not the median: two grounds side by side have one between them
    stands_out = (above_ground(small, ground) >= STANDS_OUT).astype(np.uint8)
    closed = cv2.morphologyEx(stands_out, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = sorted((cv2.boundingRect(contour) for contour in contours), key=lambda box: -box[2] * box[3])
    panes = []
    for left, top, width, height in boxes[:MAX_PANES]:
        if min(width, height) >= LEAST_PANE * max(small.shape) and width * height <= MOST_PANE * small.size:
            # One small pixel less on each side: its border shall show what is in it.
            rows, cols = (
                slice(round((first + 1) * shrink), round((first + length - 1) * shrink))
                for first, length in ((top, height), (left, width))
            )
            panes.append((rows, cols))
    return panes


def _tiles(shape: tuple[int, ...]) -> list[Part]:
    """The parts of a picture (H, W) that frames of one size take which touch: quarters, or squares along a strip."""
    counts = [max(1, round(length / min(shape))) for length in shape]
    if counts == [1, 1]:
        counts = [2, 2]
    rows, cols = (
        [slice(k * length // count, (k + 1) * length // count) for k in range(count)]
        for length, count in zip(shape, counts, strict=True)
    )
    return [(down, across) for down in rows for across in cols][:MAX_PANES]


def _is_dark(grey: Grey, disc: Disc) -> bool:
    """Whether a disc in a picture (H, W) is dark, as tissue is."""
    return bool(np.median(grey[disc.mask(*grey.shape)]) <= BRIGHTEST_MEDIAN)


def _has_a_catheter(grey: Grey, disc: Disc) -> bool:
    """Whether a disc in a picture (H, W) has a catheter's rings about its middle."""
    rows, cols = part_about(disc, grey.shape)
    shown, middle = grey[rows, cols], moved(disc, -rows.start, -cols.start)
    sheath = find_sheath(np.where(middle.mask(*shown.shape), shown, np.uint8(0)))
    if sheath is None:
        return False
    return float(np.hypot(*np.subtract(sheath.centre, middle.centre))) <= MOST_OFF_CENTRE * disc.radius_px


def rim_clearness(grey: Grey, disc: Disc) -> float:
    """How far a picture (H, W) is flat just outside of a disc and not so just within, 0 to 1, where it shows either."""
    angle = np.linspace(0, 2 * np.pi, N_RAYS, endpoint=False)[:, None]
    outside, inside = (
        _levels_at(grey, disc, angle, disc.radius_px * np.array(parts)) for parts in (OUTSIDE_RIM, WITHIN_RIM)
    )
    if outside.size == 0 or inside.size == 0:
        return 0.0
    ground = np.median(outside)
    flat, textured = np.abs(outside - ground) <= STANDS_OUT, np.abs(inside - ground) >= STANDS_OUT
    return float(flat.mean() * textured.mean())


def _levels_at(grey: Grey, disc: Disc, angle: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels (n,) at angles (m, 1) and radii (k,) about a disc's middle, of those places that lie in the picture."""
    row = np.rint(disc.centre[0] + radius * np.sin(angle)).astype(int)
    col = np.rint(disc.centre[1] + radius * np.cos(angle)).astype(int)
    seen = (row >= 0) & (row < grey.shape[0]) & (col >= 0) & (col < grey.shape[1])
    return np.asarray(grey[row[seen], col[seen]], np.float64)


def _sign_of(grey: Grey, disc: Disc) -> tuple[bool, float, Disc] | None:
    """Whether a disc in a picture (H, W) has a catheter, and how clear its rim is; None where it is no frame's."""
    clear = rim_clearness(grey, disc)
    if clear < LEAST_CLEAR or not _is_dark(grey, disc):
        return None
    has_catheter = _has_a_catheter(grey, disc)
    return (has_catheter, clear, disc) if has_catheter or clear >= CLEAR else None


def _apart(found: Iterable[tuple[bool, float, Disc]]) -> list[Disc]:
    """Discs of which none reaches the middle of another, the largest first.

    One with a catheter goes before one without, a clearer one before the others; where one has a catheter, those
    without are no frames.
    """
    kept: list[tuple[bool, Disc]] = []
    for has_catheter, _, disc in sorted(found, key=lambda each: each[:2], reverse=True):
        beside = (np.hypot(*np.subtract(disc.centre, other.centre)) - other.radius_px for _, other in kept)
        if all(gap > 0 for gap in beside):
            kept.append((has_catheter, disc))
    best = kept[0][0] if kept else False
    return sorted((disc for has_catheter, disc in kept if has_catheter == best), key=lambda each: -each.radius_px)
