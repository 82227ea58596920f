"""Plaques: lipid cores connected along the vessel.

Two cores are one plaque where some ray meets both, with a gap of no more than MAX_GAP_MM between their frames, and
where in one frame nothing lies between them but rays that cannot be judged, such as the guide wire's shadow.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.cores import CoreMeasures
from octseg.measurement.lipid import N_RAYS
from octseg.measurement.pullback.frames import Along

MAX_GAP_MM = 1.0
ROUNDING = 1e-6


def gap_frames(spacing_mm: float | None) -> int:
    """How many frames without lipid are joined; none where nothing tells how far frames lie apart."""
    return 0 if spacing_mm is None else int(MAX_GAP_MM / spacing_mm + ROUNDING)


def joined(present: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """(F,) flags with gaps of at most `most` frames filled, those at either end left open."""
    filled = present.copy()
    at = np.flatnonzero(present)
    for before, after in pairwise(at):
        filled[before:after] |= after - before - 1 <= most
    return filled


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each run of True, (F,)."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in changes.reshape(-1, 2)]


def plaques_of(along: Along) -> list[Along]:
    """Each plaque by itself, the longest first: its own frames, and in them only its own lipid, cap and cores."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for core, group in _connected(along).items():
        groups.setdefault(group, []).append(core)
    return sorted((_alone(along, cores) for cores in groups.values()), key=lambda plaque: (-len(plaque), plaque.first))


def core_rays(core: CoreMeasures) -> NDArray[np.intp]:
    """The rays that a core spans."""
    return (int(core.start_deg) + np.arange(int(core.arc_deg))) % N_RAYS


def _connected(along: Along) -> dict[tuple[int, int], int]:
    """(row, place in the frame's cores) -> number of its plaque."""
    cores = [(row, place) for row, of_frame in enumerate(along.cores) for place in range(len(of_frame))]
    number = {core: n for n, core in enumerate(cores)}
    parent = list(range(len(cores)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    most = gap_frames(along.spacing_mm)
    seen_at, seen = np.full(N_RAYS, -N_RAYS * len(along), int), np.zeros(N_RAYS, int)  # row and core last seen by a ray
    for row, place in cores:
        rays = core_rays(along.cores[row][place])
        for other in np.unique(seen[rays][row - seen_at[rays] - 1 <= most]):
            parent[root(number[row, place])] = root(int(other))
        if place == len(along.cores[row]) - 1:
            for one, other in _across_shadows(along, row):
                parent[root(number[row, one])] = root(number[row, other])
            for n, core in enumerate(along.cores[row]):
                seen_at[core_rays(core)], seen[core_rays(core)] = row, number[row, n]
    return {core: root(n) for core, n in number.items()}


def _across_shadows(along: Along, row: int) -> Iterator[tuple[int, int]]:
    """Pairs of a frame's cores between which no ray can be judged."""
    order = sorted(range(len(along.cores[row])), key=lambda place: along.cores[row][place].start_deg)
    for place, following in zip(order, order[1:] + order[:1], strict=True):
        end = int(along.cores[row][place].start_deg + along.cores[row][place].arc_deg)
        gap = (int(along.cores[row][following].start_deg) - end) % N_RAYS
        if place != following and not along.in_sight[row, (end + np.arange(gap)) % N_RAYS].any():
            yield place, following


def _alone(along: Along, cores: list[tuple[int, int]]) -> Along:
    """The frames from a plaque's first to its last, with its own cores alone."""
    own: dict[int, list[CoreMeasures]] = {}
    for row, place in cores:
        own.setdefault(row, []).append(along.cores[row][place])
    mine = np.zeros_like(along.lipid)
    areas_px, areas_mm2, arcs = (np.where(along.judged, 0.0, np.nan) for _ in range(3))
    for row, of_frame in own.items():
        mine[row, np.concatenate([core_rays(core) for core in of_frame])] = True
        areas_px[row] = sum(core.area_px for core in of_frame)
        areas_mm2[row] = sum(np.nan if core.area_mm2 is None else core.area_mm2 for core in of_frame)
        arcs[row] = sum(core.arc_deg for core in of_frame)
    known_mm2 = np.where(np.isnan(along.lipid_mm2), np.nan, areas_mm2)
    alone = replace(
        along,
        lipid=along.lipid & mine,
        cap_um=np.where(mine, along.cap_um, np.float32(np.nan)),
        lipid_px=areas_px,
        lipid_mm2=known_mm2,
        arc_deg=arcs,
        cores=tuple(tuple(own.get(row, ())) for row in range(len(along))),
    )
    return alone.part(along.first + min(own), along.first + max(own))
