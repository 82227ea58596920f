"""A training frame seen anew: turned, mirrored, zoomed and shifted about the catheter, its grey levels changed.

Geometry and sampling are one step: the positions of the network's input are moved about in the frame and read once.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.preprocessing import PreprocessingConfig, unit_positions
from train.dataset import TrainingFrame

ZOOM = (0.6, 1.45)  # how far the input reaches, as a part of the disc
OFFSET = 0.08  # of the reach; the catheter is found to a few pixels only
GAMMA = (0.6, 1.6)
GAIN = (0.8, 1.25)
MAX_BLUR_PX = 1.3
MAX_NOISE = 0.25  # standard deviation of the multiplied speckle
SHADOW_CHANCE = 0.15
SHADOW_DEG = (8.0, 40.0)


def augmented(
    frame: TrainingFrame, config: PreprocessingConfig, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Input (rows, columns) and truth (K, rows, columns) in [0, 1], by one random view of `frame`."""
    rows, cols = _moved_positions(frame, config, rng)
    grey = np.asarray(cv2.remap(frame.grey, cols, rows, cv2.INTER_LINEAR), np.uint8)
    planes = cv2.remap(frame.planes, cols, rows, cv2.INTER_LINEAR)
    if rng.random() < SHADOW_CHANCE:
        grey = _shadowed(grey, rows - frame.centre[0], cols - frame.centre[1], rng)
    planes = planes.reshape(*grey.shape, -1)  # OpenCV drops the axis of a single plane
    return _relit(grey, rng), planes.transpose(2, 0, 1).astype(np.float32) / 255.0


def _moved_positions(
    frame: TrainingFrame, config: PreprocessingConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positions of the input in the frame, after a random turn, mirror, zoom and shift."""
    row, col = unit_positions(config)
    turn, mirror = rng.uniform(0, 2 * np.pi), rng.choice((-1.0, 1.0))
    reach = frame.reach_px * np.exp(rng.uniform(*np.log(ZOOM)))
    shift = rng.normal(0.0, OFFSET / 2, 2).clip(-OFFSET, OFFSET) * frame.reach_px
    sin, cos = np.sin(turn) * reach, np.cos(turn) * reach
    rows = frame.centre[0] + shift[0] + cos * mirror * row + sin * col
    cols = frame.centre[1] + shift[1] - sin * mirror * row + cos * col
    return rows.astype(np.float32), cols.astype(np.float32)


def _shadowed(
    grey: NDArray[np.uint8], row: NDArray[np.float32], col: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A guide wire's shadow: one sector about the catheter, dark beyond a random depth."""
    angle = np.degrees(np.arctan2(row, col))
    half = rng.uniform(*SHADOW_DEG) / 2
    off_axis = np.abs((angle - rng.uniform(-180, 180) + 180.0) % 360.0 - 180.0)
    radius = np.hypot(row, col)
    dark = (off_axis < half) & (radius > radius.max() * rng.uniform(0.15, 0.35))
    return np.where(dark, grey * rng.uniform(0.05, 0.3), grey).astype(np.uint8)


def _relit(grey: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gamma, gain and offset, resolution, and speckle, each at random."""
    level = np.arange(256) / 255.0
    gamma = np.exp(rng.uniform(*np.log(GAMMA)))
    curve = level**gamma * rng.uniform(*GAIN) + rng.uniform(-0.03, 0.05) * (level > 0)
    relit = np.asarray(cv2.LUT(grey, np.rint(curve.clip(0, 1) * 255).astype(np.uint8)), np.uint8)
    if rng.random() < 0.4:
        relit = np.asarray(cv2.GaussianBlur(relit, (0, 0), rng.uniform(0.3, MAX_BLUR_PX)), np.uint8)
    if rng.random() < 0.4:
        speckle = 1.0 + rng.uniform(0, MAX_NOISE) * rng.standard_normal(grey.shape, np.float32)
        relit = (relit * speckle).clip(0, 255).astype(np.uint8)
    return relit
