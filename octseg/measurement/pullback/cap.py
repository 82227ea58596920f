"""The thinnest cap of a stretch, over three frames, and runs of frames that meet the criteria of a thin cap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from octseg.measurement.cap import WINDOW_UM
from octseg.measurement.lipid import N_RAYS
from octseg.measurement.pullback.frames import Along
from octseg.measurement.pullback.plaques import runs

FRAMES_IN_A_ROW = 3


@dataclass(frozen=True)
class ThinnestCap:
    """Smallest median over WINDOW_UM of arc and over three frames; row: of the middle one. ray: in its middle."""

    um: float
    row: int
    ray: int


@dataclass(frozen=True, kw_only=True)
class CandidateRun:
    """Three or more frames in a row in which a core of one plaque meets the criteria of a TCFA.

    fibrous_cap_thickness_min_um, lipid_arc_max_deg: the thinnest cap and the widest arc among those cores.
    unjudged_percent: of the rays of these frames.
    """

    first_frame: int
    last_frame: int
    frame_count: int
    length_mm: float | None
    fibrous_cap_thickness_min_um: float
    lipid_arc_max_deg: float
    unjudged_percent: float


def thinnest_cap(along: Along) -> ThinnestCap | None:
    """The thinnest cap (F, N_RAYS) over rays that can be judged; None where no three frames show one over the window.

    Rays are matched by their angle about each frame's lumen.
    """
    cap = np.where(along.in_sight, along.cap_um, np.float32(np.nan))
    best: ThinnestCap | None = None
    has_cap = np.asarray(np.isfinite(cap), np.bool_)
    shown = np.asarray(has_cap.any(axis=1), np.bool_)
    for row in range(1, len(along) - 1):
        if shown[row - 1 : row + 2].all():
            medians = _medians(cap[row - 1 : row + 2], _window(along.wall_um[row], has_cap[row]))
            if np.isfinite(medians).any() and (best is None or np.nanmin(medians) < best.um):
                ray = int(np.nanargmin(medians))
                best = ThinnestCap(round(float(medians[ray]), 2), row, ray)
    return best


def _window(wall_um: NDArray[np.float32], rays: NDArray[np.bool_]) -> int:
    """How many rays span WINDOW_UM of the lumen's outline, whose distance is `wall_um` (N_RAYS,), where `rays`."""
    between_rays = float(np.median(wall_um[rays])) * 2 * np.pi / N_RAYS
    return min(N_RAYS, round(WINDOW_UM / between_rays) + 1)


def _medians(cap: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """(N_RAYS,) median about each ray over `window` rays of all frames (n, N_RAYS), NaN where one has no cap."""
    before = window // 2
    around = np.concatenate([cap[:, N_RAYS - before :], cap, cap[:, : window - before - 1]], axis=1)
    windows = sliding_window_view(around, window, axis=1)  # (n, N_RAYS, window)
    full = np.isfinite(windows).all(axis=(0, 2))
    medians = np.full(N_RAYS, np.nan, np.float32)
    if full.any():
        medians[full] = np.median(windows[:, full], axis=(0, 2))
    return medians


def candidate_runs(plaque: Along) -> list[CandidateRun]:
    """Those of one plaque, in their order."""
    meets = np.array([any(core.meets_tcfa_criteria for core in cores) for cores in plaque.cores], bool)
    return [_run(plaque, first, last) for first, last in runs(meets) if last - first + 1 >= FRAMES_IN_A_ROW]


def in_order(found: Sequence[CandidateRun]) -> tuple[CandidateRun, ...]:
    """The runs of several plaques along the vessel."""
    return tuple(sorted(found, key=lambda run: (run.first_frame, run.last_frame)))


def _run(plaque: Along, first: int, last: int) -> CandidateRun:
    rows = range(first, last + 1)
    meeting = [core for row in rows for core in plaque.cores[row] if core.meets_tcfa_criteria]
    return CandidateRun(
        first_frame=plaque.first + first,
        last_frame=plaque.first + last,
        frame_count=len(rows),
        length_mm=None if plaque.spacing_mm is None else len(rows) * plaque.spacing_mm,
        fibrous_cap_thickness_min_um=min(core.fibrous_cap_thickness_min_um or 0.0 for core in meeting),
        lipid_arc_max_deg=max(core.arc_deg for core in meeting),
        unjudged_percent=float(100 * (~plaque.in_sight[first : last + 1]).mean()),
    )
