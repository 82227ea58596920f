"""The lipid cores of a frame one by one: a core is an arc about the lumen's centroid, with all lipid on its rays.

Points are (row, col) in pixels. Angles are degrees in [0, 360), 0 towards +col and growing towards +row, so clockwise
on screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octseg.measurement.geometry import Tissue, twice_signed_area
from octseg.measurement.lipid import N_RAYS, Arc


@dataclass(frozen=True, kw_only=True)
class CoreMeasures:
    """Every number of one lipid core; the unit is the end of the name, None what cannot be measured.

    start_deg, arc_deg: its first ray from the lumen's centroid and how far it spans from there, clockwise.
    area_*: of all lipid on its rays; specks are no core's. Lipid too thin for an arc is the nearest core's.
    fibrous_cap_thickness_*: from the lumen to the nearest lipid, along this arc alone.
    meets_tcfa_criteria: this core spans over 90 degrees under a cap thinner than 65 um; `tcfa_*_margin_*` are its
        values minus these thresholds.
    """

    start_deg: float
    arc_deg: float
    area_px: float
    area_mm2: float | None = None
    fibrous_cap_thickness_min_um: float | None = None
    fibrous_cap_thickness_mean_um: float | None = None
    meets_tcfa_criteria: bool | None = None
    tcfa_cap_margin_um: float | None = None
    tcfa_arc_margin_deg: float


def core_areas_px(
    lipid: Tissue, is_core: NDArray[np.bool_], arcs: Sequence[Arc], centre: tuple[float, float]
) -> list[float]:
    """Area of the lipid of each arc: pixels of a mask, else the area inside the iso-contour.

    is_core: by number in `lipid.pieces`, which of its connected pieces are more than specks.
    """
    if lipid.is_mask:
        points = np.argwhere(is_core[lipid.pieces[0]]).astype(np.float64) + lipid.corner
        areas = np.ones(len(points))
    else:  # of the triangles between the centre and the outline, negative where the lipid lies behind it
        outline = lipid.outline.part(is_core[lipid.outline.piece])
        points = (outline.start + outline.end) / 2
        areas = twice_signed_area(outline, centre) / 2
    row, col = (points - centre).T
    ray = np.rint(np.degrees(np.arctan2(row, col)) * N_RAYS / 360).astype(np.intp) % N_RAYS
    return [float(area) for area in np.bincount(_nearest_arc(arcs)[ray], areas, len(arcs))]


def pieces_holding(lipid: Tissue, surface: Tissue, is_core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By number in `lipid.pieces`, which hold a piece of its smooth `surface` that `is_core`."""
    labels, pixels = lipid.pieces
    if pixels.size == 1:
        return np.array([False, is_core.any()])
    holding = np.zeros(pixels.size + 1, bool)
    holding[labels[is_core[surface.pieces[0]]]] = True
    holding[0] = False
    return holding


def _nearest_arc(arcs: Sequence[Arc]) -> NDArray[np.intp]:
    """(N_RAYS,) which arc each ray lies in, or else is nearest to."""
    middle, half = np.array([(arc.start_deg + (arc.extent_deg - 1) / 2, arc.extent_deg / 2) for arc in arcs]).T
    turn = np.abs((np.arange(N_RAYS)[:, None] - middle + 180) % 360 - 180)
    return np.asarray(np.argmin(turn - half, axis=1), np.intp)
