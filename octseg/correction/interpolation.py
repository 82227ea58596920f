"""Outlines of the frames between two corrected ones, in the polar picture about the lumen's middle.

There a tissue is a stretch of the circle, and at each of its angles a stretch of the ray: both are interpolated, and a
plaque that turns on its way along the vessel turns with them. So a cap of six pixels stays one, however it moves. What
lies twice on a ray becomes one. A tissue that one of the two frames does not have is not interpolated: it is never
carried past a frame that was corrected to none of it. Where a hand has drawn on the two frames and on neither's lumen,
each frame between keeps the model's lumen, and the other tissues their depth behind it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.correction.corrections import Corrections
from octseg.correction.numbers import Record
from octseg.correction.runs import Labels, changes
from octseg.errors import CorrectionError
from octseg.view.preprocessing import about

ANGLES = 720  # rows of the polar picture
TOUCHES_PX, REACH_PX = 1.5, 2  # what begins so near behind a lumen that is kept begins at it: drawn from within it
HALF = 0.5  # of a pixel: a pixel of the polar picture stands for what lies about its middle
LUMEN = PALETTE_INDEX["lumen"]
MOST_FRAMES = 30  # between two corrected ones
NO_PAIR = (
    "outlines are interpolated between two corrected frames of one vessel: correct one before and one behind it, and "
    "reject neither"
)
Floats = NDArray[np.float64]  # (ANGLES,)
Points = NDArray[np.float32]  # (H, W)
Point = tuple[float, float]  # (row, col)
NO_WALL: Floats = np.zeros(ANGLES)


def interpolate(corrections: Corrections, frame: str) -> list[str]:
    """Interpolate the frames that lie with `frame` between two corrected ones; those that were changed.

    Raises CorrectionError where it does not lie between two of one vessel and size.
    """
    stems = list(corrections.case.stems)
    first, last = _pair(corrections, stems, stems.index(frame))
    one, other = corrections.labels(stems[first]).copy(), corrections.labels(stems[last]).copy()
    drawn, keeps_lumen = [], _keep_lumen(corrections, (stems[first], stems[last]))
    for place in range(first + 1, last):
        if corrections.state(stems[place]) == "corrected":
            continue
        here = corrections.labels(stems[place])
        lumen = corrections.case.labels(stems[place]) == LUMEN if keeps_lumen else None
        made = between(one, other, here, (place - first) / (last - first), lumen)
        drawn.append((stems[place], changes(here, made)))
    corrections.interpolate(drawn)
    return [stem for stem, runs in drawn if runs]


def _keep_lumen(corrections: Corrections, ends: Sequence[str]) -> bool:
    """Whether a hand has drawn on two frames, or one of them, and on the lumen of neither."""
    return any(map(corrections.strokes, ends)) and all(
        np.array_equal(corrections.labels(end) == LUMEN, corrections.case.labels(end) == LUMEN) for end in ends
    )


def between(one: Labels, other: Labels, here: Labels, part: float, lumen: NDArray[np.bool_] | None = None) -> Labels:
    """Labels (H, W) at a part of the way from `one` to `other`.

    here: the frame's own, for what is not interpolated. lumen: (H, W) that is kept, where all three frames have one.
    """
    shape = (one.shape[0], one.shape[1])
    middles = _middle(one), _middle(other)
    if lumen is not None and all(mask.any() for mask in (lumen, one == LUMEN, other == LUMEN)):
        row, col = _middle(np.where(lumen, LUMEN, 0))
        walls = [_band(labels == LUMEN, middle).outer for labels, middle in zip((one, other), middles, strict=True)]
        wall = _band(lumen, (row, col)).outer
    else:
        row, col = ((1 - part) * a + part * b for a, b in zip(*middles, strict=True))
        lumen, walls, wall = None, [NO_WALL, NO_WALL], None
    radius, turn = about((row, col), (slice(0, shape[0]), slice(0, shape[1])))
    at = turn * np.float32(ANGLES / (2 * np.pi))
    made = np.zeros(shape, np.uint8)
    for name in CLASS_NAMES:
        label = PALETTE_INDEX[name]
        seen = zip((one, other), middles, walls, strict=True)
        bands = [_band(labels == label, middle, before) for labels, middle, before in seen]
        if lumen is not None and label == LUMEN:
            inside = lumen
        elif all(band.there.any() for band in bands):
            mixed = _mixed(bands[0], bands[1], part)
            inside = (mixed if wall is None else mixed.behind(wall)).covers(radius, at)
        elif any(band.there.any() for band in bands):
            inside = here == label
        else:
            continue
        made[inside & (made != LUMEN)] = label
    return made


@dataclass(frozen=True, eq=False)
class _Band:
    """Of a tissue at each of ANGLES whether it is there, and from which to which radius in pixels."""

    there: NDArray[np.bool_]
    inner: Floats
    outer: Floats

    def behind(self, wall: Floats) -> "_Band":
        """Of a band whose radii are depths, the one behind a wall; what touches it leaves no gap."""
        inner = np.where(self.inner < TOUCHES_PX, self.inner - REACH_PX, self.inner)
        return _Band(self.there, inner + wall, self.outer + wall)

    def covers(self, radius: Points, at: Points) -> NDArray[np.bool_]:
        """Whether pixels of a radius, at a place among the angles, lie in it."""
        there, inner, outer = (_around(each, at) for each in (self.there, self.inner, self.outer))
        return np.asarray((there >= HALF) & (radius >= inner - HALF) & (radius < outer - HALF))


def _around(values: NDArray[Any], at: Points) -> Points:
    """Values (ANGLES,) at places among the angles (H, W), linear between them."""
    table = np.append(values, values[0]).astype(np.float32)[None]
    return np.asarray(cv2.remap(table, at, np.zeros_like(at), cv2.INTER_LINEAR), np.float32)


def _band(mask: NDArray[np.bool_], middle: Point, wall: Floats = NO_WALL) -> _Band:
    """A mask (H, W) as it is seen from a point; wall: (ANGLES,) pixels from there to where radii are counted from."""
    reach = int(np.ceil(np.hypot(*mask.shape)))
    flags = cv2.WARP_POLAR_LINEAR | cv2.INTER_NEAREST | cv2.WARP_FILL_OUTLIERS
    polar = cv2.warpPolar(mask.astype(np.uint8), (reach, ANGLES), (middle[1], middle[0]), reach, flags) > 0
    there = np.asarray(polar.any(axis=1))
    if not there.any():
        nothing = np.zeros(ANGLES)
        return _Band(there, nothing, nothing)
    angles = np.flatnonzero(there)
    inner = polar[angles].argmax(axis=1) - wall[angles]
    outer = reach - polar[angles, ::-1].argmax(axis=1) - wall[angles]
    every = np.arange(ANGLES)
    return _Band(there, *(np.interp(every, angles, each, period=ANGLES) for each in (inner, outer)))


def _mixed(one: _Band, other: _Band, part: float) -> _Band:
    """The band at a part of the way between two that are both somewhere."""
    turn = _turn(one.there, other.there)
    depth = (1 - part) * _moved(_depth(one.there), part * turn) + part * _moved(_depth(other.there), (part - 1) * turn)
    inner, outer = (
        (1 - part) * _moved(a, part * turn) + part * _moved(b, (part - 1) * turn)
        for a, b in ((one.inner, other.inner), (one.outer, other.outer))
    )
    return _Band(depth > 0, inner, outer)


def _moved(values: Floats, by: float) -> Floats:
    """Values around the circle turned by so many angles."""
    place = np.arange(ANGLES)
    return np.asarray(np.interp(place - by, place, values, period=ANGLES))


def _turn(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """By how many angles a tissue turns; 0 where it is all around, or in another number of pieces."""
    pieces = [int((there & ~np.roll(there, 1)).sum()) for there in (one, other)]
    if pieces[0] != pieces[1] or pieces[0] == 0:
        return 0.0
    means = [np.angle(np.exp(2j * np.pi * np.flatnonzero(there) / ANGLES).sum()) for there in (one, other)]
    turn = (means[1] - means[0] + np.pi) % (2 * np.pi) - np.pi
    return float(turn / (2 * np.pi) * ANGLES)


def _depth(there: NDArray[np.bool_]) -> Floats:
    """How many angles each one lies within the stretches that are there, below 0 outside of them."""
    if there.all():
        return np.full(ANGLES, ANGLES / 2)
    around = np.tile(there, 3)
    depth = distance_transform_edt(around) - distance_transform_edt(~around)
    return np.asarray(depth[ANGLES : 2 * ANGLES], np.float64)


def _pair(corrections: Corrections, stems: Sequence[str], place: int) -> tuple[int, int]:
    """Places of the nearest corrected frames before and behind one."""
    ends = []
    for by in (-1, 1):
        found = next(
            (at for at in _neighbours(corrections, stems, place, by) if _is_anchor(corrections, stems[at])), None
        )
        if found is None:
            raise CorrectionError(NO_PAIR)
        ends.append(found)
    first, last = ends
    if last - first - 1 > MOST_FRAMES:
        raise CorrectionError(
            f"{last - first - 1} frames lie between the corrected ones, more than {MOST_FRAMES}: correct one between"
        )
    return first, last


def _neighbours(corrections: Corrections, stems: Sequence[str], place: int, by: int) -> Iterator[int]:
    """Places from a frame on in one direction, as long as they are the next frames of the same vessel."""
    record = corrections.case.record(stems[place])
    while 0 <= place + by < len(stems):
        place += by
        following = corrections.case.record(stems[place])
        if not _follows(record, following, by):
            return
        yield place
        record = following


def _follows(record: Record, following: Record, by: int) -> bool:
    alike = all(record.get(name) == following.get(name) for name in ("folder", "height", "width"))
    return bool(alike and following["frame"] - record["frame"] == by)


def _is_anchor(corrections: Corrections, stem: str) -> bool:
    """Whether a reader's hand, or what it accepted, is what is drawn in a frame."""
    verdict = corrections.verdict(stem)[0]
    return verdict != "rejected" and (corrections.state(stem) == "corrected" or verdict == "accepted")


def _middle(labels: Labels) -> Point:
    """Of the lumen, or of the frame where there is none."""
    rows, cols = np.nonzero(labels == LUMEN)
    if rows.size == 0:
        return (labels.shape[0] - 1) / 2, (labels.shape[1] - 1) / 2
    return float(rows.mean()), float(cols.mean())
