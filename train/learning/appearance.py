"""Grey levels as another scanner, palette or vessel would show them. Inputs are (H, W) uint8, rows by columns.

row, col: each position's place about the catheter, in pixels of the frame.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from train.learning.recipe import Augmentation

Grey = NDArray[np.uint8]
Places = NDArray[np.float32]

OFFSET = (-0.03, 0.05)  # of the levels that are not black
MAX_BLUR_PX = 1.3
MAX_NOISE = 0.25  # standard deviation of the multiplied speckle
SHADOW_DEG = (8.0, 40.0)
TONE_POINTS = 4  # between black and white
TONE_SPREAD = 0.08
FLOOR_GREY = (4.0, 16.0)  # mean of the noise where nothing comes back
DIM_FROM_MM = 0.5  # from the catheter's axis: its own wall
BLOOD_GREY = (30.0, 120.0)
BLOOD_DIMMING = (0.2, 0.6)  # most that blood takes from the light behind it
BLOOD_CELLS = 6  # coarseness of its clouds, along either side


def shadowed(grey: Grey, row: Places, col: Places, rng: np.random.Generator) -> Grey:
    """(H, W) with a guide wire's shadow: one sector about the catheter, dark beyond a random depth."""
    angle = np.degrees(np.arctan2(row, col))
    half = rng.uniform(*SHADOW_DEG) / 2
    off_axis = np.abs((angle - rng.uniform(-180, 180) + 180.0) % 360.0 - 180.0)
    radius = np.hypot(row, col)
    dark = (off_axis < half) & (radius > radius.max() * rng.uniform(0.15, 0.35))
    return np.asarray(np.where(dark, grey * rng.uniform(0.05, 0.3), grey), np.uint8)


def clouded(grey: Grey, lumen: NDArray[np.float32], row: Places, col: Places, rng: np.random.Generator) -> Grey:
    """(H, W) with blood left in the lumen (H, W) in [0, 1]: speckled clouds there, less light on what lies behind."""
    cells = rng.random((BLOOD_CELLS, BLOOD_CELLS), np.float32)
    cloud = cv2.resize(cells, grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
    speckle = rng.rayleigh(0.8, grey.shape).astype(np.float32)
    blood = (cloud - 0.4).clip(0, 1) * lumen * rng.uniform(*BLOOD_GREY) * speckle
    around = rng.random(8)
    angle = np.arctan2(row, col)
    loss = np.interp(angle, np.linspace(-np.pi, np.pi, 9), [*around, around[0]]) * rng.uniform(*BLOOD_DIMMING)
    return np.asarray((grey * (1.0 - loss * (1.0 - lumen)) + blood).clip(0, 255), np.uint8)


def dimmed(grey: Grey, radius_mm: NDArray[np.float32], per_mm: float) -> Grey:
    """(H, W) levels, which are decibels, that fall by `per_mm` behind the catheter, as in a large vessel.

    radius_mm: (H, W) from the catheter's axis.
    """
    loss = per_mm * np.maximum(radius_mm - DIM_FROM_MM, 0)
    return np.asarray(np.maximum(grey - loss, 0), np.uint8)


def with_floor(grey: Grey, rng: np.random.Generator) -> Grey:
    """(H, W) with the instrument's noise where it is brighter than what came back, behind the rim too."""
    noise = rng.standard_exponential(grey.shape, np.float32) * np.float32(rng.uniform(*FLOOR_GREY))
    return np.asarray(np.maximum(grey, cv2.GaussianBlur(noise, (0, 0), 0.6).clip(0, 255)), np.uint8)


def lifted(grey: Grey, level: float) -> Grey:
    """(H, W) levels from `level` up: black that is not 0."""
    return np.asarray(level + grey.astype(np.float32) * (1.0 - level / 255.0), np.uint8)


def relit(grey: Grey, rng: np.random.Generator, how: Augmentation) -> Grey:
    """(H, W) with gamma, gain, cut of the dB range, grey map, resolution, and speckle, each at random."""
    curve = np.rint(tone_curve(rng, how) * 255).astype(np.uint8)
    lit = np.asarray(cv2.LUT(grey, curve), np.uint8)
    if rng.random() < how.blur_chance:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.3, MAX_BLUR_PX)), np.uint8)
    if rng.random() < how.speckle_chance:
        speckle = 1.0 + rng.uniform(0, MAX_NOISE) * rng.standard_normal(grey.shape, np.float32)
        lit = (lit * speckle).clip(0, 255).astype(np.uint8)
    return lit


def tone_curve(rng: np.random.Generator, how: Augmentation) -> NDArray[np.float64]:
    """(256,) what each level becomes, in [0, 1]; black, which is no tissue, stays black."""
    level = np.arange(256) / 255.0
    low, high = rng.uniform(0, how.range_cut, 2)
    shown = ((level - low) / (1.0 - low - high)).clip(0, 1)  # displayed levels are decibels
    if rng.random() < how.tone_chance:
        points = np.linspace(0, 1, TONE_POINTS + 2)
        moved = points + np.pad(rng.normal(0, TONE_SPREAD, TONE_POINTS), 1)
        shown = np.interp(shown, points, np.maximum.accumulate(moved).clip(0, 1))
    lit = shown ** np.exp(rng.uniform(*np.log(how.gamma))) * rng.uniform(*how.gain)
    offset = rng.uniform(*OFFSET) if how.gain[0] < how.gain[1] else 0.0
    return np.asarray((lit + offset * (level > 0)).clip(0, 1))
