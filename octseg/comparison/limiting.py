"""Lipid core to the depth that counts, in each of two readings: behind its own lumen, or the other's where it has none.

Planes are (H, W) bool by class name.
"""

from collections.abc import Mapping

from octseg.comparison.overlap import Mask
from octseg.measurement.depth import visible_lipid

LIPID, LUMEN = "lipid_core", "lumen"
Planes = Mapping[str, Mask]


def lumen_of(planes: Planes, others: Planes) -> Mask | None:
    """(H, W) the lumen of one reading, or the other's where it has none; None where neither has any."""
    lumens = [each[LUMEN] for each in (planes, others) if LUMEN in each]
    return next((lumen for lumen in lumens if lumen.any()), None)


def to_depth(planes: Planes, others: Planes, depth_px: float) -> dict[str, Mask]:
    """Planes with lipid core cut at `depth_px` behind the lumen; all of it where neither reading has a lumen."""
    lumen = lumen_of(planes, others)
    if LIPID not in planes or lumen is None:
        return dict(planes)
    return {**planes, LIPID: visible_lipid(planes[LIPID], lumen, depth_px)}
