"""Figures over frames, as metrics.json and comparison.json hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

from octseg.comparison.overlap import Overlap, mean
from octseg.comparison.surfaces import TOLERANCE_MM, SurfaceScore


def outline_figures(name: str, together: Overlap, surfaces: Sequence[SurfaceScore]) -> dict[str, Any]:
    """Of a class: precision and recall over all pixels, distances of outlines as means over frames."""
    return {
        "precision": together.precision,
        "recall": together.recall,
        "nsd": mean([each.nsd for each in surfaces]),
        "nsd_tolerance_mm": TOLERANCE_MM[name],
        "hd95_mm": mean([each.hd95_mm for each in surfaces]),
        "assd_mm": mean([each.assd_mm for each in surfaces]),
        "n_outlines": len(surfaces),
    }


def kappa_words(told: Mapping[str, Any]) -> str:
    """Kappa of what is there or not, with its 95 % interval; `kappa_note` says why there is none."""
    if told["kappa"] is None:
        return "not defined"
    interval = told["kappa_95"]
    within = "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"
    return f"{told['kappa']:.2f}{within}"


def rounded(value: Any, digits: int) -> Any:
    """So many digits after the point, also within lists and mappings."""
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, Mapping):
        return {key: rounded(each, digits) for key, each in value.items()}
    return [rounded(each, digits) for each in value] if isinstance(value, list) else value
