"""Frames of a drawn pullback, made without any masks: what they hold is known on paper."""

from collections.abc import Sequence

import numpy as np

from octseg.measurement.cores import CoreMeasures
from octseg.measurement.pullback import FrameAlong
from octseg.measurement.rays import FrameRays, rays_in

Core = tuple[int, int]  # first ray and how many
WALL_UM = 1500.0


def frame(
    number: int,
    cores: Sequence[Core] = (),
    *,
    lumen_mm2: float = 7.0,
    area_mm2: float = 1.0,
    cap_um: float | None = 120.0,
    unjudged: dict[int, Sequence[Core]] | None = None,
    **others: object,
) -> FrameAlong:
    """A frame whose cores each have the same area and an even cap; unjudged: code -> runs of rays."""
    lipid, codes = np.zeros(360, bool), np.zeros(360, np.uint8)
    for start, extent in cores:
        lipid[(start + np.arange(extent)) % 360] = True
    for code, runs in (unjudged or {}).items():
        codes[rays_in(runs)] = code
    cap = np.where(lipid & (cap_um is not None), cap_um or 0.0, np.nan).astype(np.float32)
    rays = FrameRays(lipid=lipid, cap_um=cap, wall_um=np.full(360, WALL_UM, np.float32), unjudged=codes)
    given: dict[str, object] = {
        "pixel_spacing_mm": 0.01,
        "lumen_area_px": lumen_mm2 * 1e4,
        "lumen_area_mm2": lumen_mm2,
        "lipid_area_px": area_mm2 * len(cores) * 1e4,
        "lipid_area_mm2": area_mm2 * len(cores),
        "lipid_arc_deg": float(lipid.sum()),
        "cap_min_um": cap_um if cores else None,
        "cores": tuple(core(start, extent, area_mm2, cap_um) for start, extent in cores),
        "rays": rays,
    }
    return FrameAlong(frame=number, **(given | others))  # type: ignore[arg-type]


def core(start: int, extent: int, area_mm2: float, cap_um: float | None) -> CoreMeasures:
    thin = None if cap_um is None else cap_um < 65
    return CoreMeasures(
        start_deg=float(start % 360),
        arc_deg=float(extent),
        area_px=area_mm2 * 1e4,
        area_mm2=area_mm2,
        fibrous_cap_thickness_min_um=cap_um,
        meets_tcfa_criteria=False if extent <= 90 else thin,
        tcfa_arc_margin_deg=extent - 90.0,
    )


def withdrawn(number: int) -> FrameAlong:
    return FrameAlong(frame=number)
