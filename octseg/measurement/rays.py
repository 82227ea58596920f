"""What each ray from the lumen's centroid meets in one frame: lipid, cap, the wall, or nothing that can be judged.

Ray k of N_RAYS points to k degrees, 0 towards +col and growing towards +row. Small enough that the rays of a whole
pullback are kept where its masks are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from octseg.measurement.cap import RAYS_PER_DEG, trimmed
from octseg.measurement.cores import Cores
from octseg.measurement.lipid import N_RAYS

JUDGED, GUIDE_WIRE, NO_WALL, OUT_OF_DISC, WITHDRAWN = range(5)
REASONS = ("guide_wire", "no_wall", "out_of_disc", "withdrawn")  # of codes 1 to 4
MOST_UM = 20_000.0  # that is read of a cap, and of the lumen's distance from its centroid
CAP_STEP_UM = 0.1  # to which thicknesses are kept, so that they are the same once a record of them was read

Rays = NDArray[np.bool_]  # (N_RAYS,)


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameRays:
    """(N_RAYS,) each.

    lipid: True in an arc of lipid core, gaps closed as in `lipid_arc_deg`. cap_um: float32, from the lumen to the
    nearest lipid, NaN where there is none to measure. wall_um: float32, from the centroid to the lumen's outline, NaN
    without a scale. unjudged: uint8, JUDGED or why a ray cannot be judged, as in REASONS.
    """

    lipid: Rays
    cap_um: NDArray[np.float32]
    wall_um: NDArray[np.float32]
    unjudged: NDArray[np.uint8]

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON: its line of the unrolled wall, and that of its caps."""
        return {"rows": map_row(self.lipid, self.unjudged), "fibrous_caps": cap_row(self.cap_um, self.wall_um)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The rays of which `to_record` gave the record."""
        return cls.from_rows(record["rows"], record["fibrous_caps"])

    @classmethod
    def from_rows(cls, row: Sequence[Any], caps: Sequence[Any]) -> Self:
        """The rays of which `map_row` and `cap_row` gave the lines; no wall but where there is a cap.

        Raises ValueError, TypeError or IndexError where they are none.
        """
        lipid, *by_reason = map(_checked_rays, row)
        unjudged = np.zeros(N_RAYS, np.uint8)
        for code, of_reason in zip(range(1, len(REASONS) + 1), by_reason, strict=True):
            unjudged[of_reason] = code
        runs, thickness_um, wall_um = caps
        has_cap, held = _checked_rays(runs), np.full((2, N_RAYS), np.nan)
        in_um = np.asarray([thickness_um, wall_um])
        if in_um.shape != (2, has_cap.sum()) or in_um.dtype.kind not in "if":
            raise ValueError("not each ray with a cap has one thickness and one distance")
        if not ((in_um >= 0) & (in_um <= MOST_UM)).all():
            raise ValueError("a cap or a lumen is thicker than a vessel, or thinner than nothing")
        held[:, has_cap] = in_um
        cap_um = np.rint(held[0] / CAP_STEP_UM) * CAP_STEP_UM
        return cls(lipid=lipid, cap_um=cap_um.astype(np.float32), wall_um=held[1].astype(np.float32), unjudged=unjudged)


def map_row(lipid: Rays, unjudged: NDArray[np.uint8]) -> list[list[list[int]]]:
    """Runs of rays (N_RAYS,) that meet lipid, then of those not judged, by reason."""
    return [runs_of(lipid), *(runs_of(unjudged == code) for code in range(1, len(REASONS) + 1))]


def cap_row(cap_um: NDArray[np.float32], wall_um: NDArray[np.float32]) -> list[list[Any]]:
    """Runs of rays (N_RAYS,) with a cap; its thickness along each of them; how far the lumen's outline is there."""
    has_cap = ~np.isnan(cap_um)
    tenths = np.rint(cap_um[has_cap].astype(np.float64) / CAP_STEP_UM)
    return [runs_of(has_cap), (tenths / round(1 / CAP_STEP_UM)).tolist(), wall_um[has_cap].astype(int).tolist()]


def runs_of(flags: Rays) -> list[list[int]]:
    """(first, how many) of each run of True from ray 0 on; a run through 0 degrees is two."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [[int(first), int(last - first)] for first, last in changes.reshape(-1, 2)]


def rays_in(runs: Sequence[Sequence[int]]) -> Rays:
    """The rays of runs as `runs_of` gives them."""
    flags = np.zeros(N_RAYS, bool)
    for first, count in runs:
        flags[first : first + count] = True
    return flags


def _checked_rays(runs: Sequence[Sequence[int]]) -> Rays:
    """The rays of runs that were read; ValueError where a run is none."""
    for first, count in runs:
        if not (type(first) is type(count) is int and first >= 0 and count >= 1 and first + count <= N_RAYS):
            raise ValueError(f"there is no run of rays {first}, {count}")
    return rays_in(runs)


def frame_rays(
    cores: Cores | None, wall: NDArray[np.float64], unjudged: NDArray[np.uint8] | None, pixel_spacing_mm: float | None
) -> FrameRays:
    """The rays of one frame; `wall` from `Lumen.wall_px`, `unjudged` from judging.py, None for none."""
    lipid = np.zeros(N_RAYS, bool)
    cap_um = np.full(N_RAYS, np.nan, np.float32)
    for arc in () if cores is None else cores.arcs:
        lipid[(arc.start_deg + np.arange(arc.extent_deg)) % N_RAYS] = True
        if cores is not None and cores.rays is not None and pixel_spacing_mm is not None:
            ray = trimmed(arc)[::RAYS_PER_DEG] // RAYS_PER_DEG
            cap_um[ray] = cores.rays.nearest[ray * RAYS_PER_DEG] * pixel_spacing_mm * 1000
    in_um = np.full(N_RAYS, np.nan) if pixel_spacing_mm is None else wall * pixel_spacing_mm * 1000
    return FrameRays(
        lipid=lipid,
        cap_um=np.asarray(np.rint(cap_um.astype(np.float64) / CAP_STEP_UM) * CAP_STEP_UM, np.float32),
        wall_um=np.asarray(np.rint(in_um), np.float32),
        unjudged=np.zeros(N_RAYS, np.uint8) if unjudged is None else unjudged,
    )
