"""A training frame seen anew: turned, mirrored, zoomed and shifted about the catheter, then shown as others show it.

Geometry and sampling are one step: the positions of the network's input are moved about in the frame and read once.
What changes the grey levels alone is in appearance.py.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from octseg.classes import CLASS_NAMES
from octseg.decoding.reaches import starts_of
from octseg.view.cleaning import paint_out
from octseg.view.preprocessing import PreprocessingConfig, positions_behind, unit_positions
from train.dataset import TrainingFrame
from train.learning.appearance import Grey, Places, clouded, dimmed, lifted, relit, shadowed, with_floor
from train.learning.recipe import Augmentation

WEDGE_DEG = (30.0, 180.0)
RULER_PITCH = (0.18, 0.42)  # 1 mm as a part of the reach: 5 to 10 mm across
RULER_DOT = 0.008  # radius, as a part of the reach
LUMEN_REACH = 1.1  # of the reach: so far the lumen is looked for, also about a catheter that was shifted
WAVE_RAYS = (3.0, 15.0)  # how slowly an outline's error changes around
Positions = tuple[NDArray[np.float32], NDArray[np.float32]]
View = tuple[Grey, NDArray[np.float32]]  # input (rows, columns), truth (K, rows, columns) in [0, 1]


def augmented(
    frame: TrainingFrame,
    config: PreprocessingConfig,
    rng: np.random.Generator,
    how: Augmentation,
    other: TrainingFrame | None = None,
) -> View:
    """One random view of `frame`, by chance with a wedge of `other` in it."""
    view = _seen(frame, config, rng, how)
    if other is not None and rng.random() < how.wedge_chance:
        view = with_wedge(view, _seen(other, config, rng, how), config, rng)
    return view


def with_wedge(view: View, other: View, config: PreprocessingConfig, rng: np.random.Generator) -> View:
    """`view` with a sector about the catheter, of random place and width, taken from `other`."""
    rows, cols = unit_positions(config)
    off_axis = np.abs((np.degrees(np.arctan2(rows, cols)) - rng.uniform(0, 360) + 180.0) % 360.0 - 180.0)
    wedge = off_axis < rng.uniform(*WEDGE_DEG) / 2
    return np.where(wedge, other[0], view[0]), np.where(wedge, other[1], view[1])


def _seen(frame: TrainingFrame, config: PreprocessingConfig, rng: np.random.Generator, how: Augmentation) -> View:
    rows, cols = _moved_positions(frame, config, rng, how)
    source = _with_ruler_painted_out(frame, rng) if rng.random() < how.ruler_chance else frame.grey
    grey = _read_coarsely(source, rows, cols, _coarseness(frame, rng, how), averaged=bool(rng.random() < 0.5))
    planes = cv2.remap(frame.planes, cols, rows, cv2.INTER_LINEAR)
    planes = planes.reshape(*grey.shape, -1)  # OpenCV drops the axis of a single plane
    truth = planes.transpose(2, 0, 1).astype(np.float32) / 255.0
    row, col = rows - frame.centre[0], cols - frame.centre[1]
    if len(truth) == len(CLASS_NAMES) and rng.random() < how.blood_chance:  # the first plane is the lumen
        grey = clouded(grey, truth[0], row, col, rng)
    if rng.random() < how.shadow_chance:
        grey = shadowed(grey, row, col, rng)
    grey = relit(grey, rng, how)
    if rng.random() < how.dim_chance:
        grey = dimmed(grey, np.hypot(row, col) / frame.px_per_mm, rng.uniform(0, how.dim_per_mm))
    if rng.random() < how.floor_chance:
        grey = with_floor(grey, rng)
    if rng.random() < how.black_chance:
        grey = lifted(grey, rng.uniform(0, how.black_level))
    return grey, truth


def _coarseness(frame: TrainingFrame, rng: np.random.Generator, how: Augmentation) -> float:
    """How many of the frame's pixels a pixel of the view is wide, 1 or more."""
    if rng.random() >= how.coarse_chance:
        return 1.0
    return max(1.0, float(np.exp(rng.uniform(*np.log(how.pixel_um)))) * frame.px_per_mm / 1000.0)


def _read_coarsely(
    grey: Grey, rows: NDArray[np.float32], cols: NDArray[np.float32], coarseness: float, *, averaged: bool
) -> Grey:
    """Grey (H, W) read at positions (rows, columns) of it, through pixels `coarseness` times as wide.

    averaged: over those pixels, or read at their middles, which keeps the speckle as strong as a console may show it.
    """
    if coarseness > 1.05:
        size = (round(grey.shape[1] / coarseness), round(grey.shape[0] / coarseness))
        scale_row, scale_col = size[1] / grey.shape[0], size[0] / grey.shape[1]
        way = cv2.INTER_AREA if averaged else cv2.INTER_LINEAR
        grey = np.asarray(cv2.resize(grey, size, interpolation=way), np.uint8)
        rows = (rows + np.float32(0.5)) * np.float32(scale_row) - np.float32(0.5)
        cols = (cols + np.float32(0.5)) * np.float32(scale_col) - np.float32(0.5)
    return np.asarray(cv2.remap(grey, cols, rows, cv2.INTER_LINEAR), np.uint8)


def _moved_positions(
    frame: TrainingFrame, config: PreprocessingConfig, rng: np.random.Generator, how: Augmentation
) -> Positions:
    """Row and column in the frame of the input's positions (rows, columns), turned, mirrored, zoomed and shifted."""
    turn = rng.uniform(0, 2 * np.pi) if how.turn else 0.0
    mirror = rng.choice((-1.0, 1.0)) if how.mirror else 1.0
    is_near = rng.random() < how.near_chance
    is_along = is_near and config.second_look == "along_lumen" and frame.lumen_plane is not None
    before_mm = rng.uniform(*how.before_mm) if is_along else 0.0
    if is_near:
        behind_px = rng.uniform(*how.near_mm) * frame.px_per_mm
        reach = min(frame.lumen_reach_px + behind_px, frame.reach_px * how.zoom[1])
    else:
        reach = frame.reach_px * np.exp(rng.uniform(*np.log(how.zoom)))
    shift = rng.normal(0.0, how.offset / 2, 2).clip(-how.offset, how.offset) * frame.reach_px
    place = _Placing((frame.centre[0] + shift[0], frame.centre[1] + shift[1]), turn, mirror)
    row, col = unit_positions(config)
    if is_along:
        off_mm = _wave(rng, how, config.rays) - before_mm
        starts = starts_of(_lumen_px(frame, place, config), off_mm * frame.px_per_mm)
        row, col = positions_behind(starts, before_mm * frame.px_per_mm + behind_px, config)
        return place.in_frame(row, col)
    return place.in_frame(row * reach, col * reach)


@dataclass(frozen=True)
class _Placing:
    """How the catheter's place in a view lies in the frame: its centre (row, col), turned, then mirrored."""

    centre: tuple[float, float]
    turn: float
    mirror: float

    def in_frame(self, row: Places, col: Places) -> Positions:
        """Row and column in the frame of offsets about the view's centre, all in pixels of the frame."""
        sin, cos = np.sin(self.turn), np.cos(self.turn)
        rows = self.centre[0] + cos * self.mirror * row + sin * col
        cols = self.centre[1] - sin * self.mirror * row + cos * col
        return rows.astype(np.float32), cols.astype(np.float32)


def _lumen_px(frame: TrainingFrame, place: _Placing, config: PreprocessingConfig) -> NDArray[np.float64]:
    """How far the lumen goes along each ray of a view, (rays,) in pixels of the frame."""
    reach = frame.reach_px * LUMEN_REACH
    rows, cols = place.in_frame(*(offset[config.one_turn] * reach for offset in unit_positions(config)))
    lumen = cv2.remap(np.ascontiguousarray(frame.planes[..., frame.lumen_plane]), cols, rows, cv2.INTER_LINEAR)
    return np.asarray((lumen > 127).sum(axis=1) * (reach / config.size[1]))


def _wave(rng: np.random.Generator, how: Augmentation, rays: int) -> NDArray[np.float64]:
    """(rays,) mm by which the lumen's outline is thought to be found elsewhere than it is, slowly around."""
    wave = gaussian_filter1d(rng.standard_normal(rays), rng.uniform(*WAVE_RAYS), mode="wrap")
    return np.asarray(wave * rng.uniform(0, how.lumen_off_mm) / max(float(wave.std()), 1e-6))


def _with_ruler_painted_out(frame: TrainingFrame, rng: np.random.Generator) -> Grey:
    """Grey levels (H, W) with dots along a random line through the catheter taken out as a ruler's are."""
    marks = np.zeros(frame.grey.shape, np.uint8)
    angle, pitch = rng.uniform(0, 2 * np.pi), rng.uniform(*RULER_PITCH) * frame.reach_px
    radius = max(1, round(RULER_DOT * frame.reach_px))
    for number in range(-int(frame.reach_px / pitch), int(frame.reach_px / pitch) + 1):
        row, col = np.asarray(frame.centre) + number * pitch * np.array([np.sin(angle), np.cos(angle)])
        cv2.circle(marks, (round(col), round(row)), radius, 1, -1)
    return paint_out(frame.grey, marks > 0)
