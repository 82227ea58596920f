"""Probability smoothed along a pullback: what frames before and behind say of each place in the wall counts as well.

Between two frames the catheter moves in the lumen and the lumen changes its size, so that one place in the wall is seen
along another ray and at another radius. Places are matched by the angle about the lumen's centre and by the depth
behind its outline, both taken from each frame's own probability of lumen. Of a place the median of three frames is
taken, so that what one frame alone says is dropped, and where a plaque begins stays where it is. The lumen and what
lies in it stay as they are. docs/measures.md has figures: it is off unless asked for.

Planes are (K, rows, columns) over a polar input: rows are rays about the catheter, columns radii.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from octseg.errors import OctsegError
from octseg.view.preprocessing import PreprocessingConfig

Floats = NDArray[np.float32]
T = TypeVar("T")

HALF = 1  # frames to either side
SMOOTHED = ("lipid_core", "fibrous_cap")
LUMEN_SMOOTHING = 2.0  # rays
SENTENCE = (
    "Probability of lipid core and fibrous cap was smoothed along the pullback: of each place in the wall the median "
    "of three frames."
)


@dataclass(frozen=True, eq=False)
class PolarLook:
    """A frame's probability of one look: planes (K, rows, columns), columns along `reach_px` of each ray.

    starts_px: (rays,) how far from the catheter each ray begins; None where all begin at it.
    """

    planes: Floats
    reach_px: float
    starts_px: Floats | None = None

    def begin_px(self, ray: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far from the catheter rays begin, also between those of the look; `ray` counts from 0, once around."""
        return np.zeros(ray.shape) if self.starts_px is None else _around(self.starts_px, ray)


def sliding(items: Iterable[T], half: int = HALF) -> Iterator[tuple[list[T], int]]:
    """Of each item those within `half` of it, in order, and its own place among them; at the ends there are fewer.

    What was there before an error is handed out before it is raised.
    """
    held: list[T] = []
    at = 0
    failure: OctsegError | None = None
    source = iter(items)
    while True:
        try:
            held = [*held, next(source)]
        except StopIteration:
            break
        except OctsegError as error:
            failure = error
            break
        if len(held) - at > half:
            yield held, at
            held = held[1:] if at == half else held
            at = min(at + 1, half)
    while at < len(held):
        yield held, at
        held = held[1:] if at == half else held
        at = min(at + 1, half) if len(held) > at else at + 1
    if failure is not None:
        raise failure


def smoothed(
    window: Sequence[Sequence[PolarLook]], at: int, classes: Sequence[str], config: PreprocessingConfig
) -> list[Floats]:
    """Planes (K, rows, columns) of each look of frame `at` of three, smoothed by the two others.

    window: of each frame its looks, the full reach first. Planes come back as they are at a pullback's ends, and where
    the network sees no rays or no lumen.
    """
    chosen = [plane for plane, name in enumerate(classes) if name in SMOOTHED]
    if config.domain != "polar" or "lumen" not in classes or len(window) < 3 or not chosen:
        return [look.planes for look in window[at]]
    walls = [_wall(looks[0], classes.index("lumen"), config) for looks in window]
    return [_of_look(look, window, walls, at, chosen, config) for look in window[at]]


@dataclass(frozen=True, eq=False)
class _Wall:
    """The lumen's outline along rays, (rays,): its radius from the catheter, and its angle about the lumen's centre.

    about_lumen: in turns, growing from ray to ray.
    """

    radius_px: NDArray[np.float64]
    about_lumen: NDArray[np.float64]


def _of_look(
    look: PolarLook,
    window: Sequence[Sequence[PolarLook]],
    walls: Sequence[_Wall],
    at: int,
    chosen: Sequence[int],
    config: PreprocessingConfig,
) -> Floats:
    """Planes (K, rows, columns) of one look, smoothed."""
    own = look.planes[chosen]
    one, other = (
        _seen_from(look, walls[at], _nearest_reach(window[place], look), walls[place], chosen, config)
        for place in range(3)
        if place != at
    )
    median = np.maximum(np.minimum(one, other), np.minimum(np.maximum(one, other), own))
    rays = _rays_of_rows(config)
    inside = _radii(look, config) < walls[at].radius_px[rays, None]
    planes = look.planes.copy()
    planes[chosen] = np.where(inside, own, median)
    return planes


def _nearest_reach(looks: Sequence[PolarLook], look: PolarLook) -> PolarLook:
    """The look of another frame that begins alike and reaches about as far."""
    alike = [each for each in looks if (each.starts_px is None) == (look.starts_px is None)]
    return min(alike or looks, key=lambda each: abs(np.log(each.reach_px / look.reach_px)))


def _wall(look: PolarLook, lumen: int, config: PreprocessingConfig) -> _Wall:
    """Where the lumen ends in a look of the full reach; `lumen` is its plane."""
    inside = look.planes[lumen, config.one_turn] > 0.5
    rays = len(inside)
    first = np.where(inside.all(axis=1), inside.shape[1], (~inside).argmax(axis=1))
    radius = gaussian_filter1d(first * look.reach_px / config.size[1], LUMEN_SMOOTHING, mode="wrap")
    angle = 2 * np.pi * np.arange(rays) / rays
    points = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    weight = radius * np.roll(radius, -1)  # of the triangles between neighbouring rays, whose angles are alike
    centre = ((points + np.roll(points, -1, axis=0)) * weight[:, None]).sum(axis=0) / max(3 * weight.sum(), 1e-9)
    about = np.unwrap(np.arctan2(*(points - centre).T)) / (2 * np.pi)
    return _Wall(np.asarray(radius), np.maximum.accumulate(about))


def _seen_from(
    look: PolarLook, wall: _Wall, other: PolarLook, of_other: _Wall, chosen: Sequence[int], config: PreprocessingConfig
) -> Floats:
    """Planes (k, rows, columns) of another frame at the places of this one's; this one's own beyond its reach."""
    count, rows_of = len(of_other.radius_px), _rays_of_rows(config)
    start = of_other.about_lumen[0]
    wanted = start + (wall.about_lumen - start) % 1.0
    ray = np.interp(wanted, np.append(of_other.about_lumen, start + 1), np.arange(count + 1))
    there = _around(of_other.radius_px, ray)
    radius = (there - wall.radius_px)[rows_of, None] + _radii(look, config)
    along = radius - other.begin_px(ray)[rows_of, None]
    column = np.asarray(along * (config.size[1] / other.reach_px) - 0.5, np.float32)
    row = np.ascontiguousarray(np.broadcast_to(ray[rows_of, None], column.shape), np.float32)
    turn = other.planes[chosen][:, config.one_turn]
    turn = np.concatenate([turn, turn[:, :1]], axis=1)  # behind the last ray comes the first
    seen = [cv2.remap(plane, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for plane in turn]
    return np.where((along >= 0) & (along < other.reach_px), np.stack(seen), look.planes[chosen]).astype(np.float32)


def _radii(look: PolarLook, config: PreprocessingConfig) -> NDArray[np.float64]:
    """(rows, columns) distance of each place from the catheter, in pixels."""
    columns = look.planes.shape[2]
    begin = look.begin_px(_rays_of_rows(config).astype(np.float64))[:, None]
    return np.asarray(begin + (np.arange(columns)[None] + 0.5) * look.reach_px / columns)


def _around(of_rays: NDArray[np.floating], ray: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of rays (rays,) at places between them too; behind the last ray comes the first."""
    count = len(of_rays)
    return np.asarray(np.interp(ray, np.arange(count + 1), np.append(of_rays, of_rays[0])))


def _rays_of_rows(config: PreprocessingConfig) -> NDArray[np.intp]:
    """(rows,) which ray of one turn each row shows."""
    return (np.arange(config.size[0]) - config.wrap_rays) % config.rays
