"""What of a frame stays when it is turned, mirrored, cropped or drawn at another size: a map of its speckle.

The frame is sampled on rings about the disc's middle, each ring by a fixed factor wider than the one before. How strong
the ring's brightness varies how many times around is the same however the frame is turned or mirrored, and another size
moves the map by some rings. Two frames are compared ring by ring over a window that both show, at each such move.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from octseg.view.catheter import find_sheath
from octseg.view.disc import above_ground, find_disc

Floats = NDArray[np.float32]

WORK_PX = 384  # longer side at which a frame is sampled
RINGS = 86
REACH = (0.18, 0.98)  # first and last ring, of the disc's radius; within lies the catheter, alike in all frames
WINDOW = 59  # rings that are compared: they reach 3.2 times as far out as in
MOVES = RINGS - WINDOW + 1  # each by 2 %, so up to 1.7 times
ANGLES = 256
FREQUENCIES = slice(2, 32)  # periods around a ring; fewer are the vessel's shape, more are lost in a JPEG
COUNT = FREQUENCIES.stop - FREQUENCIES.start
FINE = (5.0, 3.0)  # angles and rings by which coarse structure is taken away, as (angle, ring)
SPREAD_FLOOR = 6.0  # grey levels; weaker structure is coding
AROUND = (6.0, 4.0)  # frequencies and rings over which strength is evened out
WRAP = 32  # angles repeated at either side, for filters that know no circle
LIT_LEVEL, LEAST_PX = 8, 16  # above the ground; rows and columns of a part that is looked at by itself
EDGE_PX = 2.0  # of the frame's edges, at the work's size: they would be what two frames have in common
EMPTY = 0.3  # strength below which nothing is imaged there
LENGTH = 256  # of a window's shorter form, by a fixed random projection
CANDIDATE, SAME = 0.45, 0.6  # similarity of short forms from which windows are compared, and of windows from which two
# frames count as one (tests/benchmarks/report_duplicates.py)
BLOCK_VALUES = 1 << 24  # similarities held at a time


def ring_map(grey: NDArray[np.uint8]) -> Floats:
    """(RINGS, COUNT) of a frame's grey levels (H, W): strength by ring and periods around it, less what is usual there.

    0 where nothing is imaged.
    """
    grey = _lit(grey)
    centre, radius = _middle(grey)
    levels, imaged = (_around(plane) for plane in _on_rings(grey, centre, radius))
    wide = (2 * FINE[0], 2 * FINE[1])
    coarse = _blurred(levels * imaged, FINE) / np.maximum(_blurred(imaged, FINE), 1e-3)
    fine = np.asarray((levels - coarse) * imaged, np.float32)
    variance = _blurred(fine * fine, wide) / np.maximum(_blurred(imaged, wide), 1e-3)
    even = np.clip(fine / (np.sqrt(variance) + SPREAD_FLOOR), -3.0, 3.0)[:, WRAP:-WRAP]
    strength = np.sqrt(np.abs(np.fft.rfft(even, axis=1))[:, FREQUENCIES]).astype(np.float32)
    usual = _blurred(strength, AROUND)
    return np.where(usual > EMPTY, strength / np.maximum(usual, EMPTY) - 1.0, 0.0).astype(np.float32)


def alike(maps: NDArray[np.int8], groups: NDArray[np.int64]) -> dict[tuple[int, int], float]:
    """Pairs (first, second) of frames of different groups that show the same, and their similarity up to 1.

    maps: (N, RINGS, COUNT), at any scale each. groups: (N,).
    """
    if len(np.unique(groups)) < 2:
        return {}
    short = _short(maps[:, None, :WINDOW])[:, 0]  # (N, LENGTH)
    block = max(1, BLOCK_VALUES // (len(maps) * MOVES))
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(maps), block):
        moved = _short(_windows(maps[start : start + block]))  # (block, MOVES, LENGTH)
        similar = (moved.reshape(-1, LENGTH) @ short.T).reshape(len(moved), MOVES, -1).max(axis=1)
        for row, other in np.argwhere(similar >= CANDIDATE):
            pair = (min(start + int(row), int(other)), max(start + int(row), int(other)))
            if groups[pair[0]] != groups[pair[1]] and pair not in found:
                found[pair] = similarity(maps[pair[0]], maps[pair[1]])
    return {pair: value for pair, value in found.items() if value >= SAME}


def similarity(first: NDArray[np.int8], second: NDArray[np.int8]) -> float:
    """How alike two maps (RINGS, COUNT) are, up to 1, at the move of one against the other where they are most."""
    windows = [_unit(_windows(each[None])[0].reshape(MOVES, -1).astype(np.float32)) for each in (first, second)]
    return float(max((windows[0] @ windows[1][0]).max(), (windows[1] @ windows[0][0]).max()))


def _lit(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of a picture (H, W) that holds more than ground."""
    above = above_ground(grey)
    rows, cols = (np.flatnonzero(above.max(axis=axis) > LIT_LEVEL) for axis in (1, 0))
    if rows.size < LEAST_PX or cols.size < LEAST_PX:
        return grey
    return np.ascontiguousarray(grey[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1])


def _middle(grey: NDArray[np.uint8]) -> tuple[tuple[float, float], float]:
    """Middle (row, col) and radius in pixels of the disc; of a frame cut out of it the catheter and half its side."""
    disc = find_disc(grey)
    if disc is not None:
        return disc.centre, disc.radius_px
    sheath = find_sheath(grey)
    height, width = grey.shape
    return ((height - 1) / 2, (width - 1) / 2) if sheath is None else sheath.centre, max(height, width) / 2


def _on_rings(grey: NDArray[np.uint8], centre: tuple[float, float], radius_px: float) -> tuple[Floats, Floats]:
    """(RINGS, ANGLES) levels on rings about a point, and 1 where they lie within the frame and 0 beyond."""
    scale = WORK_PX / 2 / radius_px
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=kind), np.float32)
    row, col = ((place + 0.5) * scale - 0.5 for place in centre)
    reach = WORK_PX / 2 * np.geomspace(*REACH, RINGS)[:, None]
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    cols, rows = (col + reach * np.cos(angle)).astype(np.float32), (row + reach * np.sin(angle)).astype(np.float32)
    height, width = small.shape
    within = (rows > EDGE_PX) & (rows < height - 1 - EDGE_PX) & (cols > EDGE_PX) & (cols < width - 1 - EDGE_PX)
    levels = cv2.remap(small, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(levels, np.float32), within.astype(np.float32)


def _around(plane: Floats) -> Floats:
    """(RINGS, ANGLES) with WRAP angles repeated at either side."""
    return np.concatenate([plane[:, -WRAP:], plane, plane[:, :WRAP]], axis=1)


def _blurred(plane: Floats, sigmas: tuple[float, float]) -> Floats:
    return np.asarray(
        cv2.GaussianBlur(plane, (0, 0), sigmaX=sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REFLECT)
    )


def _windows(maps: NDArray[np.int8]) -> NDArray[np.int8]:
    """(N, MOVES, WINDOW, COUNT) of maps (N, RINGS, COUNT)."""
    return np.stack([maps[:, move : move + WINDOW] for move in range(MOVES)], axis=1)


def _short(windows: NDArray[np.int8]) -> Floats:
    """(N, moves, LENGTH) of length 1, of windows (N, moves, WINDOW, COUNT)."""
    return _unit(windows.reshape(*windows.shape[:2], -1).astype(np.float32) @ _projection())


def _unit(vectors: Floats) -> Floats:
    """Vectors (..., n) of length 1, or 0 where nothing was imaged."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6), np.float32)


@lru_cache(maxsize=1)
def _projection() -> Floats:
    """(WINDOW x COUNT, LENGTH), the same each time."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (WINDOW * COUNT, LENGTH))
